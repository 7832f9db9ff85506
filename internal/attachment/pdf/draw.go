package pdf

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

// Bounds of the drawings of one document. A code is a few hundred shapes, all of them small.
const (
	maxDrawings  = 3      // pages
	maxSegments  = 60_000 // of the paths of one page
	maxStates    = 64     // nested saved states
	maxFills     = 24     // changes of colour that are drawn
	maxRows      = 400e3  // of pixels that lines cross; the largest code needs half
	drawingSide  = 1000   // pixels of the longer side
	drawingRim   = 16     // pixels of margin, since a code needs a quiet zone
	leastShapes  = 60     // minimum number of small shapes of a code
	smallShape   = 80     // points; a corner mark has seven modules
	largestPlace = 20_000 // points from the origin
)

// matrix maps the space of a form to that of the page. ISO 32000-1, 8.3.3.
type matrix [6]float64

func (m matrix) apply(x, y float64) (float64, float64) {
	return m[0]*x + m[2]*y + m[4], m[1]*x + m[3]*y + m[5]
}

// after returns the map that applies n first.
func (m matrix) after(n matrix) matrix {
	x, y := m.apply(n[4], n[5])
	return matrix{
		m[0]*n[0] + m[2]*n[1], m[1]*n[0] + m[3]*n[1],
		m[0]*n[2] + m[2]*n[3], m[1]*n[2] + m[3]*n[3], x, y,
	}
}

// pen is the part of the graphics state that filling needs. ISO 32000-1, 8.4.
type pen struct {
	space matrix
	grey  uint8
}

// segment is an end point of a line.
type segment struct {
	x, y float64 // points
	move bool
}

// filled is a path with its colour.
type filled struct {
	from, to int // segments, half open
	grey     uint8
}

// canvas collects the filled paths of a page. Strokes, patterns and clipping are left out.
type canvas struct {
	pen
	saved    []pen
	segments []segment
	begin    int // of the path under construction
	fills    []filled
	operands [6]float64
}

func newCanvas() *canvas { return &canvas{pen: pen{space: matrix{1, 0, 0, 1, 0, 0}}} }

// operate handles the operators of paths and of their fill. ISO 32000-1, 8.5 and 8.6.8.
func (c *canvas) operate(op keyword, args array) {
	switch op {
	case "q":
		if len(c.saved) < maxStates {
			c.saved = append(c.saved, c.pen)
		}
	case "Q":
		if last := len(c.saved) - 1; last >= 0 {
			c.pen, c.saved = c.saved[last], c.saved[:last]
		}
	case "cm":
		c.transform(args)
	case "g", "rg", "k", "sc", "scn":
		c.colour(c.numbers(args))
	case "f", "F", "f*", "B", "B*", "b", "b*":
		if c.begin < len(c.segments) {
			c.fills = append(c.fills, filled{c.begin, len(c.segments), c.grey})
		}
		c.begin = len(c.segments)
	case "n", "S", "s":
		c.segments = c.segments[:c.begin]
	case "m", "l", "re", "c", "v", "y":
		c.path(op, c.numbers(args))
	}
}

func (c *canvas) transform(args array) {
	if n := c.numbers(args); len(n) == 6 {
		c.space = c.space.after(matrix(n))
	}
}

// path adds to the path. ISO 32000-1, table 59.
func (c *canvas) path(op keyword, n []float64) {
	switch {
	case op == "m" && len(n) == 2:
		c.to(n[0], n[1], true)
	case op == "l" && len(n) == 2:
		c.to(n[0], n[1], false)
	case op == "re" && len(n) == 4:
		c.to(n[0], n[1], true)
		c.to(n[0]+n[2], n[1], false)
		c.to(n[0]+n[2], n[1]+n[3], false)
		c.to(n[0], n[1]+n[3], false)
	case (op == "c" && len(n) == 6 || (op == "v" || op == "y") && len(n) == 4):
		// A curve of a module is treated as a corner: its control points are close enough.
		for k := 0; k < len(n); k += 2 {
			c.to(n[k], n[k+1], false)
		}
	}
}

func (c *canvas) to(x, y float64, move bool) {
	x, y = c.space.apply(x, y)
	if len(c.segments) < maxSegments && math.Abs(x) < largestPlace && math.Abs(y) < largestPlace { // false for NaN
		c.segments = append(c.segments, segment{x, y, move})
	}
}

// colour takes the components of grey, RGB or CMYK by their number.
func (c *canvas) colour(n []float64) {
	level := func(f float64) uint8 { return uint8(255 * min(max(f, 0), 1)) }
	switch len(n) {
	case 1:
		c.grey = level(n[0])
	case 3:
		c.grey = luma(level(n[0]), level(n[1]), level(n[2]))
	case 4:
		c.grey = luma(color.CMYKToRGB(level(n[0]), level(n[1]), level(n[2]), level(n[3])))
	}
}

