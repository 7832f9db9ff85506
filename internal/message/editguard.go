package message

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/unicode/bidi"
)

// The sender's style rules apply to a banner, which is part of the document. An important
// declaration in a style attribute overrides any rule of a style sheet (CSS Cascading and
// Inheritance Level 5, Section 6.1), so each element of the banner, and each ancestor,
// declares its style.

// bannerClass is the class of every element of a banner, for the rules of bannerSheet.
const bannerClass = "outrider-banner"

// flat declares the defaults of the properties that hide or move an element. Clients
// without "all" need each property.
const flat = "visibility:visible; opacity:1; position:static; float:none; clip:auto; clip-path:none; transform:none; translate:none; scale:none; " +
	"rotate:none; perspective:none; offset-path:none; zoom:1; filter:none; backdrop-filter:none; mask:none; -webkit-mask-box-image:none; mix-blend-mode:normal; content-visibility:visible; " +
	"contain:none; container-type:normal; animation:none; transition:none; width:auto; height:auto; min-width:0; min-height:0; max-width:none; " +
	"max-height:none; overflow:visible; columns:auto; writing-mode:horizontal-tb; outline:none; scroll-snap-type:none; align-content:normal; justify-items:normal; justify-self:auto"

// guard is declared by every element of a banner, before the banner's own declarations.
// "all" sets every property, including future ones (CSS Cascading and Inheritance Level 5,
// Section 3.2).
const guard = "all:initial; " + flat + "; left:auto; top:auto; right:auto; bottom:auto; text-indent:0; " +
	"letter-spacing:normal; word-spacing:normal; white-space:normal; unicode-bidi:isolate; text-shadow:none; text-transform:none; " +
	"-webkit-text-fill-color:currentcolor; -webkit-text-security:none; shape-outside:none; font-family:sans-serif"

// outerGuard is declared by the outermost elements in addition. The first line and the
// first letter of a table are no pseudo-elements, which rules could match. Of several
// scroll targets of a page, the first counts (CSS Scroll Snap Level 2, Section 3.1.1).
const outerGuard = "display:table; box-sizing:border-box; width:100%; position:relative; z-index:2147483647; isolation:isolate; margin:0 0 12px 0; " +
	"font-size:14px; line-height:1.4; color:#222222; background-color:#ffffff; text-align:start; scroll-initial-target:nearest"

// innerGuard is declared by inner elements in addition, which inherit their look.
const innerGuard = "font-size:inherit; line-height:inherit; color:inherit; text-align:inherit; direction:inherit"

// rootGuard is what the elements html and body declare. Fonts and backgrounds are the
// sender's. Where "scrollbar-color" has a value, rules for "::-webkit-scrollbar" do not
// apply, which could make the scroll bar as wide as the window.
const rootGuard = "display:block; " + flat + "; margin:0; padding:0; border:0; scroll-initial-target:none; scroll-marker-group:none; " +
	"scrollbar-gutter:auto; scrollbar-color:#8a8a8a #f1f1f1"

// htmlGuard is what the element html declares in addition: spaces between head and body
// are its text, and must not become lines.
const htmlGuard = rootGuard + "; white-space:normal"

// contentGuard is declared by the element around the sender's content. It is a stacking
// context below the banner, and contains fixed boxes too (CSS Containment Level 2, Section
// 3.2), so that nothing in it can cover the banner.
const contentGuard = "all:unset; display:block; position:relative; z-index:0; isolation:isolate; contain:layout; float:none; margin:0; padding:8px; " +
	"transform:none; top:auto; left:auto"

// bannerSheet has the rules that style attributes cannot express. Of important rules, those
// of the first layer win, and no other sheet can add to an unnamed layer (CSS Cascading and
// Inheritance Level 5, Section 6.4).
const bannerSheet = "<style>@layer{ head, html::before, html::after, body::before, body::after, ." + bannerClass + "::before, ." + bannerClass +
	"::after{ display:none!important; content:none!important } ." + bannerClass + "::first-line, ." + bannerClass +
	"::first-letter{ color:inherit!important; font:inherit!important; background:none!important; text-shadow:none!important } " +
	"html::scroll-button(*), body::scroll-button(*){ content:none!important } }</style>"

// guardedBanner returns the HTML of a banner whose elements declare their complete style.
func guardedBanner(fragment string) string {
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(fragment), body)
	if err != nil || strings.TrimSpace(fragment) == "" {
		return fragment
	}
	var b strings.Builder
	for _, n := range wrapped(nodes) {
		for _, d := range slices.Collect(n.Descendants()) {
			defend(d, innerGuard)
			loosen(d)
		}
		defend(n, outerGuard+"; direction:"+directionOf(n))
		if html.Render(&b, n) != nil { // writing to a builder cannot fail
			return fragment
		}
	}
	return b.String()
}

