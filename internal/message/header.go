package message

import (
	"bytes"
	"strings"
)

// Get returns the value of the first field of that name, unfolded and trimmed but
// not decoded, or "".
func (h *Header) Get(name string) string {
	for i := range h.Fields {
		if h.is(i, name) {
			return h.unfold(i)
		}
	}
	return ""
}

// All returns the values of all fields of that name, unfolded and trimmed.
func (h *Header) All(name string) []string {
	var all []string
	for i := range h.Fields {
		if h.is(i, name) {
			all = append(all, h.unfold(i))
		}
	}
	return all
}

// Has reports whether there is a field of that name.
func (h *Header) Has(name string) bool {
	for i := range h.Fields {
		if h.is(i, name) {
			return true
		}
	}
	return false
}

// Text returns the value of the first field of that name for display: encoded-words
// decoded, valid UTF-8, without line breaks.
func (h *Header) Text(name string) string { return decodeText(h.Get(name)) }

// Bytes returns the field as in the message, with its line end.
func (h *Header) Bytes(f Field) []byte { return h.raw[f.Raw.From:f.Raw.To] }

// Value returns the value of a field of this header, unfolded and trimmed.
func (h *Header) Value(f Field) string { return unfold(h.raw[f.Value.From:f.Value.To]) }

// is reports whether field i has the name.
func (h *Header) is(i int, name string) bool {
	key := h.Fields[i].Key
	return len(key) == len(name) && strings.EqualFold(key, name)
}

func (h *Header) unfold(i int) string { return h.Value(h.Fields[i]) }

// unfold removes line ends, replaces a bare CR by a space, and trims. RFC 5322, Section
// 2.2.3: unfolding removes the CRLF only, the white space stays.
func unfold(v []byte) string {
	v = bytes.Trim(v, " \t\r\n")
	if bytes.IndexByte(v, '\n') < 0 && bytes.IndexByte(v, '\r') < 0 {
		return string(v)
	}
	out := make([]byte, 0, len(v))
	for i, c := range v {
		switch {
		case c == '\n':
		case c != '\r':
			out = append(out, c)
		case i+1 == len(v) || v[i+1] != '\n':
			out = append(out, ' ')
		}
	}
	return string(out)
}

// Subject returns the decoded subject.
func (m *Message) Subject() string { return m.Header().Text("Subject") }
