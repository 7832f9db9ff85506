package page_test

import (
	"fmt"
	"image/color"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider/internal/attachment/page"
)

// document returns a PDF of pages of a size, without a table of its objects.
func document(box string, pages ...string) []byte {
	var b, kids strings.Builder
	for k, content := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", 10+2*k)
		fmt.Fprintf(&b, "%d 0 obj <</Type/Page/Parent 2 0 R/Contents %d 0 R>> endobj\n", 10+2*k, 11+2*k)
		fmt.Fprintf(&b, "%d 0 obj <</Length %d>> stream\n%s\nendstream endobj\n", 11+2*k, len(content), content)
	}
	return []byte("%PDF-1.4\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n" +
		fmt.Sprintf("2 0 obj <</Type/Pages/Kids[%s]/Count %d/MediaBox[%s]>> endobj\n", kids.String(), len(pages), box) +
		b.String() + "trailer <</Root 1 0 R>>\n%%EOF\n")
}

// TestRender shares one Renderer, since making it takes seconds.
func TestRender(t *testing.T) {
	t.Parallel()
	r, err := page.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	l := page.DefaultLimits()
	l.Wall = 700 * time.Millisecond
	slow := strings.Repeat("1 0 0 1 0.01 0.01 cm 0 0 m 200 400 l 10 10 m 50 60 70 80 90 100 c S\n", 300_000)
	tests := []struct {
		name  string
		data  []byte
		pages int
		notes []page.Note
	}{
		{"one page", document("0 0 200 400", "0 g 0 0 100 400 re f"), 1, nil},
		{"more pages", document("0 0 200 400", "", "", "", "", ""), 3, []page.Note{page.MorePages}},
		{"nonsense", []byte("%PDF-1.4 nothing"), 0, []page.Note{page.Unreadable}},
		{"nothing", nil, 0, []page.Note{page.Unreadable}},
		{"a page that takes for ever", document("0 0 200 400", slow), 0, []page.Note{page.Late}},
		{"the next one after it", document("0 0 200 400", "0 g 0 0 100 400 re f"), 1, nil},
		{"a page of no size", document("0 0 0 0", ""), 1, nil}, // PDFium takes it for Letter
		{"a page of any size", document("0 0 999999999 999999999", ""), 1, nil},
		{"a ribbon", document("0 0 1000000 1", ""), 1, nil},
		{"pages in a circle", []byte("%PDF-1.4\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n2 0 obj <</Type/Pages/Count 9/Kids[2 0 R 2 0 R]>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF"), 0, []page.Note{page.MorePages, page.Unreadable}},
		{"the last one", document("0 0 200 400", "0 g 0 0 100 400 re f"), 1, nil},
	}
	for _, test := range tests {
		pictures, notes, err := r.Render(t.Context(), test.data, "", l)
		if err != nil || len(pictures) != test.pages || !slices.Equal(notes, test.notes) {
			t.Errorf("%s: %d pages, notes %v, %v", test.name, len(pictures), notes, err)
			continue
		}
		for k, p := range pictures {
			if b := p.Image.Bounds(); p.Number != k+1 || b.Dx() > l.Side || b.Dy() > l.Side {
				t.Errorf("%s: page %d is %v", test.name, p.Number, b)
			}
		}
		if test.name == "the last one" {
			black, white := pictures[0].Image.RGBAAt(200, 800), pictures[0].Image.RGBAAt(600, 800)
			if black != (color.RGBA{0, 0, 0, 255}) || white != (color.RGBA{255, 255, 255, 255}) {
				t.Errorf("left %v, right %v", black, white)
			}
		}
	}
}
