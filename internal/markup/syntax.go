package markup

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// CSS Syntax Module Level 3, as far as style sheets of mail need it: the ends of blocks,
// strings and declarations, and the meaning of escapes.

// commentMark replaces a comment: it separates words without being white space between
// selectors.
const commentMark = '\x01'

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == commentMark
}

// trimSpace trims the white space of CSS only: a no-break space is part of a word.
func trimSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// withoutComments replaces each comment outside of strings and unquoted URLs by a mark.
func withoutComments(s string) string {
	if !strings.Contains(s, "/*") {
		return s
	}
	var b strings.Builder
	for s != "" {
		i := nextOf(s, "\"'/uU\\")
		b.WriteString(s[:i])
		s = s[i:]
		n := lexeme(s)
		if strings.HasPrefix(s, "/*") {
			b.WriteByte(commentMark)
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func nextOf(s, chars string) int {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return i
	}
	return len(s)
}

// lexeme returns the length of the comment, string, unquoted URL, escape or character at
// the beginning of s.
func lexeme(s string) int {
	switch {
	case s == "":
		return 0
	case strings.HasPrefix(s, "/*"):
		if i := strings.Index(s[2:], "*/"); i >= 0 {
			return i + 4
		}
		return len(s)
	case s[0] == '\\':
		return min(2, len(s))
	case s[0] == '"' || s[0] == '\'':
		return stringEnd(s)
	case s[0]|0x20 == 'u' && len(s) > 4 && strings.EqualFold(s[:4], cssFunction):
		return urlEnd(s)
	}
	return 1
}

// stringEnd returns the end of the string at the start of s. An unescaped line end ends it.
// CSS Syntax, Section 4.3.5.
func stringEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case s[0]:
			return i + 1
		case '\\':
			i++
		case '\n', '\r', '\f':
			return i
		}
	}
	return len(s)
}

