package picture

import (
	"encoding/base64"
	"encoding/xml"
	"image"
	"image/draw"
	"io"
	"math"
	"strconv"
	"strings"

	"golang.org/x/image/vector"
)

// Bounds of one drawing in SVG.
const (
	maxSVG      = 4 << 20 // bytes read
	maxShapes   = 40_000  // drawn
	maxPoints   = 400_000
	maxNested   = 64 // elements inside one another
	maxSVGImage = 4  // pictures in base64
	svgSide     = 1000
	svgRim      = 16 // pixels of margin, since a code needs a quiet zone
)

// FromSVG returns the codes in a drawing, with the notes that Read has. It fills
// rectangles, polygons, circles and paths, and strokes straight lines, as programs write
// codes; it supports no gradients, masks or text, and only class rules of style sheets. SVG
// 2, chapters 8 to 13.
func FromSVG(text string, l Limits) *Picture {
	s := &svg{limits: l, ids: map[string]xml.StartElement{}, classes: map[string]string{}}
	s.read(text[:min(len(text), maxSVG)])
	out := &Picture{Format: "svg"}
	if len(text) > maxSVG || s.cut {
		out.note(TooLarge)
	}
	for _, p := range s.pictures {
		out.merge(Read(p, l))
	}
	for _, ground := range []uint8{0xff, 0} {
		if img := s.draw(ground); img != nil && len(out.Codes) == 0 {
			out.Width, out.Height = img.Rect.Dx(), img.Rect.Dy()
			out.merge(Look(img, l))
		}
	}
	return out
}

// merge adds the codes and notes of another picture.
func (p *Picture) merge(o *Picture) {
	p.Codes = append(p.Codes, o.Codes...)
	for _, n := range o.Notes {
		p.note(n)
	}
}

// paint is a grey level, or none.
type paint struct {
	grey uint8
	none bool
}

// svgState holds the inherited properties.
type svgState struct {
	space        affine
	fill, stroke paint
	width        float64
}

// svgPoint is an end point of a line.
type svgPoint struct {
	x, y float64
	move bool
}

// shape is a filled path in the space of the drawing.
type shape struct {
	points []svgPoint
	grey   uint8
}

type svg struct {
	limits   Limits
	states   []svgState
	shapes   []shape
	points   int
	ids      map[string]xml.StartElement // targets of "use"
	pictures [][]byte
	classes  map[string]string // declarations of style sheets by class
	styling  bool
	cut      bool
}

func (s *svg) read(text string) {
	x := xml.NewDecoder(strings.NewReader(text))
	x.Strict = false
	x.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	s.states = []svgState{{space: affine{1, 0, 0, 1, 0, 0}, stroke: paint{none: true}, width: 1}}
	for !s.cut {
		t, err := x.RawToken()
		if err != nil {
			return
		}
		switch t := t.(type) {
		case xml.StartElement:
			s.start(t.Copy())
			s.styling = t.Name.Local == "style"
		case xml.CharData:
			if s.styling {
				s.sheet(string(t))
			}
		case xml.EndElement:
			s.styling = false
			if len(s.states) > 1 {
				s.states = s.states[:len(s.states)-1]
			}
		}
	}
}

// sheet keeps the rules for single classes.
func (s *svg) sheet(text string) {
	for rule := range strings.SplitSeq(text, "}") {
		selector, declarations, _ := strings.Cut(rule, "{")
		for name := range strings.SplitSeq(selector, ",") {
			if name, ok := strings.CutPrefix(strings.TrimSpace(name), "."); ok && len(s.classes) < 1000 {
				s.classes[name] += ";" + declarations
			}
		}
	}
}

func (s *svg) start(e xml.StartElement) {
	if len(s.states) > maxNested {
		s.cut = true
		return
	}
	s.states = append(s.states, s.inherit(s.states[len(s.states)-1], e))
	if id := attribute(e, "id"); id != "" && len(s.ids) < maxShapes {
		s.ids[id] = e
	}
	s.element(e, s.states[len(s.states)-1], 0)
}

