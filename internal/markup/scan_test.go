package markup

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// TestScannerCutsAsTheTokenizerDoes compares tokens with those of x/net/html.
func TestScannerCutsAsTheTokenizerDoes(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"<", ">", "/", "!", "--", "-", "a", "b ", "<a", "</a", "<a b=\"", "\"", "'", "=", " ", "\n", "<!--", "-->", "--!>", "<!-->", "<!---->", "<?x", "</>", "</ x>",
		"<script>", "</script>", "<style ", "<title>", "</title ", "<textarea>", "</textarea/", "<xmp>", "</XMP>", "<plaintext>", "<iframe>", "</iframe>", "<!doctype x>", "<![CDATA[", "]]>", "&amp;", "\x00", "ß", "<A/>", "<br/>", "x=y>"})
	rapid.Check(t, func(t *rapid.T) {
		doc := strings.Join(rapid.SliceOfN(piece, 0, 30).Draw(t, "pieces"), "") + " ." // what ends within "</" is cut elsewhere, and counts the same
		var want, got []string
		z := html.NewTokenizer(strings.NewReader(doc))
		for z.Next() != html.ErrorToken {
			want = append(want, string(z.Raw()))
		}
		s := scanner{rest: doc}
		for {
			kind, token := s.next()
			if kind == noToken {
				break
			}
			got = append(got, token)
		}
		if strings.Join(got, "\x1f") != strings.Join(want, "\x1f") {
			t.Fatalf("%q: got %q, want %q", doc, got, want)
		}
	})
}

func TestAttributesAreCountedAsTheTokenizerDoes(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"a", "=", "\"", "'", " ", "b", "/", "c=d", " e = f ", "\n", `"g"`, "'h'"})
	rapid.Check(t, func(t *rapid.T) {
		doc := "<x " + strings.Join(rapid.SliceOfN(piece, 0, 20).Draw(t, "pieces"), "") + ">"
		z := html.NewTokenizer(strings.NewReader(doc))
		if z.Next() != html.StartTagToken && z.Token().Type != html.SelfClosingTagToken {
			t.Skip("not one tag") // rapid draws another
		}
		tag := string(z.Raw())
		n := 0
		for _, more := z.TagName(); more; n++ {
			_, _, more = z.TagAttr()
		}
		if _, got := attributesOf(tag); got < n {
			t.Fatalf("%q: %d attributes, want at least %d", tag, got, n)
		}
	})
}
