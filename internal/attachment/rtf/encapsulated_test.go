package rtf_test

import (
	"strings"
	"testing"
	"time"

	"outrider/internal/attachment/rtf"
	"outrider/internal/mailtest"
)

const wrapped = `{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}}{\colortbl;}`

func TestHTMLThatOutlookWrapped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"tags and text", `{\*\htmltag64 <html>}\htmlrtf {\htmlrtf0 Hello{\*\htmltag <br>}\htmlrtf \line\htmlrtf0 world\htmlrtf }\htmlrtf0`, "<html>Hello<br>world"},
		{"a link", `{\*\htmltag84 <a href="https://a.example/?x=\{1\}">}\htmlrtf {\field{\*\fldinst HYPERLINK "https://b.example/"}{\fldrslt\htmlrtf0 go\htmlrtf }}\htmlrtf0{\*\htmltag92 </a>}`,
			`<a href="https://a.example/?x={1}">go</a>`},
		{"lines of a tag", `{\*\htmltag <p\par\tab x>}`, "<p\r\n\tx>"},
		{"letters", `caf\'e9 \u8364?\emdash\~x`, "café €&mdash;&nbsp;x"},
		{"what stands for tags elsewhere", `{\*\mhtmltag <img src="cid:x">}a{\*\unknown {b}}c{\pntext d}`, "ac"},
		{"raw bytes", `a{\*\x \bin3 }}}}b`, "ab"},
		{"a group ends what it hides", `{\htmlrtf hidden}shown`, "shown"},
	} {
		if got := string(rtf.Read([]byte(wrapped+tt.in+"}"), rtf.DefaultLimits()).HTML); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if d := rtf.Read([]byte(`{\rtf1 {\*\htmltag <b>}}`), rtf.DefaultLimits()); d.HTML != nil {
		t.Errorf("HTML in a document that names none: %q", d.HTML)
	}
}

// worstWrapped are documents that make much work of each byte.
func worstWrapped() map[string]string {
	return map[string]string{
		"groups":  wrapped + strings.Repeat("{", 4<<20),
		"words":   wrapped + strings.Repeat(`\par`, 1<<20),
		"symbols": wrapped + strings.Repeat(`\'e9\u1?`, 1<<19),
	}
}

func TestHTMLInTime(t *testing.T) {
	t.Parallel()
	for name, in := range worstWrapped() {
		var d *rtf.Document
		took := mailtest.Spent(t, func() { d = rtf.Read([]byte(in), rtf.DefaultLimits()) })
		if took > 5*time.Second || len(d.HTML) > rtf.DefaultLimits().Text {
			t.Errorf("%s: %v, %d bytes", name, took, len(d.HTML))
		}
	}
}

func FuzzHTML(f *testing.F) {
	f.Add(`{\*\htmltag64 <html>}\htmlrtf {\htmlrtf0 Hello{\*\htmltag <br>}\htmlrtf \line\htmlrtf0 \u8364?\'e9 }`)
	f.Add(`{\*\mhtmltag x}{\pntext d}\bin3 }}}\uc2\u1?x\~`)
	f.Fuzz(func(t *testing.T, s string) {
		if d := rtf.Read([]byte(wrapped+s), rtf.DefaultLimits()); len(d.HTML) > 10*len(s)+10 {
			t.Errorf("%d bytes from %d", len(d.HTML), len(s))
		}
	})
}
