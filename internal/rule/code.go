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

// code is an expression, compiled. Of a condition test is quicker, and eval is made of it;
// of everything else test is made of eval.
type code struct {
	node syntax.Node
	typ  *schema.Type
	key  string // canonical text
	cost int    // what it takes to compute, in no unit; see the costs below
	// odds is how often a condition is taken to hold, from 0 to 1; 0 stands for unlikely.
	odds float64
	uses int // how many expressions it is a part of
	each extent
	eval func(*frame) schema.Value
	test func(*frame) tri
	// isTrue is test for places where false and unknown are equivalent; nil if that saves nothing.
	isTrue func(*frame) tri
	// joins is set where test joins other conditions and makes nothing of null.
	joins bool
	// isTest is set where eval is made of test.
	isTest bool
	// stream is where its texts come from, for the search for words before anything else;
	// nil where that is not known in advance.
	stream    *stream
	necessary *formula // which words a message must contain for it to be true
	quick     *formula // the same, if functions that are answered later return null
	// nonEmpty and quickNonEmpty are the same for a list that has an element, an object one of whose
	// lists has an element, and a number above 0.
	nonEmpty, quickNonEmpty *formula
	both                    []*code // operands of "and"
	// unanswered is set where it is a part of the result of a function that returns null: also a
	// list that a message always has is null there.
	unanswered bool
}

// Costs of expressions, by which the operands of "and" and "or" are ordered.
const (
	costField   = 1
	costCompare = 2
	costWord    = 4
	costList    = 5
	costText    = 12
	costRegex   = 60
	costLambda  = 20

	costLongRegex = 1_200 // in the text of a message, or its HTML
	costLongList  = 1_000 // to look for all texts of a list
	costParse     = 400
	costXPath     = 2_000
	costHistory   = 5_000
	costRead      = 20_000 // a file as text or as a document
	costFile      = 100_000
	costOCR       = 1_000_000
	costNetwork   = 10_000_000
	maxCost       = 1 << 40
	elementTimes  = 8 // elements that a list is taken to have
)

// frame is the state of the judgement of one message by the rules.
type frame struct {
	lacks // of the rule

	ctx          context.Context //nolint:containedctx // a frame lives for one call
	in           *Input
	switches     Switches
	values       []memo
	elements     []element // of the lambdas around, the outer-most first
	perElement   [][]memo  // by slot, then by element
	used         []int     // slots of each that this message has filled
	steps        int64     // that the rule may still take
	spent        int64     // by the message in all
	overrun      bool
	words        wordState
	candidates   []int
	alive        []bool                          // by rule, all false between messages
	touched      []int                           // slots of values that this message has filled
	stepsToCheck int64                           // steps until the context is asked again
	given        map[*Compiled]schema.Capability // what the shared conditions of a rule are known without
	excluded     bool                            // the conditions that several rules share hold for those that are left
	trace        trace                           // of an explanation, or nil
	folded       [4]foldedText
	nextFold     int
	latins       *[256]likeness // the last that were looked up, of any message
	cache        map[any]any    // by asked
	parsing      *budget.Budget
}

// memo is what an expression that has one value per message was found to be.
type memo struct {
	lacks

	done  bool
	truth tri // of a condition
	value schema.Value
}

// foldedText is a text and its folded form.
type foldedText struct{ raw, folded string }

// fold returns the folded form of a text. The last few are kept, since many words are
// looked for in one text.
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

// spend takes steps, and reports whether there are any left.
func (f *frame) spend(n int) bool {
	f.steps -= int64(n)
	f.spent += int64(n)
	f.stepsToCheck -= int64(n)
	if f.stepsToCheck < 0 {
		f.stepsToCheck = askContext
		f.overrun = f.overrun || f.ctx.Err() != nil
	}
	f.overrun = f.overrun || f.steps < 0
	return !f.overrun
}

// askContext is after how many steps the context is asked whether to go on.
const askContext = 4096

// element returns the element of a lambda around; depth 1 is the nearest.
func (f *frame) element(depth int) schema.Value {
	return f.elements[len(f.elements)-depth].value
}

// element is what a lambda looks at: one of a list, and which.
type element struct {
	value schema.Value
	at    int
}

// ask computes a condition. What a condition lacked that is known all the same does not
// matter, unless something was made of not knowing: null is nothing that a list has, and can be
// asked for.
func (f *frame) ask(c *code) tri { return f.settle(c, c.test) }

// isTrue computes a condition in a quick judgement, at a place where only whether it is true
// matters, or can become true later: it is unsure for no other reason. A condition whose words
// the message does not contain is not computed at all.
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
	case t == no && f.presumed&later != 0: // what it takes for unknown may come to be known
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

// lacks is what could not be asked: what is therefore not known, and what something is known
// without.
type lacks struct{ missing, presumed schema.Capability }

func (l *lacks) lack(o lacks) {
	l.missing |= o.missing
	l.presumed |= o.presumed
}

// remember makes an expression be computed once per message, and returns how many slots that
// takes.
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

// maxRemembered is how many elements of a list are remembered.
const maxRemembered = 64

// rememberEach makes an expression be computed once per element of the list around it, and
// returns how many slots that takes.
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

// memoOf returns the place for what an element was found to be.
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
