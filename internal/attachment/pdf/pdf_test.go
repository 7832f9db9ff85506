package pdf_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider/internal/attachment/pdf"
	"outrider/internal/mailtest"
)

func read(s string) *pdf.Document { return pdf.Open([]byte(s), pdf.DefaultLimits()) }

func flate(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

// packed puts objects into an object stream.
func packed(objects ...string) string {
	var index, body strings.Builder
	for i, o := range objects {
		fmt.Fprintf(&index, "%d %d ", 100+i, body.Len())
		body.WriteString(o + " ")
	}
	z := flate(index.String() + body.String())
	return fmt.Sprintf("9 0 obj <</Type/ObjStm/N %d/First %d/Filter/FlateDecode/Length %d>> stream\n%s\nendstream endobj\n",
		len(objects), index.Len(), len(z), z)
}

const shell = "%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n" +
	"3 0 obj <</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>> endobj\n"

const trailer = "trailer <</Root 1 0 R/Info 8 0 R>>\n%%EOF\n"

func TestRead(t *testing.T) {
	tests := []struct {
		name, in, want string // want is a line of describe
	}{
		{"uri", "7 0 obj <</S/URI/URI(https://a.example/x)>> endobj", "uri https://a.example/x"},
		{"uri in hex", "7 0 obj <</S/URI/URI<68 74 74 70 3a2f2f61>>> endobj", "uri http://a"},
		{"uri in hex is noted", "7 0 obj <</S/URI/URI<687474703a2f2f61>>> endobj", "note split-uri"},
		{"uri in escapes", `7 0 obj <</S/URI/URI(htt\160://\` + "\n" + `a\(b\)(c))>> endobj`, "uri http://a(b)(c)"},
		{"uri by reference", "7 0 obj <</S/URI/URI 6 0 R>> endobj 6 0 obj (http://b) endobj", "uri http://b"},
		{"hidden names", "7 0 obj <</S/#55RI/U#52I(http://c)>> endobj", "uri http://c"},
		{"hidden names are noted", "7 0 obj <</S/#55RI/U#52I(http://c)>> endobj", "note hidden-name"},
		{"honest escape in a name", "7 0 obj <</A#20B 1>> endobj", "!note hidden-name"},
		{"object without end", "7 0 obj <</S/URI/URI(http://d)\n8 0 obj <</Title(T)>> endobj", "uri http://d"},
		{"string without end hides nothing", "7 0 obj (abc \n6 0 obj <</S/URI/URI(http://e>> endobj)", "note broken-object"},
		{"object stream", packed("<</S/URI/URI(http://f)>>", "<</S/Launch/F(cmd.exe)>>"), "uri http://f"},
		{"second packed object", packed("<</S/URI/URI(http://f)>>", "<</S/Launch/F(cmd.exe)>>"), "action Launch cmd.exe"},
		{"launch on windows", "7 0 obj <</S/Launch/Win<</F(cmd.exe)/P(/c calc)>>>> endobj", "action Launch cmd.exe /c calc"},
		{"open action", "7 0 obj <</OpenAction 6 0 R>> endobj 6 0 obj <</S/JavaScript/JS(app.alert\\(1\\))>> endobj",
			"action OpenAction JavaScript"},
		{"destination is no action", "7 0 obj <</OpenAction[3 0 R/Fit]>> endobj", "!action OpenAction"},
		{"script", "7 0 obj <</S/JavaScript/JS(app.alert\\(1\\))>> endobj", "script app.alert(1)"},
		{"script in a stream", "7 0 obj <</S/JavaScript/JS 6 0 R>> endobj 6 0 obj <</Length 4>> stream\nf(1)\nendstream endobj",
			"script f(1)"},
		{"wrong length", "7 0 obj <</S/JavaScript/JS 6 0 R>> endobj 6 0 obj <</Length 2>> stream\nf(2)\nendstream endobj",
			"script f(2)"},
		{"wrong length is noted", "6 0 obj <</Length 2>> stream\nf(2)\nendstream endobj", "note length-wrong"},
		{"additional actions", "7 0 obj <</AA<</O<</S/SubmitForm/F<</FS/URL/F(http://g)>>>>>>>> endobj", "action AA O"},
		{"submit", "7 0 obj <</AA<</O<</S/SubmitForm/F<</FS/URL/F(http://g)>>>>>>>> endobj", "action SubmitForm http://g"},
		{"remote", `7 0 obj <</S/GoToR/F(\\\\host\\share)>> endobj`, `action GoToR \\host\share`},
		{"file", "7 0 obj <</Type/Filespec/F(a.exe)/UF<FEFF0062>/EF<</F 6 0 R>>>> endobj " +
			"6 0 obj <</Type/EmbeddedFile/Length 2>> stream\nMZ\nendstream endobj", "file b MZ"},
		{"file without a name", "6 0 obj <</Type/EmbeddedFile/Filter/AHx/Length 5>> stream\n4D5A>\nendstream endobj", "file  MZ"},
		{"field", "7 0 obj <</FT/Tx/T(user)/V(me)>> endobj", "field Tx user me"},
		{"image", "7 0 obj <</Subtype/Image/Width 2/Height 3/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode/Length 3>> " +
			"stream\nabc\nendstream endobj", "image 2x3x3 jpeg abc"},
		{"info", "8 0 obj <</Title(T)/Author<FEFF00E9>/Creator(C)/Producer(P)>> endobj", "info T é C P"},
		{"old revision", "7 0 obj <</S/URI/URI(http://old)>> endobj 7 0 obj <</S/URI/URI(http://new)>> endobj", "uri http://old"},
		{"text", "4 0 obj <</Length 44>> stream\nBT /F1 1 Tf (Pay) Tj [(n)5(ow)-300(!)]TJ T* <41> ' ET\nendstream endobj",
			`text "Paynow !\nA"`},
		{"text by map", "4 0 obj <<>> stream\nBT /F1 1 Tf <00010002> Tj ET\nendstream endobj " +
			"5 0 obj <</Subtype/Type0/ToUnicode 6 0 R>> endobj 6 0 obj <<>> stream\nbegincodespacerange <0000> <FFFF> " +
			"endcodespacerange beginbfchar <0001> <0041> endbfchar beginbfrange <0002> <0003> <0062> endbfrange\nendstream endobj",
			`text "Ab"`},
		{"text by names", "4 0 obj <<>> stream\nBT /F1 1 Tf (!\") Tj ET\nendstream endobj " +
			"5 0 obj <</Encoding<</Differences[33/P/ay 34/a]>>>> endobj", `text "Pa"`},
		{"base 85", "7 0 obj <</JS 6 0 R>> endobj 6 0 obj <</Filter[/A85]>> stream\n<~9jqo^~>\nendstream endobj", "script Man"},
		{"run lengths", "7 0 obj <</JS 6 0 R>> endobj 6 0 obj <</Filter[/RL]>> stream\n\x01ab\xfec\x80\nendstream endobj",
			"script abccc"},
		{"lzw", "7 0 obj <</JS 6 0 R>> endobj 6 0 obj <</Filter[/AHx/LZW]>> stream\n800B6050220C0C8501>\nendstream endobj",
			"script -----A---B"},
		{"predictor", "7 0 obj <</JS 6 0 R>> endobj 6 0 obj <</Filter/Fl/DecodeParms<</Predictor 12/Columns 2>>>> stream\n" +
			flate("\x02ab\x02\x02\x02") + "\nendstream endobj", "script abcd"},
		{"junk", "", "!note junk-before"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check(t, describe(read(shell+tt.in+"\n"+trailer)), tt.want)
		})
	}
}

func check(t *testing.T, got []string, want string) {
	t.Helper()
	absent, is := strings.CutPrefix(want, "!")
	found := slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, absent) })
	if found == is {
		t.Errorf("want %q in\n%s", want, strings.Join(got, "\n"))
	}
}

func describe(d *pdf.Document) []string {
	var out []string
	add := func(f string, args ...any) { out = append(out, fmt.Sprintf(f, args...)) }
	for _, u := range d.URIs {
		add("uri %s", u)
	}
	for _, a := range d.Actions {
		add("action %s %s", a.Kind, a.Target)
	}
	for _, s := range d.Scripts {
		add("script %s", s)
	}
	for _, f := range d.Files {
		add("file %s %s", f.Name, f.Data[:min(len(f.Data), 20)])
	}
	for _, f := range d.Fields {
		add("field %s %s %s", f.Kind, f.Name, f.Value)
	}
	for _, i := range d.Images {
		add("image %dx%dx%d %s %s", i.Width, i.Height, i.Components, i.Format, i.Data[:min(len(i.Data), 20)])
	}
	for _, n := range d.Notes {
		add("note %s", n)
	}
	add("info %s %s %s %s", d.Info.Title, d.Info.Author, d.Info.Creator, d.Info.Producer)
	add("text %q", d.Text)
	add("pages %d", d.Pages)
	return out
}

// TestFormsWithinForms: text in forms beyond the depth is left out, and that is said.
func TestFormsWithinForms(t *testing.T) {
	in := shell + "4 0 obj <<>> stream\n/X Do\nendstream endobj 3 0 obj <</Type/Page/Contents 4 0 R/Resources<</XObject<</X 10 0 R>>>>>> endobj "
	for k := range 10 {
		in += fmt.Sprintf("%d 0 obj <</Subtype/Form/Resources<</XObject<</X %d 0 R>>>>>> stream\nBT (%d) Tj ET /X Do\nendstream endobj ", 10+k, 11+k, k)
	}
	check(t, describe(read(in+trailer)), "note over-limit")
	check(t, describe(read(strings.Replace(in, "(4) Tj ET /X Do", "(4) Tj ET", 1)+trailer)), "!note over-limit")
}

// TestHostile bounds the work for shapes that make readers slow, independent of the load of
// the machine.
func TestHostile(t *testing.T) {
	const n = 1 << 20
	tests := map[string]string{
		"open arrays":                      "1 0 obj " + strings.Repeat("[", n),
		"open dictionaries":                "1 0 obj " + strings.Repeat("<</A", n/4),
		"open arrays in open dictionaries": strings.Repeat("1 0 obj<<[", 4*n),
		"open strings":                     strings.Repeat("1 0 obj (", n/9),
		"open streams":                     strings.Repeat("1 0 obj <<>> stream\n", n/20),
		"trailers":                         strings.Repeat("trailer << ", n/11),
		"objects":                          strings.Repeat("1 0 obj 1 endobj ", n/17),
		"forms": shell + "4 0 obj <<>> stream\n/X Do\nendstream endobj 3 0 obj <</Type/Page/Contents 4 0 R/Resources" +
			"<</XObject<</X 6 0 R>>>>>> endobj 6 0 obj <</Subtype/Form>> stream\n" + strings.Repeat("/X Do ", 1000) +
			"\nendstream endobj " + trailer,
		"page tree circle":         "1 0 obj <</Pages 2 0 R>> endobj 2 0 obj <</Kids[2 0 R 2 0 R]>> endobj " + trailer,
		"strokes of a large brush": shell + "4 0 obj <<>> stream\n" + strings.Repeat("0 0 1 1 re 1 g f 0 0 m 9000 9000 l 1 9000 l 0 g f\n", n/50) + "\nendstream endobj " + trailer,
		"fills of nothing":         shell + "4 0 obj <<>> stream\n" + strings.Repeat("f ", n/2) + "\nendstream endobj " + trailer,
		"bomb": "7 0 obj <</JS 6 0 R>> endobj 6 0 obj <</Filter[/Fl/Fl]>> stream\n" +
			flate(flate(strings.Repeat("\x00", 100<<20))) + "\nendstream endobj",
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			if took := mailtest.Spent(t, func() { read(in) }); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestCorpus reads documents whose names say what is inside.
func TestCorpus(t *testing.T) {
	want := map[string][]string{
		"eicar-adobe-acrobat-attachment.pdf":       {"file document.txt X5O!P"},
		"eicar-adobe-acrobat-javascript-alert.pdf": {"script ", "action Names JavaScript"},
		"testPassword4Spaces.pdf":                  {"note encryption-closed"},
		"testUnicodePassword.pdf":                  {"note encryption-closed"},
		"testPDF_deeplyEmbeddedAttachments.pdf":    {"file ", "pages 1"},
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
		got := describe(pdf.Open(data, pdf.DefaultLimits()))
		for _, w := range want[filepath.Base(path)] {
			expected++
			t.Run(filepath.Base(path), func(t *testing.T) { check(t, got, w) })
		}
	}
	t.Logf("%d documents read, %d expectations", len(paths), expected)
}

func corpus(tb testing.TB) []string {
	tb.Helper()
	return mailtest.Files(tb, []string{"conformance/att_eicar_office", "conformance/att_tika_archives_office"}, ".pdf")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(shell + packed("<</S/URI/URI(http://f)>>") + trailer))
	f.Add([]byte(shell + "4 0 obj <</Length 44>> stream\nBT /F1 1 Tf (Pay) Tj [(n)5(ow)-300(!)]TJ T* <41> ' ET\nendstream endobj" + trailer))
	f.Add([]byte("7 0 obj <</JS 6 0 R>> endobj 6 0 obj <</Filter[/AHx/LZW/RL/A85]>> stream\n800B6050220C0C8501>\nendstream endobj"))
	f.Add([]byte(encrypted(3)))
	l := pdf.DefaultLimits()
	l.Bytes = 1 << 20
	f.Fuzz(func(t *testing.T, data []byte) {
		d := pdf.Open(data, l)
		if len(d.Text) > l.Text || len(d.URIs) > l.Items || d.Objects > l.Objects+1 {
			t.Errorf("over limits: %d bytes of text, %d links, %d objects", len(d.Text), len(d.URIs), d.Objects)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	in := []byte(shell + strings.Repeat("7 0 obj <</Type/Annot/Rect[0 1 2 3]/A<</S/URI/URI(http://a)>>>> endobj\n", 10_000) + trailer)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		pdf.Open(in, pdf.DefaultLimits())
	}
}

func TestRelativeLinksGoByTheBase(t *testing.T) {
	t.Parallel()
	link := func(base, uri string) string {
		return "%PDF-1.4\n1 0 obj\n<< /Type /Catalog " + base + " >>\nendobj\n2 0 obj\n<< /Type /Annot /A << /S /URI /URI (" + uri + ") >> >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
	}
	for _, tt := range []struct{ name, base, uri, want string }{
		{"a path", "/URI << /Base (http://a.example/d/) >>", "sign-in?x=1", "http://a.example/d/sign-in?x=1"},
		{"a path from the root", "/URI << /Base (http://a.example/d/) >>", "/top", "http://a.example/top"},
		{"a host", "/URI << /Base (https://a.example/d/) >>", "//b.example/x", "https://b.example/x"},
		{"an absolute link", "/URI << /Base (http://a.example/d/) >>", "http://c.example/", "http://c.example/"},
		{"no base", "", "sign-in", "sign-in"},
		{"a base that is none", "/URI << /Base (d/) >>", "sign-in", "sign-in"},
	} {
		if got := pdf.Open([]byte(link(tt.base, tt.uri)), pdf.DefaultLimits()).URIs; len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
