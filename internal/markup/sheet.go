package markup

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// rule is one selector with its declarations.
type rule struct {
	selector     selector
	declarations []declaration
	order        int
	layer        *layer
	containers   []string // queries that an enclosing container must fulfil
}

// layer is one cascade layer. rank is set when all sheets are read; of two layers, the
// later one is stronger, and rules outside of any are the strongest. CSS Cascade Level 5,
// Section 6.4.
type layer struct {
	name   string
	inner  []*layer
	parent *layer
	rank   int
}

// sheet holds all style sheets of a document, its rules indexed by a requirement of the
// rightmost compound selector.
type sheet struct {
	doc       *Document
	matcher   matcher
	byID      map[string][]*rule
	byClass   map[string][]*rule
	byTag     map[string][]*rule
	other     []*rule
	root      layer
	keyframes map[string][][]declaration
	targets   []target // targets that the sheets load
	rules     int
	bytes     int
	pseudos   bool // pseudo-elements have rules
	layers    bool
	counters  bool

	registered map[string]registered // custom properties

	opensDetails bool // rules for the content of closed details, which they may show
}

// target is one URL of a style sheet.
type target struct {
	url, property string
	node          *html.Node
}

// registered is one custom property registered by @property.
type registered struct {
	value         string // initial value, or noValue
	inherits, any bool
}

// context is the position of a rule in a sheet.
type context struct {
	depth      int
	layer      *layer
	containers []string
	scope      []selector // elements to which the rule is limited, with their content
	parser     *selectorParser
	inFrames   string // name of the current keyframes
}

const (
	maxAtRules    = 8  // nested blocks
	maxProperties = 32 // registered by @property; each element checks all of them
)

func newSheet(d *Document, quirks bool) *sheet {
	s := &sheet{doc: d, byID: map[string][]*rule{}, byClass: map[string][]*rule{}, byTag: map[string][]*rule{}}
	s.matcher.quirks = quirks
	return s
}

// read parses one style element.
func (s *sheet) read(text string, n *html.Node, applies bool) {
	if s.bytes += len(text); s.bytes > maxSheet {
		s.doc.tolerate(StylesCut)
		text = clip(text, len(text)-(s.bytes-maxSheet))
	}
	s.doc.work += 4 * len(text)
	text = withoutComments(text)
	s.collect(text, n)
	if !applies {
		return
	}
	s.counters = s.counters || strings.Contains(text, "counter")
	parser := &selectorParser{quirks: s.matcher.quirks}
	s.block(text, context{layer: &s.root, parser: parser})
}

// done ranks the layers.
func (s *sheet) done() {
	rank := 0
	s.root.number(&rank)
}

// number ranks the inner layers before the layer itself.
func (l *layer) number(rank *int) {
	for _, inner := range l.inner {
		inner.number(rank)
	}
	*rank++
	l.rank = *rank
}

// find returns a layer by its name, "a.b" for a nested one; a new one for "".
func (l *layer) find(name string) *layer {
	first, rest, more := strings.Cut(name, ".")
	i := slices.IndexFunc(l.inner, func(x *layer) bool { return x.name == first && first != "" })
	if i < 0 {
		l.inner = append(l.inner, &layer{name: first, parent: l})
		i = len(l.inner) - 1
	}
	if more {
		return l.inner[i].find(rest)
	}
	return l.inner[i]
}

// collect records the targets that the sheet loads.
func (s *sheet) collect(css string, n *html.Node) {
	for property, u := range cssTargets(css) {
		if len(s.targets) >= maxRules {
			s.doc.tolerate(LinksCut)
			return
		}
		s.targets = append(s.targets, target{url: u, property: property, node: n})
	}
}

// block parses the rules of a sheet, or of an at-rule. CSS Syntax, Section 5.5.
func (s *sheet) block(css string, c context) {
	for {
		css = skipMarks(css)
		if css == "" {
			return
		}
		stops := "{"
		if isAtRule(css) {
			stops = "{;"
		}
		i := endOf(css, stops)
		if i == len(css) {
			return
		}
		prelude := trimSpace(css[:i])
		if css[i] == ';' {
			s.statement(prelude, c)
			css = css[i+1:]
			continue
		}
		var body string
		body, css = cutBlock(css[i+1:])
		s.one(prelude, body, c)
	}
}

// isAtRule reports whether a name follows the "@". CSS Syntax, Section 4.3.1.
func isAtRule(css string) bool {
	name, _ := cutName(strings.TrimPrefix(css, "@"))
	return css[0] == '@' && name != ""
}

