package yara

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// levels are the operators, loosest first.
func levels() [][]string {
	return [][]string{
		{"or"}, {"and"}, {"==", "!="}, {"<", "<=", ">", ">="}, {"|"}, {"^"}, {"&"},
		{"<<", ">>"}, {"+", "-"}, {"*", "\\", "%"},
	}
}

// binary parses operators of one level and tighter ones.
func (p *parser) binary(level int) (expr, error) {
	all := levels()
	if level == len(all) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for chain := 0; err == nil && slices.Contains(all[level], p.tok.text) && p.tok.kind <= symbol && p.tok.kind != quoted; chain++ {
		if chain > 2000 {
			return nil, errors.New("condition too long")
		}
		op := p.tok.text
		if err = p.next(); err != nil {
			return nil, err
		}
		var right expr
		if right, err = p.binary(level + 1); err == nil {
			left = operation(op, left, right)
		}
	}
	return left, err
}

func (p *parser) unary() (expr, error) {
	if p.depth++; p.depth > conditionDepth {
		return nil, errors.New("condition nested too deep")
	}
	defer func() { p.depth-- }()
	op := p.tok.text
	if !p.is("not") && !p.is("-") && !p.is("~") {
		return p.primary()
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	of := p.unary
	if op == "not" {
		of = func() (expr, error) { return p.binary(2) } // not binds looser than ==
	}
	x, err := of()
	return negation(op, x), err
}

func (p *parser) primary() (expr, error) {
	switch p.tok.kind {
	case integer:
		n := p.tok.number
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.is("of") {
			return p.of(quantity{n: constant(whole(n))})
		}
		return constant(whole(n)), nil
	case float:
		f := p.tok.real
		return constant(value{kind: realKind, f: f}), p.next()
	case name:
		return p.name()
	case word:
		return p.word()
	case end, quoted, symbol:
	}
	return p.group()
}

func (p *parser) word() (expr, error) {
	w := p.tok.text
	if err := p.next(); err != nil {
		return nil, err
	}
	switch w {
	case "true", "false":
		return constant(truth(w == "true")), nil
	case "filesize":
		return func(e *evaluation) value { return whole(int64(len(e.data))) }, nil
	case "any", "all", "none":
		return p.of(quantity{word: w})
	case "for":
		return p.loop()
	}
	if read := reader(w); read != nil {
		return p.call(read)
	}
	if i := slices.Index(p.vars, w); i >= 0 {
		return func(e *evaluation) value { return e.vars[i] }, nil
	}
	for i, r := range p.rules.rules {
		if r.name == w {
			return func(e *evaluation) value { return truth(e.results[i]) }, nil
		}
	}
	return nil, fmt.Errorf("unknown name %q", w)
}

func (p *parser) call(read func(*evaluation, int64) value) (expr, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	at, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	return func(e *evaluation) value {
		v := at(e)
		if v.kind != wholeKind {
			return value{}
		}
		return read(e, v.i)
	}, p.expect(")")
}

// name reads $a, #a, @a[i] and !a[i], with at and in.
func (p *parser) name() (expr, error) {
	text := p.tok.text
	if strings.HasSuffix(text, "*") {
		return nil, fmt.Errorf("%s outside a set", text)
	}
	of := func(e *evaluation) int { return e.current }
	if len(text) > 1 {
		i, err := p.index(text)
		if err != nil {
			return nil, err
		}
		of = func(*evaluation) int { return i }
	} else if !p.inner {
		return nil, fmt.Errorf("%s outside a loop over strings", text)
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	switch text[0] {
	case '$', '#':
		w, err := p.where()
		if err != nil {
			return nil, err
		}
		if text[0] == '#' {
			return func(e *evaluation) value { return w.count(e, of(e)) }, nil
		}
		return func(e *evaluation) value { return w.found(e, of(e)) }, nil
	}
	return p.nth(text[0] == '@', of)
}

// nth parses the number of a match, by default the first.
func (p *parser) nth(offset bool, of func(*evaluation) int) (expr, error) {
	nth := constant(whole(1))
	ok, err := p.accept("[")
	if ok && err == nil {
		if nth, err = p.binary(0); err == nil {
			err = p.expect("]")
		}
	}
	return func(e *evaluation) value {
		n, list := nth(e), e.spans(of(e))
		if n.kind != wholeKind || n.i < 1 || n.i > int64(len(list)) {
			return value{}
		}
		if m := list[n.i-1]; offset {
			return whole(int64(m.at))
		}
		return whole(int64(list[n.i-1].length))
	}, err
}

// where parses the text after a string: nothing, an offset, or a range.
func (p *parser) where() (where, error) {
	if ok, err := p.accept("at"); ok || err != nil {
		if err != nil {
			return where{}, err
		}
		at, err := p.binary(4) // tighter than comparisons
		return where{low: at, high: at}, err
	}
	ok, err := p.accept("in")
	if !ok || err != nil {
		return where{}, err
	}
	return p.bounds()
}

// bounds reads (low..high).
func (p *parser) bounds() (w where, err error) {
	if err = p.expect("("); err != nil {
		return w, err
	}
	if w.low, err = p.binary(4); err != nil {
		return w, err
	}
	if err = p.expect(".."); err != nil {
		return w, err
	}
	if w.high, err = p.binary(4); err != nil {
		return w, err
	}
	return w, p.expect(")")
}

// of parses the rest of "2 of them", with at and in.
func (p *parser) of(q quantity) (expr, error) {
	if err := p.expect("of"); err != nil {
		return nil, err
	}
	set, err := p.set()
	if err != nil {
		return nil, err
	}
	w, err := p.where()
	return func(e *evaluation) value {
		return q.test(e, int64(len(set)), func(i int64) value { return w.found(e, set[i]) })
	}, err
}

// loop parses the rest of "for any i in (1..9) : ( .. )" or "for all of them : ( .. )".
func (p *parser) loop() (expr, error) {
	q := quantity{word: p.tok.text}
	var err error
	if p.is("any") || p.is("all") || p.is("none") {
		err = p.next()
	} else {
		q.word = ""
		q.n, err = p.binary(4)
	}
	if err != nil {
		return nil, err
	}
	if ok, err := p.accept("of"); ok || err != nil {
		if err != nil {
			return nil, err
		}
		return p.overStrings(q)
	}
	return p.overNumbers(q)
}

func (p *parser) overStrings(q quantity) (expr, error) {
	set, err := p.set()
	if err != nil {
		return nil, err
	}
	outer := p.inner
	p.inner = true
	body, err := p.body()
	p.inner = outer
	return func(e *evaluation) value {
		before := e.current
		v := q.test(e, int64(len(set)), func(i int64) value {
			e.current = set[i]
			return body(e)
		})
		e.current = before
		return v
	}, err
}

func (p *parser) overNumbers(q quantity) (expr, error) {
	variable, err := p.identifier()
	if err != nil {
		return nil, err
	}
	if err := p.expect("in"); err != nil {
		return nil, err
	}
	w, err := p.bounds()
	if err != nil {
		return nil, err
	}
	slot := len(p.vars)
	p.vars = append(p.vars, variable)
	body, err := p.body()
	p.vars = p.vars[:slot]
	return func(e *evaluation) value {
		low, high := w.low(e), w.high(e)
		if low.kind != wholeKind || high.kind != wholeKind || high.i < low.i || high.i-low.i+1 <= 0 {
			return truth(false)
		}
		return q.test(e, high.i-low.i+1, func(i int64) value {
			e.vars = append(e.vars[:slot], whole(low.i+i))
			return body(e)
		})
	}, err
}

// group reads an expression in parentheses.
func (p *parser) group() (expr, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	x, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	return x, p.expect(")")
}

// body reads : ( condition ).
func (p *parser) body() (expr, error) {
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	return p.group()
}
