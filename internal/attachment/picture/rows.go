package picture

import (
	"image"
	"image/color"
)

// rowsOf returns a function that writes a row of a picture over a grey ground, as red, green and
// blue for as many pixels as there is room, and reports whether the ground shows. The kinds of
// picture that decoders return are read without asking for each pixel.
func rowsOf(img image.Image, ground uint8) func(y int, to []uint8) (clear bool) {
	b := img.Bounds()
	switch p := img.(type) {
	case *image.Gray:
		return func(y int, to []uint8) bool {
			for x, v := range p.Pix[y*p.Stride:][:len(to)/3] {
				to[3*x], to[3*x+1], to[3*x+2] = v, v, v
			}
			return false
		}
	case *image.YCbCr:
		return func(y int, to []uint8) bool {
			for x := range len(to) / 3 {
				yi, ci := p.YOffset(b.Min.X+x, b.Min.Y+y), p.COffset(b.Min.X+x, b.Min.Y+y)
				to[3*x], to[3*x+1], to[3*x+2] = color.YCbCrToRGB(p.Y[yi], p.Cb[ci], p.Cr[ci])
			}
			return false
		}
	case *image.RGBA:
		return func(y int, to []uint8) bool { return overlaid(p.Pix[y*p.Stride:], to, ground) }
	case *image.NRGBA:
		return func(y int, to []uint8) bool { return blended(p.Pix[y*p.Stride:], to, ground) }
	case *image.Paletted:
		table, clear := paletteOver(p.Palette, ground)
		return func(y int, to []uint8) bool {
			for x, v := range p.Pix[y*p.Stride:][:len(to)/3] {
				copy(to[3*x:3*x+3], table[v][:])
			}
			return clear
		}
	}
	return func(y int, to []uint8) (clear bool) {
		for x := range len(to) / 3 {
			c, ok := over(img.At(b.Min.X+x, b.Min.Y+y), ground)
			copy(to[3*x:3*x+3], c[:])
			clear = clear || ok
		}
		return clear
	}
}

// over returns a colour over a ground, and whether that shows.
func over(c color.Color, ground uint8) ([3]uint8, bool) {
	r, g, b, a := c.RGBA()
	rest := (0xffff - min(a, 0xffff)) * uint32(ground) / 0xff
	return [3]uint8{uint8(min(r+rest, 0xffff) >> 8), uint8(min(g+rest, 0xffff) >> 8), uint8(min(b+rest, 0xffff) >> 8)}, a < 0xffff
}

// paletteOver returns the colours of a palette. An index behind its end is black.
func paletteOver(palette color.Palette, ground uint8) (table [256][3]uint8, clear bool) {
	for i, c := range palette[:min(len(palette), 256)] {
		var shows bool
		table[i], shows = over(c, ground)
		clear = clear || shows
	}
	return table, clear
}

// overlaid writes pixels whose colours are multiplied by their alpha.
func overlaid(pix, to []uint8, ground uint8) (clear bool) {
	for x := range len(to) / 3 {
		at := pix[4*x:][:4:4]
		if at[3] == 0xff {
			to[3*x], to[3*x+1], to[3*x+2] = at[0], at[1], at[2]
			continue
		}
		clear = true
		rest := (0xff - uint32(at[3])) * uint32(ground) / 0xff
		for c := range 3 {
			to[3*x+c] = uint8(min(uint32(at[c])+rest, 0xff))
		}
	}
	return clear
}

// blended writes pixels whose colours stand by themselves.
func blended(pix, to []uint8, ground uint8) (clear bool) {
	for x := range len(to) / 3 {
		at := pix[4*x:][:4:4]
		alpha := uint32(at[3])
		if alpha == 0xff {
			to[3*x], to[3*x+1], to[3*x+2] = at[0], at[1], at[2]
			continue
		}
		clear = true
		for c := range 3 {
			to[3*x+c] = uint8((uint32(at[c])*alpha + uint32(ground)*(0xff-alpha)) / 0xff)
		}
	}
	return clear
}
