package picture

import (
	"errors"
	"image"

	"github.com/makiuchi-d/gozxing"
)

// ink separates dark from light in a grey picture, by blocks of 8 by 8 pixels whose
// threshold is the mean of the surrounding blocks. The rule is that of gozxing's
// HybridBinarizer, which copies each picture twice and is replaced here: few pixels are
// needed where there is no code.
type ink struct {
	grey     *image.Gray
	w, h     int
	negative bool    // light is ink
	bw, bh   int     // blocks
	level    []uint8 // by blocks: values up to it are ink, or of the negative if set
}

// Parameters of the binarizer.
const (
	block     = 8
	leastSide = 5 * block // smaller pictures have one threshold
	flat      = 24        // range within a block that counts as no contrast
)

// blockStats holds the sum, minimum and maximum brightness of each block. The last block of
// a row or column is moved inside the picture.
type blockStats struct {
	w, h   int
	blocks []blockStat
}

type blockStat struct {
	sum       uint16
	low, high uint8
}

func statsOf(g *image.Gray) *blockStats {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	s := &blockStats{w: (w + block - 1) / block, h: (h + block - 1) / block}
	s.blocks = make([]blockStat, s.w*s.h)
	for by := range s.h {
		y0 := min(by*block, h-block)
		for bx := range s.w {
			s.blocks[by*s.w+bx] = statOf(g.Pix[y0*g.Stride+min(bx*block, w-block):], g.Stride)
		}
	}
	return s
}

func statOf(pix []uint8, stride int) blockStat {
	var sum uint32
	low, high := uint8(255), uint8(0)
	for y := range block {
		row := pix[y*stride:][:block:block]
		for _, v := range row {
			sum += uint32(v)
			low, high = min(low, v), max(high, v)
		}
	}
	return blockStat{uint16(sum), low, high}
}

// newInk returns the ink of a picture, or of its negative; nil for pictures too small for blocks.
func newInk(g *image.Gray, s *blockStats, negative bool) *ink {
	k := &ink{grey: g, w: g.Rect.Dx(), h: g.Rect.Dy(), negative: negative, bw: s.w, bh: s.h}
	points := k.points(s)
	k.level = make([]uint8, len(points))
	for by := range k.bh {
		top := min(max(by, 2), k.bh-3)
		for bx := range k.bw {
			left := min(max(bx, 2), k.bw-3)
			sum := 0
			for y := top - 2; y <= top+2; y++ {
				for _, v := range points[y*k.bw+left-2:][:5] {
					sum += v
				}
			}
			k.level[by*k.bw+bx] = uint8(sum / 25)
		}
	}
	return k
}

// points returns the black point of each block: its mean or, without contrast, a guess that
// it is background, unless the previous blocks indicate otherwise.
func (k *ink) points(s *blockStats) []int {
	points := make([]int, len(s.blocks))
	for i, b := range s.blocks {
		low, mean := int(b.low), int(b.sum)/(block*block)
		if k.negative {
			low, mean = 255-int(b.high), (255*block*block-int(b.sum))/(block*block)
		}
		if int(b.high)-int(b.low) <= flat {
			mean = low / 2
			if y, x := i/k.bw, i%k.bw; y > 0 && x > 0 {
				if around := (points[i-k.bw] + 2*points[i-1] + points[i-k.bw-1]) / 4; low < around {
					mean = around
				}
			}
		}
		points[i] = mean
	}
	return points
}

// at reports whether a pixel is ink.
func (k *ink) at(x, y int) bool {
	v := k.grey.Pix[y*k.grey.Stride+x]
	if k.negative {
		v = ^v
	}
	return v <= k.level[y/block*k.bw+x/block]
}

// row calls f for each run of a row, with its end.
func (k *ink) row(y int, f func(dark bool, length, end int)) {
	pix, level := k.grey.Pix[y*k.grey.Stride:][:k.w], k.level[y/block*k.bw:]
	flip := uint8(0)
	if k.negative {
		flip = 0xff
	}
	dark, start := false, 0
	for bx := 0; bx*block < k.w; bx++ {
		t := level[bx]
		for i, v := range pix[bx*block : min(len(pix), bx*block+block)] {
			if (v^flip <= t) != dark {
				x := bx*block + i
				f(dark, x-start, x)
				dark, start = !dark, x
			}
		}
	}
	f(dark, k.w-start, k.w)
}

// matrix returns all pixels in the form of the decoder.
func (k *ink) matrix() *gozxing.BitMatrix {
	m, err := gozxing.NewBitMatrix(k.w, k.h)
	if err != nil {
		return nil
	}
	row := gozxing.NewBitArray(k.w)
	for y := range k.h {
		for x := 0; x < k.w; x += 32 {
			var bits uint32
			for i := range min(32, k.w-x) {
				if k.at(x+i, y) {
					bits |= 1 << i
				}
			}
			row.SetBulk(x, bits)
		}
		m.SetRow(y, row)
	}
	return m
}

// drawnInk passes a matrix to the decoder, which uses nothing else.
type drawnInk struct {
	gozxing.Binarizer
	bits *gozxing.BitMatrix
}

func (d drawnInk) GetBlackMatrix() (*gozxing.BitMatrix, error) {
	if d.bits == nil {
		return nil, errors.New("no pixels")
	}
	return d.bits, nil
}
