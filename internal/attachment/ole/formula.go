package ole

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// operand is a value on the stack of a formula. A literal is a string as written, which is
// quoted when used in an expression.
type operand struct {
	text    string
	literal bool
}

func (o operand) String() string {
	if o.literal {
		return `"` + strings.ReplaceAll(o.text, `"`, `""`) + `"`
	}
	return o.text
}

// tokens decodes the tokens of one formula, which are in the order of a stack machine.
// MS-XLS, 2.2.2. Constant strings are concatenated, since malware splits them letter by
// letter.
type tokens struct {
	*workbook
	b     []byte
	stack []operand
	wide  bool // of a binary workbook of Excel 2007: rows and lengths take more bytes. MS-XLSB, 2.2.2
}

// Formula12 formats a formula of a binary workbook of Excel 2007 as Excel shows it, with
// constant strings concatenated. names are defined by the workbook.
func Formula12(code []byte, names []string) string {
	w := &workbook{reader: &reader{doc: &Document{}, limits: DefaultLimits()}, names: names}
	t := tokens{workbook: w, b: code, wide: true}
	return t.decode()
}

// CellName returns the name of a cell by its row and column, from 0.
func CellName(row, col int) string { return cellName(row, uint16(col)) }

// cell reads a row and a column.
func (t *tokens) cell() (row int, col uint16) {
	switch {
	case t.wide:
		b := t.next(6)
		return int(le32(b)), le16(b[4:])
	case t.old: // the upper bits of a row mean that it is relative
		b := t.next(3)
		return int(le16(b) & 0x3FFF), uint16(b[2])
	}
	b := t.next(4)
	return int(le16(b)), le16(b[2:])
}

// area reads two rows and two columns.
func (t *tokens) area() string {
	if t.wide {
		b := t.next(12)
		return cellName(int(le32(b)), le16(b[8:])) + ":" + cellName(int(le32(b[4:])), le16(b[10:]))
	}
	if t.old {
		b := t.next(6)
		return cellName(int(le16(b)&0x3FFF), uint16(b[4])) + ":" + cellName(int(le16(b[2:])&0x3FFF), uint16(b[5]))
	}
	b := t.next(8)
	return cellName(int(le16(b)), le16(b[4:])) + ":" + cellName(int(le16(b[2:])), le16(b[6:]))
}

// maxFormula is Excel's limit on the text of a formula.
const maxFormula = 8 << 10

func (t *tokens) decode() string {
	for len(t.b) > 0 && t.work <= maxFormulaWork {
		token := t.b[0]
		t.b = t.b[1:]
		if token >= 0x20 { // three classes of the same token
			token = token&0x1F | 0x20
		}
		if !t.token(token) {
			t.push("#" + fmt.Sprintf("%02x", token))
			break
		}
	}
	if len(t.stack) == 0 {
		return ""
	}
	parts := make([]string, 0, len(t.stack))
	for _, o := range t.stack[:min(len(t.stack), 100)] {
		parts = append(parts, o.String())
	}
	return "=" + strings.Join(parts, " ")
}

func (t *tokens) push(s string) { t.put(operand{text: s}) }

func (t *tokens) put(o operand) {
	if len(o.text) > maxFormula {
		o.text = strings.ToValidUTF8(o.text[:maxFormula], "")
	}
	t.work += len(o.text) + 16
	t.stack = append(t.stack, o)
}

// pop returns the last n operands, fewer if there are no more.
func (t *tokens) pop(n int) []operand {
	n = min(n, len(t.stack))
	out := t.stack[len(t.stack)-n:]
	t.stack = t.stack[:len(t.stack)-n]
	return out
}

// next takes n bytes, zeros after the end.
func (t *tokens) next(n int) []byte {
	if n > len(t.b) {
		t.b = nil
		return make([]byte, n)
	}
	b := t.b[:n]
	t.b = t.b[n:]
	return b
}

// operators are the tokens 3 to 20. MS-XLS, 2.5.198.
var operators = [...]string{
	3: "+", "-", "*", "/", "^", "&", "<", "<=", "=", ">=", ">", "<>", " ", ",", ":", "+", "-", "%",
}

// token decodes one token, and reports whether it is known.
func (t *tokens) token(token byte) bool {
	switch {
	case token == 8:
		t.concatenate()
	case token >= 3 && token <= 17:
		if o := t.pop(2); len(o) == 2 {
			t.push(o[0].String() + operators[token] + o[1].String())
		}
	case token == 18 || token == 19:
		if o := t.pop(1); len(o) == 1 {
			t.push(operators[token] + o[0].String())
		}
	case token == 20:
		if o := t.pop(1); len(o) == 1 {
			t.push(o[0].String() + "%")
		}
	case token >= 0x20:
		return t.reference(token)
	default:
		return t.constant(token)
	}
	return true
}

// concatenate joins two operands, immediately if both are constant.
func (t *tokens) concatenate() {
	o := t.pop(2)
	if len(o) < 2 {
		return
	}
	if o[0].literal && o[1].literal {
		t.put(operand{o[0].text + o[1].text, true})
		return
	}
	t.push(o[0].String() + "&" + o[1].String())
}

