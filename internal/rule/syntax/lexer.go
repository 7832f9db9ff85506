package syntax

import (
	"strings"
	"unicode/utf8"
)

// symbol is the kind of a token.
type symbol int

const (
	invalid symbol = iota // the lexer holds the error
	eof
	word // an identifier
	integer
	decimal
	quoted // a string, its value in token.text
	raw    // a string in single quotes, its value in token.text
	listName
	dots
	operator // the operator is token.op
	assign
	leftParen
	rightParen
	leftBracket
	rightBracket
	comma
	colon
	andWord
	orWord
	notWord
	inWord
	inFold
	ofWord
	isWord
	trueWord
	falseWord
	nullWord
)

// token is one token of the language. Its text is the source text, but the value of a
// string and the name of a list.
type token struct {
	symbol symbol
	op     Op
	space  bool // preceded by white space or a comment
	at     Pos
	end    int
	text   string
}

// lexer splits the text into tokens, one at a time.
type lexer struct {
	text     string
	at       Pos
	code     bool // the line has a token already
	comments []Comment
	err      *Error
}

func keyword(text string) symbol {
	switch text {
	case "and":
		return andWord
	case "or":
		return orWord
	case "not":
		return notWord
	case "in":
		return inWord
	case "of":
		return ofWord
	case "is":
		return isWord
	case "true":
		return trueWord
	case "false":
		return falseWord
	case "null":
		return nullWord
	}
	return word
}

func letter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }

// advance moves over n bytes without a line break.
func (l *lexer) advance(n int) {
	l.at.Column += utf8.RuneCountInString(l.text[l.at.Offset : l.at.Offset+n])
	l.at.Offset += n
}

// peek returns the byte n places ahead, or 0 at the end.
func (l *lexer) peek(n int) byte {
	if l.at.Offset+n < len(l.text) {
		return l.text[l.at.Offset+n]
	}
	return 0
}

// run returns the number of bytes from n places ahead that fulfil f.
func (l *lexer) run(n int, f func(byte) bool) int {
	start := n
	for l.at.Offset+n < len(l.text) && f(l.text[l.at.Offset+n]) {
		n++
	}
	return n - start
}

// fail records the first error and returns a token that ends parsing.
func (l *lexer) fail(at Pos, message, hint string) token {
	if l.err == nil {
		l.err = &Error{At: at, Message: message, Hint: hint}
	}
	return token{symbol: invalid, at: at, end: at.Offset}
}

// skip skips white space and comments.
func (l *lexer) skip() {
	for l.at.Offset < len(l.text) {
		switch c := l.text[l.at.Offset]; {
		case c == '\n':
			l.at = Pos{Offset: l.at.Offset + 1, Line: l.at.Line + 1, Column: 1}
			l.code = false
		case c == ' ' || c == '\t' || c == '\r':
			l.at.Offset++
			l.at.Column++
		case c == '/' && l.peek(1) == '/':
			l.comment()
		default:
			return
		}
	}
}

func (l *lexer) comment() {
	line, _, _ := strings.Cut(l.text[l.at.Offset:], "\n")
	l.comments = append(l.comments, Comment{At: l.at, Text: strings.TrimSpace(line[2:]), Own: !l.code})
	l.advance(len(line))
}

// next returns the next token.
func (l *lexer) next() token {
	before := l.at.Offset
	l.skip()
	t := l.scan()
	t.space = t.at.Offset > before
	l.code = true
	return t
}

func (l *lexer) scan() token {
	if l.at.Offset == len(l.text) {
		return l.take(eof, 0)
	}
	switch c := l.text[l.at.Offset]; {
	case letter(c):
		return l.word()
	case digit(c):
		return l.number()
	case c == '"':
		return l.quoted()
	case c == '\'':
		return l.raw()
	case c == '$':
		return l.list()
	case c == '.':
		return l.dots()
	}
	return l.operator()
}

// take makes a token of the next n bytes.
func (l *lexer) take(s symbol, n int) token {
	t := token{symbol: s, at: l.at, end: l.at.Offset + n, text: l.text[l.at.Offset : l.at.Offset+n]}
	l.advance(n)
	return t
}

func wordByte(c byte) bool { return letter(c) || digit(c) }

func (l *lexer) word() token {
	n := l.run(0, wordByte)
	s := keyword(l.text[l.at.Offset : l.at.Offset+n])
	if s == inWord && l.peek(n) == '~' {
		s, n = inFold, n+1
	}
	return l.take(s, n)
}

// number reads digits, or digits, a point and digits.
func (l *lexer) number() token {
	s, n := integer, l.run(0, digit)
	if l.peek(n) == '.' && digit(l.peek(n+1)) {
		s = decimal
		n += 1 + l.run(n+1, digit)
	}
	if letter(l.peek(n)) {
		return l.fail(l.at, "malformed number "+l.text[l.at.Offset:l.at.Offset+n+l.run(n, wordByte)],
			"numbers are written as 12 or 1.5")
	}
	return l.take(s, n)
}

// list reads a dollar sign and a name, which may contain dots.
func (l *lexer) list() token {
	n := 0
	for n == 0 || l.peek(n) == '.' {
		if !letter(l.peek(n + 1)) {
			break
		}
		n += 1 + l.run(n+1, wordByte)
	}
	if n == 0 {
		return l.fail(l.at, "a name is missing after $", "lists are written as $free_email_providers")
	}
	t := l.take(listName, n)
	t.text = t.text[1:]
	return t
}

func (l *lexer) dots() token {
	n := l.run(0, func(c byte) bool { return c == '.' })
	if n > 3 {
		return l.fail(l.at, "too many dots", ". is the element of the lambda around, .. and ... those further out")
	}
	return l.take(dots, n)
}

// fieldName reads the name directly after a dot, or returns false without one.
func (l *lexer) fieldName() (token, bool) {
	if !letter(l.peek(0)) {
		return token{}, false
	}
	return l.word(), true
}
