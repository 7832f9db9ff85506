package markup

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Bounds of tables and lines that can be a drawing.
const (
	leastCells  = 21     // per side: the smallest QR code
	mostCells   = 200    // per side: the largest code has 177 modules and a margin
	maxGrids    = 6      // tables kept
	maxDrawing  = 64_000 // bytes of lines kept
	leastDrawn  = 10     // lines of blocks, half a module high
	leastShades = 0.2    // difference of luminance between dark and light
)

// blocks are the characters of drawings.
const blocks = "█▓■⬛▀▄"

// grid is a table whose cells are interpreted as one picture.
type grid struct {
	rows [][]float32 // luminance of the background of each cell
	wide int         // cells of the longest row
}

// cell adds a row or cell to the open table.
func (v *visitor) cell(n *html.Node, s *style) {
	if len(v.tables) == 0 {
		return
	}
	g := &v.tables[len(v.tables)-1]
	switch n.DataAtom {
	case atom.Tr:
		if len(g.rows) < mostCells {
			g.rows = append(g.rows, nil)
		}
	case atom.Td, atom.Th:
		g.add(s.background, attr(n, "colspan"))
	default:
	}
}

// add adds a cell to the last row, with its declared span.
func (g *grid) add(c color, span string) {
	if len(g.rows) == 0 {
		return
	}
	light := float32(1)
	if c.state == knownColor {
		light = float32(c.luminance())
	}
	row := &g.rows[len(g.rows)-1]
	times := 1
	if span != "" {
		times, _ = strconv.Atoi(span)
	}
	for range min(max(times, 1), mostCells-len(*row)) {
		*row = append(*row, light)
	}
	g.wide = max(g.wide, len(*row))
}

// closeTable keeps a table that can be a drawing.
func (v *visitor) closeTable() {
	last := len(v.tables) - 1
	g := v.tables[last]
	v.tables = v.tables[:last]
	if len(g.rows) < leastCells || g.wide < leastCells {
		return
	}
	dark := g.dark()
	switch {
	case dark == nil:
	case len(v.doc.grids) == maxGrids:
		v.doc.tolerate(GridsCut)
	default:
		v.doc.grids = append(v.doc.grids, dark)
	}
}

// dark distinguishes dark cells from light ones, or returns nil if all are alike.
func (g *grid) dark() [][]bool {
	low, high := float32(1), float32(0)
	for _, row := range g.rows {
		for _, light := range row {
			low, high = min(low, light), max(high, light)
		}
	}
	if high-low < leastShades {
		return nil
	}
	out := make([][]bool, len(g.rows))
	for i, row := range g.rows {
		out[i] = make([]bool, len(row))
		for k, light := range row {
			out[i][k] = light < (low+high)/2
		}
	}
	return out
}

// Grids returns the tables that can be drawings, at least leastCells each way: rows of
// cells, true for dark ones.
func (d *Document) Grids() [][][]bool { return d.grids }

// Drawing returns the lines of block characters as DrawnLines does, with their white space,
// which DisplayText collapses.
func (d *Document) Drawing() (lines string, cut bool) {
	if !mayDraw(d.inner) {
		return "", false
	}
	w := rawWriter{}
	w.node(d.root, false)
	return DrawnLines(w.b.String())
}

// DrawnLines returns the part of a text between its first and its last line of block
// characters, or "" if there are too few of them. cut reports whether there is more than
// maxDrawing bytes.
func DrawnLines(text string) (drawing string, cut bool) {
	if !mayDraw(text) {
		return "", false
	}
	from, to, lines, at := -1, 0, 0, 0
	for line := range strings.Lines(text) {
		if drawnLine(line) {
			if lines++; from < 0 {
				from = at
			}
			to = at + len(line)
		}
		if at += len(line); from >= 0 && at-from > maxDrawing {
			cut = true
			break
		}
	}
	if lines < leastDrawn {
		return "", false
	}
	return text[from:to], cut
}

// mayDraw reports whether a text contains block characters.
func mayDraw(text string) bool {
	ascii := 0 // it has no block
	for ascii < len(text) && text[ascii] < utf8.RuneSelf {
		ascii++
	}
	return strings.Contains(text, "##") || strings.ContainsAny(text[ascii:], blocks)
}

// drawnLine reports whether a line has several blocks, and no letters.
func drawnLine(line string) bool {
	n := 0
	for _, c := range line {
		switch {
		case c == '#' || strings.ContainsRune(blocks, c):
			n++
		case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z':
			return false
		}
	}
	return n >= leastDrawn/2
}

// rawWriter joins the text of a document with its white space, blocks on separate lines.
type rawWriter struct{ b strings.Builder }

func (w *rawWriter) node(n *html.Node, pre bool) {
	switch {
	case n.Type == html.TextNode && pre:
		w.b.WriteString(n.Data)
	case n.Type == html.TextNode:
		w.b.WriteString(spaces.Replace(n.Data))
	case n.DataAtom == atom.Br:
		w.b.WriteByte('\n')
	case n.DataAtom == atom.Script || n.DataAtom == atom.Style:
		return
	}
	pre = pre || n.DataAtom == atom.Pre || strings.Contains(attr(n, "style"), "white-space")
	for c := n.FirstChild; c != nil && w.b.Len() < maxDrawing*4; c = c.NextSibling {
		w.node(c, pre)
	}
	if isBlock(n.DataAtom) && n.Type == html.ElementNode {
		w.b.WriteByte('\n')
	}
}

// spaces removes the line ends that HTML ignores, and replaces no-break spaces by plain
// ones.
var spaces = strings.NewReplacer("\r", "", "\n", "", "\u00a0", " ")
