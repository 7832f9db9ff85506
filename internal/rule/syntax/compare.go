package syntax

import "strconv"

// comparison parses the text after a value: a comparison, in, is null or, after a number,
// of.
func (p *parser) comparison(left Node) Node {
	n := p.comparisonOf(left)
	if p.err == nil && p.binding() == bindCompare {
		p.fault(p.tok.at, "comparisons do not follow one another", "put the first in parentheses, or join both with and; only < with <= and > with >= form a chain")
	}
	return n
}

func (p *parser) comparisonOf(left Node) Node {
	switch p.tok.symbol {
	case isWord:
		return p.isNull(left)
	case ofWord:
		return p.of(left)
	case operator:
		return p.compare(left)
	default:
		return p.in(left)
	}
}

// direction is equal for the operators of a chain, and "" for operators that form none.
func direction(op Op) Op {
	switch op {
	case Lt, Le:
		return Lt
	case Gt, Ge:
		return Gt
	default:
		return ""
	}
}

func (p *parser) compare(left Node) Node {
	n := &Compare{Operands: []Node{left}}
	height := p.height
	for {
		op := p.advance().op
		n.Ops = append(n.Ops, op)
		n.Operands = append(n.Operands, p.expression(bindAdd))
		height = max(height, p.height)
		if p.tok.symbol != operator || direction(op) == "" || direction(p.tok.op) != direction(op) {
			break
		}
	}
	n.span = p.from(left.Pos(), height)
	return n
}

func (p *parser) in(left Node) Node {
	n, height := &In{Value: left}, p.height
	if n.Not = p.tok.symbol == notWord; n.Not {
		not := p.advance()
		if p.tok.symbol != inWord && p.tok.symbol != inFold {
			p.fault(not.at, "not between two values", "write not in, or join two conditions with and")
			return n
		}
	}
	n.Fold = p.advance().symbol == inFold
	if p.tok.symbol == leftParen {
		n.List = p.tuple()
	} else {
		n.List = p.expression(bindAdd)
	}
	n.span = p.from(left.Pos(), max(height, p.height))
	return n
}

func (p *parser) tuple() Node {
	at := p.tok.at
	elements, height := p.elements(rightParen)
	return &Tuple{span: p.from(at, height), Elements: elements}
}

func (p *parser) isNull(left Node) Node {
	n, height := &IsNull{Value: left}, p.height
	is := p.advance()
	if n.Not = p.tok.symbol == notWord; n.Not {
		p.advance()
	}
	if p.tok.symbol != nullWord {
		hint := "write == to compare"
		if n.Not {
			hint = "write != to compare"
		}
		p.fault(is.at, "is goes with null only: is null, is not null", hint)
		return n
	}
	p.advance()
	n.span = p.from(left.Pos(), height)
	return n
}

func (p *parser) of(left Node) Node {
	count, ok := left.(*Literal)
	if !ok || count.Kind != Int {
		p.fault(left.Pos(), "of needs a whole number in front", "write 2 of (a, b, c)")
		return left
	}
	p.advance()
	if p.tok.symbol != leftParen {
		p.unexpected("( after of")
		return left
	}
	operands, height := p.elements(rightParen)
	return &Of{span: p.from(left.Pos(), height), Count: count.Int, Operands: operands}
}

// elements parses a list from its opening bracket to the closing one; a trailing comma is
// allowed. It returns the height of the highest element.
func (p *parser) elements(closing symbol) ([]Node, int) {
	p.enter()
	defer p.leave()
	open := p.advance()
	var nodes []Node
	height := 0
	for p.err == nil && p.tok.symbol != closing {
		nodes = append(nodes, p.expression(bindOr))
		height = max(height, p.height)
		if p.tok.symbol != comma {
			break
		}
		p.advance()
	}
	p.expect(closing, open)
	return nodes, height
}

// expect consumes the bracket that closes another.
func (p *parser) expect(closing symbol, open token) {
	if p.tok.symbol == closing {
		p.advance()
		return
	}
	want := ")"
	if closing == rightBracket {
		want = "]"
	}
	p.unclosed(want, open)
}

func parseInt(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

func parseFloat(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}
