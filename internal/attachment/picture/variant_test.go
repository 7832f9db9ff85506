package picture_test

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"outrider/internal/attachment/picture"
)

// rotate turns a picture about its middle on a larger ground of its own.
func rotate(img image.Image, degrees float64, ground color.Color) *image.RGBA {
	b := img.Bounds()
	side := int(math.Hypot(float64(b.Dx()), float64(b.Dy()))) + 8
	out := image.NewRGBA(image.Rect(0, 0, side, side))
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	for y := range side {
		for x := range side {
			dx, dy := float64(x-side/2), float64(y-side/2)
			at := image.Pt(int(math.Floor(dx*cos+dy*sin))+b.Dx()/2, int(math.Floor(dy*cos-dx*sin))+b.Dy()/2)
			out.Set(x, y, ground)
			if at.In(b) {
				out.Set(x, y, img.At(at.X, at.Y))
			}
		}
	}
	return out
}

// dots draws a code with a disc for each module.
func dots(grid [][]bool, scale int) *image.RGBA {
	img := paint(grid, scale, color.White, color.White)
	radius := float64(scale) * 0.46
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			dx, dy := float64(x%scale)+0.5-float64(scale)/2, float64(y%scale)+0.5-float64(scale)/2
			if grid[y/scale][x/scale] && math.Hypot(dx, dy) <= radius {
				img.Set(x, y, color.Black)
			}
		}
	}
	return img
}

// noise adds to each channel of each pixel up to so much.
func noise(img *image.RGBA, most int) *image.RGBA {
	r := rand.New(rand.NewPCG(3, 4))
	for i, v := range img.Pix {
		if i%4 != 3 {
			img.Pix[i] = uint8(min(255, max(0, int(v)+r.IntN(2*most+1)-most)))
		}
	}
	return img
}

// on puts pictures on a ground at points.
func on(w, h int, ground color.Color, at map[image.Point]image.Image) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Rect, image.NewUniform(ground), image.Point{}, draw.Src)
	for p, img := range at {
		draw.Draw(out, img.Bounds().Add(p), img, img.Bounds().Min, draw.Over)
	}
	return out
}

// shade brightens a picture from left to right.
func shade(img *image.RGBA) *image.RGBA {
	for i, v := range img.Pix {
		if i%4 != 3 {
			x := i % img.Stride / 4
			img.Pix[i] = uint8(int(v)/2 + 120*x/img.Rect.Dx())
		}
	}
	return img
}

func TestVariants(t *testing.T) {
	grid, other := modules(t, link), modules(t, "second")
	black := func(scale int) *image.RGBA { return paint(grid, scale, color.Black, color.White) }
	tests := []struct {
		name string
		img  image.Image
		want []string
	}{
		{"rotated by 10 degrees", rotate(black(6), 10, color.White), []string{link}},
		{"rotated by 33 degrees", rotate(black(6), 33, color.White), []string{link}},
		{"rotated by 45 degrees", rotate(black(6), 45, color.White), []string{link}},
		{"rotated by 100 degrees and inverted", rotate(paint(grid, 6, color.White, color.Black), 100, color.Black), []string{link}},
		{"one pixel to a module", black(1), []string{link}},
		{"one pixel to a module on a page", on(300, 300, color.White, map[image.Point]image.Image{{X: 150, Y: 120}: black(1)}), []string{link}},
		{"small on a large page", on(1200, 1600, color.White, map[image.Point]image.Image{{X: 700, Y: 900}: black(3)}), []string{link}},
		{"two pixels to a module on a large page", on(1000, 1400, color.White, map[image.Point]image.Image{{X: 500, Y: 700}: black(2)}), []string{link}},
		{"small on a page that is shrunk", on(2400, 3200, color.White, map[image.Point]image.Image{{X: 1500, Y: 2000}: black(4)}), []string{link}},
		{"ten levels of grey", paint(grid, 4, color.Gray{128}, color.Gray{138}), []string{link}},
		{"light on a dark page", on(400, 400, color.Gray{30}, map[image.Point]image.Image{{X: 90, Y: 80}: paint(grid, 4, color.White, color.Gray{30})}), []string{link}},
		{"red on white", paint(grid, 4, color.RGBA{230, 20, 20, 255}, color.White), []string{link}},
		{"yellow on white", paint(grid, 4, color.RGBA{255, 240, 0, 255}, color.White), []string{link}},
		{"blue on black", paint(grid, 4, color.RGBA{0, 0, 160, 255}, color.Black), []string{link}},
		{"equally bright colours", paint(grid, 4, color.RGBA{0, 120, 200, 255}, color.RGBA{200, 60, 80, 255}), []string{link}},
		{"equally bright colours on a large page", on(900, 900, color.RGBA{200, 60, 80, 255}, map[image.Point]image.Image{{X: 300, Y: 300}: paint(grid, 5, color.RGBA{0, 120, 200, 255}, color.RGBA{200, 60, 80, 255})}), []string{link}},
		{"discs", dots(grid, 8), []string{link}},
		{"noise", noise(black(5), 60), []string{link}},
		{"shade", shade(black(5)), []string{link}},
		{"one of each ground", on(420, 220, color.White, map[image.Point]image.Image{{X: 10, Y: 10}: black(4), {X: 220, Y: 10}: paint(other, 5, color.White, color.Black)}), []string{link, "second"}},
		{"white on nothing", paint(grid, 4, color.White, color.Transparent), []string{link}},
		{"black on nothing", paint(grid, 4, color.Black, color.Transparent), []string{link}},
		{"nothing in white", paint(grid, 4, color.Transparent, color.White), []string{link}},
		{"nothing at all", paint(grid, 4, color.Transparent, color.Transparent), nil},
		{"without a margin", black(4).SubImage(image.Rect(16, 16, 33*4-16, 33*4-16)), []string{link}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := picture.Read(encode(test.img), picture.DefaultLimits())
			if got := texts(p); !slices.Equal(got, test.want) {
				t.Errorf("got %v, notes %v, want %v", got, p.Notes, test.want)
			}
		})
	}
}

