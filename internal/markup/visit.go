package markup

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Form is one form.
type Form struct {
	Action   string // as written
	Method   string // in lower case, or "get"
	Password bool   // asks for a password
	Fields   []Field
}

// Field is one input of a form.
type Field struct {
	Type, Name string // the type in lower case
}

// visitor walks a tree once, in document order.
type visitor struct {
	doc      *Document
	preview  // data of the document before styles
	cascade  cascade
	maxLinks int
	styles   map[string][]declaration
	outlook  bool
	muted    bool // the current content is not visible
	depth    int  // of nested documents
	form     int  // index+1 of the open form, or 0
	loose    int  // index+1 of the form for inputs outside of any, or 0

	linkColor, bodyColor color
	canvas               color   // background of the page
	flow                 float64 // upper bound of the height of the preceding content
	lineIndent, lineUsed float64
	grounds, displaced   paints
	faint, faintMoved    []color // colors of text that was assumed hidden by its color
	known                *knownPaints
	counters             map[string]int

	inner      strings.Builder
	display    textWriter
	all        allText
	start      textWriter // text of the body for the preheader
	started    bool       // it is complete
	outlookDoc endsWriter
	hidden     hiddenTexts
	anchor     *anchor
	tables     []grid // open tables, innermost last
}

// knownPaints are the backgrounds found in a first walk of the document.
type knownPaints struct{ all, displaced paints }

// anchor is a link whose text is being read.
type anchor struct {
	link  int // index in links
	text  textWriter
	image bool
}

func newVisitor(d *Document, s preview, maxLinks int) *visitor {
	v := &visitor{doc: d, maxLinks: maxLinks}
	v.enter(s)
	v.inner.Grow(s.texts + s.texts/8)
	v.display.b.Grow(s.texts * 3 / 4)
	d.spans = make([]Span, 0, s.nodes)
	return v
}

// enter starts reading another document.
func (v *visitor) enter(s preview) {
	v.preview, v.styles, v.linkColor, v.bodyColor, v.canvas = s, map[string][]declaration{}, rgb(0x0000EE), rgb(0), rgb(0xFFFFFF)
	v.cascade.parser = &sheetParser{quirks: s.quirks}
}

// finish joins the collected data.
func (v *visitor) finish() {
	d := v.doc
	v.sheetTargets()
	d.inner, d.display = v.inner.String(), v.display.b.String()
	if d.all = d.display; v.all.differs {
		d.all = v.all.w.b.String()
	}
	d.hidden = v.hidden.join()
	d.preheader = v.start.b.String()
	d.Outlook = v.outlookDoc.text()
	d.Title = collapse(d.Title)
	d.Script.finish()
	d.work += v.sheet.matcher.steps + v.cascade.spent + len(d.inner) + len(d.display)
}

func (v *visitor) sheetTargets() {
	for _, t := range v.sheet.targets {
		v.link(Link{Href: t.url, Element: "style", Attr: t.property, Place: placeOfProperty(t.property)})
	}
}

// visit reads n and its content. The recursion is as deep as the tree, at most 512 levels.
func (v *visitor) visit(n *html.Node, s *style) {
	v.doc.work++
	switch n.Type {
	case html.TextNode:
		v.text(n.Data, s)
	case html.CommentNode:
		v.comment(n.Data)
	case html.ElementNode:
		v.element(n, s)
	case html.DocumentNode:
		v.children(n, s)
	default:
	}
}

func (v *visitor) children(n *html.Node, s *style) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		v.visit(c, s)
	}
}

func (v *visitor) element(n *html.Node, parent *style) {
	s := v.styleOf(n, parent)
	if v.code(n, &s) {
		return
	}
	if parent.gone == WhyElement && parent.inSVG && len(v.used) > 0 && v.used[attr(n, "id")] {
		s.gone = "" // a use element draws it
	}
	v.grow(&s)
	shown := v.why(&s, 1) == ""
	named := v.targets(n, &s, shown)
	if v.sheet.counters {
		v.count(&s.box)
	}
	v.control(n, &s)
	span := v.openSpan(n)
	before := v.openAnchor(named, shown)
	v.edge(n, &s)
	v.cell(n, &s)
	v.drawing(n, parent)
	if v.isNeverShown(n) && s.gone == "" {
		s.gone = WhyElement
	}
	if n.DataAtom == atom.Table {
		v.tables = append(v.tables, grid{})
	}
	v.listMark(&s)
	after := v.drawn(n, &s)
	v.content(n, &s)
	if after.text != "" {
		v.text(after.text, &after.style)
	}
	v.leave(n, &s)
	v.closeAnchor(named, before)
	v.closeSpan(span)
}

