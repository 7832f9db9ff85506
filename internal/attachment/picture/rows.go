package picture

import (
	"image"
	"image/color"
)

// The pictures that decoders return are read row by row, without asking for each pixel.

// luma is the brightness of BT.601.
func luma(r, g, b uint8) uint8 {
	return uint8((299*uint32(r) + 587*uint32(g) + 114*uint32(b)) / 1000)
}

// lumaOf returns a function that writes the brightness of a row of a picture over a grey
// background, as far as there is room, and reports whether the background is visible.
func lumaOf(img image.Image, ground uint8) func(y int, to []uint8) (shows bool) {
	b := img.Bounds()
	switch p := img.(type) {
	case *image.Gray:
		return func(y int, to []uint8) bool {
			copy(to, p.Pix[y*p.Stride:])
			return false
		}
	case *image.YCbCr:
		return func(y int, to []uint8) bool {
			copy(to, p.Y[y*p.YStride:])
			return false
		}
	case *image.RGBA:
		return func(y int, to []uint8) bool { return overlaid(p.Pix[y*p.Stride:], to, ground) }
	case *image.NRGBA:
		return func(y int, to []uint8) bool { return blended(p.Pix[y*p.Stride:], to, ground) }
	case *image.Paletted:
		return indexed(p, ground)
	}
	return func(y int, to []uint8) (shows bool) {
		for x := range to {
			c, ok := over(img.At(b.Min.X+x, b.Min.Y+y), ground)
			to[x] = luma(c[0], c[1], c[2])
			shows = shows || ok
		}
		return shows
	}
}

// over returns a colour over a background, and whether the background is visible.
func over(c color.Color, ground uint8) ([3]uint8, bool) {
	r, g, b, a := c.RGBA()
	rest := (0xffff - min(a, 0xffff)) * uint32(ground) / 0xff
	return [3]uint8{uint8(min(r+rest, 0xffff) >> 8), uint8(min(g+rest, 0xffff) >> 8), uint8(min(b+rest, 0xffff) >> 8)}, a < 0xffff
}

// overlaid is for premultiplied colours.
func overlaid(pix, to []uint8, ground uint8) (shows bool) {
	for x := range to {
		at := pix[4*x:][:4:4]
		to[x] = luma(at[0], at[1], at[2])
		if at[3] != 0xff {
			shows = true
			to[x] = uint8(min(uint32(to[x])+(0xff-uint32(at[3]))*uint32(ground)/0xff, 0xff))
		}
	}
	return shows
}

// blended is for colours without premultiplied alpha.
func blended(pix, to []uint8, ground uint8) (shows bool) {
	for x := range to {
		at := pix[4*x:][:4:4]
		to[x] = luma(at[0], at[1], at[2])
		if a := uint32(at[3]); a != 0xff {
			shows = true
			to[x] = uint8((uint32(to[x])*a + uint32(ground)*(0xff-a)) / 0xff)
		}
	}
	return shows
}

// indexed is for pictures with a palette. An index beyond its end is black.
func indexed(p *image.Paletted, ground uint8) func(y int, to []uint8) bool {
	var table, shows [256]uint8
	for i, c := range p.Palette[:min(len(p.Palette), 256)] {
		rgb, ok := over(c, ground)
		table[i] = luma(rgb[0], rgb[1], rgb[2])
		if ok {
			shows[i] = 1
		}
	}
	return func(y int, to []uint8) bool {
		found := uint8(0)
		for x, v := range p.Pix[y*p.Stride:][:len(to)] {
			to[x] = table[v]
			found |= shows[v]
		}
		return found != 0
	}
}

// coloursOf returns a function that writes red, green and blue of every step-th pixel of a row.
func coloursOf(img image.Image, ground uint8) func(y, step int, to []uint8) {
	b := img.Bounds()
	at := func(x, y int) [3]uint8 {
		c, _ := over(img.At(b.Min.X+x, b.Min.Y+y), ground)
		return c
	}
	switch p := img.(type) {
	case *image.Gray:
		at = func(x, y int) [3]uint8 {
			v := p.Pix[y*p.Stride+x]
			return [3]uint8{v, v, v}
		}
	case *image.YCbCr:
		at = func(x, y int) (c [3]uint8) {
			i, j := p.YOffset(b.Min.X+x, b.Min.Y+y), p.COffset(b.Min.X+x, b.Min.Y+y)
			c[0], c[1], c[2] = color.YCbCrToRGB(p.Y[i], p.Cb[j], p.Cr[j])
			return c
		}
	case *image.RGBA:
		at = func(x, y int) [3]uint8 {
			v := p.Pix[y*p.Stride+4*x:][:4:4]
			rest := (0xff - uint32(v[3])) * uint32(ground) / 0xff
			return [3]uint8{uint8(min(uint32(v[0])+rest, 0xff)), uint8(min(uint32(v[1])+rest, 0xff)), uint8(min(uint32(v[2])+rest, 0xff))}
		}
	case *image.NRGBA:
		at = func(x, y int) [3]uint8 {
			v := p.Pix[y*p.Stride+4*x:][:4:4]
			a, rest := uint32(v[3]), (0xff-uint32(v[3]))*uint32(ground)
			return [3]uint8{uint8((uint32(v[0])*a + rest) / 0xff), uint8((uint32(v[1])*a + rest) / 0xff), uint8((uint32(v[2])*a + rest) / 0xff)}
		}
	case *image.Paletted:
		var table [256][3]uint8
		for i, c := range p.Palette[:min(len(p.Palette), 256)] {
			table[i], _ = over(c, ground)
		}
		at = func(x, y int) [3]uint8 { return table[p.Pix[y*p.Stride+x]] }
	}
	return func(y, step int, to []uint8) {
		for i := 0; i+3 <= len(to); i += 3 {
			c := at(i/3*step, y)
			to[i], to[i+1], to[i+2] = c[0], c[1], c[2]
		}
	}
}
