package markup

import (
	"math"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// svgReader collects the filled areas of a drawing, to read a drawing of squares as rows of
// cells.
type svgReader struct {
	areas []area
	ids   map[string]*html.Node
	steps int
}

// area is one filled outline.
type area struct {
	points []point
	dark   bool
}

type point struct{ x, y float64 }

// shift moves and scales. Other transformations are ignored.
type shift struct{ x, y, sx, sy float64 }

const (
	maxAreas  = 40_000    // modules of the largest code, plus its surroundings
	maxSVG    = 200_000   // elements, including those repeated by use elements
	maxRaster = 4_000_000 // comparisons of cells with edges
)

// svgGrid returns the cells of a drawing, true for dark ones, or nil if it does not consist
// of squares. It adds a margin of four light cells, which codes need.
func svgGrid(root *html.Node) [][]bool {
	r := svgReader{ids: map[string]*html.Node{}}
	for n := range root.Descendants() {
		if id := attr(n, "id"); id != "" {
			r.ids[id] = n
		}
	}
	r.visit(root, shift{sx: 1, sy: 1}, "", "", 0)
	if len(r.areas) < leastCells {
		return nil
	}
	return r.raster()
}

func (r *svgReader) visit(n *html.Node, at shift, fill, stroke string, depth int) {
	if r.steps++; depth > maxNested*8 || r.steps > maxSVG {
		return
	}
	at = at.with(attr(n, "transform"))
	fill, stroke = paintOf(n, "fill", fill), paintOf(n, "stroke", stroke)
	switch n.Data {
	case "defs", "symbol", "clipPath", "mask":
		if depth > 0 {
			return
		}
	case "rect":
		r.rect(number(n, "x"), number(n, "y"), number(n, "width"), number(n, "height"), at, fill)
	case "circle", "ellipse":
		rx, ry := number(n, "r")+number(n, "rx"), number(n, "r")+number(n, "ry")
		r.rect(number(n, "cx")-rx, number(n, "cy")-ry, 2*rx, 2*ry, at, fill)
	case "path":
		r.path(attr(n, "d"), at, fill, stroke, number(n, "stroke-width"))
	case "use":
		r.use(n, at, fill, stroke, depth)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode {
			r.visit(c, at, fill, stroke, depth+1)
		}
	}
}

func (r *svgReader) use(n *html.Node, at shift, fill, stroke string, depth int) {
	for _, a := range n.Attr {
		if id, ok := strings.CutPrefix(a.Val, "#"); ok && a.Key == "href" && r.ids[id] != nil && r.ids[id] != n {
			at.x += number(n, "x") * at.sx
			at.y += number(n, "y") * at.sy
			r.visit(r.ids[id], at, fill, stroke, depth+1)
			return
		}
	}
}

// paintOf returns the fill or stroke of an element, by attribute or style.
func paintOf(n *html.Node, name, inherited string) string {
	if v := attr(n, name); v != "" {
		inherited = strings.ToLower(strings.TrimSpace(v))
	}
	for d := range strings.SplitSeq(attr(n, "style"), ";") {
		if key, v, ok := strings.Cut(d, ":"); ok && strings.TrimSpace(key) == name {
			inherited = strings.ToLower(strings.TrimSpace(v))
		}
	}
	return inherited
}

func number(n *html.Node, key string) float64 {
	v, _ := parseNumber(strings.TrimSuffix(strings.TrimSpace(attr(n, key)), "px"))
	return v
}

// with adds translate() and scale().
func (s shift) with(transform string) shift {
	for transform != "" {
		name, rest, ok := strings.Cut(transform, "(")
		if !ok {
			break
		}
		var arguments string
		arguments, transform, _ = strings.Cut(rest, ")")
		v := numbers(arguments)
		switch name = strings.Trim(name, " ,\t\n"); {
		case len(v) == 0:
		case name == "translate":
			s.x += v[0] * s.sx
			if len(v) > 1 {
				s.y += v[1] * s.sy
			}
		case name == "scale":
			s.sx, s.sy = s.sx*v[0], s.sy*v[len(v)-1]
		case name == "matrix" && len(v) == 6:
			s.x, s.y = s.x+v[4]*s.sx, s.y+v[5]*s.sy
			s.sx, s.sy = s.sx*v[0], s.sy*v[3]
		}
	}
	return s
}

// numbers parses numbers separated by commas, spaces and signs.
func numbers(s string) []float64 {
	var out []float64
	for s = strings.TrimLeft(s, " ,\t\r\n"); s != ""; s = strings.TrimLeft(s, " ,\t\r\n") {
		i, dot := 1, s[0] == '.'
		for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.' && !dot) {
			dot = dot || s[i] == '.'
			i++
		}
		v, ok := parseNumber(strings.TrimSuffix(s[:i], "."))
		if !ok {
			return out
		}
		out = append(out, v)
		s = s[i:]
	}
	return out
}

func (r *svgReader) rect(x, y, w, h float64, at shift, fill string) {
	r.add([]point{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}}, at, fill)
}

func (r *svgReader) add(points []point, at shift, fill string) {
	if fill == "none" || fill == "transparent" || len(r.areas) == maxAreas {
		return
	}
	c, ok := parseColor(fill)
	dark := !ok || c.state != knownColor || c.luminance() < 0.5
	moved := make([]point, len(points))
	for i, p := range points {
		moved[i] = point{at.x + p.x*at.sx, at.y + p.y*at.sy}
	}
	r.areas = append(r.areas, area{points: moved, dark: dark})
}