func TestJoined(t *testing.T) {
	t.Parallel()
	whole := paint(modules(t, link), 5, color.Black, color.White)
	b := whole.Bounds()
	x, y := b.Dx()/2, b.Dy()/3
	cut := func(r image.Rectangle) []byte { return encode(whole.SubImage(r)) }
	left, right := cut(image.Rect(0, 0, x, b.Dy())), cut(image.Rect(x, 0, b.Dx(), b.Dy()))
	top, bottom := cut(image.Rect(0, 0, b.Dx(), y)), cut(image.Rect(0, y, b.Dx(), b.Dy()))
	tests := []struct {
		name string
		a, b []byte
		want []string
	}{
		{"side by side", left, right, []string{link}},
		{"stacked", top, bottom, []string{link}},
		{"the right half first", right, left, []string{link}},
		{"a row less", left, cut(image.Rect(x, 0, b.Dx(), b.Dy()-2)), []string{link}},
		{"other sizes", left, bottom, nil},
		{"no picture", left, []byte("GIF89a"), nil},
		{"the same half twice", left, left, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, c := range picture.Joined(test.a, test.b, picture.DefaultLimits()) {
				got = append(got, c.Text)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDrawings(t *testing.T) {
	t.Parallel()
	grid := modules(t, link)
	negative := make([][]bool, len(grid))
	for y, row := range grid {
		for _, dark := range row {
			negative[y] = append(negative[y], !dark)
		}
	}
	tight := slices.Clone(grid)[4 : len(grid)-4]
	for y := range tight {
		tight[y] = tight[y][4 : len(tight[y])-4]
	}
	half := blocks(grid, true, false)
	texts := []struct{ name, text string }{
		{"light on dark", blocks(negative, true, false)},
		{"no-break spaces", strings.ReplaceAll(half, " ", "\u00a0")},
		{"indented", "    " + strings.ReplaceAll(half, "\n", "\n    ")},
		{"trailing spaces lost", trimLines(half)},
		{"blank lines lost", strings.ReplaceAll(blocks(tight, false, true), "\n", "\r\n")},
		{"quoted", "> " + strings.ReplaceAll(half, "\n", "\n> ")},
		{"blank line between the rows", strings.ReplaceAll(half, "\n", "\n\n")},
		{"number signs", strings.ReplaceAll(blocks(tight, false, true), "█", "#")},
		{"medium shade", strings.ReplaceAll(blocks(negative, false, true), "█", "▓")},
		{"figure spaces", strings.ReplaceAll(half, " ", "\u2007")},
	}
	for _, test := range texts {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := picture.FromBlocks(test.text); !slices.Equal(got, []string{link}) {
				t.Errorf("got %q from\n%s", got, test.text)
			}
		})
	}
	tables := []struct {
		name string
		rows [][]bool
	}{
		{"with a margin", grid},
		{"without a margin", tight},
		{"light on dark", negative},
		{"two cells to a module", double(grid)},
		{"rows of light cells left out at their ends", ragged(grid)},
	}
	for _, test := range tables {
		t.Run("table "+test.name, func(t *testing.T) {
			t.Parallel()
			if got := picture.FromTable(test.rows); !slices.Equal(got, []string{link}) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func trimLines(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

func double(grid [][]bool) [][]bool {
	var out [][]bool
	for _, row := range grid {
		var wide []bool
		for _, dark := range row {
			wide = append(wide, dark, dark)
		}
		out = append(out, wide, wide)
	}
	return out
}

func ragged(grid [][]bool) [][]bool {
	var out [][]bool
	for _, row := range grid {
		end := len(row)
		for end > 0 && !row[end-1] {
			end--
		}
		out = append(out, row[:end])
	}
	return out
}
