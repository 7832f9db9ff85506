package syntax

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	openString = "the string does not end on its line"
	hintDouble = `close it with " and write line breaks as \n`
	hintSingle = `close it with ', and write '' for a quote inside`
)

// raw reads a string in single quotes, in which only a doubled quote is special.
func (l *lexer) raw() token {
	start, n := l.at, 1
	for {
		rest := l.text[start.Offset+n:]
		i := strings.IndexAny(rest, "'\n\r")
		if i < 0 || rest[i] != '\'' {
			return l.fail(start, openString, hintSingle)
		}
		n += i + 1
		if l.peek(n) != '\'' {
			break
		}
		n++
	}
	t := l.take(raw, n)
	t.text = strings.ReplaceAll(t.text[1:n-1], "''", "'")
	return t
}

// quoted reads a string in double quotes and resolves its escapes.
func (l *lexer) quoted() token {
	start := l.at
	l.advance(1)
	var value strings.Builder
	for {
		i := strings.IndexAny(l.text[l.at.Offset:], "\"\\\n\r")
		if i < 0 || l.peek(i) == '\n' || l.peek(i) == '\r' {
			return l.fail(start, openString, hintDouble)
		}
		plain := l.text[l.at.Offset : l.at.Offset+i]
		l.advance(i)
		if l.peek(0) == '"' {
			l.advance(1)
			return token{symbol: quoted, at: start, end: l.at.Offset, text: joined(&value, plain)}
		}
		value.WriteString(plain)
		if !l.escape(&value) {
			return token{symbol: invalid, at: start, end: start.Offset}
		}
	}
}

// joined avoids a copy of the usual string, which has no escapes.
func joined(b *strings.Builder, last string) string {
	if b.Len() == 0 {
		return last
	}
	b.WriteString(last)
	return b.String()
}

// escape reads one escape and appends its character, or fails.
func (l *lexer) escape(b *strings.Builder) bool {
	c := l.peek(1)
	switch c {
	case 'r':
		b.WriteByte('\r')
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case '\'', '"', '\\':
		b.WriteByte(c)
	case 'u':
		return l.codePoint(b)
	default:
		l.badEscape()
		return false
	}
	l.advance(2)
	return true
}

func (l *lexer) badEscape() {
	_, size := utf8.DecodeRuneInString(l.text[l.at.Offset+1:])
	name := strings.TrimRight(l.text[l.at.Offset:l.at.Offset+1+size], "\r\n")
	l.fail(l.at, "unknown escape "+name,
		`in double quotes write \`+name+`, or put regular expressions in single quotes, where a backslash is only a backslash`)
}

// codePoint reads \u{…} with two to eight hexadecimal digits.
func (l *lexer) codePoint(b *strings.Builder) bool {
	n := l.run(3, func(c byte) bool { return digit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' })
	if l.peek(2) != '{' || l.peek(3+n) != '}' || n < 2 || n > 8 {
		l.fail(l.at, `malformed escape \u`, `write two to eight hexadecimal digits: \u{200b}`)
		return false
	}
	text := l.text[l.at.Offset : l.at.Offset+4+n]
	value, err := strconv.ParseUint(text[3:3+n], 16, 32)
	if err != nil || value > utf8.MaxRune || !utf8.ValidRune(rune(value)) {
		l.fail(l.at, text+" is not a character", "")
		return false
	}
	b.WriteRune(rune(value))
	l.advance(len(text))
	return true
}