// code reads elements with text for machines, and reports whether it is hidden as well.
func (v *visitor) code(n *html.Node, s *style) bool {
	switch n.DataAtom {
	case atom.Script:
		v.script(n)
	case atom.Title:
		v.title(n)
	case atom.Body:
		v.bodyColor, v.canvas = s.color, s.background
	default:
	}
	if !isCode(n) || s.gone == "" {
		return false
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode { // in SVG, elements may be in a style element
			v.visit(c, s)
		}
	}
	return true
}

// drawing keeps an SVG drawing, and its cells if it consists of squares.
func (v *visitor) drawing(n *html.Node, parent *style) {
	if n.Namespace != "svg" || n.Data != "svg" || parent.inSVG || n.FirstChild == nil {
		return
	}
	if len(v.doc.drawings) == maxPictures {
		v.doc.tolerate(PicturesCut)
		return
	}
	v.doc.drawings = append(v.doc.drawings, n)
	if cells := svgGrid(n); cells != nil && len(v.doc.grids) < maxGrids {
		v.doc.grids = append(v.doc.grids, cells)
	}
}

// isCode reports whether the text of an element is for machines, unless it is displayed.
func isCode(n *html.Node) bool {
	return n.DataAtom == atom.Script || n.DataAtom == atom.Style || n.DataAtom == atom.Title && n.Namespace == ""
}

// leave ends the effects of an element's start.
func (v *visitor) leave(n *html.Node, s *style) {
	if n.DataAtom == atom.Table {
		v.closeTable()
	}
	if n.DataAtom != atom.Br {
		v.edge(n, s)
	}
	if n.DataAtom == atom.Form {
		v.form = 0
	}
	if s.box.shape != inlineShape {
		v.lineIndent = 0 // the following text is on no first line
	}
}

// content visits the children. Of closed details, only the summary is visible.
func (v *visitor) content(n *html.Node, s *style) {
	switch {
	case n.DataAtom == atom.Details && !hasAttr(n, "open") && s.gone == "" && !v.sheet.opensDetails:
		v.closedDetails(n, s)
	case n.DataAtom == atom.Template && isShadow(n):
		v.shadow(n, s)
	default:
		v.children(n, s)
	}
}

func (v *visitor) closedDetails(n *html.Node, s *style) {
	first := true
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		inner := *s
		if c.DataAtom != atom.Summary || !first {
			inner.gone = WhyDetails
		}
		first = first && c.DataAtom != atom.Summary
		v.visit(c, &inner)
	}
}

// isShadow reports whether parsers turn a template into a shadow tree. HTML Living
// Standard, Section 4.12.3.
func isShadow(n *html.Node) bool {
	mode := strings.ToLower(attr(n, "shadowrootmode"))
	return (mode == "open" || mode == "closed") && n.Parent != nil && n.Parent.Type == html.ElementNode && takesShadow(n.Parent)
}

func takesShadow(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Div, atom.Footer, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6,
		atom.Header, atom.Main, atom.Nav, atom.P, atom.Section, atom.Span:
		return true
	default:
		return strings.Contains(n.Data, "-")
	}
}

// shadow visits a shadow tree, which replaces the content of its host. Sheets of the
// document do not apply to it, and its own are not used to hide text.
func (v *visitor) shadow(n *html.Node, s *style) {
	inner := *s
	inner.shadow = true
	v.children(n, &inner)
}

// isNeverShown reports whether no client shows the content of the element, with any style.
func (v *visitor) isNeverShown(n *html.Node) bool {
	if n.Namespace != "" {
		return isDefinition(n) && (len(v.used) == 0 || !v.used[attr(n, "id")])
	}
	switch n.DataAtom {
	case atom.Template:
		return !isShadow(n)
	case atom.Iframe, atom.Audio, atom.Meter, atom.Progress: // some clients show the content of a video or canvas
		return true
	default:
		return false
	}
}

// isDefinition reports whether an SVG element is only drawn by reference.
func isDefinition(n *html.Node) bool {
	switch n.Data {
	case "defs", "symbol", "clipPath", "mask", "pattern", "marker", "linearGradient", "radialGradient", "filter":
		return n.Namespace == "svg"
	}
	return false
}