// skipMarks skips white space and HTML comment marks, which are ignored between rules.
func skipMarks(css string) string {
	for {
		css = trimSpace(css)
		switch {
		case strings.HasPrefix(css, "<!--"):
			css = css[4:]
		case strings.HasPrefix(css, "-->"):
			css = css[3:]
		default:
			return css
		}
	}
}

// one parses one rule with a block.
func (s *sheet) one(prelude, body string, c context) {
	switch {
	case c.inFrames != "":
		s.addFrame(c.inFrames, body)
	case strings.HasPrefix(prelude, "@"):
		if c.depth < maxAtRules {
			s.atRule(prelude, body, c)
		} else {
			s.doc.tolerate(StylesCut)
		}
	default:
		s.styleRule(prelude, body, c)
	}
}

// statement parses an at-rule without a block.
func (s *sheet) statement(prelude string, c context) {
	name, rest := cutAt(prelude)
	switch name {
	case "layer":
		names := split(rest)
		if slices.ContainsFunc(names, func(l string) bool { return !isLayerName(l) }) {
			return
		}
		for _, l := range names {
			s.enter(&c, l)
		}
	case "namespace":
		prefix, _ := cutName(rest)
		if prefix == "" || strings.HasPrefix(strings.ToLower(rest), cssFunction) {
			prefix = ""
		}
		if c.parser.namespaces == nil {
			c.parser.namespaces = map[string]string{}
		}
		c.parser.namespaces[prefix] = namespaceOf(rest)
	}
}

func namespaceOf(rest string) string {
	switch {
	case strings.Contains(rest, "http://www.w3.org/1999/xhtml"):
		return "html"
	case strings.Contains(rest, "http://www.w3.org/2000/svg"):
		return "svg"
	case strings.Contains(rest, "http://www.w3.org/1998/Math/MathML"):
		return "math"
	}
	return "none"
}

// isLayerName reports whether a name is identifiers between dots.
func isLayerName(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if id, rest := cutName(part); !isIdentifier(id) || rest != "" {
			return false
		}
	}
	return true
}

// enter moves the context into a layer.
func (s *sheet) enter(c *context, name string) {
	s.layers = true
	at := c.layer
	depth := 0
	for l := at; l != nil; l = l.parent {
		depth++
	}
	if depth+strings.Count(name, ".") > 2*maxAtRules {
		return
	}
	c.layer = at.find(name)
}

func cutAt(prelude string) (name, rest string) {
	name, rest = cutName(strings.TrimPrefix(prelude, "@"))
	return strings.ToLower(name), trimSpace(rest)
}

// atRule parses a rule with a block of rules, if it applies.
func (s *sheet) atRule(prelude, body string, c context) {
	name, rest := cutAt(prelude)
	c.depth++
	switch name {
	case "media":
		if !appliesToScreen(strings.ToLower(rest)) {
			s.doc.tolerate(MediaSkipped)
			return // nothing inside can apply
		}
	case "supports":
		if !isSupported(rest, s.matcher.quirks, 0) {
			return
		}
	case "layer":
		if rest != "" && !isLayerName(rest) {
			return
		}
		s.enter(&c, rest)
	case "container":
		c.containers = append(slices.Clone(c.containers), strings.ToLower(rest))
	case "scope":
		if s.limit(&c, rest) {
			s.nested(c.parser.rootOfScope(), body, c)
		}
		return
	case "property":
		s.register(rest, body)
		return
	case "keyframes", "-webkit-keyframes":
		c.inFrames = unescape(strings.Trim(rest, `"'`))
	default:
		return
	}
	s.within(body, c)
}

// register parses @property, which requires a syntax and declares whether the property
// inherits. CSS Properties and Values API Level 1, Section 2.
func (s *sheet) register(name, body string) {
	if !strings.HasPrefix(name, "--") || len(s.registered) == maxProperties {
		return
	}
	p := registered{value: noValue, inherits: true}
	for line := range strings.SplitSeq(body, ";") {
		key, value, _ := strings.Cut(line, ":")
		value = trimSpace(value)
		switch strings.ToLower(trimSpace(key)) {
		case "syntax":
			p.any = strings.Trim(value, `"'`) == "*"
		case "inherits":
			p.inherits = !strings.EqualFold(value, "false")
		case "initial-value":
			p.value = value
		}
	}
	if p.value == noValue && !p.any {
		return
	}
	if s.registered == nil {
		s.registered = map[string]registered{}
	}
	s.registered[name] = p
}

// within parses a block of rules, which may begin with declarations in a nested rule.
func (s *sheet) within(body string, c context) {
	if c.parser.parents == nil {
		s.block(body, c)
		return
	}
	s.nested(c.parser.parents, body, c)
}