// maxRun is the maximum number of characters without a space; entities turn each into eight
// bytes or more.
const maxRun = 20

// loosen inserts comments with a space into texts without spaces, so that their lines can
// be broken without visible changes.
func loosen(n *html.Node) {
	if n.Type != html.TextNode {
		return
	}
	run := 0
	for i, r := range n.Data {
		if run++; r == ' ' {
			run = 0
		}
		if run > maxRun {
			rest := &html.Node{Type: html.TextNode, Data: n.Data[i:]}
			n.Data = n.Data[:i]
			n.Parent.InsertBefore(rest, n.NextSibling)
			n.Parent.InsertBefore(&html.Node{Type: html.CommentNode, Data: " "}, rest)
			loosen(rest)
			return
		}
	}
}

// directionOf returns the direction of the first letter that has one, as for "dir=auto".
// The direction of the sender's page is irrelevant for the banner.
func directionOf(n *html.Node) string {
	for d := range n.Descendants() {
		if d.Type != html.TextNode {
			continue
		}
		for _, r := range d.Data {
			switch p, _ := bidi.LookupRune(r); p.Class() {
			case bidi.L:
				return "ltr"
			case bidi.R, bidi.AL:
				return "rtl"
			default: // neutral
			}
		}
	}
	return "ltr"
}

// wrapped wraps top-level texts and inline elements in a block.
func wrapped(nodes []*html.Node) []*html.Node {
	var out []*html.Node
	var loose *html.Node
	for _, n := range nodes {
		if n.Type == html.ElementNode && n.DataAtom != atom.Br && isBannerBlock(n.DataAtom) {
			loose = nil
			out = append(out, n)
			continue
		}
		if n.Type == html.TextNode && strings.TrimSpace(n.Data) == "" && loose == nil {
			continue
		}
		if loose == nil {
			loose = &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
			out = append(out, loose)
		}
		loose.AppendChild(n)
	}
	return out
}

func isBannerBlock(tag atom.Atom) bool {
	switch tag {
	case atom.Div, atom.P, atom.Table, atom.Center, atom.Blockquote, atom.Section, atom.Aside, atom.Header, atom.H1, atom.H2, atom.H3, atom.H4,
		atom.Ul, atom.Ol, atom.Hr:
		return true
	default:
		return false
	}
}

// defend makes every declaration of an element important, the guard's first, so that the
// banner's own take precedence.
func defend(n *html.Node, more string) {
	if n.Type != html.ElementNode {
		return
	}
	own := ""
	kept := []html.Attribute{{Key: "class", Val: bannerClass}}
	for _, a := range n.Attr {
		switch {
		case a.Key == "style" && a.Namespace == "":
			own = a.Val
		case a.Key != "class":
			kept = append(kept, a)
		}
	}
	style := important(guard+"; display:"+displayOf(n.DataAtom)+"; font-weight:"+weightOf(n.DataAtom)+"; "+more) + important(own)
	n.Attr = append(kept, html.Attribute{Key: "style", Val: strings.TrimSpace(style)})
}

// weightOf returns the default font weight of an element.
func weightOf(tag atom.Atom) string {
	switch tag {
	case atom.B, atom.Strong, atom.Th, atom.H1, atom.H2, atom.H3, atom.H4:
		return "bold"
	default:
		return "inherit"
	}
}

// displayOf returns the default display of an element.
func displayOf(tag atom.Atom) string {
	switch tag {
	case atom.Table:
		return "table"
	case atom.Tbody, atom.Thead, atom.Tfoot:
		return "table-row-group"
	case atom.Tr:
		return "table-row"
	case atom.Td, atom.Th:
		return "table-cell"
	case atom.Li:
		return "list-item"
	default:
		if isBannerBlock(tag) {
			return "block"
		}
		return "inline"
	}
}

// important returns declarations with "!important" at each. Semicolons in strings and URLs
// are no ends.
func important(css string) string {
	var b strings.Builder
	for d := range declarations(css) {
		b.WriteString(d)
		if !strings.HasSuffix(strings.ToLower(d), "!important") {
			b.WriteString("!important")
		}
		b.WriteString("; ")
	}
	return b.String()
}

// declarations yields the declarations of a style attribute.
func declarations(css string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for css != "" {
			i := declarationEnd(css)
			d := strings.TrimSpace(css[:i])
			css = css[min(i+1, len(css)):]
			if d != "" && !yield(d) {
				return
			}
		}
	}
}

func declarationEnd(css string) int {
	var quote byte
	open := 0
	for i := range len(css) {
		switch c := css[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			open++
		case c == ')':
			open--
		case c == ';' && open <= 0:
			return i
		}
	}
	return len(css)
}
