package rule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/antchfx/htmlquery"
	"github.com/antchfx/xpath"
	"golang.org/x/net/html"

	"outrider/internal/evidence/mdm"
	"outrider/internal/markup"
	"outrider/internal/observable"
	"outrider/internal/rule/result"
	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// html reads an HTML document.
func (f *frame) html(doc string) *result.HTML {
	d := markup.Parse(f.cut(doc, maxText), f.budget())
	return &result.HTML{Raw: doc, InnerText: d.InnerText(), DisplayText: d.DisplayText(), Links: mdm.DocumentLinks(d, f.budget())}
}

func parseHTML(f *frame, s string) schema.Value { return schema.OfObject(f.html(s)) }

// compileXPath reads an XPath expression.
func compileXPath(expression string) (*xpath.Expr, error) {
	e, err := xpath.Compile(expression)
	if err != nil {
		return nil, fmt.Errorf("reading the XPath expression: %w", err)
	}
	return e, nil
}

// maxNodes bounds the nodes that one XPath expression selects.
const maxNodes = 500

// xpath compiles html.xpath.
func (c *compiler) xpath(n *syntax.Call, document *code) *code {
	source, _ := literal(n.Args[1])
	e, err := compileXPath(source)
	if err != nil { // the checker has read it
		return constant(schema.Value{})
	}
	return &code{cost: document.cost + costXPath, eval: func(f *frame) schema.Value {
		v := document.eval(f)
		if v.Ref() == nil {
			return schema.Value{}
		}
		return f.once("xpath:"+source, v.Ref(), func() schema.Value { return f.selectNodes(e, v) })
	}}
}

// tree parses a document into nodes, once.
func (f *frame) tree(v schema.Value) *html.Node {
	raw := ""
	switch p := v.Ref().(type) {
	case *mdm.HTML:
		if d := p.Document(); d != nil {
			return d.Root()
		}
		raw = p.Raw
	case *result.HTML:
		raw = p.Raw
	}
	key := asked{"tree", v.Ref()}
	if n, ok := f.cache[key].(*html.Node); ok {
		return n
	}
	n := markup.Parse(f.cut(raw, maxText), f.budget()).Root()
	f.cache[key] = n
	return n
}

func (f *frame) selectNodes(e *xpath.Expr, v schema.Value) schema.Value {
	root := f.tree(v)
	if root == nil {
		return schema.Value{}
	}
	out := &result.XPath{Nodes: []result.HTML{}}
	err := guarded(func() {
		for it := e.Select(&walker{NodeNavigator: htmlquery.CreateXPathNavigator(root), frame: f}); it.MoveNext(); {
			if len(out.Nodes) == maxNodes {
				return
			}
			w, ok := it.Current().(*walker)
			if !ok {
				return
			}
			out.Nodes = append(out.Nodes, f.describe(w))
		}
	})
	if err != nil {
		return schema.Value{}
	}
	return schema.OfObject(out)
}

// errSteps ends an expression that goes too far through a document.
var errSteps = errors.New("the expression takes too many steps")

// guarded runs what may give up.
func guarded(do func()) (err error) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case errSteps:
			err = errSteps
		default:
			panic(r)
		}
	}()
	do()
	return nil
}

// walker counts the steps that an expression takes: two nested axes over a large document
// would never end.
type walker struct {
	*htmlquery.NodeNavigator

	frame *frame
}

func (w *walker) step() {
	if !w.frame.spend(1) {
		panic(errSteps)
	}
}

// Copy copies the position.
func (w *walker) Copy() xpath.NodeNavigator {
	w.step()
	n, _ := w.NodeNavigator.Copy().(*htmlquery.NodeNavigator)
	return &walker{n, w.frame}
}

// MoveTo goes to the position of another.
func (w *walker) MoveTo(other xpath.NodeNavigator) bool {
	o, ok := other.(*walker)
	return ok && w.NodeNavigator.MoveTo(o.NodeNavigator)
}

// Value counts the text below the node, which makes it long.
func (w *walker) Value() string {
	v := w.NodeNavigator.Value()
	if !w.frame.spend(1 + len(v)/stepBytes) {
		panic(errSteps)
	}
	return v
}

