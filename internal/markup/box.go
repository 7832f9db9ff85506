package markup

import (
	"math"
	"strings"
)

// shape is the kind of box of an element, for sizes and clipping.
type shape uint8

const (
	inlineShape shape = iota
	blockShape
	inlineBlockShape
	tableShape
	rowShape // rows, row groups and captions: sizes are minima
	cellShape
	drawingShape // within SVG: moved and scaled, without its own size
	columnShape  // draws nothing
	contentsShape
	noneShape
)

// shapeNamed returns the shape for a value of display, and whether children become flex or
// grid items.
func shapeNamed(value string) (shape, bool) {
	switch value {
	case "none":
		return noneShape, false
	case "contents":
		return contentsShape, false
	case "block", "flow-root", "list-item", "table-caption", "block flow", "block flow-root", "block math", "list-item block":
		return blockShape, false
	case "flex", "grid", "-webkit-box", "-webkit-flex", "block flex", "block grid", "grid-lanes":
		return blockShape, true
	case "inline-block", "inline flow-root":
		return inlineBlockShape, false
	case "inline-flex", "inline-grid", "-webkit-inline-box", "-webkit-inline-flex", "inline flex", "inline grid", "inline-grid-lanes":
		return inlineBlockShape, true
	case "table", "inline-table", "block table", "inline table":
		return tableShape, false
	case "table-row", "table-row-group", "table-header-group", "table-footer-group":
		return rowShape, false
	case "table-cell":
		return cellShape, false
	case "table-column", "table-column-group":
		return columnShape, false
	}
	return inlineShape, false
}

// box holds the declarations about position and appearance of one element.
type box struct {
	shape     shape
	flex      bool // a flex or grid container
	displayed bool // a declaration sets display
	byTag     bool // display none comes from the attribute hidden

	position       string
	float          string
	animation      string
	content        string
	counters       [3]string // reset, set, increment
	grows          bool
	clipsX, clipsY bool
	clipRect       bool // clip hides everything
	clipPath       bool
	transformed    bool
	effects        bool // filters or blending change colors
	border         bool
	skipped        bool // content-visibility: hidden
	containsSize   bool
	containsPaint  bool
	intrinsic      bool // has a size without content
	softX, softY   bool // overflow is clip, which does not affect the other axis
	clipMargin     bool
	borderBox      bool
	masked         bool // by a gradient that hides everything
	caption        bool
	native         shape  // shape without attributes
	names          string // of the container
	plain          bool   // the picture is a one-color gradient
	veil           color  // that color
	partial        bool   // the picture covers the box only in part
	container      bool
	picture        bool // a background picture
	textClip       bool // the background shows only through the letters
	background     color
	opacity        float64
	scale, zoom    float64
	listItem       bool
	inset          bool // a shadow within the box
	listStyle      string
	width, height  float64
	minW, minH     float64
	maxW, maxH     float64
	left, top      float64
	right, bottom  float64
	margin         [4]float64 // left, top, right, bottom
	padding        [4]float64
	shiftX, shiftY float64
}

// clear sets the automatic values.
func (b *box) clear() {
	nan := math.NaN()
	b.width, b.height, b.maxW, b.maxH = nan, nan, nan, nan
	b.left, b.top, b.right, b.bottom = nan, nan, nan, nan
	b.background = transparent()
}

// set sets a property that is not inherited.
func (b *box) set(p property, value string, u units) {
	switch p {
	case display:
		if value == "revert" {
			b.shape, b.byTag = b.native, false
			return
		}
		b.displayed = true
		b.shape, b.flex = shapeNamed(value)
		b.listItem = strings.Contains(value, "list-item")
	case opacity:
		b.setOpacity(value)
	case position:
		b.position = value
	case float:
		b.float = value
	case overflowX:
		b.clipsX, b.softX = clips(value), value == "clip"
	case overflowY:
		b.clipsY, b.softY = clips(value), value == "clip"
	case flexGrow:
		v, _ := parseNumber(value)
		b.grows = v > 0
	case clipRect:
		b.clipRect = value != "initial" && value != "auto" && isEmptyRect(value, u)
	case clipPath:
		b.clipPath = clipsAll(value, u)
	default:
		if !b.setSize(p, value, u) && !b.setEdge(p, value, u) {
			b.setEffect(p, value, u)
		}
	}
}