func (v *visitor) title(n *html.Node) {
	if n.Namespace != "" || v.depth > 0 {
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode && len(v.doc.Title) < maxLinkText {
			v.doc.Title += clip(c.Data, maxLinkText)
			v.inner.WriteString(c.Data)
			v.inner.WriteByte('\n')
			v.also(c.Data + "\n")
		}
	}
}

func (v *visitor) script(n *html.Node) {
	v.doc.Script.Elements++
	v.targets(n, nil, false)
	if n.FirstChild != nil {
		v.scriptText(n.FirstChild.Data, "script", "")
	}
}

// edge breaks lines at the start or end of a block.
func (v *visitor) edge(n *html.Node, s *style) {
	lines := linesAround(n, s)
	switch {
	case n.DataAtom == atom.Br && n.Namespace == "":
		v.lineEnd(n, s)
		return
	case s.box.shape == cellShape:
		v.eachText(func(w *textWriter) { w.space = w.space || w.breaks == 0 })
		return
	}
	if lines > 0 && s.hides() == "" {
		v.eachText(func(w *textWriter) { w.line(lines) })
	}
	if lines > 0 && v.inner.Len() > 0 && !strings.HasSuffix(v.inner.String(), "\n") {
		v.inner.WriteByte('\n')
	}
}

func linesAround(n *html.Node, s *style) int {
	switch s.box.shape {
	case blockShape, tableShape, rowShape:
	default:
		return 0
	}
	switch {
	case s.inSVG, (s.box.floats() || s.isPlaced()) && !isBlock(n.DataAtom):
		return 0 // floating letters are read in a row
	case n.DataAtom == atom.P, n.DataAtom >= atom.H1 && n.DataAtom <= atom.H6 && len(n.Data) == 2 && n.Data[0] == 'h' && n.Data != "hr":
		return 2
	}
	return 1
}

// lineEnd is a br element.
func (v *visitor) lineEnd(n *html.Node, s *style) {
	if n.FirstChild == nil && s.hides() == "" {
		v.eachText(func(w *textWriter) { w.lineBreak() })
		v.lineIndent = 0
		v.flow += 2 * s.font
	}
}

// eachText calls f with every writer of visible text.
func (v *visitor) eachText(f func(w *textWriter)) {
	if !v.muted {
		f(&v.display)
	}
	if v.all.differs {
		f(&v.all.w)
	}
	if v.anchor != nil {
		v.anchor.text.space = true
	}
	v.start.space = true
}

// text adds a text to everything that contains it.
func (v *visitor) text(s string, st *style) {
	if v.outlook {
		v.forOutlook(s, st)
		return
	}
	v.inner.WriteString(s)
	if st.gone != WhyElement {
		v.startText(s)
	}
	why := v.why(st, len(s))
	if why == "" && isUndrawn(st) {
		why = WhyElement
	}
	v.show(s, st, why)
	if why == "" {
		v.advance(st, len(s))
	}
}

// isUndrawn reports whether text is in a drawing outside of its text elements.
func isUndrawn(s *style) bool { return s.inSVG && !s.drawsLetters }

// show adds a text to the visible or hidden text.
func (v *visitor) show(s string, st *style, why Why) {
	if why == "" && st.msoHide {
		v.hide(s, WhyMSOHide)
	}
	if why != "" {
		v.hide(s, why)
		v.also(s)
		return
	}
	if v.all.differs {
		v.all.w.write(s, st.pre)
	}
	if !v.muted {
		v.display.write(s, st.pre)
	}
	if v.anchor != nil && v.anchor.text.b.Len() < maxLinkText {
		v.anchor.text.write(clip(s, maxLinkText), false)
	}
}

func (v *visitor) forOutlook(s string, st *style) {
	v.also(s)
	if v.why(st, len(s)) != "" || st.msoHide {
		return
	}
	if v.outlookDoc.write(s); v.outlookDoc.cut {
		v.doc.tolerate(HiddenCut)
	}
}

// startText collects the preheader.
func (v *visitor) startText(s string) {
	const most = maxPreheader * utf8.UTFMax
	if v.depth > 0 || v.started {
		return
	}
	v.start.write(clip(s, 4*most), false)
	text, n := v.start.b.String(), 0
	for i := range text {
		if n++; n > maxPreheader {
			v.started = true
			v.start.b.Reset()
			v.start.b.WriteString(text[:i])
			return
		}
	}
}

