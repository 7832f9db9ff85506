package markup

import (
	"math"
	"slices"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// settle derives from all declarations the position of the element and why it is invisible.
// The effect of a property depends on the box: sizes do not hide inline elements, cells and
// rows. CSS 2.1, Sections 9 to 11.
func (v *visitor) settle(n *html.Node, s, parent *style) {
	b := &s.box
	s.flexible = b.flex
	if n.Namespace == "svg" {
		s.drawnInPlace(n)
	}
	s.blockify(parent, n.DataAtom == atom.Html)
	if b.shape == contentsShape {
		s.flexible = parent.flexible
		return
	}
	s.paint(v, parent)
	v.noteShape(n, s)
	s.scale *= b.scaleOf() * b.zoom
	if b.transformable() || b.shape == inlineShape {
		s.opacity *= b.opacity
	}
	if b.names != "" && b.container {
		s.containers += " " + b.names
	}
	s.contained = s.contained || b.container && b.shape != inlineShape
	if why := s.vanishes(n); why != "" && s.gone == "" {
		s.gone = why
	}
	s.locate(v, parent)
	s.cut(n, parent)
	s.indents(v)
}

// drawnInPlace resets properties that do not apply within drawings: attributes position
// their elements. SVG 2, Section 8.
func (s *style) drawnInPlace(n *html.Node) {
	b := &s.box
	s.indent = 0
	if n.Data == "svg" {
		return
	}
	b.position, b.float, b.margin, b.zoom = "", "", [4]float64{}, 1
	b.maxH, b.maxW = math.NaN(), math.NaN()
}

// blockify turns floats, positioned elements and flex items into blocks. CSS 2.1, Section
// 9.7.
func (s *style) blockify(parent *style, isRoot bool) {
	b := &s.box
	if isRoot && (b.shape == columnShape || b.shape == contentsShape) {
		b.shape = blockShape
	}
	if !s.isPlaced() && !b.floats() && !parent.flexible {
		return
	}
	switch b.shape {
	case inlineShape, inlineBlockShape, cellShape, rowShape, columnShape:
		b.shape = blockShape
	default:
	}
}

func (b *box) floats() bool { return b.float != "" && b.float != "none" && b.float != "initial" }

// isPlaced reports whether the element is taken out of the flow.
func (s *style) isPlaced() bool { return s.box.position == "absolute" || s.box.position == "fixed" }

func (b *box) isPositioned() bool {
	return b.position != "" && b.position != "static" && b.position != "initial"
}

// transformable reports whether transformations apply: not to inline boxes.
func (b *box) transformable() bool { return b.shape != inlineShape && b.shape != columnShape }

func (b *box) scaleOf() float64 {
	if !b.transformable() {
		return 1
	}
	return b.scale
}

// isSized reports whether width, height and clipping apply. Cells and rows grow with their
// content.
func (b *box) isSized() bool { return b.shape == blockShape || b.shape == inlineBlockShape }

// paint sets the background behind the text.
func (s *style) paint(v *visitor, parent *style) {
	b := &s.box
	s.moved = s.moved || b.isMoved()
	own := b.ground(s.color)
	if b.caption && parent.box.shape == tableShape && parent.box.background.a > 0 {
		s.background = color{} // captions are outside of the background of their table
	}
	switch {
	case b.picture && (!b.plain || b.partial || b.veil.a < 0xFF), b.effects, b.inset, b.border && (b.overflows() || s.line() <= sliver):
		s.background = color{}
	case b.textClip && own.isLike(parent.background):
	case b.textClip:
		s.background = color{} // the background shows only through the letters
	case own.state == unknownColor || own.a > 0:
		s.background = own.over(parent.background)
		if own.a == 0xFF && !b.overflows() {
			s.moved = false
		}
	}
	v.notePaint(s, parent)
}

// ground returns the color of an element itself.
func (b *box) ground(text color) color {
	switch {
	case b.plain && !b.partial && b.veil.a == 0xFF:
		return b.veil
	case b.background.state == currentColor:
		return text
	}
	return b.background
}

// isMoved reports whether the element is drawn outside of its place in the flow.
func (b *box) isMoved() bool {
	placed := b.isPositioned() && (b.position != "relative" || offset(b.left, b.right) != 0 || offset(b.top, b.bottom) != 0)
	if placed || b.transformed || b.floats() {
		return true
	}
	for _, m := range b.margin {
		if m < 0 {
			return true
		}
	}
	return false
}

// isDisplaced reports whether the element may overlap others: floats are beside them.
func (b *box) isDisplaced() bool {
	f := b.float
	b.float = ""
	moved := b.isMoved()
	b.float = f
	return moved
}

// overflows reports whether text may be outside of the background of its element.
func (b *box) overflows() bool {
	return !math.IsNaN(b.height) || !math.IsNaN(b.width) || !math.IsNaN(b.maxH) || !math.IsNaN(b.maxW)
}

// vanishes returns why the element with all its content is hidden at any place.
func (s *style) vanishes(n *html.Node) Why {
	b := &s.box
	switch {
	case b.shape == noneShape && b.byTag && !b.displayed:
		return WhyAttribute
	case b.shape == noneShape && !b.displayed && n.DataAtom != atom.Dialog && n.DataAtom != atom.Input:
		return WhyElement
	case b.shape == noneShape, b.shape == columnShape:
		return WhyDisplay
	case s.scale == 0:
		return WhyScaled
	case b.clipPath, b.masked, b.clipRect && s.isPlaced():
		return WhyClipped
	case b.skipped && (b.isSized() || b.shape == cellShape):
		return WhyClipped
	}
	return ""
}

// locate accumulates the displacement of the content. NaN is an unknown place, and hides
// nothing.
func (s *style) locate(v *visitor, parent *style) {
	b, p := &s.box, &s.place
	switch {
	case s.isPlaced():
		s.locatePlaced(v, parent)
	case b.position == "relative":
		p.x += offset(b.left, b.right)
		p.y += offset(b.top, b.bottom)
	}
	b.dropMargins()
	if b.float == "right" || b.float == "inline-end" || s.rtl || s.align != startAligned && !s.isPlaced() && b.shape != inlineShape {
		b.margin[0] = max(b.margin[0], 0) // a negative margin on the left does not move the right side
	}
	p.x += b.margin[0] + b.padding[0]
	if b.shape == inlineBlockShape && v.onFirstLine() {
		p.x += v.lineIndent
	}
	if b.shape != inlineShape {
		p.y += b.margin[1]
		if s.isPlaced() {
			p.y += b.padding[1]
		}
		if b.transformable() {
			p.x += b.shiftX
			p.y += b.shiftY
		}
	}
	if b.isSized() && !math.IsNaN(b.width) {
		s.wide = b.width
	}
	if b.isPositioned() || b.transformed || b.effects || b.containsPaint {
		p.originX, p.originY, p.originWide, p.screen = p.x-b.padding[0], v.flow+p.y, s.wide, false
	}
}

// dropMargins drops ineffective margins: all of cells and rows, and the upper ones of
// inline-level boxes, which move the whole line. CSS 2.1, Section 8.3.
func (b *box) dropMargins() {
	switch b.shape {
	case cellShape, rowShape, columnShape:
		b.margin = [4]float64{}
	case inlineBlockShape:
		b.margin[1] = max(b.margin[1], 0)
	default:
	}
}

func offset(start, end float64) float64 {
	switch {
	case !math.IsNaN(start):
		return start
	case !math.IsNaN(end):
		return -end
	}
	return 0
}

// locatePlaced positions an element by its containing block.
func (s *style) locatePlaced(v *visitor, parent *style) {
	b, p := &s.box, &s.place
	if b.position == "fixed" && !parent.fixedWithin() {
		if (b.top > farRight || math.IsNaN(b.top) && b.bottom < -farRight) && s.gone == "" {
			s.gone = WhyOffScreen // people do not scroll there
		}
		p.originX, p.originY, p.originWide, p.screen = 0, 0, screenWidth, true
	}
	s.wide = p.originWide
	s.align = startAligned
	switch {
	case !math.IsNaN(b.left):
		p.x = p.originX + b.left
	case !math.IsNaN(b.right) && b.right < 0:
		p.x = p.originX + p.originWide - b.right
	case !math.IsNaN(b.right): // position of the right side; the content is to the left of it
		p.x = p.originX - b.right
	}
	switch {
	case !math.IsNaN(b.top):
		p.y = p.originY + b.top - v.flow
	case !math.IsNaN(b.bottom) && p.screen:
		p.y = screenHeight - b.bottom - v.flow
	case !math.IsNaN(b.bottom):
		p.y = math.NaN() // the height of the containing block is unknown
	}
}

// fixedWithin reports whether an ancestor contains fixed elements.
func (s *style) fixedWithin() bool { return s.box.transformed || s.box.effects || s.box.containsPaint }

// cut hides the content of a box without size, if the box clips. Absolutely positioned
// elements escape boxes other than their containing block. CSS 2.1, Section 11.1.1.
func (s *style) cut(n *html.Node, parent *style) {
	switch s.box.position {
	case "absolute":
		s.clip = parent.clipAbs
	case "fixed":
		s.clip = parent.clipFixed
	}
	if why := s.clipsOwn(n, parent); why != "" {
		s.clip = why
	}
	b := &s.box
	if b.isPositioned() || b.transformed || b.effects || b.containsPaint {
		s.clipAbs = s.clip
	}
	if b.transformed || b.effects || b.containsPaint {
		s.clipFixed = s.clip
	}
}

// clipsOwn returns why the in-flow content of the box is invisible.
func (s *style) clipsOwn(n *html.Node, parent *style) Why {
	b := &s.box
	if !b.isSized() || !clipsItself(n) {
		return ""
	}
	x, y := b.clipped()
	if !x && !y {
		return ""
	}
	text := hasTextOnly(n)
	switch {
	case y && b.isFlat(!parent.flexible && s.line() <= sliver && text, text):
		return WhyZeroHeight
	case x && b.isNarrow(text && !s.rtl && s.align == startAligned):
		return WhyZeroWidth
	case x && s.nowrap && s.indent >= s.wide && !s.rtl, y && text && s.isBelow():
		return WhyClipped
	}
	return ""
}

// clipped returns the axes along which the box clips. Overflow visible on one axis becomes
// auto beside a scrolling one. CSS Overflow Level 3, Section 3.1.
func (b *box) clipped() (x, y bool) {
	if b.containsPaint || b.clipsX && !b.softX || b.clipsY && !b.softY {
		return true, true
	}
	return b.clipsX && !b.clipMargin, b.clipsY && !b.clipMargin
}

// isBelow reports whether the line is so high that its letters are below the box.
func (s *style) isBelow() bool {
	b := &s.box
	high := b.height
	if math.IsNaN(high) || b.maxH < high {
		high = b.maxH
	}
	return s.line()/2-s.font > max(high, b.minH)+b.padding[3]
}

// clipsItself reports whether clipping applies to the element: for body and html it applies
// to the window, and the legend of a fieldset is on its edge.
func clipsItself(n *html.Node) bool {
	return n.Namespace != "" || n.DataAtom != atom.Body && n.DataAtom != atom.Html && n.DataAtom != atom.Fieldset
}

// hasTextOnly reports whether no inner element can be higher than a line.
func hasTextOnly(n *html.Node) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode {
			return false
		}
	}
	return n.FirstChild != nil
}

