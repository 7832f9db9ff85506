package scan_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"outrider/internal/attachment/pdf"
	"outrider/internal/attachment/picture"
	"outrider/internal/attachment/scan"
	"outrider/internal/mailtest"
)

// bounded checks that a result is within its budget, except for the names of its fields.
func bounded(t *testing.T, v any, b *scan.Budget, left int) {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if most := left - b.Left + 2000; len(out) > most || b.Left < 0 {
		t.Errorf("%d bytes of JSON, %d were paid for, %d left", len(out), left-b.Left, b.Left)
	}
}

const fuzzLeft = 4096

func FuzzStrings(f *testing.F) {
	f.Add([]byte("one\ntwo three\x00f\x00o\x00u\x00r\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &scan.Budget{Left: fuzzLeft}
		d := scan.Decode(data)
		bounded(t, d.Strings(b), b, fuzzLeft)
		if s := d.Lines(100); len(s) > 100 {
			t.Errorf("%d bytes of lines", len(s))
		}
	})
}

func FuzzJavaScript(f *testing.F) {
	f.Add("var a = `x ${ {b: `y`} }` / /[/]/g + 'z' // end")
	f.Fuzz(func(t *testing.T, source string) {
		b := &scan.Budget{Left: fuzzLeft}
		bounded(t, scan.ReadJavaScript(source, b), b, fuzzLeft)
	})
}

func FuzzHTML(f *testing.F) {
	f.Add(page)
	f.Fuzz(func(t *testing.T, doc string) {
		b := &scan.Budget{Left: fuzzLeft}
		got, children := scan.ReadHTML(doc, b)
		bounded(t, got, b, fuzzLeft)
		size := 0
		for _, c := range children {
			size += len(c.Data)
		}
		if size > 3*len(doc) { // a byte that is no UTF-8 becomes three
			t.Errorf("%d bytes of scripts in %d", size, len(doc))
		}
	})
}

