package authres

import "strings"

// reader parses one field from left to right.
type reader struct {
	s       string
	pos     int
	remarks strings.Builder // comments of the result
}

// item is the text between two semicolons.
type item struct {
	Result
	name string // first word as written
}

// next skips the semicolon and reports whether there was one.
func (r *reader) next() bool {
	for r.pos < len(r.s) {
		switch r.s[r.pos] {
		case ';':
			r.pos++
			return true
		case '(':
			r.comment()
		case '"':
			r.quoted()
		default:
			r.pos++
		}
	}
	return false
}

// result parses up to the next semicolon: "method=value reason=… property=value …". RFC
// 8601, Section 2.2. The host and its version are an item without a value.
func (r *reader) result() item {
	var out item
	r.remarks.Reset()
	for n := 0; n <= maxProps; n++ {
		name, value := r.pair()
		if name == "" {
			break
		}
		out.take(name, value)
	}
	out.Comment = r.remarks.String()
	return out
}

// take stores one word, or pair of name and value.
func (i *item) take(name, value string) {
	lower := strings.ToLower(name)
	switch {
	case i.name == "":
		i.name = name
		i.Method, _, _ = strings.Cut(lower, "/")
		i.Value = strings.ToLower(value)
	case i.Value == "" && value == "":
		i.Reason = name // version of the host's format
	case lower == "reason" && i.Reason == "":
		i.Reason = value
	case value != "":
		i.Props = append(i.Props, Prop{Name: lower, Value: value})
	}
}

// pair parses "name = value" or a single word. The name is "" at the end of the item.
func (r *reader) pair() (name, value string) {
	r.skip()
	var b strings.Builder
	for r.pos < len(r.s) {
		b.WriteString(r.word("=;./"))
		r.skip()
		// RFC 8601, Section 2.2: propspec = ptype [CFWS] "." [CFWS] property, and a version
		// follows the method as "dkim / 1".
		if !r.at('.') && !r.at('/') {
			break
		}
		b.WriteByte(r.s[r.pos])
		r.pos++
		r.skip()
	}
	name = b.String()
	if !r.at('=') {
		return name, ""
	}
	if name == "" {
		name = "=" // a value without a name, which is ignored
	}
	r.pos++
	r.skip()
	return name, r.word(";")
}

func (r *reader) at(c byte) bool { return r.pos < len(r.s) && r.s[r.pos] == c }

// word parses a run of quoted strings and other characters up to white space, a comment or
// one of the characters in end. RFC 8601, Section 2.2: pvalue = [CFWS] ((value /
// [[local-part] "@"] domain-name)) [CFWS].
func (r *reader) word(end string) string {
	var b strings.Builder
	for r.pos < len(r.s) {
		c := r.s[r.pos]
		if isSpace(c) || c == '(' || strings.IndexByte(end, c) >= 0 {
			break
		}
		if c == '"' {
			b.WriteString(r.quoted())
			continue
		}
		b.WriteByte(c)
		r.pos++
	}
	return b.String()
}

// skip skips white space and comments.
func (r *reader) skip() {
	for r.pos < len(r.s) && (isSpace(r.s[r.pos]) || r.s[r.pos] == '(') {
		if r.s[r.pos] == '(' {
			r.comment()
			continue
		}
		r.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// quoted parses a quoted string and returns its content. RFC 5322, Section 3.2.4.
func (r *reader) quoted() string {
	var b strings.Builder
	for r.pos++; r.pos < len(r.s); r.pos++ {
		switch c := r.s[r.pos]; {
		case c == '"':
			r.pos++
			return b.String()
		case c == '\\' && r.pos+1 < len(r.s):
			r.pos++
			b.WriteByte(r.s[r.pos])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// comment parses a comment, which may be nested, and keeps its text. RFC 5322, Section
// 3.2.2.
func (r *reader) comment() {
	depth, start := 0, r.pos+1
	for r.pos < len(r.s) {
		switch r.s[r.pos] {
		case '\\':
			r.pos++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				r.pos++
				r.remark(r.s[start : r.pos-1])
				return
			}
		case '"':
			r.pos += r.localPart()
		}
		r.pos++
	}
	r.pos = len(r.s)
	r.remark(r.s[min(start, len(r.s)):])
}

func (r *reader) remark(s string) {
	s = strings.TrimSpace(s)
	if r.remarks.Len() > 0 && s != "" {
		r.remarks.WriteByte(' ')
	}
	r.remarks.WriteString(s)
}

// maxLocalPart is the length in bytes of a quoted local part in a comment: twice the 64
// octets of RFC 5321, Section 4.5.3.1.1, for backslashes.
const maxLocalPart = 130

// localPart returns the length of the quoted local part of an address that begins here, or
// 0: a quote alone is text.
func (r *reader) localPart() int {
	rest := r.s[r.pos:min(len(r.s), r.pos+maxLocalPart+2)]
	for i := 1; i < len(rest)-1; i++ {
		switch {
		case rest[i] == '\\':
			i++
		case rest[i] == '"' && rest[i+1] == '@':
			return i
		case rest[i] == '"':
			return 0
		}
	}
	return 0
}
