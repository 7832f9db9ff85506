package rule

import (
	"cmp"
	"slices"
	"strings"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// compiler turns checked rules into functions. Common parts of several rules are compiled
// once and, if they have one value per message, evaluated once per message.
type compiler struct {
	schema    *Schema
	types     map[syntax.Node]*schema.Type
	shared    map[string]*code
	slots     int
	words     *wordTable
	eachSlots int
	patterns  map[string]*expression
	scopes    []scope              // of the enclosing lambdas, outermost first
	never     map[syntax.Node]bool // nodes that cannot be true
	plain     Options
	tracing   bool // for an explanation
}

// Options disable parts of the engine, to measure their effect.
type Options struct {
	NoSharing bool // evaluate shared conditions for each rule
	NoOrder   bool // evaluate operands in textual order
	NoWords   bool // do not search for words first
	NoQuick   bool // evaluate functions that return null
}

func newCompiler(s *Schema, o Options) *compiler {
	return &compiler{schema: s, shared: make(map[string]*code), words: newWordTable(), patterns: make(map[string]*expression), plain: o}
}

// compile compiles a node. The types of its rule are set.
func (c *compiler) compile(n syntax.Node) *code {
	if p, ok := n.(*syntax.Paren); ok {
		return c.compile(p.Inner)
	}
	key, each := c.identity(n)
	if key != "" {
		if old := c.shared[key]; old != nil {
			old.uses++
			return old
		}
	}
	out := c.build(n)
	if c.plain.NoWords {
		out.stream = nil
	}
	out.node, out.typ, out.uses = n, c.types[n], 1
	if out.eval == nil {
		out.isTest = true
		out.eval = func(f *frame) schema.Value { return out.test(f).value() }
	}
	if out.test == nil {
		out.test = func(f *frame) tri { return truth(out.eval(f)) }
	}
	if c.tracing {
		traced(n, out)
	}
	if out.each = each; out.quick == nil {
		out.quick = out.necessary
	}
	if out.quickNonEmpty == nil {
		out.quickNonEmpty = out.nonEmpty
	}
	if c.never[n] {
		out.quick = impossible()
	}
	if len(c.scopes) > 0 && each == ofMessage { // it would be evaluated for each element
		out.uses++
	}
	if key != "" {
		out.key = key
		c.shared[key] = out
	}
	return out
}

// scope is an enclosing lambda.
type scope struct {
	stream *stream // of its elements, or nil
	list   string  // identity of the list; "" if it varies within the message
}

// extent is the unit for which an expression has one value.
type extent int

const (
	ofMessage extent = iota
	ofElement        // of the list of the enclosing lambda
	ofNeither
)

// identity returns the key of an expression across rules, or "" for one that cannot be
// shared, and its extent.
func (c *compiler) identity(n syntax.Node) (key string, e extent) {
	depth := c.free(n, 0)
	switch depth {
	case 0:
		e = ofMessage
	case 1:
		e = ofElement
	default:
		e = ofNeither
	}
	if c.plain.NoSharing || !isWorthSharing(n) {
		return "", e
	}
	var around strings.Builder
	for _, s := range c.scopes[max(0, len(c.scopes)-depth):] {
		if s.list == "" {
			return "", ofNeither
		}
		around.WriteString(s.list + " | ")
	}
	return around.String() + syntax.Key(n), e
}

// listOf names a list that is the same in all rules, so that results for its elements are
// shared, or returns "".
func (c *compiler) listOf(n syntax.Node) string {
	switch call, ok := stripped(n).(*syntax.Field); {
	case pathOf(n) != "":
		return pathOf(n)
	case ok && c.isSelection(call.Object) && c.free(n, 0) == 0:
		return syntax.Key(n)
	default:
		return ""
	}
}

// isSelection reports whether an expression selects nodes of a document, which is done once
// per document.
func (c *compiler) isSelection(n syntax.Node) bool {
	call, ok := stripped(n).(*syntax.Call)
	return ok && call.Function == "html.xpath" && pathOf(call.Args[0]) != ""
}

// pathOf returns the path from the message of an expression, or "".
func pathOf(n syntax.Node) string {
	for at := n; ; {
		switch p := stripped(at).(type) {
		case *syntax.Name:
			return syntax.Key(n)
		case *syntax.Field:
			at = p.Object
		default:
			return ""
		}
	}
}

// finish makes shared expressions be evaluated once. It is called when all rules are
// compiled.
func (c *compiler) finish() {
	for _, shared := range c.shared {
		if shared.uses < 2 || shared.cost <= costWord {
			continue
		}
		switch shared.each {
		case ofMessage:
			c.slots += remember(c.slots, shared)
		case ofElement:
			c.eachSlots += rememberEach(c.eachSlots, shared)
		case ofNeither:
		}
	}
	c.words.build()
}

// isWorthSharing reports whether an expression may be shared. Literals and operators in the
// middle of a chain may not.
func isWorthSharing(n syntax.Node) bool {
	switch n.(type) {
	case *syntax.Literal, *syntax.Tuple, *syntax.Array:
		return false
	default:
		return true
	}
}

// free returns the number of enclosing lambdas whose elements a node uses; inside counts
// the lambdas between.
func (c *compiler) free(n syntax.Node, inside int) int {
	switch n := n.(type) {
	case *syntax.Element:
		return max(0, n.Depth-inside)
	case *syntax.Call:
		most := 0
		lambda := c.isLambda(n)
		for i, a := range n.Args {
			in := inside
			if lambda && i == 1 {
				in++
			}
			most = max(most, c.free(a, in))
		}
		for _, a := range n.Named {
			most = max(most, c.free(a.Value, inside))
		}
		return most
	default:
		most := 0
		for _, child := range syntax.Children(n) {
			most = max(most, c.free(child, inside))
		}
		return most
	}
}

func (c *compiler) isLambda(n *syntax.Call) bool {
	f := c.schema.functions.Lookup(n.Function)
	return f != nil && f.Form == schema.Lambda
}

func (c *compiler) build(n syntax.Node) *code {
	switch n := n.(type) {
	case *syntax.Literal:
		return constant(literalValue(n))
	case *syntax.Logic:
		return c.logic(n)
	case *syntax.Unary:
		return c.unary(n)
	case *syntax.Binary:
		return c.binary(n)
	case *syntax.Compare:
		return c.compare(n)
	case *syntax.In:
		return c.in(n)
	case *syntax.IsNull:
		return c.isNull(n)
	case *syntax.Of:
		return c.of(n)
	case *syntax.Name:
		return c.name(n)
	case *syntax.Element:
		return c.element(n)
	case *syntax.List:
		return c.list(n)
	case *syntax.Field:
		return c.field(n)
	case *syntax.Index:
		return c.index(n)
	case *syntax.Slice:
		return c.slice(n)
	case *syntax.Array:
		return c.array(n)
	case *syntax.Call:
		return c.call(n)
	default:
		return constant(schema.Value{})
	}
}

func constant(v schema.Value) *code {
	out := &code{eval: func(*frame) schema.Value { return v }}
	if v.Kind() == schema.Bool {
		t := truth(v)
		out.odds = map[tri]float64{yes: 1}[t]
		out.test = func(*frame) tri { return t }
	}
	return out
}

func literalValue(n *syntax.Literal) schema.Value {
	switch n.Kind {
	case syntax.Bool:
		return schema.OfBool(n.Bool)
	case syntax.Int:
		return schema.OfInt(n.Int)
	case syntax.Float:
		return schema.OfFloat(n.Float)
	case syntax.String:
		return schema.OfString(n.Text)
	default:
		return schema.Value{}
	}
}

func (c *compiler) all(nodes []syntax.Node) (out []*code, cost int) {
	out = make([]*code, len(nodes))
	for i, n := range nodes {
		out[i] = c.compile(n)
		cost = min(cost+out[i].cost, maxCost)
	}
	return out, cost
}

// logic compiles and and or. Under Kleene's logic one decisive operand is enough, so
// operands may be evaluated in any order: the cheapest come first.
func (c *compiler) logic(n *syntax.Logic) *code {
	parts, _ := c.all(n.Operands)
	decides := no
	if n.Op == syntax.Or {
		decides = yes
	}
	ordered := c.order(parts, decides)
	cost := expected(ordered, decides)
	most := len(parts)
	if n.Op == syntax.Or {
		most = 1
	}
	out := &code{cost: cost, odds: oddsOf(n.Op, parts), joins: true}
	out.necessary, out.quick = necessaryOf(most, parts)
	if n.Op == syntax.And {
		out.both = parts
	}
	out.test, out.isTrue = untilDecided(ordered, decides, (*frame).ask), untilDecided(ordered, decides, (*frame).isTrue)
	return out
}

// necessaryOf returns the formulas for a minimum number of true conditions.
func necessaryOf(least int, parts []*code) (need, quick *formula) {
	needs, quicks := make([]*formula, len(parts)), make([]*formula, len(parts))
	for i, p := range parts {
		needs[i], quicks[i] = p.necessary, p.quick
	}
	return atLeast(least, needs), atLeast(least, quicks)
}

// untilDecided evaluates operands until one decides.
func untilDecided(ordered []*code, decides tri, ask func(*frame, *code) tri) func(*frame) tri {
	return func(f *frame) tri {
		t3, before, all := -decides, f.lacks, lacks{}
		for _, p := range ordered {
			f.lacks = lacks{}
			t := ask(f, p)
			if t == decides { // missing evidence of the others is irrelevant
				f.lack(before)
				return decides
			}
			if t == unsure {
				t3 = unsure
			}
			all.lack(f.lacks)
		}
		f.lacks = before
		f.lack(all)
		return t3
	}
}

// order puts the most decisive for its cost first.
func (c *compiler) order(parts []*code, decides tri) []*code {
	if c.plain.NoOrder {
		return parts
	}
	price := func(p *code) float64 {
		chance := p.odds
		if decides == no {
			chance = 1 - chance
		}
		return float64(p.cost+1) / max(chance, leastOdds)
	}
	ordered := slices.Clone(parts)
	slices.SortStableFunc(ordered, func(a, b *code) int { return cmp.Compare(price(a), price(b)) })
	return ordered
}

// expected is the expected cost of operands that are evaluated until one decides.
func expected(parts []*code, decides tri) int {
	cost, reach := 0.0, 1.0
	for _, p := range parts {
		cost += reach * float64(p.cost)
		if decides == yes {
			reach *= 1 - p.odds
		} else {
			reach *= p.odds
		}
		reach = max(reach, leastOdds)
	}
	return int(cost) + 1
}

// leastOdds is the minimum of assumed odds.
const leastOdds = 0.01

// Default odds of conditions. They are rough, and distinguish rare conditions from common
// ones.
const (
	oddsEqual  = 0.05
	oddsText   = 0.08
	oddsListed = 0.2
	oddsField  = 0.5
	oddsOrder  = 0.5
)

func oddsOf(op syntax.Op, parts []*code) float64 {
	all, none := 1.0, 1.0
	for _, p := range parts {
		all *= p.odds
		none *= 1 - p.odds
	}
	if op == syntax.And {
		return all
	}
	return 1 - none
}

func (c *compiler) unary(n *syntax.Unary) *code {
	o := c.compile(n.Operand)
	if n.Op == syntax.Not {
		return &code{cost: o.cost, odds: 1 - o.odds, joins: true, test: func(f *frame) tri { return -f.ask(o) }}
	}
	return &code{cost: o.cost, eval: func(f *frame) schema.Value {
		return arithmetic(syntax.Sub, schema.OfInt(0), o.eval(f))
	}}
}

func (c *compiler) binary(n *syntax.Binary) *code {
	l, r := c.compile(n.Left), c.compile(n.Right)
	return &code{cost: l.cost + r.cost + costField, eval: func(f *frame) schema.Value {
		return arithmetic(n.Op, l.eval(f), r.eval(f))
	}}
}

// arithmetic computes with two numbers. Two ints yield an int; an invalid operation yields
// null.
func arithmetic(op syntax.Op, l, r schema.Value) schema.Value {
	if l.Kind() == schema.Int && r.Kind() == schema.Int {
		return integers(op, l.Int(), r.Int())
	}
	a, ok := l.Number()
	b, too := r.Number()
	if !ok || !too {
		return schema.Value{}
	}
	switch op {
	case syntax.Add:
		return schema.OfFloat(a + b)
	case syntax.Sub:
		return schema.OfFloat(a - b)
	case syntax.Mul:
		return schema.OfFloat(a * b)
	case syntax.Div:
		if b == 0 {
			return schema.Value{}
		}
		return schema.OfFloat(a / b)
	default:
		return schema.Value{}
	}
}

func integers(op syntax.Op, a, b int64) schema.Value {
	switch op {
	case syntax.Add:
		return schema.OfInt(a + b)
	case syntax.Sub:
		return schema.OfInt(a - b)
	case syntax.Mul:
		return schema.OfInt(a * b)
	case syntax.Div, syntax.Mod:
		if b == 0 {
			return schema.Value{}
		}
		if op == syntax.Div {
			return schema.OfInt(a / b)
		}
		return schema.OfInt(a % b)
	default:
		return schema.Value{}
	}
}

// lengthOf compiles length, the most frequent function.
func (c *compiler) lengthOf(n *syntax.Call) *code {
	if named, ok := stripped(n.Args[0]).(*syntax.List); ok { // also of a lookup list
		return &code{cost: costList, eval: func(f *frame) schema.Value {
			if l := f.list(named.Name); l != nil {
				return schema.OfInt(int64(l.Len()))
			}
			return schema.Value{}
		}}
	}
	v := c.compile(n.Args[0])
	out := &code{cost: v.cost + costField, eval: func(f *frame) schema.Value { return length(v.eval(f)) }}
	if t := c.types[stripped(n.Args[0])]; t != nil && t.Kind == schema.List {
		out.nonEmpty, out.quickNonEmpty = c.someOf(v)
	}
	return out
}

// coalesce compiles the function that returns its first argument that is not null. Null
// arguments count as unknown, even if their evidence may arrive later.
func (c *compiler) coalesce(n *syntax.Call) *code {
	parts, cost := c.all(n.Args)
	return &code{cost: cost + costField, eval: func(f *frame) (v schema.Value) {
		before := f.lacks
		for i, p := range parts {
			f.lacks = lacks{}
			if v = p.eval(f); !v.IsNull() || i == len(parts)-1 {
				break
			}
			before.presumed |= f.presumed | f.missing
		}
		f.lack(before)
		return v
	}}
}

func (c *compiler) isNull(n *syntax.IsNull) *code {
	v := c.compile(n.Value)
	return &code{cost: v.cost + costField, odds: oddsField, test: func(f *frame) tri {
		return triOf(v.eval(f).IsNull() != n.Not)
	}}
}

// of compiles "N of (...)": true if N operands are, unsure while unsure operands could make
// it so.
func (c *compiler) of(n *syntax.Of) *code {
	parts, cost := c.all(n.Operands)
	ordered := c.order(parts, yes)
	need, quick := necessaryOf(int(min(n.Count, int64(len(parts)+1))), parts)
	return &code{
		cost: cost, odds: oddsListed, necessary: need, quick: quick, joins: true,
		test:   func(f *frame) tri { return count3(f, ordered, n.Count, (*frame).ask) },
		isTrue: func(f *frame) tri { return count3(f, ordered, n.Count, (*frame).isTrue) },
	}
}

// count3 reports whether at least wanted operands are true. To report missing evidence, it
// evaluates all unknown operands.
func count3(f *frame, parts []*code, wanted int64, ask func(*frame, *code) tri) tri {
	if wanted <= 0 {
		return yes
	}
	sure, out, before := int64(0), no, f.missing
	for i, p := range parts {
		switch t := ask(f, p); t {
		case yes:
			if sure++; sure == wanted {
				f.missing = before
				return yes
			}
		case unsure:
			out = unsure
		case no:
		}
		if f.in.Quick && f.in.Later == 0 && out == unsure && sure+int64(len(parts)-i-1) < wanted {
			return unsure
		}
	}
	return out
}