// hide records hidden text.
func (v *visitor) hide(s string, why Why) {
	if v.hidden.hide(s, why) {
		v.doc.tolerate(HiddenCut)
	}
}

func (v *visitor) openSpan(n *html.Node) int {
	if v.depth > 0 {
		return -1
	}
	v.doc.spans = append(v.doc.spans, Span{Node: n, From: v.display.b.Len()})
	return len(v.doc.spans) - 1
}

func (v *visitor) closeSpan(i int) {
	if i >= 0 {
		v.doc.spans[i].To = v.display.b.Len()
	}
}

// openAnchor begins the text of a link, and returns the enclosing one.
func (v *visitor) openAnchor(named int, shown bool) *anchor {
	before := v.anchor
	if named > 0 {
		v.doc.links[named-1].Visible = false
		v.anchor = &anchor{link: named - 1}
		v.anchor.image = shown && v.doc.links[named-1].Element == "area"
	}
	return before
}

func (v *visitor) closeAnchor(named int, before *anchor) {
	if named == 0 {
		return
	}
	l := &v.doc.links[v.anchor.link]
	l.Text = clip(v.anchor.text.b.String(), maxLinkText)
	l.Visible = l.Text != "" || v.anchor.image
	v.anchor = before
}

// control reads elements beyond text: pictures, forms and their inputs.
func (v *visitor) control(n *html.Node, s *style) {
	switch n.DataAtom {
	case atom.Img:
		v.image(n, s)
	case atom.Form:
		v.openForm(Form{Action: attr(n, "action"), Method: strings.ToLower(attr(n, "method"))})
		v.form = len(v.doc.forms)
	case atom.Input, atom.Select, atom.Textarea, atom.Button:
		v.input(n, s)
	case atom.Optgroup:
		if n.Parent == nil || n.Parent.DataAtom != atom.Select {
			v.text(attr(n, "label"), s)
		} else if hasAttr(n.Parent, "multiple") || oneOf(attr(n.Parent, "size"), "2", "3", "4", "5", "6", "7", "8", "9", "10") {
			v.text(attr(n, "label"), s)
		} else {
			v.also(attr(n, "label"))
		}
	case atom.Option:
		v.text(attr(n, "label"), s)
	default:
	}
}

func (v *visitor) openForm(f Form) {
	if len(v.doc.forms) >= maxForms {
		v.doc.tolerate(FormsCut)
		return
	}
	if f.Method == "" {
		f.Method = "get"
	}
	v.doc.forms = append(v.doc.forms, f)
}

func (v *visitor) input(n *html.Node, s *style) {
	kind := strings.ToLower(clip(attr(n, "type"), 40))
	if n.DataAtom != atom.Input {
		kind = n.Data
	} else if kind == "" {
		kind = "text"
	}
	v.inputText(n, kind, s)
	at := v.form
	if at == 0 {
		if v.loose == 0 {
			v.openForm(Form{})
			v.loose = len(v.doc.forms)
		}
		at = v.loose
	}
	f := &v.doc.forms[at-1]
	f.Password = f.Password || kind == "password"
	if len(f.Fields) == maxFields {
		v.doc.tolerate(FormsCut)
		return
	}
	f.Fields = append(f.Fields, Field{Type: kind, Name: clip(attr(n, "name"), 200)})
}

// inputText reads the initial text of an input.
func (v *visitor) inputText(n *html.Node, kind string, s *style) {
	value := attr(n, "value")
	if n.DataAtom != atom.Input {
		value = ""
	}
	switch kind {
	case "image":
		if alt := attr(n, "alt"); alt != "" {
			value = alt
		}
	case "number":
		if _, ok := parseNumber(value); !ok {
			v.also(value)
			value = ""
		}
	case "password":
		if value != "" {
			v.also(value)
			return
		}
	case "checkbox", "radio", "file", "range", "color", "hidden":
		v.also(value)
		return
	}
	if value == "" && (n.DataAtom == atom.Input || n.DataAtom == atom.Textarea && n.FirstChild == nil) {
		placeholder := *s // which has its own color
		placeholder.color, placeholder.filled = rgb(0x757575), false
		v.text(attr(n, "placeholder"), &placeholder)
	}
	if value != "" {
		v.text(value, s)
	}
}

