package rule

import (
	"context"

	"outrider/internal/budget"
	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// tri is true, false, or unknown: Kleene's logic.
type tri int8

const (
	unsure tri = 0
	yes    tri = 1
	no     tri = -1
)

func triOf(b bool) tri {
	if b {
		return yes
	}
	return no
}

func (t tri) value() schema.Value {
	if t == unsure {
		return schema.Value{}
	}
	return schema.OfBool(t == yes)
}

func truth(v schema.Value) tri {
	if v.Kind() != schema.Bool {
		return unsure
	}
	return triOf(v.True())
}

// code is a compiled expression. For a condition, test is faster, and eval is derived from
// it; for other expressions test is derived from eval.
type code struct {
	node syntax.Node
	typ  *schema.Type
	key  string // canonical text
	cost int    // relative cost of evaluation; see the costs below
	// odds is the assumed frequency, 0 to 1, with which a condition holds; 0 stands for
	// unlikely.
	odds float64
	uses int // number of expressions that contain it
	each extent
	eval func(*frame) schema.Value
	test func(*frame) tri
	// isTrue is test for places where false and unknown are equivalent; nil if there is no
	// faster form.
	isTrue func(*frame) tri
	// joins is set if test joins other conditions and does not handle null.
	joins bool
	// isTest is set if eval is derived from test.
	isTest bool
	// stream is the source of its texts for the word search; nil if not known at compile
	// time.
	stream    *stream
	necessary *formula // words that a message must contain for it to be true
	quick     *formula // the same, if functions that are answered later return null
	// nonEmpty and quickNonEmpty are the same for a non-empty list, an object with a
	// non-empty list, and a number above 0.
	nonEmpty, quickNonEmpty *formula
	both                    []*code // operands of "and"
	// unanswered is set for a part of the result of a function that returns null: even
	// lists, which are never null in a message, are null there.
	unanswered bool
}

// Costs of expressions, which order the operands of "and" and "or".
const (
	costField   = 1
	costCompare = 2
	costWord    = 4
	costList    = 5
	costText    = 12
	costRegex   = 60
	costLambda  = 20

	costLongRegex = 1_200 // on the text of a message, or its HTML
	costLongList  = 1_000 // search for all texts of a list
	costParse     = 400
	costXPath     = 2_000
	costHistory   = 5_000
	costRead      = 20_000 // parsing a file as text or as a document
	costFile      = 100_000
	costOCR       = 1_000_000
	costNetwork   = 10_000_000
	maxCost       = 1 << 40
	elementTimes  = 8 // assumed number of list elements
)

// frame is the state of judging one message by the rules.
type frame struct {
	lacks // of the rule

	ctx          context.Context //nolint:containedctx // a frame lives for one call
	in           *Input
	switches     Switches
	values       []memo
	elements     []element // of the enclosing lambdas, outermost first
	perElement   [][]memo  // by slot, then by element
	used         []int     // slots of each that this message has filled
	steps        int64     // left for the rule
	spent        int64     // by the message in total
	overrun      bool
	words        wordState
	candidates   []int
	alive        []bool                          // by rule, all false between messages
	touched      []int                           // slots of values that this message has filled
	stepsToCheck int64                           // steps until the next check of the context
	given        map[*Compiled]schema.Capability // missing evidence of the shared conditions of a rule
	excluded     bool                            // the shared conditions hold for the remaining rules
	trace        trace                           // of an explanation, or nil
	folded       [4]foldedText
	nextFold     int
	latins       *[256]likeness // last lookups, of any message
	cache        map[any]any    // keyed by asked
	parsing      *budget.Budget
}

// memo is the stored result of an expression that has one value per message.
type memo struct {
	lacks

	done  bool
	truth tri // of a condition
	value schema.Value
}

// foldedText is a text and its folded form.
type foldedText struct{ raw, folded string }

// fold returns the folded form of a text. The last few are kept, since many words are
// searched in one text.
func (f *frame) fold(s string) string {
	if len(s) < 32 {
		return fold(s)
	}
	for i := range f.folded {
		if f.folded[i].raw == s {
			return f.folded[i].folded
		}
	}
	out := fold(s)
	f.folded[f.nextFold] = foldedText{s, out}
	f.nextFold = (f.nextFold + 1) % len(f.folded)
	return out
}

// spend takes steps, and reports whether any are left.
func (f *frame) spend(n int) bool {
	f.steps -= int64(n)
	f.spent += int64(n)
	f.stepsToCheck -= int64(n)
	if f.stepsToCheck < 0 {
		f.stepsToCheck = contextInterval
		f.overrun = f.overrun || f.ctx.Err() != nil
	}
	f.overrun = f.overrun || f.steps < 0
	return !f.overrun
}

// contextInterval is the number of steps between checks of the context.
const contextInterval = 4096

// element returns the element of an enclosing lambda; depth 1 is the nearest.
func (f *frame) element(depth int) schema.Value {
	return f.elements[len(f.elements)-depth].value
}

// element is the current element of a lambda, and its index.
type element struct {
	value schema.Value
	at    int
}

// ask evaluates a condition. Missing evidence does not matter if the result is known,
// unless the result was derived from the missing value: null is in no list, and can be
// tested for.
func (f *frame) ask(c *code) tri { return f.settle(c, c.test) }

// isTrue evaluates a condition in a quick judgement, where it only matters whether it is
// true or can become true later: no other condition is unsure. A condition whose words are
// missing from the message is not evaluated.
func (f *frame) isTrue(c *code) tri {
	if !c.quick.holds(f) {
		return no
	}
	test := c.isTrue
	if test == nil {
		test = c.test
	}
	before := f.lacks
	f.lacks = lacks{}
	t, later := f.settle(c, test), f.in.Later
	if t == unsure && (f.missing == 0 || f.missing&^later != 0) {
		t = no
	}
	switch {
	case t == no && f.presumed&later != 0: // an assumed unknown may become known
		t, f.missing = unsure, f.presumed&later
	case t == no:
		f.lacks = lacks{}
	}
	f.lack(before)
	return t
}

func (f *frame) settle(c *code, test func(*frame) tri) tri {
	if f.overrun {
		return unsure
	}
	before := f.lacks
	f.lacks = lacks{}
	t := test(f)
	if t != unsure {
		if !c.joins {
			f.presumed |= f.missing
		}
		f.missing = 0
	}
	f.lack(before)
	return t
}

// lacks holds the capabilities whose absence makes a result unknown, and those that a known
// result did without.
type lacks struct{ missing, presumed schema.Capability }

func (l *lacks) lack(o lacks) {
	l.missing |= o.missing
	l.presumed |= o.presumed
}

// remember stores the result of an expression per message, and returns the number of slots
// for that.
func remember(slot int, c *code) int {
	if c.isTest {
		c.test = rememberTest(slot, c.test)
		if c.isTrue == nil {
			return 1
		}
		c.isTrue = rememberTest(slot+1, c.isTrue)
		return 2
	}
	eval := c.eval
	c.eval = func(f *frame) schema.Value {
		m := &f.values[slot]
		if m.done {
			f.lack(m.lacks)
			return m.value
		}
		before := f.lacks
		f.lacks = lacks{}
		v := eval(f)
		if !f.overrun {
			*m = memo{done: true, lacks: f.lacks, value: v}
			f.touched = append(f.touched, slot)
		}
		f.lack(before)
		return v
	}
	return 1
}

// maxRemembered bounds the list elements with stored results.
const maxRemembered = 64

// rememberEach stores the results of an expression per element of the enclosing list, and
// returns the number of slots for that.
func rememberEach(slot int, c *code) int {
	if !c.isTest {
		c.eval = rememberElement(slot, c.eval, func(m *memo, v schema.Value) { m.value = v }, func(m *memo) schema.Value { return m.value })
		return 1
	}
	set, get := func(m *memo, t tri) { m.truth = t }, func(m *memo) tri { return m.truth }
	c.test = rememberElement(slot, c.test, set, get)
	if c.isTrue == nil {
		return 1
	}
	c.isTrue = rememberElement(slot+1, c.isTrue, set, get)
	return 2
}

func rememberElement[T any](slot int, compute func(*frame) T, set func(*memo, T), get func(*memo) T) func(*frame) T {
	return func(f *frame) T {
		at := f.elements[len(f.elements)-1].at
		if at >= maxRemembered {
			return compute(f)
		}
		if m := f.perElement[slot]; at < len(m) && m[at].done {
			f.lack(m[at].lacks)
			return get(&m[at])
		}
		before := f.lacks
		f.lacks = lacks{}
		v := compute(f)
		if !f.overrun {
			m := f.memoOf(slot, at)
			m.done, m.lacks = true, f.lacks
			set(m, v)
		}
		f.lack(before)
		return v
	}
}

// memoOf returns the memo of an element.
func (f *frame) memoOf(slot, at int) *memo {
	m := f.perElement[slot]
	if len(m) == 0 {
		f.used = append(f.used, slot)
	}
	for len(m) <= at {
		m = append(m, memo{})
	}
	f.perElement[slot] = m
	return &m[at]
}

func rememberTest(slot int, test func(*frame) tri) func(*frame) tri {
	return func(f *frame) tri {
		m := &f.values[slot]
		if m.done {
			f.lack(m.lacks)
			return m.truth
		}
		before := f.lacks
		f.lacks = lacks{}
		t := test(f)
		if !f.overrun {
			m.done, m.lacks, m.truth = true, f.lacks, t
			f.touched = append(f.touched, slot)
		}
		f.lack(before)
		return t
	}
}
