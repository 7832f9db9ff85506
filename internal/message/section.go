package message

import (
	"bytes"
	"unicode/utf8"

	"outrider/internal/budget"
)

// spareFields bounds the Content fields of a part that are read beyond the budget for
// header fields: without them the part could hide its type.
const spareFields = 16

// section parses one header section, line by line.
type section struct {
	s        *scanner
	part     *Part
	fields   []rawField
	names    []byte // concatenated names of all fields as written and in lower case
	left     int64  // header fields that may still be kept
	bytes    int64  // header bytes that may still be kept
	spare    int    // Content fields kept in addition
	over     bool   // fields were dropped
	dropping bool   // the current field was dropped; its continuations are too
	body     int    // where the body begins
	cut      bool   // ended by a delimiter line, so that there is no body
}

// rawField is a field without a string for its name.
type rawField struct {
	raw, value Range
	name       int // length of the name
}

// readHeader parses the header section of p at pos and returns the start of its body. cut
// reports whether a delimiter line ended the part within the section.
func (s *scanner) readHeader(p *Part, pos int) (body int, cut bool) {
	h := section{
		s: s, part: p, fields: s.fields[:0], names: s.names[:0], spare: spareFields,
		left: s.budget.Left(budget.HeaderFields), bytes: s.budget.Left(budget.HeaderBytes),
	}
	pos = h.skipMark(pos)
	h.read(pos)
	p.Header = h.header()
	s.fields, s.names = h.fields, h.names
	s.work += h.body - pos
	s.checkHeaderBytes(p, pos, h.body)
	return h.body, h.cut
}

// byteOrderMark is a prefix that some mailers write for a message read from a file.
var byteOrderMark = []byte("\ufeff")

// skipMark skips a byte order mark before the header section of a message: clients ignore
// it, and it would spoil the name of the first field.
func (h *section) skipMark(pos int) int {
	if h.part.Parent != nil && !h.part.Parent.isMessage() || !bytes.HasPrefix(h.s.raw[pos:h.s.end], byteOrderMark) {
		return pos
	}
	h.defect(DefectHeaderMark, pos, "")
	return pos + len(byteOrderMark)
}

// read reads lines until the section ends.
func (h *section) read(pos int) {
	start, end := pos, h.s.end
	for pos < end {
		eol := lineEnd(h.s.raw, pos, end)
		if h.line(pos, eol) {
			return
		}
		pos = eol
	}
	h.body, h.cut = end, true
	if end > start || h.part.Parent == nil {
		h.defect(DefectNoBody, start, "")
	}
}

// line processes one line and reports whether the section ends with or before it.
func (h *section) line(pos, eol int) bool {
	raw := h.s.raw
	switch c := raw[pos]; {
	case (c == '\n' || c == '\r') && isBlank(raw[pos:eol]):
		h.body = eol
		return true
	case c == ' ' || c == '\t':
		return h.continuation(pos, eol)
	case c == '-' && h.s.isDelimiter(pos, eol):
		h.defect(DefectHeaderEnd, pos, "delimiter in header section")
		h.body, h.cut = pos, true
		return true
	}
	if name, colon := fieldName(raw[pos:eol]); colon > 0 {
		h.field(pos, eol, name, colon)
		return false
	}
	return h.junk(pos, eol)
}

// field keeps the field that begins at pos.
func (h *section) field(pos, eol, name, colon int) {
	if name != colon {
		h.defect(DefectSpaceBeforeColon, pos+name, string(h.s.raw[pos:pos+name]))
	}
	key := h.s.raw[pos : pos+name]
	if h.dropping = !h.affords(key, eol-pos); h.dropping {
		return
	}
	h.fields = append(h.fields, rawField{
		raw:   Range{pos, eol},
		value: Range{pos + colon + 1, trimEOL(h.s.raw, pos+colon+1, eol)},
		name:  name,
	})
	h.names = append(append(h.names, key...), key...)
	for i, c := range h.names[len(h.names)-name:] {
		h.names[len(h.names)-name+i] = lower(c)
	}
}

// affords charges one field and reports whether it is kept.
func (h *section) affords(key []byte, size int) bool {
	h.left--
	h.bytes -= int64(size)
	if h.left >= 0 && h.bytes >= 0 {
		return true
	}
	h.over = true
	if h.spare == 0 || len(key) < 8 || !bytes.EqualFold(key[:8], []byte("content-")) {
		return false
	}
	h.spare--
	return true
}

