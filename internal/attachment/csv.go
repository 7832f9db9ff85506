package attachment

import (
	"html"
	"strings"

	"outrider/internal/attachment/ooxml"
	"outrider/internal/message"
)

// tableBytes bounds the bytes of a table that are searched for formulas, half from each
// end.
const tableBytes = 8 << 20

// openTable reads a table in text: a spreadsheet interprets cells that begin like a
// formula.
func openTable(i *inspector, n *node) {
	data := n.data
	d := newDocument("", "", "", "")
	if len(data) > tableBytes {
		data = append(data[:tableBytes/2:tableBytes/2], data[len(data)-tableBytes/2:]...)
		d.note(noteCut)
		i.note(NoteTruncated, n.id, "the middle of the table was not looked at")
	}
	for line := range strings.Lines(message.DecodeBytes(data, i.charset)) {
		i.cell(n.id, d, formula(line))
	}
	i.file(n.id).Document = d
}

// cell records the program and the address in a formula of a table.
func (i *inspector) cell(id int, d *Document, formula string) {
	if formula == "" || !ddeFormula.MatchString(formula) && !outwardFormula(formula) {
		return
	}
	d.scripts(formula)
	i.dde(id, formula)
	d.links(find(ooxml.JoinLiterals(strings.ReplaceAll(formula, `""`, `"`)))...)
}

// openPageTable reads a page whose name makes Excel open it as a workbook, which interprets
// cells that begin like a formula, and Excel's own formula attribute.
func openPageTable(i *inspector, n *node) {
	data := n.data[:min(len(n.data), tableBytes)]
	if len(data) < len(n.data) {
		i.note(NoteTruncated, n.id, "the end of the table was not looked at")
	}
	d := newDocument("", "", "", "")
	for piece := range strings.SplitSeq(message.DecodeBytes(data, i.charset), "<") {
		tag, text, _ := strings.Cut(piece, ">")
		if at := strings.Index(strings.ToLower(tag), "x:fmla="); at >= 0 {
			i.cell(n.id, d, formula(html.UnescapeString(tag[at+len("x:fmla="):])))
		}
		i.cell(n.id, d, formula(html.UnescapeString(text)))
	}
	i.file(n.id).Document = d
}

// longestFormula is Excel's limit.
const longestFormula = 8 << 10

// formula returns a line from the first cell that a spreadsheet interprets as a formula, or
// "". Separators are those that programs guess: comma, semicolon, tab and bar. The rest of
// the line is kept, since DDE topics contain separators themselves.
func formula(line string) string {
	if !strings.ContainsAny(line, "|(") {
		return ""
	}
	for begins, k := true, 0; k < len(line); k++ {
		switch c := line[k]; {
		case begins && strings.IndexByte("=+-@", c) >= 0 && !isNumber(line[k:]):
			return strings.TrimSpace(line[k:min(len(line), k+longestFormula)])
		case strings.IndexByte(",;\t|", c) >= 0:
			begins = true
		default: // quotes and spaces may precede a formula, as may a byte order mark
			begins = begins && strings.IndexByte(" \"'\r\n\ufeff", c) >= 0
		}
	}
	return ""
}

// isNumber reports whether a cell that begins with a sign is only a number: the rest of the
// line is another cell.
func isNumber(cell string) bool {
	rest := strings.TrimLeft(cell[1:], "0123456789. ")
	return (cell[0] == '+' || cell[0] == '-') && (rest == "" || strings.IndexByte(",;\t\"\r\n", rest[0]) >= 0)
}

// outwardFormula reports functions that fetch something or start a program.
func outwardFormula(cell string) bool {
	upper := strings.ToUpper(cell)
	for _, f := range []string{"HYPERLINK(", "WEBSERVICE(", "IMPORTXML(", "IMPORTDATA(", "IMPORTHTML(", "IMPORTFEED(", "IMAGE(", "RTD(", "CALL(", "EXEC(", "REGISTER("} {
		if strings.Contains(upper, f) {
			return true
		}
	}
	return false
}

// openSYLK reads a table in the symbolic link format, which Excel opens with Excel 4.0
// macros: "E" begins the formula of a cell, and "NN" names one. Microsoft, SYLK File
// Format.
func openSYLK(i *inspector, n *node) {
	data := n.data[:min(len(n.data), tableBytes)]
	if len(data) < len(n.data) {
		i.note(NoteTruncated, n.id, "the end of the table was not looked at")
	}
	d := newDocument("", "", "", "")
	auto := false
	var formulas []string
	for line := range strings.Lines(message.DecodeBytes(data, "")) {
		auto = auto || strings.HasPrefix(line, "NN;") && strings.Contains(strings.ToLower(line), ";nauto_")
		_, f, found := strings.Cut(line, ";E")
		if !found || !strings.HasPrefix(line, "C;") || len(formulas) >= maxDocumentItems {
			continue
		}
		f = strings.TrimSpace(f[:min(len(f), longestFormula)])
		d.scripts(f)
		i.dde(n.id, f)
		if auto || startsProgram.MatchString(f) {
			formulas = append(formulas, f)
		}
	}
	i.xlm(n.id, nil, auto, formulas)
	i.file(n.id).Document = d
}
