package scan

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// pdfLexer skips the values of dictionaries. ISO 32000-1, Section 7.3.
type pdfLexer struct {
	data []byte
	at   int
}

// maxNesting bounds nested arrays and dictionaries.
const maxNesting = 48

func pdfSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func pdfDelimiter(c byte) bool { return strings.IndexByte("()<>[]{}/%", c) >= 0 }

// space skips white space and comments.
func (x *pdfLexer) space() {
	for x.at < len(x.data) {
		switch c := x.data[x.at]; {
		case pdfSpace(c):
			x.at++
		case c == '%':
			n := bytes.IndexAny(x.data[x.at:], "\r\n")
			if n < 0 {
				n = len(x.data) - x.at
			}
			x.at += n
		default:
			return
		}
	}
}

func (x *pdfLexer) has(s string) bool { return bytes.HasPrefix(x.data[x.at:], []byte(s)) }

// dictionary skips a dictionary, and calls f with its own keys and their values as written.
// It reports false without one.
func (x *pdfLexer) dictionary(f func(key string, value []byte)) bool {
	if x.space(); !x.has("<<") {
		return false
	}
	x.at += 2
	for {
		x.space()
		switch {
		case x.at >= len(x.data) || x.has("endobj") || x.has("stream"):
			return true
		case x.has(">>"):
			x.at += 2
			return true
		case x.data[x.at] != '/':
			x.value(0)
			continue
		}
		key := x.name()
		from := x.at
		x.value(0)
		if f != nil {
			f(key, x.data[from:x.at])
		}
	}
}

// name skips a name and returns it without its slash.
func (x *pdfLexer) name() string {
	from := x.at + 1
	for x.at = from; x.at < len(x.data) && !pdfSpace(x.data[x.at]) && !pdfDelimiter(x.data[x.at]); {
		x.at++
	}
	return string(x.data[from:min(x.at, from+128)])
}

// value skips one value; numbers of a reference count as one.
func (x *pdfLexer) value(depth int) {
	if x.space(); x.at >= len(x.data) {
		return
	}
	switch c := x.data[x.at]; {
	case c == '/':
		x.name()
	case c == '(':
		x.literal()
	case x.has("<<"):
		x.at += 2
		x.composite(">>", depth)
	case c == '[':
		x.at++
		x.composite("]", depth)
	case c == '<':
		x.past(">")
	case pdfDelimiter(c):
		x.at++
	default:
		x.words()
	}
}

// composite skips the rest of an array or a dictionary.
func (x *pdfLexer) composite(end string, depth int) {
	for {
		x.space()
		switch {
		case x.at >= len(x.data) || x.has("endobj") || x.has("stream"):
			return
		case x.has(end):
			x.at += len(end)
			return
		case depth >= maxNesting:
			x.at++
		default:
			x.value(depth + 1)
		}
	}
}

// words skips numbers and keywords to the next delimiter, or to the end of the object.
func (x *pdfLexer) words() {
	for x.at < len(x.data) && !pdfDelimiter(x.data[x.at]) {
		if x.data[x.at] == 'e' && x.has("endobj") || x.data[x.at] == 's' && x.has("stream") {
			return
		}
		x.at++
	}
}

func (x *pdfLexer) past(end string) {
	n := bytes.Index(x.data[x.at:], []byte(end))
	if n < 0 {
		x.at = len(x.data)
		return
	}
	x.at += n + len(end)
}

// literal skips a string in parentheses.
func (x *pdfLexer) literal() {
	depth := 0
	for ; x.at < len(x.data); x.at++ {
		switch x.data[x.at] {
		case '\\':
			x.at++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				x.at++
				return
			}
		}
	}
	x.at = min(x.at, len(x.data))
}

// pdfText returns the text of a string as written. ISO 32000-1, Section 7.9.2.
func pdfText(value []byte) string {
	value = bytes.TrimSpace(value)
	value = value[:min(len(value), maxValue)]
	var raw []byte
	switch {
	case bytes.HasPrefix(value, []byte("(")):
		raw = unescape(bytes.TrimSuffix(value[1:], []byte(")")))
	case bytes.HasPrefix(value, []byte("<")):
		digits := bytes.Join(bytes.Fields(bytes.Trim(value, "<>")), nil)
		raw = make([]byte, len(digits)/2)
		n, _ := hex.Decode(raw, digits[:len(digits)&^1])
		raw = raw[:n]
	}
	if wideText, ok := bytes.CutPrefix(raw, []byte("\xfe\xff")); ok {
		return wide(wideText, binary.BigEndian)
	}
	if utf8Text, ok := bytes.CutPrefix(raw, []byte("\xef\xbb\xbf")); ok {
		return string(utf8Text)
	}
	runes := make([]rune, len(raw)) // PDFDocEncoding is Latin-1 except for a few characters
	for k, c := range raw {
		runes[k] = rune(c)
	}
	return string(runes)
}

// unescape resolves the escapes of a literal string. ISO 32000-1, table 3.
func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for k := 0; k < len(b); k++ {
		if b[k] != '\\' || k+1 == len(b) {
			out = append(out, b[k])
			continue
		}
		k++
		switch c := b[k]; {
		case c >= '0' && c <= '7':
			n := 0
			for end := min(len(b), k+3); k < end && b[k] >= '0' && b[k] <= '7'; k++ {
				n = n<<3 | int(b[k]-'0')
			}
			k--
			out = append(out, byte(n))
		case c == '\n' || c == '\r':
		default:
			if at := strings.IndexByte("nrtbf", c); at >= 0 {
				c = "\n\r\t\b\f"[at]
			}
			out = append(out, c)
		}
	}
	return out
}

// pdfDate formats a date as ExifTool does. ISO 32000-1, Section 7.9.4: D:YYYYMMDDHHmmSS and
// the offset from UTC.
func pdfDate(s string) string {
	s = strings.TrimPrefix(strings.TrimSpace(s), "D:")
	digits := 0
	for digits < len(s) && digits < 14 && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	if digits < 8 {
		return s
	}
	out := s[:4] + ":" + s[4:6] + ":" + s[6:8]
	if digits == 14 {
		out += " " + s[8:10] + ":" + s[10:12] + ":" + s[12:14]
		zone := strings.TrimSuffix(strings.ReplaceAll(s[14:], "'", ":"), ":")
		out += zone[:min(len(zone), 6)]
	}
	return out
}
