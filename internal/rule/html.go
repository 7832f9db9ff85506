package rule

import (
	"errors"
	"fmt"
	"strings"
	"sync"

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

// html parses an HTML document.
func (f *frame) html(doc string) *result.HTML {
	b := f.budget()
	parsed := sync.OnceValue(func() *markup.Document {
		start, _ := cutText(doc, maxText)
		return markup.Parse(start, b)
	})
	return &result.HTML{
		Raw:         func() string { return doc },
		InnerText:   func() string { return parsed().InnerText() },
		DisplayText: func() string { return parsed().DisplayText() },
		Links:       sync.OnceValue(func() []mdm.Link { return mdm.DocumentLinks(parsed(), b) }),
		Root:        func() *html.Node { return parsed().Root() },
	}
}

func parseHTML(f *frame, s string) schema.Value { return schema.OfObject(f.html(s)) }

// compileXPath compiles an XPath expression.
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
	if err != nil { // verified by the checker
		return constant(schema.Value{})
	}
	name, simple := "xpath:"+source, simplePathOf(source)
	var marks []string
	if !c.plain.NoWords {
		marks = marksOf(source)
	}
	some := c.wordsOfMarks(document.stream, marks)
	return &code{cost: document.cost + costXPath, nonEmpty: some, eval: func(f *frame) schema.Value {
		v := document.eval(f)
		if v.Ref() == nil {
			return schema.Value{}
		}
		if !some.holds(f) || !f.hasMarks(v, marks) {
			return schema.OfObject(&result.XPath{Nodes: []result.HTML{}})
		}
		return f.once(name, v.Ref(), func() schema.Value {
			if simple != nil {
				return f.selectSimple(simple, v)
			}
			return f.selectNodes(e, v)
		})
	}}
}

// wordsOfMarks returns the formula that the digest of a document has some marks.
func (c *compiler) wordsOfMarks(document *stream, marks []string) *formula {
	if document == nil || document.array {
		return nil
	}
	listed := &stream{key: "digest(" + document.key + ")", from: document, long: true, next: func(f *frame, v schema.Value) schema.Value {
		if v.Ref() == nil {
			return schema.Value{}
		}
		d, ok := f.digest(v)
		if !ok {
			return schema.Value{}
		}
		return schema.OfString(d)
	}}
	needs := make([]*formula, len(marks))
	for i, m := range marks {
		needs[i] = c.words.want(listed, m)
	}
	return both(needs...)
}

// digest computes the digest of a document, once. It is false without a document.
func (f *frame) digest(v schema.Value) (string, bool) {
	key := asked{"digest", v.Ref()}
	if d, ok := f.cache[key].(string); ok {
		return d, true
	}
	root := f.tree(v)
	if root == nil {
		return "", false
	}
	d := digest(root)
	f.cache[key] = d
	return d, true
}

// hasMarks reports whether an expression with some marks can select anything in a document.
func (f *frame) hasMarks(v schema.Value, marks []string) bool {
	if len(marks) == 0 {
		return true
	}
	if h, isPart := v.Ref().(*result.HTML); isPart && f.cache[asked{"digest", v.Ref()}] == nil {
		raw := f.cut(h.Raw(), maxText)
		if !f.spend(1+len(raw)/stepBytes) || cannotHave(raw, marks) {
			return false // no need to parse it
		}
	}
	d, ok := f.digest(v)
	if !ok {
		return true // evaluation finds out
	}
	return f.spend(1+len(d)/stepBytes) && within(d, marks)
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
		if p.Root != nil {
			return p.Root()
		}
		raw = p.Raw()
	}
	key := asked{"tree", v.Ref()}
	if n, ok := f.cache[key].(*html.Node); ok {
		return n
	}
	n := markup.Parse(f.cut(raw, maxText), f.budget()).Root()
	f.cache[key] = n
	return n
}