// limit parses "(a) to (b)" of @scope.
func (s *sheet) limit(c *context, prelude string) bool {
	if !strings.HasPrefix(prelude, "(") {
		return false
	}
	end := endOf(prelude[1:], ")") + 1
	roots := c.parser.list(prelude[1:end], 0, true)
	if roots == nil {
		return false
	}
	parser := *c.parser
	parser.parents, parser.scope = nil, roots
	c.parser = &parser
	inside := parser
	inside.parents = roots
	c.scope = inside.list("&, & *", 0, false)
	lower := trimSpace(prelude[min(end+1, len(prelude)):])
	if rest, ok := strings.CutPrefix(lower, "to"); ok {
		outside := parser
		limits := trimSpace(rest)
		limits = strings.TrimSuffix(strings.TrimPrefix(limits, "("), ")")
		outside.parents = inside.list(relativeTo(limits), 0, true)
		if outside.parents != nil {
			beyond := outside.list("&, & *", 0, false)
			for i := range c.scope {
				last := &c.scope[i].compounds[0]
				last.pseudos = append(last.pseudos, pseudoClass{name: "not", list: beyond})
			}
		}
	}
	return true
}

// relativeTo inserts "&" before selectors that begin with a combinator.
func relativeTo(list string) string {
	all := split(list)
	for i, one := range all {
		if one != "" && strings.IndexByte(">+~", one[0]) >= 0 {
			all[i] = "&" + one
		}
	}
	return strings.Join(all, ",")
}

// rootOfScope returns the first compound of selectors within @scope, without specificity.
// CSS Cascade Level 6, Section 2.5.
func (p *selectorParser) rootOfScope() []selector {
	return []selector{{compounds: []compound{{pseudos: []pseudoClass{{name: "is", list: p.scope}}}}}}
}

// styleRule parses selectors and their declarations.
func (s *sheet) styleRule(prelude, body string, c context) {
	if len(prelude) > maxSelectorList {
		s.longRule(prelude, body, c)
		return
	}
	selectors := c.parser.list(prelude, 0, false)
	if selectors == nil {
		return
	}
	s.nested(selectors, body, c)
}

// longRule parses a list of selectors that is too long for one parse, as in generated
// sheets, one selector at a time.
func (s *sheet) longRule(prelude, body string, c context) {
	var selectors []selector
	for _, one := range split(prelude) {
		sel, ok := c.parser.parse(one, 0)
		if !ok || len(one) > maxSelectorList {
			return
		}
		selectors = append(selectors, sel)
		if len(selectors) > maxRules {
			s.doc.tolerate(StylesCut)
			break
		}
	}
	s.nested(selectors, body, c)
}

// nested parses a block of declarations with rules between them. CSS Nesting Module.
func (s *sheet) nested(selectors []selector, body string, c context) {
	if strings.IndexByte(body, '{') < 0 {
		s.add(selectors, s.parser().declarations(body), c)
		return
	}
	inner := c
	inner.depth++
	parser := *c.parser
	parser.parents = selectors
	inner.parser = &parser
	for body != "" {
		i := endOf(body, "{;")
		if i < len(body) && body[i] == '{' && !isCustomText(body) {
			prelude := trimSpace(body[:i])
			var block string
			block, body = cutBlock(body[i+1:])
			s.nestedRule(prelude, block, inner)
			continue
		}
		if i = endOf(body, ";"); i > 0 {
			s.add(selectors, s.parser().declaration(body[:i], nil), c)
		}
		body = body[min(i+1, len(body)):]
	}
}

func isCustomText(body string) bool { return strings.HasPrefix(trimSpace(body), "--") }

// nestedRule parses a rule within a rule; a selector without "&" is for descendants.
func (s *sheet) nestedRule(prelude, body string, c context) {
	if c.depth > maxAtRules {
		s.doc.tolerate(StylesCut)
		return
	}
	if strings.HasPrefix(prelude, "@") {
		s.one(prelude, body, c)
		return
	}
	var all []string
	for _, one := range split(clip(prelude, maxSelectorList)) {
		isScoped := c.parser.scope != nil && strings.Contains(strings.ToLower(one), ":scope")
		if strings.IndexByte(one, '&') < 0 && !isScoped {
			one = "& " + one
		}
		all = append(all, one)
	}
	s.styleRule(strings.Join(all, ","), body, c)
}

func (s *sheet) parser() *sheetParser { return &sheetParser{quirks: s.matcher.quirks} }

