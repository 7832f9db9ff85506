package page_test

import (
	"testing"

	"outrider/internal/attachment/page"
)

// FuzzRender draws what is no PDF, or a broken one: it is noted, and never breaks the
// renderer.
func FuzzRender(f *testing.F) {
	f.Add([]byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj trailer<</Root 1 0 R>>"))
	f.Add([]byte("%PDF-1.7\nxref\n0 1\ntrailer<</Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF"))
	f.Add([]byte("no document"))
	r, err := page.Open()
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := r.Close(); err != nil {
			f.Error(err)
		}
	})
	l := page.DefaultLimits()
	f.Fuzz(func(t *testing.T, data []byte) {
		pictures, _, err := r.Render(t.Context(), data, "", l)
		if err != nil {
			t.Fatal(err)
		}
		if len(pictures) > l.Pages {
			t.Errorf("%d pictures of %d pages allowed", len(pictures), l.Pages)
		}
	})
}
