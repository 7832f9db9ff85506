package markup

import (
	"strings"

	"golang.org/x/net/html"
)

// selector is one complex selector. Package cascadia matches more of the standard, but
// its matcher tries every ancestor for every combinator, which costs hostile sheets
// the power of the depth; the tests compare both.
type selector struct {
	compounds   []compound // from right to left
	child       []bool     // child[i]: compounds[i+1] must be the parent, not an ancestor
	specificity int
}

// compound is what one element must have.
type compound struct {
	tag, id    string
	classes    []string
	attributes []attributeTest
}

// attributeTest compares one attribute. Selectors, Section 6.3.
type attributeTest struct {
	name, value string
	operator    byte // 0 for presence, else '=', '~', '|', '^', '$' or '*'
}

// parseSelector reads a selector; it refuses what this package does not match.
func parseSelector(s string) (selector, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 1000 || strings.ContainsAny(withoutBrackets(s), ":+~\\&") {
		return selector{}, false
	}
	var sel selector
	for s != "" {
		c, rest, ok := parseCompound(s)
		if !ok || len(sel.compounds) == maxCompounds {
			return selector{}, false
		}
		sel.specificity += c.specificity()
		sel.compounds = append([]compound{c}, sel.compounds...)
		after := strings.TrimLeft(rest, " \t\r\n\f")
		s = strings.TrimLeft(strings.TrimPrefix(after, ">"), " \t\r\n\f")
		if s != "" {
			sel.child = append([]bool{strings.HasPrefix(after, ">")}, sel.child...)
		} else if after != "" {
			return selector{}, false
		}
	}
	return sel, true
}

func withoutBrackets(s string) string {
	for {
		before, rest, ok := strings.Cut(s, "[")
		if !ok {
			return s
		}
		_, after, ok := strings.Cut(rest, "]")
		if !ok {
			return s
		}
		s = before + after
	}
}

// parseCompound reads type, id, class and attribute selectors that stand together.
func parseCompound(s string) (c compound, rest string, ok bool) {
	start := s
	if name, rest := cutName(s); name != "" {
		c.tag, s = strings.ToLower(name), rest
	} else {
		s = strings.TrimPrefix(s, "*")
	}
	for s != "" && strings.IndexByte("[#.", s[0]) >= 0 {
		if s, ok = c.add(s[0], s[1:]); !ok {
			return c, s, false
		}
	}
	return c, s, len(s) < len(start)
}

// add reads what follows "[", "#" or ".", and returns the rest.
func (c *compound) add(kind byte, s string) (rest string, ok bool) {
	if kind == '[' {
		inside, after, closed := strings.Cut(s, "]")
		t, valid := parseAttributeTest(inside)
		c.attributes = append(c.attributes, t)
		return after, closed && valid
	}
	name, after := cutName(s)
	switch {
	case kind == '.':
		c.classes = append(c.classes, name)
	case c.id != "":
		return s, false
	default:
		c.id = name
	}
	return after, name != ""
}

func cutName(s string) (name, rest string) {
	i := 0
	for i < len(s) && (s[i] == '-' || s[i] == '_' || s[i] >= '0' && s[i] <= '9' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' || s[i] >= 0x80) {
		i++
	}
	return s[:i], s[i:]
}

func parseAttributeTest(s string) (attributeTest, bool) {
	name, rest := cutName(strings.TrimSpace(s))
	t := attributeTest{name: strings.ToLower(name)}
	rest = strings.TrimSpace(rest)
	if rest == "" {
		return t, name != ""
	}
	if t.operator = rest[0]; strings.IndexByte("~|^$*", t.operator) >= 0 {
		rest = rest[1:]
	}
	value, ok := strings.CutPrefix(rest, "=")
	t.value = strings.TrimSpace(value)
	if n := len(t.value); n >= 2 && (t.value[0] == '"' || t.value[0] == '\'') && t.value[n-1] == t.value[0] {
		t.value = t.value[1 : n-1]
	} else if word, rest := cutName(t.value); word == "" || rest != "" {
		return t, false
	}
	if t.operator != '=' && strings.IndexByte("~|^$*", t.operator) < 0 {
		return t, false
	}
	return t, ok && name != ""
}

