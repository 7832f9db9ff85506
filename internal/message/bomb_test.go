package message_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/message"
)

// bombs are messages that cost other parsers disproportionate time or memory. Their cost
// here is counted.
var bombs = []struct {
	name string
	make func() string
	want []message.DefectKind
}{
	{"24 unclosed levels in 1.3 KB", func() string { return unclosedLevels(24) }, []message.DefectKind{message.DefectUnclosed}},
	{"10,000 unclosed levels", func() string { return unclosedLevels(10_000) }, []message.DefectKind{message.DefectTooDeep}},
	{"10,000 levels with one boundary", func() string {
		return strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 10_000)
	}, []message.DefectKind{message.DefectBoundaryReused, message.DefectTooDeep}},
	{"a million parts", func() string {
		return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n", 1_000_000)
	}, []message.DefectKind{message.DefectTooManyParts}},
	{"10,000 embedded messages in one another", func() string {
		return strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 10_000)
	}, []message.DefectKind{message.DefectTooDeep}},
	{"digests in digests", func() string {
		return strings.Repeat("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n", 5000)
	}, []message.DefectKind{message.DefectTooDeep}},
	{"a line of 10 MB", func() string { return "Subject: x\r\n\r\n" + strings.Repeat("a", 10<<20) }, []message.DefectKind{message.DefectLongLine}},
	{"a header line of 10 MB", func() string { return "Subject: " + strings.Repeat("=?utf-8?Q?", 1<<20) }, []message.DefectKind{message.DefectLongLine}},
	{"a million continuations", func() string { return "Subject: x\r\n" + strings.Repeat(" a\r\n", 1_000_000) }, []message.DefectKind{message.DefectManyHeaders}},
	{"a million blank continuations", func() string { return "Subject: x\r\n" + strings.Repeat(" \r\n", 1_000_000) }, []message.DefectKind{message.DefectBlankFold}},
	{"a million fields", func() string { return strings.Repeat("a:b\r\n", 1_000_000) }, []message.DefectKind{message.DefectManyHeaders}},
	{"a million lines that are no fields", func() string { return "a:b\r\n" + strings.Repeat("junk\r\na:b\r\n", 100_000) }, []message.DefectKind{message.DefectNoColon}},
	{"lines that begin with the boundary", func() string {
		boundary := strings.Repeat("b", 70)
		return "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n\r\n" +
			strings.Repeat("--"+boundary+"x\r\n", 20_000)
	}, []message.DefectKind{message.DefectDelimiterPrefix}},
	{"boundaries that are prefixes of each other", func() string {
		var b strings.Builder
		for i := range 500 {
			name := strings.Repeat("b", i+1)
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n", name, name)
		}
		return b.String() + strings.Repeat("--"+strings.Repeat("b", 600)+"\r\n", 5000)
	}, []message.DefectKind{message.DefectTooDeep}},
	{"100,000 parameters", func() string { return "Content-Type: text/plain" + strings.Repeat("; a=\"b\"", 100_000) + "\r\n\r\n" }, []message.DefectKind{message.DefectManyParameters}},
	{"100,000 sections of a name", func() string {
		return "Content-Type: a/b" + strings.Repeat("; name*1=b", 100_000) + "\r\n\r\n"
	}, []message.DefectKind{message.DefectManyParameters}},
	{"open comments in a media type", func() string { return "Content-Type: " + strings.Repeat("(", 1<<20) + "\r\n\r\n" }, []message.DefectKind{message.DefectBadType}},
	{"parameters without semicolons", func() string {
		return "Content-Type: text/plain" + strings.Repeat(" a=b", 200_000) + "\r\n\r\n"
	}, []message.DefectKind{message.DefectBadParameter}},
	{"second readings in second readings", func() string {
		return strings.Repeat("Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 5000)
	}, []message.DefectKind{message.DefectDuplicateType}},
	{"many parts that want a second reading", func() string {
		part := "--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nSA==SA==\r\n"
		return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat(part, 900)
	}, []message.DefectKind{message.DefectManyReadings}},
	{"messages in base64 in one another", encodedLevels, []message.DefectKind{message.DefectEncodedContainer}},
	{"beginnings of uuencoded files", func() string { return "Subject: x\r\n\r\n" + strings.Repeat("begin 644 a\r\n", 200_000) }, nil},
	{"empty uuencoded files", func() string {
		return "Subject: x\r\n\r\n" + strings.Repeat("begin 644 a\r\n\r\n", 100_000)
	}, nil},
}

