package ooxml_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outrider/internal/attachment/ooxml"
	"outrider/internal/mailtest"
)

// build makes a package of parts, given as name and content in turn.
func build(parts ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(parts); i += 2 {
		w, _ := z.Create(parts[i])
		w.Write([]byte(parts[i+1]))
	}
	z.Close()
	return b.Bytes()
}

func types(t string) string {
	return `<Types><Override PartName="/x" ContentType="application/vnd.` + t + `.main+xml"/></Types>`
}

func rel(kind, target, mode string) string {
	return fmt.Sprintf(`<Relationships><Relationship Id="rId1" Type="http://x/2006/relationships/%s" Target="%s" TargetMode="%s"/></Relationships>`,
		kind, target, mode)
}

func TestRead(t *testing.T) {
	const docx = "openxmlformats-officedocument.wordprocessingml.document"
	tests := []struct {
		name  string
		parts []string
		want  string
	}{
		{"kind", []string{"[Content_Types].xml", types(docx)}, "kind docx false"},
		{"macro kind", []string{"[Content_Types].xml", types("ms-excel.sheet.macroEnabled")}, "kind xlsx true"},
		{"template", []string{"word/_rels/settings.xml.rels", rel("attachedTemplate", "http://a/t.dotm", "External")},
			"template http://a/t.dotm"},
		{"link", []string{"word/_rels/document.xml.rels", rel("hyperlink", "http://b", "External")}, "link http://b"},
		{"field in pieces", []string{"word/document.xml", `<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:instrText>DDE</w:instrText>` +
			`<w:instrText>AUTO c:\\cmd.exe "/k calc"</w:instrText><w:fldChar w:fldCharType="end"/></w:p>`},
			`field DDEAUTO DDEAUTO c:\\cmd.exe "/k calc"`},
		{"field without end", []string{"word/document.xml", `<w:fldChar w:fldCharType="begin"/><w:instrText>DDE x</w:instrText>`}, "field DDE DDE x"},
		{"field in a field", []string{"word/document.xml", strings.Repeat(`<w:fldChar w:fldCharType="begin"/><w:instrText>DDE </w:instrText>`, 40) +
			`<w:instrText>end</w:instrText>`}, "field DDE DDE DDE"},
		{"simple field", []string{"word/document.xml", `<w:fldSimple w:instr=' HYPERLINK "http://c" '/>`}, "link http://c"},
		{"text", []string{"word/document.xml", `<w:p><w:t>Pay</w:t></w:p><w:p><w:t>&lt;now&gt;</w:t></w:p>`}, `text "Pay\n<now>"`},
		{"text in utf-16", []string{"word/document.xml", "\xFF\xFE<\x00t\x00>\x00A\x00<\x00/\x00t\x00>\x00"}, `text "A"`},
		{"entities stay", []string{"word/document.xml", `<!DOCTYPE a [<!ENTITY e "boom">]><w:t>&e;</w:t>`}, `text "&e;"`},
		{"doctype is noted", []string{"word/document.xml", `<!DOCTYPE a [<!ENTITY e "boom">]><w:t>&e;</w:t>`}, "note doctype"},
		{"macros", []string{"word/vbaProject.bin", "VBA"}, "macros word/vbaProject.bin VBA"},
		{"macros renamed", []string{"word/_rels/document.xml.rels", rel("vbaProject", "a.txt", ""), "word/a.txt", "VBA"}, "macros word/a.txt VBA"},
		{"embedded", []string{"xl/embeddings/o.bin", "OLE"}, "embedded xl/embeddings/o.bin OLE"},
		{"macro sheet", []string{"xl/_rels/workbook.xml.rels", rel("xlMacrosheet", "macrosheets/s.xml", ""),
			"xl/workbook.xml", `<sheet name="M" r:id="rId1" state="veryHidden"/><definedName name="_xlnm.Auto_Open">M!A1</definedName>`,
			"xl/macrosheets/s.xml", `<f>EXEC("calc")</f>`}, "sheet M veryHidden true"},
		{"macro formula", []string{"xl/macrosheets/s.xml", `<c><f>EXEC("calc")</f></c>`}, `formula EXEC("calc")`},
		{"plain formula", []string{"xl/worksheets/s.xml", `<c><f>SUM(A1)</f></c>`}, "!formula"},
		{"link formula", []string{"xl/worksheets/s.xml", `<c><f>HYPERLINK("http://d","x")</f></c>`}, "link http://d"},
		{"dde link", []string{"xl/externalLinks/e.xml", `<ddeLink ddeService="cmd" ddeTopic="/c calc"/>`}, "field DDE DDE cmd /c calc"},
		{"auto open", []string{"xl/workbook.xml", `<definedName name="Auto_Open"/>`}, "action macro Auto_Open"},
		{"slide", []string{"ppt/slides/slide1.xml", `<a:p><a:t>Click</a:t></a:p><a:hlinkClick action="ppaction://macro?name=Go"/>`}, "action macro Go"},
		{"ribbon", []string{"customUI/customUI.xml", `<customUI onLoad="Start"/>`}, "action onload Start"},
		{"control", []string{"word/activeX/activeX1.xml", `<ax:ocx ax:classid="{D27CDB6E}"/>`}, "activex D27CDB6E"},
		{"properties", []string{"docProps/core.xml", `<dc:title>T</dc:title><dc:creator>A</dc:creator>`}, "info T A"},
		{"twice", []string{"word/a.xml", "", "Word/A.xml", ""}, "note duplicate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check(t, describe(ooxml.Read(build(tt.parts...), ooxml.DefaultLimits())), tt.want)
		})
	}
}

