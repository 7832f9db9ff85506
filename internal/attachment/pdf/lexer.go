package pdf

import (
	"bytes"
	"strconv"
)

// The values of PDF. ISO 32000-1, 7.3. A value is nil, bool, float64, name, text, array,
// dict, ref, keyword or *stream.
type (
	value any
	name  string
	text  struct {
		raw []byte
		odd bool // written in hex, or with needless escapes
	}
	keyword string
	array   []value
	dict    map[name]value
	ref     int // object number; generations are ignored
	stream  struct {
		dict dict
		raw  []byte // as stored, decrypted once the document is unlocked
		num  int    // object number, 0 inside an object stream
		bare bool   // part of a content stream, which is decrypted as a whole
	}
)

// lexer reads values from data. It moves forward only.
type lexer struct {
	data    []byte
	pos     int
	nesting int
	hidden  bool // a name hid a regular character
	split   bool // the current literal string has needless escapes
	cut     bool // something was unterminated
}

func space(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func regular(c byte) bool {
	switch c {
	case ' ', '\n', '\r', '\t', '\f', 0, '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return false
	}
	return true
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// skip skips white space and comments.
func (x *lexer) skip() {
	for x.pos < len(x.data) {
		c := x.data[x.pos]
		if c == '%' {
			for x.pos < len(x.data) && x.data[x.pos] != '\n' && x.data[x.pos] != '\r' {
				x.pos++
			}
			continue
		}
		if !space(c) {
			return
		}
		x.pos++
	}
}

// run returns the regular characters at the position and skips them.
func (x *lexer) run() []byte {
	from := x.pos
	for x.pos < len(x.data) && regular(x.data[x.pos]) {
		x.pos++
	}
	return x.data[from:x.pos]
}

// next returns the next value, and false at the end of the data. Closing brackets are
// keywords.
func (x *lexer) next() (value, bool) {
	x.skip()
	if x.pos >= len(x.data) {
		return nil, false
	}
	switch c := x.data[x.pos]; {
	case c == '/':
		x.pos++
		return x.name(x.run()), true
	case c == '(':
		x.pos++
		return x.literal(), true
	case c == '[':
		x.pos++
		return x.array(), true
	case bytes.HasPrefix(x.data[x.pos:], []byte("<<")):
		x.pos += 2
		return x.dict(), true
	case bytes.HasPrefix(x.data[x.pos:], []byte(">>")):
		x.pos += 2
		return keyword(">>"), true
	case c == '<':
		x.pos++
		return x.hex(), true
	case !regular(c):
		x.pos++
		return keyword(c), true
	default:
		return x.word(), true
	}
}

// maxKeyword bounds a keyword, in bytes: the longest valid one has ten.
const maxKeyword = 64

// word returns a number, a reference, a constant or an operator.
func (x *lexer) word() value {
	w := x.run()
	switch string(w) {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	if c := w[0]; !digit(c) && c != '+' && c != '-' && c != '.' {
		return keyword(w[:min(len(w), maxKeyword)])
	}
	n, ok := number(w)
	if !ok {
		return keyword(w[:min(len(w), maxKeyword)])
	}
	if digit(w[0]) && x.reference() {
		return ref(n)
	}
	return n
}

// number parses an integer or a real without exponent, as in ISO 32000-1, 7.3.3.
func number(w []byte) (float64, bool) {
	if len(w) > 32 || bytes.ContainsAny(w, "eExXpP_nN") {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(w), 64)
	if err != nil || n > 1<<40 || n < -(1<<40) {
		return 0, false
	}
	return n, true
}

// reference passes "0 R" after an object number.
func (x *lexer) reference() bool {
	p := x.pos
	for p < len(x.data) && p < x.pos+4 && space(x.data[p]) {
		p++
	}
	from := p
	for p < len(x.data) && p < from+5 && digit(x.data[p]) {
		p++
	}
	end := p
	for p < len(x.data) && p < end+4 && space(x.data[p]) {
		p++
	}
	if end == from || p == end || p >= len(x.data) || x.data[p] != 'R' || p+1 < len(x.data) && regular(x.data[p+1]) {
		return false
	}
	x.pos = p + 1
	return true
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

// name resolves #xx. ISO 32000-1, 7.3.5: only irregular characters need it.
func (x *lexer) name(raw []byte) name {
	if bytes.IndexByte(raw, '#') < 0 {
		return name(raw)
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '#' && i+2 < len(raw) && unhex(raw[i+1]) >= 0 && unhex(raw[i+2]) >= 0 {
			c := byte(unhex(raw[i+1])<<4 | unhex(raw[i+2]))
			x.hidden = x.hidden || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
			out, i = append(out, c), i+2
			continue
		}
		out = append(out, raw[i])
	}
	return name(out)
}

// literal reads a string in parentheses. ISO 32000-1, 7.3.4.2.
func (x *lexer) literal() text {
	out, depth := []byte{}, 1
	x.split = false
	for x.pos < len(x.data) {
		c := x.data[x.pos]
		x.pos++
		switch c {
		case '\\':
			out = x.escape(out)
			continue
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return text{out, x.split}
			}
		}
		out = append(out, c)
	}
	x.cut = true
	return text{out, x.split}
}

// escape parses the text after a backslash.
func (x *lexer) escape(out []byte) []byte {
	if x.pos >= len(x.data) {
		return out
	}
	c := x.data[x.pos]
	x.pos++
	if i := bytes.IndexByte([]byte("nrtbf"), c); i >= 0 {
		return append(out, "\n\r\t\b\f"[i])
	}
	switch {
	case c == '\r':
		x.split = true
		if x.pos < len(x.data) && x.data[x.pos] == '\n' {
			x.pos++
		}
		return out
	case c == '\n':
		x.split = true
		return out
	case c < '0' || c > '7':
		return append(out, c)
	}
	n := int(c - '0')
	for i := 0; i < 2 && x.pos < len(x.data) && x.data[x.pos] >= '0' && x.data[x.pos] <= '7'; i++ {
		n = n<<3 | int(x.data[x.pos]-'0')
		x.pos++
	}
	x.split = x.split || n >= ' ' && n < 0x7F
	return append(out, byte(n))
}

// hex parses a string in angle brackets. ISO 32000-1, 7.3.4.3: an odd last digit is
// followed by a zero.
func (x *lexer) hex() text {
	out, high := []byte{}, -1
	for x.pos < len(x.data) {
		c := x.data[x.pos]
		x.pos++
		if c == '>' {
			if high >= 0 {
				out = append(out, byte(high<<4))
			}
			return text{out, true}
		}
		switch n := unhex(c); {
		case n < 0:
		case high < 0:
			high = n
		default:
			out, high = append(out, byte(high<<4|n)), -1
		}
	}
	x.cut = true
	return text{out, true}
}

// end reports whether v ends an array or dictionary: its bracket, or a word that can only
// follow an unclosed one.
func end(v value, ok bool, bracket keyword) bool {
	k, is := v.(keyword)
	return !ok || is && (k == bracket || k == "endobj" || k == "stream" || k == "obj")
}

// enter bounds nesting: beyond the bound everything is an empty value.
func (x *lexer) enter() bool {
	if x.nesting <= 0 {
		x.cut = true
		return false
	}
	x.nesting--
	return true
}

func (x *lexer) array() array {
	if !x.enter() {
		return nil
	}
	defer func() { x.nesting++ }()
	var out array
	for {
		from := x.pos
		v, ok := x.next()
		if end(v, ok, "]") {
			x.close(from, v, "]")
			return out
		}
		out = append(out, v)
	}
}

// close goes back before a word that is no bracket, for the enclosing parser.
func (x *lexer) close(from int, v value, bracket keyword) {
	if v != bracket {
		x.pos, x.cut = from, true
	}
}

func (x *lexer) dict() dict {
	d := dict{}
	if !x.enter() {
		return d
	}
	defer func() { x.nesting++ }()
	for {
		from := x.pos
		k, ok := x.next()
		if end(k, ok, ">>") {
			x.close(from, k, ">>")
			return d
		}
		key, is := k.(name)
		if !is {
			continue
		}
		from = x.pos
		v, ok := x.next()
		if end(v, ok, ">>") {
			x.close(from, v, ">>")
			return d
		}
		d[key] = v
	}
}