// isFlat reports whether the box, or each line in it, has almost no height. Padding above
// moves plain text out of the box; other content can be moved back into it.
func (b *box) isFlat(lines, text bool) bool {
	h := b.height
	if math.IsNaN(h) && (b.containsSize && !b.intrinsic || lines) {
		h = 0
	}
	if b.grows {
		h = math.NaN()
	}
	edges := b.edges(b.padding[1] + b.padding[3])
	return isThin(h-edges, b.minH-edges, b.maxH-edges) && b.padding[3] <= sliver && (text || b.padding[1] <= sliver)
}

// isNarrow is the same for the width.
func (b *box) isNarrow(text bool) bool {
	w := b.width
	if b.grows {
		w = math.NaN()
	}
	edges := b.edges(b.padding[0] + b.padding[2])
	return isThin(w-edges, b.minW-edges, b.maxW-edges) && b.padding[2] <= sliver && (text || b.padding[0] <= sliver)
}

// edges returns the part of the sizes taken by padding.
func (b *box) edges(padding float64) float64 {
	if b.borderBox {
		return padding
	}
	return 0
}

// isThin applies the minimum and maximum size. CSS 2.1, Section 10.7.
func isThin(size, least, most float64) bool {
	if most <= sliver {
		size = most
	}
	return size <= sliver && least <= sliver
}