func check(t *testing.T, got []string, want string) {
	t.Helper()
	absent, is := strings.CutPrefix(want, "!")
	if slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, absent) }) == is {
		t.Errorf("want %q in\n%.3000s", want, strings.Join(got, "\n"))
	}
}

func describe(d *ooxml.Document) []string {
	var out []string
	add := func(f string, args ...any) { out = append(out, fmt.Sprintf(f, args...)) }
	add("kind %s %v", d.Kind, d.MacroEnabled)
	add("template %s", template(d))
	for _, l := range d.Links {
		add("link %s", l)
	}
	for _, f := range d.Fields {
		add("field %s %s", f.Kind, f.Code)
	}
	for _, a := range d.Actions {
		add("action %s %s", a.Kind, a.Target)
	}
	for _, s := range d.Sheets {
		add("sheet %s %s %v", s.Name, s.State, s.Macro)
	}
	for _, f := range d.Formulas {
		add("formula %s", f)
	}
	for _, c := range d.ActiveX {
		add("activex %s", c)
	}
	for _, f := range d.Macros {
		add("macros %s %s", f.Name, f.Data[:min(len(f.Data), 8)])
	}
	for _, f := range d.Embedded {
		add("embedded %s %s", f.Name, f.Data[:min(len(f.Data), 8)])
	}
	for _, n := range d.Notes {
		add("note %s", n)
	}
	add("info %s %s", d.Info.Title, d.Info.Author)
	add("text %q", d.Text)
	return out
}

// TestBomb wants the limits to hold for a part that unpacks to much.
func TestBomb(t *testing.T) {
	l := ooxml.DefaultLimits()
	l.Bytes, l.FileBytes = 1<<20, 1<<19
	in := build("word/embeddings/a.bin", strings.Repeat("a", 4<<20), "word/embeddings/b.bin", strings.Repeat("b", 4<<20),
		"word/document.xml", strings.Repeat("<a>", 1<<16))
	d := ooxml.Read(in, l)
	var sum int
	for _, f := range d.Embedded {
		sum += len(f.Data)
	}
	if sum > 1<<20 || !slices.Contains(d.Notes, ooxml.OverLimit) {
		t.Errorf("unpacked %d bytes, notes %v", sum, d.Notes)
	}
}