func (v *visitor) image(n *html.Node, s *style) {
	im := &v.doc.Images
	hidden := s.gone != "" || s.clip != "" || s.invisible || s.opacity < invisibleOpacity
	tiny := isTiny(attr(n, "width")) && isTiny(attr(n, "height")) || s.box.height <= sliver && s.box.width <= sliver
	v.altText(n, s, hidden || tiny)
	if alt := collapse(clip(attr(n, "alt"), maxLinkText)); alt != "" && len(im.Alt) < maxAlt {
		im.Alt = append(im.Alt, alt)
	}
	if !hidden && !tiny {
		im.Shown++
		if v.anchor != nil {
			v.anchor.image = true
		}
		return
	}
	if scheme := schemeOf(cleanTarget(attr(n, "src"))); scheme == "http" || scheme == "https" {
		im.Trackers++
	}
}

// altText is shown instead of a missing picture, as most clients do with remote pictures
// until the user loads them.
func (v *visitor) altText(n *html.Node, s *style, hidden bool) {
	alt := attr(n, "alt")
	if !hasAttr(n, "alt") {
		alt = attr(n, "title")
	}
	if alt == "" {
		return
	}
	if hidden || schemeOf(cleanTarget(clip(attr(n, "src"), maxLinkText))) == "data" {
		v.also(" " + alt + " ")
		return
	}
	anchor := v.anchor
	v.anchor = nil // a link usually shows its picture, and no text
	v.eachText(func(w *textWriter) { w.space = w.space || w.breaks == 0 })
	v.text(alt, s)
	v.eachText(func(w *textWriter) { w.space = w.space || w.breaks == 0 })
	v.anchor = anchor
}

// isTiny reports whether a picture has at most two pixels on a side.
func isTiny(s string) bool {
	w, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(s), "px"))
	return err == nil && w <= 2
}

// comment reads the text that Outlook would show, and keeps other comments as hidden text.
func (v *visitor) comment(s string) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(s, " "), "[if")
	if !ok {
		v.hide(s, WhyComment)
		return
	}
	condition, body, ok := strings.Cut(rest, "]>")
	if !ok || strings.HasPrefix(body, "<!") && len(body) <= len("<!--") {
		return // the content is part of the document
	}
	if i := strings.LastIndex(body, "<![endif]"); i >= 0 {
		body = body[:i]
	}
	if isBare(body) {
		return
	}
	if !outlookAnswers(condition) {
		v.hide(body, WhyComment)
		return
	}
	v.nested(body)
}

// isBare reports whether markup has neither text nor links: most conditional comments
// contain only tags of a table.
func isBare(markup string) bool {
	rest := markup
	for rest != "" {
		i := nextOf(rest, "<")
		if strings.TrimSpace(rest[:i]) != "" {
			return false
		}
		if rest = rest[i:]; rest == "" {
			break
		}
		end := strings.IndexByte(rest, '>')
		if end < 0 || !isTableTag(rest[1:end]) {
			return false
		}
		rest = rest[end+1:]
	}
	return true
}

// isTableTag reports whether a tag is that of a table, row or cell with only presentational
// attributes.
func isTableTag(tag string) bool {
	tag = strings.TrimPrefix(tag, "/")
	name := tag[:nextOf(tag, " \t\r\n/")]
	if !oneOf(strings.ToLower(name), "table", "tr", "td", "tbody", "center", "div", "p", "br", "![endif]--", "![endif]") {
		return false
	}
	lower := lowerASCII(tag)
	for _, word := range []string{"src", "url", "href", "background", " on", "data", "\ton", "\non", "cite", "ping", "\"on", "'on", "/on"} {
		if strings.Contains(lower, word) {
			return false
		}
	}
	return true
}

// nested reads content that only Outlook reads: its links and forms are added to those of
// the document.
func (v *visitor) nested(doc string) {
	if v.depth >= maxNested {
		v.doc.tolerate(NestedCut)
		return
	}
	was, muted, form, open, tables := v.outlook, v.muted, v.form, v.anchor, v.tables
	v.depth++
	v.outlook, v.muted, v.form, v.anchor, v.tables = true, true, 0, nil, nil
	v.doc.work += len(doc)
	root := rootStyle()
	v.also(" ")
	v.visit(simpleTree(doc, v.doc), &root)
	v.also(" ")
	v.outlook, v.muted, v.form, v.anchor, v.tables = was, muted, form, open, tables
	v.depth--
}
