package rule

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// Truth is the result of a condition.
type Truth string

// The truths.
const (
	True       Truth = "true"
	False      Truth = "false"
	Unknown    Truth = "unknown"
	Uncomputed Truth = "not computed" // another condition was decisive
)

// Explanation is a condition of a rule, with its result and the reasons.
type Explanation struct {
	At       syntax.Pos     `json:"at"`
	Text     string         `json:"text"`               // canonical, on one line
	Operator string         `json:"operator,omitempty"` // and, or, not: applied to the parts
	Truth    Truth          `json:"truth"`
	Values   []Seen         `json:"values,omitempty"`   // of the fields that it uses
	True     int            `json:"true,omitempty"`     // of a condition within a lambda: number of true elements
	Elements int            `json:"elements,omitempty"` // number of evaluated elements
	Missing  []string       `json:"missing,omitempty"`  // missing capabilities that make it unknown
	Parts    []*Explanation `json:"parts,omitempty"`
}

// Seen is a field that a condition used, with its last value.
type Seen struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// trace records the results of each node of one rule.
type trace map[syntax.Node]*note

type note struct {
	counts  [3]int // of no, unsure and yes
	last    tri
	value   schema.Value
	missing schema.Capability
}

// traced makes an expression record its results.
func traced(n syntax.Node, c *code) {
	if test := c.test; c.isTest {
		c.test = func(f *frame) tri {
			before := f.missing
			f.missing = 0
			t := test(f)
			f.trace.of(n).count(t, f.missing)
			f.missing |= before
			return t
		}
		return
	}
	eval := c.eval
	c.eval = func(f *frame) schema.Value {
		before := f.missing
		f.missing = 0
		v := eval(f)
		o := f.trace.of(n)
		o.value = v
		if c.typ.Kind == schema.Bool {
			o.count(truth(v), f.missing)
		}
		f.missing |= before
		return v
	}
}

// count records a result. Of a condition that is evaluated several times, the best counts.
func (o *note) count(t tri, missing schema.Capability) {
	if o.counts == [3]int{} || t > o.last {
		o.last = t
	}
	o.counts[t+1]++
	o.missing |= missing
}

func (t trace) of(n syntax.Node) *note {
	o := t[n]
	if o == nil {
		o = &note{}
		t[n] = o
	}
	return o
}

// Explainer explains one rule. It is safe for concurrent use.
type Explainer struct {
	engine *Engine
	root   syntax.Node
}

// NewExplainer returns an explainer of a rule.
func NewExplainer(s *Schema, r *Rule) (*Explainer, error) {
	e, checked, err := analyze(s, r)
	if err != nil {
		return nil, err
	}
	c := newCompiler(s, Options{NoSharing: true, NoOrder: true, NoWords: true})
	c.types, c.tracing = checked.types, true
	engine := &Engine{switches: s.switches, rules: []*Compiled{{Rule: r, Uses: checked.uses, code: c.compile(e.Root)}}}
	c.finish()
	engine.words = c.words
	return &Explainer{engine: engine, root: e.Root}, nil
}

// Explain judges a message by the rule, and returns the result of each condition.
func (x *Explainer) Explain(ctx context.Context, in *Input) (Result, *Explanation) {
	whole := *in
	whole.Quick = false
	f := x.engine.frame(ctx, &whole)
	f.trace = make(trace)
	out := x.engine.run(f, x.engine.rules[0])
	return out, f.trace.explain(x.root)
}

// explain builds the tree of conditions.
func (t trace) explain(n syntax.Node) *Explanation {
	n = stripped(n)
	e := &Explanation{At: n.Pos(), Text: syntax.Key(n), Truth: Uncomputed}
	if o := t[n]; o != nil {
		e.Truth = truthOf(o.last)
		e.True, e.Elements = o.counts[2], o.counts[0]+o.counts[1]+o.counts[2]
		if e.Truth == Unknown {
			e.Missing = o.missing.Names()
		}
	}
	switch n := n.(type) {
	case *syntax.Logic:
		e.Operator = string(n.Op)
		e.parts(t, n.Operands)
	case *syntax.Of:
		e.Operator = fmt.Sprintf("%d of", n.Count)
		e.parts(t, n.Operands)
	case *syntax.Unary:
		e.Operator = string(n.Op)
		e.parts(t, []syntax.Node{n.Operand})
	case *syntax.Call:
		if len(n.Args) == 2 && isQuantifier(n.Function) {
			e.parts(t, n.Args[1:])
		}
		t.values(n, e)
	default:
		t.values(n, e)
	}
	return e
}

