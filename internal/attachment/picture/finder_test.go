package picture_test

import (
	"image"
	"image/color"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/makiuchi-d/gozxing"
	multi "github.com/makiuchi-d/gozxing/multi/qrcode"

	"outrider/internal/attachment/picture"
)

// byLibrary returns what the library reads without our search for corner marks.
func byLibrary(img image.Image) []string {
	b, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		return nil
	}
	found, err := multi.NewQRCodeMultiReader().DecodeMultiple(b, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return nil
	}
	var out []string
	for _, f := range found {
		out = append(out, f.GetText())
	}
	return out
}

// TestSearchMissesNothing compares the search for corner marks with the library's own over codes of
// many sizes, angles and degrees of noise.
func TestSearchMissesNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	grid := modules(t, link)
	read, missed := 0, 0
	for range 60 {
		img := rotate(paint(grid, 2+r.IntN(7), color.Gray{uint8(r.IntN(90))}, color.Gray{uint8(150 + r.IntN(100))}), float64(r.IntN(90)), color.White)
		page := on(img.Rect.Dx()+r.IntN(300), img.Rect.Dy()+r.IntN(300), color.White, map[image.Point]image.Image{{X: r.IntN(40), Y: r.IntN(40)}: img})
		for i := range page.Pix {
			if i%4 != 3 {
				page.Pix[i] = uint8(min(max(int(page.Pix[i])+r.IntN(41)-20, 0), 255))
			}
		}
		if want := byLibrary(page); slices.Contains(want, link) {
			read++
			if !slices.Contains(texts(picture.Look(page, picture.DefaultLimits())), link) {
				missed++
			}
		}
	}
	if read < 30 || missed > 0 {
		t.Errorf("missed %d of %d", missed, read)
	}
}