// urlEnd returns the length of an unquoted URL with its parenthesis, or of "url(" before a
// quoted one. CSS Syntax, Section 4.3.6.
func urlEnd(s string) int {
	i := len(cssFunction)
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i < len(s) && (s[i] == '"' || s[i] == '\'') {
		return len(cssFunction) - 1
	}
	for ; i < len(s); i++ {
		switch s[i] {
		case ')':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(s)
}

// endOf returns the index of the first of the bytes outside of strings, parentheses,
// brackets and braces, or len(s).
func endOf(s, bytes string) int {
	var open nesting
	for i := 0; i < len(s); {
		c := s[i]
		if len(open) == 0 && strings.IndexByte(bytes, c) >= 0 {
			return i
		}
		if c >= 'a' && c <= 'z' && c != 'u' || isSpace(c) {
			i++
			continue
		}
		open = open.after(c)
		i += max(lexeme(s[i:]), 1)
	}
	return len(s)
}

// nesting holds the closing brackets of the open ones.
type nesting []byte

func (n nesting) after(c byte) nesting {
	switch c {
	case '(':
		return append(n, ')')
	case '[':
		return append(n, ']')
	case '{':
		return append(n, '}')
	case ')', ']', '}':
		if last := len(n) - 1; last >= 0 && n[last] == c {
			return n[:last]
		}
	}
	return n
}

// cutBlock returns the text before the brace that closes the block, and the rest.
func cutBlock(s string) (body, rest string) {
	i := endOf(s, "}")
	return s[:i], s[min(i+1, len(s)):]
}

// cutName parses an identifier with its escapes.
func cutName(s string) (name, rest string) {
	i := 0
	for i < len(s) && isNameByte(s[i]) {
		i++
	}
	if i == len(s) || s[i] != '\\' {
		return s[:i], s[i:]
	}
	for i < len(s) && (isNameByte(s[i]) || isEscape(s[i:])) {
		if s[i] == '\\' {
			_, n := unescapeOne(s[i:])
			i += n
			continue
		}
		i++
	}
	return unescape(s[:i]), s[i:]
}

func isNameByte(c byte) bool {
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

func isEscape(s string) bool { return len(s) > 1 && s[0] == '\\' && s[1] != '\n' }

// isIdentifier reports whether a name begins validly: with no digit, also after a hyphen.
// CSS Syntax, Section 4.3.9.
func isIdentifier(name string) bool {
	switch {
	case name == "" || name == "-" || name[0] >= '0' && name[0] <= '9':
		return false
	case name[0] == '-':
		return name[1] < '0' || name[1] > '9'
	}
	return true
}

// unescapeOne decodes the escape at the beginning of s. CSS Syntax, Section 4.3.7.
func unescapeOne(s string) (c string, n int) {
	n = 1
	for n < len(s) && n < 7 && isHex(s[n]) {
		n++
	}
	if n == 1 {
		if len(s) == 1 {
			return "", 1
		}
		_, size := utf8.DecodeRuneInString(s[1:])
		return s[1 : 1+size], 1 + size
	}
	v, _ := strconv.ParseUint(s[1:n], 16, 32)
	if n < len(s) && isSpace(s[n]) {
		n++
	}
	if v == 0 || !utf8.ValidRune(rune(v)) {
		v = utf8.RuneError
	}
	return string(rune(v)), n
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

// unescape decodes the escapes of an identifier or a string. A backslash before a line end
// is dropped.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for s != "" {
		i := nextOf(s, `\`)
		b.WriteString(s[:i])
		if s = s[i:]; s == "" {
			break
		}
		if len(s) > 1 && s[1] == '\n' {
			s = s[2:]
			continue
		}
		c, n := unescapeOne(s)
		b.WriteString(c)
		s = s[n:]
	}
	return b.String()
}

// unescapeName decodes escapes within a value: the result is part of a name, and never of a
// number or a sign. CSS Syntax, Section 4.3.4.
func unescapeName(s string) string {
	var b strings.Builder
	for {
		i := nextOf(s, `\`)
		b.WriteString(s[:i])
		if s = s[i:]; s == "" {
			return b.String()
		}
		c, n := unescapeOne(s)
		if c == "" || !isNameByte(c[0]) || c[0] >= '0' && c[0] <= '9' || c == "-" {
			c = string(utf8.RuneError)
		}
		b.WriteString(strings.ToLower(c))
		s = s[n:]
	}
}

// closed appends the closing brackets that s lacks: the end of a sheet or an attribute
// closes them. CSS Syntax, Section 5.4.8.
func closed(s string) string {
	if strings.IndexByte(s, '(') < 0 || strings.Count(s, "(") == strings.Count(s, ")") {
		return s
	}
	var open nesting
	for i := 0; i < len(s); i += max(lexeme(s[i:]), 1) {
		if open = open.after(s[i]); len(open) > maxAtRules {
			return s
		}
	}
	ends := []byte(open)
	slices.Reverse(ends)
	return s + string(ends)
}

// words yields the parts of a value between white space, and single commas and slashes
// outside of functions.
func words(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for {
			s = trimSpace(s)
			if s == "" {
				return
			}
			n := 1
			if s[0] != ',' && s[0] != '/' {
				n = max(endOf(s, " \t\n\r\f,/\x01"), 1)
			}
			if !yield(s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}

// callOf returns the arguments if s is a single call of the function.
func callOf(s, name string) (arguments string, ok bool) {
	rest, ok := strings.CutPrefix(s, name)
	if !ok || len(rest) < 2 || rest[0] != '(' || rest[len(rest)-1] != ')' || endOf(rest[1:], ")") != len(rest)-2 {
		return "", false
	}
	return rest[1 : len(rest)-1], true
}

// split splits s at commas outside of strings and brackets, and trims white space.
func split(s string) []string {
	var out []string
	for {
		i := endOf(s, ",")
		out = append(out, trimSpace(s[:i]))
		if i == len(s) {
			return out
		}
		s = s[i+1:]
	}
}
