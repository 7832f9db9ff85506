package rtf

import (
	"bytes"
	"strings"
	"unicode/utf16"

	"outrider/internal/attachment/ole"
)

// target is the destination of a group's text.
type target uint8

const (
	toText target = iota
	toNowhere
	toObject   // hex of an object
	toPicture  // hex of a picture
	toClass    // class of an object
	toField    // instruction
	toTemplate // attached template
	toTitle
	toAuthor
)

// group is the state that a brace opens and its partner restores.
type group struct {
	target target
	owner  bool // the group that began the target, and ends it
	skip   int  // substitute bytes after \u for old readers
}

// reader is the state of one Read. Bytes are read once.
type reader struct {
	doc      *Document
	data     []byte
	pos      int
	limits   Limits
	left     int64 // of Limits.Bytes
	codePage int

	stack    []group // of the groups around the current one
	now      group
	deep     int  // groups open beyond Limits.Nesting
	optional bool // \* was read

	text    strings.Builder
	pending []byte // of the code page, not yet converted
	units   []uint16
	dropped int // remaining characters to skip after \u

	hex    []byte
	nibble int // the first digit of a byte, -1 if none
	buffer []byte

	class  string
	update bool
	format string // of the picture
}

func (r *reader) run() {
	r.nibble, r.now.skip = -1, 1
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		r.pos++
		switch c {
		case '{':
			r.open()
		case '}':
			if r.close() {
				r.after()
				return
			}
		case '\\':
			r.control()
		case '\r', '\n':
		default:
			r.char(c)
		}
	}
	r.doc.note(OpenGroups)
	for len(r.stack) > 0 {
		r.deep = 0
		r.close()
	}
}

// after notes data after the document, where droppers keep their payload.
func (r *reader) after() {
	if len(bytes.Trim(r.data[r.pos:], "\r\n\t \x00")) > 0 {
		r.doc.note(DataAfter)
	}
}

func (r *reader) open() {
	r.optional = false
	if len(r.stack) >= r.limits.Nesting {
		r.deep++
		r.doc.note(OverLimit)
		return
	}
	if r.now.target == toObject {
		r.doc.note(BrokenHex)
	}
	r.stack = append(r.stack, r.now)
	r.now.owner = false
}

// close ends a group, and reports whether it was the last.
func (r *reader) close() bool {
	r.optional = false
	if r.deep > 0 {
		r.deep--
		return false
	}
	if r.now.owner {
		r.finish()
	}
	r.flush()
	if len(r.stack) == 0 {
		return true
	}
	r.now = r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	return len(r.stack) == 0
}

// begin sets the target of the group's text.
func (r *reader) begin(t target) {
	r.flush()
	r.now.target, r.now.owner = t, true
	switch t {
	case toNowhere, toText: // the outer target continues after it
	case toObject, toPicture:
		r.hex, r.nibble = nil, -1
	default:
		r.buffer = nil
	}
}