// inherit returns the state inside an element.
func (s *svg) inherit(st svgState, e xml.StartElement) svgState {
	if t := attribute(e, "transform"); t != "" {
		st.space = st.space.after(transform(t))
	}
	set := func(name, value string) {
		switch name {
		case "fill":
			st.fill = colourOf(value, st.fill)
		case "stroke":
			st.stroke = colourOf(value, st.stroke)
		case "stroke-width":
			st.width = number(value)
		case "display", "visibility":
			if value == "none" || value == "hidden" {
				st.fill.none, st.stroke.none = true, true
			}
		}
	}
	for _, a := range e.Attr {
		set(a.Name.Local, strings.TrimSpace(a.Value))
	}
	style := attribute(e, "style")
	for name := range strings.FieldsSeq(attribute(e, "class")) {
		style = s.classes[name] + ";" + style
	}
	for rule := range strings.SplitSeq(style, ";") {
		name, value, _ := strings.Cut(rule, ":")
		set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return st
}

// element draws a shape. Nested uses are left out.
func (s *svg) element(e xml.StartElement, st svgState, uses int) {
	get := func(name string) float64 { return number(attribute(e, name)) }
	switch e.Name.Local {
	case "rect":
		s.rect(st, get("x"), get("y"), get("width"), get("height"))
	case "circle":
		s.rect(st, get("cx")-get("r"), get("cy")-get("r"), 2*get("r"), 2*get("r"))
	case "ellipse":
		s.rect(st, get("cx")-get("rx"), get("cy")-get("ry"), 2*get("rx"), 2*get("ry"))
	case "polygon", "polyline":
		s.path(st, "M"+attribute(e, "points"))
	case "line":
		s.stroke(st, []svgPoint{{get("x1"), get("y1"), true}, {get("x2"), get("y2"), false}})
	case "path":
		s.path(st, attribute(e, "d"))
	case "use":
		if target, ok := s.ids[strings.TrimPrefix(attribute(e, "href"), "#")]; ok && uses == 0 {
			st.space = st.space.after(affine{1, 0, 0, 1, get("x"), get("y")})
			s.element(target, s.inherit(st, target), uses+1)
		}
	case "image":
		s.picture(attribute(e, "href"))
	}
}

func (s *svg) picture(href string) {
	_, data, ok := strings.Cut(href, ";base64,")
	if !ok || len(s.pictures) == maxSVGImage {
		s.cut = s.cut || ok
		return
	}
	data = strings.Join(strings.Fields(data), "")
	if b, err := base64.StdEncoding.DecodeString(data); err == nil {
		s.pictures = append(s.pictures, b)
	}
}

func (s *svg) rect(st svgState, x, y, w, h float64) {
	s.fill(st, []svgPoint{{x, y, true}, {x + w, y, false}, {x + w, y + h, false}, {x, y + h, false}})
}

func (s *svg) path(st svgState, d string) {
	points := pathPoints(d, maxPoints-s.points)
	s.fill(st, points)
	s.stroke(st, points)
}

// fill keeps a path in the space of the drawing.
func (s *svg) fill(st svgState, points []svgPoint) {
	if !st.fill.none {
		s.keep(st.space, points, st.fill.grey)
	}
}

func (s *svg) keep(space affine, points []svgPoint, grey uint8) {
	if len(points) < 2 {
		return
	}
	if s.points += len(points); len(s.shapes) == maxShapes || s.points > maxPoints {
		s.cut = true
		return
	}
	out := make([]svgPoint, len(points))
	for i, p := range points {
		out[i].x, out[i].y = space.apply(p.x, p.y)
		out[i].move = p.move
	}
	s.shapes = append(s.shapes, shape{out, grey})
}

// stroke keeps the straight lines of a path as rectangles.
func (s *svg) stroke(st svgState, points []svgPoint) {
	if st.stroke.none || st.width <= 0 {
		return
	}
	var all []svgPoint
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		long := math.Hypot(b.x-a.x, b.y-a.y)
		if b.move || long == 0 {
			continue
		}
		dx, dy := (b.y-a.y)/long*st.width/2, (b.x-a.x)/long*st.width/2
		all = append(all, svgPoint{a.x + dx, a.y - dy, true}, svgPoint{b.x + dx, b.y - dy, false},
			svgPoint{b.x - dx, b.y + dy, false}, svgPoint{a.x - dx, a.y + dy, false})
	}
	s.keep(st.space, all, st.stroke.grey)
}

