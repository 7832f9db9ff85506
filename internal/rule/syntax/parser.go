package syntax

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of a rule.
const (
	MaxText  = 1 << 20 // bytes
	MaxDepth = 256     // nodes from the root to a leaf
)

// Binding strength of operators, weakest first.
const (
	bindOr = iota + 1
	bindAnd
	bindNot
	bindCompare
	bindAdd
	bindMul
	bindNeg
	bindValue
)

// Parse reads the text of a rule. An error is an *Error, the first fault of the text.
func Parse(text string) (*Expression, error) {
	if err := acceptable(text); err != nil {
		return nil, err
	}
	p := &parser{lexer: lexer{text: text, at: Pos{Line: 1, Column: 1}}}
	p.advance()
	root := p.expression(bindOr)
	if p.err == nil && p.tok.symbol != eof {
		p.unexpected("the end of the rule")
	}
	if p.err != nil {
		return nil, p.err
	}
	return &Expression{Root: root, Comments: p.comments, Text: text}, nil
}

// acceptable rejects text that is too long or not UTF-8.
func acceptable(text string) error {
	start := Pos{Line: 1, Column: 1}
	if len(text) > MaxText {
		return &Error{At: start, Message: "the rule is longer than 1 MiB", Hint: "move its values into a list"}
	}
	if utf8.ValidString(text) {
		return nil
	}
	for i, r := range text {
		if _, size := utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && size == 1 {
			start.Offset = i
			break
		}
	}
	before := text[:start.Offset]
	start.Line += strings.Count(before, "\n")
	start.Column += utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return &Error{At: start, Message: "the rule is not UTF-8"}
}

// parser builds the tree. After an error there are no more tokens, so every loop ends.
type parser struct {
	lexer

	tok    token
	end    int // of the last token that was consumed
	depth  int // open brackets and operators
	height int // of the last parsed node
}

func (p *parser) advance() token {
	t := p.tok
	p.end = t.end
	p.tok = p.next()
	if p.err != nil {
		p.stop()
	}
	return t
}

func (p *parser) stop() { p.tok = token{symbol: eof, at: p.tok.at, end: p.tok.end} }

func (p *parser) fault(at Pos, message, hint string) {
	p.fail(at, message, hint)
	p.stop()
}

// enter adds a level of nesting, which leave removes.
func (p *parser) enter() {
	if p.depth++; p.depth > MaxDepth {
		p.tooDeep(p.tok.at)
	}
}

func (p *parser) leave() { p.depth-- }

func (p *parser) tooDeep(at Pos) {
	p.fault(at, "the rule is nested more than "+strconv.Itoa(MaxDepth)+" levels deep", "")
}

// from returns the span from a position to the last token, for a node with that height of
// its children.
func (p *parser) from(at Pos, height int) span {
	if p.height = height + 1; p.height > MaxDepth {
		p.tooDeep(at)
	}
	return span{at: at, end: p.end}
}

// expression parses operators that bind at least as strongly as level.
func (p *parser) expression(level int) Node {
	left := p.prefix(level)
	for p.err == nil {
		bind := p.binding()
		if bind < level || bind == 0 {
			break
		}
		switch bind {
		case bindOr, bindAnd:
			left = p.logic(left, bind)
		case bindCompare:
			left = p.comparison(left)
		default:
			left = p.arithmetic(left, bind)
		}
	}
	return left
}

// binding returns how strongly the operator at the token binds, or 0 without one.
func (p *parser) binding() int {
	switch p.tok.symbol {
	case orWord:
		return bindOr
	case andWord:
		return bindAnd
	case notWord, inWord, inFold, isWord, ofWord:
		return bindCompare
	case operator:
		return bindingOf(p.tok.op)
	default:
		return 0
	}
}

func bindingOf(op Op) int {
	switch op {
	case Or:
		return bindOr
	case And:
		return bindAnd
	case Not:
		return bindNot
	case Add, Sub:
		return bindAdd
	case Mul, Div, Mod:
		return bindMul
	case Neg:
		return bindNeg
	default:
		return bindCompare
	}
}

func (p *parser) logic(left Node, bind int) Node {
	symbol, op := p.tok.symbol, Op(p.tok.text)
	operands, height := []Node{left}, p.height
	for p.tok.symbol == symbol {
		p.advance()
		operands = append(operands, p.expression(bind+1))
		height = max(height, p.height)
	}
	return &Logic{span: p.from(left.Pos(), height), Op: op, Operands: operands}
}

func (p *parser) arithmetic(left Node, bind int) Node {
	height, op := p.height, p.advance().op
	right := p.expression(bind + 1)
	return &Binary{span: p.from(left.Pos(), max(height, p.height)), Op: op, Left: left, Right: right}
}

// prefix parses not, minus or a value with its postfix parts.
func (p *parser) prefix(level int) Node {
	at := p.tok.at
	switch {
	case p.tok.symbol == notWord && level > bindNot:
		p.fault(at, "expected a value, found not", "put it in parentheses: (not …)")
		return &Literal{}
	case p.tok.symbol == notWord:
		return p.unary(at, Not, bindNot)
	case p.tok.symbol == operator && p.tok.op == Sub:
		return p.unary(at, Neg, bindNeg)
	}
	return p.postfix()
}

func (p *parser) unary(at Pos, op Op, bind int) Node {
	p.enter()
	defer p.leave()
	p.advance()
	operand := p.expression(bind)
	return &Unary{span: p.from(at, p.height), Op: op, Operand: operand}
}
