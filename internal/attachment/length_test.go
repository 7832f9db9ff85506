package attachment_test

import (
	"fmt"
	"slices"
	"testing"

	"outrider/internal/attachment"
)

// A length beyond all bounds hides nothing that is in the document.
func TestLengthOfAStreamHidesNothing(t *testing.T) {
	t.Parallel()
	file := "MZ" + fmt.Sprintf("%062d", 0)
	doc := "%PDF-1.4\n1 0 obj<</Type/Catalog/Names<</EmbeddedFiles<</Names[(a.exe)2 0 R]>>>>>>endobj\n" +
		"2 0 obj<</Type/Filespec/F(a.exe)/EF<</F 3 0 R>>>>endobj\n" +
		fmt.Sprintf("3 0 obj<</Type/EmbeddedFile/Length %d>>stream\n%s\nendstream endobj\n", len(file), file) +
		"4 0 obj<</Length 9223372036854775807>>stream\nx\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
	r := explode(t, "x.pdf", []byte(doc))
	if !slices.ContainsFunc(r.Files, func(f attachment.File) bool { return f.Name == "a.exe" }) {
		t.Errorf("the program is not found: %v", r.Notes)
	}
	for _, n := range r.Notes {
		if n.Kind == attachment.NotePanic {
			t.Errorf("note %s: %s", n.Kind, n.Detail)
		}
	}
}
