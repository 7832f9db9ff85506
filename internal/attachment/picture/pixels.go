package picture

import (
	"image"
	"image/color"
	"math"
)

// pixels is a picture over a background, shrunk by an integer factor.
type pixels struct {
	w, h   int
	factor int // picture pixels per pixel, per side
	luma   *image.Gray
	mean   color.RGBA

	oneColour bool // all pixels have nearly one colour
	coloured  bool // the channels differ enough somewhere to hide a code
	plain     bool // few colours, as drawings have
	clear     bool // the background is visible somewhere

	img    image.Image
	ground uint8
}

// sample copies img over white, shrunk until no side is longer than side.
func sample(img image.Image, side int) *pixels { return sampleOver(img, side, 0xff) }

// sampleOver is sample over a grey background.
func sampleOver(img image.Image, side int, ground uint8) *pixels {
	b := img.Bounds()
	factor := max(1, (max(b.Dx(), b.Dy())+side-1)/max(side, 1))
	p := &pixels{w: b.Dx() / factor, h: b.Dy() / factor, factor: factor, img: img, ground: ground}
	if p.w == 0 || p.h == 0 {
		// A line of a pixel or two: too thin to shrink or to show anything.
		p.w, p.h, p.factor = min(b.Dx(), side), min(b.Dy(), side), 1
	}
	if p.w == 0 || p.h == 0 {
		return nil
	}
	p.brightness()
	p.colours()
	return p
}

// brightness computes the brightness, and whether the background is visible.
func (p *pixels) brightness() {
	p.luma = image.NewGray(image.Rect(0, 0, p.w, p.h))
	from := lumaOf(p.img, p.ground)
	if p.factor == 1 {
		for y := range p.h {
			p.clear = from(y, p.luma.Pix[y*p.w:][:p.w]) || p.clear
		}
		return
	}
	wide, sums := make([]uint8, p.w*p.factor), make([]uint32, p.w)
	for y := range p.h {
		for k := range p.factor {
			p.clear = from(y*p.factor+k, wide) || p.clear
			addUp(sums, wide, p.factor)
		}
		to := p.luma.Pix[y*p.w:][:p.w]
		for x, n := range sums {
			to[x], sums[x] = uint8(n/uint32(p.factor*p.factor)), 0
		}
	}
}

// addUp adds the pixels of a row to the sums of the shrunk pixels. The usual factors are
// unrolled: this loop dominates the cost of a large picture.
func addUp(sums []uint32, row []uint8, factor int) {
	switch factor {
	case 2:
		for x := range sums {
			at := row[2*x:][:2:2]
			sums[x] += uint32(at[0]) + uint32(at[1])
		}
	case 3:
		for x := range sums {
			at := row[3*x:][:3:3]
			sums[x] += uint32(at[0]) + uint32(at[1]) + uint32(at[2])
		}
	default:
		for x := range sums {
			for _, v := range row[x*factor:][:factor] {
				sums[x] += uint32(v)
			}
		}
	}
}

// looked bounds the pixels that determine the colours of a picture.
const looked = 200_000

// colours samples pixels for the traits of the colours.
func (p *pixels) colours() {
	step := max(1, int(math.Sqrt(float64(p.w*p.factor)*float64(p.h*p.factor)/looked)))
	from := coloursOf(p.img, p.ground)
	row := make([]uint8, 3*((p.w*p.factor+step-1)/step))
	t := newTraits()
	for y := step / 2; y < p.h*p.factor; y += step {
		from(y, step, row)
		t.row(row)
	}
	low, high := contrast(p.luma)
	p.mean, p.oneColour = t.mean()
	p.oneColour = p.oneColour && high-low <= oneColourSpan
	p.coloured, p.plain = t.coloured, t.colours <= fewColours
}

// channels returns red, green and blue. Of shrunk pictures it reads one pixel of each
// square: a code visible in one colour only is synthetic, and has no noise to average.
func (p *pixels) channels() (out [3]*image.Gray) {
	for c := range out {
		out[c] = image.NewGray(p.luma.Rect)
	}
	from := coloursOf(p.img, p.ground)
	row := make([]uint8, 3*p.w)
	for y := range p.h {
		from(y*p.factor+p.factor/2, p.factor, row)
		r, g, b := out[0].Pix[y*p.w:][:p.w], out[1].Pix[y*p.w:][:p.w], out[2].Pix[y*p.w:][:p.w]
		for x := range r {
			at := row[3*x:][:3:3]
			r[x], g[x], b[x] = at[0], at[1], at[2]
		}
	}
	return out
}

