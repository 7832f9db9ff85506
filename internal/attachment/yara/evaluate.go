package yara

import (
	"encoding/binary"
	"math"
	"sort"
)

type valueKind int

const (
	undefined valueKind = iota // such as the offset of a missing match
	boolKind
	wholeKind
	realKind
)

// value is the value of a part of a condition.
type value struct {
	kind valueKind
	b    bool
	i    int64
	f    float64
}

func whole(i int64) value { return value{kind: wholeKind, i: i, f: float64(i)} }

func truth(b bool) value { return value{kind: boolKind, b: b} }

// true converts a value to a condition: numbers other than zero are true.
func (v value) true() bool {
	return v.kind == boolKind && v.b || v.kind == wholeKind && v.i != 0 || v.kind == realKind && v.f != 0
}

// evaluation is the state of the conditions over one file.
type evaluation struct {
	*scanner
	steps   int
	vars    []value // of the enclosing loops
	current int     // string of the innermost loop over strings
	results []bool  // by rule
}

type expr func(*evaluation) value

func constant(v value) expr { return func(*evaluation) value { return v } }

// conclude evaluates the conditions.
func (s *scanner) conclude() []Match {
	e := &evaluation{scanner: s, steps: s.limits.Steps, results: make([]bool, len(s.rules.rules))}
	var out []Match
	for i, r := range s.rules.rules {
		e.vars = e.vars[:0]
		e.results[i] = r.condition(e).true() && e.steps > 0
		if r.global && !e.results[i] {
			return nil // a global rule that fails fails all
		}
		if e.results[i] && !r.private {
			out = append(out, Match{r.name, r.tags, r.meta, s.report(r)})
		}
	}
	if e.steps <= 0 {
		s.note(StepsSpent)
	}
	return out
}

// report lists the strings of a rule that were found.
func (s *scanner) report(r rule) []Found {
	var out []Found
	for i := r.first; i < r.last; i++ {
		if list := s.spans(i); len(list) > 0 {
			out = append(out, Found{s.rules.strings[i].name, list[0].at, list[0].length, len(list)})
		}
	}
	return out
}

// where is a range of offsets: anywhere without bounds.
type where struct{ low, high expr }

// within returns the number of matches that begin there, or that the bounds are undefined.
func (w where) within(e *evaluation, i int) (int, bool) {
	e.steps--
	list := e.spans(i)
	if w.low == nil {
		return len(list), true
	}
	low, high := w.low(e), w.high(e)
	if low.kind != wholeKind || high.kind != wholeKind {
		return 0, false
	}
	from := sort.Search(len(list), func(k int) bool { return int64(list[k].at) >= low.i })
	to := sort.Search(len(list), func(k int) bool { return int64(list[k].at) > high.i })
	return max(0, to-from), true
}

func (w where) found(e *evaluation, i int) value {
	n, ok := w.within(e, i)
	if !ok {
		return value{}
	}
	return truth(n > 0)
}

func (w where) count(e *evaluation, i int) value {
	n, ok := w.within(e, i)
	if !ok {
		return value{}
	}
	return whole(int64(n))
}

// quantity is any, all, none or a number.
type quantity struct {
	word string
	n    expr
}

// test calls ask total times at most, until the result is known.
func (q quantity) test(e *evaluation, total int64, ask func(int64) value) value {
	need := int64(1)
	switch q.word {
	case "all":
		need = total
	case "":
		n := q.n(e)
		if n.kind != wholeKind {
			return value{}
		}
		need = n.i
	}
	hits := int64(0)
	for i := int64(0); i < total && hits < need; i++ {
		if e.steps--; e.steps <= 0 {
			return truth(false)
		}
		if ask(i).true() {
			hits++
		} else if q.word == "all" {
			return truth(false)
		}
	}
	if q.word == "none" || q.word == "" && need == 0 {
		return truth(hits == 0)
	}
	return truth(hits >= need)
}