// constant decodes the tokens of values and of no-ops.
func (t *tokens) constant(token byte) bool {
	switch token {
	case 0x01, 0x02: // the formula is with another cell
		if t.wide {
			t.push("{" + cellName(int(le32(t.next(4))), 0) + "}")
			break
		}
		t.push("{" + cellName(t.cell()) + "}")
	case 0x15:
		if o := t.pop(1); len(o) == 1 {
			t.push("(" + o[0].String() + ")")
		}
	case 0x16: // a missing argument
		t.push("")
	case 0x17:
		if t.wide {
			n := int(le16(t.next(2)))
			t.put(operand{utf16le(t.next(min(2*n, len(t.b)))), true})
			break
		}
		n := int(t.next(1)[0])
		if t.old {
			t.put(operand{t.shortString(t.next(min(n, len(t.b))), n), true})
			break
		}
		size := n
		if len(t.b) > 0 && t.b[0]&1 != 0 {
			size *= 2
		}
		t.put(operand{shortString(t.next(min(1+size, len(t.b))), n), true})
	case 0x19:
		t.attribute()
	case 0x1C:
		t.next(1)
		t.push("#N/A")
	case 0x1D:
		t.push(map[bool]string{false: "FALSE", true: "TRUE"}[t.next(1)[0] != 0])
	case 0x1E:
		t.push(strconv.Itoa(int(le16(t.next(2)))))
	case 0x1F:
		t.push(strconv.FormatFloat(math.Float64frombits(binary.LittleEndian.Uint64(t.next(8))), 'g', -1, 64))
	default:
		return false
	}
	return true
}

// attribute decodes hints for the evaluation. MS-XLS, 2.5.198.34 and 2.5.198.39: CHOOSE
// has a table of jumps, and SUM of one argument is a hint.
func (t *tokens) attribute() {
	b := t.next(3)
	switch {
	case b[0]&4 != 0:
		t.next(min(2*(int(le16(b[1:]))+1), len(t.b)))
	case b[0]&0x10 != 0:
		if o := t.pop(1); len(o) == 1 {
			t.push("SUM(" + o[0].String() + ")")
		}
	}
}

// sizes are those of the ignored tokens.
var sizes = map[byte]int{0x20: 7, 0x26: 6, 0x27: 6, 0x28: 6, 0x29: 2, 0x2A: 4, 0x2B: 8, 0x3C: 6, 0x3D: 10}

// sizes12 are those that differ in a binary workbook of Excel 2007.
var sizes12 = map[byte]int{0x20: 14, 0x2A: 6, 0x2B: 12, 0x3C: 8, 0x3D: 14}

// sizes5 are those that differ in Excel 5 and 95.
var sizes5 = map[byte]int{0x2A: 3, 0x2B: 6, 0x3C: 17, 0x3D: 20}

// reference decodes the tokens that have a class: functions, names and cells.
func (t *tokens) reference(token byte) bool {
	switch token {
	case 0x21:
		id := le16(t.next(2))
		t.call(id, functions[id].arguments)
	case 0x22:
		b := t.next(3)
		t.call(le16(b[1:]), int(b[0]&0x7F))
	case 0x23, 0x39:
		t.push(t.nameOf(token))
	case 0x24, 0x2C:
		t.push(cellName(t.cell()))
	case 0x25, 0x2D:
		t.push(t.area())
	case 0x3A, 0x3B:
		t.push(t.onSheet(token))
	default:
		n, ok := t.size(token)
		if !ok {
			return false
		}
		t.next(n)
		if token != 0x26 && token != 0x29 { // these replace the expression after them
			t.push("#REF!")
		}
	}
	return true
}

// size returns the size of an ignored token.
func (t *tokens) size(token byte) (int, bool) {
	n, ok := sizes[token]
	if other, is := sizes12[token]; t.wide && is {
		n = other
	}
	if other, is := sizes5[token]; t.old && is {
		n = other
	}
	return n, ok
}

// nameOf reads a defined name, of this workbook or of another.
func (t *tokens) nameOf(token byte) string {
	switch {
	case token == 0x39 && t.old:
		t.next(24)
		return "#NAME?"
	case token == 0x39:
		b := t.next(6)
		return t.name(int(le16(b[2:])))
	}
	n := int(le32(t.next(4)))
	if t.old {
		t.next(10)
		n &= 0xFFFF
	}
	return t.name(n)
}

// onSheet reads a cell or area of another sheet.
func (t *tokens) onSheet(token byte) string {
	sheet := "#REF!"
	if t.old { // sheets by their places among external ones
		t.next(14)
	} else {
		sheet = t.sheetName(le16(t.next(2)))
	}
	if token == 0x3A {
		return sheet + cellName(t.cell())
	}
	return sheet + t.area()
}

func (t *tokens) name(n int) string {
	if n >= 1 && n <= len(t.names) {
		return t.names[n-1]
	}
	return "#NAME?"
}

func (t *tokens) sheetName(n uint16) string {
	if int(n) < len(t.ranges) && t.ranges[n] < len(t.doc.Sheets) {
		return t.doc.Sheets[t.ranges[n]].Name + "!"
	}
	return "#REF!"
}

// call writes a function with its arguments. CHAR of a number is the letter.
func (t *tokens) call(id uint16, arguments int) {
	args := t.pop(arguments)
	f := functions[id]
	if id == 111 && len(args) == 1 {
		if n, err := strconv.Atoi(args[0].text); err == nil && !args[0].literal && n > 0 && n < 256 {
			t.put(operand{Decode([]byte{byte(n)}, 1252), true})
			return
		}
	}
	name := f.name
	if name == "" {
		name = fmt.Sprintf("FUNCTION.%d", id)
	}
	if id == 255 && len(args) > 0 { // a function by name, which is the first argument
		name, args = args[0].text, args[1:]
	}
	var s strings.Builder
	s.WriteString(name + "(")
	for k, a := range args {
		if s.Len() > maxFormula {
			break
		}
		if k > 0 {
			s.WriteByte(',')
		}
		s.WriteString(a.String())
	}
	s.WriteByte(')')
	t.push(s.String())
}