// MoveToChild counts.
func (w *walker) MoveToChild() bool { w.step(); return w.NodeNavigator.MoveToChild() }

// MoveToNext counts.
func (w *walker) MoveToNext() bool { w.step(); return w.NodeNavigator.MoveToNext() }

// MoveToPrevious counts.
func (w *walker) MoveToPrevious() bool { w.step(); return w.NodeNavigator.MoveToPrevious() }

// MoveToParent counts.
func (w *walker) MoveToParent() bool { w.step(); return w.NodeNavigator.MoveToParent() }

// Bounds of the bytes that are kept of one node, and of all nodes that the rules of one message
// select.
const (
	maxRaw       = 64 << 10
	maxDescribed = 8 << 20
)

// describe makes a document of a node. An attribute or text is its own text.
func (f *frame) describe(w *walker) result.HTML {
	n := w.Current()
	if w.NodeType() != xpath.ElementNode && w.NodeType() != xpath.RootNode {
		text := f.cut(w.Value(), maxRaw)
		f.pay(len(text))
		return result.HTML{Raw: text, InnerText: text, DisplayText: text}
	}
	d := describer{frame: f}
	d.walk(n)
	var raw strings.Builder
	_ = html.Render(&capped{&raw}, n) // what is beyond the bound is left out
	inner := d.text.String()
	shown := strings.Join(strings.Fields(inner), " ")
	if shown == inner {
		shown = inner
	}
	f.pay(raw.Len() + len(inner) + len(shown))
	return result.HTML{Raw: raw.String(), InnerText: inner, DisplayText: shown, Links: d.links}
}

// pay ends an expression when nodes were described that are too large together.
func (f *frame) pay(n int) {
	f.described += n
	if f.described > maxDescribed || !f.spend(1+n/stepBytes) {
		f.overrun = true
		panic(errSteps)
	}
}

// capped writes up to a bound.
type capped struct{ to *strings.Builder }

func (c *capped) Write(p []byte) (int, error) {
	if c.to.Len()+len(p) > maxRaw {
		return 0, errSteps
	}
	return c.to.Write(p) //nolint:wrapcheck // never fails
}

// describer collects text and links below a node.
type describer struct {
	frame *frame
	text  strings.Builder
	links []mdm.Link
}

func (d *describer) walk(top *html.Node) {
	for n := range descendants(top) {
		if !d.frame.spend(1) || d.text.Len() >= maxRaw {
			return
		}
		if n.Type == html.TextNode && (n.Parent == nil || n.Parent.Data != "script" && n.Parent.Data != "style") {
			d.text.WriteString(d.frame.cut(n.Data, maxRaw-d.text.Len()))
		}
		if n.Type == html.ElementNode {
			d.link(n)
		}
	}
}

func (d *describer) link(n *html.Node) {
	if n.Data != "a" && n.Data != "area" && n.Data != "form" || len(d.links) == maxNodes {
		return
	}
	for _, a := range n.Attr {
		if a.Key != "href" && a.Key != "action" {
			continue
		}
		if u, ok := observable.ParseURL(strings.TrimSpace(a.Val)); ok {
			d.links = append(d.links, mdm.NewLink(u, labelOf(n), "hyperlink"))
		}
	}
}

// maxLabel bounds the bytes of the text of a link.
const maxLabel = 1000

// labelOf returns the text of a link; a form has none.
func labelOf(n *html.Node) string {
	if n.Data == "form" {
		return ""
	}
	var b strings.Builder
	for c := range descendants(n) {
		if b.Len() > maxLabel {
			break
		}
		if c.Type == html.TextNode {
			b.WriteString(c.Data[:min(len(c.Data), maxLabel)])
		}
	}
	return strings.ToValidUTF8(strings.TrimSpace(b.String()), "")
}

// descendants yields a node and all below it, without recursion.
func descendants(top *html.Node) func(func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		for n := top; n != nil; {
			if !yield(n) {
				return
			}
			if n.FirstChild != nil {
				n = n.FirstChild
				continue
			}
			for n != top && n.NextSibling == nil {
				n = n.Parent
			}
			if n == top {
				return
			}
			n = n.NextSibling
		}
	}
}
