package message

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// The sender's style rules reach into a banner, which is part of the document. A
// declaration that is important in a style attribute is stronger than any rule of a sheet
// (CSS Cascading and Inheritance Level 5, Section 6.1), so each element of the banner says
// itself how it looks.

// guard is what every element of a banner declares, so that it is seen; what the banner
// declares itself is stronger.
const guard = "visibility:visible; opacity:1; position:static; float:none; left:auto; top:auto; right:auto; bottom:auto; clip:auto; clip-path:none; transform:none; translate:none; scale:none; " +
	"rotate:none; zoom:1; filter:none; mask:none; mix-blend-mode:normal; content-visibility:visible; contain:none; animation:none; transition:none; " +
	"width:auto; height:auto; min-width:0; min-height:0; max-width:none; max-height:none; overflow:visible; text-indent:0; " +
	"letter-spacing:normal; word-spacing:normal; white-space:normal; direction:inherit; text-shadow:none; " +
	"-webkit-text-fill-color:currentcolor; -webkit-text-security:none; writing-mode:horizontal-tb; columns:auto; shape-outside:none"

// outerGuard is what the outermost elements declare in addition. The first line and the
// first letter of a table are no pseudo-elements, which rules could reach. A banner is
// above what the sender places on the same spot.
const outerGuard = "display:table; box-sizing:border-box; width:100%; position:relative; z-index:2147483647; margin:0 0 12px 0; " +
	"font-size:14px; line-height:1.4; color:#222222; background-color:#ffffff; text-align:left"

// innerGuard is what elements within declare in addition, which look like what is around.
const innerGuard = "font-size:inherit; line-height:inherit; color:inherit"

// GuardedBanner returns the HTML of a banner with elements that defend what they look like.
func GuardedBanner(fragment string) string {
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(fragment), body)
	if err != nil || strings.TrimSpace(fragment) == "" {
		return fragment
	}
	var b strings.Builder
	for _, n := range wrapped(nodes) {
		for d := range n.Descendants() {
			defend(d, innerGuard)
		}
		defend(n, outerGuard)
		if html.Render(&b, n) != nil { // a builder takes everything
			return fragment
		}
	}
	return b.String()
}

// wrapped puts texts and inline elements that are by themselves into a block.
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

// defend makes every declaration of an element important, those of the guard first, so
// that those of the banner hold.
func defend(n *html.Node, more string) {
	if n.Type != html.ElementNode {
		return
	}
	own := ""
	kept := n.Attr[:0]
	for _, a := range n.Attr {
		if a.Key == "style" && a.Namespace == "" {
			own = a.Val
			continue
		}
		kept = append(kept, a)
	}
	n.Attr = kept
	shape := "display:" + displayOf(n.DataAtom) + "; "
	style := important(shape+guard+"; "+more) + important(own)
	n.Attr = append(n.Attr, html.Attribute{Key: "style", Val: strings.TrimSpace(style)})
}

// displayOf returns the box that an element makes by itself.
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

// important returns declarations with "!important" at each. Semicolons in strings and
// URLs end none.
func important(css string) string {
	var b strings.Builder
	for css != "" {
		i := declarationEnd(css)
		d := strings.TrimSpace(css[:i])
		css = css[min(i+1, len(css)):]
		if d == "" {
			continue
		}
		b.WriteString(d)
		if !strings.HasSuffix(strings.ToLower(d), "!important") {
			b.WriteString("!important")
		}
		b.WriteString("; ")
	}
	return b.String()
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
