package picture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/draw"
	"image/gif"
	"image/png"
	"io"

	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// Bounds of the frames of a moving picture that are searched for codes.
const (
	maxFrames     = 24        // searched, spread over all
	maxFramePixel = 8_000_000 // of all searched frames
	maxAllFrames  = 1000      // decoded to reach those
	maxAllPixels  = 32_000_000
)

// frames finds codes in a moving picture after its first frame, and in the further pages of
// TIFF.
func (r *reading) frames(f *format, data []byte) {
	defer func() {
		if recover() != nil {
			r.note(DecoderFailed)
		}
	}()
	switch f.name {
	case "gif":
		r.gifFrames(data)
	case "png":
		r.pngFrames(data)
	case "webp":
		r.webpFrames(data)
	case "tiff":
		r.tiffPages(data)
	}
}

// shows searches one frame, and reports whether to continue.
func (r *reading) shows(img image.Image) bool {
	b := img.Bounds()
	r.framePixels += b.Dx() * b.Dy()
	if r.framePixels > maxFramePixel {
		r.note(ManyFrames)
		return false
	}
	if p := sample(img, r.limits.Side); p != nil && !p.oneColour {
		r.findCodes(p)
	}
	return len(r.Codes) == 0
}

// chosen reports whether frame k of count is searched.
func (r *reading) chosen(k, count int) bool {
	if count <= maxFrames {
		return true
	}
	r.note(ManyFrames)
	return k == count-1 || k%((count+maxFrames-1)/maxFrames) == 0
}

// gifFrames draws the frames of a GIF over one another. GIF89a, Section 23.
func (r *reading) gifFrames(data []byte) {
	count := gifCount(data)
	if count < 2 {
		return
	}
	if count > maxAllFrames || r.Width*r.Height > maxAllPixels/min(count, maxAllFrames) {
		r.note(ManyFrames)
		return
	}
	g, err := gif.DecodeAll(bytes.NewReader(data))
	if err != nil || len(g.Image) < 2 {
		return
	}
	canvas := image.NewRGBA(image.Rect(0, 0, g.Config.Width, g.Config.Height))
	for k, frame := range g.Image {
		before := canvas
		if g.Disposal[k] == gif.DisposalPrevious {
			before = clone(canvas)
		}
		draw.Draw(canvas, frame.Rect, frame, frame.Rect.Min, draw.Over)
		if k > 0 && r.chosen(k, len(g.Image)) && !r.shows(canvas) {
			return
		}
		switch g.Disposal[k] {
		case gif.DisposalBackground:
			draw.Draw(canvas, frame.Rect, image.Transparent, image.Point{}, draw.Src)
		case gif.DisposalPrevious:
			canvas = before
		}
	}
}

// gifCount counts the frames of a GIF, up to one more than maxAllFrames. GIF89a, Sections 17 to 24.
func gifCount(data []byte) (count int) {
	colours := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	if len(data) < 13 {
		return 0
	}
	at := 13 + colours(data[10])
	for at+1 < len(data) && count <= maxAllFrames {
		switch data[at] {
		case 0x21: // an extension, and its label
			at += 2
		case 0x2c:
			if at+10 >= len(data) {
				return count
			}
			count++
			at += 10 + colours(data[at+9]) + 1
		default:
			return count
		}
		for at < len(data) && data[at] != 0 { // blocks after their sizes
			at += 1 + int(data[at])
		}
		at++
	}
	return count
}

func clone(img *image.RGBA) *image.RGBA {
	out := *img
	out.Pix = bytes.Clone(img.Pix)
	return &out
}

// pngFrame is a frame of an animated PNG: its position, and its packed pixels.
type pngFrame struct {
	area           image.Rectangle
	dispose, blend byte
	data           []byte
}

// pngFrames reads an animated PNG. PNG 3rd edition, Section 11.3.6: each frame is a
// separate picture, with the header and palette of the first.
func (r *reading) pngFrames(data []byte) {
	head, shared, frames := apng(data)
	if len(frames) < 2 || len(head) != 13 {
		return
	}
	if len(frames) > maxAllFrames || r.Width*r.Height > maxAllPixels/len(frames) {
		r.note(ManyFrames)
		return
	}
	canvas := image.NewRGBA(image.Rect(0, 0, r.Width, r.Height))
	for k := range frames {
		f := &frames[k]
		before := canvas
		if f.dispose == 2 {
			before = clone(canvas)
		}
		if !f.draw(canvas, head, shared) || k > 0 && r.chosen(k, len(frames)) && !r.shows(canvas) {
			return
		}
		switch f.dispose {
		case 1:
			draw.Draw(canvas, f.area, image.Transparent, image.Point{}, draw.Src)
		case 2:
			canvas = before
		}
	}
}

// draw puts a frame on a canvas, and reports whether it decodes and fits.
func (f *pngFrame) draw(canvas *image.RGBA, head, shared []byte) bool {
	if !f.area.In(canvas.Rect) {
		return false
	}
	img := f.decode(head, shared)
	if img == nil {
		return false
	}
	op := draw.Over
	if f.blend == 0 {
		op = draw.Src
	}
	draw.Draw(canvas, f.area, img, img.Bounds().Min, op)
	return true
}

