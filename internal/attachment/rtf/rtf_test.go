package rtf_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outrider/internal/attachment/rtf"
	"outrider/internal/mailtest"
)

func field(s string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(s)+1)), s+"\x00"...)
}

// object writes an embedded object of OLE 1.0.
func object(class, native string) []byte {
	b := append([]byte{1, 5, 0, 0, 2, 0, 0, 0}, field(class)...)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(native))), native...)
}

// pack writes the data of a package that holds a file.
func pack(name, body string) string {
	b := "\x02\x00label\x00C:\\" + name + "\x00\x00\x00\x03\x00"
	return b + string(field(name)) + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body
}

func TestRead(t *testing.T) {
	x := hex.EncodeToString(object("Equation.3", "abc"))
	p := hex.EncodeToString(object("Package", pack("a.exe", "MZ")))
	tests := []struct{ name, in, want string }{
		{"text", `{\rtf1 Pay\par now\'e9}`, `text "Pay\nnowé"`},
		{"unicode", `{\rtf1 \u8364?\u-10179?\u-8704?x}`, `text "€😀x"`},
		{"unicode without a stand-in", `{\rtf1\uc0 \u8364 x}`, `text "€x"`},
		{"code page", `{\rtf1\ansicpg1251 \'cf}`, `text "П"`},
		{"hidden destinations", `{\rtf1{\fonttbl{\f0 Arial;}}{\*\unknown x}A}`, `text "A"`},
		{"object", `{\rtf1{\object\objemb{\*\objclass Equation.3}{\*\objdata ` + x + `}}}`, "object Equation.3 Equation.3  false abc"},
		{"equation", `{\rtf1{\object{\*\objdata ` + x + `}}}`, "note equation"},
		{"package", `{\rtf1{\object{\*\objdata ` + p + `}}}`, `object  Package C:\a.exe false MZ`},
		{"blanks", `{\rtf1{\object{\*\objdata ` + strings.Join(strings.Split(x, ""), "\r\n ") + `}}}`, "object  Equation.3  false abc"},
		{"words inside", `{\rtf1{\object{\*\objdata ` + x[:8] + `\par\foo123 ` + x[8:] + `}}}`, "object  Equation.3  false abc"},
		{"words inside are noted", `{\rtf1{\object{\*\objdata ` + x[:8] + `\par ` + x[8:] + `}}}`, "note broken-hex"},
		{"groups inside", `{\rtf1{\object{\*\objdata ` + x[:7] + `{\*\foo 41}{}` + x[7:] + `}}}`, "object  Equation.3  false abc"},
		{"quoted byte inside", `{\rtf1{\object{\*\objdata ` + x[:8] + `\'41` + x[8:] + `}}}`, "object  Equation.3  false abc"},
		{"raw", `{\rtf1{\object{\*\objdata \bin34 ` + string(object("Package", "abc")) + `}}}`, "note raw-object"},
		{"picture inside an object", `{\rtf1{\object{\*\objdata ` + x[:8] + `{\pict 4142}` + x[8:] + `}}}`, "object  Equation.3  false abc"},
		{"object data twice", `{\rtf1{\object{\*\objdata ` + x[:8] + `{\*\objdata ` + x[8:] + `}}}}`, "object  Equation.3  false abc"},
		{"group inside a field", `{\rtf1{\field{\*\fldinst HYPER{\*\x y}LINK "http://c"}}}`, "link http://c"},
		{"update", `{\rtf1{\object\objupdate{\*\objdata ` + x + `}}}`, "object  Equation.3  true abc"},
		{"short object", `{\rtf1{\object{\*\objdata 0105}}}`, "note bad-object"},
		{"template", `{\rtf1{\*\template http://a/t}}`, "template http://a/t"},
		{"link", `{\rtf1{\field{\*\fldinst{ HYPER}{LINK "http://b"}}{\fldrslt x}}}`, "link http://b"},
		{"many links", `{\rtf1` + strings.Repeat(`{\field{\*\fldinst HYPERLINK "http://b"}}`, 2001) + `}`, "note over-limit"},
		{"many pictures", `{\rtf1` + strings.Repeat(`{\pict 4142}`, 2001) + `}`, "note over-limit"},
		{"link to a place", `{\rtf1{\field{\*\fldinst HYPERLINK \\l "x"}}}`, "field HYPERLINK"},
		{"dde", `{\rtf1{\field{\*\fldinst DDEAUTO c:\\\\cmd "/c"}}}`, `field DDEAUTO DDEAUTO c:\\cmd "/c"`},
		{"picture", `{\rtf1{\pict\pngblip 8950}}`, "image png \x89P"},
		{"info", `{\rtf1{\info{\title T}{\author A}}}`, "info T A"},
		{"short header", `{\rt x}`, "note no-header"},
		{"open", `{\rtf1{\object{\*\objdata ` + x, "object  Equation.3  false abc"},
		{"after", `{\rtf1 x}MZ`, "note data-after"},
		{"deep", `{\rtf1` + strings.Repeat("{", 5000) + "x" + strings.Repeat("}", 5000) + "y}", `text "y"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { check(t, describe(rtf.Read([]byte(tt.in), rtf.DefaultLimits())), tt.want) })
	}
}

func check(t *testing.T, got []string, want string) {
	t.Helper()
	if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want) }) {
		t.Errorf("want %q in\n%.2000s", want, strings.Join(got, "\n"))
	}
}

func describe(d *rtf.Document) []string {
	var out []string
	add := func(f string, args ...any) { out = append(out, fmt.Sprintf(f, args...)) }
	for _, o := range d.Objects {
		add("object %s %s %s %v %s", o.Declared, o.Class, o.Name, o.Update, o.Data[:min(len(o.Data), 20)])
	}
	for _, f := range d.Fields {
		add("field %s %s", f.Kind, f.Code)
	}
	for _, l := range d.Links {
		add("link %s", l)
	}
	for _, i := range d.Images {
		add("image %s %s", i.Format, i.Data[:min(len(i.Data), 20)])
	}
	for _, n := range d.Notes {
		add("note %s", n)
	}
	add("template %s", d.Template)
	add("info %s %s", d.Title, d.Author)
	add("text %q", d.Text)
	return out
}

// TestCorpus reads documents whose names say what is inside.
func TestCorpus(t *testing.T) {
	want := map[string]string{
		"testRTFHyperlink.rtf":           "link ",
		"testRTFEmbeddedLink.rtf":        "object Word.Document.8 Word.Document.8  true",
		"testRTFRegularImages.rtf":       "image ",
		"testRTFUnicodeGothic.rtf":       "text \"\U00010332",
		"testRTFHexEscapeInsideWord.rtf": "text ",
	}
	paths, expected := corpus(t), 0
	for name := range want {
		if !slices.ContainsFunc(paths, func(p string) bool { return filepath.Base(p) == name }) {
			t.Errorf("%s is not in the suites", name)
		}
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := describe(rtf.Read(data, rtf.DefaultLimits()))
		if w, ok := want[filepath.Base(path)]; ok {
			expected++
			t.Run(filepath.Base(path), func(t *testing.T) { check(t, got, w) })
		}
	}
	t.Logf("%d documents read, %d expectations", len(paths), expected)
}

func corpus(tb testing.TB) []string {
	tb.Helper()
	return mailtest.Files(tb, []string{"conformance/att_tika_archives_office"}, ".rtf")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{\rtf1{\object\objupdate{\*\objdata ` + hex.EncodeToString(object("Package", pack("a.exe", "MZ"))) + `}}}`))
	f.Add([]byte(`{\rtf1\ansicpg932 \'82\'a0\u8364?{\field{\*\fldinst HYPERLINK "x"}}{\pict\bin2 ab}}x`))
	l := rtf.DefaultLimits()
	f.Fuzz(func(t *testing.T, data []byte) {
		if d := rtf.Read(data, l); len(d.Text) > l.Text || len(d.Objects) > l.Items {
			t.Errorf("%d bytes of text, %d objects", len(d.Text), len(d.Objects))
		}
	})
}
