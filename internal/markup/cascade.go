package markup

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// cascade determines the winning declarations for one element. It is reused for the next
// one.
type cascade struct {
	winners [propertyCount]*declaration
	below   [propertyCount]*declaration // winners of the lower layers
	set     []property                  // properties with a winner
	all     string                      // value of the property "all", or ""
	vars    *scope
	spent   int // bytes substituted for var(), in the whole document
	parser  *sheetParser
	matched []*rule
	drawn   []*rule // for pseudo-elements
}

func (c *cascade) reset(vars *scope) {
	for _, p := range c.set {
		c.winners[p] = nil
	}
	c.set, c.all, c.vars = c.set[:0], "", vars
}

// take applies declarations of one origin and importance.
func (c *cascade) take(ds []declaration, important bool) {
	for i := range ds {
		if d := &ds[i]; d.important == important && d.property != customProperty {
			c.win(d)
		}
	}
}

func (c *cascade) win(d *declaration) {
	switch {
	case d.variable:
		c.substituted(d)
	case d.property == allProperties:
		vars := c.vars
		c.reset(vars)
		c.all = d.value
	case d.value == "revert-layer" && c.below[d.property] != nil:
		c.winners[d.property] = c.below[d.property]
	default:
		if c.winners[d.property] == nil {
			c.set = append(c.set, d.property)
		}
		c.winners[d.property] = d
	}
}

// substituted applies a declaration with var(). One that is then invalid is treated as
// unset. CSS Custom Properties Level 1, Section 3.1.
func (c *cascade) substituted(d *declaration) {
	t := substitution{vars: c.vars, spent: &c.spent}
	value, ok := t.apply(d.value, 0)
	if value = trimSpace(value); ok && !strings.Contains(value, "var(") {
		if ds := c.parser.expand(d.name, value, d.important, nil); len(ds) > 0 {
			for i := range ds {
				c.win(&ds[i])
			}
			return
		}
	}
	ds := c.parser.expand(d.name, "unset", d.important, nil)
	for i := range ds {
		c.win(&ds[i])
	}
}

// custom adds the custom properties that the element declares.
func (c *cascade) custom(ds []declaration, important bool, own *scope) *scope {
	for i := range ds {
		d := &ds[i]
		if d.property != customProperty || d.important != important || isInheritance(d.value) {
			continue
		}
		if own == nil {
			own = &scope{values: map[string]string{}, outer: c.vars}
		}
		own.values[d.name] = d.value
	}
	return own
}

func isInheritance(value string) bool {
	return value == "inherit" || value == "unset" || value == "revert" || value == "revert-layer"
}

// value returns the value of a property: "" for none, "inherit", "initial" or a value.
func (c *cascade) value(p property) string {
	value := c.all
	if d := c.winners[p]; d != nil {
		value = d.value
	} else if p == direction {
		return ""
	}
	switch value {
	case "unset":
		if p.isInherited() {
			return "inherit"
		}
		return "initial"
	case "revert", "revert-layer":
		if p == display {
			return "revert" // this includes the attribute hidden
		}
		return ""
	}
	return value
}

// order calls f for each set property, in order of dependency.
func (c *cascade) order(f func(p property, value string)) {
	if c.all != "" {
		for p := range propertyCount {
			if value := c.value(p); value != "" && p > allProperties {
				f(p, value)
			}
		}
		return
	}
	slices.Sort(c.set)
	for _, p := range c.set {
		if value := c.value(p); value != "" {
			f(p, value)
		}
	}
}

// cascadeOf determines the winners for an element: sheets first, then the style attribute;
// important declarations last. CSS Cascade Level 5, Section 6.
func (v *visitor) cascadeOf(n *html.Node, parent *style) *cascade {
	c := &v.cascade
	c.reset(parent.vars)
	inline := v.inline(attr(n, "style"))
	c.matched, c.drawn = c.matched[:0], c.drawn[:0]
	if !parent.shadow {
		v.match(n, parent)
	}
	if len(c.matched) == 0 && len(inline) == 0 {
		return c
	}
	v.run(c.matched, inline)
	return c
}

// match separates the rules for the element from those for its pseudo-elements, and drops
// those whose container query fails.
func (v *visitor) match(n *html.Node, parent *style) {
	c := &v.cascade
	c.matched = v.sheet.matching(n, c.matched)
	if !v.sheet.pseudos && !v.containers {
		return
	}
	kept := c.matched[:0]
	for _, r := range c.matched {
		switch {
		case !answers(r.containers, parent):
		case r.selector.pseudo != "":
			c.drawn = append(c.drawn, r)
		default:
			kept = append(kept, r)
		}
	}
	c.matched = kept
}

func answers(queries []string, parent *style) bool {
	for _, q := range queries {
		name, rest := cutName(q)
		if named := name != "" && name != "not" && (rest == "" || isSpace(rest[0])); named && !hasWord(parent.containers, name) {
			return false
		}
		if !parent.contained || !containerApplies(q, parent.wide) {
			return false
		}
	}
	return true
}

// run applies rules and the style attribute in the order of the cascade.
func (v *visitor) run(rules []*rule, inline []declaration) {
	c := &v.cascade
	var own *scope
	for _, important := range [...]bool{false, true} {
		for _, r := range rules {
			own = c.custom(r.declarations, important, own)
		}
		own = c.custom(inline, important, own)
	}
	own = v.describe(own)
	if own != nil {
		c.vars = own
	}
	if v.sheet.layers {
		clear(c.below[:])
	}
	for i, r := range rules {
		if v.sheet.layers && i > 0 && r.layer != rules[i-1].layer {
			c.below = c.winners
		}
		c.take(r.declarations, false)
	}
	if v.sheet.layers {
		c.below = c.winners
	}
	c.take(inline, false)
	for _, r := range v.importantOrder(rules) {
		c.take(r.declarations, true)
	}
	c.take(inline, true)
}

// describe adds the @property values of custom properties that the element does not
// declare.
func (v *visitor) describe(own *scope) *scope {
	for name, p := range v.sheet.registered {
		if own != nil && own.values[name] != "" {
			continue
		}
		if _, declared := v.cascade.vars.lookup(name); p.inherits && declared {
			continue
		}
		if own == nil {
			own = &scope{values: map[string]string{}, outer: v.cascade.vars}
		}
		own.values[name] = p.value
	}
	return own
}

// importantOrder reverses the order of layers, since earlier ones win for important
// declarations.
func (v *visitor) importantOrder(rules []*rule) []*rule {
	if !v.sheet.layers {
		return rules
	}
	out := slices.Clone(rules)
	slices.SortStableFunc(out, func(a, b *rule) int { return b.layer.rank - a.layer.rank })
	return out
}

// inline parses a style attribute; documents repeat the same few.
func (v *visitor) inline(css string) []declaration {
	if css == "" {
		return nil
	}
	if ds, ok := v.styles[css]; ok {
		return ds
	}
	ds := v.cascade.parser.declarations(withoutComments(css))
	v.doc.work += len(css)
	if len(v.styles) < maxStyles {
		v.styles[css] = ds
	}
	return ds
}