// apng returns the header of an animated PNG, the chunks that all frames share, and the frames.
func apng(data []byte) (head, shared []byte, frames []pngFrame) {
	be := binary.BigEndian
	Chunks(data, func(kind string, body []byte) bool {
		switch kind {
		case "IHDR":
			head = body
		case "PLTE", "tRNS":
			shared = append(shared, chunk(kind, body)...)
		case "fcTL":
			if len(body) >= 26 && len(frames) <= maxAllFrames {
				w, h, x, y := be.Uint32(body[4:]), be.Uint32(body[8:]), be.Uint32(body[12:]), be.Uint32(body[16:])
				const most = 1 << 15
				area := image.Rect(0, 0, int(min(w, most)), int(min(h, most))).Add(image.Pt(int(min(x, most)), int(min(y, most))))
				frames = append(frames, pngFrame{area: area, dispose: body[24], blend: body[25]})
			}
		case "IDAT", "fdAT":
			if kind == "fdAT" {
				body = body[min(4, len(body)):]
			}
			if n := len(frames); n > 0 {
				frames[n-1].data = append(frames[n-1].data, body...)
			}
		}
		return kind != "IEND"
	})
	return head, shared, frames
}

func chunk(kind string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, kind...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// decode returns the pixels of a frame.
func (f *pngFrame) decode(head, shared []byte) image.Image {
	own := bytes.Clone(head)
	binary.BigEndian.PutUint32(own, uint32(f.area.Dx()))
	binary.BigEndian.PutUint32(own[4:], uint32(f.area.Dy()))
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	b.Write(chunk("IHDR", own))
	b.Write(shared)
	b.Write(chunk("IDAT", f.data))
	b.Write(chunk("IEND", nil))
	img, err := png.Decode(&b)
	if err != nil {
		return nil
	}
	return img
}

// webpFrames reads the frames of an animated WebP separately. RFC 9649, Section 2.7.1.1.
func (r *reading) webpFrames(data []byte) {
	count := 0
	riff(data, func(kind string, body []byte) bool {
		if kind != "ANMF" || len(body) < 16 {
			return true
		}
		count++
		if count > maxFrames {
			r.note(ManyFrames)
			return false
		}
		img := webpFrame(body[16:])
		return img == nil || r.shows(img)
	})
}

// webpFrame decodes the chunk with the pixels of a frame as a separate file.
func webpFrame(body []byte) (img image.Image) {
	riff(append(make([]byte, 12), body...), func(kind string, pixels []byte) bool {
		if kind != "VP8 " && kind != "VP8L" {
			return true
		}
		file := []byte("RIFF")
		file = binary.LittleEndian.AppendUint32(file, uint32(len(pixels)+12+len(pixels)&1))
		file = append(append(file, "WEBP"...), kind...)
		file = binary.LittleEndian.AppendUint32(file, uint32(len(pixels)))
		file = append(append(file, pixels...), make([]byte, len(pixels)&1)...)
		c, err := webp.DecodeConfig(bytes.NewReader(file))
		if err == nil && c.Width > 0 && c.Height > 0 && c.Width <= maxFramePixel/c.Height {
			img, _ = webp.Decode(bytes.NewReader(file))
		}
		return false
	})
	return img
}

// tiffPages reads the pages of TIFF after the first: each directory refers to the next.
// TIFF 6.0, Section 2. The decoder starts at the header, so each page gets its own header.
func (r *reading) tiffPages(data []byte) {
	order := byteOrder(data)
	if order == nil || len(data) < 8 {
		return
	}
	seen := map[uint32]bool{}
	at := order.Uint32(data[4:])
	for page := 0; at != 0 && !seen[at] && int64(at)+2 <= int64(len(data)); page++ {
		seen[at] = true
		if page >= maxFrames {
			r.note(ManyFrames)
			return
		}
		if page > 0 && !r.tiffPage(data, at, order) {
			return
		}
		next := int64(at) + 2 + 12*int64(order.Uint16(data[at:]))
		if next+4 > int64(len(data)) {
			return
		}
		at = order.Uint32(data[next:])
	}
}

func byteOrder(data []byte) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(data, []byte("II*\x00")):
		return binary.LittleEndian
	case bytes.HasPrefix(data, []byte("MM\x00*")):
		return binary.BigEndian
	}
	return nil
}

func (r *reading) tiffPage(data []byte, at uint32, order binary.ByteOrder) bool {
	head := bytes.Clone(data[:8])
	order.PutUint32(head[4:], at)
	page := func() io.Reader { return io.NewSectionReader(&headed{head, data}, 0, int64(len(data))) }
	c, err := tiff.DecodeConfig(page())
	if err != nil || c.Width <= 0 || c.Height <= 0 {
		return true
	}
	if c.Width > maxFramePixel/c.Height {
		r.note(ManyFrames)
		return true
	}
	img, err := tiff.Decode(page())
	return err != nil || r.shows(img)
}

// headed is a file with a replaced beginning.
type headed struct{ head, data []byte }

func (h *headed) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(h.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.data[off:])
	if off < int64(len(h.head)) {
		copy(p[:n], h.head[off:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
