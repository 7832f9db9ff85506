package feed

import (
	"slices"
	"strings"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// outcomes is what an expression can come to: a set of the four.
type outcomes uint8

const (
	canTrue  outcomes = 1 << iota
	canFalse          // the bool
	canNull
	canValue // anything else
)

const (
	anyBool  = canTrue | canFalse
	anything = anyBool | canNull | canValue
	nonNull  = anyBool | canValue
)

// abstract is an expression of which only what it can come to is known.
type abstract struct {
	can   outcomes
	elem  outcomes // of a list: what its elements can be
	empty bool     // a list that cannot have elements
	exact bool     // a number that is known
	num   float64
}

var (
	unknownValue = abstract{can: anything, elem: nonNull}
	nullValue    = abstract{can: canNull}
)

// evaluator finds out whether a rule can become true when some of what it asks for is not
// there and so is null, under the three-valued logic of the language. It does not look at
// what fields hold, and takes no two conditions to be about the same.
type evaluator struct {
	functions schema.Functions
	have      schema.Capability
	list      func(name string) bool // whether a named list is there
	scopes    []outcomes
}

// canFire reports whether an expression can be true.
func (v *evaluator) canFire(n syntax.Node) bool { return v.eval(n).can&canTrue != 0 }

func (v *evaluator) eval(n syntax.Node) abstract {
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
		return strict(abstract{can: canValue | canNull}, l, r)
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

// value is eval for what stands for a value.
func (v *evaluator) value(n syntax.Node) abstract {
	switch n := n.(type) {
	case *syntax.Name:
		if n.Name == "triage" && v.have&schema.Triaging == 0 {
			return nullValue
		}
		return unknownValue
	case *syntax.Element:
		if n.Depth > len(v.scopes) {
			return unknownValue
		}
		return abstract{can: v.scopes[len(v.scopes)-n.Depth], elem: nonNull}
	case *syntax.List:
		if !v.list(n.Name) {
			return nullValue
		}
		return abstract{can: canValue, elem: canValue}
	case *syntax.Field:
		if v.isMissing(n) {
			return nullValue
		}
		return strict(unknownValue, v.eval(n.Object))
	case *syntax.Index:
		return strict(unknownValue, v.eval(n.Object), v.eval(n.Key))
	case *syntax.Slice:
		return v.eval(n.Object)
	case *syntax.Array:
		return v.array(n)
	case *syntax.Call:
		return v.call(n)
	default:
		return unknownValue
	}
}

// isMissing reports whether a field of a scanned file needs what is not there.
func (v *evaluator) isMissing(n *syntax.Field) bool {
	scan, ok := n.Object.(*syntax.Field)
	if !ok || scan.Name != "scan" {
		return false
	}
	return n.Name == "ocr" && v.have&schema.OCR == 0 || n.Name == "qr" && v.have&schema.QR == 0
}

// strict is the result of what is null where one of its operands is.
func strict(result abstract, operands ...abstract) abstract {
	for _, o := range operands {
		switch {
		case o.can&^canNull == 0:
			return nullValue
		case o.can&canNull != 0:
			result.can |= canNull
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
			return abstract{can: canTrue}
		}
		return abstract{can: canFalse}
	case syntax.Int:
		return number(float64(n.Int))
	case syntax.Float:
		return number(n.Float)
	default:
		return abstract{can: canValue}
	}
}

func number(x float64) abstract { return abstract{can: canValue, exact: true, num: x} }

// logic is Kleene's: one operand that decides is enough.
func (v *evaluator) logic(n *syntax.Logic) abstract {
	decides, other := canFalse, canTrue
	if n.Op == syntax.Or {
		decides, other = canTrue, canFalse
	}
	var out outcomes
	rest := other // what the operands so far come to where none decides
	for _, o := range n.Operands {
		can := v.eval(o).can
		if can&canValue != 0 {
			can |= anyBool
		}
		out |= can & decides
		switch {
		case can&(other|canNull) == 0:
			rest = 0
		case can&other == 0: // null at best
			if rest != 0 {
				rest = canNull
			}
		case can&canNull != 0 && rest != 0:
			rest |= canNull
		}
	}
	return abstract{can: out | rest}
}

func (v *evaluator) unary(n *syntax.Unary) abstract {
	o := v.eval(n.Operand)
	if n.Op != syntax.Not {
		if o.exact {
			return number(-o.num)
		}
		return strict(abstract{can: canValue}, o)
	}
	return abstract{can: negated(o.can)}
}

func negated(can outcomes) outcomes {
	out := can &^ anyBool
	if can&canTrue != 0 {
		out |= canFalse
	}
	if can&canFalse != 0 {
		out |= canTrue
	}
	return out
}

func (v *evaluator) compare(n *syntax.Compare) abstract {
	operands := make([]abstract, len(n.Operands))
	for i, o := range n.Operands {
		operands[i] = v.eval(o)
	}
	out := abstract{can: anyBool}
	if len(n.Ops) == 1 && operands[0].exact && operands[1].exact {
		out.can = canFalse
		if holds(n.Ops[0], operands[0].num, operands[1].num) {
			out.can = canTrue
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

func (v *evaluator) in(n *syntax.In) abstract {
	value := v.eval(n.Value)
	var out abstract
	if tuple, ok := n.List.(*syntax.Tuple); ok {
		out = abstract{can: anyBool}
		for _, e := range tuple.Elements {
			if v.eval(e).can&canNull != 0 {
				out.can |= canNull
			}
		}
	} else {
		list := v.eval(n.List)
		out = abstract{can: anyBool}
		if list.empty {
			out.can = canFalse
		}
		out = strict(out, list)
	}
	out = strict(out, value)
	if n.Not {
		out.can = negated(out.can)
	}
	return out
}

func (v *evaluator) isNull(n *syntax.IsNull) abstract {
	can := v.eval(n.Value).can
	var out outcomes
	if can&canNull != 0 {
		out |= canTrue
	}
	if can&^canNull != 0 {
		out |= canFalse
	}
	if n.Not {
		out = negated(out)
	}
	return abstract{can: out}
}

func (v *evaluator) of(n *syntax.Of) abstract {
	var trues, only, nulls, decided int64
	for _, o := range n.Operands {
		can := v.eval(o).can
		if can&canTrue != 0 {
			trues++
		}
		if can == canTrue {
			only++
		}
		if can&canNull != 0 {
			nulls++
		}
		if can&anyBool != 0 {
			decided++
		}
	}
	var out outcomes
	if trues >= n.Count {
		out |= canTrue
	}
	if only < n.Count {
		if decided == int64(len(n.Operands)) {
			out |= canFalse
		}
		if nulls > 0 {
			out |= canNull
		}
	}
	return abstract{can: out}
}

func (v *evaluator) array(n *syntax.Array) abstract {
	out := abstract{can: canValue, empty: len(n.Elements) == 0}
	for _, e := range n.Elements {
		out.elem |= v.eval(e).can
	}
	return out
}

func (v *evaluator) call(n *syntax.Call) abstract {
	f := v.functions.Lookup(n.Function)
	if f == nil {
		return unknownValue
	}
	if f.Needs&^v.have != 0 {
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
			return number(0)
		}
		return strict(abstract{can: canValue}, args...)
	case f.Name == "sum":
		return abstract{can: canValue}
	case f.Name == "flatten":
		return abstract{can: canValue, elem: nonNull, empty: args[0].can == canNull}
	case f.Variadic && f.Name != "strings.concat" && len(args) > 1:
		return search(args)
	default:
		return strict(unknownValue, args...)
	}
}

// search is a function that looks for one of several: it is null where the first argument
// is, or all the others are.
func search(args []abstract) abstract {
	out := strict(unknownValue, args[0])
	if !slices.ContainsFunc(args[1:], func(a abstract) bool { return a.can&^canNull != 0 }) {
		return nullValue
	}
	return out
}

func coalesce(args []abstract) abstract {
	out := abstract{can: canNull}
	for _, a := range args {
		if out.can&canNull == 0 {
			break
		}
		before := out.can &^ canNull
		out = a
		out.can |= before
		out.exact = out.exact && before == 0
		out.empty = out.empty && before == 0
	}
	return out
}

// lambda evaluates the functions that look at the elements of a list.
func (v *evaluator) lambda(name string, n *syntax.Call) abstract {
	list := v.eval(n.Args[0])
	none := list.can&^canNull == 0 // it is null
	if list.elem == 0 {
		list.elem = nonNull
	}
	var body abstract
	if len(n.Args) > 1 {
		v.scopes = append(v.scopes, list.elem)
		body = v.eval(n.Args[1])
		v.scopes = v.scopes[:len(v.scopes)-1]
	}
	if body.can&canValue != 0 {
		body.can |= anyBool
	}
	switch name {
	case "any":
		return quantified(list, none, canFalse, body.can&(canTrue|canNull), canNull)
	case "all":
		return quantified(list, none, canTrue, body.can&(canFalse|canNull), canTrue)
	case "filter":
		return abstract{can: canValue, elem: list.elem, empty: none || list.empty || body.can&canTrue == 0}
	case "distinct":
		return abstract{can: canValue, elem: list.elem, empty: none || list.empty}
	case "map":
		return strict(abstract{can: canValue, elem: body.can, empty: list.empty}, list)
	default: // ratio
		out := strict(abstract{can: canValue | canNull}, list)
		if list.empty {
			return nullValue
		}
		return out
	}
}

// quantified is any or all: what it is of an empty list, what the elements can make of it,
// and what it is of null.
func quantified(list abstract, none bool, empty, elements, null outcomes) abstract {
	switch {
	case none:
		return abstract{can: null}
	case list.empty:
		elements = 0
	}
	out := empty | elements
	if list.can&canNull != 0 {
		out |= null
	}
	return abstract{can: out}
}

// isPublicList reports whether a name is that of a list which somebody publishes or keeps,
// as far as the documentation of the feed goes.
func isPublicList(name string) bool {
	return organisational[name] || historical[name] || strings.Contains(publishedLists, " "+name+" ")
}
