// Package rule runs detection rules: the public feed's and the customer's own.
//
// A rule is an expression about one message in a small typed language (package syntax) over
// the message data model and the results of functions (package schema). Rules are checked
// against that schema, compiled to Go functions, and judged together: common parts of
// several rules are evaluated once, the cheapest parts come first, and a rule whose
// required words are missing from the message is skipped. Logic is three-valued, so that a
// rule without the evidence it needs is indeterminate instead of wrong.
//
// Standards: none; the language is specified by the public feed and its documentation.
//
// Limits: a rule takes at most maxRuleSteps steps and the rules of a message
// maxMessageSteps. Words and patterns are searched in the first megabyte of a text; a list
// of more than 5,000 elements is unknown unless the first 5,000 decide. Functions that need
// a model or a browser are declared and return null.
package rule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	mathbits "math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"outrider/internal/rule/outcome"
	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// Kind is the purpose of a rule.
type Kind string

// The kinds, as named in the feed.
const (
	Detection  Kind = "rule"
	Query      Kind = "query" // its value is shown to analysts
	Exclusion  Kind = "exclusion"
	Automation Kind = "triage_rule"
	DLP        Kind = "dlp"
)

// Rule is one rule of a feed.
type Rule struct {
	ID          string
	Name        string
	Description string
	Kind        Kind
	Severity    string // informational, low, medium, high or critical
	Source      string
	AttackTypes []string
	Tactics     []string // tactics and techniques
	Methods     []string // detection methods
	Tags        []string
	References  []string
	Path        string // within the feed
	Feed        string // name of the feed
}

// Bounds on steps. A step takes about half a microsecond.
const (
	maxRuleSteps    = 1_000_000
	maxMessageSteps = 8_000_000
)

// Bounds on faults: a rule with that many faults, in more than one of that many runs, is
// tripped: it does not run for a while.
const (
	maxFaultsOfRule = 5
	faultShare      = 100
	trippedFor      = 10 * time.Minute
)

// answered are the capabilities that are available, now or later. A function that needs
// another one is null.
const answered = schema.Files | schema.OCR | schema.QR | schema.History | schema.Whois | schema.Triaging | schema.Listed

// Reasons for which a rule did not count for a message.
var (
	ErrSteps   = errors.New("the rule takes too many steps")
	ErrSpent   = errors.New("the rules of the message take too many steps")
	ErrPanic   = errors.New("rule panicked")
	ErrTripped = errors.New("the rule is tripped: it repeatedly took too long or panicked")
)

// Compiled is a runnable rule.
type Compiled struct {
	Rule         *Rule
	Uses         Uses
	code         *code
	conjuncts    []*code // all hold if the rule does; most decisive for their cost first
	ownConjuncts []*code // the conjuncts that are not shared by several rules

	runs    atomic.Int64
	faults  atomic.Int64 // exceeded bounds and panics
	tripped atomic.Int64 // end of the pause, in Unix seconds; 0 if not tripped
}

// fault counts a fault, and reports whether to log it: the first, and the one that trips the
// rule.
func (r *Compiled) fault(now time.Time) bool {
	n := r.faults.Add(1)
	if n < maxFaultsOfRule || n*faultShare < r.runs.Load() {
		return n == 1
	}
	r.tripped.Store(now.Add(trippedFor).Unix())
	r.faults.Store(0)
	r.runs.Store(0)
	return true
}

// Invalid is a rule that cannot run, and the reason.
type Invalid struct {
	Rule *Rule
	Err  error
}

// Engine runs a set of rules. It is safe for concurrent use.
type Engine struct {
	rules     []*Compiled
	invalid   []Invalid
	words     *wordTable
	slots     int
	eachSlots int
	frames    sync.Pool

	switches Switches
	patterns map[string]*expression

	whole  index // of the rules by required words
	quick  index // of the rules by the words required to match
	common []common
}

// common is a condition shared by several rules, evaluated before them.
type common struct {
	code  *code
	rules []int
}

// Compile compiles rules into an engine. An invalid rule does not stop the others.
func Compile(s *Schema, rules []*Rule) *Engine { return CompileWith(s, rules, Options{}) }

