package markup

import (
	"slices"
	"strings"
)

// selector is one complex selector, its compounds from right to left.
type selector struct {
	compounds   []compound
	combinators []byte // combinators[i] joins compounds[i+1] to compounds[i]: one of " >+~"
	specificity int
	pseudo      string // the selected pseudo-element, or ""
	scoped      bool   // in @scope, where closer rules are stronger
}

// compound is a compound selector: the conditions on one element.
type compound struct {
	tag, id    string
	space      string // namespace: "" for any, else "html", "svg", "math" or another
	classes    []string
	attributes []attributeTest
	pseudos    []pseudoClass
}

// attributeTest compares one attribute. Selectors Level 4, Section 6.
type attributeTest struct {
	name, value string
	operator    byte // 0 for presence, else '=', '~', '|', '^', '$' or '*'
	fold        bool // ignore case
}

// pseudoClass is one pseudo-class with its arguments.
type pseudoClass struct {
	name         string
	list         []selector
	step, offset int    // of :nth-child(An+B)
	argument     string // of :lang() and :dir()
}

// selectorParser parses selectors. An invalid one makes its list invalid, except in :is()
// and :where(), which drop it. Selectors Level 4, Section 3.9.
type selectorParser struct {
	parents    []selector        // meaning of &; nil outside of a nested rule
	scope      []selector        // meaning of :scope in @scope, or nil
	namespaces map[string]string // declared prefixes, "" for the default one
	quirks     bool
	strict     bool // of @supports, which tolerates nothing
	inHas      bool
}

// Bounds of one list of selectors.
const (
	maxSelectorList  = 4096 // bytes
	maxSelectorDepth = 4    // nested functions
)

// list parses comma-separated selectors; it is empty if one is invalid and forgiving is not
// set.
func (p *selectorParser) list(s string, depth int, forgiving bool) []selector {
	if len(s) > maxSelectorList || depth > maxSelectorDepth {
		return nil
	}
	var out []selector
	for _, one := range split(s) {
		sel, ok := p.parse(one, depth)
		switch {
		case ok:
			out = append(out, sel)
		case !forgiving || p.strict:
			return nil
		}
	}
	return out
}

// parse parses one complex selector.
func (p *selectorParser) parse(s string, depth int) (selector, bool) {
	var sel selector
	s = trimSpace(s)
	for s != "" {
		if len(sel.compounds) == maxCompounds || sel.pseudo != "" {
			return selector{}, false
		}
		r := compoundReader{p: p, rest: s, depth: depth}
		if !r.read() {
			return selector{}, false
		}
		sel.specificity += r.specificity
		sel.pseudo = r.pseudo
		sel.compounds = append([]compound{r.c}, sel.compounds...)
		combinator, rest := cutCombinator(r.rest)
		if rest == "" && combinator != ' ' && combinator != 0 {
			return selector{}, false
		}
		if s = rest; s != "" {
			sel.combinators = append([]byte{combinator}, sel.combinators...)
		}
	}
	return sel, len(sel.compounds) > 0
}

// cutCombinator parses the combinator at the start of s; white space is one.
func cutCombinator(s string) (combinator byte, rest string) {
	rest = trimSpace(s)
	switch {
	case rest == "":
		return 0, ""
	case strings.IndexByte(">+~", rest[0]) >= 0:
		return rest[0], trimSpace(rest[1:])
	}
	return ' ', rest
}

// compoundReader parses one compound selector.
type compoundReader struct {
	p           *selectorParser
	c           compound
	rest        string
	pseudo      string
	depth       int
	specificity int
}

func (r *compoundReader) read() bool {
	before := len(r.rest)
	if !r.typeSelector() {
		return false
	}
	for r.rest != "" && (!isSpace(r.rest[0]) || r.rest[0] == commentMark) && strings.IndexByte(">+~", r.rest[0]) < 0 {
		if !r.part() {
			return false
		}
	}
	return len(r.rest) < before
}

// typeSelector parses the name of an element with its namespace, or "*".
func (r *compoundReader) typeSelector() bool {
	name, rest := r.nameOrStar()
	if strings.HasPrefix(rest, "|") && !strings.HasPrefix(rest, "|=") {
		space, ok := r.space(name, len(rest) < len(r.rest))
		r.rest = rest[1:]
		if name, rest = r.nameOrStar(); name == "" || !ok {
			return false
		}
		r.c.space = space
	} else {
		r.c.space = r.p.namespaces[""]
	}
	if name == "" {
		return true
	}
	source := r.rest
	if r.rest = rest; name != "*" {
		r.c.tag = strings.ToLower(name)
		r.specificity++
		return isIdentifierOrEscaped(name, source)
	}
	return true
}