// path parses the straight lines of a path. SVG 2, Section 9.3.
func (r *svgReader) path(d string, at shift, fill, stroke string, thick float64) {
	p := pathReader{reader: r, at: at, fill: fill, stroke: stroke, thick: thick}
	if thick == 0 {
		p.thick = 1
	}
	if stroke == "" {
		p.stroke = "none"
	}
	for d != "" {
		i := strings.IndexFunc(d[1:], func(c rune) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' && c|0x20 != 'e' })
		if i < 0 {
			i = len(d) - 1
		}
		p.command(d[0], numbers(d[1:1+i]))
		d = d[1+i:]
	}
	p.close()
}

type pathReader struct {
	reader       *svgReader
	at           shift
	fill, stroke string
	thick        float64
	now          point
	points       []point
}

func (p *pathReader) command(c byte, v []float64) {
	relative := c >= 'a'
	switch c | 0x20 {
	case 'm':
		p.close()
		p.lines(v, relative)
	case 'l':
		p.lines(v, relative)
	case 'h':
		for _, x := range v {
			p.to(point{x, p.now.y}, point{p.now.x + x, p.now.y}, relative)
		}
	case 'v':
		for _, y := range v {
			p.to(point{p.now.x, y}, point{p.now.x, p.now.y + y}, relative)
		}
	case 'z':
		if len(p.points) > 0 {
			p.now = p.points[0]
		}
		p.close()
	}
}

func (p *pathReader) lines(v []float64, relative bool) {
	for len(v) >= 2 {
		p.to(point{v[0], v[1]}, point{p.now.x + v[0], p.now.y + v[1]}, relative)
		v = v[2:]
	}
}

// to adds a corner. A thick line along a row is a separate area.
func (p *pathReader) to(absolute, relative point, isRelative bool) {
	next := absolute
	if isRelative {
		next = relative
	}
	if p.stroke != "none" && len(p.points) > 0 && next.y == p.now.y && next.x != p.now.x {
		x := min(p.now.x, next.x)
		p.reader.rect(x, next.y-p.thick/2, math.Abs(next.x-p.now.x), p.thick, p.at, p.stroke)
	}
	p.now = next
	p.points = append(p.points, next)
}

func (p *pathReader) close() {
	if len(p.points) > 2 {
		p.reader.add(p.points, p.at, p.fill)
	}
	p.points = nil
}

// raster maps the areas to a grid whose unit is the smallest distance between corners.
func (r *svgReader) raster() [][]bool {
	var xs, ys []float64
	for _, a := range r.areas {
		for _, p := range a.points {
			xs, ys = append(xs, p.x), append(ys, p.y)
		}
	}
	x0, unitX, wide := gridOf(xs)
	y0, unitY, high := gridOf(ys)
	if wide < leastCells || high < leastCells || wide > mostCells || high > mostCells {
		return nil
	}
	const margin = 4
	cells := make([][]bool, high+2*margin)
	for i := range cells {
		cells[i] = make([]bool, wide+2*margin)
	}
	for i := range r.areas {
		g := cellGrid{cells: cells, from: point{x0, y0}, unit: point{unitX, unitY}, margin: margin, steps: &r.steps}
		if !g.fill(&r.areas[i]) {
			return nil
		}
	}
	return cells
}

// cellGrid is a grid of cells with the position and size of the first one.
type cellGrid struct {
	cells      [][]bool
	from, unit point
	margin     int
	steps      *int
}

// fill darkens or lights the cells whose center is in an area, and reports whether the work
// is within its bound.
func (g *cellGrid) fill(a *area) bool {
	fromX, toX := bounds(a.points, func(p point) float64 { return (p.x - g.from.x) / g.unit.x })
	fromY, toY := bounds(a.points, func(p point) float64 { return (p.y - g.from.y) / g.unit.y })
	if *g.steps += (toX - fromX) * (toY - fromY) * len(a.points); *g.steps > maxRaster {
		return false
	}
	for y := fromY; y < toY; y++ {
		for x := fromX; x < toX; x++ {
			if a.contains(g.from.x+(float64(x)+0.5)*g.unit.x, g.from.y+(float64(y)+0.5)*g.unit.y) {
				g.cells[y+g.margin][x+g.margin] = a.dark
			}
		}
	}
	return true
}

// gridOf returns the origin of the grid, the size of a cell and the number of cells.
func gridOf(values []float64) (from, unit float64, cells int) {
	slices.Sort(values)
	from, last := values[0], values[len(values)-1]
	unit = last - from
	least := unit / (2 * mostCells)
	for i := 1; i < len(values); i++ {
		if gap := values[i] - values[i-1]; gap > least {
			unit = min(unit, gap)
		}
	}
	if unit <= 0 {
		return from, 1, 0
	}
	return from, unit, int(math.Round((last - from) / unit))
}

func bounds(points []point, of func(point) float64) (from, to int) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range points {
		low, high = min(low, of(p)), max(high, of(p))
	}
	return int(math.Round(low)), int(math.Round(high))
}

// contains reports whether a point is inside, by counting the edges to the left.
func (a *area) contains(x, y float64) bool {
	inside := false
	for i, p := range a.points {
		q := a.points[(i+1)%len(a.points)]
		if (p.y > y) != (q.y > y) && x > p.x+(y-p.y)*(q.x-p.x)/(q.y-p.y) {
			inside = !inside
		}
	}
	return inside
}
