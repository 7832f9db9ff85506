package markup

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"outrider/internal/budget"
)

// survey scans the tokens once. It returns the prefix of doc within the budget, the end of
// the rest, and whether html.Parse could need more than linear time for the prefix.
func survey(doc string, b *budget.Budget, d *Document) (head, tail string, risky bool) {
	s := surveyor{size: len(doc)}
	tokens := scanner{rest: doc}
	for {
		kind, token := tokens.next()
		if kind == noToken {
			return doc, "", s.risky()
		}
		if !b.Spend(budget.HTMLNodes, 1) {
			d.tolerate(TokensCut)
			return doc[:s.read], tailOf(doc[s.read:]), s.risky()
		}
		s.read += len(token)
		s.token(kind, token)
	}
}

// tailOf returns the end of the text beyond the budget, from the beginning of a tag on.
func tailOf(rest string) string {
	rest = clipStart(rest, maxTail)
	return rest[nextOf(rest, "<"):]
}

// appendTail adds the end of a document that is too long: text that a reader reaches last
// must not be lost because of the length before it.
func (d *Document) appendTail(tail string) {
	if tail == "" {
		return
	}
	root := simpleTree(tail, d)
	d.work += len(tail)
	for n := root.FirstChild; n != nil; n = root.FirstChild {
		root.RemoveChild(n)
		d.root.AppendChild(n)
	}
}

// surveyor keeps an upper bound of the work of html.Parse. In doubt it chooses the simple
// tree builder.
type surveyor struct {
	size, read int
	open       int // start tags without their end tag
	formatting int // those of formatting elements
	deepest    int
	mostFormat int
	attributes int // maximum of one tag
	roots      int
	run        int // bytes of text that html.Parse could join into one node
	joined     int // bytes copied by joining
	loose      int // open tables, selects and framesets, in which tags may be dropped and texts moved
	depthOf    [len(looseTags)]int
}

var looseTags = [...]atom.Atom{atom.Table, atom.Select, atom.Frameset, atom.Colgroup, atom.Svg, atom.Math}

func (s *surveyor) risky() bool {
	return s.deepest > maxDepth || s.mostFormat > maxFormatting || s.attributes > maxAttributes || s.roots > maxRootTags ||
		s.size > smallDocument && s.joined > 16*s.size
}

func (s *surveyor) token(kind tokenKind, token string) {
	switch kind {
	case textToken:
		s.run += len(token)
		s.joined += s.run
	case startToken:
		if !strings.HasSuffix(token, "/>") {
			s.start(atomOf(tagNameOf(token[1:])))
		}
		if len(token) > 2*maxAttributes {
			_, n := attributesOf(token)
			s.attributes = max(s.attributes, n)
		}
	case endToken:
		s.end(atomOf(tagNameOf(token[2:])))
	case noToken, otherToken:
	}
}

func atomOf(name string) atom.Atom {
	var buffer [24]byte
	return atom.Lookup(append(buffer[:0], name...))
}

func (s *surveyor) start(tag atom.Atom) {
	if isVoid(tag) {
		s.breakRun(tag)
		return
	}
	if !closesItself(tag) {
		s.open++
	}
	s.deepest = max(s.deepest, s.open)
	if isFormatting(tag) {
		s.formatting++
		s.mostFormat = max(s.mostFormat, s.formatting)
	}
	if tag == atom.Html || tag == atom.Body {
		s.roots++
	}
	for i, l := range looseTags {
		if l == tag {
			s.depthOf[i]++
			s.loose++
		}
	}
	s.breakRun(tag)
}

// breakRun ends the run of joined text if the tag certainly becomes a node.
func (s *surveyor) breakRun(tag atom.Atom) {
	switch tag {
	case atom.Td, atom.Th:
		s.run = 0
	case atom.A, atom.B, atom.Br, atom.Div, atom.Span, atom.Font, atom.P, atom.Img, atom.I, atom.Strong, atom.Li, atom.Em, atom.U:
		if s.loose == s.depthOf[0] { // tables only: text beside cells is rare
			s.run = 0
		}
	default:
	}
}

func (s *surveyor) end(tag atom.Atom) {
	if !closesItself(tag) {
		s.open = max(s.open-1, 0)
	}
	if isFormatting(tag) {
		s.formatting = max(s.formatting-1, 0)
	}
	for i, l := range looseTags {
		if l == tag && s.depthOf[i] > 0 {
			s.depthOf[i]--
			s.loose--
		}
	}
}

// closesItself reports whether authors omit the end tag and parsers supply it, so that the
// number of open ones is no measure of depth.
func closesItself(tag atom.Atom) bool {
	switch tag {
	case atom.P, atom.Li, atom.Td, atom.Th, atom.Tr, atom.Tbody, atom.Thead, atom.Tfoot, atom.Option, atom.Dt, atom.Dd, atom.Html,
		atom.Head, atom.Body, atom.Optgroup, atom.Colgroup:
		return true
	default:
		return false
	}
}

func isFormatting(tag atom.Atom) bool {
	switch tag {
	case atom.A, atom.B, atom.Big, atom.Code, atom.Em, atom.Font, atom.I, atom.Nobr, atom.S, atom.Small, atom.Strike, atom.Strong,
		atom.Tt, atom.U:
		return true
	default:
		return false
	}
}

