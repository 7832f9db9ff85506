package rule

import (
	"slices"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// lambda compiles a function whose second argument is evaluated for each element of the
// first.
func (c *compiler) lambda(name string, n *syntax.Call) *code {
	if out := c.anyOfList(name, n); out != nil {
		return out
	}
	list := c.compile(n.Args[0])
	var body *code
	if len(n.Args) > 1 {
		c.scopes = append(c.scopes, scope{list.stream.elements(), c.listOf(n.Args[0])})
		body = c.compile(n.Args[1])
		c.scopes = c.scopes[:len(c.scopes)-1]
	}
	out := &code{cost: costLambda + list.cost}
	if body != nil {
		out.cost = min(out.cost+body.cost*elementTimes, maxCost)
	}
	switch name {
	case "any":
		out.necessary, out.quick = c.someWith(list, body)
		out.odds = 1 - (1-body.odds)*(1-body.odds)
		out.test, out.isTrue = quantifier(list, body, yes, &c.schema.switches, (*frame).ask), quantifier(list, body, yes, &c.schema.switches, (*frame).isTrue)
	case "all":
		out.odds = body.odds
		out.test = quantifier(list, body, no, &c.schema.switches, (*frame).ask)
	case "filter":
		out.eval, out.stream = filter(list, body), list.stream
		out.nonEmpty, out.quickNonEmpty = c.someWith(list, body)
	case "map":
		out.eval = transform(list, body)
		out.nonEmpty, out.quickNonEmpty = c.someOf(list)
	case "distinct":
		out.eval, out.stream = distinct(list, body), list.stream
		out.nonEmpty, out.quickNonEmpty = c.someOf(list)
	case "ratio":
		out.eval = ratio(list, body)
	}
	return out
}

// someOf returns the formula for a non-empty list.
func (c *compiler) someOf(list *code) (some, quick *formula) {
	if list.nonEmpty != nil {
		return list.nonEmpty, list.quickNonEmpty
	}
	some = c.words.wantSome(list.stream.elements())
	return some, some
}

// someWith returns the formula for a list with an element that fulfils a condition. The
// words that the condition requires are then in an element.
func (c *compiler) someWith(list, body *code) (some, quick *formula) {
	if list.nonEmpty == nil && body.necessary != nil {
		return body.necessary, body.quick
	}
	some, quick = c.someOf(list)
	return both(body.necessary, some), both(body.quick, quick)
}

// anyOfList compiles any($list, strings.contains(text, .)), or returns nil for another
// call: lists are long, so one pass searches for all elements.
func (c *compiler) anyOfList(name string, n *syntax.Call) *code {
	if name != "any" || len(n.Args) != 2 {
		return nil
	}
	named, ok := stripped(n.Args[0]).(*syntax.List)
	call, isCall := stripped(n.Args[1]).(*syntax.Call)
	if !ok || !isCall || len(call.Args) != 2 || call.Function != "strings.contains" && call.Function != "strings.icontains" {
		return nil
	}
	dot, ok := stripped(call.Args[1]).(*syntax.Element)
	if !ok || dot.Depth != 1 || c.sees(call.Args[0], 1) || c.types[n.Args[0]].Elem.Kind != schema.String {
		return nil
	}
	c.scopes = append(c.scopes, scope{})
	text := c.compile(call.Args[0])
	c.scopes = c.scopes[:len(c.scopes)-1]
	folds := call.Function == "strings.icontains"
	return &code{cost: text.cost + costLongList, odds: oddsText, test: func(f *frame) tri {
		list := f.readable(named.Name)
		if list == nil {
			return unsure
		}
		f.elements = append(f.elements, element{})
		v := text.eval(f)
		f.elements = f.elements[:len(f.elements)-1]
		switch {
		case list.Len() == 0:
			return no
		case v.Kind() != schema.String || !f.spend(1+len(v.Text())/stepBytes):
			return unsure
		}
		return triOf(list.in(f.cut(v.Text(), maxText), folds))
	}}
}

// sees reports whether an expression uses the element of the lambda at that depth.
func (c *compiler) sees(n syntax.Node, depth int) bool {
	if e, ok := n.(*syntax.Element); ok {
		return e.Depth == depth
	}
	if call, ok := n.(*syntax.Call); ok && c.isLambda(call) && len(call.Args) > 1 {
		return c.sees(call.Args[0], depth) || c.sees(call.Args[1], depth+1)
	}
	return slices.ContainsFunc(syntax.Children(n), func(child syntax.Node) bool { return c.sees(child, depth) })
}

// each calls do for the elements of a list until it returns false, or the rule exceeds its
// steps. It returns false if the list exceeds maxElements.
func (f *frame) each(l schema.Sequence, do func(schema.Value) bool) (whole bool) {
	n := l.Len()
	if _, named := l.(*listed); n > maxElements && !named {
		n, whole = maxElements, false
	} else {
		whole = true
	}
	depth := len(f.elements)
	f.elements = append(f.elements, element{})
	for i := range n {
		if !f.spend(1) {
			break
		}
		v := l.At(i)
		f.elements[depth] = element{v, i}
		if !do(v) {
			break
		}
	}
	f.elements = f.elements[:depth]
	return whole
}

// quantifier compiles any, which the first true decides, and all, which the first false
// decides. For a null list, any is null and all is true, as in the reference
// implementation.
func quantifier(list, body *code, decides tri, s *Switches, ask func(*frame, *code) tri) func(*frame) tri {
	ofNull := unsure
	if decides == no && !s.AllOfNullIsUnknown {
		ofNull = yes
	}
	return func(f *frame) tri {
		l := list.eval(f).List()
		if l == nil {
			return ofNull
		}
		out, before := -decides, f.missing
		whole := f.each(l, func(schema.Value) bool {
			t := ask(f, body)
			if t == decides {
				out, f.missing = decides, before
			} else if t == unsure && !s.AnyUnknownIsFalse {
				out = unsure
			}
			return t != decides
		})
		if !whole && out != decides {
			return unsure // an element that was not evaluated could decide
		}
		return out
	}
}

func filter(list, body *code) func(*frame) schema.Value {
	return func(f *frame) schema.Value {
		var out schema.Values
		if l := list.eval(f).List(); l != nil {
			if !f.each(l, func(v schema.Value) bool {
				if body.test(f) == yes {
					out = append(out, v)
				}
				return true
			}) {
				return schema.Value{}
			}
		}
		return schema.OfList(out)
	}
}

func transform(list, body *code) func(*frame) schema.Value {
	return func(f *frame) schema.Value {
		l := list.eval(f).List()
		if l == nil {
			return schema.Value{}
		}
		out := make(schema.Values, 0, min(l.Len(), maxElements))
		if !f.each(l, func(schema.Value) bool {
			out = append(out, body.eval(f))
			return true
		}) {
			return schema.Value{}
		}
		return schema.OfList(out)
	}
}

// distinct keeps the first element of each value of the key. Null is a separate value.
func distinct(list, body *code) func(*frame) schema.Value {
	return func(f *frame) schema.Value {
		var out schema.Values
		seen := make(map[any]bool)
		if l := list.eval(f).List(); l != nil {
			if !f.each(l, func(v schema.Value) bool {
				key := v
				if body != nil {
					key = body.eval(f)
				}
				if k := identity(key); !seen[k] {
					seen[k] = true
					out = append(out, v)
				}
				return true
			}) {
				return schema.Value{}
			}
		}
		return schema.OfList(out)
	}
}

// identity returns a comparable key of a value.
func identity(v schema.Value) any {
	switch v.Kind() {
	case schema.String:
		return v.Text()
	case schema.Bool:
		return v.True()
	case schema.Int:
		return v.Int()
	case schema.Object:
		return v.Ref()
	case schema.Float:
		n, _ := v.Number()
		return n
	case schema.Time:
		t, _ := v.Time()
		return t.UTC()
	case schema.Null:
		return nil
	default: // lists and maps are never equal
		return new(byte)
	}
}

func ratio(list, body *code) func(*frame) schema.Value {
	return func(f *frame) schema.Value {
		l := list.eval(f).List()
		if l == nil || l.Len() == 0 {
			return schema.Value{}
		}
		hits, seen := 0, 0
		whole := f.each(l, func(schema.Value) bool {
			seen++
			if body.test(f) == yes {
				hits++
			}
			return true
		})
		if !whole || seen == 0 {
			return schema.Value{}
		}
		return schema.OfFloat(float64(hits) / float64(seen))
	}
}