func (f *frame) selectSimple(p *simplePath, v schema.Value) schema.Value {
	root := f.tree(v)
	if root == nil {
		return schema.Value{}
	}
	nodes, whole := p.selectFrom(f, root)
	if !whole {
		return schema.Value{}
	}
	return schema.OfObject(&result.XPath{Nodes: nodes})
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

// errSteps is the error of an expression that visits too much of a document.
var errSteps = errors.New("the expression takes too many steps")

// guarded recovers from errSteps.
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

// walker counts the steps of an expression: two nested axes over a large document would
// never end.
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

// MoveTo moves to the position of another.
func (w *walker) MoveTo(other xpath.NodeNavigator) bool {
	o, ok := other.(*walker)
	return ok && w.NodeNavigator.MoveTo(o.NodeNavigator)
}

// Value counts the text below the node, which can be long.
func (w *walker) Value() string {
	v := w.NodeNavigator.Value()
	if !w.frame.spend(1 + len(v)/stepBytes) {
		panic(errSteps)
	}
	return v
}

// MoveToChild counts a step.
func (w *walker) MoveToChild() bool { w.step(); return w.NodeNavigator.MoveToChild() }

// MoveToNext counts a step.
func (w *walker) MoveToNext() bool { w.step(); return w.NodeNavigator.MoveToNext() }

// MoveToPrevious counts a step.
func (w *walker) MoveToPrevious() bool { w.step(); return w.NodeNavigator.MoveToPrevious() }

// MoveToParent counts a step.
func (w *walker) MoveToParent() bool { w.step(); return w.NodeNavigator.MoveToParent() }

// describe makes a document of a node. An attribute or text is its own text.
func (f *frame) describe(w *walker) result.HTML {
	if w.NodeType() != xpath.ElementNode && w.NodeType() != xpath.RootNode {
		return f.describeText(w.Value())
	}
	return f.describeNode(w.Current())
}

func (f *frame) describeText(text string) result.HTML {
	text = f.cut(text, maxRaw)
	f.in.pay(len(text))
	is := func() string { return text }
	return result.HTML{Raw: is, InnerText: is, DisplayText: is, Links: func() []mdm.Link { return nil }}
}

func (f *frame) describeNode(n *html.Node) result.HTML {
	p := &fragment{in: f.in, node: n}
	return result.HTML{Raw: p.raw.once(f.in, p.render), InnerText: p.inner.once(f.in, p.text), DisplayText: p.shown.once(f.in, p.display), Links: p.links.once(f.in, p.find)}
}

// fragment is an element of a document.
type fragment struct {
	in                *Input
	node              *html.Node
	raw, inner, shown late[string]
	links             late[[]mdm.Link]
}

// late is a value computed on first use.
type late[T any] struct {
	known bool
	value T
}

// once returns the computed value, and keeps it unless the rule was ended meanwhile.
func (l *late[T]) once(in *Input, compute func() T) func() T {
	return func() T {
		if l.known {
			return l.value
		}
		v := compute()
		if in.asks == nil || !in.asks.overrun {
			l.known, l.value = true, v
		}
		return v
	}
}

// Bounds on the bytes kept of one node, and of all nodes that the rules of one message use.
const (
	maxRaw       = 64 << 10
	maxDescribed = 8 << 20
)

// pay charges work on nodes, in bytes or nodes, to the current rule, and ends the rule if
// it is too much for one message.
func (in *Input) pay(n int) bool {
	in.described += n
	f := in.asks
	if f == nil {
		return in.described <= maxDescribed
	}
	f.overrun = f.overrun || in.described > maxDescribed
	return f.spend(1+n/stepBytes) && in.described <= maxDescribed
}

// render writes the element as HTML. Content beyond the bound is left out.
func (p *fragment) render() string {
	var out strings.Builder
	_ = html.Render(&capped{&out}, p.node)
	p.in.pay(out.Len())
	return out.String()
}

// text joins the texts below the element.
func (p *fragment) text() string {
	var out strings.Builder
	for n := range descendants(p.node) {
		if !p.in.pay(1) || out.Len() >= maxRaw {
			break
		}
		if n.Type == html.TextNode && (n.Parent == nil || n.Parent.Data != "script" && n.Parent.Data != "style") {
			text, _ := cutText(n.Data, maxRaw-out.Len())
			out.WriteString(text)
		}
	}
	p.in.pay(out.Len())
	return out.String()
}

// display returns the text with one space between words.
func (p *fragment) display() string {
	inner := p.inner.once(p.in, p.text)()
	shown := strings.Join(strings.Fields(inner), " ")
	p.in.pay(len(shown))
	if shown == inner {
		return inner
	}
	return shown
}

// capped writes up to a bound.
type capped struct{ to *strings.Builder }

func (c *capped) Write(p []byte) (int, error) {
	if c.to.Len()+len(p) > maxRaw {
		return 0, errSteps
	}
	return c.to.Write(p) //nolint:wrapcheck // never fails
}

// find collects the links below the element.
func (p *fragment) find() (links []mdm.Link) {
	for n := range descendants(p.node) {
		if !p.in.pay(1) || len(links) >= maxNodes {
			break
		}
		if n.Type == html.ElementNode && (n.Data == "a" || n.Data == "area" || n.Data == "form") {
			links = append(links, p.linksOf(n)...)
		}
	}
	return links
}

// linkBytes is the approximate size of a link besides its URL.
const linkBytes = 512

// linksOf returns the targets of an element.
func (p *fragment) linksOf(n *html.Node) (links []mdm.Link) {
	for _, a := range n.Attr {
		if a.Key != "href" && a.Key != "action" || !p.in.pay(linkBytes+len(a.Val)) {
			continue
		}
		if u, ok := observable.ParseURL(strings.TrimSpace(a.Val)); ok {
			links = append(links, mdm.NewLink(u, p.labelOf(n), "hyperlink"))
		}
	}
	return links
}

// maxLabel bounds the bytes of the text of a link.
const maxLabel = 1000

// labelOf returns the text of a link; a form has none.
func (p *fragment) labelOf(n *html.Node) string {
	if n.Data == "form" {
		return ""
	}
	var b strings.Builder
	for c := range descendants(n) {
		if b.Len() > maxLabel || !p.in.pay(1) {
			break
		}
		if c.Type == html.TextNode {
			b.WriteString(c.Data[:min(len(c.Data), maxLabel)])
		}
	}
	return strings.ToValidUTF8(strings.TrimSpace(b.String()), "")
}

// descendants yields a node and all nodes below it, without recursion.
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
