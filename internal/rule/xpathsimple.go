package rule

import (
	"regexp"

	"golang.org/x/net/html"

	"outrider/internal/rule/result"
)

// simplePath is an XPath expression that selects all elements with a name, or an attribute
// of them, or all comments. Most rules use these, and one pass over the nodes evaluates
// them.
type simplePath struct {
	kind      html.NodeType
	element   string // "" for any
	attribute string // "" for the element itself
}

var simplePaths = regexp.MustCompile(`^//(?:(comment\(\))|(\*|[a-z][a-z0-9]*)(?:/@([a-z][a-z-]*))?)$`)

// simplePathOf returns the expression as a simple path, or nil if it is not one.
func simplePathOf(expression string) *simplePath {
	m := simplePaths.FindStringSubmatch(expression)
	switch {
	case m == nil:
		return nil
	case m[1] != "":
		return &simplePath{kind: html.CommentNode}
	case m[2] == "*":
		return &simplePath{kind: html.ElementNode, attribute: m[3]}
	default:
		return &simplePath{kind: html.ElementNode, element: m[2], attribute: m[3]}
	}
}

// selectFrom returns the nodes that the path selects below a node, in document order.
func (p *simplePath) selectFrom(f *frame, root *html.Node) (out []result.HTML, whole bool) {
	out = []result.HTML{}
	for n := range descendants(root) {
		if len(out) >= maxNodes {
			break
		}
		if !f.spend(1) {
			return nil, false
		}
		if n.Type == p.kind && (p.element == "" || p.element == n.Data) {
			out = p.add(f, out, n)
		}
	}
	return out[:min(len(out), maxNodes)], true
}

// add describes a node, or its attributes with the name.
func (p *simplePath) add(f *frame, out []result.HTML, n *html.Node) []result.HTML {
	switch {
	case p.kind == html.CommentNode:
		return append(out, f.describeText(n.Data))
	case p.attribute == "":
		return append(out, f.describeNode(n))
	}
	for i := range n.Attr {
		if n.Attr[i].Key == p.attribute {
			out = append(out, f.describeText(n.Attr[i].Val))
		}
	}
	return out
}
