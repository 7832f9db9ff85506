package message_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"outrider/internal/message"
)

func TestHeaderFields(t *testing.T) {
	t.Parallel()
	raw := []byte("Subject: first\r\n part\r\nX-Two: a\r\nx-two:b \r\nEmpty:\r\nNo-Space:v\r\n\r\nbody")
	h := message.Parse(raw, nil).Header()
	if got := h.Get("SUBJECT"); got != "first part" {
		t.Errorf("Get: %q", got)
	}
	if diff := cmp.Diff([]string{"a", "b"}, h.All("X-Two")); diff != "" {
		t.Error(diff)
	}
	if !h.Has("empty") || h.Has("missing") || h.Get("empty") != "" || h.All("missing") != nil {
		t.Error("Has, Get or All of fields without value or of no field")
	}
	if got := string(h.Bytes(h.Fields[0])); got != "Subject: first\r\n part\r\n" {
		t.Errorf("Bytes: %q", got)
	}
	if f := h.Fields[2]; f.Name != "x-two" || f.Key != "x-two" || h.Value(f) != "b" {
		t.Errorf("field %+v", f)
	}
}

func TestMailboxes(t *testing.T) {
	t.Parallel()
	type box = message.Mailbox
	for _, tc := range []struct {
		name, in string
		want     []box
	}{
		{"a name and an address", `Ann Lee <ann@a.example>`, []box{{Name: "Ann Lee", Local: "ann", Domain: "a.example"}}},
		{"an address alone", `ann@a.example`, []box{{Local: "ann", Domain: "a.example"}}},
		{"a quoted name with comma", `"Lee, Ann" <ann@a.example>, bob@b.example`, []box{
			{Name: "Lee, Ann", Local: "ann", Domain: "a.example"}, {Local: "bob", Domain: "b.example"},
		}},
		{"escapes in a quoted name", `"Ann \"Boss\" Lee" <ann@a.example>`, []box{{Name: `Ann "Boss" Lee`, Local: "ann", Domain: "a.example"}}},
		{"a name in a comment", `ann@a.example (Ann Lee)`, []box{{Name: "Ann Lee", Local: "ann", Domain: "a.example"}}},
		{"a comment in angle form", `<ann@a.example> (Ann (Lee))`, []box{{Name: "Ann (Lee)", Local: "ann", Domain: "a.example"}}},
		{"an encoded name", `=?utf-8?Q?Andr=C3=A9?= =?utf-8?Q?_Roy?= <a@a.example>`, []box{{Name: "André Roy", Local: "a", Domain: "a.example"}}},
		{"an encoded name with raw comma", `=?utf-8?Q?Roy, A?= <a@a.example>`, []box{{Name: "Roy, A", Local: "a", Domain: "a.example"}}},
		{"an encoded name in quotes", `"=?utf-8?B?QW5u?=" <a@a.example>`, []box{{Name: "Ann", Local: "a", Domain: "a.example"}}},
		{"an encoded whole address", `=?utf-8?B?QW5uIDxhQGEuZXhhbXBsZT4=?=`, []box{{Name: "Ann", Local: "a", Domain: "a.example", Defect: message.AddressEncoded}}},
		{"a group", `Team: ann@a.example, Bob <bob@b.example>; eve@c.example`, []box{
			{Local: "ann", Domain: "a.example", Group: "Team"},
			{Name: "Bob", Local: "bob", Domain: "b.example", Group: "Team"},
			{Local: "eve", Domain: "c.example"},
		}},
		{"an empty group", `undisclosed-recipients:;`, nil},
		{"an address as name of another", `"ceo@bank.example" <eve@else.example>`, []box{{Name: "ceo@bank.example", Local: "eve", Domain: "else.example"}}},
		{"an address before brackets", `ceo@bank.example <eve@else.example>`, []box{{Name: "ceo@bank.example", Local: "eve", Domain: "else.example"}}},
		{"two brackets", `Ann <a@a.example> <b@b.example>`, []box{{Name: "Ann", Local: "a", Domain: "a.example"}, {Local: "b", Domain: "b.example"}}},
		{"a bracket that does not close", `Ann <a@a.example, b@b.example`, []box{{Name: "Ann", Local: "a", Domain: "a.example"}, {Local: "b", Domain: "b.example"}}},
		{"a quote that does not close", `"Ann <a@a.example>`, []box{{Name: "Ann", Local: "a", Domain: "a.example"}}},
		{"a comment that does not close", `((( <a@a.example>`, []box{{Local: "a", Domain: "a.example"}}},
		{"words before a bare address", `Ann Lee ann@a.example`, []box{{Name: "Ann Lee", Local: "ann", Domain: "a.example"}}},
		{"semicolons as Outlook has them", `a@a.example; b@b.example`, []box{{Local: "a", Domain: "a.example"}, {Local: "b", Domain: "b.example"}}},
		{"a quoted local part", `"a b"@a.example`, []box{{Local: "a b", Domain: "a.example"}}},
		{"a quoted local part in brackets", `X <"a>b"@a.example>`, []box{{Name: "X", Local: "a>b", Domain: "a.example"}}},
		{"a route", `<@x.example,@y.example:a@a.example>`, []box{{Local: "a", Domain: "a.example", Readings: []string{"y.example", "x.example"}, Defect: message.AddressRoute}}},
		{"an address literal", `a@[192.0.2.1], b@[IPv6:2001:db8::1]`, []box{{Local: "a", Domain: "[192.0.2.1]"}, {Local: "b", Domain: "[IPv6:2001:db8::1]"}}},
		{"a domain in capitals and umlauts", `a@BÜCHER.example`, []box{{Local: "a", Domain: "xn--bcher-kva.example"}}},
		{"a name without address", `Ann Lee`, []box{{Name: "Ann Lee"}}},
		{"a local name", `root`, []box{{Local: "root"}}},
		{"empty brackets", `<>`, nil},
		{"nothing but commas", `,,;,`, nil},
		{"Latin-1 without encoding", "Andr\xe9 <a@a.example>", []box{{Name: "André", Local: "a", Domain: "a.example"}}},
		{"a link", `<mailto:a@a.example>`, []box{{Local: "a", Domain: "a.example"}}},
		{"folded", "Ann\r\n <a@a.example>,\r\n\tb@b.example", []box{{Name: "Ann", Local: "a", Domain: "a.example"}, {Local: "b", Domain: "b.example"}}},
		{"address with comment inside", `a(work)@a.example`, []box{{Name: "work", Local: "a", Domain: "a.example"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := message.Parse([]byte("From: "+tc.in+"\r\n\r\n"), nil)
			if diff := cmp.Diff(tc.want, m.Header().Mailboxes("From")); diff != "" {
				t.Errorf("mailboxes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMailboxesOfAllFields(t *testing.T) {
	t.Parallel()
	m := message.Parse([]byte("To: a@a.example\r\nTo: b@b.example\r\n\r\n"), nil)
	var got []string
	for _, box := range m.Header().Mailboxes("to") {
		got = append(got, box.Address())
	}
	if diff := cmp.Diff([]string{"a@a.example", "b@b.example"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestHeaderWriterFoldsAndEncodes(t *testing.T) {
	t.Parallel()
	var w message.HeaderWriter
	long := strings.Repeat("abcdefgh ", 20) + strings.Repeat("x", 2000)
	for _, f := range [][2]string{
		{"X-Plain", "one two"},
		{"X-Long", long},
		{"X-Break", "a\r\nBcc: eve@else.example\x00\rb"},
		{"X-Text", "Grüße aus Köln an alle"},
		{"X-Empty", ""},
	} {
		if err := w.Add(f[0], f[1]); err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.SplitSeq(string(w.Bytes()), "\r\n") {
		if len(line) > 998 || strings.TrimSpace(line) == "" && line != "" {
			t.Errorf("line of %d bytes: %.80q", len(line), line)
		}
	}
	h := message.Parse(append(w.Bytes(), "\r\n"...), nil).Header()
	if got := h.Get("X-Break"); got != "a Bcc: eve@else.example b" || h.Has("Bcc") {
		t.Errorf("X-Break: %q", got)
	}
	if got := h.Text("X-Text"); got != "Grüße aus Köln an alle" {
		t.Errorf("X-Text: %q", got)
	}
	if got := strings.ReplaceAll(h.Get("X-Long"), " ", ""); got != strings.ReplaceAll(long, " ", "") {
		t.Errorf("X-Long: %.200q", got)
	}
	for _, name := range []string{"", "a b", "a:", "x\r\ny", "é", strings.Repeat("n", 77)} {
		if w.Add(name, "v") == nil {
			t.Errorf("name %q was accepted", name)
		}
	}
}

// TestHeaderWriterAddsOneField proves for any value that a reader finds the field
// and no other.
func TestHeaderWriterAddsOneField(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { checkOneField(t, rapid.String().Draw(t, "value")) })
}

func checkOneField(tb rapid.TB, value string) {
	tb.Helper()
	var w message.HeaderWriter
	if err := w.Add("X-Before", "1"); err != nil {
		tb.Fatal(err)
	}
	if err := w.Add("X-Value", value); err != nil {
		tb.Fatal(err)
	}
	if err := w.Add("X-After", "2"); err != nil {
		tb.Fatal(err)
	}
	m := message.Parse(append(w.Bytes(), "\r\nbody\r\n"...), nil)
	var names []string
	for _, f := range m.Header().Fields {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"X-Before", "X-Value", "X-After"}, names); diff != "" {
		tb.Fatalf("fields (-want +got):\n%s\n%q", diff, w.Bytes())
	}
	for _, d := range m.Defects {
		if d.Kind != message.DefectBadWord {
			tb.Fatalf("defect %+v in %q", d, w.Bytes())
		}
	}
	if got := string(m.Root.BodyBytes()); got != "body\r\n" {
		tb.Fatalf("body %q", got)
	}
}
