package markup_test

import (
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// TestSelectorsMatchAsCascadiaDoes compares which elements a rule hides with those
// that cascadia finds.
func TestSelectorsMatchAsCascadiaDoes(t *testing.T) {
	t.Parallel()
	simple := rapid.SampledFrom([]string{"p", "i", "div", "*", ".a", ".b", "#x", "p.a", "div#x.b", "[data-k]", `[data-k="v"]`, `[data-k^=v]`, `[data-k~="w"]`, "i.a.b", `[data-k|=v]`, `[data-k$="w"]`, "[data-k*=v]"})
	open := rapid.SampledFrom([]string{"<div>", "<div class=a>", "<div id=x class='b c'>", "<i>", "<i class='a b'>", "<i data-k=v>", "<div data-k='v w'>", "<i data-k=v-w>", "</i>", "</div>", "</div>"})
	rapid.Check(t, func(t *rapid.T) {
		selector := simple.Draw(t, "first")
		for range rapid.IntRange(0, 4).Draw(t, "combinators") {
			selector += rapid.SampledFrom([]string{" ", " > ", ">", "  "}).Draw(t, "combinator") + simple.Draw(t, "next")
		}
		body := strings.Join(rapid.SliceOfN(open, 0, 30).Draw(t, "tags"), "t")
		want, err := cascadia.ParseGroup(selector)
		if err != nil {
			t.Skip(err)
		}
		d := parse("<style>" + selector + "{mso-hide:all}html,body,head{mso-hide:none}</style><body>" + body)
		expected := 0
		for n := range d.Root().Descendants() {
			if n.Type == html.TextNode && n.Parent.Data != "style" && hidden(n.Parent, want) {
				expected++
			}
		}
		if got := len(d.Hidden()); got != expected {
			t.Fatalf("%s in %s: %d hidden texts, want %d", selector, body, got, expected)
		}
	})
}

// hidden reports whether the selector matches n or, since mso-hide is inherited here,
// an element around it, body excepted.
func hidden(n *html.Node, s cascadia.SelectorGroup) bool {
	for ; n != nil && n.Type == html.ElementNode && n.Data != "body"; n = n.Parent {
		if s.Match(n) {
			return true
		}
	}
	return false
}
