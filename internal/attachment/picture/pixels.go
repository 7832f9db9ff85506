package picture

import (
	"image"
	"image/color"
)

// pixels is a picture over white, shrunk by a whole factor.
type pixels struct {
	w, h   int
	factor int // how many pixels of the picture one of these stands for, per side
	rgb    [3][]uint8
}

// sample copies img, shrunk until no side is longer than side.
func sample(img image.Image, side int) *pixels {
	b := img.Bounds()
	factor := max(1, (max(b.Dx(), b.Dy())+side-1)/max(side, 1))
	p := &pixels{w: b.Dx() / factor, h: b.Dy() / factor, factor: factor}
	if p.w == 0 || p.h == 0 {
		// A line of a pixel or two: too thin to shrink, too thin to show anything.
		p.w, p.h = min(b.Dx(), side), min(b.Dy(), side)
		p.factor, factor = 1, 1
	}
	if p.w == 0 || p.h == 0 {
		return nil
	}
	for c := range p.rgb {
		p.rgb[c] = make([]uint8, p.w*p.h)
	}
	for y := range p.h {
		for x := range p.w {
			p.set(y*p.w+x, img, image.Rect(0, 0, factor, factor).Add(b.Min).Add(image.Pt(x*factor, y*factor)))
		}
	}
	return p
}

// set averages the pixels of img in box, over white.
func (p *pixels) set(i int, img image.Image, box image.Rectangle) {
	var sum [3]uint32
	n := uint32(box.Dx() * box.Dy())
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			r, g, b, a := img.At(x, y).RGBA()
			white := 0xffff - min(a, 0xffff)
			sum[0] += min(r+white, 0xffff) >> 8
			sum[1] += min(g+white, 0xffff) >> 8
			sum[2] += min(b+white, 0xffff) >> 8
		}
	}
	for c := range sum {
		p.rgb[c][i] = uint8(sum[c] / n)
	}
}

// plane returns one grey picture.
func (p *pixels) plane(of func(i int) uint8) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, p.w, p.h))
	for i := range g.Pix {
		g.Pix[i] = of(i)
	}
	return g
}

// luma returns the brightness of BT.601.
func (p *pixels) luma() *image.Gray {
	return p.plane(func(i int) uint8 {
		return uint8((299*uint32(p.rgb[0][i]) + 587*uint32(p.rgb[1][i]) + 114*uint32(p.rgb[2][i])) / 1000)
	})
}

// channel returns one of red, green and blue.
func (p *pixels) channel(c int) *image.Gray {
	return p.plane(func(i int) uint8 { return p.rgb[c][i] })
}

// coloured reports whether the channels differ anywhere by enough to hide a code.
func (p *pixels) coloured() bool {
	for i := range p.rgb[0] {
		r, g, b := p.rgb[0][i], p.rgb[1][i], p.rgb[2][i]
		if max(r, g, b)-min(r, g, b) > 48 {
			return true
		}
	}
	return false
}

// plain reports whether the picture has few colours, as drawings have.
func (p *pixels) plain() bool {
	const few = 48
	seen := make(map[uint32]bool, few)
	for i := range p.rgb[0] {
		seen[uint32(p.rgb[0][i]>>4)<<8|uint32(p.rgb[1][i]>>4)<<4|uint32(p.rgb[2][i]>>4)] = true
		if len(seen) > few {
			return false
		}
	}
	return true
}

// mean returns the mean colour, and whether no pixel is far from another.
func (p *pixels) mean() (color.RGBA, bool) {
	var mean [3]uint8
	one := true
	for c, plane := range p.rgb {
		sum, low, high := 0, uint8(255), uint8(0)
		for _, v := range plane {
			sum += int(v)
			low, high = min(low, v), max(high, v)
		}
		mean[c] = uint8(sum / len(plane))
		one = one && high-low <= 4 // what JPEG does to one colour
	}
	return color.RGBA{mean[0], mean[1], mean[2], 255}, one
}

// resize returns g at another size, each pixel the mean of what it covers.
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

// stretch returns g with its darkest pixel black and its brightest white: readers take
// little contrast for an even ground.
func stretch(g *image.Gray) *image.Gray {
	low, high := uint8(255), uint8(0)
	for _, v := range g.Pix {
		low, high = min(low, v), max(high, v)
	}
	out := image.NewGray(g.Rect)
	for i, v := range g.Pix {
		out.Pix[i] = uint8(255 * int(v-low) / max(1, int(high)-int(low)))
	}
	return out
}