// luma is the brightness of BT.601.
func luma(r, g, b uint8) uint8 {
	return uint8((299*uint32(r) + 587*uint32(g) + 114*uint32(b)) / 1000)
}

// numbers returns the operands if all are numbers; valid until the next call.
func (c *canvas) numbers(args array) []float64 {
	out := c.operands[:0]
	for _, a := range args {
		f, ok := a.(float64)
		if !ok || len(out) == cap(out) {
			return nil
		}
		out = append(out, f)
	}
	return out
}

// box is a bounding box, in points.
type box struct{ x0, y0, x1, y1 float64 }

func (b *box) add(x, y float64) {
	b.x0, b.y0, b.x1, b.y1 = min(b.x0, x), min(b.y0, y), max(b.x1, x), max(b.y1, y)
}

func nowhere() box {
	return box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
}

// small returns the bounding box and number of the small shapes.
func (c *canvas) small() (around box, count int) {
	around = nowhere()
	for _, f := range c.fills {
		shape := nowhere()
		for k := f.from; k < f.to; k++ {
			s := c.segments[k]
			if s.move {
				shape = nowhere()
			}
			shape.add(s.x, s.y)
			if ends := k+1 == f.to || c.segments[k+1].move; ends && shape.x1-shape.x0 < smallShape && shape.y1-shape.y0 < smallShape {
				count++
				around.add(shape.x0, shape.y0)
				around.add(shape.x1, shape.y1)
			}
		}
	}
	return around, count
}

// picture draws the area of the small shapes, nil if there are too few for a code.
func (c *canvas) picture() image.Image {
	b, count := c.small()
	if count < leastShapes || b.x1-b.x0 < 1 || b.y1-b.y0 < 1 {
		return nil
	}
	scale := float64(drawingSide) / max(b.x1-b.x0, b.y1-b.y0)
	out := image.NewGray(image.Rect(0, 0, int((b.x1-b.x0)*scale)+2*drawingRim, int((b.y1-b.y0)*scale)+2*drawingRim))
	for k := range out.Pix {
		out.Pix[k] = 0xff
	}
	p := &painter{out: out, brush: vector.NewRasterizer(1, 1), box: b, scale: scale}
	for from, changes := 0, 0; from < len(c.fills) && changes < maxFills; changes++ {
		to := from + 1
		for to < len(c.fills) && c.fills[to].grey == c.fills[from].grey {
			to++ // one stroke of the brush for all of a colour
		}
		p.fill(c.segments[c.fills[from].from:c.fills[to-1].to], c.fills[from].grey)
		from = to
	}
	return out
}

// painter draws paths on a picture of a box.
type painter struct {
	out   *image.Gray
	brush *vector.Rasterizer
	box   box
	scale float64
	rows  float64 // of the picture that lines have crossed
}

// at returns the position of a point in the picture. The origin of a page is at its lower
// left.
func (p *painter) at(s segment) (x, y float64) {
	return (s.x-p.box.x0)*p.scale + drawingRim, (p.box.y1-s.y)*p.scale + drawingRim
}

// fill draws paths of one colour. The brush has their size, since its cost depends on it.
func (p *painter) fill(path []segment, grey uint8) {
	around := nowhere()
	for _, s := range path {
		around.add(p.at(s))
	}
	area := image.Rect(int(max(around.x0, 0)), int(max(around.y0, 0)), int(min(around.x1, largestPlace))+1, int(min(around.y1, largestPlace))+1).Intersect(p.out.Rect)
	if area.Empty() {
		return
	}
	p.brush.Reset(area.Dx(), area.Dy())
	for k, s := range path {
		x, y := p.at(s)
		x, y = x-float64(area.Min.X), y-float64(area.Min.Y)
		if s.move || k == 0 {
			p.brush.ClosePath()
			p.brush.MoveTo(float32(x), float32(y))
			continue
		}
		p.rows += min(math.Abs(s.y-path[k-1].y)*p.scale, drawingSide)
		if p.rows > maxRows {
			break
		}
		p.brush.LineTo(float32(x), float32(y))
	}
	p.brush.ClosePath()
	p.paint(area, grey)
}

// paint draws the mask of the brush on the picture. The brush draws masks much faster than
// grey.
func (p *painter) paint(area image.Rectangle, grey uint8) {
	mask := image.NewAlpha(image.Rect(0, 0, area.Dx(), area.Dy()))
	p.brush.DrawOp = draw.Src
	p.brush.Draw(mask, mask.Rect, image.Opaque, image.Point{})
	for y := range area.Dy() {
		to := p.out.Pix[p.out.PixOffset(area.Min.X, area.Min.Y+y):][:area.Dx()]
		for x, a := range mask.Pix[y*mask.Stride:][:area.Dx()] {
			if a != 0 {
				to[x] = uint8((uint32(to[x])*(0xff-uint32(a)) + uint32(grey)*uint32(a)) / 0xff)
			}
		}
	}
}
