package ole_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"outrider/internal/attachment/ole"
)

// packedHello is the example of MS-OXRTFCP, 3.2.
const packedHello = "\x2d\x00\x00\x00\x2b\x00\x00\x00LZFu\xf1\xc5\xc7\xa7\x03\x00\x0a\x00rcpg125B2\x0a\xf3 hel\x09\x00 bw\x05\xb0ld}\x0a\x80\x0f\xa0"

const hello = "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"

func TestPackedRTF(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in, want string
		limit          int
		fails          bool
	}{
		{"the example", packedHello, hello, 1000, false},
		{"junk behind it", packedHello + "junk", hello, 1000, false},
		{"stored", "\x11\x00\x00\x00\x05\x00\x00\x00MELA\x00\x00\x00\x00{\\rt}", "{\\rt}", 1000, false},
		{"a wrong checksum", strings.Replace(packedHello, "\xf1", "\xf2", 1), hello, 1000, true},
		{"cut", packedHello[:len(packedHello)-6], strings.TrimSuffix(hello, "d}\r\n"), 1000, true},
		{"a limit", packedHello, hello[:10], 10, true},
		{"something else", strings.Repeat("x", 40), "", 1000, true},
		{"nothing", "", "", 1000, true},
	} {
		got, err := ole.UnpackRTF([]byte(tt.in), tt.limit)
		if string(got) != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}

// message is one with a recipient, a packed body, an attachment and a message in it.
func message() []file {
	inner := "__attach_version1.0_#00000001/__substg1.0_3701000D/"
	return []file{
		{"__properties_version1.0", ""},
		{"__substg1.0_0037001F", wide("outer")},
		{"__substg1.0_10090102", packedHello},
		{"__recip_version1.0_#00000000/__substg1.0_3001001F", wide("Bob")},
		{"__recip_version1.0_#00000000/__substg1.0_39FE001F", wide("bob@b.example")},
		{"__attach_version1.0_#00000000/__substg1.0_3707001F", wide("a.txt")},
		{"__attach_version1.0_#00000000/__substg1.0_37010102", "x"},
		{"__attach_version1.0_#00000002/__substg1.0_370D001F", wide(`\\a.example\d\x.doc`)},
		{inner + "__properties_version1.0", ""},
		{inner + "__substg1.0_0037001F", wide("inner")},
		{inner + "__attach_version1.0_#00000000/__substg1.0_3707001F", wide("b.txt")},
		{"__nameid_version1.0/__substg1.0_00030102", n32(0x8502) + n16(0) + n16(0) + n32(0x851F) + n16(0) + n16(1)},
		{"__substg1.0_8001001F", wide(`\\a.example\s.wav`)},
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	d := ole.Read(build(message()...), ole.DefaultLimits())
	m := d.Mail
	if m == nil || len(m.Attachments) != 2 || m.Subject != "outer" || string(m.RTF) != hello || len(m.Messages) != 1 {
		t.Fatalf("%+v", m)
	}
	if want := []ole.Recipient{{Name: "Bob", Address: "bob@b.example"}}; !slices.Equal(m.Recipients, want) {
		t.Errorf("recipients %v", m.Recipients)
	}
	inner := m.Messages[0]
	if inner.Subject != "inner" || len(inner.Attachments) != 1 || inner.Attachments[0].Name != "b.txt" {
		t.Errorf("inner %+v", inner)
	}
	want := []ole.Action{{Kind: "attachment-link", Target: `\\a.example\d\x.doc`}, {Kind: "reminder-sound", Target: `\\a.example\s.wav`}}
	for _, a := range want {
		if !slices.Contains(d.Actions, a) {
			t.Errorf("no %v in %v", a, d.Actions)
		}
	}
}

func TestABodyWithAWrongChecksumIsNoted(t *testing.T) {
	t.Parallel()
	d := ole.Read(build(file{"__properties_version1.0", ""}, file{"__substg1.0_10090102", strings.Replace(packedHello, "\xf1", "\xf2", 1)}), ole.DefaultLimits())
	if !slices.Contains(d.Notes, ole.BadRTF) || string(d.Mail.RTF) != hello {
		t.Errorf("%q, %v", d.Mail.RTF, d.Notes)
	}
}

// manyMessages is a message that holds as many as a table of one sector can.
func manyMessages() []file {
	files := []file{{"__properties_version1.0", ""}}
	for k := range 6 {
		files = append(files, file{fmt.Sprintf("__attach_version1.0_#%08d/__substg1.0_3701000D/__properties_version1.0", k), ""})
	}
	return files
}

func TestManyMessages(t *testing.T) {
	t.Parallel()
	if d := ole.Read(build(manyMessages()...), ole.DefaultLimits()); len(d.Mail.Messages) != 6 {
		t.Errorf("%d messages", len(d.Mail.Messages))
	}
}

func FuzzUnpackRTF(f *testing.F) {
	f.Add([]byte(packedHello))
	f.Add([]byte("\x11\x00\x00\x00\x05\x00\x00\x00MELA\x00\x00\x00\x00{\\rt}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if out, _ := ole.UnpackRTF(data, 1<<20); len(out) > 9*len(data) {
			t.Errorf("%d bytes from %d", len(out), len(data))
		}
	})
}
