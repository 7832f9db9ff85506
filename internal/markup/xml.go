package markup

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"outrider/internal/budget"
)

// Namespaces of elements that browsers interpret.
const (
	spaceXHTML = "http://www.w3.org/1999/xhtml"
	spaceSVG   = "http://www.w3.org/2000/svg"
	spaceMath  = "http://www.w3.org/1998/Math/MathML"
	spaceXLink = "http://www.w3.org/1999/xlink"
)

// ParseXML parses XHTML, SVG and other XML as browsers do: elements are identified by
// namespace, with any prefix, entities of the internal subset are expanded, and the text
// after an error is dropped. Elements of other XML are read too.
func ParseXML(doc string, b *budget.Budget) *Document {
	if b == nil {
		b = budget.New(budget.Default())
	}
	d := &Document{}
	r := xmlReader{doc: d, budget: b}
	d.root = r.tree(expandEntities(doc, d))
	return d.read(b, false)
}

// isXML reports whether a document is only meaningful as XML: its elements have prefixes of
// XHTML or SVG, or it declares entities.
func isXML(doc string) bool {
	const head = 4 << 10
	start := strings.TrimLeft(clip(doc, head), " \t\r\n\ufeff")
	if !strings.HasPrefix(start, "<?xml") && !strings.HasPrefix(start, "<!DOCTYPE") && !strings.Contains(start, "xmlns:") {
		return false
	}
	if i := strings.Index(start, "<!DOCTYPE"); i >= 0 {
		if end := strings.IndexAny(start[i:], "[>"); end >= 0 && start[i+end] == '[' {
			return true
		}
	}
	for _, space := range []string{spaceXHTML, spaceSVG} {
		before, _, ok := strings.Cut(start, space)
		for ok {
			name := before[strings.LastIndexAny(before, " \t\r\n<")+1:]
			prefix, isPrefix := strings.CutPrefix(strings.TrimRight(name, `="' `), "xmlns:")
			if isPrefix && strings.Contains(start, "<"+prefix+":") {
				return true
			}
			start = start[len(before)+len(space):]
			before, _, ok = strings.Cut(start, space)
		}
	}
	return false
}

type xmlReader struct {
	doc    *Document
	budget *budget.Budget
	open   []*html.Node
}

func (r *xmlReader) tree(doc string) *html.Node {
	root := &html.Node{Type: html.DocumentNode}
	root.AppendChild(&html.Node{Type: html.DoctypeNode, Data: "html"})
	r.open = []*html.Node{root}
	d := xml.NewDecoder(strings.NewReader(doc))
	d.Strict = false
	d.Entity = xml.HTMLEntity
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // already decoded text
	for {
		t, err := d.Token()
		if err != nil {
			return root
		}
		if !r.budget.Spend(budget.HTMLNodes, 1) {
			r.doc.tolerate(TokensCut)
			return root
		}
		r.token(t)
	}
}

func (r *xmlReader) token(t xml.Token) {
	top := r.open[len(r.open)-1]
	switch t := t.(type) {
	case xml.StartElement:
		n := xmlElement(t)
		top.AppendChild(n)
		if len(r.open) < maxDepth {
			r.open = append(r.open, n)
		} else {
			r.doc.tolerate(DepthCut)
		}
	case xml.EndElement:
		if len(r.open) > 1 && strings.EqualFold(top.Data, t.Name.Local) {
			r.open = r.open[:len(r.open)-1]
		}
	case xml.CharData:
		top.AppendChild(&html.Node{Type: html.TextNode, Data: string(t)})
	case xml.Comment:
		top.AppendChild(&html.Node{Type: html.CommentNode, Data: string(t)})
	case xml.ProcInst:
		if t.Target == "xml-stylesheet" {
			top.AppendChild(sheetLink(string(t.Inst)))
		}
	}
}

// sheetLink makes a link element of <?xml-stylesheet href="…"?>.
func sheetLink(inst string) *html.Node {
	n := &html.Node{Type: html.ElementNode, Data: "link", DataAtom: atom.Link, Attr: []html.Attribute{{Key: "rel", Val: "stylesheet"}}}
	if _, rest, ok := strings.Cut(inst, "href="); ok && rest != "" {
		href, _, _ := strings.Cut(rest[1:], rest[:1])
		n.Attr = append(n.Attr, html.Attribute{Key: "href", Val: html.UnescapeString(href)})
	}
	return n
}

// xmlElement names an element by its namespace, as the HTML parser does.
func xmlElement(t xml.StartElement) *html.Node {
	n := &html.Node{Type: html.ElementNode, Data: t.Name.Local}
	switch {
	case t.Name.Space == spaceSVG || t.Name.Space == "svg" || t.Name.Space == "" && t.Name.Local == "svg":
		n.Namespace = "svg"
	case t.Name.Space == spaceMath:
		n.Namespace = "math"
	default:
		n.Data = strings.ToLower(n.Data)
	}
	n.DataAtom = atom.Lookup([]byte(strings.ToLower(n.Data)))
	for _, a := range t.Attr {
		if len(n.Attr) >= maxAttributes && !isVital([]byte(a.Name.Local)) {
			continue
		}
		key := html.Attribute{Key: a.Name.Local, Val: a.Value}
		switch a.Name.Space {
		case spaceXLink, "xlink":
			key.Namespace = "xlink"
		case "xmlns":
			continue
		}
		if n.Namespace == "" {
			key.Key = strings.ToLower(key.Key)
		}
		n.Attr = append(n.Attr, key)
	}
	return n
}

// Bounds of entities, which can be nested.
const (
	maxEntities    = 200
	maxEntityBytes = 1 << 20 // total of all expansions
	maxEntityDepth = 8
)

// expandEntities expands the entities of the internal subset, with their markup.
func expandEntities(doc string, d *Document) string {
	i := strings.Index(doc, "<!ENTITY")
	if i < 0 {
		return doc
	}
	values := map[string]string{}
	rest := doc[i:]
	for range maxEntities {
		var ok bool
		if _, rest, ok = strings.Cut(rest, "<!ENTITY"); !ok {
			break
		}
		if name, value, ok := entityOf(rest); ok && values[name] == "" {
			values[name] = value
		}
	}
	e := entityWriter{values: values, left: maxEntityBytes}
	e.write(doc, nil)
	if e.left < 0 {
		d.tolerate(NestedCut)
	}
	return e.b.String()
}

// entityOf parses `name "value"`.
func entityOf(s string) (name, value string, ok bool) {
	s = strings.TrimLeft(s, " \t\r\n%")
	end := nextOf(s, " \t\r\n")
	name, s = s[:end], strings.TrimLeft(s[end:], " \t\r\n")
	if name == "" || s == "" || s[0] != '"' && s[0] != '\'' {
		return "", "", false
	}
	value, _, ok = strings.Cut(s[1:], s[:1])
	return name, value, ok
}

type entityWriter struct {
	b      strings.Builder
	values map[string]string
	left   int
}

func (e *entityWriter) write(s string, within []string) {
	for s != "" {
		i := nextOf(s, "&")
		e.b.WriteString(s[:i])
		if s = s[i:]; s == "" {
			return
		}
		name := s[1:min(1+nextOf(s[1:], ";"), len(s))]
		value, ok := e.values[name]
		if !ok || len(within) == maxEntityDepth || slices.Contains(within, name) || e.left < 0 {
			e.b.WriteByte('&')
			s = s[1:]
			continue
		}
		e.left -= len(value) + 1
		e.write(value, append(within, name))
		s = s[min(len(name)+2, len(s)):]
	}
}