func isVoid(tag atom.Atom) bool {
	switch tag {
	case atom.Area, atom.Base, atom.Basefont, atom.Bgsound, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link,
		atom.Meta, atom.Param, atom.Source, atom.Track, atom.Wbr, atom.Frame:
		return true
	default:
		return false
	}
}

// buildTree returns the tree of doc. html.Parse refuses trees of 512 levels, which the
// survey cannot always predict.
func buildTree(doc string, risky bool, d *Document) *html.Node {
	if !risky {
		if root, err := html.ParseWithOptions(strings.NewReader(doc), html.ParseOptionEnableScripting(false)); err == nil {
			return root
		}
	}
	d.tolerate(SimpleTree)
	return simpleTree(doc, d)
}

// simpleTree builds a tree in one pass, without the repairs of HTML parsers: an end tag
// closes the nearest element of its name among the last few open ones.
func simpleTree(doc string, d *Document) *html.Node {
	root := &html.Node{Type: html.DocumentNode}
	b := treeBuilder{open: []*html.Node{root}, doc: d}
	z := html.NewTokenizer(strings.NewReader(doc))
	z.SetMaxBuf(len(doc) + 1)
	for {
		switch t := z.Next(); t {
		case html.ErrorToken:
			return root
		case html.TextToken:
			b.add(&html.Node{Type: html.TextNode, Data: string(z.Text())})
		case html.CommentToken:
			b.add(&html.Node{Type: html.CommentNode, Data: string(z.Text())})
		case html.StartTagToken, html.SelfClosingTagToken:
			b.start(z, t == html.SelfClosingTagToken)
		case html.EndTagToken:
			name, _ := z.TagName()
			b.end(string(name))
		default:
		}
	}
}

type treeBuilder struct {
	open []*html.Node
	doc  *Document
}

func (b *treeBuilder) add(n *html.Node) { b.open[len(b.open)-1].AppendChild(n) }

func (b *treeBuilder) start(z *html.Tokenizer, selfClosing bool) {
	name, more := z.TagName()
	n := &html.Node{Type: html.ElementNode, Data: string(name), DataAtom: atom.Lookup(name)}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if len(n.Attr) >= maxAttributes {
			b.doc.tolerate(AttributesCut)
			if !isVital(key) || hasAttr(n, string(key)) {
				continue
			}
		}
		n.Attr = append(n.Attr, html.Attribute{Key: string(key), Val: string(value)})
	}
	b.implyEnd(n.DataAtom)
	b.add(n)
	if isVoid(n.DataAtom) || selfClosing && n.DataAtom == 0 {
		return
	}
	if len(b.open) >= maxDepth {
		b.doc.tolerate(DepthCut)
		return
	}
	b.open = append(b.open, n)
}

// isVital reports whether an attribute is kept beyond maxAttributes others: link targets
// and attributes that styles depend on.
func isVital(key []byte) bool {
	switch string(key) {
	case "href", "src", "style", "action", "formaction", "srcset", "srcdoc", "class", "id", "background", "data", "xlink:href", "content",
		"http-equiv", "type", "value", "hidden", "ping", "poster", "name", "color", "bgcolor", "onclick", "onload", "onerror":
		return true
	}
	return false
}

// implyEnd closes the element that a start tag of the same kind ends: paragraphs,
// list items, cells.
func (b *treeBuilder) implyEnd(tag atom.Atom) {
	top := b.open[len(b.open)-1].DataAtom
	switch {
	case tag == atom.A && top == atom.A, top == atom.P && isBlock(tag), tag == atom.Li && top == atom.Li,
		tag == atom.Option && top == atom.Option, isCell(tag) && isCell(top), tag == atom.Tr && top == atom.Tr:
		b.open = b.open[:len(b.open)-1]
	case tag == atom.Tr && isCell(top):
		b.end("tr")
	}
}

func (b *treeBuilder) end(name string) {
	const look = 16 // keeps the work per tag constant
	for i := len(b.open) - 1; i >= max(1, len(b.open)-look); i-- {
		if b.open[i].Data == name {
			b.open = b.open[:i]
			return
		}
	}
}

func isCell(tag atom.Atom) bool { return tag == atom.Td || tag == atom.Th }

func isBlock(tag atom.Atom) bool {
	switch tag {
	case atom.P, atom.Div, atom.Table, atom.Tr, atom.Li, atom.Ul, atom.Ol, atom.Dl, atom.Dt, atom.Dd, atom.H1, atom.H2, atom.H3,
		atom.H4, atom.H5, atom.H6, atom.Hr, atom.Blockquote, atom.Pre, atom.Body, atom.Center, atom.Section, atom.Article,
		atom.Header, atom.Footer, atom.Main, atom.Nav, atom.Aside, atom.Address, atom.Form, atom.Fieldset, atom.Option,
		atom.Details, atom.Summary, atom.Figure, atom.Caption, atom.Tbody, atom.Thead, atom.Tfoot:
		return true
	default:
		return false
	}
}