// traits summarizes the colours of a picture.
type traits struct {
	pixels    uint64
	sums      [3]uint64
	low, high [3]uint8
	coloured  bool
	colours   int // distinct ones of 4096, up to fewColours and one more
	seen      []bool
	last      [3]uint8
}

// oneColourSpan is JPEG's variation of a single colour.
const oneColourSpan = 4

// fewColours is the maximum number of colours of drawings.
const fewColours = 48

func newTraits() *traits {
	return &traits{low: [3]uint8{255, 255, 255}, seen: make([]bool, 1<<12)}
}

func (t *traits) row(row []uint8) {
	for x := 0; x+3 <= len(row); x += 3 {
		c := [3]uint8{row[x], row[x+1], row[x+2]}
		t.pixels++
		t.sums[0] += uint64(c[0])
		t.sums[1] += uint64(c[1])
		t.sums[2] += uint64(c[2])
		if c == t.last && t.colours > 0 {
			continue
		}
		t.last = c
		t.colour(c)
	}
}

// colour adds a colour that differs from the previous one.
func (t *traits) colour(c [3]uint8) {
	for k, v := range c {
		t.low[k], t.high[k] = min(t.low[k], v), max(t.high[k], v)
	}
	t.coloured = t.coloured || max(c[0], c[1], c[2])-min(c[0], c[1], c[2]) > 48
	if t.colours > fewColours {
		return
	}
	if at := &t.seen[uint32(c[0]>>4)<<8|uint32(c[1]>>4)<<4|uint32(c[2]>>4)]; !*at {
		*at = true
		t.colours++
	}
}

// mean returns the mean colour, and whether all pixels are near it.
func (t *traits) mean() (color.RGBA, bool) {
	var mean [3]uint8
	one := true
	for c := range mean {
		mean[c] = uint8(t.sums[c] / max(1, t.pixels))
		one = one && t.high[c]-t.low[c] <= oneColourSpan
	}
	return color.RGBA{mean[0], mean[1], mean[2], 255}, one
}

// resize returns g at another size, each pixel the mean of its area.
func resize(g *image.Gray, w, h int) *image.Gray {
	b := g.Bounds()
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		y0 := y * b.Dy() / h
		y1 := max(y0+1, (y+1)*b.Dy()/h)
		for x := range w {
			x0 := x * b.Dx() / w
			x1 := max(x0+1, (x+1)*b.Dx()/w)
			sum := 0
			for yy := y0; yy < y1; yy++ {
				for xx := x0; xx < x1; xx++ {
					sum += int(g.Pix[yy*g.Stride+xx])
				}
			}
			out.Pix[y*w+x] = uint8(sum / ((y1 - y0) * (x1 - x0)))
		}
	}
	return out
}

// invert returns the negative of g.
func invert(g *image.Gray) *image.Gray {
	out := image.NewGray(g.Rect)
	for i, v := range g.Pix {
		out.Pix[i] = 255 - v
	}
	return out
}

// halved returns g at half its size, doubled at twice that.
func halved(g *image.Gray) *image.Gray {
	w, h := g.Rect.Dx()/2, g.Rect.Dy()/2
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		a, b := g.Pix[2*y*g.Stride:][:2*w], g.Pix[(2*y+1)*g.Stride:][:2*w]
		to := out.Pix[y*w:][:w]
		for x := range to {
			to[x] = uint8((uint32(a[2*x]) + uint32(a[2*x+1]) + uint32(b[2*x]) + uint32(b[2*x+1])) / 4)
		}
	}
	return out
}

func doubled(g *image.Gray) *image.Gray {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, 2*w, 2*h))
	for y := range h {
		to := out.Pix[4*w*y:][:2*w]
		for x, v := range g.Pix[y*g.Stride:][:w] {
			to[2*x], to[2*x+1] = v, v
		}
		copy(out.Pix[4*w*y+2*w:], to)
	}
	return out
}

// contrast returns the darkest and the brightest value of a picture.
func contrast(g *image.Gray) (low, high uint8) {
	low = 255
	for _, v := range g.Pix {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// stretch returns g with its darkest pixel black and its brightest white: decoders mistake
// low contrast for a plain background.
func stretch(g *image.Gray, low, high uint8) *image.Gray {
	var table [256]uint8
	for v := int(low); v <= int(high); v++ {
		table[v] = uint8(255 * (v - int(low)) / max(1, int(high)-int(low)))
	}
	out := image.NewGray(g.Rect)
	for i, v := range g.Pix {
		out.Pix[i] = table[v]
	}
	return out
}
