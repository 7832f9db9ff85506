package message_test

import (
	"testing"

	"outrider/internal/message"
)

func TestDecodeBytes(t *testing.T) {
	t.Parallel()
	le := func(s string) string {
		var b []byte
		for _, c := range s {
			b = append(b, byte(c), byte(c>>8))
		}
		return string(b)
	}
	for _, tt := range []struct{ name, data, charset, want string }{
		{"a mark before what is declared", "\xff\xfe" + le("<p>ä"), "iso-8859-1", "<p>ä"},
		{"a mark of UTF-8", "\xef\xbb\xbf<p>ä", "windows-1252", "<p>ä"},
		{"the transport", "\xe4", "iso-8859-1", "ä"},
		{"the transport before the page", "<meta charset=utf-8>\xe4", "windows-1252", "<meta charset=utf-8>ä"},
		{"the page", "<meta charset=windows-1251>\xe4", "", "<meta charset=windows-1251>д"},
		{"XML", `<?xml version="1.0" encoding="iso-8859-5"?>` + "\xd4", "", `<?xml version="1.0" encoding="iso-8859-5"?>д`},
		{"a page that says UTF-16 and is not", "<meta charset=utf-16><p>\xc3\xa4", "", "<meta charset=utf-16><p>ä"},
		{"UTF-16 that nobody declares", le("<html><p>text"), "", "<html><p>text"},
		{"UTF-16 that the transport declares", le("<html>"), "utf-16", "<html>"},
		{"nothing", "\xe4", "", "ä"},
		{"an unknown charset", "\xc3\xa4", "x-none", "ä"},
	} {
		if got := message.DecodeBytes([]byte(tt.data), tt.charset); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