func (r *compoundReader) nameOrStar() (name, rest string) {
	if strings.HasPrefix(r.rest, "*") {
		return "*", r.rest[1:]
	}
	return cutName(r.rest)
}

// space returns the namespace of a prefix.
func (r *compoundReader) space(prefix string, given bool) (string, bool) {
	switch {
	case !given:
		return "none", true
	case prefix == "*":
		return "", true
	}
	space, ok := r.p.namespaces[prefix]
	return space, ok && prefix != ""
}

// part parses an id, a class, an attribute, a pseudo-class or "&".
func (r *compoundReader) part() bool {
	kind, s := r.rest[0], r.rest[1:]
	switch kind {
	case commentMark:
		r.rest = s
		return true
	case '[':
		return r.attribute(s)
	case '#', '.':
		name, rest := cutName(s)
		r.rest = rest
		r.named(kind, name)
		return isIdentifierOrEscaped(name, s)
	case '&':
		r.rest = s
		return r.parent()
	case ':':
		return r.colon(s)
	}
	return false
}

// isIdentifierOrEscaped accepts a name whose leading digit is escaped.
func isIdentifierOrEscaped(name, source string) bool {
	return isIdentifier(name) || name != "" && source[0] == '\\'
}

func (r *compoundReader) named(kind byte, name string) {
	if r.p.quirks {
		name = strings.ToLower(name)
	}
	if kind == '.' {
		r.c.classes = append(r.c.classes, name)
		r.specificity += 100
		return
	}
	r.specificity += 10_000
	if r.c.id != "" && r.c.id != name {
		r.c.pseudos = append(r.c.pseudos, pseudoClass{name: "never"})
	}
	r.c.id = name
}

// parent parses "&", which is the selector list of the enclosing rule. CSS Nesting Module,
// Section 3.
func (r *compoundReader) parent() bool {
	if r.p.parents == nil && r.p.scope != nil {
		r.c.pseudos = append(r.c.pseudos, pseudoClass{name: "is", list: r.p.scope})
		return true
	}
	if r.p.parents == nil {
		r.c.pseudos = append(r.c.pseudos, pseudoClass{name: "root"})
		return true
	}
	r.c.pseudos = append(r.c.pseudos, pseudoClass{name: "is", list: r.p.parents})
	r.specificity += highest(r.p.parents)
	return true
}

func highest(list []selector) int {
	most := 0
	for i := range list {
		most = max(most, list[i].specificity)
	}
	return most
}

func (r *compoundReader) attribute(s string) bool {
	i := endOf(s, "]")
	t, ok := parseAttributeTest(s[:i])
	if i == len(s) {
		r.rest = ""
	} else {
		r.rest = s[i+1:]
	}
	r.c.attributes = append(r.c.attributes, t)
	r.specificity += 100
	return ok
}

func parseAttributeTest(s string) (attributeTest, bool) {
	s = trimSpace(s)
	s = strings.TrimPrefix(strings.TrimPrefix(s, "*|"), "|")
	name, rest := cutName(s)
	t := attributeTest{name: strings.ToLower(name)}
	rest = trimSpace(rest)
	if rest == "" {
		return t, isIdentifier(name)
	}
	if t.operator = rest[0]; strings.IndexByte("~|^$*", t.operator) >= 0 {
		rest = rest[1:]
	}
	rest, ok := strings.CutPrefix(rest, "=")
	if !ok || t.operator != '=' && strings.IndexByte("~|^$*", t.operator) < 0 {
		return t, false
	}
	return t, t.readValue(trimSpace(rest)) && isIdentifier(name)
}

// readValue parses a string or an identifier, and the flag i or s.
func (t *attributeTest) readValue(s string) bool {
	var rest string
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		n := stringEnd(s)
		if n < 2 || s[n-1] != s[0] {
			return false
		}
		t.value, rest = unescape(s[1:n-1]), s[n:]
	} else {
		t.value, rest = cutName(s)
		if !isIdentifierOrEscaped(t.value, s+" ") {
			return false
		}
	}
	switch strings.ToLower(trimSpace(rest)) {
	case "":
		t.fold = foldsValue(t.name)
		return true
	case "i":
		t.fold = true
		return true
	case "s":
		return true
	}
	return false
}