// indents begins the first line of a block.
func (s *style) indents(v *visitor) {
	if s.box.shape != inlineShape && s.box.shape != rowShape {
		v.lineIndent, v.lineUsed = s.indent, 0
		switch {
		case s.box.listItem: // the bullet may be on the previous line
			v.lineIndent = 0
		case s.rtl:
			v.lineIndent = -s.indent
		case s.align == endAligned:
			v.lineIndent = 0
		case s.align == centerAligned:
			v.lineIndent = s.indent / 2
		}
	}
}

// grow adds to the height of the preceding content: an upper bound, so that possibly
// visible text counts as visible.
func (v *visitor) grow(s *style) {
	b := &s.box
	if s.gone != "" || s.isPlaced() && math.IsNaN(b.height) {
		return
	}
	for _, h := range [...]float64{b.height, b.minH, b.padding[1], b.padding[3], b.margin[1], b.margin[3]} {
		if h > 0 && h < 1e9 {
			v.flow += h
		}
	}
	if b.shape != inlineShape {
		const edges = 40 // undeclared margins and borders
		v.flow += edges
	}
	if b.border {
		const thick = 100
		v.flow += thick
	}
}

// outside returns why text is beyond the edges of the page.
func (v *visitor) outside(s *style, size int) bool {
	const letter = 0.6 // of the font, on average
	length := float64(size) * s.font * letter
	high := (1 + math.Floor(length/max(min(s.wide, screenWidth)/2, s.font))) * s.font * 1.5
	if p := s.place.y; p < 0 && v.flow+p+high < 0 {
		return true
	}
	x := s.place.x
	if v.onFirstLine() {
		x += v.lineIndent
	}
	if !s.nowrap {
		length = min(length, max(s.wide, s.font))
	}
	return x < 0 && x+length < 0 || x > farRight
}