func (b *box) setOpacity(value string) {
	b.opacity = 1
	if f, ok := fraction(value); ok {
		b.opacity = min(max(f, 0), 1)
	}
}

func clips(value string) bool { return value != "visible" && value != "initial" }

// setSize sets a size; percentages of heights are unknown.
func (b *box) setSize(p property, value string, u units) bool {
	to, vertical := b.size(p)
	if to == nil {
		return false
	}
	if vertical {
		u.percent = math.NaN()
	}
	px, ok := length(value, u)
	if !ok {
		px = math.NaN()
	}
	if (p == minWidth || p == minHeight) && math.IsNaN(px) {
		px = 0
		if strings.HasSuffix(value, "%") || strings.Contains(value, "content") || strings.Contains(value, "stretch") {
			px = math.Inf(1) // can be any size
		}
	}
	*to = px
	return true
}

func (b *box) size(p property) (to *float64, vertical bool) {
	switch p {
	case width:
		return &b.width, false
	case height:
		return &b.height, true
	case minWidth:
		return &b.minW, false
	case minHeight:
		return &b.minH, true
	case maxWidth:
		return &b.maxW, false
	case maxHeight:
		return &b.maxH, true
	default:
		return nil, false
	}
}

// setEdge sets an offset, margin or padding.
func (b *box) setEdge(p property, value string, u units) bool {
	to, initial := b.edge(p)
	if to == nil {
		return false
	}
	if p == top || p == bottom {
		u.percent = screenHeight
	}
	px, ok := length(value, u)
	if !ok {
		px = initial
	}
	*to = px
	return true
}

func (b *box) edge(p property) (to *float64, initial float64) {
	switch p {
	case left:
		return &b.left, math.NaN()
	case top:
		return &b.top, math.NaN()
	case right:
		return &b.right, math.NaN()
	case bottom:
		return &b.bottom, math.NaN()
	case marginLeft, marginTop, marginRight, marginBottom:
		return &b.margin[p-marginLeft], 0
	case paddingLeft, paddingTop, paddingRight, paddingBottom:
		return &b.padding[p-paddingLeft], 0
	default:
		return nil, 0
	}
}

func (b *box) setEffect(p property, value string, u units) {
	switch p {
	case transform, translate, scale, rotate:
		b.setTransform(p, value, u)
	case zoom:
		if f, ok := fraction(value); ok && f > 0 {
			b.zoom = f
		}
	case filter:
		b.setFilter(value)
	case blend:
		b.effects = value != "initial" && value != "none" && value != "normal"
	case contentVisibility:
		b.skipped = value == "hidden"
	case contain:
		b.containsSize = strings.Contains(value, "strict") || hasWord(value, "size")
		b.containsPaint = strings.Contains(value, "strict") || strings.Contains(value, "content") || hasWord(value, "paint")
	case intrinsicSize:
		b.intrinsic = strings.ContainsAny(value, "123456789")
	case clipMargin:
		b.clipMargin = strings.ContainsAny(value, "123456789")
	case boxSizing:
		b.borderBox = value == "border-box"
	case mask:
		c, ok := plainGradient(value)
		b.masked = ok && c.a == 0
	case containerName:
		b.names = value
	case containerType:
		b.container = strings.Contains(value, "size")
		b.containsSize = hasWord(value, "size")
	case border:
		b.border = drawsBorder(value, u)
		b.inset = b.inset || (hasWord(value, "inset") || hasWord(value, "fill")) && b.border
	case colorScheme:
		b.picture = b.picture || strings.Contains(value, "dark")
	case listStyle:
		b.listStyle = value
	case animation:
		b.animation = value
	case content:
		b.content = value
	case counterReset, counterSet, counterIncrement:
		b.counters[map[property]int{counterReset: 0, counterSet: 1, counterIncrement: 2}[p]] = value
	default:
	}
}

// drawsBorder reports whether a border is thick enough to be a background for letters.
func drawsBorder(value string, u units) bool {
	const ground = 6 // pixels
	for w := range words(value) {
		if px, ok := length(w, u); ok && px >= ground {
			return true
		}
	}
	return strings.Contains(value, "image") || strings.Contains(value, "gradient(") || strings.Contains(value, cssFunction)
}