// specificity is 10,000 per id, 100 per class or attribute, 1 per type.
func (c *compound) specificity() int {
	n := 100 * (len(c.classes) + len(c.attributes))
	if c.id != "" {
		n += 10_000
	}
	if c.tag != "" {
		n++
	}
	return n
}

// matches reports whether n and its ancestors match. Of several ancestors it takes the
// nearest, and goes on to the next only where a child combinator asks for it, so that
// the work is bounded by depth times compounds.
func (s *selector) matches(n *html.Node, steps *int) bool {
	if !s.compounds[0].matches(n, steps) {
		return false
	}
	restart := -1 // the last compound that was found by descent
	var from *html.Node
	n = n.Parent
	for i := 1; i < len(s.compounds); {
		if n == nil || n.Type != html.ElementNode {
			return false
		}
		hit := s.compounds[i].matches(n, steps)
		switch {
		case hit && !s.child[i-1]:
			restart, from, i, n = i, n.Parent, i+1, n.Parent
		case hit:
			i, n = i+1, n.Parent
		case !s.child[i-1]:
			n = n.Parent
		case restart < 0:
			return false
		default:
			i, n, restart = restart, from, -1
			// The compound is looked for again further up; earlier choices need none,
			// since the nearest ancestor leaves the most to the others.
		}
	}
	return true
}

func (c *compound) matches(n *html.Node, steps *int) bool {
	*steps++
	if c.tag != "" && c.tag != n.Data {
		return false
	}
	if c.id != "" && attr(n, "id") != c.id {
		return false
	}
	if len(c.classes) > 0 {
		list := attr(n, "class")
		for _, class := range c.classes {
			*steps += 1 + len(list)/16
			if !hasWord(list, class) {
				return false
			}
		}
	}
	for i := range c.attributes {
		*steps++
		if !c.attributes[i].matches(n, steps) {
			return false
		}
	}
	return true
}

func (t *attributeTest) matches(n *html.Node, steps *int) bool {
	for _, a := range n.Attr {
		if a.Key != t.name || a.Namespace != "" {
			continue
		}
		*steps += len(a.Val) / 16
		return t.holds(a.Val)
	}
	return false
}

func (t *attributeTest) holds(v string) bool {
	switch t.operator {
	case '=':
		return v == t.value
	case '~':
		return hasWord(v, t.value)
	case '|':
		return v == t.value || strings.HasPrefix(v, t.value+"-")
	case '^':
		return t.value != "" && strings.HasPrefix(v, t.value)
	case '$':
		return t.value != "" && strings.HasSuffix(v, t.value)
	case '*':
		return t.value != "" && strings.Contains(v, t.value)
	}
	return true
}

// hasWord reports whether list, words between white space, has the word.
func hasWord(list, word string) bool {
	if list == word {
		return word != "" && !strings.ContainsAny(word, " \t\r\n\f")
	}
	if len(list) <= len(word) {
		return false
	}
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

// attr returns the value of an attribute without namespace, or "".
func attr(n *html.Node, key string) string {
	for i := range n.Attr {
		if n.Attr[i].Key == key && n.Attr[i].Namespace == "" {
			return n.Attr[i].Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, key string) bool {
	for i := range n.Attr {
		if n.Attr[i].Key == key {
			return true
		}
	}
	return false
}

// matching returns the rules that match n, in order of specificity and position. It
// returns none once the document has used up its comparisons.
func (s *sheet) matching(n *html.Node, out []*rule) []*rule {
	if s.rules == 0 || s.steps > maxMatchSteps {
		return out
	}
	if id := attr(n, "id"); id != "" {
		out = s.filter(s.byID[id], n, out)
	}
	if len(s.byClass) > 0 {
		seen := 0
		for class := range strings.FieldsSeq(attr(n, "class")) {
			if seen++; seen > maxAttributes {
				break
			}
			out = s.filter(s.byClass[class], n, out)
		}
	}
	out = s.filter(s.byTag[n.Data], n, out)
	out = s.filter(s.other, n, out)
	if s.steps > maxMatchSteps {
		s.doc.tolerate(StylesCut)
	}
	return out
}

func (s *sheet) filter(rules []*rule, n *html.Node, out []*rule) []*rule {
	for _, r := range rules {
		if s.steps > maxMatchSteps {
			return out
		}
		if r.selector.matches(n, &s.steps) {
			out = append(out, r)
		}
	}
	return out
}