func FuzzXML(f *testing.F) {
	f.Add(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a xmlns="d"><script><![CDATA[x]]></script></a>`)
	f.Fuzz(func(t *testing.T, doc string) {
		b := &scan.Budget{Left: fuzzLeft}
		got, _ := scan.ReadXML(doc, b)
		bounded(t, got, b, fuzzLeft)
	})
}

func FuzzICS(f *testing.F) {
	f.Add("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nATTACH;ENCODING=BASE64:QUJD\nURL:https://a.example\nORGANIZER;CN=a:mailto:b@c\nEND:VEVENT\nEND:VCALENDAR")
	f.Add("BEGIN:VCALENDAR\nBEGIN:V" + strings.Repeat("\x1a", 2000) + "\nEND:VCALENDAR")
	f.Fuzz(func(t *testing.T, doc string) {
		b := &scan.Budget{Left: fuzzLeft}
		file, events, _ := scan.ReadICS(doc, links, b)
		bounded(t, struct {
			A *scan.ICSFile
			B *scan.ICS
		}{file, events}, b, fuzzLeft)
	})
}

func FuzzPDF(f *testing.F) {
	f.Add([]byte(document))
	f.Add([]byte("1 0 obj <</A[stream /B(x>>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &scan.Budget{Left: fuzzLeft}
		o := scan.ReadObjects(data)
		bounded(t, o.Hash(b), b, fuzzLeft)
		m := scan.NewMetadata(nil, "", "pdf", b)
		m.PDF(data, &pdf.Document{}, o)
		bounded(t, m.Result(), b, fuzzLeft)
	})
}

func FuzzPackage(f *testing.F) {
	f.Add("docProps/app.xml", []byte("<P><TitlesOfParts><a>b</a></TitlesOfParts><TotalTime>1</TotalTime></P>"))
	f.Add("docProps/custom.xml", []byte(`<P><property name="_x"><a>b</a></property></P>`))
	f.Add("word/document.xml", []byte(`<w:color w:val="FFFFFF"/>`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		b := &scan.Budget{Left: fuzzLeft}
		p := &scan.Package{}
		p.Part(name, data)
		m := scan.NewMetadata(nil, "", "docx", b)
		m.Package(p)
		bounded(t, m.Result(), b, fuzzLeft)
		b = &scan.Budget{Left: fuzzLeft}
		bounded(t, p.Docx(1, b), b, fuzzLeft)
	})
}

func FuzzPictures(f *testing.F) {
	f.Add(jpegOf(f))
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &scan.Budget{Left: fuzzLeft}
		if got, rest := scan.ReadTrailer(data); got.TrailerIndex != nil && (*got.TrailerIndex < 0 || *got.TrailerIndex >= len(data)) || len(rest) > 1 {
			t.Errorf("%+v, %d files", got, len(rest))
		}
		for _, format := range []string{"png", "jpeg"} {
			m := scan.NewMetadata(nil, "", format, b)
			m.Picture(data, &picture.Picture{Format: format})
			bounded(t, m.Result(), b, fuzzLeft)
		}
	})
}

func FuzzOthers(f *testing.F) {
	f.Add([]byte("PK\x01\x02" + strings.Repeat("\x00", 50) + "TVqQAAMAAAAEAAAA https://a.example"))
	f.Add([]byte("\xcf\xfa\xed\xfe" + strings.Repeat("A", 100)))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &scan.Budget{Left: fuzzLeft}
		m := scan.NewMetadata(nil, "", "zip", b)
		m.Zip(data)
		m.Shortcut(data, &scan.LNK{}, "")
		bounded(t, m.Result(), b, fuzzLeft)
		scan.Tastes(data, "txt", false)
		scan.ReadMacho(data)
		for _, c := range scan.Base64(string(data), func([]byte) bool { return true }) {
			if len(c.Data) == 0 || len(c.Data) > len(data) {
				t.Errorf("%d bytes out of %d", len(c.Data), len(data))
			}
		}
		b = &scan.Budget{Left: fuzzLeft}
		bounded(t, scan.ReadURLs(string(data), links, func(string) bool { return len(data)%2 == 0 }, b), b, fuzzLeft)
	})
}

// large returns about a megabyte that repeats a piece.
func large(piece string) string { return strings.Repeat(piece, 1<<20/len(piece)) }

// Inputs that made readers like these slow: each must take time in line with its size.
func TestHostileInputsTakeLinearTime(t *testing.T) {
	t.Parallel()
	for name, piece := range map[string]string{
		"patterns without end": "}/[", "templates": "`${", "braces": "{", "escapes": `\u{`, "tags": "<a ", "scripts": "<script>", "cdata": "<![CDATA[",
		"doctypes": "<!DOCTYPE a [", "quotes": `<a b="`, "spaces": "<a =", "objects": "1 0 obj<</A(", "comments": "1 0 obj<<>>%", "bare objects": "obj", "colours": "<w:color ", "lengths": "1 0 obj<</Length 9223372036854775807>>stream\n", "arrays": "1 0 obj<<[", "streams": "1 0 obj<<>>stream",
		"runs": "TVqQ", "marks": "://", "words": "a://b ", "local headers": "PK\x03\x04", "blocks": "GIF89a!\xff\x01", "segments": "\xff\xd8\xff\xe0\x00\x02",
		"xmp": "<x:xmpmeta><dc:a>", "wide": "a\x00", "minus": "-->", "slashes": "a=/",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := mailtest.Spent(t, func() { everything(large(piece)) }); d > 5*time.Second {
				t.Errorf("a megabyte takes %v", d)
			}
		})
	}
}

// everything runs all readers that take bytes.
func everything(text string) {
	data := []byte(text)
	scan.Decode(data).Strings(ample())
	scan.ReadJavaScript(text, ample())
	scan.ReadHTML(text, ample())
	scan.ReadXML(text, ample())
	o := scan.ReadObjects(data)
	o.Hash(ample())
	m := scan.NewMetadata(nil, "", "pdf", ample())
	m.PDF(data, &pdf.Document{}, o)
	m.Picture(data, &picture.Picture{Format: "png"})
	m.Picture(data, &picture.Picture{Format: "jpeg"})
	scan.ReadTrailer(data)
	scan.Tastes(data, "", false)
	scan.Base64(text, func(b []byte) bool { return bytes.HasPrefix(b, []byte("MZ")) })
	scan.ReadURLs(text, func(string) []string { return nil }, func(string) bool { return true }, ample())
	p := &scan.Package{}
	p.Part("word/document.xml", data)
	p.Part("docProps/app.xml", data)
}

func BenchmarkHTML(b *testing.B) {
	doc := large(page)
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		scan.ReadHTML(doc, ample())
	}
}

func BenchmarkJavaScript(b *testing.B) {
	source := large("var _0x1f = function(a, b) { return a['split'](/[,;]/g) + `x${b}` / 2; } // note\n")
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		scan.ReadJavaScript(source, ample())
	}
}
