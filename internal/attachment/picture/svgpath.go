package picture

import (
	"math"
	"strings"
)

// affine maps the space of an element to that of the drawing. SVG 2, Section 8.
type affine [6]float64

func (m affine) apply(x, y float64) (float64, float64) {
	return m[0]*x + m[2]*y + m[4], m[1]*x + m[3]*y + m[5]
}

// after returns the map that applies n first.
func (m affine) after(n affine) affine {
	x, y := m.apply(n[4], n[5])
	return affine{m[0]*n[0] + m[2]*n[1], m[1]*n[0] + m[3]*n[1], m[0]*n[2] + m[2]*n[3], m[1]*n[2] + m[3]*n[3], x, y}
}

// transform reads the functions of a transform attribute. CSS Transforms 1, Section 8.
func transform(s string) affine {
	m := affine{1, 0, 0, 1, 0, 0}
	for range 16 {
		name, rest, ok := strings.Cut(s, "(")
		inside, after, closed := strings.Cut(rest, ")")
		if !ok || !closed {
			return m
		}
		s = after
		n := numbersOf(inside, 6)
		a := make([]float64, 6)
		copy(a, n)
		switch strings.Trim(name, ", \t\r\n") {
		case "translate":
			m = m.after(affine{1, 0, 0, 1, a[0], a[1]})
		case "scale":
			if len(n) == 1 {
				a[1] = a[0]
			}
			m = m.after(affine{a[0], 0, 0, a[1], 0, 0})
		case "rotate":
			sin, cos := math.Sincos(a[0] * math.Pi / 180)
			m = m.after(affine{1, 0, 0, 1, a[1], a[2]}).after(affine{cos, sin, -sin, cos, 0, 0}).after(affine{1, 0, 0, 1, -a[1], -a[2]})
		case "matrix":
			m = m.after(affine(a))
		}
	}
	return m
}

// numbersOf parses at most most numbers, separated by signs, second points or spaces.
func numbersOf(s string, most int) []float64 {
	var out []float64
	for len(out) < most {
		var f float64
		var ok bool
		if f, s, ok = nextNumber(s); !ok {
			break
		}
		out = append(out, f)
	}
	return out
}

// nextNumber reads a number of a path. SVG 2, Section 9.3.9.
func nextNumber(s string) (f float64, rest string, ok bool) {
	s = strings.TrimLeft(s, ", \t\r\n")
	end, point, exp := 0, false, false
	for end < len(s) {
		c := s[end]
		switch {
		case c >= '0' && c <= '9':
		case (c == '-' || c == '+') && (end == 0 || s[end-1] == 'e' || s[end-1] == 'E'):
		case c == '.' && !point && !exp:
			point = true
		case (c == 'e' || c == 'E') && end > 0 && !exp:
			exp = true
		default:
			return number(s[:end]), s[end:], end > 0
		}
		end++
	}
	return number(s), "", end > 0
}

// arguments is the number of operands of each path command.
var arguments = map[byte]int{'m': 2, 'l': 2, 'h': 1, 'v': 1, 'c': 6, 's': 4, 'q': 4, 't': 2, 'a': 7}

// pathPoints returns at most most points of a path. Of curves and arcs it takes the ends.
func pathPoints(d string, most int) []svgPoint {
	var out []svgPoint
	var x, y, x0, y0 float64
	var command byte
	for len(out) < most {
		d = strings.TrimLeft(d, ", \t\r\n")
		if d == "" {
			return out
		}
		if c := d[0]; c >= 'A' && c <= 'z' {
			command, d = c, d[1:]
			if command|0x20 == 'z' {
				out = append(out, svgPoint{x0, y0, false})
				x, y = x0, y0
				continue
			}
		}
		n, rest, ok := commandNumbers(d, arguments[command|0x20])
		if !ok {
			return out
		}
		d = rest
		relative := command >= 'a'
		nx, ny := x, y
		switch last := len(n); command | 0x20 {
		case 'h':
			nx = n[0] + when(relative, x)
		case 'v':
			ny = n[0] + when(relative, y)
		default:
			nx, ny = n[last-2]+when(relative, x), n[last-1]+when(relative, y)
		}
		x, y = nx, ny
		move := command|0x20 == 'm'
		if move {
			x0, y0 = x, y
			command-- // lines follow the first pair. SVG 2, Section 9.3.3
		}
		out = append(out, svgPoint{x, y, move})
	}
	return out
}

func when(relative bool, v float64) float64 {
	if relative {
		return v
	}
	return 0
}

// commandNumbers reads the numbers of one command.
func commandNumbers(d string, count int) (n []float64, rest string, ok bool) {
	for range count {
		var f float64
		if f, d, ok = nextNumber(d); !ok {
			return nil, d, false
		}
		n = append(n, f)
	}
	return n, d, count > 0
}
