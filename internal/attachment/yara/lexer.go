package yara

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

type kind int

const (
	end kind = iota
	word
	name    // $a, #a, @a, !a, with the sign; an asterisk may follow $
	integer // number holds it
	float   // real holds it
	quoted  // text holds it, unescaped
	symbol
)

type token struct {
	kind   kind
	text   string
	number int64
	real   float64
}

type lexer struct {
	src  string
	at   int
	line int // of the token read last
	tok  token
}

var errText = errors.New("text without an end")

// next reads one token.
func (l *lexer) next() error {
	if err := l.space(); err != nil {
		return err
	}
	if l.at >= len(l.src) {
		l.tok = token{}
		return nil
	}
	c := l.src[l.at]
	switch {
	case c == '"':
		return l.quoted()
	case digit(c):
		return l.numeral()
	case letter(c):
		l.tok = token{kind: word, text: l.while(func(c byte) bool { return letter(c) || digit(c) })}
	case strings.IndexByte("$#@", c) >= 0 || c == '!' && l.at+1 < len(l.src) && letter(l.src[l.at+1]):
		l.at++
		l.tok = token{kind: name, text: string(c) + l.while(func(c byte) bool { return letter(c) || digit(c) })}
		if c == '$' && l.at < len(l.src) && l.src[l.at] == '*' {
			l.at++
			l.tok.text += "*"
		}
	default:
		l.symbol()
	}
	return nil
}

func (l *lexer) symbol() {
	n := 1
	if l.at+2 <= len(l.src) {
		switch l.src[l.at : l.at+2] {
		case "==", "!=", "<=", ">=", "<<", ">>", "..":
			n = 2
		}
	}
	l.tok = token{kind: symbol, text: l.src[l.at : l.at+n]}
	l.at += n
}

// space skips blanks and comments.
func (l *lexer) space() error {
	for l.at < len(l.src) {
		rest := l.src[l.at:]
		n := 1
		switch {
		case strings.HasPrefix(rest, "//"):
			if n = strings.IndexByte(rest, '\n'); n < 0 {
				n = len(rest)
			}
		case strings.HasPrefix(rest, "/*"):
			if n = strings.Index(rest, "*/") + 2; n < 2 {
				return errors.New("comment without an end")
			}
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) < 0:
			return nil
		}
		l.line += strings.Count(rest[:n], "\n")
		l.at += n
	}
	return nil
}

func (l *lexer) while(ok func(byte) bool) string {
	start := l.at
	for l.at < len(l.src) && ok(l.src[l.at]) {
		l.at++
	}
	return l.src[start:l.at]
}

// numeral reads 10, 0x1f, 0o17, 1.5, and 10KB or 10MB.
func (l *lexer) numeral() error {
	text := l.while(func(c byte) bool { return digit(c) || letter(c) })
	if l.at+1 < len(l.src) && l.src[l.at] == '.' && digit(l.src[l.at+1]) {
		l.at++
		text += "." + l.while(digit)
		f, err := strconv.ParseFloat(text, 64)
		l.tok = token{kind: float, text: text, real: f}
		return err
	}
	plain, scale := text, int64(1)
	if s, ok := strings.CutSuffix(text, "KB"); ok {
		plain, scale = s, 1<<10
	} else if s, ok := strings.CutSuffix(text, "MB"); ok {
		plain, scale = s, 1<<20
	}
	base := 10
	if len(plain) > 2 && (plain[:2] == "0x" || plain[:2] == "0o") {
		base = map[byte]int{'x': 16, 'o': 8}[plain[1]]
		plain = plain[2:]
	}
	n, err := strconv.ParseInt(plain, base, 64)
	if err != nil || n > 1<<62/scale {
		return fmt.Errorf("bad number %q", text)
	}
	l.tok = token{kind: integer, text: text, number: n * scale}
	return nil
}

// quoted reads a text string.
func (l *lexer) quoted() error {
	var b strings.Builder
	for l.at++; l.at < len(l.src); l.at++ {
		switch c := l.src[l.at]; c {
		case '"':
			l.at++
			l.tok = token{kind: quoted, text: b.String()}
			return nil
		case '\n':
			return errText
		case '\\':
			if err := l.escape(&b); err != nil {
				return err
			}
		default:
			b.WriteByte(c)
		}
	}
	return errText
}

// escape parses the text after a backslash, and leaves at on its last byte.
func (l *lexer) escape(b *strings.Builder) error {
	l.at++
	if l.at >= len(l.src) {
		return errText
	}
	switch c := l.src[l.at]; c {
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case 'r':
		b.WriteByte('\r')
	case '\\', '"':
		b.WriteByte(c)
	case 'x':
		if l.at+2 >= len(l.src) {
			return errText
		}
		v, err := strconv.ParseUint(l.src[l.at+1:l.at+3], 16, 8)
		if err != nil {
			return errors.New(`bad \x in text`)
		}
		b.WriteByte(byte(v))
		l.at += 2
	default:
		return fmt.Errorf("unknown escape %q", c)
	}
	return nil
}

// until returns the text up to an unescaped closing byte.
func (l *lexer) until(closing byte) (string, error) {
	start := l.at
	for ; l.at < len(l.src); l.at++ {
		switch l.src[l.at] {
		case closing:
			l.at++
			return l.src[start : l.at-1], nil
		case '\\':
			l.at++
		}
	}
	return "", errText
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
