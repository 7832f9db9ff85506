package ooxml

import (
	"encoding/binary"
	"math"
	"path"
	"strings"
	"unicode/utf16"
)

// The relevant records of a binary workbook. MS-XLSB, 2.3.2.
const (
	brtRow        = 0
	brtCellText   = 6
	brtFmlaString = 8
	brtFmlaNumber = 9
	brtFmlaBool   = 10
	brtFmlaError  = 11
	brtSharedText = 19
	brtName       = 39
	brtSheet      = 156
	brtSupBook    = 360
	brtLink       = 494
)

// BinaryFormula is a formula of a binary workbook, in its tokens. MS-XLSB, 2.2.2.
type BinaryFormula struct {
	Name  string // defined name, "" for a cell
	Macro bool   // of a macro sheet, or of a name that runs automatically
	Row   int
	Col   int
	Code  []byte
}

// records calls f with the records of a part. MS-XLSB, 2.1.4: an identifier of one or two
// bytes and a size of up to four, seven bits in each. A truncated record ends the reading.
func (r *reader) records(data []byte, f func(id int, b []byte)) {
	for len(data) > 0 {
		id, n := int(data[0]), 1
		if id&0x80 != 0 && len(data) > 1 {
			id, n = id&0x7f|int(data[1]&0x7f)<<7, 2
		}
		size, used := sevenBits(data[n:])
		data = data[n+used:]
		if r.tokens++; r.tokens > r.limits.Tokens {
			r.doc.note(OverLimit)
			return
		}
		if size > len(data) {
			r.doc.note(BadPart)
			size = len(data)
		}
		f(id, data[:size])
		data = data[size:]
	}
}

func sevenBits(b []byte) (v, used int) {
	for used < 4 && used < len(b) {
		c := b[used]
		v |= int(c&0x7f) << (7 * used)
		used++
		if c&0x80 == 0 {
			break
		}
	}
	return v, used
}

// fields reads the front of a record; zeros after its end.
type fields struct{ b []byte }

func (f *fields) next(n int) []byte {
	if n > len(f.b) {
		f.b = nil
		return make([]byte, min(n, 16))
	}
	out := f.b[:n]
	f.b = f.b[n:]
	return out
}

func (f *fields) u16() int { return int(binary.LittleEndian.Uint16(f.next(2))) }
func (f *fields) u32() int { return int(binary.LittleEndian.Uint32(f.next(4))) }

// str reads a string after its length in characters. MS-XLSB, 2.5.169.
func (f *fields) str() string {
	n := f.u32()
	if n == math.MaxUint32 || n > len(f.b)/2 {
		if n != math.MaxUint32 { // a null string has length -1
			f.b = nil
		}
		return ""
	}
	b := f.next(2 * n)
	u := make([]uint16, n)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}

// code reads the tokens of a formula after their length.
func (f *fields) code() []byte {
	n := f.u32()
	return f.next(min(n, len(f.b)))
}

// binaryWorkbook lists the sheets and names of a binary workbook.
func (r *reader) binaryWorkbook(data []byte) {
	r.records(data, func(id int, b []byte) {
		f := fields{b}
		switch id {
		case brtSheet:
			s := Sheet{State: [...]string{stateVisible, "hidden", "veryHidden", stateVisible}[f.u32()&3]}
			f.u32()
			rel := f.str()
			s.Name = f.str()
			if len(r.doc.Sheets) < r.limits.Items {
				r.sheets[rel] = len(r.doc.Sheets)
			}
			r.doc.Sheets = keep(r, r.doc.Sheets, s)
		case brtName:
			r.binaryName(f)
		}
	})
}

// binaryName keeps a name that runs automatically. MS-XLSB, 2.4.684.
func (r *reader) binaryName(f fields) {
	f.next(9) // flags, key and sheet
	name := f.str()
	r.doc.Names = keep(r, r.doc.Names, name)
	low := strings.ToLower(strings.TrimPrefix(name, "_xlnm."))
	if !strings.HasPrefix(low, "auto_") {
		return
	}
	r.doc.Actions = keep(r, r.doc.Actions, Action{ActionMacro, name})
	r.binaryFormula(BinaryFormula{Name: name, Macro: true, Code: f.code()})
}

func (r *reader) binaryFormula(f BinaryFormula) {
	if len(f.Code) > 0 {
		r.doc.BinaryFormulas = keep(r, r.doc.BinaryFormulas, f)
	}
}

// binaryPart reads a sheet, the shared strings or an external link.
func (r *reader) binaryPart(p part, dir, role string) {
	switch {
	case p.key == "xl/workbook.bin" || strings.HasSuffix(dir, "printersettings/") || strings.HasSuffix(dir, "theme/"):
	case strings.HasSuffix(dir, "macrosheets/") || role == "xlMacrosheet" || role == "xlIntlMacrosheet":
		r.binarySheet(r.unpack(p), true)
	case strings.HasSuffix(dir, "worksheets/") || strings.HasSuffix(dir, "externallinks/") || path.Base(p.key) == "sharedstrings.bin" || role == "worksheet":
		r.binarySheet(r.unpack(p), false)
	}
}

// binarySheet reads cells and links.
func (r *reader) binarySheet(data []byte, macro bool) {
	row := 0
	r.records(data, func(id int, b []byte) {
		f := fields{b}
		switch id {
		case brtRow:
			row = f.u32()
		case brtSharedText:
			f.next(1)
			r.write(f.str() + "\n")
		case brtCellText:
			f.next(8)
			r.write(f.str() + "\n")
		case brtFmlaString, brtFmlaNumber, brtFmlaBool, brtFmlaError:
			r.binaryCell(id, row, f, macro)
		case brtLink:
			f.next(16)
			f.str() // the relationship, whose target is a link already
		case brtSupBook:
			if f.u16() == 1 { // DDE: service and topic
				service, topic := f.str(), f.str()
				r.doc.Fields = keep(r, r.doc.Fields, Field{"DDE", "DDE " + service + " " + topic})
			}
		}
	})
}

// binaryCell keeps the formula of a cell, after its value. MS-XLSB, 2.4.657 to 2.4.660.
func (r *reader) binaryCell(id, row int, f fields, macro bool) {
	col := f.u32()
	f.next(4)
	switch id {
	case brtFmlaString:
		r.write(f.str() + "\n")
	case brtFmlaNumber:
		f.next(8)
	default:
		f.next(1)
	}
	f.next(2)
	if code := f.code(); macro || reachesOutside(code) {
		r.binaryFormula(BinaryFormula{Macro: macro, Row: row, Col: col, Code: code})
	}
}

// reachesOutside reports tokens of functions that fetch something: HYPERLINK is 359 and 255
// is a function by name, such as WEBSERVICE. MS-XLSB, 2.5.97.10.
func reachesOutside(code []byte) bool {
	for i := 0; i+3 < len(code); i++ {
		if t := code[i]; t == 0x22 || t == 0x42 || t == 0x62 {
			switch binary.LittleEndian.Uint16(code[i+2:]) {
			case 359, 255, 150, 149, 110, 379:
				return true
			}
		}
	}
	return false
}