// finish uses the collected data of a group.
func (r *reader) finish() {
	s := strings.TrimSpace(ole.Decode(r.buffer, r.codePage))
	switch r.now.target {
	case toObject:
		r.object(r.hex)
		r.hex = nil
	case toPicture:
		if len(r.hex) > 0 && len(r.doc.Images) < r.limits.Items {
			r.doc.Images = append(r.doc.Images, Image{Format: r.format, Data: r.hex})
		} else if len(r.hex) > 0 {
			r.doc.note(OverLimit)
		}
		r.hex, r.format = nil, ""
	case toClass:
		r.class = s
	case toField:
		r.field(s)
	case toTemplate:
		r.doc.Template = s
	case toTitle:
		r.doc.Title = s
	case toAuthor:
		r.doc.Author = s
	default:
		return
	}
	r.buffer = nil
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func digit(c byte) bool { return c >= '0' && c <= '9' }

// control parses the text after a backslash: a word with an optional number and blank, or
// one character.
func (r *reader) control() {
	if r.pos >= len(r.data) {
		return
	}
	if !letter(r.data[r.pos]) {
		r.symbol()
		return
	}
	from := r.pos
	for r.pos < len(r.data) && letter(r.data[r.pos]) {
		r.pos++
	}
	word := string(r.data[from:min(r.pos, from+32)])
	n, given := r.number()
	if r.pos < len(r.data) && r.data[r.pos] == ' ' {
		r.pos++
	}
	if r.deep > 0 && word != "bin" {
		return
	}
	r.word(word, n, given)
}

// number parses the number of a control word, at most ten digits; further ones are skipped.
func (r *reader) number() (int, bool) {
	p, sign, n := r.pos, 1, 0
	if p < len(r.data) && r.data[p] == '-' {
		p, sign = p+1, -1
	}
	from := p
	for p < len(r.data) && digit(r.data[p]) {
		if n < 1<<31 {
			n = 10*n + int(r.data[p]-'0')
		}
		p++
	}
	if p == from {
		return 0, false
	}
	r.pos = p
	return sign * n, true
}

// symbol reads a control symbol.
func (r *reader) symbol() {
	c := r.data[r.pos]
	r.pos++
	switch c {
	case '\'':
		r.byteHex()
	case '*':
		r.optional = true
	case '~':
		r.char(' ')
	case '\n', '\r':
		r.write("\n")
	case '{', '}', '\\':
		r.char(c)
	case '_':
		r.char('-')
	}
}

// byteHex parses \'xx. Inside the hex of an object Word drops it.
func (r *reader) byteHex() {
	if r.pos+2 > len(r.data) {
		return
	}
	high, low := unhex(r.data[r.pos]), unhex(r.data[r.pos+1])
	if high < 0 || low < 0 {
		return
	}
	r.pos += 2
	if r.now.target == toObject {
		r.doc.note(BrokenHex)
		return
	}
	r.char(byte(high<<4 | low))
}

func unhex(c byte) int {
	switch {
	case digit(c):
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// destinations are the words that redirect their group.
var destinations = map[string]target{
	"objdata": toObject, "pict": toPicture, "objclass": toClass, "fldinst": toField, "template": toTemplate, "title": toTitle,
	"author": toAuthor, "fonttbl": toNowhere, "colortbl": toNowhere, "stylesheet": toNowhere, "info": toNowhere,
	"nonshppict": toNowhere, "datafield": toNowhere, "listtable": toNowhere, "generator": toNowhere, "filetbl": toNowhere,
}

// shown are optional destinations whose text belongs to the document.
var shown = map[string]bool{"shppict": true, "shpinst": true, "shptxt": true, "ud": true, "shp": true, "do": true}

var breaks = map[string]string{"par": "\n", "line": "\n", "row": "\n", "sect": "\n", "page": "\n", "tab": "\t", "cell": "\t"}

var marks = map[string]rune{
	"emdash": '—', "endash": '–', "lquote": '‘', "rquote": '’', "ldblquote": '“', "rdblquote": '”', "bullet": '•',
}

var formats = map[string]string{"pngblip": "png", "jpegblip": "jpeg", "emfblip": "emf", "wmetafile": "wmf"}

// word executes a control word.
func (r *reader) word(word string, n int, given bool) {
	optional := r.optional
	r.optional = false
	if r.now.target == toObject && word != "bin" {
		r.doc.note(BrokenHex)
	}
	if t, ok := destinations[word]; ok {
		r.destination(t)
		return
	}
	if optional && !shown[word] {
		r.begin(toNowhere)
		return
	}
	switch word {
	case "bin":
		r.raw(n)
	case "u":
		r.unicode(n)
	case "uc":
		r.now.skip = max(0, min(n, 16))
	case "ansicpg":
		if given {
			r.codePage = n
		}
	case "objupdate", "objautlink":
		r.update = true
	default:
		r.show(word)
	}
}

// destination begins a target. Inside the hex of an object all others are obfuscation, and
// a repeated \objdata continues the same object.
func (r *reader) destination(t target) {
	switch {
	case r.now.target != toObject:
		r.begin(t)
	case t != toObject:
		r.begin(toNowhere)
	}
}

// show writes the text of a word.
func (r *reader) show(word string) {
	if f := formats[word]; f != "" {
		r.format = f
	}
	if s := breaks[word]; s != "" {
		r.write(s)
	} else if c := marks[word]; c != 0 {
		r.write(string(c))
	}
}

// raw skips n raw bytes. Those inside an object belong to it, and start a new byte.
func (r *reader) raw(n int) {
	b := r.data[r.pos:min(len(r.data), r.pos+max(0, n))]
	r.pos += len(b)
	if r.deep > 0 || r.now.target != toObject && r.now.target != toPicture {
		return
	}
	if r.now.target == toObject && n > 0 {
		r.doc.note(RawObject)
	}
	r.nibble = -1
	b = b[:min(int64(len(b)), r.left)]
	r.left -= int64(len(b))
	r.hex = append(r.hex, b...)
}

// unicode writes a UTF-16 unit, which is a signed number of 16 bits.
func (r *reader) unicode(n int) {
	r.dropped = r.now.skip
	if r.now.target == toText {
		r.flushBytes()
		r.units = append(r.units, uint16(n))
		return
	}
	if r.now.target > toPicture {
		r.keep([]byte(string(utf16.Decode([]uint16{uint16(n)})))...)
	}
}

// char takes one character of text.
func (r *reader) char(c byte) {
	r.optional = false
	if r.deep > 0 {
		return
	}
	if r.dropped > 0 {
		r.dropped--
		return
	}
	switch r.now.target {
	case toNowhere:
	case toText:
		r.flushUnits()
		r.pending = append(r.pending, c)
	case toObject, toPicture:
		r.hexDigit(c)
	default:
		r.keep(c)
	}
}

func (r *reader) keep(b ...byte) {
	if len(r.buffer)+len(b) <= 16<<10 {
		r.buffer = append(r.buffer, b...)
	}
}

func (r *reader) hexDigit(c byte) {
	n := unhex(c)
	switch {
	case n < 0:
		if c > ' ' && r.now.target == toObject {
			r.doc.note(BrokenHex)
		}
	case r.nibble < 0:
		r.nibble = n
	case r.left <= 0:
		r.doc.note(OverLimit)
	default:
		r.hex = append(r.hex, byte(r.nibble<<4|n))
		r.nibble = -1
		r.left--
	}
}

// write ends a run of characters with text that needs no conversion.
func (r *reader) write(s string) {
	r.dropped = 0
	if r.deep > 0 || r.now.target != toText {
		return
	}
	r.flush()
	r.put(s)
}

func (r *reader) put(s string) {
	if r.text.Len()+len(s) > r.limits.Text {
		r.doc.note(OverLimit)
		return
	}
	r.text.WriteString(s)
}

// flush converts the pending units or bytes. Both are never pending at once.
func (r *reader) flush() {
	r.flushUnits()
	r.flushBytes()
}

func (r *reader) flushUnits() {
	if len(r.units) > 0 {
		r.put(string(utf16.Decode(r.units)))
		r.units = r.units[:0]
	}
}

func (r *reader) flushBytes() {
	if len(r.pending) > 0 {
		r.put(ole.Decode(r.pending, r.codePage))
		r.pending = r.pending[:0]
	}
}

// field keeps an instruction, and its address if any.
func (r *reader) field(code string) {
	kind, rest, _ := strings.Cut(code, " ")
	kind = strings.ToUpper(kind)
	if kind == "" {
		return
	}
	if len(r.doc.Fields) >= r.limits.Items {
		r.doc.note(OverLimit)
		return
	}
	r.doc.Fields = append(r.doc.Fields, Field{kind, code})
	if kind != "HYPERLINK" && kind != "INCLUDEPICTURE" && kind != "INCLUDETEXT" {
		return
	}
	for word := range strings.FieldsSeq(rest) {
		if word = strings.Trim(word, `"`); word != "" && (word[0] != '\\' || strings.HasPrefix(word, `\\`)) {
			r.doc.Links = append(r.doc.Links, word)
			return
		}
	}
}