// CompileWith is Compile with parts of the engine turned off.
func CompileWith(s *Schema, rules []*Rule, o Options) *Engine {
	e := &Engine{switches: s.switches}
	c := newCompiler(s, o)
	for _, r := range rules {
		compiled, err := c.rule(r)
		if err != nil {
			e.invalid = append(e.invalid, Invalid{r, err})
			continue
		}
		e.rules = append(e.rules, compiled)
	}
	c.finish()
	e.whole = e.index(func(r *Compiled) []int { return r.code.necessary.clause(c.words) })
	e.quick = e.index(func(r *Compiled) []int { return r.code.quick.clause(c.words) })
	e.share(c)
	e.words, e.slots, e.eachSlots, e.patterns = c.words, c.slots, c.eachSlots, c.patterns
	return e
}

// index selects the rules to evaluate: those that require one of several words under each
// of the words, and the others always.
type index struct {
	byWord map[int][]int
	always []int
}

func (e *Engine) index(clauseOf func(*Compiled) []int) index {
	out := index{byWord: make(map[int][]int)}
	for i, r := range e.rules {
		clause := clauseOf(r)
		if clause == nil {
			out.always = append(out.always, i)
		}
		for _, id := range clause {
			if l := out.byWord[id]; len(l) == 0 || l[len(l)-1] != i {
				out.byWord[id] = append(l, i)
			}
		}
	}
	return out
}

// fewestCommon is the minimum number of rules that share a condition for it to be evaluated
// first.
const fewestCommon = 3

// share finds the conditions that several rules share. They are ordered by savings per
// cost.
func (e *Engine) share(c *compiler) {
	by := make(map[*code][]int)
	for i, r := range e.rules {
		for _, m := range r.conjuncts {
			if m.key != "" && m.cost < costFile && r.Rule.Kind != Query {
				by[m] = append(by[m], i)
			}
		}
	}
	for m, rules := range by {
		if len(rules) >= fewestCommon && !c.plain.NoSharing {
			e.common = append(e.common, common{m, rules})
		}
	}
	price := func(m *common) float64 {
		return float64(m.code.cost+1) / (float64(len(m.rules)) * max(1-m.code.odds, leastOdds))
	}
	slices.SortFunc(e.common, func(a, b common) int {
		return cmp.Or(cmp.Compare(price(&a), price(&b)), strings.Compare(a.code.key, b.code.key))
	})
	for _, r := range e.rules {
		r.ownConjuncts = slices.DeleteFunc(slices.Clone(r.conjuncts), func(m *code) bool { return len(by[m]) >= fewestCommon && !c.plain.NoSharing })
	}
}

// exclude removes candidates whose shared condition does not hold. If a shared condition
// cannot be evaluated, or waits for later evidence, the remaining rules evaluate all of
// their own conditions.
func (e *Engine) exclude(f *frame, candidates []int) []int {
	if len(f.alive) != len(e.rules) {
		f.alive = make([]bool, len(e.rules))
	}
	for _, i := range candidates {
		f.alive[i] = true
	}
	f.excluded = true
	for i := range e.common {
		if m := &e.common[i]; slices.ContainsFunc(m.rules, func(r int) bool { return f.alive[r] }) {
			e.apply(f, m)
		}
	}
	left := candidates[:0]
	for _, i := range candidates {
		if f.alive[i] {
			left = append(left, i)
			f.alive[i] = false
		}
	}
	return left
}

// apply evaluates a shared condition.
func (e *Engine) apply(f *frame, m *common) {
	t, ok := f.runAlone(m.code)
	f.excluded = f.excluded && ok && t != unsure
	switch {
	case ok && t == no:
		for _, r := range m.rules {
			f.alive[r] = false
		}
	case ok && f.presumed != 0:
		e.noteShared(f, m.rules)
	}
}

// noteShared records the missing capabilities of a shared condition.
func (e *Engine) noteShared(f *frame, rules []int) {
	if f.given == nil {
		f.given = make(map[*Compiled]schema.Capability)
	}
	for _, i := range rules {
		f.given[e.rules[i]] |= f.presumed
	}
}

// runAlone evaluates a condition by itself. It is false if that exceeded its steps or
// panicked.
func (f *frame) runAlone(c *code) (t tri, ok bool) {
	f.begin()
	if f.steps <= 0 || f.ctx.Err() != nil {
		return unsure, false
	}
	defer func() {
		if recover() != nil { // the rules with this condition panic on it again, and are reported
			t, ok = unsure, false
		}
	}()
	t = f.isTrue(c)
	return t, !f.overrun
}

