package markup

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// matcher compares selectors with elements, and counts the comparisons.
type matcher struct {
	steps   int
	quirks  bool
	anchor  *html.Node // of the current :has()
	counted *html.Node // the element whose position among its siblings is place
	place   int
}

// outcome is the scope of a failure, so that no other ancestor or sibling is tried in vain:
// otherwise hostile sheets take time exponential in the depth.
type outcome uint8

const (
	matched       outcome = iota
	failsHere             // another ancestor or sibling may match
	failsSiblings         // no other sibling can match
	failsAll              // no other ancestor can match
)

// matches reports whether n and its context match.
func (m *matcher) matches(s *selector, n *html.Node) bool {
	return m.from(s, 0, n) == matched
}

func (m *matcher) from(s *selector, i int, n *html.Node) outcome {
	if !m.compound(&s.compounds[i], n) {
		return failsHere
	}
	if i+1 == len(s.compounds) {
		return matched
	}
	switch s.combinators[i] {
	case '>':
		if p := parentElement(n); p != nil {
			return m.from(s, i+1, p)
		}
		return failsAll
	case '+':
		if p := previousElement(n); p != nil {
			return m.from(s, i+1, p)
		}
		return failsSiblings
	case '~':
		return m.along(s, i, n, previousElement, failsSiblings)
	}
	return m.along(s, i, n, parentElement, failsAll)
}

// along tries successive elements, until a failure has a wider scope.
func (m *matcher) along(s *selector, i int, n *html.Node, next func(*html.Node) *html.Node, end outcome) outcome {
	for p := next(n); p != nil; p = next(p) {
		m.steps++
		if m.steps > maxMatchSteps {
			return failsAll
		}
		if o := m.from(s, i+1, p); o == matched || o == failsAll || o == end {
			return o
		}
	}
	return end
}

func parentElement(n *html.Node) *html.Node {
	if p := n.Parent; p != nil && p.Type == html.ElementNode {
		return p
	}
	return nil
}

func previousElement(n *html.Node) *html.Node {
	for n = n.PrevSibling; n != nil && n.Type != html.ElementNode; {
		n = n.PrevSibling
	}
	return n
}

func nextElement(n *html.Node) *html.Node {
	for n = n.NextSibling; n != nil && n.Type != html.ElementNode; {
		n = n.NextSibling
	}
	return n
}

// compound compares cheap parts first.
func (m *matcher) compound(c *compound, n *html.Node) bool {
	m.steps++
	if c.tag != "" && !sameName(c.tag, n.Data, n.Namespace) {
		return false
	}
	if c.space != "" && c.space != spaceOf(n) {
		return false
	}
	if c.id != "" && !m.same(attr(n, "id"), c.id) {
		return false
	}
	return m.classes(c, n) && m.attributes(c, n) && m.pseudos(c, n)
}

// sameName compares the names of elements and attributes; those of SVG have capitals.
func sameName(want, have, space string) bool {
	return want == have || space != "" && strings.EqualFold(want, have)
}

func spaceOf(n *html.Node) string {
	if n.Namespace == "" {
		return "html"
	}
	return n.Namespace
}

// same compares an id or a class. Selectors Level 4, Section 6.6: quirks mode ignores case.
func (m *matcher) same(have, want string) bool {
	return have == want || m.quirks && strings.EqualFold(have, want)
}

func (m *matcher) classes(c *compound, n *html.Node) bool {
	if len(c.classes) == 0 {
		return true
	}
	list := attr(n, "class")
	for _, class := range c.classes {
		m.steps += 1 + len(list)/16
		if !m.hasClass(list, class) {
			return false
		}
	}
	return true
}

func (m *matcher) hasClass(list, class string) bool {
	if !m.quirks {
		return hasWord(list, class)
	}
	for w := range strings.FieldsSeq(list) {
		if strings.EqualFold(w, class) {
			return true
		}
	}
	return false
}

