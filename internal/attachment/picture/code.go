package picture

import (
	"image"
	"slices"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/multi/qrcode"
)

// attempt is one way to look at a picture.
type attempt struct {
	grey               *image.Gray
	num, den           int // of the scale against the picture as sampled
	inverted, coloured bool
}

// findCodes looks as it is and in the negative, and only if that shows nothing, at other
// sizes and in single channels: a code is drawn once, but hidden in many ways.
func (r *reading) findCodes(p *pixels) {
	luma := p.luma()
	r.try(p.factor, attempt{luma, 1, 1, false, false})
	r.try(p.factor, attempt{invert(luma), 1, 1, true, false})
	for _, a := range r.harder(p, luma) {
		if len(r.Codes) > 0 || r.centers > 2*r.limits.Centers {
			return
		}
		r.try(p.factor, a)
		a.grey, a.inverted = invert(a.grey), true
		r.try(p.factor, a)
	}
}

// hardPixels bounds the pictures of many colours that are looked at in every way. Lures that
// hide a code are small or have few colours; photographs are large, have many, and cost most
// where there is nothing to find.
const hardPixels = 160_000

// harder returns the further attempts.
func (r *reading) harder(p *pixels, luma *image.Gray) []attempt {
	var list []attempt
	if len(r.Codes) > 0 {
		return nil
	}
	if p.w*p.h > hardPixels && !p.plain() {
		return []attempt{{resize(luma, p.w/2, p.h/2), 1, 2, false, false}}
	}
	list = append(list, attempt{stretch(luma), 1, 1, false, false})
	if max(p.w, p.h) <= r.limits.Side/2 {
		list = append(list, attempt{resize(luma, p.w*2, p.h*2), 2, 1, false, false})
	}
	if min(p.w, p.h) >= 200 {
		list = append(list, attempt{resize(luma, p.w/2, p.h/2), 1, 2, false, false})
	}
	if p.coloured() {
		for c := range p.rgb {
			list = append(list, attempt{p.channel(c), 1, 1, false, true})
		}
	}
	return list
}

// try adds the codes of one attempt.
func (r *reading) try(factor int, a attempt) {
	found, centers, note := scan(a.grey, r.limits.Centers)
	r.centers += centers
	if note != "" {
		r.note(note)
	}
	for _, c := range found {
		if len(r.Codes) >= r.limits.Codes || slices.ContainsFunc(r.Codes, func(k Code) bool { return k.Text == c.Text }) {
			continue
		}
		for i, p := range c.Corners {
			c.Corners[i] = image.Pt(p.X*factor*a.den/a.num, p.Y*factor*a.den/a.num)
		}
		c.Inverted, c.Coloured = a.inverted, a.coloured
		r.Codes = append(r.Codes, c)
	}
}

// tooMany is thrown through the finder, whose next step takes cubic time.
type tooMany struct{}

// scan returns the codes of one grey picture, and how many candidates for corner marks it
// has.
func scan(g *image.Gray, most int) (codes []Code, centers int, n Note) {
	defer func() {
		switch recover().(type) {
		case nil:
		case tooMany:
			n = ManyCenters
		default:
			n = DecoderFailed
		}
	}()
	b, err := gozxing.NewBinaryBitmapFromImage(g)
	if err != nil {
		return nil, 0, ""
	}
	found, err := qrcode.NewQRCodeMultiReader().DecodeMultiple(b, map[gozxing.DecodeHintType]any{
		gozxing.DecodeHintType_TRY_HARDER: true,
		gozxing.DecodeHintType_NEED_RESULT_POINT_CALLBACK: gozxing.ResultPointCallback(func(gozxing.ResultPoint) {
			if centers++; centers > most {
				panic(tooMany{})
			}
		}),
	})
	if err != nil {
		return nil, centers, "" // no code is no oddity
	}
	for _, f := range found {
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