// begin grants the steps of one rule, or the rest of the message's.
func (f *frame) begin() {
	f.lacks, f.overrun, f.elements = lacks{}, false, f.elements[:0]
	f.steps = min(maxRuleSteps, maxMessageSteps-f.spent)
}

// candidates returns the rules that can match by the words of the message, in order.
func (e *Engine) candidates(f *frame) []int {
	by := &e.whole
	if f.in.Quick {
		by = &e.quick
	}
	out := append(f.candidates[:0], by.always...)
	f.readAll()
	for i, bits := range f.words.found {
		for bits != 0 {
			id := i*64 + mathbits.TrailingZeros64(bits)
			bits &= bits - 1
			out = append(out, by.byWord[id]...)
		}
	}
	slices.Sort(out)
	f.candidates = slices.Compact(out)
	// Rules that exceeded their steps before come last, so that they do not use up the
	// steps of others.
	faulty := func(i int) bool { return e.rules[i].faults.Load() > 0 }
	if slices.ContainsFunc(f.candidates, faulty) {
		slices.SortStableFunc(f.candidates, func(a, b int) int { return cmp.Compare(e.rules[a].faults.Load(), e.rules[b].faults.Load()) })
	}
	return f.candidates
}

// Analyze parses and checks one rule, and returns its uses.
func Analyze(s *Schema, r *Rule) (Uses, error) {
	_, checked, err := analyze(s, r)
	if err != nil {
		return Uses{}, err
	}
	return checked.uses, nil
}

func analyze(s *Schema, r *Rule) (*syntax.Expression, *checker, error) {
	e, err := syntax.Parse(r.Source)
	if err != nil {
		return nil, nil, fmt.Errorf("reading rule %q: %w", r.Name, err)
	}
	checked, err := s.check(e)
	if err != nil {
		return nil, nil, fmt.Errorf("checking rule %q: %w", r.Name, err)
	}
	if t := checked.types[e.Root]; r.Kind != Query && t.Kind != schema.Bool {
		return nil, nil, fmt.Errorf("checking rule %q: %w", r.Name, &syntax.Error{At: e.Root.Pos(), Message: fmt.Sprintf("a rule is true or false, and this is a %s", t)})
	}
	return e, checked, nil
}

func (c *compiler) rule(r *Rule) (*Compiled, error) {
	e, checked, err := analyze(c.schema, r)
	if err != nil {
		return nil, err
	}
	c.types = checked.types
	if c.never = make(map[syntax.Node]bool); !c.plain.NoQuick {
		v := outcome.Evaluator{Functions: c.schema.functions, Have: answered, List: func(string) bool { return true }, Never: c.never}
		v.Of(e.Root)
	}
	out := &Compiled{Rule: r, Uses: checked.uses, code: c.compile(e.Root)}
	out.conjuncts = []*code{out.code}
	if out.code.both != nil {
		out.conjuncts = c.order(out.code.both, no)
	}
	return out, nil
}

// Rules returns the valid rules.
func (e *Engine) Rules() []*Compiled { return e.rules }

// Invalid returns the rules that do not compile, and the reasons.
func (e *Engine) Invalid() []Invalid { return e.invalid }

// Outcome is the result of a rule.
type Outcome string

// The outcomes.
const (
	Match         Outcome = "match"
	NoMatch       Outcome = "no-match"
	Indeterminate Outcome = "indeterminate" // missing evidence could decide
	Failed        Outcome = "error"
)

// Result is the outcome of one rule for one message.
type Result struct {
	Rule     *Rule
	Compiled *Compiled
	Outcome  Outcome
	Value    schema.Value      // of a query
	Missing  schema.Capability // of Indeterminate: missing evidence that could decide; of Match: missing evidence that was not needed
	Lists    []string          // lists that are not configured
	Err      error             // of Failed
	Tell     bool              // the fault is worth reporting: a first one, or one that trips the rule
}

// Judge runs the rules over a message, and calls yield with every result but NoMatch; for a
// quick input with matches, failures, and rules that later evidence can decide. It ends
// early when the context does; the remaining rules are Failed.
func (e *Engine) Judge(ctx context.Context, in *Input, yield func(Result)) {
	f := e.frame(ctx, in)
	defer e.release(f)
	candidates := e.candidates(f)
	if in.Quick {
		candidates = e.exclude(f, candidates)
	}
	for _, i := range candidates {
		if out := e.run(f, e.rules[i]); out.Outcome != NoMatch {
			yield(out)
		}
	}
}