func negation(op string, x expr) expr {
	return func(e *evaluation) value {
		v := x(e)
		switch {
		case v.kind == undefined:
			return v
		case op == "not":
			return truth(!v.true())
		case op == "~" && v.kind == wholeKind:
			return whole(^v.i)
		case op == "-" && v.kind == wholeKind:
			return whole(-v.i)
		case op == "-" && v.kind == realKind:
			return value{kind: realKind, f: -v.f}
		}
		return value{}
	}
}

// operation combines two conditions or numbers.
func operation(op string, left, right expr) expr {
	switch op {
	case "or":
		return func(e *evaluation) value { return truth(left(e).true() || right(e).true()) }
	case "and":
		return func(e *evaluation) value { return truth(left(e).true() && right(e).true()) }
	}
	return func(e *evaluation) value {
		e.steps--
		a, b := left(e), right(e)
		switch {
		case a.kind < wholeKind || b.kind < wholeKind:
			return value{}
		case a.kind == wholeKind && b.kind == wholeKind:
			return onWholes(op, a.i, b.i)
		}
		return onReals(op, a.f, b.f)
	}
}

func onWholes(op string, a, b int64) value {
	switch op {
	case "|":
		return whole(a | b)
	case "^":
		return whole(a ^ b)
	case "&":
		return whole(a & b)
	case "+":
		return whole(a + b)
	case "-":
		return whole(a - b)
	case "*":
		return whole(a * b)
	case "<<", ">>":
		return shift(op, a, b)
	case "\\", "%":
		if b == 0 || a == math.MinInt64 && b == -1 {
			return value{}
		}
		if op == "%" {
			return whole(a % b)
		}
		return whole(a / b)
	}
	return ordered(op, a < b, a == b)
}

func shift(op string, a, b int64) value {
	switch {
	case b < 0:
		return value{}
	case b > 63:
		return whole(0)
	case op == "<<":
		return whole(a << b)
	}
	return whole(a >> b)
}

func onReals(op string, a, b float64) value {
	out := value{kind: realKind}
	switch op {
	case "+":
		out.f = a + b
	case "-":
		out.f = a - b
	case "*":
		out.f = a * b
	case "\\":
		out.f = a / b
	case "==", "!=", "<", "<=", ">", ">=":
		return ordered(op, a < b, a == b)
	default:
		return value{}
	}
	return out
}

// ordered evaluates a comparison.
func ordered(op string, less, equal bool) value {
	switch op {
	case "==":
		return truth(equal)
	case "!=":
		return truth(!equal)
	case "<":
		return truth(less)
	case "<=":
		return truth(less || equal)
	case ">":
		return truth(!less && !equal)
	}
	return truth(!less)
}

// reader returns the function that reads a number of this type from the file.
func reader(name string) func(*evaluation, int64) value {
	bits := map[string]int{"8": 1, "16": 2, "32": 4}
	var order binary.ByteOrder = binary.LittleEndian
	signed := len(name) > 3 && name[:3] == "int"
	size := name
	switch {
	case signed:
		size = name[3:]
	case len(name) > 4 && name[:4] == "uint":
		size = name[4:]
	}
	if n := len(size) - 2; n > 0 && size[n:] == "be" {
		size, order = size[:n], binary.BigEndian
	}
	n := bits[size]
	if n == 0 || size == name {
		return nil
	}
	return func(e *evaluation, at int64) value {
		if at < 0 || at > int64(len(e.data)-n) {
			return value{}
		}
		return whole(number(e.data[at:at+int64(n)], order, signed))
	}
}

func number(b []byte, order binary.ByteOrder, signed bool) int64 {
	switch len(b) {
	case 1:
		if signed {
			return int64(int8(b[0]))
		}
		return int64(b[0])
	case 2:
		v := order.Uint16(b)
		if signed {
			return int64(int16(v))
		}
		return int64(v)
	}
	v := order.Uint32(b)
	if signed {
		return int64(int32(v))
	}
	return int64(v)
}
