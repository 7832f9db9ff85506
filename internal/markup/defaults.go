package markup

import (
	"math"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// defaults sets the browser's defaults and the effects of attributes. HTML Living Standard,
// Section 15 (Rendering).
func (v *visitor) defaults(n *html.Node, s, parent *style) {
	s.box.shape = v.shapeOf(n)
	s.box.native = s.box.shape
	if n.Namespace != "" {
		v.foreignDefaults(n, s)
		return
	}
	switch n.DataAtom {
	case atom.A:
		if hasAttr(n, "href") {
			s.color = v.linkColor
		}
	case atom.Pre, atom.Textarea, atom.Xmp, atom.Listing, atom.Plaintext:
		s.pre, s.nowrap = true, n.DataAtom != atom.Textarea
	case atom.Iframe:
		s.frameSize(n)
	case atom.Nobr:
		s.nowrap = true
	case atom.Center:
		s.align = centerAligned
	case atom.Caption:
		s.box.caption = true
	case atom.Li, atom.Summary:
		s.box.listItem = true
	case atom.Mark:
		s.color, s.box.background = rgb(0), rgb(0xFFFF00)
	case atom.Table:
		s.indent = 0
		if v.quirks {
			s.font, s.fontFixed, s.pre, s.nowrap, s.color = defaultFont, false, false, false, v.bodyColor
		}
	default:
	}
	if size, ok := defaultSize(n.DataAtom); ok {
		s.setFont(size, parent, false)
	}
	if isWidget(n.DataAtom) {
		s.widget(n)
	}
	v.hints(n, s, parent)
}

// defaultSize returns the font size of headings and similar elements.
func defaultSize(tag atom.Atom) (string, bool) {
	switch tag {
	case atom.H1, atom.H2:
		return "1.5em", true
	case atom.H3:
		return "1.17em", true
	case atom.H5:
		return "0.83em", true
	case atom.H6:
		return "0.67em", true
	case atom.Small, atom.Sub, atom.Sup:
		return "smaller", true
	case atom.Big:
		return "larger", true
	case atom.Rt:
		return "50%", true
	default:
	}
	return "", false
}

func isWidget(tag atom.Atom) bool {
	return tag == atom.Input || tag == atom.Textarea || tag == atom.Select || tag == atom.Button || tag == atom.Meter || tag == atom.Progress
}

// widget resets properties that inputs do not inherit.
func (s *style) widget(n *html.Node) {
	s.font, s.fontFixed, s.color, s.indent = 40.0/3, true, rgb(0), 0
	s.lineFactor, s.linePixel = math.NaN(), math.NaN()
	s.outlined = false
	s.box.background = rgb(0xFFFFFF)
	kind := strings.ToLower(attr(n, "type"))
	if n.DataAtom == atom.Button || oneOf(kind, "submit", "button", "reset", "image", "file") {
		s.box.background = color{} // gray, or chosen by the client
		s.box.padding = [4]float64{6, 1, 6, 1}
	}
}

// shapeOf returns the default box of an element.
func (v *visitor) shapeOf(n *html.Node) shape {
	if n.Namespace != "" {
		return foreignShape(n)
	}
	switch n.DataAtom {
	case atom.Table:
		return tableShape
	case atom.Tr, atom.Tbody, atom.Thead, atom.Tfoot:
		return rowShape
	case atom.Td, atom.Th:
		return cellShape
	case atom.Col, atom.Colgroup:
		return columnShape
	case atom.Button, atom.Input, atom.Select, atom.Textarea, atom.Meter, atom.Progress, atom.Img, atom.Marquee, atom.Iframe:
		return inlineBlockShape
	case atom.Template:
		if isShadow(n) {
			return contentsShape
		}
		return noneShape
	case atom.Head, atom.Title, atom.Style, atom.Script, atom.Meta, atom.Link, atom.Base, atom.Datalist, atom.Noembed,
		atom.Noframes, atom.Rp, atom.Param, atom.Source, atom.Track:
		return noneShape
	case atom.Dialog:
		if !hasAttr(n, "open") {
			return noneShape
		}
		return blockShape
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Center, atom.Dd, atom.Details, atom.Dir, atom.Div, atom.Dl, atom.Dt,
		atom.Fieldset, atom.Figcaption, atom.Figure, atom.Footer, atom.Form, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6,
		atom.Header, atom.Hgroup, atom.Hr, atom.Html, atom.Legend, atom.Li, atom.Listing, atom.Main, atom.Menu, atom.Nav, atom.Ol,
		atom.Optgroup, atom.Option, atom.P, atom.Plaintext, atom.Pre, atom.Search, atom.Section, atom.Summary, atom.Ul, atom.Xmp,
		atom.Caption, atom.Frameset, atom.Frame:
		return blockShape
	default:
	}
	return inlineShape
}

func foreignShape(n *html.Node) shape {
	switch n.Data {
	case "svg":
		return inlineBlockShape
	case "foreignObject", "foreignobject":
		return blockShape
	case "style", "script", "title", "desc", "metadata":
		return noneShape
	case "annotation", "annotation-xml":
		return noneShape
	}
	if n.Namespace == "svg" {
		return drawingShape
	}
	return inlineShape
}

// hints applies presentational attributes.
func (v *visitor) hints(n *html.Node, s, parent *style) {
	for i := range n.Attr {
		a := &n.Attr[i]
		switch a.Key {
		case "bgcolor", "color", "text", "link":
			v.colorHint(n, s, a)
		case "background":
			s.box.picture = s.box.picture || hasGround(n.DataAtom) && a.Val != ""
		case "hidden":
			s.hiddenHint(n, a.Val)
		case "nowrap":
			s.nowrap = s.nowrap || isCell(n.DataAtom)
		case "dir":
			s.rtl = strings.EqualFold(a.Val, "rtl")
		case "align":
			s.align = alignmentOf(strings.ToLower(a.Val))
		}
	}
	switch n.DataAtom {
	case atom.Font:
		s.setFontAttribute(attr(n, "size"), parent)
	case atom.Input:
		if strings.EqualFold(attr(n, "type"), "hidden") {
			s.box.shape = noneShape
		}
	default:
	}
}

// hiddenHint applies the attribute hidden. Marquees and the options of a closed list are
// shown in spite of it, and until-found hides only the content of a block. HTML Living
// Standard, Sections 6.1 and 15.3.1.
func (s *style) hiddenHint(n *html.Node, value string) {
	switch {
	case n.DataAtom == atom.Marquee, n.DataAtom == atom.Option && n.Parent != nil && n.Parent.DataAtom == atom.Select:
	case strings.EqualFold(value, "until-found"):
		s.box.skipped = true
	default:
		s.box.shape, s.box.byTag = noneShape, true
	}
}

func hasGround(tag atom.Atom) bool {
	return tag == atom.Body || tag == atom.Table || tag == atom.Tr || isCell(tag) || tag == atom.Tbody || tag == atom.Thead ||
		tag == atom.Tfoot || tag == atom.Marquee
}

func (v *visitor) colorHint(n *html.Node, s *style, a *html.Attribute) {
	c := legacyColor(a.Val)
	switch {
	case c.state == currentColor:
	case a.Key == "bgcolor":
		if hasGround(n.DataAtom) {
			s.box.background = c
		}
	case n.DataAtom == atom.Font && a.Key == "color" || n.DataAtom == atom.Body && a.Key == "text":
		s.color = c
	case n.DataAtom == atom.Body && a.Key == "link":
		v.linkColor = c
	}
}

// setFontAttribute parses the size of a font element: 1 to 7, or a step up or down.
func (s *style) setFontAttribute(value string, parent *style) {
	if value = strings.TrimSpace(value); value == "" {
		return
	}
	end := 0
	for end < len(value) && (value[end] >= '0' && value[end] <= '9' || end == 0 && (value[0] == '+' || value[0] == '-')) {
		end++
	}
	size, err := strconv.Atoi(clip(value[:end], 9))
	if err != nil {
		return
	}
	if value[0] == '+' || value[0] == '-' {
		size += 3
	}
	names := [...]string{"x-small", "small", "medium", "large", "x-large", "xx-large", "xxx-large"}
	s.setFont(names[min(max(size, 1), len(names))-1], parent, false)
}

// foreignDefaults applies the presentation attributes of SVG. SVG 2, Section 6.6.
func (v *visitor) foreignDefaults(n *html.Node, s *style) {
	if n.Namespace != "svg" {
		return
	}
	s.inSVG = n.Data != "foreignObject"
	switch n.Data {
	case "svg":
		s.frameSize(n)
	case "text":
		s.drawsLetters = true
	case "foreignObject":
		s.drawsLetters = false
		s.frameSize(n)
	}
	parent := *s
	parser := v.cascade.parser
	for i := range n.Attr {
		a := &n.Attr[i]
		switch a.Key {
		case "fill", "fill-opacity", "stroke", "opacity", "display", "visibility", "font-size", "color", "overflow", "clip-path", "transform", "filter":
			for _, d := range parser.expand(a.Key, trimSpace(clip(a.Val, maxLinkText)), false, nil) {
				if !d.variable && (!isGlobal(d.value) || d.value == "initial") {
					s.set(d.property, d.value, &parent, true)
				}
			}
		}
	}
}

// frameSize sets the size of a drawing or a frame; both clip their content.
func (s *style) frameSize(n *html.Node) {
	s.box.clipsX, s.box.clipsY = true, true
	u := units{font: s.font, percent: s.wide, quirks: true}
	if px, ok := length(strings.ToLower(trimSpace(attr(n, "width"))), u); ok {
		s.box.width = px
	}
	u.percent = math.NaN()
	if px, ok := length(strings.ToLower(trimSpace(attr(n, "height"))), u); ok {
		s.box.height = px
	}
}