// frame returns a frame with an empty memory.
func (e *Engine) frame(ctx context.Context, in *Input) *frame {
	f, _ := e.frames.Get().(*frame)
	if f == nil {
		f = &frame{values: make([]memo, e.slots), perElement: make([][]memo, e.eachSlots), latins: new([256]likeness)}
	}
	*f = frame{values: f.values, perElement: f.perElement, used: f.used[:0], latins: f.latins, words: f.words, elements: f.elements[:0], candidates: f.candidates, alive: f.alive, touched: f.touched[:0]}
	if f.ctx, f.in, f.switches, f.cache = ctx, in, e.switches, in.cache; f.cache == nil {
		f.cache = make(map[any]any)
	}
	f.words.reset(e.words)
	in.asks = f
	return f
}

// release keeps the frame for another message, without data of this one.
func (e *Engine) release(f *frame) {
	for _, slot := range f.touched {
		f.values[slot] = memo{}
	}
	for _, slot := range f.used {
		clear(f.perElement[slot])
		f.perElement[slot] = f.perElement[slot][:0]
	}
	clear(f.elements[:cap(f.elements)])
	f.in.asks = nil
	f.ctx, f.in, f.cache, f.parsing, f.trace = nil, nil, nil, nil, nil
	f.folded = [len(f.folded)]foldedText{}
	e.frames.Put(f)
}

// run runs one rule, and recovers from a panic.
func (e *Engine) run(f *frame, r *Compiled) (out Result) {
	out = Result{Rule: r.Rule, Compiled: r, Outcome: NoMatch}
	switch {
	case r.tripped.Load() != 0 && time.Now().Unix() < r.tripped.Load():
		out.Outcome, out.Err = Failed, ErrTripped
		return out
	case f.ctx.Err() != nil:
		out.Outcome, out.Err = Failed, context.Cause(f.ctx)
		return out
	case !f.in.Quick && !r.code.necessary.holds(f), f.in.Quick && !r.code.quick.holds(f):
		return out
	}
	defer func() {
		if p := recover(); p != nil {
			out.Outcome, out.Err, out.Tell = Failed, fmt.Errorf("running rule %q: %w: %v", r.Rule.Name, ErrPanic, p), r.fault(time.Now())
		}
	}()
	r.runs.Add(1)
	e.evaluate(f, r, &out)
	return out
}

// value evaluates a rule, as far as requested.
func (f *frame) value(r *Compiled) schema.Value {
	switch {
	case f.in.Quick && r.Rule.Kind != Query:
		conditions := r.conjuncts
		if f.excluded {
			conditions = r.ownConjuncts
		}
		return f.all(conditions).value()
	case r.Rule.Kind != Query || r.code.isTest:
		return f.ask(r.code).value()
	default:
		return r.code.eval(f)
	}
}

// all evaluates conditions until one does not hold, or can never be known to hold.
func (f *frame) all(conditions []*code) tri {
	out := yes
	for _, c := range conditions {
		t := f.isTrue(c)
		if t == no {
			f.missing = 0 // decided for a quick judgement
			return no
		}
		out = min(out, t)
	}
	return out
}

func (e *Engine) evaluate(f *frame, r *Compiled, out *Result) {
	f.begin()
	if f.steps <= 0 {
		out.Outcome, out.Err = Failed, ErrSpent
		return
	}
	v := f.value(r)
	switch {
	case f.ctx.Err() != nil && f.overrun:
		out.Outcome, out.Err = Failed, context.Cause(f.ctx)
	case f.overrun && f.spent >= maxMessageSteps:
		out.Outcome, out.Err = Failed, ErrSpent
	case f.overrun:
		out.Outcome, out.Err, out.Tell = Failed, ErrSteps, r.fault(time.Now())
	case r.Rule.Kind == Query && !v.IsNull() && v.Kind() != schema.Bool:
		out.Outcome, out.Value = Match, v
	case v.True():
		out.Outcome, out.Missing = Match, f.presumed
		if f.excluded {
			out.Missing |= f.given[r]
		}
	case v.IsNull() && f.missing != 0:
		out.Outcome, out.Missing, out.Lists = Indeterminate, f.missing, lacking(f.in.Lists, r.Uses.Lists)
	}
}

// lacking returns the lists that a rule uses and that are not configured.
func lacking(have Lists, wanted []string) []string {
	var out []string
	for _, name := range wanted {
		if have.List(name) == nil {
			out = append(out, name)
		}
	}
	return out
}