func unclosedLevels(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n", i, i)
	}
	return b.String()
}

// encodedLevels embeds messages, each in base64, as deep as 100 KB allow.
func encodedLevels() string {
	msg := "Subject: core\r\n\r\ntext\r\n"
	for len(msg) < 100_000 {
		msg = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(msg))
	}
	return msg
}

func TestParseBombs(t *testing.T) {
	t.Parallel()
	for _, bomb := range bombs {
		t.Run(bomb.name, func(t *testing.T) {
			t.Parallel()
			raw := []byte(bomb.make())
			b := budget.New(budget.Default())
			m := message.Parse(raw, b)
			checkMessage(t, raw, m)
			checkWork(t, raw, m, b)
			for _, kind := range bomb.want {
				if !m.Has(kind) {
					t.Errorf("no defect %s in %v", kind, m.Defects)
				}
			}
			if len(m.Defects) > 200 {
				t.Errorf("%d defects", len(m.Defects))
			}
		})
	}
}

// TestParseKeepsWhatTheBudgetForbids proves that unparsed bytes are in one leaf, that their
// text is read nevertheless, and that the budget records it.
func TestParseKeepsWhatTheBudgetForbids(t *testing.T) {
	t.Parallel()
	limits := budget.Default()
	limits.Of[budget.Parts] = 3
	b := budget.New(limits)
	raw := []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b\r\n\r\nthree\r\n--b\r\n\r\nfour\r\n--b--\r\n")
	m := message.Parse(raw, b)
	checkMessage(t, raw, m)
	last := m.Parts[len(m.Parts)-2]
	if got := strings.Fields(m.Parts[len(m.Parts)-1].Text()); strings.Join(got, " ") != "three four" {
		t.Errorf("text of the rest is %q", got)
	}
	if got := string(last.Decoded()); last.MediaType != "application/octet-stream" || got != "\r\nthree\r\n--b\r\n\r\nfour\r\n--b--\r\n" {
		t.Errorf("last part is %s %q", last.MediaType, got)
	}
	if len(b.Exceeded()) != 1 || b.Exceeded()[0] != budget.Parts {
		t.Errorf("exceeded: %v", b.Exceeded())
	}
}

func TestDecodedStopsAtTheBudget(t *testing.T) {
	t.Parallel()
	limits := budget.Default()
	limits.Of[budget.DecodedBytes] = 100
	b := budget.New(limits)
	raw := []byte("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("QUJD", 100))
	m := message.Parse(raw, b)
	if m.Root.Decoded() != nil || m.Root.Text() != "" || !m.Has(message.DefectDecodedTooLarge) {
		t.Errorf("decoded %d bytes, defects %v", len(m.Root.Decoded()), m.Defects)
	}
	r, err := m.Render(nil, message.Edit{Banner: testBanner})
	if err != nil || len(r.Skipped) > 0 || r.Size() < int64(len(raw)+len(testBanner.Text)) {
		t.Errorf("skipped %q, error %v: the banner is a text of its own", r.Skipped, err)
	}
}

// TestHeaderFloods reads values that are quadratic for naive readers. A regression
// shows as a test that takes minutes instead of milliseconds.
func TestHeaderFloods(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{
		"(", ")", "<", ">", "\"", "\\", ",", ":", "@", "=?", "=?utf-8?Q?", "=?utf-8?Q?a?= ", "a:", "a@b,", "<\"", "(\"", "a <a@b> ", "[", "@[", "a@[", "\"a\"@", "((a)",
	} {
		t.Run(unit, func(t *testing.T) {
			t.Parallel()
			flood := strings.Repeat(unit, 1<<18/len(unit))
			raw := []byte("From: " + flood + "\r\nTo: " + flood + "a@b.example\r\nSubject: " + flood + "\r\nReceived: " + flood +
				"\r\nDate: " + flood + "\r\nContent-Type: " + flood + "\r\nContent-Disposition: attachment; filename=" + flood + "\r\n\r\nbody")
			m := message.Parse(raw, nil)
			checkMessage(t, raw, m)
			if n := len(m.Header().Mailboxes("To")); n > 2000 {
				t.Errorf("%d mailboxes", n)
			}
		})
	}
}
