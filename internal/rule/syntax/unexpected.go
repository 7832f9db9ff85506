package syntax

import "strings"

// lowered returns the keyword that equals a word in lower case, or "".
func lowered(text string) string {
	if lower := strings.ToLower(text); lower != text && keyword(lower) != word {
		return lower
	}
	return ""
}

// describe names the token for a message.
func (p *parser) describe() string {
	switch p.tok.symbol {
	case eof:
		return "the end of the rule"
	case quoted, raw:
		return "a string"
	case listName:
		return "$" + p.tok.text
	default:
		return p.tok.text
	}
}

// unexpected fails at a token that is not the expected one.
func (p *parser) unexpected(want string) {
	p.fault(p.tok.at, "expected "+want+", found "+p.describe(), p.hint(""))
}

// unclosed fails at a token that is not the expected comma or closing bracket.
func (p *parser) unclosed(want string, open token) {
	message := "expected " + want + ", found " + p.describe()
	p.fault(p.tok.at, message, p.hint("the "+open.text+" of "+open.at.String()+" is not closed, or a comma or an operator is missing"))
}

// hint guesses the intended token; other is the advice for every other case.
func (p *parser) hint(other string) string {
	switch p.tok.symbol {
	case word:
		if k := lowered(p.tok.text); k != "" {
			return "keywords are written in lower case: " + k
		}
		return first(other, "an operator such as and is missing")
	case assign:
		return "write == to compare"
	case dots:
		return first(other, "a path has no spaces and single dots inside; otherwise an operator is missing")
	case quoted, raw, integer, decimal, listName, trueWord, falseWord, nullWord, leftParen, leftBracket:
		return first(other, "an operator such as and is missing")
	case rightParen:
		return first(other, "no parenthesis is open here, or a value is missing before it")
	default:
		return other
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