// addFrame keeps the declarations of one keyframe.
func (s *sheet) addFrame(name, body string) {
	const maxFrames = 64
	if s.keyframes == nil {
		s.keyframes = map[string][][]declaration{}
	}
	if len(s.keyframes) < maxFrames && len(s.keyframes[name]) < maxFrames {
		s.keyframes[name] = append(s.keyframes[name], s.parser().declarations(body))
	}
}

// add indexes the rule under each of its selectors.
func (s *sheet) add(selectors []selector, declarations []declaration, c context) {
	if len(declarations) == 0 {
		return
	}
	for i := range selectors {
		sel := selectors[i]
		if sel.pseudo != "" && !isDrawn(sel.pseudo) {
			s.opensDetails = s.opensDetails || sel.pseudo == "details-content"
			continue
		}
		if s.rules++; s.rules > maxRules {
			s.doc.tolerate(StylesCut)
			return
		}
		if sel.scoped = c.scope != nil; sel.scoped {
			sel.compounds = slices.Clone(sel.compounds)
			first := &sel.compounds[0]
			first.pseudos = append(slices.Clone(first.pseudos), pseudoClass{name: "is", list: c.scope})
		}
		s.pseudos = s.pseudos || sel.pseudo != ""
		s.file(&rule{selector: sel, declarations: declarations, order: s.rules, layer: c.layer, containers: c.containers})
	}
}

// isDrawn reports whether a pseudo-element shows text.
func isDrawn(pseudo string) bool {
	switch pseudo {
	case "before", "after", "marker", "first-line", "first-letter":
		return true
	}
	return false
}

func (s *sheet) file(r *rule) {
	switch last := &r.selector.compounds[0]; {
	case last.id != "":
		s.byID[last.id] = append(s.byID[last.id], r)
	case len(last.classes) > 0:
		s.byClass[last.classes[0]] = append(s.byClass[last.classes[0]], r)
	case last.tag != "":
		s.byTag[last.tag] = append(s.byTag[last.tag], r)
	default:
		s.other = append(s.other, r)
	}
}

// matching returns the rules that match n, weakest first. It returns none when the document
// has used up its comparisons.
func (s *sheet) matching(n *html.Node, out []*rule) []*rule {
	if s.rules == 0 || s.matcher.steps > maxMatchSteps {
		return out
	}
	if len(s.byID) > 0 {
		if id := attr(n, "id"); id != "" {
			out = s.filter(s.byID[s.folded(id)], n, out)
		}
	}
	if len(s.byClass) > 0 {
		out = s.byClassOf(n, out)
	}
	tag := n.Data
	if n.Namespace != "" {
		tag = strings.ToLower(tag)
	}
	out = s.filter(s.byTag[tag], n, out)
	out = s.filter(s.other, n, out)
	if s.matcher.steps > maxMatchSteps {
		s.doc.tolerate(StylesCut)
	}
	if len(out) > 1 {
		slices.SortFunc(out, stronger)
	}
	return out
}

func (s *sheet) folded(name string) string {
	if s.matcher.quirks {
		return strings.ToLower(name)
	}
	return name
}

func (s *sheet) byClassOf(n *html.Node, out []*rule) []*rule {
	list := attr(n, "class")
	if list == "" {
		return out
	}
	var seen []string
	for class := range strings.FieldsSeq(list) {
		class = s.folded(class)
		if len(seen) == maxAttributes {
			s.doc.tolerate(StylesCut)
			break
		}
		if !slices.Contains(seen, class) {
			seen = append(seen, class)
			out = s.filter(s.byClass[class], n, out)
		}
	}
	return out
}

func (s *sheet) filter(rules []*rule, n *html.Node, out []*rule) []*rule {
	for _, r := range rules {
		if s.matcher.steps > maxMatchSteps {
			return out
		}
		if s.matcher.matches(&r.selector, n) {
			out = append(out, r)
		}
	}
	return out
}

// stronger orders rules by layer, specificity and position.
func stronger(a, b *rule) int {
	switch {
	case a.layer.rank != b.layer.rank:
		return a.layer.rank - b.layer.rank
	case a.selector.specificity != b.selector.specificity:
		return a.selector.specificity - b.selector.specificity
	case a.selector.scoped != b.selector.scoped && a.selector.scoped:
		return 1
	case a.selector.scoped != b.selector.scoped:
		return -1
	}
	return a.order - b.order
}

// isSheet reports whether the text of a style element is a style sheet that browsers apply.
// HTML Living Standard, Section 4.2.6.
func isSheet(n *html.Node) bool {
	kind := strings.ToLower(attr(n, "type"))
	return n.DataAtom == atom.Style && n.Namespace != "math" && (kind == "" || kind == "text/css")
}