// draw returns the picture over a background, nil if there are too few shapes for a code.
func (s *svg) draw(ground uint8) *image.Gray {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, sh := range s.shapes {
		for _, p := range sh.points {
			x0, y0, x1, y1 = min(x0, p.x), min(y0, p.y), max(x1, p.x), max(y1, p.y)
		}
	}
	size := max(x1-x0, y1-y0)
	if s.points < 4*leastShapes || !(size > 0) || math.IsInf(size, 0) {
		return nil
	}
	scale := svgSide / size
	out := image.NewGray(image.Rect(0, 0, int((x1-x0)*scale)+1+2*svgRim, int((y1-y0)*scale)+1+2*svgRim))
	for i := range out.Pix {
		out.Pix[i] = ground
	}
	brush := vector.NewRasterizer(1, 1)
	work := 0 // pixels of all shapes
	for _, sh := range s.shapes {
		if work += paintShape(out, brush, sh, func(p svgPoint) (x, y float64) { return (p.x-x0)*scale + svgRim, (p.y-y0)*scale + svgRim }); work > maxPainted {
			break
		}
	}
	return out
}

const (
	leastShapes = 60         // minimum number of shapes of a code
	maxPainted  = 40_000_000 // pixels of all shapes; a code and its background need two million
)

// paintShape fills one shape, and returns the pixels of its box.
func paintShape(out *image.Gray, brush *vector.Rasterizer, sh shape, at func(svgPoint) (x, y float64)) int {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, p := range sh.points {
		x, y := at(p)
		x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
	}
	area := image.Rect(int(x0), int(y0), int(x1)+1, int(y1)+1).Intersect(out.Rect)
	if area.Empty() {
		return 0
	}
	brush.Reset(area.Dx(), area.Dy())
	for _, p := range sh.points {
		x, y := at(p)
		fx, fy := float32(x-float64(area.Min.X)), float32(y-float64(area.Min.Y))
		if p.move {
			brush.ClosePath()
			brush.MoveTo(fx, fy)
		} else {
			brush.LineTo(fx, fy)
		}
	}
	brush.ClosePath()
	mask := image.NewAlpha(image.Rect(0, 0, area.Dx(), area.Dy()))
	brush.DrawOp = draw.Src
	brush.Draw(mask, mask.Rect, image.Opaque, image.Point{})
	for y := range area.Dy() {
		to := out.Pix[out.PixOffset(area.Min.X, area.Min.Y+y):][:area.Dx()]
		for x, a := range mask.Pix[y*mask.Stride:][:area.Dx()] {
			to[x] = uint8((uint32(to[x])*(0xff-uint32(a)) + uint32(sh.grey)*uint32(a)) / 0xff)
		}
	}
	return area.Dx() * area.Dy()
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// number parses a length with any unit.
func number(s string) float64 {
	s = strings.TrimSpace(s)
	end := strings.IndexFunc(s, func(c rune) bool { return !strings.ContainsRune("0123456789.+-eE", c) })
	if end >= 0 {
		s = strings.TrimRight(s[:end], "eE") // of "em"
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// colourOf parses a colour as grey. Names other than white are dark, since a code has two
// colours.
func colourOf(value string, old paint) paint {
	v := strings.ToLower(value)
	switch {
	case v == "" || v == "inherit" || strings.HasPrefix(v, "url("):
		return old
	case v == "none" || v == "transparent":
		return paint{none: true}
	case strings.HasPrefix(v, "#"):
		return paint{grey: hexGrey(v[1:])}
	case strings.HasPrefix(v, "rgb"):
		return paint{grey: rgbGrey(v)}
	case v == "white" || v == "ivory" || v == "snow" || v == "yellow" || strings.HasSuffix(v, "white") || strings.HasPrefix(v, "light"):
		return paint{grey: 0xff}
	}
	return paint{}
}

func hexGrey(s string) uint8 {
	if len(s) == 3 || len(s) == 4 {
		s = string([]byte{s[0], s[0], s[1], s[1], s[2], s[2]})
	}
	n, err := strconv.ParseUint(s[:min(len(s), 6)], 16, 32)
	if err != nil {
		return 0
	}
	return luma(uint8(n>>16), uint8(n>>8), uint8(n))
}

func rgbGrey(s string) uint8 {
	_, s, _ = strings.Cut(s, "(")
	var c [3]uint8
	for i, f := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(", )/", r) }) {
		if i == 3 {
			break
		}
		v := number(f)
		if strings.HasSuffix(f, "%") {
			v *= 2.55
		}
		c[i] = uint8(min(max(v, 0), 255))
	}
	return luma(c[0], c[1], c[2])
}
