package picture

import (
	"bytes"
	"image"
	"image/draw"
)

// joinedPixels bounds the halves of a code. They are small, since a mail shows them at
// original size, and every pair of pictures is tried.
const joinedPixels = 2_000_000

// joinedSlack is the tolerated difference of the sides of two halves, in pixels.
const joinedSlack = 2

// Joined returns the codes that appear only where two pictures touch: side by side if their
// heights are equal, stacked if their widths are, in either order.
func Joined(a, b []byte, l Limits) []Code {
	l.Pixels = min(l.Pixels, joinedPixels)
	if !fits(a, b) {
		return nil
	}
	first, second := Decode(a, l), Decode(b, l)
	if first == nil || second == nil {
		return nil
	}
	r := &reading{Picture: &Picture{}, limits: l}
	for _, pair := range [...][2]image.Image{{first, second}, {second, first}} {
		if len(r.Codes) == 0 {
			r.findJoined(pair[0], pair[1])
		}
	}
	return r.Codes
}

// leastJoined is the minimum side of half of the smallest code, in pixels.
const leastJoined = 8

// fits reports by their headers whether two pictures have a side in common.
func fits(a, b []byte) bool {
	w1, h1 := sizeOf(a)
	w2, h2 := sizeOf(b)
	return min(w1, h1, w2, h2) >= leastJoined && (near(h1, h2) || near(w1, w2))
}

// sizeOf returns the size in a header, zeros if unknown.
func sizeOf(data []byte) (w, h int) {
	f := sniff(data)
	if f == nil {
		return 0, 0
	}
	defer func() {
		if recover() != nil {
			w, h = 0, 0
		}
	}()
	c, err := f.config(bytes.NewReader(data))
	if err != nil {
		return 0, 0
	}
	return c.Width, c.Height
}

// findJoined puts b to the right of a, and below it.
func (r *reading) findJoined(a, b image.Image) {
	w1, h1, w2, h2 := a.Bounds().Dx(), a.Bounds().Dy(), b.Bounds().Dx(), b.Bounds().Dy()
	if near(h1, h2) {
		r.find(beside(a, b, w1+w2, min(h1, h2), image.Pt(w1, 0)))
	}
	if near(w1, w2) && len(r.Codes) == 0 {
		r.find(beside(a, b, min(w1, w2), h1+h2, image.Pt(0, h1)))
	}
}

func near(a, b int) bool { return max(a-b, b-a) <= joinedSlack }

// beside draws two pictures over white, the second at a point.
func beside(a, b image.Image, w, h int, at image.Point) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(out, out.Rect, a, a.Bounds().Min, draw.Over)
	draw.Draw(out, out.Rect.Intersect(image.Rectangle{at, image.Pt(w, h)}), b, b.Bounds().Min, draw.Over)
	return out
}

func (r *reading) find(img image.Image) {
	if p := sample(img, r.limits.Side); p != nil {
		r.findCodes(p)
	}
}
