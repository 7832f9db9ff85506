package rule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// call checks a call and returns its result type.
func (c *checker) call(n *syntax.Call) *schema.Type {
	f := c.schema.functions.Lookup(n.Function)
	if f == nil {
		return c.fault(n, nearest(n.Function, slices.Collect(maps.Keys(c.schema.functions))), "there is no function %q", n.Function)
	}
	c.uses.Needs |= f.Needs
	c.uses.Functions = append(c.uses.Functions, f.Name)
	c.count(n, f)
	types := c.arguments(n, f)
	c.named(n, f)
	if f.Form == schema.Pattern {
		c.patterns(n)
	}
	if f.Name == "beta.ip_in" {
		c.networks(n)
	}
	if f.Result != nil {
		return f.Result
	}
	return c.result(n, f, types)
}

func (c *checker) count(n *syntax.Call, f *schema.Function) {
	least := 0
	for _, p := range f.Params {
		if !p.Optional {
			least++
		}
	}
	switch got := len(n.Args); {
	case got < least:
		c.fault(n, f.Signature(), "%s needs %d arguments, and has %d", f.Name, least, got)
	case got > len(f.Params) && !f.Variadic:
		c.fault(n, f.Signature(), "%s takes %d arguments, and has %d", f.Name, len(f.Params), got)
	}
}

func (c *checker) arguments(n *syntax.Call, f *schema.Function) []*schema.Type {
	types := make([]*schema.Type, len(n.Args))
	for i, a := range n.Args {
		if i == 1 && f.Form == schema.Lambda {
			types[i] = c.lambda(a, types[0])
		} else {
			types[i] = c.check(a)
		}
		if len(f.Params) == 0 {
			continue
		}
		p := f.Params[min(i, len(f.Params)-1)]
		if !c.accepts(p.Accepts, types[i]) {
			c.fault(a, f.Signature(), "%s of %s is a %s, and this is a %s", p.Name, f.Name, strings.ReplaceAll(p.Accepts, "|", " or "), types[i])
		}
	}
	return types
}

// lambda checks an expression that is evaluated for each element of a list.
func (c *checker) lambda(n syntax.Node, list *schema.Type) *schema.Type {
	elem := unknown
	if list.Kind == schema.List && list.Elem != nil {
		elem = list.Elem
	}
	if list.Kind == schema.Dynamic && list != unknown {
		elem = schema.DynamicType
	}
	c.scopes = append(c.scopes, elem)
	t := c.check(n)
	c.scopes = c.scopes[:len(c.scopes)-1]
	return t
}

// accepts reports whether an argument can have a type.
func (c *checker) accepts(kinds string, t *schema.Type) bool {
	if isLoose(t) {
		return true
	}
	for kind := range strings.SplitSeq(kinds, "|") {
		if kind == "any" || kind == t.Kind.String() || kind == t.Name && t.Kind == schema.Object || kind == "number" && isNumber(t) {
			return true
		}
	}
	return false
}

func (c *checker) named(n *syntax.Call, f *schema.Function) {
	for _, a := range n.Named {
		t := c.check(a.Value)
		i := slices.IndexFunc(f.Named, func(p schema.Param) bool { return p.Name == a.Name })
		if i < 0 {
			c.fault(a.Value, f.Signature(), "%s has no argument %q", f.Name, a.Name)
		} else if !c.accepts(f.Named[i].Accepts, t) {
			c.fault(a.Value, f.Signature(), "%s of %s is a %s, and this is a %s", a.Name, f.Name, f.Named[i].Accepts, t)
		}
	}
}

// patterns checks that patterns are literals and valid.
func (c *checker) patterns(n *syntax.Call) {
	for _, a := range n.Args[min(1, len(n.Args)):] {
		text, ok := literal(a)
		if !ok {
			c.fault(a, "write the pattern as a text", "a pattern of %s must stand in the rule", n.Function)
			continue
		}
		var err error
		if n.Function == "html.xpath" {
			_, err = compileXPath(text)
		} else {
			verb, folds := verbOf(n.Function)
			_, err = parseRegex(spelled(text, verb == "match", folds))
		}
		if err != nil {
			c.fault(a, "patterns are RE2, without look-around and back-references", "%v", err)
		}
	}
}

// networks checks that networks are literals and valid.
func (c *checker) networks(n *syntax.Call) {
	for _, a := range n.Args[min(1, len(n.Args)):] {
		text, ok := literal(a)
		if !ok {
			c.fault(a, "write the network as a text", "a network of %s must stand in the rule", n.Function)
		} else if _, ok := parseNetwork(text); !ok {
			c.fault(a, "write it as 192.0.2.0/24 or 2001:db8::/32", "%q is no address or network", text)
		}
	}
}

// literal returns the text of a string literal.
func literal(n syntax.Node) (string, bool) {
	for {
		p, ok := n.(*syntax.Paren)
		if !ok {
			break
		}
		n = p.Inner
	}
	l, ok := n.(*syntax.Literal)
	if !ok || l.Kind != syntax.String {
		return "", false
	}
	return l.Text, true
}

// result is the type of a function whose result depends on its arguments.
func (c *checker) result(n *syntax.Call, f *schema.Function, types []*schema.Type) *schema.Type {
	if len(types) == 0 || len(types) < 2 && (f.Name == "filter" || f.Name == "map") {
		return unknown
	}
	list := types[0]
	elem := schema.DynamicType
	if (list.Kind == schema.List || list.Kind == schema.Map) && list.Elem != nil {
		elem = list.Elem
	}
	switch f.Name {
	case "filter", "distinct":
		return schema.ListOf(elem)
	case "map":
		return schema.ListOf(types[1])
	case "flatten":
		if elem.Kind == schema.List {
			return elem
		}
		return schema.ListOf(elem)
	case "sum":
		if !isNumber(elem) {
			return c.fault(n, "", "sum adds numbers, and this is a %s", list)
		}
		return elem
	case "values":
		return schema.ListOf(elem)
	case "coalesce":
		t := types[0]
		for _, o := range types[1:] {
			t = join(t, o)
		}
		return t
	default:
		return unknown
	}
}

// nearest returns a hint with the most similar name, or "".
func nearest(name string, names []string) string {
	best, least := "", len(name)/3+2
	slices.Sort(names)
	for _, n := range names {
		if d := levenshtein(name, n); d < least {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}
