package picture

import (
	"cmp"
	"image"
	"math"
	"slices"
	"strings"
	"unicode"
)

// maxCells bounds a drawing: the largest code has 177 modules and a margin, and a module
// is at most three cells wide.
const maxCells = 600

// FromBlocks returns the payloads of the QR codes drawn in text with blocks, partial
// blocks, Braille dots or number signs and spaces, with any number of characters per
// module. Quote marks and blank lines between the lines are ignored.
func FromBlocks(text string) []string {
	var out []string
	var group []string
	blank := 0
	for line := range strings.Lines(text + "\n\n\n") {
		line = unquote(line)
		// A line of a code without dark cells is its margin.
		if strings.TrimSpace(line) == "" && blank == 0 {
			blank++
			continue
		}
		blank = 0
		if drawn(line) && len(group) < maxCells {
			group = append(group, line)
			continue
		}
		// The smallest code has 21 modules, four to a line of Braille.
		if len(group) >= 6 {
			out = merge(out, fromLines(group))
		}
		group = group[:0]
	}
	return out
}

// unquote returns a line without its end and the leading quote marks.
func unquote(line string) string {
	line = strings.TrimRight(line, "\r\n")
	for strings.HasPrefix(line, ">") {
		line = strings.TrimPrefix(line[1:], " ")
	}
	return line
}

// FromTable returns the payloads of the QR code drawn with the cells of a table, true for
// dark. Rows may differ in length, and cells need not be square.
func FromTable(rows [][]bool) []string {
	return fromGrid(rows)
}

// The characters of drawings. Full ones are dark above and below.
const (
	wholeBlocks = "█▓■⬛▉▇#"
	quarters    = "▀▄▌▐▖▗▘▙▚▛▜▝▞▟"
	lightBlocks = "|░□⬜"
)

// parts are the dark quarters of quadrant characters: upper left 1, upper right 2, lower
// left 4, lower right 8, in order of the characters.
var parts = [...]uint8{3, 12, 5, 10, 4, 8, 1, 13, 9, 7, 11, 2, 6, 14}

// brailleDots are the bits of a cell of Braille, by rows. Unicode, Section 21.1.
var brailleDots = [4][2]uint8{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

const firstBraille, lastBraille = 0x2800, 0x28ff

// drawn reports whether a line consists of blocks.
func drawn(line string) bool {
	dark := false
	for _, c := range line {
		switch {
		case strings.ContainsRune(wholeBlocks+quarters, c) || c > firstBraille && c <= lastBraille:
			dark = true
		case !unicode.IsSpace(c) && !strings.ContainsRune(lightBlocks, c) && c != firstBraille:
			return false
		}
	}
	return dark
}

// cell returns the dark parts of a character, in four rows of two.
func cell(c rune) (dark [4][2]bool) {
	if c > firstBraille && c <= lastBraille {
		for y, row := range brailleDots {
			dark[y] = [2]bool{uint8(c)&row[0] != 0, uint8(c)&row[1] != 0}
		}
		return dark
	}
	quarter := uint8(0)
	if strings.ContainsRune(wholeBlocks, c) {
		quarter = 15
	} else if at := slices.Index([]rune(quarters), c); at >= 0 {
		quarter = parts[at]
	}
	for y := range dark {
		bits := quarter >> (y / 2 * 2)
		dark[y] = [2]bool{bits&1 != 0, bits&2 != 0}
	}
	return dark
}

// fromLines decodes lines of blocks.
func fromLines(lines []string) []string {
	grid := make([][]bool, 4*len(lines))
	for k, line := range lines {
		for _, c := range line {
			for y, row := range cell(c) {
				grid[4*k+y] = append(grid[4*k+y], row[0], row[1])
			}
		}
	}
	return fromGrid(grid)
}

// shapes are the cell sizes that are tried. A code is square, so the number of cells
// determines the shape.
var shapes = [...][2]int{{1, 1}, {1, 2}, {2, 1}, {1, 3}, {1, 4}, {1, 5}, {1, 6}, {2, 3}, {3, 2}, {3, 1}, {4, 1}}

// fromGrid draws the cells in the two shapes closest to a square, and decodes them.
func fromGrid(grid [][]bool) []string {
	wide := 0
	for _, row := range grid {
		wide = max(wide, len(row))
	}
	if wide < 21 || wide > 2*maxCells || len(grid) < 21 || len(grid) > 4*maxCells {
		return nil
	}
	width, height := inked(grid)
	order := slices.Clone(shapes[:])
	slices.SortStableFunc(order, func(a, b [2]int) int {
		return cmp.Compare(slant(width*a[0], height*a[1]), slant(width*b[0], height*b[1]))
	})
	for _, s := range order[:2] {
		if out := drawGrid(grid, wide, s[0], s[1]); len(out) > 0 {
			return out
		}
	}
	return nil
}

// inked returns the size of the dark area.
func inked(grid [][]bool) (width, height int) {
	left, right, top, bottom := math.MaxInt, -1, -1, -1
	for y, row := range grid {
		for x, dark := range row {
			if dark {
				left, right, bottom = min(left, x), max(right, x), y
				if top < 0 {
					top = y
				}
			}
		}
	}
	return max(1, right-left+1), max(1, bottom-top+1)
}

// slant is the difference of the sides, as a ratio.
func slant(w, h int) float64 { return math.Abs(math.Log(float64(w) / float64(h))) }

// Sides of a drawing in pixels: larger drawings are drawn as small as possible, or not at
// all.
const (
	drawnPixels = 1000
	mostPixels  = 2400
)

// drawGrid draws cells of w by h units and decodes them, in the negative too, since the
// background of a terminal is dark.
func drawGrid(grid [][]bool, wide, w, h int) []string {
	side := max(wide*w, len(grid)*h)
	if side > mostPixels {
		return nil
	}
	unit := min(max(1, drawnPixels/side), 3)
	margin := 4 * unit
	g := image.NewGray(image.Rect(0, 0, wide*w*unit+2*margin, len(grid)*h*unit+2*margin))
	for i := range g.Pix {
		g.Pix[i] = 255
	}
	for y, row := range grid {
		top := (margin + y*h*unit) * g.Stride
		line := g.Pix[top:][:g.Stride]
		for x, dark := range row {
			if dark {
				clear(line[margin+x*w*unit:][:w*unit])
			}
		}
		for k := 1; k < h*unit; k++ {
			copy(g.Pix[top+k*g.Stride:], line)
		}
	}
	var out []string
	for _, picture := range []*image.Gray{g, invert(g)} {
		codes, _, _ := scan(picture, DefaultLimits().Centers)
		for _, c := range codes {
			out = merge(out, []string{c.Text})
		}
	}
	return out
}

// merge appends new elements.
func merge(to, from []string) []string {
	for _, s := range from {
		if !slices.Contains(to, s) {
			to = append(to, s)
		}
	}
	return to
}