// foldsValue reports whether HTML compares the values of an attribute ignoring case. HTML
// Living Standard, Section 4.16.2.
func foldsValue(name string) bool {
	switch name {
	case "accept", "accept-charset", "align", "alink", "axis", "bgcolor", "charset", "checked", "clear", "codetype", "color", "compact",
		"declare", "defer", "dir", "direction", "disabled", "enctype", "face", "frame", "hreflang", "http-equiv", "lang", "language",
		"link", "media", "method", "multiple", "nohref", "noresize", "noshade", "nowrap", "readonly", "rel", "rev", "rules", "scope",
		"scrolling", "selected", "shape", "target", "text", "type", "valign", "valuetype", "vlink":
		return true
	}
	return false
}

// colon parses a pseudo-class or pseudo-element.
func (r *compoundReader) colon(s string) bool {
	s, element := strings.CutPrefix(s, ":")
	name, rest := cutName(s)
	name = strings.ToLower(name)
	argument, isCall := "", strings.HasPrefix(rest, "(")
	if isCall {
		i := endOf(rest[1:], ")") + 1
		argument, rest = trimSpace(rest[1:i]), rest[min(i+1, len(rest)):]
	}
	r.rest = rest
	switch {
	case element || !isCall && isOldPseudoElement(name):
		ok := r.pseudo == "" || isDrawn(r.pseudo) == (name == "marker")
		r.pseudo = name
		r.specificity++
		return ok && isPseudoElement(name, isCall) && (!r.p.strict || !isVendorGuess(name))
	case r.pseudo != "": // ::file-selector-button:hover and similar selectors do not match without interaction
		ok := !isDrawn(r.pseudo)
		r.pseudo = "other"
		return ok
	}
	return r.class(name, argument, isCall)
}

func isOldPseudoElement(name string) bool {
	return name == "before" || name == "after" || name == "first-line" || name == "first-letter"
}

func isPseudoElement(name string, isCall bool) bool {
	switch name {
	case "before", "after", "first-line", "first-letter", "marker", "placeholder", "selection", "backdrop", "cue",
		"file-selector-button", "target-text", "spelling-error", "grammar-error", "details-content", "view-transition",
		"search-text", "checkmark", "picker-icon", "scroll-marker", "scroll-marker-group", "column":
		return !isCall || name == "cue"
	case "part", "slotted", "highlight", "view-transition-group", "view-transition-old", "view-transition-new",
		"view-transition-image-pair", "picker", "scroll-button":
		return isCall
	}
	return strings.HasPrefix(name, "-webkit-") && !isCall
}

// isVendorGuess reports whether browsers accept a pseudo-element by its prefix alone.
// Compatibility Standard, Section 4.1: selectors accept it, @supports does not.
func isVendorGuess(name string) bool {
	return strings.HasPrefix(name, "-webkit-") && !strings.HasPrefix(name, "-webkit-scrollbar") && !strings.HasPrefix(name, "-webkit-search-") &&
		!oneOf(name, "-webkit-input-placeholder", "-webkit-file-upload-button", "-webkit-slider-thumb", "-webkit-slider-runnable-track",
			"-webkit-inner-spin-button", "-webkit-outer-spin-button", "-webkit-calendar-picker-indicator", "-webkit-details-marker",
			"-webkit-progress-bar", "-webkit-progress-value", "-webkit-meter-bar", "-webkit-resizer")
}

// class parses a pseudo-class.
func (r *compoundReader) class(name, argument string, isCall bool) bool {
	c := pseudoClass{name: name, argument: argument}
	weight := 100
	var ok bool
	switch {
	case name == "scope" && !isCall && r.p.scope != nil:
		c.name, c.list, ok = "is", r.p.scope, true
	case !isCall:
		ok = isPlainClass(name)
	case name == "is" || name == "where" || name == "-webkit-any" || name == "matches":
		c.list = r.p.list(argument, r.depth+1, true)
		ok = name != "matches" && (len(c.list) > 0 || !r.p.strict)
		c.name, weight = "is", highest(c.list)
		if name == "where" {
			weight = 0
		}
	case name == "not":
		c.list = r.p.list(argument, r.depth+1, false)
		weight, ok = highest(c.list), len(c.list) > 0 && !selectsPseudo(c.list)
	case name == "has":
		ok = r.relative(&c, argument)
		weight = highest(c.list)
	case strings.HasPrefix(name, "nth-"):
		ok = r.nth(&c, argument)
		weight += highest(c.list)
	case name == "lang": // Chromium accepts one language, without a list or a string
		_, rest := cutName(argument)
		ok = argument != "" && rest == ""
	default:
		ok = argument != "" && isCalledClass(name)
	}
	r.c.pseudos = append(r.c.pseudos, c)
	r.specificity += weight
	return ok
}

