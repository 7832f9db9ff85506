package syntax

// postfix parses a value and the fields, keys, slices and arguments after it.
func (p *parser) postfix() Node {
	at, path := p.tok.at, p.tok.symbol == word
	n := p.primary()
	for p.err == nil {
		switch p.tok.symbol {
		case dots:
			n = p.field(n)
		case leftBracket:
			n = p.index(n)
			path = false
		case leftParen:
			if !path {
				p.uncallable(n)
				return n
			}
			n = p.call(at)
			path = false
		default:
			return n
		}
	}
	return n
}

// field parses a dot and the name directly after it.
func (p *parser) field(object Node) Node {
	dot, height := p.tok, p.height
	if dot.space || len(dot.text) > 1 {
		p.unexpected("an operator")
		return object
	}
	name := p.name()
	return &Field{span: p.from(object.Pos(), height), Object: object, Name: name}
}

// name consumes dots and the name that must directly follow.
func (p *parser) name() string {
	name, ok := p.fieldName()
	if !ok {
		p.fault(p.tok.at, "expected a name directly after the dot", "")
		return ""
	}
	if name.symbol != word {
		p.fault(name.at, name.text+" is a keyword, not the name of a field", "for the element itself, put a space after the dot: . "+name.text)
		return ""
	}
	p.tok = name
	p.advance()
	return name.text
}

// uncallable fails if parentheses directly follow a value.
func (p *parser) uncallable(n Node) {
	if p.tok.space {
		return // an operator is missing, which the caller reports
	}
	switch n.(type) {
	case *Call, *Index, *Field, *Slice, *Element:
		p.fault(p.tok.at, "only a function can be called, not a value", "write the value as the first argument: f(value)")
	}
}

func (p *parser) primary() Node {
	at := p.tok.at
	switch p.tok.symbol {
	case word:
		return p.root()
	case integer, decimal, quoted, raw, trueWord, falseWord, nullWord:
		return p.literal()
	case listName:
		name := p.advance().text
		return &List{span: p.from(at, 0), Name: name}
	case dots:
		return p.element()
	case leftBracket:
		elements, height := p.elements(rightBracket)
		return &Array{span: p.from(at, height), Elements: elements}
	case leftParen:
		return p.paren()
	default:
		p.unexpected("a value")
		return &Literal{}
	}
}

func (p *parser) root() Node {
	name := p.tok
	if k := lowered(name.text); k != "" {
		p.fault(name.at, "unknown word "+name.text, "keywords are written in lower case: "+k)
		return &Literal{}
	}
	p.advance()
	return &Name{span: p.from(name.at, 0), Name: name.text}
}

// element parses dots and the name that may directly follow.
func (p *parser) element() Node {
	dot := p.tok
	n := &Element{span: span{at: dot.at, end: dot.end}, Depth: len(dot.text)}
	if !letter(p.peek(0)) {
		p.advance()
		p.from(dot.at, 0)
		return n
	}
	name := p.name()
	return &Field{span: p.from(dot.at, 1), Object: n, Name: name}
}

func (p *parser) paren() Node {
	p.enter()
	defer p.leave()
	open := p.advance()
	inner := p.expression(bindOr)
	p.expect(rightParen, open)
	return &Paren{span: p.from(open.at, p.height), Inner: inner}
}

func (p *parser) literal() Node {
	t := p.advance()
	n, ok := &Literal{span: p.from(t.at, 0)}, true
	switch t.symbol {
	case integer:
		n.Kind = Int
		n.Int, ok = parseInt(t.text)
	case decimal:
		n.Kind = Float
		n.Float, ok = parseFloat(t.text)
	case trueWord, falseWord:
		n.Kind, n.Bool = Bool, t.symbol == trueWord
	case quoted, raw:
		n.Kind, n.Text, n.Raw = String, t.text, t.symbol == raw
	default: // null
	}
	if !ok {
		p.fault(t.at, "the number is too large", "")
	}
	return n
}

// index parses a key or a slice.
func (p *parser) index(object Node) Node {
	p.enter()
	defer p.leave()
	height := p.height
	open := p.advance()
	var from, to Node
	if p.tok.symbol != colon {
		from = p.expression(bindOr)
		height = max(height, p.height)
	}
	if p.tok.symbol != colon {
		p.expect(rightBracket, open)
		return &Index{span: p.from(object.Pos(), height), Object: object, Key: from}
	}
	p.advance()
	if p.tok.symbol != rightBracket {
		to = p.expression(bindOr)
		height = max(height, p.height)
	}
	p.expect(rightBracket, open)
	return &Slice{span: p.from(object.Pos(), height), Object: object, From: from, To: to}
}

// call parses the arguments of the function whose name began at a position and ends here.
func (p *parser) call(at Pos) Node {
	p.enter()
	defer p.leave()
	n := &Call{Function: p.text[at.Offset:p.end]}
	open := p.advance()
	height := 0
	for p.err == nil && p.tok.symbol != rightParen {
		p.argument(n)
		height = max(height, p.height)
		if p.tok.symbol != comma {
			break
		}
		p.advance()
	}
	p.expect(rightParen, open)
	n.span = p.from(at, height)
	return n
}

func (p *parser) argument(call *Call) {
	value := p.expression(bindOr)
	name, ok := value.(*Name)
	switch {
	case ok && p.tok.symbol == assign:
		p.advance()
		call.Named = append(call.Named, NamedArg{At: name.at, Name: name.Name, Value: p.expression(bindOr)})
	case len(call.Named) > 0 && p.err == nil:
		p.fault(value.Pos(), "a positional argument follows a named one", "put it before the named ones")
	default:
		call.Args = append(call.Args, value)
	}
}
