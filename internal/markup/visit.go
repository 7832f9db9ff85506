package markup

import (
	"net/url"
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
	sheet    *sheet
	maxLinks int
	matched  []*rule // scratch
	styles   map[string][]declaration
	base     *url.URL
	outlook  bool
	depth    int // of nested documents
	form     int // index+1 of the form that is open, or 0
	loose    int // index+1 of the form for inputs outside of any, or 0

	inner      strings.Builder
	display    textWriter
	start      textWriter // text of the body for the preheader
	started    bool       // it is complete
	outlookDoc textWriter
	hiddenSize int
	anchor     *anchor
	tables     []grid // that are open, the innermost last
}

// anchor is a link whose text is being read.
type anchor struct {
	link  int // index in links
	text  textWriter
	image bool
}

func newVisitor(d *Document, s *sheet, maxLinks int) *visitor {
	return &visitor{doc: d, sheet: s, maxLinks: maxLinks, styles: map[string][]declaration{}}
}

// finish joins what was collected.
func (v *visitor) finish() {
	d := v.doc
	v.sheetTargets()
	d.inner, d.display = v.inner.String(), v.display.b.String()
	d.preheader = v.start.b.String()
	d.Outlook = v.outlookDoc.b.String()
	d.Title = collapse(d.Title)
	d.Script.finish()
	d.work += v.sheet.steps + len(d.inner) + len(d.display)
}

func (v *visitor) sheetTargets() {
	for _, t := range v.sheet.targets {
		v.link(Link{Href: t.url, Element: "style", Attr: t.property, Place: placeOfProperty(t.property)})
	}
}

// visit reads n and what is within. The recursion is as deep as the tree, which has
// at most 512 levels.
func (v *visitor) visit(n *html.Node, s style) {
	v.doc.work++
	switch n.Type {
	case html.TextNode:
		v.text(n.Data, &s)
	case html.CommentNode:
		v.comment(n.Data)
	case html.ElementNode:
		v.element(n, s)
	case html.DocumentNode:
		v.children(n, s)
	default:
	}
}

func (v *visitor) children(n *html.Node, s style) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		v.visit(c, s)
	}
}

func (v *visitor) element(n *html.Node, parent style) {
	switch n.DataAtom {
	case atom.Script:
		v.script(n)
		return
	case atom.Style:
		return
	case atom.Title:
		if n.Namespace == "" && v.depth == 0 {
			v.title(n)
			return
		}
	default:
	}
	s := v.styleOf(n, parent)
	if s.gone == "" && isNeverShown(n.DataAtom) {
		s.gone = WhyElement
	}
	shown := s.hides() == ""
	named := v.targets(n, shown)
	v.control(n, &s)
	span := v.openSpan(n)
	before := v.openAnchor(named, shown)
	v.edge(n, &s)
	v.cell(n, &s)
	if n.DataAtom == atom.Table {
		v.tables = append(v.tables, grid{})
	}
	v.content(n, s)
	if n.DataAtom == atom.Table {
		v.closeTable()
	}
	if n.DataAtom != atom.Br {
		v.edge(n, &s)
	}
	v.closeAnchor(named, before)
	v.closeSpan(span)
	if n.DataAtom == atom.Form {
		v.form = 0
	}
}

// content visits the children. Of closed details, the summary alone is shown.
func (v *visitor) content(n *html.Node, s style) {
	if n.DataAtom != atom.Details || hasAttr(n, "open") || s.gone != "" {
		v.children(n, s)
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		inner := s
		if c.DataAtom != atom.Summary {
			inner.gone = WhyDetails
		}
		v.visit(c, inner)
	}
}

func isNeverShown(tag atom.Atom) bool {
	switch tag {
	case atom.Template, atom.Iframe, atom.Noframes, atom.Noembed, atom.Datalist, atom.Audio, atom.Video, atom.Canvas:
		return true
	default:
		return false
	}
}

func (v *visitor) title(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode && len(v.doc.Title) < maxLinkText {
			v.doc.Title += clip(c.Data, maxLinkText)
			v.inner.WriteString(c.Data)
			v.inner.WriteByte('\n')
		}
	}
}

func (v *visitor) script(n *html.Node) {
	v.doc.Script.Elements++
	v.targets(n, false)
	if n.FirstChild != nil {
		v.code(n.FirstChild.Data, "script", "")
	}
}