func (b *box) setBackground(p property, value string) {
	switch p {
	case backgroundClip:
		b.textClip = strings.Contains(value, "text")
	case backgroundImage:
		b.picture = isPicture(value) || value == "inherit"
		if b.veil, b.plain = plainGradient(value); b.plain && b.veil.a == 0 {
			b.picture, b.plain = false, false
		}
	case backgroundArea:
		b.partial = value != "initial"
	default:
		switch value {
		case "initial":
			b.background = transparent()
		case "inherit":
			b.background = color{}
		default:
			b.background = cssColor(value)
		}
	}
}

// inherit copies a property that is not inherited by default.
func (b *box) inherit(p property, from *box) {
	if to, _ := b.size(p); to != nil {
		source, _ := from.size(p)
		*to = *source
		return
	}
	if to, _ := b.edge(p); to != nil {
		source, _ := from.edge(p)
		*to = *source
		return
	}
	switch p {
	case display:
		b.shape, b.flex, b.displayed = from.shape, from.flex, true
	case opacity:
		b.opacity = from.opacity
	case position:
		b.position = from.position
	case overflowX, overflowY:
		b.clipsX, b.clipsY = from.clipsX, from.clipsY
	case clipRect:
		b.clipRect = from.clipRect
	case clipPath:
		b.clipPath = from.clipPath
	default:
	}
}

// setTransform accumulates moves and scales.
func (b *box) setTransform(p property, value string, u units) {
	if value == "none" || value == "initial" {
		return
	}
	b.transformed = true
	switch p {
	case translate:
		b.move(value, u, true, true)
	case scale:
		b.shrink(value)
	case rotate:
		b.turn(value)
	default:
		for f := range words(value) {
			name, arguments, _ := strings.Cut(strings.TrimSuffix(f, ")"), "(")
			b.function(name, strings.ReplaceAll(arguments, ",", " "), u)
		}
	}
}

func (b *box) function(name, arguments string, u units) {
	switch name {
	case "translate", "translate3d":
		b.move(arguments, u, true, true)
	case "translatex":
		b.move(arguments, u, true, false)
	case "translatey":
		b.move(arguments, u, false, true)
	case "scale", "scale3d", "scalex", "scaley":
		b.shrink(arguments)
	case "scalez":
		b.shrink("1 1 " + arguments)
	case "rotate3d":
		b.turn(arguments)
	case "rotatex", "rotatey":
		b.turn("x " + arguments)
	case "matrix":
		b.matrix(arguments)
	}
}

// move parses lengths; a percentage of the own height is unknown.
func (b *box) move(value string, u units, x, y bool) {
	for w := range words(value) {
		px, ok := length(w, u)
		if !ok {
			return
		}
		switch {
		case x:
			b.shiftX, x = b.shiftX+px, false
		case y:
			if u.percent = math.NaN(); strings.HasSuffix(w, "%") {
				px = 0
			}
			b.shiftY, y = b.shiftY+px, false
		}
	}
}

// shrink parses factors; the smallest counts.
func (b *box) shrink(value string) {
	least, n := math.Inf(1), 0
	for w := range words(value) {
		f, ok := fraction(w)
		if n++; !ok || n > 2 {
			if ok && f == 0 { // an element flat in depth is not drawn
				least = 0
			}
			break
		}
		least = min(least, math.Abs(f))
	}
	if n > 0 && !math.IsInf(least, 1) {
		b.scale *= least
	}
}

// turn parses a rotation around an axis of the screen: at a right angle the element is
// invisible.
func (b *box) turn(value string) {
	axis, angle, _ := strings.Cut(value, " ")
	for prefix, name := range map[string]string{"1 0 0 ": "x", "0 1 0 ": "y"} {
		if rest, ok := strings.CutPrefix(strings.Join(strings.Fields(value), " "), prefix); ok {
			axis, angle = name, rest
		}
	}
	if axis != "x" && axis != "y" {
		return
	}
	if v, ok := channel(trimSpace(angle), 1); ok && math.Abs(math.Mod(math.Abs(v), 180)-90) < 0.5 {
		b.scale = 0
	}
}

func (b *box) matrix(arguments string) {
	var m []float64
	for w := range words(arguments) {
		f, ok := parseNumber(w)
		if !ok {
			return
		}
		m = append(m, f)
	}
	if len(m) != 6 {
		return
	}
	b.scale *= math.Sqrt(math.Abs(m[0]*m[3] - m[1]*m[2]))
	b.shiftX, b.shiftY = b.shiftX+m[4], b.shiftY+m[5]
}

