package pdf

import (
	"bytes"
	"image"
	"image/color"
)

// image keeps a picture. ISO 32000-1, 8.9.5.
func (r *reader) image(s *stream) {
	i := Image{Width: r.either(s, "Width", "W"), Height: r.either(s, "Height", "H"), Bits: r.either(s, "BitsPerComponent", "BPC")}
	mask, _ := r.entry(s, "ImageMask", "IM").(bool)
	if mask {
		i.Bits = 1
	}
	if len(r.doc.Images) >= r.limits.Items {
		r.doc.note(OverLimit)
		return
	}
	body, left := r.decode(s)
	i.Data = body
	r.colours(&i, r.entry(s, "ColorSpace", "CS"))
	// ISO 32000-1, 8.9.5.2: [1 0] inverts the samples; 8.9.6.2: a mask paints where they
	// are 0.
	if a, ok := r.entry(s, "Decode", "D").(array); ok && len(a) > 1 && len(i.Palette) == 0 && r.int(a[0]) > r.int(a[1]) {
		i.Inverted = !i.Inverted
	}
	switch left {
	case "":
		i.Format = "raw"
	case "DCTDecode", "DCT":
		i.Format = "jpeg"
	case "JPXDecode":
		i.Format = "jp2"
	case "JBIG2Decode":
		i.Format = "jbig2"
	case "CCITTFaxDecode", "CCF":
		i.Format = "ccitt"
	default:
		r.doc.note(UnknownFilter)
		return
	}
	r.doc.Images = append(r.doc.Images, i)
}

// entry returns a value of a picture under a name or its short form.
func (r *reader) entry(s *stream, long, short name) value {
	if v := r.resolve(s.dict[long]); v != nil {
		return v
	}
	return r.resolve(s.dict[short])
}

func (r *reader) either(s *stream, long, short name) int { return r.int(r.entry(s, long, short)) }

// colours parses a colour space. ISO 32000-1, 8.6; Indexed is 8.6.6.3.
func (r *reader) colours(i *Image, v value) {
	i.Components = r.components(v)
	a, ok := v.(array)
	if !ok || len(a) == 0 {
		return
	}
	switch r.resolve(a[0]) {
	case name("Separation"):
		i.Inverted = true // 8.6.6.4: 1 is the most ink
	case name("Indexed"), name("I"):
		if len(a) < 4 {
			return
		}
		i.Base = r.components(a[1])
		switch t := r.resolve(a[3]).(type) {
		case text:
			i.Palette = t.raw
		case *stream:
			i.Palette, _ = r.decode(t)
		}
	}
}

// components returns the number of samples per pixel. ISO 32000-1, 8.6.
func (r *reader) components(v value) int {
	v = r.resolve(v)
	a, ok := v.(array)
	if ok && len(a) > 0 {
		v = r.resolve(a[0])
	}
	n, _ := v.(name)
	switch n {
	case "DeviceRGB", "RGB", "CalRGB", "Lab":
		return 3
	case "DeviceCMYK", "CMYK":
		return 4
	case "ICCBased":
		if len(a) > 1 {
			return max(1, r.int(r.dict(a[1])["N"]))
		}
	case "DeviceN":
		if len(a) > 1 {
			names, _ := r.resolve(a[1]).(array)
			return max(1, len(names))
		}
	}
	return 1
}

// inline reads a picture inside content, and moves after it. ISO 32000-1, 8.9.7: its bytes
// end with EI.
func (w *writer) inline(x *lexer, resources dict) {
	s := &stream{dict: dict{}, bare: true}
	var key value
	for pairs := 0; pairs < 64; pairs++ {
		v, ok := x.next()
		if !ok || v == keyword("ID") {
			break
		}
		if n, is := key.(name); is {
			s.dict[n], key = v, nil
			continue
		}
		key = v
	}
	start := min(x.pos+1, len(x.data))
	end := endOfInline(x.data, start)
	s.raw = x.data[start:end]
	x.pos = min(end+3, len(x.data))
	if n, ok := s.dict["CS"].(name); ok {
		if v := w.resolve(w.dict(resources["ColorSpace"])[n]); v != nil {
			s.dict["CS"] = v
		}
	}
	w.image(s)
}

// endOfInline returns the end of the bytes of an inline picture.
func endOfInline(data []byte, from int) int {
	for i := from; ; {
		at := bytes.Index(data[i:], []byte("EI"))
		if at < 0 {
			return len(data)
		}
		i += at + 2
		if i-3 >= from && space(data[i-3]) && (i == len(data) || space(data[i])) {
			return i - 3
		}
	}
}

