package attachment_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"

	"outrider/internal/attachment"
	"outrider/internal/attachment/page"
)

// pdfOf returns a document of pages 200 points square that share resources.
func pdfOf(resources string, objects []string, pages ...string) []byte {
	var b strings.Builder
	b.WriteString("%PDF-1.4\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n")
	var kids strings.Builder
	for k := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", 10+2*k)
	}
	fmt.Fprintf(&b, "2 0 obj <</Type/Pages/Kids[%s]/Count %d/MediaBox[0 0 200 200]/Resources<<%s>>>> endobj\n", kids.String(), len(pages), resources)
	for k, content := range pages {
		fmt.Fprintf(&b, "%d 0 obj <</Type/Page/Parent 2 0 R/Contents %d 0 R>> endobj\n", 10+2*k, 11+2*k)
		fmt.Fprintf(&b, "%d 0 obj <</Length %d>> stream\n%s\nendstream endobj\n", 11+2*k, len(content), content)
	}
	return []byte(b.String() + strings.Join(objects, "\n") + "\ntrailer <</Root 1 0 R>>\n%%EOF\n")
}

// vectorCode returns content that draws a code with one rectangle for each dark module.
func vectorCode(tb testing.TB, text string) string {
	tb.Helper()
	return "0 g\n" + eachModule(tb, text, func(x, y, unit int) string {
		return fmt.Sprintf("%d %d %d %d re\n", x, y, unit, unit)
	}) + "f\n"
}

// strokedCode returns content that draws a code with a broad stroke for each dark module.
func strokedCode(tb testing.TB, text string) string {
	tb.Helper()
	return "5 w 0 G\n" + eachModule(tb, text, func(x, y, unit int) string {
		return fmt.Sprintf("%d %d.5 m %d %d.5 l S\n", x, y+unit/2, x+unit, y+unit/2)
	})
}

func eachModule(tb testing.TB, text string, draw func(x, y, unit int) string) string {
	tb.Helper()
	m := code(tb, text)
	unit := 180 / m.GetHeight()
	var b strings.Builder
	for y := range m.GetHeight() {
		for x := range m.GetWidth() {
			if m.Get(x, y) {
				b.WriteString(draw(10+x*unit, 190-(y+1)*unit, unit))
			}
		}
	}
	return b.String()
}

// rawPicture returns the object of a picture without JPEG.
func rawPicture(tb testing.TB, img *image.RGBA) string {
	tb.Helper()
	var rgb []byte
	for k := 0; k < len(img.Pix); k += 4 {
		rgb = append(rgb, img.Pix[k:k+3]...)
	}
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	if _, err := w.Write(rgb); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return fmt.Sprintf("5 0 obj <</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/FlateDecode/Length %d>> stream\n%s\nendstream endobj",
		img.Rect.Dx(), img.Rect.Dy(), z.Len(), z.String())
}

func TestCodesInPicturesOfPDFs(t *testing.T) {
	t.Parallel()
	data := pdfOf("/XObject<</P 5 0 R>>", []string{rawPicture(t, codePicture(t, codeLink, 4))}, "180 0 0 180 10 10 cm /P Do")
	d := inspect("a.pdf", data).Files[0].Document
	if d == nil || !slices.Equal(d.Codes, []string{codeLink}) || !slices.Contains(d.Notes, "code in picture 1") {
		t.Errorf("%+v", d)
	}
}

