// Package outcome determines the possible results of a rule's expression for any message.
//
// Functions without an implementation and missing lists yield null. Under three-valued
// logic that makes many conditions false or unknown for every message, so that a rule which
// requires one of them can never match. Field values are ignored, and conditions are
// treated as independent: an expression reported as never true is never true, but others
// may be never true as well.
//
// Standards: none.
package outcome

import (
	"slices"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// Set is the set of possible results of an expression: any of the four.
type Set uint8

// The members of a set.
const (
	True  Set = 1 << iota
	False     // the bool
	Null
	Value // any other value
)

const (
	anyBool  = True | False
	anything = anyBool | Null | Value
)

// abstract is the abstract value of an expression.
type abstract struct {
	can   Set
	elem  Set  // of a list: possible values of its elements
	empty bool // a list that cannot have elements
	exact bool // a known number
	num   float64
}

var (
	unknownValue = abstract{can: anything, elem: anything}
	nullValue    = abstract{can: Null}
)

// Evaluator determines possible results. It serves one goroutine at a time.
type Evaluator struct {
	Functions schema.Functions
	Have      schema.Capability
	List      func(name string) bool // reports whether a named list exists
	// Never, if not nil, collects the nodes that cannot be true.
	Never map[syntax.Node]bool

	scopes []Set
}

// Of returns the possible results of an expression.
func (v *Evaluator) Of(n syntax.Node) Set { return v.eval(n).can }

func (v *Evaluator) eval(n syntax.Node) abstract {
	out := v.any(n)
	if v.Never != nil && out.can&(True|Value) == 0 {
		v.Never[n] = true
	}
	return out
}

func (v *Evaluator) any(n syntax.Node) abstract {
	switch n := n.(type) {
	case *syntax.Paren:
		return v.eval(n.Inner)
	case *syntax.Literal:
		return literal(n)
	case *syntax.Logic:
		return v.logic(n)
	case *syntax.Unary:
		return v.unary(n)
	case *syntax.Binary:
		l, r := v.eval(n.Left), v.eval(n.Right)
		return strict(abstract{can: Value | Null}, l, r)
	case *syntax.Compare:
		return v.compare(n)
	case *syntax.In:
		return v.in(n)
	case *syntax.IsNull:
		return v.isNull(n)
	case *syntax.Of:
		return v.of(n)
	default:
		return v.value(n)
	}
}

// value is eval for values and their postfix parts.
func (v *Evaluator) value(n syntax.Node) abstract {
	switch n := n.(type) {
	case *syntax.Name:
		if n.Name == "triage" && v.Have&schema.Triaging == 0 {
			return nullValue
		}
		return unknownValue
	case *syntax.Element:
		if n.Depth > len(v.scopes) {
			return unknownValue
		}
		return abstract{can: v.scopes[len(v.scopes)-n.Depth], elem: anything}
	case *syntax.List:
		if !v.List(n.Name) {
			return nullValue
		}
		return abstract{can: Value, elem: Value}
	case *syntax.Field:
		if v.isMissing(n) {
			return nullValue
		}
		return strict(unknownValue, v.eval(n.Object))
	case *syntax.Index:
		return strict(unknownValue, v.eval(n.Object), v.eval(n.Key))
	case *syntax.Slice:
		out := v.eval(n.Object)
		out.can |= Null // a bound may be null
		return out
	case *syntax.Array:
		return v.array(n)
	case *syntax.Call:
		return v.call(n)
	default:
		return unknownValue
	}
}

// isMissing reports whether a field of a scanned file needs a missing capability.
func (v *Evaluator) isMissing(n *syntax.Field) bool {
	scan, ok := n.Object.(*syntax.Field)
	if !ok || scan.Name != "scan" {
		return false
	}
	return n.Name == "ocr" && v.Have&schema.OCR == 0 || n.Name == "qr" && v.Have&schema.QR == 0
}

// strict adds null to a result if one of its operands can be null.
func strict(result abstract, operands ...abstract) abstract {
	for _, o := range operands {
		switch {
		case o.can&^Null == 0:
			return nullValue
		case o.can&Null != 0:
			result.can |= Null
		}
	}
	return result
}

func literal(n *syntax.Literal) abstract {
	switch n.Kind {
	case syntax.Null:
		return nullValue
	case syntax.Bool:
		if n.Bool {
			return abstract{can: True}
		}
		return abstract{can: False}
	case syntax.Int:
		return number(float64(n.Int))
	case syntax.Float:
		return number(n.Float)
	default:
		return abstract{can: Value}
	}
}

func number(x float64) abstract { return abstract{can: Value, exact: true, num: x} }

// logic is Kleene's: one decisive operand is enough.
func (v *Evaluator) logic(n *syntax.Logic) abstract {
	decides, other := False, True
	if n.Op == syntax.Or {
		decides, other = True, False
	}
	var out Set
	rest := other // possible results of the operands so far if none decides
	for _, o := range n.Operands {
		can := v.eval(o).can
		if can&Value != 0 {
			can |= anyBool
		}
		out |= can & decides
		switch {
		case can&(other|Null) == 0:
			rest = 0
		case can&other == 0: // null at best
			if rest != 0 {
				rest = Null
			}
		case can&Null != 0 && rest != 0:
			rest |= Null
		}
	}
	return abstract{can: out | rest}
}

func (v *Evaluator) unary(n *syntax.Unary) abstract {
	o := v.eval(n.Operand)
	if n.Op != syntax.Not {
		if o.exact {
			return number(-o.num)
		}
		return strict(abstract{can: Value | Null}, o)
	}
	return abstract{can: negated(o.can)}
}

func negated(can Set) Set {
	out := can &^ anyBool
	if can&True != 0 {
		out |= False
	}
	if can&False != 0 {
		out |= True
	}
	return out
}

func (v *Evaluator) compare(n *syntax.Compare) abstract {
	operands := make([]abstract, len(n.Operands))
	for i, o := range n.Operands {
		operands[i] = v.eval(o)
	}
	out := abstract{can: anyBool | Null} // values of two kinds, as in JSON, cannot be compared
	if len(n.Ops) == 1 && operands[0].exact && operands[1].exact {
		out.can = False
		if holds(n.Ops[0], operands[0].num, operands[1].num) {
			out.can = True
		}
	}
	return strict(out, operands...)
}

func holds(op syntax.Op, a, b float64) bool {
	switch op {
	case syntax.Lt:
		return a < b
	case syntax.Le:
		return a <= b
	case syntax.Gt:
		return a > b
	case syntax.Ge:
		return a >= b
	case syntax.Ne, syntax.NeFold:
		return a < b || a > b
	default:
		return !(a < b) && !(a > b)
	}
}

func (v *Evaluator) in(n *syntax.In) abstract {
	value := v.eval(n.Value)
	var out abstract
	if tuple, ok := n.List.(*syntax.Tuple); ok {
		out = abstract{can: anyBool | Null}
		for _, e := range tuple.Elements {
			v.eval(e)
		}
	} else {
		list := v.eval(n.List)
		out = abstract{can: anyBool | Null}
		if list.empty {
			out.can = False
		}
		out = strict(out, list)
	}
	out = strict(out, value)
	if n.Not {
		out.can = negated(out.can)
	}
	return out
}

func (v *Evaluator) isNull(n *syntax.IsNull) abstract {
	can := v.eval(n.Value).can
	var out Set
	if can&Null != 0 {
		out |= True
	}
	if can&^Null != 0 {
		out |= False
	}
	if n.Not {
		out = negated(out)
	}
	return abstract{can: out}
}

func (v *Evaluator) of(n *syntax.Of) abstract {
	var trues, only, nulls, decided int64
	for _, o := range n.Operands {
		can := v.eval(o).can
		if can&True != 0 {
			trues++
		}
		if can == True {
			only++
		}
		if can&Null != 0 {
			nulls++
		}
		if can&anyBool != 0 {
			decided++
		}
	}
	var out Set
	if trues >= n.Count {
		out |= True
	}
	if only < n.Count {
		if decided == int64(len(n.Operands)) {
			out |= False
		}
		if nulls > 0 {
			out |= Null
		}
	}
	return abstract{can: out}
}

func (v *Evaluator) array(n *syntax.Array) abstract {
	out := abstract{can: Value, empty: len(n.Elements) == 0}
	for _, e := range n.Elements {
		out.elem |= v.eval(e).can
	}
	return out
}

func (v *Evaluator) call(n *syntax.Call) abstract {
	f := v.Functions.Lookup(n.Function)
	if f == nil {
		return unknownValue
	}
	if f.Needs&^v.Have != 0 {
		return nullValue
	}
	if f.Form == schema.Lambda {
		return v.lambda(f.Name, n)
	}
	args := make([]abstract, len(n.Args))
	for i, a := range n.Args {
		args[i] = v.eval(a)
	}
	switch {
	case f.Name == "coalesce":
		return coalesce(args)
	case f.Name == "length":
		if len(args) == 1 && args[0].empty {
			return strict(number(0), args...)
		}
		return strict(abstract{can: Value | Null}, args...)
	case f.Name == "sum":
		return abstract{can: Value | Null}
	case f.Name == "flatten":
		return abstract{can: Value, elem: anything, empty: args[0].can == Null}
	case f.Variadic && f.Name != "strings.concat" && len(args) > 1:
		return search(args)
	default:
		return strict(unknownValue, args...)
	}
}

// search is a function that searches for several texts: it is null if the first argument
// is, or all the others are.
func search(args []abstract) abstract {
	out := strict(unknownValue, args[0])
	if !slices.ContainsFunc(args[1:], func(a abstract) bool { return a.can&^Null != 0 }) {
		return nullValue
	}
	return out
}

func coalesce(args []abstract) abstract {
	out := abstract{can: Null}
	for _, a := range args {
		if out.can&Null == 0 {
			break
		}
		before := out.can &^ Null
		out = a
		out.can |= before
		out.exact = out.exact && before == 0
		out.empty = out.empty && before == 0
	}
	return out
}

// lambda evaluates the functions of list elements. They are null for a list that exceeds
// their bound.
func (v *Evaluator) lambda(name string, n *syntax.Call) abstract {
	list := v.eval(n.Args[0])
	none := list.can&^Null == 0 // the list is null
	if list.elem == 0 {
		list.elem = anything
	}
	var body abstract
	if len(n.Args) > 1 {
		v.scopes = append(v.scopes, list.elem)
		body = v.eval(n.Args[1])
		v.scopes = v.scopes[:len(v.scopes)-1]
	}
	if body.can&Value != 0 {
		body.can |= anyBool
	}
	switch name {
	case "any":
		return quantified(list, none, False, body.can&(True|Null), Null)
	case "all":
		return quantified(list, none, True, body.can&(False|Null), True)
	case "filter":
		return abstract{can: Value | Null, elem: list.elem, empty: none || list.empty || body.can&True == 0}
	case "distinct":
		return abstract{can: Value | Null, elem: list.elem, empty: none || list.empty}
	case "map":
		return strict(abstract{can: Value | Null, elem: body.can, empty: list.empty}, list)
	default: // ratio
		out := strict(abstract{can: Value | Null}, list)
		if list.empty {
			return nullValue
		}
		return out
	}
}

// quantified is any or all: the result for an empty list, the results that elements can
// cause, and the result for null.
func quantified(list abstract, none bool, empty, elements, null Set) abstract {
	switch {
	case none:
		return abstract{can: null}
	case list.empty:
		elements = 0
	}
	out := empty | elements | Null
	if list.can&Null != 0 {
		out |= null
	}
	return abstract{can: out}
}