func isQuantifier(name string) bool { return name == "any" || name == "all" }

func (e *Explanation) parts(t trace, nodes []syntax.Node) {
	for _, n := range nodes {
		e.Parts = append(e.Parts, t.explain(n))
	}
}

func truthOf(t tri) Truth {
	switch t {
	case yes:
		return True
	case no:
		return False
	default:
		return Unknown
	}
}

// maxSeen bounds the values of one condition, maxShown the bytes of each.
const (
	maxSeen  = 6
	maxShown = 120
)

// values collects the fields that a condition uses. Those within a lambda belong to the
// conditions there.
func (t trace) values(n syntax.Node, e *Explanation) {
	for _, child := range syntax.Children(n) {
		child = stripped(child)
		if call, ok := n.(*syntax.Call); ok && len(call.Args) == 2 && isQuantifier(call.Function) && child == stripped(call.Args[1]) {
			continue
		}
		switch child.(type) {
		case *syntax.Field, *syntax.Name, *syntax.Element, *syntax.Index:
			if o := t[child]; o != nil && len(e.Values) < maxSeen && isPlain(o.value) {
				e.Values = append(e.Values, Seen{syntax.Key(child), Show(o.value)})
			}
		case *syntax.Literal, *syntax.Tuple, *syntax.List:
		default:
			if o := t[child]; o != nil && o.value.Kind() != schema.Null && len(e.Values) < maxSeen && o.value.Kind() != schema.List {
				e.Values = append(e.Values, Seen{cut(syntax.Key(child), maxShown), Show(o.value)})
			}
			t.values(child, e)
		}
	}
}

// isPlain reports whether a value is meaningful by itself.
func isPlain(v schema.Value) bool {
	l := v.List()
	return v.Kind() != schema.Object && (l == nil || l.Len() > 0 && isPlain(l.At(0)))
}

// Show formats a value on one line.
func Show(v schema.Value) string {
	switch v.Kind() {
	case schema.Null:
		return "null"
	case schema.Bool:
		return strconv.FormatBool(v.True())
	case schema.Int:
		return strconv.FormatInt(v.Int(), 10)
	case schema.String:
		return syntax.Quote(cut(v.Text(), maxShown))
	case schema.List:
		return showList(v.List())
	case schema.Map:
		return fmt.Sprintf("map of %d", v.Map().Len())
	case schema.Time:
		t, _ := v.Time()
		return t.UTC().Format("2006-01-02T15:04:05Z")
	case schema.Object:
		return "object"
	default:
		n, _ := v.Number()
		return strconv.FormatFloat(n, 'g', -1, 64)
	}
}

func showList(l schema.Sequence) string {
	parts := []string{}
	for i := range min(l.Len(), maxSeen) {
		v := l.At(i)
		if v.Kind() == schema.Object || v.Kind() == schema.List {
			return fmt.Sprintf("list of %d", l.Len())
		}
		parts = append(parts, Show(v))
	}
	if l.Len() > maxSeen {
		parts = append(parts, fmt.Sprintf("… %d in all", l.Len()))
	}
	return cut("["+strings.Join(parts, ", ")+"]", 2*maxShown)
}

// cut shortens a text at a character boundary.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// Reasons returns the conditions that made the rule true and use a field: the leaves of the
// tree that had to hold, except for those that hold because of a missing value.
func (e *Explanation) Reasons() []*Explanation {
	if e == nil || e.Truth != True {
		return nil
	}
	if len(e.Parts) == 0 {
		return []*Explanation{e}
	}
	if e.Operator == string(syntax.Not) {
		return nil
	}
	var out []*Explanation
	for _, p := range e.Parts {
		out = append(out, p.Reasons()...)
	}
	return out
}
