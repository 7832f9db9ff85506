package picture

import (
	"image"
	"slices"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/multi/qrcode"
)

// attempt is one way to search a picture.
type attempt struct {
	grey     func() *image.Gray // called when it is its turn
	num, den int                // scale relative to the picture as sampled
	coloured bool
}

// findCodes searches the picture as it is and in the negative and, only if that finds
// nothing, at other sizes and in single channels: most codes are plain, but there are many
// ways to hide one.
func (r *reading) findCodes(p *pixels) {
	before := r.centers
	hard := p.w*p.h > hardPixels && !p.plain
	r.try(p.factor, attempt{func() *image.Gray { return p.luma }, 1, 1, false})
	for _, a := range r.harder(p, hard, r.centers > before) {
		if len(r.Codes) > 0 || r.centers > 2*r.limits.Centers {
			return
		}
		r.try(p.factor, a)
	}
	if p.coloured && !hard {
		r.channels(p)
	}
}

// hardPixels bounds the pictures of many colours that are searched in every way. Lures that
// hide a code are small or have few colours; photographs are large, have many, and cost
// most without a code.
const hardPixels = 160_000

// harder returns the further attempts. marked reports whether the first one has found a
// corner mark: twice the size helps with a code that is too small, not with a missing one.
func (r *reading) harder(p *pixels, hard, marked bool) []attempt {
	var list []attempt
	if len(r.Codes) > 0 {
		return nil
	}
	half := attempt{func() *image.Gray { return halved(p.luma) }, 1, 2, false}
	if hard {
		return []attempt{half}
	}
	if low, high := contrast(p.luma); high-low < fullContrast {
		list = append(list, attempt{func() *image.Gray { return stretch(p.luma, low, high) }, 1, 1, false})
	}
	if size := max(p.w, p.h); size <= r.limits.Side/2 && (marked || size <= tinySide) {
		list = append(list, attempt{func() *image.Gray { return doubled(p.luma) }, 2, 1, false})
	}
	if min(p.w, p.h) >= 200 {
		list = append(list, half)
	}
	return list
}

// Bounds on the further attempts.
const (
	fullContrast = 200 // a range of brightness that stretching hardly changes
	tinySide     = 240 // pixels; in smaller pictures a mark may only be found at twice the size
	largeSide    = 400 // pixels; a code that fills a fifth of such a picture is found at half the size
)

// channels searches each colour separately, in large pictures at half the size.
func (r *reading) channels(p *pixels) {
	half := min(p.w, p.h) >= largeSide
	for _, grey := range p.channels() {
		if len(r.Codes) > 0 || r.centers > 2*r.limits.Centers {
			return
		}
		a := attempt{func() *image.Gray { return grey }, 1, 1, true}
		if half {
			a = attempt{func() *image.Gray { return halved(grey) }, 1, 2, true}
		}
		r.try(p.factor, a)
	}
}

// try adds the codes of one attempt, and of its negative.
func (r *reading) try(factor int, a attempt) {
	grey := a.grey()
	if grey.Rect.Dx() < leastSide || grey.Rect.Dy() < leastSide {
		r.tryOnce(factor, a, false, func() (found, int, Note) {
			return read(gozxing.NewHybridBinarizer(&luminance{grey: grey}), r.limits.Centers)
		})
		r.tryOnce(factor, a, true, func() (found, int, Note) {
			return read(gozxing.NewHybridBinarizer(&luminance{grey: invert(grey)}), r.limits.Centers)
		})
		return
	}
	stats := statsOf(grey)
	for _, negative := range []bool{false, true} {
		r.tryOnce(factor, a, negative, func() (found, int, Note) { return scanInk(newInk(grey, stats, negative), r.limits.Centers) })
	}
}

// found are the codes of one attempt.
type found []Code

func (r *reading) tryOnce(factor int, a attempt, negative bool, scan func() (found, int, Note)) {
	codes, centers, note := scan()
	r.centers += centers
	if note != "" {
		r.note(note)
	}
	for _, c := range codes {
		if len(r.Codes) >= r.limits.Codes || slices.ContainsFunc(r.Codes, func(k Code) bool { return k.Text == c.Text }) {
			continue
		}
		for i, p := range c.Corners {
			c.Corners[i] = image.Pt(p.X*factor*a.den/a.num, p.Y*factor*a.den/a.num)
		}
		c.Inverted, c.Coloured = negative, a.coloured
		r.Codes = append(r.Codes, c)
	}
}

// scanInk returns the codes in the ink of a picture, and the number of candidates for
// corner marks. It runs the decoder only if three can belong together.
func scanInk(k *ink, most int) (codes found, centers int, n Note) {
	marks := k.marks(most)
	if len(marks) > most {
		return nil, len(marks), ManyCenters
	}
	if !mayHold(marks) {
		return nil, len(marks), ""
	}
	codes, centers, n = read(drawnInk{bits: k.matrix()}, most)
	return codes, max(centers, len(marks)), n
}

// scan returns the codes of one grey picture, like scanInk.
func scan(g *image.Gray, most int) (codes found, centers int, n Note) {
	if g.Rect.Dx() < leastSide || g.Rect.Dy() < leastSide {
		return read(gozxing.NewHybridBinarizer(&luminance{grey: g}), most)
	}
	return scanInk(newInk(g, statsOf(g), false), most)
}

// tooMany is a panic value that aborts the finder, whose next step takes cubic time.
type tooMany struct{}

// read runs the library on a picture, and counts its candidates for corner marks.
func read(pixels gozxing.Binarizer, most int) (codes found, centers int, n Note) {
	defer func() {
		switch recover().(type) {
		case nil:
		case tooMany:
			n = ManyCenters
		default:
			n = DecoderFailed
		}
	}()
	b, err := gozxing.NewBinaryBitmap(pixels)
	if err != nil {
		return nil, 0, ""
	}
	results, err := qrcode.NewQRCodeMultiReader().DecodeMultiple(b, map[gozxing.DecodeHintType]any{
		gozxing.DecodeHintType_TRY_HARDER: true,
		gozxing.DecodeHintType_NEED_RESULT_POINT_CALLBACK: gozxing.ResultPointCallback(func(gozxing.ResultPoint) {
			if centers++; centers > most {
				panic(tooMany{})
			}
		}),
	})
	if err != nil {
		return nil, centers, "" // a missing code is no defect
	}
	for _, f := range results {
		codes = append(codes, Code{Text: strings.ToValidUTF8(f.GetText(), "\ufffd"), Corners: corners(f.GetResultPoints())})
	}
	return codes, centers, ""
}

// corners returns the finder marks.
func corners(points []gozxing.ResultPoint) []image.Point {
	var list []image.Point
	for _, p := range points[:min(3, len(points))] {
		list = append(list, image.Pt(int(p.GetX()), int(p.GetY())))
	}
	return list
}

// luminance adapts a small grey picture to the library.
type luminance struct {
	gozxing.LuminanceSource
	grey *image.Gray
}

func (l *luminance) GetWidth() int     { return l.grey.Rect.Dx() }
func (l *luminance) GetHeight() int    { return l.grey.Rect.Dy() }
func (l *luminance) GetMatrix() []byte { return l.grey.Pix }

func (l *luminance) GetRow(y int, _ []byte) ([]byte, error) {
	return l.grey.Pix[y*l.grey.Stride:][:l.grey.Rect.Dx()], nil
}
