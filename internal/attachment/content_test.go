package attachment_test

import (
	"strings"
	"testing"

	"outrider/internal/attachment"
)

func utf16le(s string) string {
	var b strings.Builder
	for _, c := range s {
		b.WriteByte(byte(c))
		b.WriteByte(byte(c >> 8))
	}
	return b.String()
}

// inner inspects a file and returns the one file in it.
func inner(t *testing.T, in attachment.Input) *attachment.File {
	t.Helper()
	r := attachment.Inspect(t.Context(), in, attachment.DefaultLimits())
	if len(r.Files) != 2 {
		t.Fatalf("%d files, want the input and one in it: %+v", len(r.Files), r.Notes)
	}
	return &r.Files[1]
}

func TestContentOfTextsInFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, data, format, want string }{
		{"a page", "<html><p>caf\xc3\xa9", "html", "<html><p>café"},
		{"a drawing", "<svg xmlns='http://www.w3.org/2000/svg'><a href='http://a.example'/></svg>", "svg", "a.example"},
		{"UTF-16 with its mark", "\xff\xfe" + utf16le("<html><p>Grüße"), "html", "<html><p>Grüße"},
		{"UTF-16 without a mark", utf16le("<html><p>Please sign in to your account"), "html", "<html><p>Please sign in"},
		{"a charset of the page", "<html><meta charset=windows-1251><p>\xcf\xe0\xf0\xee\xeb\xfc", "html", "Пароль"},
		{"a text", "call us now\n", "txt", "call us now\n"},
		{"a card", "BEGIN:VCARD\nFN:Kim\nEND:VCARD\n", "vcf", "FN:Kim"},
		{"a calendar", "BEGIN:VCALENDAR\nVERSION:1.0\nEND:VCALENDAR\n", "ics", "VERSION:1.0"},
		{"no text", "\x00\x01\x02\x03\x04", "unknown", ""},
	} {
		f := inner(t, attachment.Input{Name: "x.gz", Data: gz([]byte(tt.data))})
		if f.Format != tt.format || !strings.Contains(string(f.Content), tt.want) || tt.want == "" && f.Content != nil {
			t.Errorf("%s: %s %q, want %s with %q", tt.name, f.Format, f.Content, tt.format, tt.want)
		}
	}
}

func TestContentKeepsBothEndsOfLongTexts(t *testing.T) {
	t.Parallel()
	long := "first words\n" + strings.Repeat("filler äöü\n", 200_000) + "last words\n"
	r := attachment.Inspect(t.Context(), attachment.Input{Name: "long.txt.gz", Data: gz([]byte(long))}, attachment.DefaultLimits())
	c := string(r.Files[1].Content)
	if len(c) > 256<<10 || !strings.HasPrefix(c, "first words") || !strings.HasSuffix(c, "last words\n") {
		t.Errorf("content of %d bytes begins %.20q", len(c), c)
	}
	if !r.Has(attachment.NoteContent) {
		t.Error("no note tells that the middle is missing")
	}
}

func TestContentOfInputAndPartsIsNotKept(t *testing.T) {
	t.Parallel()
	r := attachment.Inspect(t.Context(), attachment.Input{Name: "a.html", Data: []byte("<html>x")}, attachment.DefaultLimits())
	if r.Files[0].Content != nil {
		t.Error("the input has content, whose reader has it already")
	}
}
