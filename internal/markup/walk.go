package markup

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// preview is the data of a document needed before its styles are computed.
type preview struct {
	sheet      *sheet
	base       baseURL
	hasBase    bool
	used       map[string]bool // ids of SVG elements that a use element draws
	quirks     bool
	containers bool
	nodes      int // elements
	texts      int // bytes of text
}

// previewOf reads the style elements, the base and the ids of elements drawn by use.
func previewOf(root *html.Node, d *Document, quirks bool) preview {
	s := preview{sheet: newSheet(d, quirks), quirks: quirks}
	r := previewReader{preview: &s, doc: d}
	for n := root.FirstChild; n != nil; n = n.NextSibling {
		r.visit(n)
	}
	s.sheet.done()
	return s
}

type previewReader struct {
	preview *preview
	doc     *Document
	title   string // of the first titled style sheet set
}

// visit walks n and its descendants, except for templates, whose content is not part of the
// document.
func (r *previewReader) visit(n *html.Node) {
	r.doc.work++
	r.preview.nodes++
	switch {
	case n.Type == html.TextNode:
		r.preview.texts += len(n.Data)
		return
	case n.Type != html.ElementNode:
		return
	case n.DataAtom == atom.Template && n.Namespace == "":
		return
	case n.DataAtom == atom.Style:
		r.style(n)
		return
	case n.DataAtom == atom.Base && !r.preview.hasBase:
		r.base(n)
	case n.Data == "use" && n.Namespace == "svg":
		r.use(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		r.visit(c)
	}
}

// style reads a sheet, unless it belongs to another set than the first titled one.
func (r *previewReader) style(n *html.Node) {
	text := ""
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		text += c.Data
		if c.NextSibling != nil && len(text) > maxSheet {
			break
		}
	}
	applies := isSheet(n) && appliesToScreen(strings.ToLower(attr(n, "media")))
	if t := attr(n, "title"); t != "" && applies {
		if r.title == "" {
			r.title = t
		}
		applies = t == r.title
	}
	s := r.preview
	s.sheet.read(text, n, applies)
	s.containers = s.containers || strings.Contains(text, "@container")
}

// base uses the first one with an address. HTML Living Standard, Section 4.2.3.
func (r *previewReader) base(n *html.Node) {
	if n.Namespace == "" && hasAttr(n, "href") {
		r.preview.base, _ = parseBase(cleanTarget(attr(n, "href")))
		r.preview.hasBase = true
	}
}

func (r *previewReader) use(n *html.Node) {
	for _, a := range n.Attr {
		if id, ok := strings.CutPrefix(a.Val, "#"); ok && a.Key == "href" && len(r.preview.used) < maxRules {
			if r.preview.used == nil {
				r.preview.used = map[string]bool{}
			}
			r.preview.used[id] = true
		}
	}
}

// isQuirky reports whether browsers read the document in quirks mode. HTML Living
// Standard, Section 13.2.6.4.1.
func isQuirky(root *html.Node) bool {
	for n := root.FirstChild; n != nil; n = n.NextSibling {
		if n.Type != html.DoctypeNode {
			continue
		}
		public, system, hasSystem := "", "", false
		for _, a := range n.Attr {
			switch a.Key {
			case "public":
				public = strings.ToLower(a.Val)
			case "system":
				system, hasSystem = strings.ToLower(a.Val), true
			}
		}
		return !strings.EqualFold(n.Data, "html") || isOldDoctype(public, hasSystem) || strings.Contains(system, "ibmxhtml1")
	}
	return true
}

func isOldDoctype(public string, hasSystem bool) bool {
	for _, prefix := range []string{"-//w3c//dtd html 4.0 transitional//", "-//w3c//dtd html 4.0 frameset//", "-//w3c//dtd html 3", "-//ietf//dtd html",
		"-//microsoft//", "-//netscape", "-//w3c//dtd html experimental", "-//w3c//dtd w3 html", "html"} {
		if strings.HasPrefix(public, prefix) {
			return true
		}
	}
	return !hasSystem && (strings.HasPrefix(public, "-//w3c//dtd html 4.01 transitional//") || strings.HasPrefix(public, "-//w3c//dtd html 4.01 frameset//"))
}

// why returns why size bytes of text of an element are hidden, or "".
func (v *visitor) why(s *style, size int) Why {
	why := s.hides()
	if why == WhyColor && v.mayContrast(s) {
		why = ""
	}
	if why == "" && v.outside(s, size) {
		return WhyOffScreen
	}
	return why
}

// mayContrast reports whether something other than the own background can be behind the
// text. A first walk collects the backgrounds, and assumes that there are none.
func (v *visitor) mayContrast(s *style) bool {
	ink := s.ink()
	if s.moved && s.isPlaced() && !s.background.isLike(v.canvas) && !ink.isLike(v.canvas) {
		return true // positioned content leaves boxes without a size empty
	}
	if v.known != nil {
		return v.known.displaced.contrast(ink) || s.moved && v.known.all.contrast(ink)
	}
	list := &v.faint
	if s.moved {
		list = &v.faintMoved
	}
	const most = 16
	if len(*list) < most && !slices.Contains(*list, ink) {
		*list = append(*list, ink)
	}
	return false
}

// wrong reports whether text was assumed hidden that another background makes legible.
func (v *visitor) wrong() bool {
	legible := func(on *paints) func(color) bool {
		return func(c color) bool { return on.contrast(c) }
	}
	return slices.ContainsFunc(v.faint, legible(&v.displaced)) ||
		slices.ContainsFunc(v.faintMoved, legible(&v.displaced)) || slices.ContainsFunc(v.faintMoved, legible(&v.grounds))
}

// allText joins all text, visible or not. Until they differ, it is the visible text.
type allText struct {
	w       textWriter
	differs bool
}

// also adds text that is hidden, or out of place.
func (v *visitor) also(s string) {
	if s == "" {
		return
	}
	if !v.all.differs {
		v.all.differs = true
		v.all.w.b.WriteString(v.display.b.String())
		v.all.w.space, v.all.w.breaks = v.display.space, v.display.breaks
	}
	v.all.w.write(s, false)
}

// frame reads the document in a frame, which is shown in place.
func (v *visitor) frame(doc string, s *style) {
	if v.depth >= maxNested {
		v.doc.tolerate(NestedCut)
		return
	}
	outer, styles, link, parser := v.preview, v.styles, v.linkColor, v.cascade.parser
	form, open, tables := v.form, v.anchor, v.tables
	v.depth++
	v.doc.work += len(doc)
	v.form, v.anchor, v.tables = 0, nil, nil
	root := simpleTree(doc, v.doc)
	v.enter(previewOf(root, v.doc, false))
	inner := rootStyle()
	inner.gone = s.hides()
	v.eachText(func(w *textWriter) { w.line(1) })
	v.visit(root, &inner)
	v.eachText(func(w *textWriter) { w.line(1) })
	v.sheetTargets()
	v.doc.work += v.sheet.matcher.steps
	v.preview, v.styles, v.linkColor, v.cascade.parser = outer, styles, link, parser
	v.form, v.anchor, v.tables = form, open, tables
	v.depth--
}