func (m *matcher) attributes(c *compound, n *html.Node) bool {
	for i := range c.attributes {
		m.steps++
		if !c.attributes[i].matches(n, &m.steps) {
			return false
		}
	}
	return true
}

func (t *attributeTest) matches(n *html.Node, steps *int) bool {
	for _, a := range n.Attr {
		if a.Namespace != "" || !sameName(t.name, a.Key, n.Namespace) {
			continue
		}
		*steps += len(a.Val) / 16
		if t.fold {
			return t.holds(strings.ToLower(a.Val), strings.ToLower(t.value))
		}
		return t.holds(a.Val, t.value)
	}
	return false
}

func (t *attributeTest) holds(have, want string) bool {
	switch t.operator {
	case '=':
		return have == want
	case '~':
		return hasWord(have, want)
	case '|':
		return have == want || strings.HasPrefix(have, want+"-")
	case '^':
		return want != "" && strings.HasPrefix(have, want)
	case '$':
		return want != "" && strings.HasSuffix(have, want)
	case '*':
		return want != "" && strings.Contains(have, want)
	}
	return true
}

// hasWord reports whether the white-space separated list contains the word.
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

func (m *matcher) pseudos(c *compound, n *html.Node) bool {
	for i := range c.pseudos {
		m.steps++
		if m.steps > maxMatchSteps || !m.pseudo(&c.pseudos[i], n) {
			return false
		}
	}
	return true
}

func (m *matcher) pseudo(c *pseudoClass, n *html.Node) bool {
	switch c.name {
	case "is":
		return m.any(c.list, n)
	case "not":
		return !m.any(c.list, n)
	case "has":
		return m.has(c.list, n)
	case "anchor":
		return n == m.anchor
	case "root", "scope":
		return parentElement(n) == nil && n.Data == "html"
	case "empty":
		return isEmpty(n)
	case "lang":
		return m.lang(c.argument, n)
	case "dir":
		return c.argument == m.direction(n)
	}
	if strings.Contains(c.name, "child") || strings.HasSuffix(c.name, "of-type") {
		return m.position(c, n)
	}
	return isInState(c.name, n)
}

func (m *matcher) any(list []selector, n *html.Node) bool {
	return slices.ContainsFunc(list, func(s selector) bool { return s.pseudo == "" && m.matches(&s, n) })
}

// has finds an element below n, or after it for a selector that begins with "+" or "~".
func (m *matcher) has(list []selector, n *html.Node) bool {
	was := m.anchor
	defer func() { m.anchor = was }()
	m.anchor = n
	for i := range list {
		first := list[i].combinators[len(list[i].combinators)-1]
		if first == '+' || first == '~' {
			for s := nextElement(n); s != nil; s = nextElement(s) {
				if m.within(&list[i], s, true) {
					return true
				}
			}
			continue
		}
		if m.within(&list[i], n, false) {
			return true
		}
	}
	return false
}

func (m *matcher) within(s *selector, top *html.Node, self bool) bool {
	if self && m.matches(s, top) {
		return true
	}
	for n := range top.Descendants() {
		m.steps++
		if m.steps > maxMatchSteps {
			return false
		}
		if n.Type == html.ElementNode && m.matches(s, n) {
			return true
		}
	}
	return false
}

func isEmpty(n *html.Node) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode || c.Type == html.TextNode && c.Data != "" {
			return false
		}
	}
	return true
}

// lang compares the language, including inherited ones. Selectors Level 4, Section 7.2.
func (m *matcher) lang(ranges string, n *html.Node) bool {
	have := ""
	for ; n != nil && have == ""; n = parentElement(n) {
		m.steps++
		have = strings.ToLower(attr(n, "lang"))
	}
	for _, want := range split(strings.ToLower(ranges)) {
		want = strings.Trim(want, `"'`)
		if have == want && want != "" || strings.HasPrefix(have, want+"-") && want != "" || want == "*" && have != "" {
			return true
		}
	}
	return false
}

