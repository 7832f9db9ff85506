package pdf_test

import (
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	"outrider/internal/attachment/pdf"
)

// drawn reads a page of this content, and returns its drawing.
func drawn(content, more string) []pdf.Drawing {
	page := strings.Replace(shell, "/Resources<<", "/Resources<</XObject<</X 6 0 R>>", 1)
	return read(page + fmt.Sprintf("4 0 obj <</Length %d>> stream\n%s\nendstream endobj\n", len(content), content) + more + trailer).Drawings
}

// squares draws every second field of a board of 12 by 12, a square of so many points each.
func squares(shape func(x, y, side int) string) string {
	var b strings.Builder
	for y := range 12 {
		for x := range 12 {
			if (x+y)%2 == 0 {
				b.WriteString(shape(100+x*5, 100+y*5, 5))
			}
		}
	}
	return b.String()
}

func TestDrawing(t *testing.T) {
	t.Parallel()
	rectangle := func(x, y, side int) string { return fmt.Sprintf("%d %d %d %d re\n", x, y, side, side) }
	lines := func(x, y, side int) string {
		return fmt.Sprintf("%d %d m %d %d l %d %d l %d %d l h f\n", x, y, x+side, y, x+side, y+side, x, y+side)
	}
	curves := func(x, y, side int) string {
		return fmt.Sprintf("%d %d m %d %d %d %d %d %d c %d %d %d %d v f\n", x, y, x, y, x+side, y, x+side, y+side, x, y+side, x, y)
	}
	form := "6 0 obj <</Subtype/Form/Matrix[2 0 0 2 0 0]>> stream\n" + squares(rectangle) + "f\nendstream endobj\n"
	tests := []struct {
		name, content, more string
		dark                uint8 // of the lower left field; 255 for no drawing
	}{
		{"rectangles in one path", squares(rectangle) + "f", "", 0},
		{"rectangles one by one", strings.ReplaceAll(squares(rectangle), "re", "re f"), "", 0},
		{"lines", squares(lines), "", 0},
		{"curves", squares(curves), "", 0},
		{"moved and turned", "q 0 1 -1 0 400 0 cm\n" + squares(rectangle) + "f Q", "", 0},
		{"in a form", "/X Do", form, 0},
		{"grey", "0.5 g " + squares(rectangle) + "f", "", 127},
		{"red", "1 0 0 rg " + squares(rectangle) + "f", "", 76},
		{"ink", "0 0 0 1 k " + squares(rectangle) + "f", "", 0},
		{"colour given back", "q 1 g Q " + squares(rectangle) + "f", "", 0},
		{"on a ground", "1 g 0 0 600 800 re f 0 g " + squares(rectangle) + "f", "", 0},
		{"not filled", squares(rectangle) + "n", "", 255},
		{"stroked", squares(rectangle) + "S", "", 255},
		{"few", "1 1 5 5 re f", "", 255},
		{"large", strings.Repeat("0 0 500 500 re f\n", 100), "", 255},
		{"far away", "1 0 0 1 99999999 0 cm " + squares(rectangle) + "f", "", 255},
		{"no numbers", strings.Repeat("(a) /b [1] 5 re f\n", 100), "", 255},
		{"on one line", strings.Repeat("5 5 9 0 re f\n", 100), "", 255},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := drawn(test.content, test.more)
			if test.dark == 255 {
				if len(got) > 0 {
					t.Errorf("a drawing of %v", got[0].Image.Bounds())
				}
				return
			}
			if len(got) != 1 || got[0].Page != 1 {
				t.Fatalf("%d drawings", len(got))
			}
			// Of the corner fields, two that are opposite are dark, or all after a turn by 90 degrees.
			levels := map[uint8]int{}
			for _, f := range []image.Point{{0, 11}, {11, 0}, {0, 0}, {11, 11}, {5, 5}, {6, 5}} {
				levels[field(got[0].Image, f)]++
			}
			if levels[test.dark] != 3 || levels[255] != 3 {
				t.Errorf("grey levels %v, want %d", levels, test.dark)
			}
		})
	}
}

// field returns the grey in the middle of a field of the board.
func field(img image.Image, at image.Point) uint8 {
	b := img.Bounds()
	side := (b.Dx() - 32) / 12
	return color.GrayModel.Convert(img.At(16+at.X*side+side/2, 16+at.Y*side+side/2)).(color.Gray).Y
}