// onFirstLine reports whether an indent applies to the line.
func (v *visitor) onFirstLine() bool {
	return v.lineIndent != 0 && v.lineUsed == 0 || v.lineIndent < 0
}

// advance adds the text to its line and to the height of the page.
func (v *visitor) advance(s *style, size int) {
	const letter = 0.6
	length := float64(size) * s.font * letter
	v.lineUsed += length
	if !s.nowrap && v.lineUsed+v.lineIndent > s.wide {
		v.lineIndent = 0
	}
	if !s.isPlaced() {
		v.flow += length / max(min(s.wide, screenWidth)/2, s.font) * s.font * 1.5
	}
}

// notePaint records colors that may be behind text of other elements: all of them, and
// those drawn outside of their place in the flow.
func (v *visitor) notePaint(s, parent *style) {
	b := &s.box
	own := s.background
	if !b.border && (own == parent.background || b.background.isTransparent() && !b.picture) {
		return
	}
	if b.border {
		own = color{}
	}
	v.grounds.add(own)
	if b.isDisplaced() || b.shape == columnShape { // columns are behind the cells of their rows
		v.displaced.add(own)
	}
}

// noteShape records the shapes of a drawing, which may be behind its text.
func (v *visitor) noteShape(n *html.Node, s *style) {
	if !s.inSVG {
		return
	}
	s.moved = true
	switch n.Data {
	case "rect", "circle", "ellipse", "path", "polygon", "polyline", "line":
		v.grounds.add(s.resolved(s.svgFill))
	case "image", "use":
		v.grounds.any = true
	}
}

// paints is a small set of colors.
type paints struct {
	colors []color
	any    bool // an unknown color, or too many
}

func (p *paints) add(c color) {
	const most = 16
	switch {
	case c.state != knownColor || len(p.colors) == most && !slices.Contains(p.colors, c):
		p.any = true
	case !slices.Contains(p.colors, c):
		p.colors = append(p.colors, c)
	}
}

// contrast reports whether one of the colors makes text of a color legible.
func (p *paints) contrast(c color) bool {
	if p.any {
		return true
	}
	for _, ground := range p.colors {
		if !c.isLike(ground) {
			return true
		}
	}
	return false
}
