package app

import (
	"io"
	"strings"
)

// column is one column of a table.
type column struct {
	title string
	width int // usual width; in tables that are printed row by row also the least
	min   int // a narrow terminal may cut the text to this; 0: it is never cut
	right bool
}

// cell is one value of a row.
type cell struct {
	text  string
	style style
}

// Layout of tables.
const (
	gap      = "  "
	indent   = "    "
	maxWidth = 60 // longer texts do not widen their column where output is not a terminal
)

// table prints rows in columns. On a terminal, what does not fit into the width is cut where the
// column permits, and columns that still do not fit go to a second line of each row. Elsewhere
// nothing is cut and each row is one line. All text is escaped.
type table struct {
	out    io.Writer
	screen screen
	cols   []column
	rows   []tableRow // that wait for flush, or nil where rows are printed at once
	stream bool
	lines  [][]int // columns by line of a row, once the layout is known
	widths []int
}

type tableRow struct {
	cells []cell
	note  *cell // a line of its own under a row
}

// newTable returns a table whose widths are computed from all its rows: flush prints it.
func (c *cli) newTable(cols ...column) *table {
	return &table{out: c.out, screen: c.screen, cols: cols}
}

// newStream returns a table that prints each row at once.
func (c *cli) newStream(cols ...column) *table {
	return &table{out: c.out, screen: c.screen, cols: cols, stream: true}
}

// add adds a row.
func (t *table) add(row ...cell) error { return t.take(tableRow{cells: row}) }

// note adds a line under the row before.
func (t *table) note(text string, how style) error { return t.take(tableRow{note: &cell{text, how}}) }

func (t *table) take(r tableRow) error {
	for i := range r.cells {
		r.cells[i].text = visible(r.cells[i].text)
	}
	if r.note != nil {
		r.note.text = visible(r.note.text)
	}
	t.rows = append(t.rows, r)
	if t.stream {
		return t.flush()
	}
	return nil
}

// flush prints the rows that wait, with the header before the first.
func (t *table) flush() error {
	var b strings.Builder
	if t.lines == nil {
		t.layOut()
		t.printRow(&b, t.header())
	}
	for _, r := range t.rows {
		if r.note != nil {
			b.WriteString(indent + t.screen.paint(r.note.style, cut(r.note.text, t.screen.width-len(indent))) + "\n")
			continue
		}
		t.printRow(&b, r.cells)
	}
	t.rows = nil
	_, err := io.WriteString(t.out, b.String())
	return err
}

func (t *table) header() []cell {
	out := make([]cell, len(t.cols))
	for i, c := range t.cols {
		out[i] = cell{c.title, bold}
	}
	return out
}

// layOut chooses the width of each column and the line that it is on.
func (t *table) layOut() {
	natural := t.natural()
	t.widths = make([]int, len(t.cols))
	used := 0
	for i, c := range t.cols {
		t.widths[i] = natural[i]
		if c.min > 0 && t.screen.width > 0 {
			t.widths[i] = min(natural[i], max(c.min, len(c.title)))
		}
		if natural[i] > 0 { // otherwise no row has a value
			used = t.place(i, used)
		}
	}
	for n, line := range t.lines {
		t.widen(n, line, natural)
	}
}

// place puts a column on the last line, of which some width is used, or on a new one. It returns
// the width that is used then.
func (t *table) place(i, used int) int {
	need := used + len(gap) + t.widths[i]
	switch {
	case len(t.lines) == 0:
		t.lines, need = [][]int{nil}, t.widths[i]
	case t.screen.width > 0 && need > t.screen.width:
		t.lines, need = append(t.lines, nil), len(indent)+t.widths[i]
	}
	last := len(t.lines) - 1
	t.lines[last] = append(t.lines[last], i)
	return need
}

// natural returns the width that each column would have with room enough, 0 where it is empty.
func (t *table) natural() []int {
	out := make([]int, len(t.cols))
	for i, c := range t.cols {
		if t.stream {
			out[i] = max(c.width, len(c.title))
			continue
		}
		for _, r := range t.rows {
			if i < len(r.cells) {
				out[i] = max(out[i], cells.StringWidth(r.cells[i].text))
			}
		}
		if out[i] > 0 || len(t.rows) == 0 {
			out[i] = max(out[i], len(c.title))
		}
		if t.screen.width == 0 && c.min > 0 {
			out[i] = min(out[i], maxWidth)
		}
	}
	return out
}

// widen gives the room that is left on a line to the columns that need it.
func (t *table) widen(n int, line, natural []int) {
	if t.screen.width == 0 {
		return
	}
	left := t.screen.width - len(gap)*(len(line)-1)
	if n > 0 {
		left -= len(indent)
	}
	for _, i := range line {
		left -= t.widths[i]
	}
	for grown := true; grown && left > 0; {
		grown = false
		for _, i := range line {
			if t.widths[i] < natural[i] && left > 0 {
				t.widths[i]++
				left--
				grown = true
			}
		}
	}
	if last := line[len(line)-1]; t.stream && left > 0 && t.cols[last].min > 0 {
		t.widths[last] += left
	}
}

// printRow writes the lines of one row, without those that are empty.
func (t *table) printRow(b *strings.Builder, row []cell) {
	for n, line := range t.lines {
		var s strings.Builder
		filled := false
		for k, i := range line {
			var c cell
			if i < len(row) {
				c = row[i]
			}
			filled = filled || c.text != ""
			s.WriteString(t.format(i, c, k == len(line)-1))
			if k < len(line)-1 {
				s.WriteString(gap)
			}
		}
		if text := strings.TrimRight(s.String(), " "); filled {
			if n > 0 {
				text = indent + text
			}
			b.WriteString(text + "\n")
		}
	}
}

// format returns a cell in the width of its column. What is last on a line is not padded.
func (t *table) format(i int, c cell, last bool) string {
	text := c.text
	if t.screen.width > 0 && t.cols[i].min > 0 {
		text = cut(text, t.widths[i])
	}
	pad := strings.Repeat(" ", max(t.widths[i]-cells.StringWidth(text), 0))
	text = t.screen.paint(c.style, text)
	switch {
	case t.cols[i].right:
		return pad + text
	case last:
		return text
	default:
		return text + pad
	}
}