// TestCorpus reads documents whose names say what is inside.
func TestCorpus(t *testing.T) {
	want := map[string]string{
		"eicar-word-macro-cmd-echo.docm":               "macros word/vbaProject.bin",
		"eicar-word-macro-msgbox.docm":                 "kind docx true",
		"eicar-excel-macro-msgbox.xlsm":                "kind xlsx true",
		"eicar-excel-macro-write-file.xlsm":            "macros xl/vbaProject.bin",
		"eicar-powerpoint-action-macro-msgbox.pptm":    "action macro",
		"eicar-powerpoint-action-powershell-echo.pptx": "action program",
		"eicar-excel-dde-cmd-powershell-echo.xlsx":     "field DDE",
		"testWORD_macros.docm":                         "macros ",
		"testPPT_macros.pptm":                          "macros ",
		"testEXCEL_macro.xlsm":                         "macros ",
		"EmbeddedPDF.docx":                             "embedded ",
		"testPPT_EmbeddedPDF.pptx":                     "embedded ",
		"test_recursive_embedded.docx":                 "embedded ",
		"protectedFile.xlsx":                           "note not-zip",
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
		got := describe(ooxml.Read(data, ooxml.DefaultLimits()))
		if w, ok := want[filepath.Base(path)]; ok {
			expected++
			t.Run(filepath.Base(path), func(t *testing.T) { check(t, got, w) })
		}
	}
	t.Logf("%d documents read, %d expectations", len(paths), expected)
}

func corpus(tb testing.TB) []string {
	tb.Helper()
	return mailtest.Files(tb, []string{"conformance/att_eicar_office", "conformance/att_tika_archives_office"}, ".docx", ".docm", ".xlsx", ".xlsm", ".pptx", ".pptm", ".xlsb")
}

func FuzzRead(f *testing.F) {
	f.Add("word/document.xml", []byte(`<w:fldChar w:fldCharType="begin"/><w:instrText>DDE x</w:instrText><w:t>a</w:t>`))
	f.Add("xl/workbook.xml", []byte(`<sheet name="M" r:id="rId1" state="veryHidden"/>`))
	f.Add("word/_rels/a.xml.rels", []byte(rel("hyperlink", "../b?c", "")))
	f.Add("xl/macrosheets/s.xml", []byte(`<f>HYPERLINK("a")</f>`))
	f.Add("", build("word/document.xml", "<w:t>a</w:t>"))
	f.Add("xl/workbook.bin", []byte("\x9c\x01\x1e\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00r\x00\x01\x00\x00\x00M\x00"))
	f.Add("xl/macrosheets/s.bin", []byte("\x00\x04\x01\x00\x00\x00\x0a\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x1e"))
	f.Add("content.xml", []byte(`<office:body><text:a xlink:href="a:b">x</text:a></office:body>`))
	f.Add("1.fpage", []byte(`<Glyphs UnicodeString="x" FixedPage.NavigateUri="a:b"/>`))
	l := ooxml.DefaultLimits()
	l.Bytes = 1 << 20
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if name != "" {
			data = build(name, string(data))
		}
		for _, d := range []*ooxml.Document{ooxml.Read(data, l), ooxml.ReadOpenDocument(data, l)} {
			if len(d.Text) > l.Text {
				t.Errorf("%d bytes of text", len(d.Text))
			}
		}
	})
}

func FuzzReadFlat(f *testing.F) {
	f.Add("wordml", `<w:wordDocument><w:instrText>DDE x</w:instrText><w:binData w:name="editdata.mso">QWN0</w:binData></w:wordDocument>`)
	f.Add("xlml", `<Workbook><Cell ss:Formula="=cmd|'x'!A1" ss:HRef="http://a.example"><Data>1</Data></Cell></Workbook>`)
	f.Add("flatopc", `<pkg:package><pkg:part pkg:name="/word/document.xml"><pkg:xmlData><w:t>x</w:t></pkg:xmlData></pkg:part><pkg:part><pkg:binaryData>QUJD</pkg:binaryData></pkg:part></pkg:package>`)
	f.Add("fodt", `<office:document><office:body><text:p>x</text:p></office:body></office:document>`)
	l := ooxml.DefaultLimits()
	l.Bytes = 1 << 20
	f.Fuzz(func(t *testing.T, flavour, text string) {
		if d := ooxml.ReadFlat([]byte(text), ooxml.Flavour(flavour), l); len(d.Text) > l.Text {
			t.Errorf("%d bytes of text", len(d.Text))
		}
	})
}

func BenchmarkRead(b *testing.B) {
	in := build("word/document.xml", strings.Repeat("<w:p><w:r><w:t>text</w:t></w:r></w:p>", 20_000))
	for b.Loop() {
		ooxml.Read(in, ooxml.DefaultLimits())
	}
}

// template returns the template that a document fetches from outside, or "".
func template(d *ooxml.Document) string {
	for _, r := range d.External("attachedTemplate") {
		return r.Target
	}
	return ""
}
