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
	maxStates    = 64     // saved inside one another
	maxFills     = 24     // changes of colour that are drawn
	maxRows      = 400e3  // of pixels that lines cross; the largest code needs half
	drawingSide  = 1000   // pixels of the longer side
	drawingRim   = 16     // pixels around, for a code needs a quiet zone
	leastShapes  = 60     // small ones, below which there is no code
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

// segment ends a line, or begins one.
type segment struct {
	x, y float64 // points
	move bool
}

// filled is a path with its colour.
type filled struct {
	from, to int // segments, half open
	grey     uint8
}

// canvas collects the paths that a page fills. Strokes, patterns and clipping are left out.
type canvas struct {
	pen
	saved    []pen
	segments []segment
	begin    int // of the path under construction
	fills    []filled
	operands [6]float64
}

func newCanvas() *canvas { return &canvas{pen: pen{space: matrix{1, 0, 0, 1, 0, 0}}} }

// operate handles the operators of paths and of what fills them. ISO 32000-1, 8.5 and 8.6.8.
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
		// A curve of a module is a corner: its control points are near enough.
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

// numbers returns the operands if all are numbers, and valid until the next call.
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

// box is where something stands, in points.
type box struct{ x0, y0, x1, y1 float64 }

func (b *box) add(x, y float64) {
	b.x0, b.y0, b.x1, b.y1 = min(b.x0, x), min(b.y0, y), max(b.x1, x), max(b.y1, y)
}

func nowhere() box {
	return box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
}

// small returns where the small shapes are, and how many.
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

// picture draws the place of the small shapes, nil if there are too few for a code.
func (c *canvas) picture() image.Image {
	b, count := c.small()
	if count < leastShapes || b.x1-b.x0 < 1 || b.y1-b.y0 < 1 {
		return nil
	}
	scale := float64(drawingSide) / max(b.x1-b.x0, b.y1-b.y0)
	out := image.NewGray(image.Rect(0, 0, int((b.x1-b.x0)*scale)+2*drawingRim, int((b.y1-b.y0)*scale)+2*drawingRim))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	p := &painter{out, vector.NewRasterizer(out.Rect.Dx(), out.Rect.Dy()), b, scale, 0}
	changes := 0
	for k, f := range c.fills {
		p.add(c.segments[f.from:f.to])
		if k+1 < len(c.fills) && c.fills[k+1].grey == f.grey {
			continue // one stroke of the brush for all of a colour
		}
		if changes++; changes > maxFills {
			break
		}
		p.fill(f.grey)
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

func (p *painter) add(path []segment) {
	for k, s := range path {
		// The origin of a page is at its lower left.
		x, y := float32((s.x-p.box.x0)*p.scale)+drawingRim, float32((p.box.y1-s.y)*p.scale)+drawingRim
		if s.move || k == 0 {
			p.brush.ClosePath()
			p.brush.MoveTo(x, y)
			continue
		}
		p.rows += min(math.Abs(s.y-path[k-1].y)*p.scale, drawingSide)
		if p.rows > maxRows {
			return
		}
		p.brush.LineTo(x, y)
	}
}

func (p *painter) fill(grey uint8) {
	p.brush.ClosePath()
	p.brush.Draw(p.out, p.out.Rect, image.NewUniform(color.Gray{grey}), image.Point{})
	p.brush.Reset(p.out.Rect.Dx(), p.out.Rect.Dy())
}