// continuation extends the previous field. RFC 5322, Section 4.2: lines of only white space
// are obsolete folding, where some clients end the section.
func (h *section) continuation(pos, eol int) bool {
	if isBlankSpace(h.s.raw[pos:eol]) {
		h.defect(DefectBlankFold, pos, "")
		if h.s.variant.blankEnds {
			h.body = eol
			return true
		}
		h.s.again(h.part, variant{blankEnds: true})
	}
	switch {
	case len(h.fields) == 0:
		h.defect(DefectStrayFold, pos, string(h.s.raw[pos:eol]))
	case h.dropping:
	default:
		if h.bytes -= int64(eol - pos); h.bytes < 0 && !h.over {
			h.over = true
		}
		f := &h.fields[len(h.fields)-1]
		f.raw.To, f.value.To = eol, trimEOL(h.s.raw, pos, eol)
	}
	return false
}

// junk handles a line that is no field: it is skipped if the section plausibly continues,
// and is the first line of the body otherwise.
func (h *section) junk(pos, eol int) bool {
	line := h.s.raw[pos:eol]
	if isMboxFrom(line) {
		h.defect(DefectMboxFrom, pos, string(line))
		h.dropping = true
		return false
	}
	if h.goesOn(eol) {
		h.defect(DefectNoColon, pos, string(line))
		h.dropping = true
		return false
	}
	kind := DefectHeaderEnd
	if len(h.fields) == 0 {
		kind = DefectNoHeader
	}
	h.defect(kind, pos, string(line))
	h.body = pos
	return true
}

// isMboxFrom reports whether the line separates messages in an mbox file.
func isMboxFrom(line []byte) bool {
	return bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))
}

// goesOn reports whether the line at pos belongs to a header section: a field, or the end
// of a section with earlier fields.
func (h *section) goesOn(pos int) bool {
	if pos >= h.s.end {
		return false
	}
	line := h.s.raw[pos:lineEnd(h.s.raw, pos, h.s.end)]
	if isBlank(line) {
		return len(h.fields) > 0
	}
	_, colon := fieldName(line)
	return colon > 0
}

// header makes the names of all fields slices of one string and charges the budget.
func (h *section) header() Header {
	h.spend()
	out := Header{raw: h.s.raw}
	if len(h.fields) == 0 {
		return out
	}
	out.Fields = make([]Field, len(h.fields))
	names := string(h.names)
	for i, f := range h.fields {
		out.Fields[i] = Field{Name: names[:f.name], Key: names[f.name : 2*f.name], Raw: f.raw, Value: f.value}
		names = names[2*f.name:]
	}
	return out
}

func (h *section) spend() {
	b := h.s.budget
	var size int64
	for _, f := range h.fields {
		size += int64(f.raw.Len())
	}
	if h.over {
		h.defect(DefectManyHeaders, h.part.Raw.From, "")
	}
	fits := b.Spend(budget.HeaderFields, int64(len(h.fields)))
	fits = b.Spend(budget.HeaderBytes, size) && fits
	if h.over && fits {
		// Dropped fields must count as exceeded.
		b.Spend(budget.HeaderFields, b.Left(budget.HeaderFields)+1)
	}
}

func (h *section) defect(kind DefectKind, offset int, detail string) {
	h.s.defect(kind, h.part, offset, detail)
}

// fieldName returns the length of the field name at the beginning of line and the
// index of its colon, or 0, 0.
// RFC 5322, Section 4.5: obsolete syntax has white space before the colon.
func fieldName(line []byte) (name, colon int) {
	n := 0
	for n < len(line) && line[n] > ' ' && line[n] < 0x7f && line[n] != ':' {
		n++
	}
	c := n
	for c < len(line) && (line[c] == ' ' || line[c] == '\t') {
		c++
	}
	if n == 0 || c == len(line) || line[c] != ':' {
		return 0, 0
	}
	return n, c
}

// checkHeaderBytes reports bytes that are forbidden in header sections.
func (s *scanner) checkHeaderBytes(p *Part, from, to int) {
	eight, control := oddBytes(s.raw[from:to])
	if eight >= 0 {
		kind := DefectHeaderUTF8
		if !utf8.Valid(s.raw[from:to]) {
			kind = DefectHeader8Bit
		}
		s.defect(kind, p, from+eight, "")
	}
	if control >= 0 {
		s.defect(DefectHeaderControl, p, from+control, "")
	}
}

// lineEnd returns the offset after the line at pos.
func lineEnd(raw []byte, pos, end int) int {
	if i := bytes.IndexByte(raw[pos:end], '\n'); i >= 0 {
		return pos + i + 1
	}
	return end
}

// trimEOL returns the end of the line content that ends at eol and begins at from at the
// earliest.
func trimEOL(raw []byte, from, eol int) int {
	if eol > from && raw[eol-1] == '\n' {
		eol--
		if eol > from && raw[eol-1] == '\r' {
			eol--
		}
	}
	return eol
}

// isBlank reports whether the line consists of its end.
func isBlank(line []byte) bool {
	for _, c := range line {
		if c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// isBlankSpace reports whether the line has white space only.
func isBlankSpace(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
