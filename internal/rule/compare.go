package rule

import (
	"cmp"
	"strings"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// compare compiles a comparison, or a chain of them, which is true if all are.
func (c *compiler) compare(n *syntax.Compare) *code {
	parts, cost := c.all(n.Operands)
	if len(n.Ops) == 1 {
		return c.simple(n.Ops[0], parts[0], parts[1])
	}
	needs, quicks := make([]*formula, len(n.Ops)), make([]*formula, len(n.Ops))
	for i, op := range n.Ops {
		needs[i], quicks[i] = necessaryOfNumber(op, parts[i], parts[i+1])
	}
	return &code{cost: cost + costCompare, odds: oddsOrder / 2, necessary: both(needs...), quick: both(quicks...), test: func(f *frame) tri {
		out := yes
		left := parts[0].eval(f)
		for i, op := range n.Ops {
			right := parts[i+1].eval(f)
			out = min(out, relation(op, left, right)) // the "and" of two
			left = right
		}
		return out
	}}
}

// simple compiles a comparison of two values. The usual comparison with a literal text has
// a fast path.
func (c *compiler) simple(op syntax.Op, l, r *code) *code {
	text, ok := literal(r.node)
	if !ok || isOrder(op) {
		need, quick := necessaryOfNumber(op, l, r)
		return &code{cost: l.cost + r.cost + costCompare, odds: compareOdds(op), necessary: need, quick: quick, test: func(f *frame) tri { return relation(op, l.eval(f), r.eval(f)) }}
	}
	folds := op == syntax.EqFold || op == syntax.NeFold
	wanted := yes
	if op == syntax.Ne || op == syntax.NeFold {
		wanted = no
	}
	var need *formula
	if wanted == yes {
		need = c.words.want(l.stream, text)
	}
	return &code{cost: l.cost + costCompare, odds: compareOdds(op), necessary: need, test: func(f *frame) tri {
		v := l.eval(f)
		if v.Kind() != schema.String {
			return unsure
		}
		if v.Text() == text || folds && strings.EqualFold(v.Text(), text) {
			return wanted
		}
		return -wanted
	}}
}

// necessaryOfNumber returns the formulas of a comparison that requires a number above 0,
// such as the length of a list.
func necessaryOfNumber(op syntax.Op, l, r *code) (need, quick *formula) {
	if n, ok := stripped(l.node).(*syntax.Literal); ok && n.Kind == syntax.Int {
		l, r, op = r, l, turned(op)
	}
	n, ok := stripped(r.node).(*syntax.Literal)
	if !ok || n.Kind != syntax.Int {
		return nil, nil
	}
	switch {
	case op == syntax.Gt && n.Int >= 0, (op == syntax.Ge || op == syntax.Eq) && n.Int >= 1, op == syntax.Ne && n.Int == 0:
		return l.nonEmpty, l.quickNonEmpty
	default:
		return nil, nil
	}
}

// turned is the comparison with its sides exchanged.
func turned(op syntax.Op) syntax.Op {
	switch op {
	case syntax.Lt:
		return syntax.Gt
	case syntax.Le:
		return syntax.Ge
	case syntax.Gt:
		return syntax.Lt
	case syntax.Ge:
		return syntax.Le
	default:
		return op
	}
}

// compareOdds is the assumed frequency with which a comparison holds.
func compareOdds(op syntax.Op) float64 {
	switch op {
	case syntax.Eq, syntax.EqFold:
		return oddsEqual
	case syntax.Ne, syntax.NeFold:
		return 1 - oddsEqual
	default:
		return oddsOrder
	}
}

func isOrder(op syntax.Op) bool {
	return op == syntax.Lt || op == syntax.Le || op == syntax.Gt || op == syntax.Ge
}

// relation compares two values. The result is unknown for values that cannot be compared.
func relation(op syntax.Op, l, r schema.Value) tri {
	switch op {
	case syntax.Eq:
		return equal(l, r, false)
	case syntax.Ne:
		return -equal(l, r, false)
	case syntax.EqFold:
		return equal(l, r, true)
	case syntax.NeFold:
		return -equal(l, r, true)
	default:
		return order(op, l, r)
	}
}

func equal(l, r schema.Value, folds bool) tri {
	switch {
	case l.IsNull() || r.IsNull():
		return unsure
	case l.Kind() == schema.Int && r.Kind() == schema.Int:
		return triOf(l.Int() == r.Int())
	case l.Kind() == schema.String && r.Kind() == schema.String:
		return triOf(l.Text() == r.Text() || folds && strings.EqualFold(l.Text(), r.Text()))
	case l.Kind() == schema.Bool && r.Kind() == schema.Bool:
		return triOf(l.True() == r.True())
	case l.Kind() == schema.Time && r.Kind() == schema.Time:
		a, _ := l.Time()
		b, _ := r.Time()
		return triOf(a.Equal(b))
	}
	a, ok := l.Number()
	b, too := r.Number()
	if ok && too {
		return triOf(a == b) //nolint:floatcompare // the language compares numbers exactly
	}
	return unsure
}

func order(op syntax.Op, l, r schema.Value) tri {
	var sign int
	a, ok := l.Number()
	b, too := r.Number()
	switch {
	case ok && too:
		sign = cmp.Compare(a, b)
	case l.Kind() == schema.String && r.Kind() == schema.String:
		sign = strings.Compare(l.Text(), r.Text())
	case l.Kind() == schema.Time && r.Kind() == schema.Time:
		s, _ := l.Time()
		t, _ := r.Time()
		sign = s.Compare(t)
	default:
		return unsure
	}
	switch op {
	case syntax.Lt:
		return triOf(sign < 0)
	case syntax.Le:
		return triOf(sign <= 0)
	case syntax.Gt:
		return triOf(sign > 0)
	default:
		return triOf(sign >= 0)
	}
}

// in compiles the three kinds of membership: in a named list, among literals, and in a
// computed list.
func (c *compiler) in(n *syntax.In) *code {
	v := c.compile(n.Value)
	var out *code
	switch l := stripped(n.List).(type) {
	case *syntax.List:
		out = inNamed(v, l.Name, n.Fold)
	case *syntax.Tuple:
		out = c.inTuple(v, l, n.Fold)
	default:
		list := c.compile(n.List)
		out = &code{cost: v.cost + list.cost + costList, test: func(f *frame) tri {
			return among(f, v.eval(f), list.eval(f), n.Fold)
		}}
	}
	if n.Not {
		test := out.test
		out.necessary, out.odds = nil, 1-out.odds
		out.test = func(f *frame) tri { return -test(f) }
	}
	return out
}

func inNamed(v *code, name string, folds bool) *code {
	return &code{cost: v.cost + costList, odds: oddsListed, test: func(f *frame) tri {
		text := v.eval(f)
		list := f.list(name)
		if list == nil || text.Kind() != schema.String {
			return unsure
		}
		return triOf(list.Has(text.Text(), folds))
	}}
}

// inTuple makes a set of literal texts.
func (c *compiler) inTuple(v *code, l *syntax.Tuple, folds bool) *code {
	set := make(map[string]bool, len(l.Elements))
	var lengths uint64 // bit set of their lengths in bytes
	var needs []*formula
	for _, e := range l.Elements {
		text, ok := literal(e)
		if !ok {
			return c.inValues(v, l, folds)
		}
		if folds {
			text = fold(text)
		}
		set[text] = true
		lengths |= 1 << (len(text) % 64)
		if len(l.Elements) <= maxAlternatives {
			needs = append(needs, c.words.want(v.stream, text))
		}
	}
	return &code{cost: v.cost + costCompare, odds: oddsEqual, necessary: either(needs...), test: func(f *frame) tri {
		text := v.eval(f)
		if text.Kind() != schema.String {
			return unsure
		}
		key := text.Text()
		if lengths&(1<<(len(key)%64)) == 0 && (!folds || isASCII(key)) {
			return no // for most texts the length decides
		}
		if folds {
			key = fold(key)
		}
		return triOf(set[key])
	}}
}

func (c *compiler) inValues(v *code, l *syntax.Tuple, folds bool) *code {
	parts, cost := c.all(l.Elements)
	return &code{cost: v.cost + cost + costCompare, test: func(f *frame) tri {
		value, out := v.eval(f), no
		if value.IsNull() {
			return unsure
		}
		for _, p := range parts {
			out = max(out, equal(value, p.eval(f), folds))
		}
		return out
	}}
}

// among reports whether a value is in a list.
func among(f *frame, v, list schema.Value, folds bool) tri {
	l := list.List()
	if l == nil || v.IsNull() {
		return unsure
	}
	out := no
	for i := range l.Len() {
		if !f.spend(1) {
			return unsure
		}
		if out = max(out, equal(v, l.At(i), folds)); out == yes {
			return yes
		}
	}
	return out
}