// edge breaks lines where a block begins or ends.
func (v *visitor) edge(n *html.Node, s *style) {
	lines := 0
	switch tag := n.DataAtom; {
	case tag == atom.Br:
		if n.FirstChild == nil && s.hides() == "" {
			v.eachText(func(w *textWriter) { w.lineBreak() })
		}
		return
	case isCell(tag):
		v.eachText(func(w *textWriter) { w.space = w.space || w.breaks == 0 })
		return
	case tag == atom.P, tag >= atom.H1 && tag <= atom.H6 && len(n.Data) == 2 && n.Data[0] == 'h' && n.Data != "hr":
		lines = 2
	case isBlock(tag), s.box.display == "block", s.box.display == "table", s.box.display == "flex":
		lines = 1
	}
	if lines > 0 && s.hides() == "" {
		v.eachText(func(w *textWriter) { w.line(lines) })
	}
	if lines > 0 && v.inner.Len() > 0 && !strings.HasSuffix(v.inner.String(), "\n") {
		v.inner.WriteByte('\n')
	}
}

// eachText calls f with every writer that follows the shown text.
func (v *visitor) eachText(f func(w *textWriter)) {
	if v.depth == 0 {
		f(&v.display)
	}
	if v.anchor != nil {
		v.anchor.text.space = true
	}
	v.start.space = true
}

func (v *visitor) text(s string, st *style) {
	if v.outlook {
		v.outlookText(s, st)
		return
	}
	v.inner.WriteString(s)
	if st.gone != WhyElement {
		v.startText(s)
	}
	why := st.hides()
	if why == "" && st.msoHide {
		v.hide(s, WhyMSOHide)
	}
	if why != "" {
		v.hide(s, why)
		return
	}
	if v.depth == 0 {
		v.display.write(s, st.pre)
	}
	if v.anchor != nil && v.anchor.text.b.Len() < maxLinkText {
		v.anchor.text.write(clip(s, maxLinkText), false)
	}
}

func (v *visitor) outlookText(s string, st *style) {
	if st.hides() != "" || st.msoHide {
		return
	}
	room := maxHidden - v.outlookDoc.b.Len()
	if len(s) > room {
		v.doc.tolerate(HiddenCut)
	}
	v.outlookDoc.write(clip(s, room), false)
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

// hide records text that is not shown.
func (v *visitor) hide(s string, why Why) {
	if len(s) > maxHidden {
		v.doc.tolerate(HiddenCut)
	}
	if s = collapse(clip(s, maxHidden)); s == "" {
		return
	}
	if v.hiddenSize+len(s) > maxHidden {
		v.doc.tolerate(HiddenCut)
		if s = clip(s, maxHidden-v.hiddenSize); s == "" {
			return
		}
	}
	v.hiddenSize += len(s) + 1
	v.doc.hidden = append(v.doc.hidden, HiddenText{Text: s, Why: why})
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

// openAnchor begins the text of a link, and returns the one that goes on after it.
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

// control reads elements that are more than text: pictures, forms and their inputs.
func (v *visitor) control(n *html.Node, s *style) {
	switch n.DataAtom {
	case atom.Img:
		v.image(n, s)
	case atom.Form:
		v.openForm(Form{Action: attr(n, "action"), Method: strings.ToLower(attr(n, "method"))})
		v.form = len(v.doc.forms)
	case atom.Input, atom.Select, atom.Textarea, atom.Button:
		v.input(n, s)
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
	if kind == "submit" || kind == "button" {
		v.text(attr(n, "value"), s)
	}
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

func (v *visitor) image(n *html.Node, s *style) {
	im := &v.doc.Images
	hidden := s.gone != "" || s.invisible || s.opacity < invisibleOpacity
	tiny := isTiny(attr(n, "width")) && isTiny(attr(n, "height")) || s.box.flat && s.box.narrow
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

// isTiny reports whether a picture has at most two pixels on a side.
func isTiny(s string) bool {
	w, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(s), "px"))
	return err == nil && w <= 2
}

// comment reads what Outlook would show, and keeps other comments as hidden text.
func (v *visitor) comment(s string) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(s, " "), "[if")
	if !ok {
		v.hide(s, WhyComment)
		return
	}
	condition, body, ok := strings.Cut(rest, "]>")
	if !ok || strings.Contains(condition, "!") {
		return // the content of a negated condition is part of the document
	}
	if i := strings.LastIndex(body, "<![endif]"); i >= 0 {
		body = body[:i]
	}
	v.nested(body, true)
}

// nested reads a document within the document: its links and forms join those of the
// outer one, its text is Outlook's or hidden.
func (v *visitor) nested(doc string, outlook bool) {
	if v.depth >= maxNested {
		v.doc.tolerate(NestedCut)
		return
	}
	was, form, open, tables := v.outlook, v.form, v.anchor, v.tables
	v.depth++
	v.outlook, v.form, v.anchor, v.tables = v.outlook || outlook, 0, nil, nil
	v.doc.work += len(doc)
	v.visit(simpleTree(doc, v.doc), rootStyle())
	v.outlook, v.form, v.anchor, v.tables = was, form, open, tables
	v.depth--
}