func (m *matcher) direction(n *html.Node) string {
	for ; n != nil; n = parentElement(n) {
		m.steps++
		if d := strings.ToLower(attr(n, "dir")); d == "rtl" || d == "ltr" {
			return d
		}
	}
	return "ltr"
}

// position evaluates :nth-child() and similar classes.
func (m *matcher) position(c *pseudoClass, n *html.Node) bool {
	step, offset := c.step, c.offset
	switch c.name {
	case "only-child", "only-of-type":
		kind := strings.TrimPrefix(c.name, "only-")
		return m.count(n, previousElement, kind == "of-type", nil) == 1 && m.count(n, nextElement, kind == "of-type", nil) == 1
	case "first-child", "last-child", "first-of-type", "last-of-type":
		step, offset = 0, 1
	}
	next := previousElement
	if strings.Contains(c.name, "last") {
		next = nextElement
	}
	if parentElement(n) == nil && n.Data != "html" {
		return false
	}
	place := m.count(n, next, strings.HasSuffix(c.name, "type"), c.list)
	if place == 0 {
		return false
	}
	if step == 0 {
		return place == offset
	}
	return (place-offset)%step == 0 && (place-offset)/step >= 0
}

// count returns the position of n among its siblings, from 1, or 0 if it does not count.
// The position of the previous sibling is reused, since elements come in order.
func (m *matcher) count(n *html.Node, next func(*html.Node) *html.Node, sameType bool, of []selector) int {
	if of != nil && !m.any(of, n) {
		return 0
	}
	place := 1
	forwards := !sameType && of == nil && n.PrevSibling != nil && next(n) == previousElement(n)
	for s := next(n); s != nil; s = next(s) {
		m.steps++
		if m.steps > maxMatchSteps {
			return 0
		}
		if forwards && s == m.counted {
			place += m.place
			break
		}
		if (!sameType || s.Data == n.Data) && (of == nil || m.any(of, s)) {
			place++
		}
	}
	if forwards {
		m.counted, m.place = n, place
	}
	return place
}

// isInState evaluates state classes for a document before any interaction.
func isInState(name string, n *html.Node) bool {
	switch name {
	case "link", "any-link", "-webkit-any-link":
		return (n.DataAtom == atom.A || n.DataAtom == atom.Area) && hasAttr(n, "href")
	case "defined":
		return true
	case "open":
		return (n.DataAtom == atom.Details || n.DataAtom == atom.Dialog) && hasAttr(n, "open")
	case "paused":
		return n.DataAtom == atom.Video || n.DataAtom == atom.Audio
	}
	return isInputState(name, n)
}

// isInputState evaluates state classes of form fields.
func isInputState(name string, n *html.Node) bool {
	switch name {
	case "checked":
		return n.DataAtom == atom.Input && hasAttr(n, "checked") || n.DataAtom == atom.Option && hasAttr(n, "selected")
	case "disabled":
		return isControl(n) && hasAttr(n, "disabled")
	case "enabled":
		return isControl(n) && !hasAttr(n, "disabled")
	case "required", "optional":
		return isEntry(n) && hasAttr(n, "required") == (name == "required")
	case "read-only", "read-write":
		return (isEntry(n) && n.DataAtom != atom.Select && !hasAttr(n, "readonly") || hasAttr(n, "contenteditable")) == (name == "read-write")
	case "placeholder-shown":
		return isEntry(n) && hasAttr(n, "placeholder") && attr(n, "value") == ""
	case "valid", "invalid":
		return isEntry(n) && (hasAttr(n, "required") && attr(n, "value") == "") == (name == "invalid")
	}
	return false
}

func isControl(n *html.Node) bool {
	return isEntry(n) || n.DataAtom == atom.Button || n.DataAtom == atom.Option || n.DataAtom == atom.Fieldset || n.DataAtom == atom.Optgroup
}

func isEntry(n *html.Node) bool {
	return n.DataAtom == atom.Input || n.DataAtom == atom.Select || n.DataAtom == atom.Textarea
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