// selectsPseudo reports whether one of the selectors is for a pseudo-element.
func selectsPseudo(list []selector) bool {
	return slices.ContainsFunc(list, func(s selector) bool { return s.pseudo != "" })
}

// relative parses the selectors of :has(), each after its combinator; "> a" becomes a
// selector that begins with the element itself.
func (r *compoundReader) relative(c *pseudoClass, argument string) bool {
	if r.p.inHas { // :has() within :has() is invalid
		return false
	}
	parser := *r.p
	parser.inHas = true
	for _, one := range split(argument) {
		combinator, rest := cutCombinator(one)
		sel, ok := parser.parse(rest, r.depth+1)
		if !ok || sel.pseudo != "" || len(sel.compounds) == maxCompounds {
			return false
		}
		sel.compounds = append(sel.compounds, compound{pseudos: []pseudoClass{{name: "anchor"}}})
		sel.combinators = append(sel.combinators, combinator)
		c.list = append(c.list, sel)
	}
	return true
}

// nth parses An+B, and "of" with selectors.
func (r *compoundReader) nth(c *pseudoClass, argument string) bool {
	switch c.name {
	case "nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type":
	default:
		return false
	}
	formula, _, hasOf := strings.Cut(strings.ToLower(argument), " of ")
	if hasOf {
		of := argument[min(len(formula)+len(" of "), len(argument)):]
		if c.list = r.p.list(of, r.depth+1, false); c.list == nil || selectsPseudo(c.list) || strings.HasSuffix(c.name, "type") {
			return false
		}
	}
	var ok bool
	c.step, c.offset, ok = parseNth(trimSpace(formula))
	return ok
}

func parseNth(s string) (step, offset int, ok bool) {
	switch s {
	case "odd":
		return 2, 1, true
	case "even":
		return 2, 0, true
	}
	a, b, hasN := strings.Cut(s, "n")
	if !hasN {
		offset, ok = smallInt(s)
		return 0, offset, ok
	}
	b = strings.Map(func(r rune) rune { // white space may only surround the sign
		if r < 0x80 && isSpace(byte(r)) {
			return -1
		}
		return r
	}, b)
	switch a {
	case "", "+":
		step = 1
	case "-":
		step = -1
	default:
		if step, ok = smallInt(a); !ok {
			return 0, 0, false
		}
	}
	if b == "" {
		return step, 0, true
	}
	offset, ok = smallInt(b)
	return step, offset, ok && (b[0] == '+' || b[0] == '-')
}

func smallInt(s string) (int, bool) {
	v, ok := parseNumber(s)
	if !ok || v != float64(int(v)) || v > 1e6 || v < -1e6 || strings.ContainsAny(s, ".e") {
		return 0, false
	}
	return int(v), true
}

func isCalledClass(name string) bool {
	switch name {
	case "dir", "host", "host-context", "state", "active-view-transition-type":
		return true
	}
	return false
}

// isPlainClass reports whether browsers support a pseudo-class without arguments.
func isPlainClass(name string) bool {
	switch name {
	case "first-child", "last-child", "only-child", "first-of-type", "last-of-type", "only-of-type", "root", "scope", "empty",
		"link", "any-link", "checked", "disabled", "enabled", "required", "optional", "read-only", "read-write", "defined", "host",
		"hover", "active", "focus", "focus-visible", "focus-within", "visited", "target", "default", "indeterminate",
		"placeholder-shown", "valid", "invalid", "in-range", "out-of-range", "user-valid", "user-invalid", "fullscreen", "modal",
		"popover-open", "autofill", "picture-in-picture", "open", "target-current", "window-inactive",
		"active-view-transition", "-webkit-full-screen", "-webkit-any-link", "-webkit-autofill", "xr-overlay", "past", "future", "current":
		return true
	}
	return false
}