// setFilter parses opacity(); other filters change colors.
func (b *box) setFilter(value string) {
	b.effects = false
	for w := range words(value) {
		name, argument, _ := strings.Cut(strings.TrimSuffix(w, ")"), "(")
		switch name {
		case "opacity":
			if f, ok := fraction(trimSpace(argument)); ok {
				b.opacity *= min(max(f, 0), 1)
			}
		case "alpha", "progid:dximagetransform.microsoft.alpha", "none", "initial":
		default:
			b.effects = true
		}
	}
}

// isRect reports whether clip has four edges.
func isRect(value string) bool {
	_, ok := rectEdges(value, units{font: defaultFont, percent: math.NaN()})
	return ok
}

// rectEdges returns top, right, bottom and left; NaN for auto.
func rectEdges(value string, u units) ([4]float64, bool) {
	var edges [4]float64
	arguments, ok := callOf(value, "rect")
	n := 0
	for w := range words(strings.ReplaceAll(arguments, ",", " ")) {
		if n == len(edges) {
			return edges, false
		}
		px, isLength := length(w, u)
		if !isLength && w != "auto" {
			return edges, false
		}
		if edges[n] = px; w == "auto" {
			edges[n] = math.NaN()
		}
		n++
	}
	return edges, ok && n == len(edges)
}

// isEmptyRect reports whether clip hides everything.
func isEmptyRect(value string, u units) bool {
	e, ok := rectEdges(value, u)
	if !ok {
		return false
	}
	from := func(v float64) float64 {
		if math.IsNaN(v) {
			return 0
		}
		return v
	}
	return e[2]-from(e[0]) <= sliver || e[1]-from(e[3]) <= sliver
}

// clipsAll reports whether clip-path hides everything: inset(50%), circle(0), polygon(0 0).
func clipsAll(value string, u units) bool {
	name, arguments, ok := strings.Cut(value, "(")
	if !ok {
		return false
	}
	if i := endOf(arguments, ")"); i < len(arguments) {
		arguments = arguments[:i]
	}
	switch name {
	case "inset":
		return isEmptyInset(arguments)
	case "circle", "ellipse":
		first, _, _ := strings.Cut(trimSpace(arguments), " ")
		px, ok := length(first, u)
		return ok && px == 0
	case "polygon":
		return isFlatPolygon(arguments, u)
	case "rect":
		return isEmptyRect("rect("+arguments+")", u)
	case "xywh":
		return isEmptyArea(arguments, u)
	}
	return false
}

// isEmptyInset adds up opposite percentages.
func isEmptyInset(arguments string) bool {
	arguments, _, _ = strings.Cut(arguments, "round")
	var sides []float64
	for w := range words(arguments) {
		q, ok := evaluate(w, units{font: defaultFont / 1e4, percent: 1}, 0)
		if strings.HasSuffix(w, "px") { // of unknown size
			q.v /= 1e4
		}
		if !ok || len(sides) == 4 {
			return false
		}
		sides = append(sides, q.v)
	}
	switch len(sides) {
	case 0:
		return false
	case 1:
		return sides[0] >= 0.5
	case 2:
		return sides[0] >= 0.5 || sides[1] >= 0.5
	case 3:
		return sides[0]+sides[2] >= 1 || sides[1] >= 0.5
	}
	return sides[0]+sides[2] >= 1 || sides[1]+sides[3] >= 1
}

// isEmptyArea parses x, y, width and height.
func isEmptyArea(arguments string, u units) bool {
	i := 0
	for w := range words(arguments) {
		if px, ok := length(w, u); ok && i >= 2 && i < 4 && px <= sliver {
			return true
		}
		i++
	}
	return false
}

// isFlatPolygon reports whether all corners are on one vertical or horizontal line.
func isFlatPolygon(arguments string, u units) bool {
	sameX, sameY := true, true
	var firstX, firstY string
	for i, corner := range split(arguments) {
		x, y, ok := strings.Cut(corner, " ")
		if !ok || x == "nonzero" || x == "evenodd" {
			return false
		}
		if _, isLength := length(x, u); !isLength {
			return false
		}
		if i == 0 {
			firstX, firstY = x, y
		}
		sameX, sameY = sameX && x == firstX, sameY && y == firstY
	}
	return sameX || sameY
}
