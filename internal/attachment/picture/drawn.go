package picture

import (
	"image"
	"slices"
	"strings"
	"unicode"
)

// maxCells bounds a drawing: the largest code has 177 modules and a margin, and a module
// is at most three cells wide.
const maxCells = 600

// FromBlocks returns the payloads of the QR codes drawn in text with blocks, half blocks or
// number signs and spaces, one or two to a module. Marks of quotation and a blank line
// between the lines do not matter.
func FromBlocks(text string) []string {
	var out []string
	var group []string
	blank := 0
	for line := range strings.Lines(text + "\n\n\n") {
		line = unquote(line)
		// A line of a code that has nothing dark is its margin.
		if strings.TrimSpace(line) == "" && blank == 0 {
			blank++
			continue
		}
		blank = 0
		if drawn(line) && len(group) < maxCells {
			group = append(group, line)
			continue
		}
		// The smallest code has 21 modules, two to a line of half blocks.
		if len(group) >= 11 {
			out = merge(out, fromLines(group))
		}
		group = group[:0]
	}
	return out
}

// unquote returns a line without its end and the marks of quotation before it.
func unquote(line string) string {
	line = strings.TrimRight(line, "\r\n")
	for strings.HasPrefix(line, ">") {
		line = strings.TrimPrefix(line[1:], " ")
	}
	return line
}

// FromTable returns the payloads of the QR code drawn with the cells of a table, true for
// dark. Rows may differ in length.
func FromTable(rows [][]bool) []string {
	return fromGrid(rows, 1, 1)
}

// The characters of drawings. Whole ones are dark above and below.
const (
	wholeBlocks = "█▓■⬛#"
	halfBlocks  = "▀▄"
)

// drawn reports whether a line has nothing but blocks.
func drawn(line string) bool {
	dark := false
	for _, c := range line {
		switch {
		case strings.ContainsRune(wholeBlocks+halfBlocks, c):
			dark = true
		case !unicode.IsSpace(c) && !strings.ContainsRune("|░□⬜", c):
			return false
		}
	}
	return dark
}

// fromLines reads lines of blocks at the three usual shapes of a module.
func fromLines(lines []string) []string {
	halves := make([][]bool, 0, 2*len(lines))
	whole := make([][]bool, 0, len(lines))
	for _, line := range lines {
		var top, bottom []bool
		for _, c := range line {
			block := strings.ContainsRune(wholeBlocks, c)
			top = append(top, block || c == '▀')
			bottom = append(bottom, block || c == '▄')
		}
		halves = append(halves, top, bottom)
		whole = append(whole, top)
	}
	// Half blocks are square; a whole block is twice as high as wide, and a module is one
	// or two of them.
	for _, shape := range []struct {
		grid [][]bool
		w, h int
	}{{halves, 1, 1}, {whole, 1, 2}, {whole, 1, 1}} {
		if found := fromGrid(shape.grid, shape.w, shape.h); len(found) > 0 {
			return found
		}
	}
	return nil
}

// fromGrid draws cells of w by h units and reads them, in the negative too, since the
// ground of a terminal is dark.
func fromGrid(grid [][]bool, w, h int) []string {
	const unit, margin = 3, 12
	wide := 0
	for _, row := range grid {
		wide = max(wide, len(row))
	}
	if wide < 21 || wide > maxCells || len(grid) < 11 || len(grid) > 2*maxCells {
		return nil
	}
	g := image.NewGray(image.Rect(0, 0, wide*w*unit+2*margin, len(grid)*h*unit+2*margin))
	for i := range g.Pix {
		x, y := (i%g.Stride-margin)/(w*unit), (i/g.Stride-margin)/(h*unit)
		if i%g.Stride < margin || i/g.Stride < margin || y >= len(grid) || x >= len(grid[y]) || !grid[y][x] {
			g.Pix[i] = 255
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

// merge appends what is new.
func merge(to, from []string) []string {
	for _, s := range from {
		if !slices.Contains(to, s) {
			to = append(to, s)
		}
	}
	return to
}