// maxComponents bounds the samples per pixel.
const maxComponents = 32

// Picture returns the pixels of a raw picture, nil for other formats, for more pixels than
// most, and for invalid samples. Missing rows are white.
func (i *Image) Picture(most int) image.Image {
	switch {
	case i.Format != "raw" || i.Width <= 0 || i.Height <= 0 || i.Width > most/i.Height:
		return nil
	case i.Bits != 1 && i.Bits != 2 && i.Bits != 4 && i.Bits != 8 && i.Bits != 16:
		return nil
	case i.Components < 1 || i.Components > maxComponents || i.Palette != nil && i.Base < 1:
		return nil
	}
	row := (i.Width*i.Components*i.Bits + 7) / 8
	if i.Components == 1 && i.Bits <= 8 {
		return i.indexed(row)
	}
	out := image.NewRGBA(image.Rect(0, 0, i.Width, i.Height))
	for at := range out.Pix {
		out.Pix[at] = 0xff
	}
	sample := make([]uint8, i.Components)
	for y := range min(i.Height, len(i.Data)/row) {
		i.line(out.Pix[y*out.Stride:], i.Data[y*row:(y+1)*row], sample)
	}
	return out
}

// line writes a row of pixels.
func (i *Image) line(to, line, sample []uint8) {
	if i.Components == 3 && i.Bits == 8 && i.Palette == nil && !i.Inverted {
		triples(to, line)
		return
	}
	for x := range i.Width {
		for c := range sample {
			sample[c] = i.sample(line, x*i.Components+c)
		}
		r, g, b := i.colour(sample)
		copy(to[4*x:], []uint8{r, g, b})
	}
}

// indexed returns a picture of one sample per pixel, an index of a palette or a grey value.
func (i *Image) indexed(row int) image.Image {
	colours := make(color.Palette, 1<<i.Bits)
	for v := range colours {
		sample := uint8(v)
		if i.Palette == nil {
			sample *= 255 / uint8(1<<i.Bits-1)
		}
		r, g, b := i.colour([]uint8{sample})
		colours[v] = color.RGBA{r, g, b, 255}
	}
	rows := min(i.Height, len(i.Data)/row)
	if i.Bits == 8 && rows == i.Height {
		return &image.Paletted{Pix: i.Data[:row*rows], Stride: row, Rect: image.Rect(0, 0, i.Width, i.Height), Palette: colours}
	}
	out := image.NewPaletted(image.Rect(0, 0, i.Width, i.Height), colours)
	each, most := 8/i.Bits, uint8(1<<i.Bits-1)
	for y := range rows {
		line, to := i.Data[y*row:(y+1)*row], out.Pix[y*out.Stride:][:i.Width]
		for x := range to {
			to[x] = line[x/each] >> (8 - i.Bits - x%each*i.Bits) & most
		}
	}
	if rows < i.Height { // missing rows are white
		white := colours.Index(color.White)
		for k := rows * out.Stride; k < len(out.Pix); k++ {
			out.Pix[k] = uint8(white)
		}
	}
	return out
}

// triples writes a row of RGB pixels.
func triples(to, from []uint8) {
	for x := 0; 3*x+3 <= len(from); x++ {
		at, p := from[3*x:][:3:3], to[4*x:][:4:4]
		p[0], p[1], p[2] = at[0], at[1], at[2]
	}
}

// sample returns one sample: an index unchanged, a colour stretched to eight bits.
func (i *Image) sample(line []byte, n int) uint8 {
	switch i.Bits {
	case 16:
		return line[2*n]
	case 8:
		return line[n]
	}
	bit := n * i.Bits
	most := uint8(1<<i.Bits - 1)
	v := line[bit/8] >> (8 - i.Bits - bit%8) & most
	if i.Palette != nil {
		return v
	}
	return v * (255 / most)
}

// colour returns red, green and blue.
func (i *Image) colour(sample []uint8) (r, g, b uint8) {
	if i.Palette != nil {
		at := int(sample[0]) * i.Base
		if at+i.Base > len(i.Palette) {
			return 0, 0, 0
		}
		sample = i.Palette[at : at+i.Base]
	}
	switch len(sample) {
	case 3:
		r, g, b = sample[0], sample[1], sample[2]
	case 4:
		r, g, b = color.CMYKToRGB(sample[0], sample[1], sample[2], sample[3])
	default:
		r, g, b = sample[0], sample[0], sample[0]
	}
	if i.Inverted {
		return ^r, ^g, ^b
	}
	return r, g, b
}