func TestCodesInDrawingsOfPDFs(t *testing.T) {
	t.Parallel()
	drawn := vectorCode(t, codeLink)
	for name, content := range map[string]string{
		"one path":     drawn,
		"one by one":   strings.ReplaceAll(drawn, "re\n", "re f\n"),
		"light":        "0 g 0 0 200 200 re f " + strings.Replace(drawn, "0 g", "1 g", 1),
		"with a table": drawn + strings.Repeat("20 5 30 1 re f 100 2 1 5 re f\n", 30),
	} {
		d := inspect("a.pdf", pdfOf("", nil, content)).Files[0].Document
		if d == nil || !slices.Equal(d.Codes, []string{codeLink}) || !slices.Contains(d.Notes, "code in drawing of page 1") {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// TestRawPicturesAreBounded gives more pixels than anybody looks at.
func TestRawPicturesAreBounded(t *testing.T) {
	t.Parallel()
	var objects []string
	for k := range 60 {
		objects = append(objects, strings.Replace(rawPicture(t, image.NewRGBA(image.Rect(0, 0, 1500, 1500))), "5 0 obj", fmt.Sprintf("%d 0 obj", 300+k), 1))
	}
	r := inspect("a.pdf", pdfOf("", objects, ""))
	if r.Has(attachment.NotePanic) || r.Has(attachment.NoteWall) || r.Files[0].Document == nil {
		t.Errorf("%+v", r.Notes)
	}
}

func TestPagesAreDrawnInAWorker(t *testing.T) {
	t.Parallel()
	l := page.DefaultLimits()
	p := toolPool(t, attachment.Setup{Pages: &l})
	vector := pdfOf("", nil, "", strokedCode(t, codeLink))
	inner := zipOf(t, "lure.pdf", string(vector))
	linked := pdfOf("", []string{"7 0 obj <</S/URI/URI(https://a.example)>> endobj"}, strokedCode(t, codeLink))
	tests := []struct {
		name  string
		data  []byte
		codes []string
	}{
		{"lure.pdf", vector, []string{codeLink}},
		{"lure.zip", inner, []string{codeLink}},
		{"linked.pdf", linked, nil},
		{"empty.pdf", pdfOf("", nil, ""), nil},
	}
	for _, test := range tests {
		r, err := p.Inspect(t.Context(), attachment.Input{Name: test.name, Data: test.data})
		if err != nil {
			t.Fatal(err)
		}
		d := r.Files[len(r.Files)-1].Document
		if len(r.Notes) > 0 || d == nil || !slices.Equal(d.Codes, test.codes) {
			t.Errorf("%s: %+v, notes %v", test.name, d, r.Notes)
		}
		if test.codes != nil && !slices.ContainsFunc(d.Notes, func(s string) bool { return strings.HasPrefix(s, "code in page ") }) {
			t.Errorf("%s: notes %v", test.name, d.Notes)
		}
	}
}

func TestWantsPages(t *testing.T) {
	t.Parallel()
	text := func(s string) string { return "BT /F 9 Tf (" + s + ") Tj ET\n" }
	const font = "/Font<</F<</Subtype/Type1/BaseFont/Helvetica>>>>"
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"drawn code", pdfOf("", nil, strokedCode(t, codeLink)), "shapes and no link"},
		{"drawn code under a sentence", pdfOf(font, nil, text("Scan the code to read your message.")+strokedCode(t, codeLink)), "shapes and no link"},
		{"picture without a code", pdfOf("/XObject<</P 5 0 R>>", []string{rawPicture(t, image.NewRGBA(image.Rect(0, 0, 50, 50)))}, "/P Do"), "pictures and no link"},
		{"picture with a code", pdfOf("/XObject<</P 5 0 R>>", []string{rawPicture(t, codePicture(t, codeLink, 3))}, "/P Do"), ""},
		{"nothing to read", pdfOf("", nil, ""), "neither text nor a link"},
		{"letter", pdfOf(font, nil, text(strings.Repeat("a long letter ", 20))), ""},
		{"address in the text", pdfOf(font, nil, text("see https://a.example")+strokedCode(t, codeLink)), ""},
		{"a book with drawings", pdfOf(font, nil, text(strings.Repeat("much to say ", 200))+strokedCode(t, codeLink)), ""},
		{"no document", []byte("%PDF-1.7"), ""},
		{"no pdf", []byte("text"), ""},
		{"in an archive", zipOf(t, "a.pdf", string(pdfOf("", nil, ""))), "neither text nor a link"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reason, ok := attachment.WantsPages(inspect("a.pdf", test.data))
			if ok != (test.want != "") || !strings.Contains(reason, test.want) {
				t.Errorf("got %q, want %q", reason, test.want)
			}
		})
	}
}
