package rule

import (
	"fmt"
	"slices"
	"strings"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// checker determines the type of every node of a rule.
type checker struct {
	schema *Schema
	types  map[syntax.Node]*schema.Type
	scopes []*schema.Type // element types of the enclosing lambdas, outermost first
	errs   []*syntax.Error
	uses   Uses
}

// Uses are the capabilities, lists and functions that a rule uses.
type Uses struct {
	Needs     schema.Capability // of functions and fields
	Lists     []string          // named lists, sorted
	Functions []string          // sorted
}

// check determines the type of a rule and of all its parts, and its needs. It returns every
// fault, in textual order.
func (s *Schema) check(e *syntax.Expression) (*checker, error) {
	c := &checker{schema: s, types: make(map[syntax.Node]*schema.Type)}
	c.check(e.Root)
	slices.Sort(c.uses.Lists)
	c.uses.Lists = slices.Compact(c.uses.Lists)
	slices.Sort(c.uses.Functions)
	c.uses.Functions = slices.Compact(c.uses.Functions)
	if len(c.errs) > 0 {
		return c, FaultsError(c.errs)
	}
	return c, nil
}

// FaultsError lists all faults of a rule.
type FaultsError []*syntax.Error

// Error lists the faults.
func (f FaultsError) Error() string {
	lines := make([]string, len(f))
	for i, e := range f {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// unknown is the type of a faulty expression: it is compatible with everything, so that
// each fault is reported once.
var unknown = &schema.Type{Kind: schema.Dynamic, Name: "?"}

func (c *checker) fault(n syntax.Node, hint, format string, args ...any) *schema.Type {
	if len(c.errs) < maxFaults {
		c.errs = append(c.errs, &syntax.Error{At: n.Pos(), Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	return unknown
}

// maxFaults bounds the reported faults of one rule.
const maxFaults = 20

func (c *checker) check(n syntax.Node) *schema.Type {
	t := c.typeOf(n)
	c.types[n] = t
	return t
}

func (c *checker) typeOf(n syntax.Node) *schema.Type {
	switch n := n.(type) {
	case *syntax.Literal:
		return literalType(n)
	case *syntax.Paren:
		return c.check(n.Inner)
	case *syntax.Logic:
		c.bools(string(n.Op), n.Operands)
		return schema.BoolType
	case *syntax.Of:
		c.bools("of", n.Operands)
		return schema.BoolType
	case *syntax.Unary:
		return c.unary(n)
	case *syntax.Binary:
		return c.arithmetic(n)
	case *syntax.Compare:
		return c.compare(n)
	case *syntax.In:
		return c.in(n)
	case *syntax.IsNull:
		if t := c.check(n.Value); t.Kind == schema.List {
			return c.fault(n, "compare length(...) with 0", "a list is never null")
		}
		return schema.BoolType
	case *syntax.Name:
		return c.name(n)
	case *syntax.Element:
		return c.element(n)
	case *syntax.List:
		c.uses.Lists = append(c.uses.Lists, n.Name)
		return schema.ListOf(c.schema.listElement(n.Name))
	case *syntax.Field:
		return c.field(n)
	case *syntax.Index:
		return c.index(n)
	case *syntax.Slice:
		return c.slice(n)
	case *syntax.Array:
		return schema.ListOf(c.unify(n.Elements))
	case *syntax.Call:
		return c.call(n)
	case *syntax.Tuple:
		return c.fault(n, "", "a list in parentheses is allowed only after \"in\"")
	default:
		return c.fault(n, "", "unknown expression %T", n)
	}
}

func literalType(n *syntax.Literal) *schema.Type {
	switch n.Kind {
	case syntax.Bool:
		return schema.BoolType
	case syntax.Int:
		return schema.IntType
	case syntax.Float:
		return schema.FloatType
	case syntax.String:
		return schema.StringType
	default:
		return schema.NullType
	}
}

// bools checks operands that must be true or false.
func (c *checker) bools(op string, operands []syntax.Node) {
	for _, o := range operands {
		c.boolean(op, o)
	}
}

func (c *checker) boolean(op string, n syntax.Node) {
	switch t := c.check(n); {
	case t.Kind == schema.Bool || t.Kind == schema.Null || t == unknown:
	case t.Kind == schema.Dynamic:
		c.fault(n, "write == true after it", "%q needs a bool, and this is JSON", op)
	default:
		c.fault(n, "", "%q needs a bool, and this is a %s", op, t)
	}
}

func (c *checker) unary(n *syntax.Unary) *schema.Type {
	if n.Op == syntax.Not {
		c.boolean("not", n.Operand)
		return schema.BoolType
	}
	t := c.check(n.Operand)
	if !isNumber(t) {
		return c.fault(n, "", "a %s has no negative", t)
	}
	return t
}

func isNumber(t *schema.Type) bool {
	return t.Kind == schema.Int || t.Kind == schema.Float || t.Kind == schema.Dynamic || t.Kind == schema.Null
}

func (c *checker) arithmetic(n *syntax.Binary) *schema.Type {
	l, r := c.check(n.Left), c.check(n.Right)
	switch {
	case !isNumber(l):
		return c.fault(n.Left, concatHint(l, n.Op), "%q needs numbers, and this is a %s", n.Op, l)
	case !isNumber(r):
		return c.fault(n.Right, concatHint(r, n.Op), "%q needs numbers, and this is a %s", n.Op, r)
	case l.Kind == schema.Int && r.Kind == schema.Int:
		return schema.IntType
	case l.Kind == schema.Dynamic || r.Kind == schema.Dynamic:
		return schema.DynamicType
	default:
		return schema.FloatType
	}
}

func concatHint(t *schema.Type, op syntax.Op) string {
	if t.Kind == schema.String && op == syntax.Add {
		return "strings.concat joins texts"
	}
	return ""
}

func (c *checker) compare(n *syntax.Compare) *schema.Type {
	types := make([]*schema.Type, len(n.Operands))
	for i, o := range n.Operands {
		types[i] = c.check(o)
	}
	for i, op := range n.Ops {
		l, r := types[i], types[i+1]
		switch {
		case !canEqual(l, r):
			c.fault(n.Operands[i+1], compareHint(l, r), "a %s is never %q a %s", l, op, r)
		case (op == syntax.EqFold || op == syntax.NeFold) && l.Kind != schema.String && l.Kind != schema.Dynamic && l.Kind != schema.Null:
			c.fault(n, "write == or !=", "%q compares texts, and this is a %s", op, l)
		}
	}
	return schema.BoolType
}

func compareHint(l, r *schema.Type) string {
	if l.Kind == schema.List || r.Kind == schema.List {
		return "use in, any(...) or length(...)"
	}
	if l.Kind == schema.Object || r.Kind == schema.Object {
		return "name one of its fields"
	}
	return ""
}

// canEqual reports whether values of two types can be equal.
func canEqual(l, r *schema.Type) bool {
	switch {
	case isNumber(l) && isNumber(r):
		return true
	case isLoose(l) || isLoose(r):
		return true
	case l.Kind == schema.List || l.Kind == schema.Object || l.Kind == schema.Map:
		return false
	default:
		return l.Kind == r.Kind
	}
}

func isLoose(t *schema.Type) bool { return t.Kind == schema.Dynamic || t.Kind == schema.Null }

func (c *checker) in(n *syntax.In) *schema.Type {
	v := c.check(n.Value)
	if tuple, ok := n.List.(*syntax.Tuple); ok {
		c.types[tuple] = schema.ListOf(v)
		for _, e := range tuple.Elements {
			if t := c.check(e); !canEqual(v, t) {
				c.fault(e, compareHint(v, t), "a %s is never among others of type %s", v, t)
			}
		}
		return schema.BoolType
	}
	switch l := c.check(n.List); {
	case isLoose(l):
	case l.Kind != schema.List:
		c.fault(n.List, "use == to compare with one value", "\"in\" needs a list, and this is a %s", l)
	case l.Elem != nil && !canEqual(v, l.Elem):
		c.fault(n.List, compareHint(v, l.Elem), "a %s is never in a %s", v, l)
	}
	return schema.BoolType
}

func (c *checker) name(n *syntax.Name) *schema.Type {
	if n.Name == "triage" {
		c.uses.Needs |= schema.Triaging
		return c.schema.types["result.Triage"]
	}
	if f := c.schema.root().Field(n.Name); f != nil {
		return f.Type
	}
	return c.fault(n, nearest(n.Name, c.schema.root().Names()), "a message has no field %q", n.Name)
}

func (c *checker) element(n *syntax.Element) *schema.Type {
	if n.Depth > len(c.scopes) {
		return c.fault(n, "", "%q needs as many enclosing any(...), filter(...) or similar calls", strings.Repeat(".", n.Depth))
	}
	return c.scopes[len(c.scopes)-n.Depth]
}

func (c *checker) field(n *syntax.Field) *schema.Type {
	t := c.check(n.Object)
	switch t.Kind {
	case schema.Dynamic:
		return t
	case schema.Object:
		f := t.Field(n.Name)
		if f == nil {
			return c.fault(n, nearest(n.Name, t.Names()), "a %s has no field %q", t, n.Name)
		}
		c.uses.Needs |= fieldNeeds(t, n.Name)
		return f.Type
	case schema.List:
		return c.fault(n, fmt.Sprintf("write any(..., .%s) or [0].%s", n.Name, n.Name), "a %s has no fields", t)
	case schema.Map:
		return c.fault(n, fmt.Sprintf("write [%q]", n.Name), "a %s has no fields", t)
	default:
		return c.fault(n, "", "a %s has no field %q", t, n.Name)
	}
}

// fieldNeeds returns the capabilities of a scan besides opening the file.
func fieldNeeds(t *schema.Type, name string) schema.Capability {
	switch {
	case t.Name != "scan.Scan":
		return 0
	case name == "ocr":
		return schema.OCR
	case name == "qr":
		return schema.QR
	default:
		return 0
	}
}

func (c *checker) index(n *syntax.Index) *schema.Type {
	t, k := c.check(n.Object), c.check(n.Key)
	switch t.Kind {
	case schema.Dynamic:
		return t
	case schema.List:
		if !isNumber(k) {
			return c.fault(n.Key, "", "a list is indexed by a number, and this is a %s", k)
		}
		return t.Elem
	case schema.Map:
		if k.Kind != schema.String && !isLoose(k) {
			return c.fault(n.Key, "", "a map is indexed by a text, and this is a %s", k)
		}
		return t.Elem
	default:
		return c.fault(n, "", "a %s has no elements", t)
	}
}

func (c *checker) slice(n *syntax.Slice) *schema.Type {
	t := c.check(n.Object)
	for _, b := range []syntax.Node{n.From, n.To} {
		if b != nil && !isNumber(c.check(b)) {
			c.fault(b, "", "bounds of a slice are numbers")
		}
	}
	if t.Kind != schema.List && t.Kind != schema.String && t.Kind != schema.Dynamic {
		return c.fault(n, "", "a %s has no elements", t)
	}
	return t
}

// unify returns the common type of the expressions.
func (c *checker) unify(nodes []syntax.Node) *schema.Type {
	var t *schema.Type
	for _, n := range nodes {
		t = join(t, c.check(n))
	}
	if t == nil {
		return schema.DynamicType
	}
	return t
}

func join(a, b *schema.Type) *schema.Type {
	switch {
	case a == nil || a.Kind == schema.Null:
		return b
	case b.Kind == schema.Null || a.Same(b):
		return a
	case isNumber(a) && isNumber(b):
		return schema.FloatType
	default:
		return schema.DynamicType
	}
}
