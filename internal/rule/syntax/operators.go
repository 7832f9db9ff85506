package syntax

import (
	"strings"
	"unicode/utf8"
)

// mistakes are operators of other languages, longest first, with their replacements.
var mistakes = []struct{ text, hint string }{
	{"===", "write =="},
	{"!==", "write !="},
	{"&&", "write and"},
	{"||", "write or"},
	{"<>", "write !="},
	{"=>", "write >="},
	{"=<", "write <="},
	{"/*", "comments begin with // and end with their line"},
	{"#", "comments begin with // and end with their line"},
	{"!", "write not, or != to compare"},
	{"&", "write and"},
	{"|", "write or"},
	{"~", "write =~ to compare without regard to case, or in~"},
	{";", "a rule is one expression: join conditions with and"},
	{"{", "lists are written as [a, b], groups as (a)"},
	{"`", `strings stand in "double" or 'single' quotes`},
	{"“", `use the plain quotes " and '`},
	{"”", `use the plain quotes " and '`},
	{"‘", `use the plain quotes " and '`},
	{"’", `use the plain quotes " and '`},
	{"\u00a0", "this is a no-break space; use a plain space"},
	{"\ufeff", "this is a byte order mark; remove it"},
}

// operator reads an operator.
func (l *lexer) operator() token {
	if s := l.symbolOf(2); s != invalid {
		if l.peek(0) == '=' && l.peek(2) == '=' || strings.HasPrefix(l.text[l.at.Offset:], "!==") {
			return l.mistake()
		}
		return l.sign(s, 2)
	}
	if c := l.peek(1); l.peek(0) == '=' && (c == '<' || c == '>') || l.peek(0) == '<' && c == '>' || l.peek(0) == '/' && c == '*' {
		return l.mistake()
	}
	if s := l.symbolOf(1); s != invalid {
		return l.sign(s, 1)
	}
	return l.mistake()
}

func (l *lexer) sign(s symbol, n int) token {
	t := l.take(s, n)
	if s == operator {
		t.op = Op(t.text)
	}
	return t
}

// symbolOf returns the symbol of the next n bytes: invalid if they are no operator.
func (l *lexer) symbolOf(n int) symbol {
	if l.at.Offset+n > len(l.text) {
		return invalid
	}
	switch l.text[l.at.Offset : l.at.Offset+n] {
	case "==", "!=", "=~", "!~", "<=", ">=", "<", ">", "+", "-", "*", "/", "%":
		return operator
	case "=":
		return assign
	case "(":
		return leftParen
	case ")":
		return rightParen
	case "[":
		return leftBracket
	case "]":
		return rightBracket
	case ",":
		return comma
	case ":":
		return colon
	}
	return invalid
}

// mistake fails with the text found instead of an operator.
func (l *lexer) mistake() token {
	rest := l.text[l.at.Offset:]
	for _, m := range mistakes {
		if strings.HasPrefix(rest, m.text) {
			return l.fail(l.at, "unknown sign "+m.text, m.hint)
		}
	}
	_, size := utf8.DecodeRuneInString(rest)
	return l.fail(l.at, "unknown sign "+rest[:size], "")
}
