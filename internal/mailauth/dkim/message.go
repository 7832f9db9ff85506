package dkim

import (
	"bytes"
	"slices"
	"strings"
)

// Message is a message for signing: the fields as written and a body.
type Message struct {
	fields    []Field
	index     map[string][]int // positions in fields by name, top-most first
	body      []byte
	localForm bool // LF throughout
	bare      bool // the header section has a bare CR or LF
	junk      int  // malformed lines
}

// Field is one header field.
type Field struct {
	Name string // lower case
	raw  []byte // the whole field with its CRLF
	head int    // length of the name and the colon
	at   int    // position in its message, or -1
}

// Value returns the text after the colon, including folding, without the last CRLF.
func (f Field) Value() string { return string(bytes.TrimSuffix(f.raw[f.head:], crlf)) }

// Raw returns the bytes of the field. They must not be changed.
func (f Field) Raw() []byte { return f.raw }

var crlf = []byte("\r\n")

// Open splits a message. It keeps a reference to raw without changing it, and never fails.
func Open(raw []byte) *Message {
	m := &Message{index: map[string][]int{}}
	if !bytes.Contains(raw, crlf) && bytes.IndexByte(raw, '\n') >= 0 {
		m.localForm = true
		raw = bytes.ReplaceAll(raw, []byte("\n"), crlf)
	}
	m.split(raw)
	return m
}

// split parses the header section up to the empty line.
func (m *Message) split(raw []byte) {
	for len(raw) > 0 {
		if bytes.HasPrefix(raw, crlf) {
			m.body = raw[2:]
			return
		}
		n := fieldLen(raw)
		m.add(raw[:n:n])
		raw = raw[n:]
	}
}

// fieldLen returns the length of the field at the start of raw, including continuation
// lines.
func fieldLen(raw []byte) int {
	for n := 0; ; {
		n += lineLen(raw[n:])
		if n == len(raw) || raw[n] != ' ' && raw[n] != '\t' {
			return n
		}
	}
}

// lineLen returns the length of the first line with its CRLF, or of all without one.
func lineLen(b []byte) int {
	for n := 0; ; {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			return len(b)
		}
		n += i + 1
		if n >= 2 && b[n-2] == '\r' {
			return n
		}
	}
}

func (m *Message) add(raw []byte) {
	m.bare = m.bare || hasBare(raw)
	colon := bytes.IndexByte(raw, ':')
	if colon < 0 {
		m.junk++
		return
	}
	// RFC 5322, Section 4.5: the obsolete syntax has white space before the colon.
	name := bytes.TrimRight(raw[:colon], " \t")
	if !isFieldName(name) {
		m.junk++
		return
	}
	f := Field{Name: strings.ToLower(string(name)), raw: raw, head: colon + 1, at: len(m.fields)}
	m.index[f.Name] = append(m.index[f.Name], len(m.fields))
	m.fields = append(m.fields, f)
}

func isFieldName(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return len(b) > 0
}

// hasBare reports a CR or LF that is not part of a CRLF.
func hasBare(b []byte) bool {
	for i, c := range b {
		if c == '\r' && (i+1 == len(b) || b[i+1] != '\n') || c == '\n' && (i == 0 || b[i-1] != '\r') {
			return true
		}
	}
	return false
}

// All returns the fields with that lower-case name, top-most first.
func (m *Message) All(name string) []Field {
	out := make([]Field, 0, len(m.index[name]))
	for _, i := range m.index[name] {
		out = append(out, m.fields[i])
	}
	return out
}

// pick returns the positions of the fields that the lower-case names sign. self is the
// position of the signature, or -1. RFC 6376, Section 5.4.2: a repeated name refers to the
// next field further up, or to none.
func (m *Message) pick(names []string, self int) []int {
	used := make(map[string]int, len(names))
	out := make([]int, 0, len(names))
	skip := -1
	if self >= 0 {
		skip = slices.Index(m.index[m.fields[self].Name], self)
	}
	for _, name := range names {
		at := m.index[name]
		used[name]++
		n := len(at) - used[name]
		// RFC 6376, Section 3.7: the signature itself comes last and is never in h=.
		if self >= 0 && name == m.fields[self].Name && n <= skip {
			n--
		}
		if n >= 0 {
			out = append(out, at[n])
		}
	}
	return out
}

// coverage compares the watched fields with h=.
func (m *Message) coverage(names []string) []Coverage {
	signed := make(map[string]int, len(names))
	for _, n := range names {
		signed[n]++
	}
	out := make([]Coverage, 0, len(Watched()))
	for _, f := range Watched() {
		if p, s := len(m.index[f]), signed[f]; p > 0 || s > 0 {
			out = append(out, Coverage{Field: f, Present: p, Signed: s})
		}
	}
	return out
}
