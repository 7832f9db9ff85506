package markup

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// declaration is one property of interest, name and value in lower case.
type declaration struct {
	property, value string
	important       bool
}

// rule is one selector with its declarations.
type rule struct {
	selector     selector
	declarations []declaration
	order        int
}

// sheet is every style sheet of a document, its rules indexed by what an element must
// have for the rightmost compound selector to match.
type sheet struct {
	doc     *Document
	byID    map[string][]*rule
	byClass map[string][]*rule
	byTag   map[string][]*rule
	other   []*rule
	rules   int
	bytes   int
	steps   int
	targets []target // what the sheets load
}

// target is one URL of a style sheet.
type target struct {
	url, property string
	node          *html.Node
}

// readSheets reads the style elements of d.
func readSheets(d *Document) *sheet {
	s := &sheet{doc: d, byID: map[string][]*rule{}, byClass: map[string][]*rule{}, byTag: map[string][]*rule{}}
	for n := range d.root.Descendants() {
		d.work++
		if n.DataAtom != atom.Style || n.FirstChild == nil {
			continue
		}
		text := n.FirstChild.Data
		if s.bytes += len(text); s.bytes > maxSheet {
			d.tolerate(StylesCut)
			return s
		}
		d.work += 4 * len(text)
		text = withoutComments(text)
		s.collect(text, n)
		s.block(text, 0, appliesToScreen(strings.ToLower(attr(n, "media"))))
	}
	return s
}

func withoutComments(s string) string {
	if strings.Contains(s, "--") { // CSS 2.1, Section 4.4: marks of HTML comments mean nothing
		s = strings.NewReplacer("<!--", " ", "-->", " ").Replace(s)
	}
	if !strings.Contains(s, "/*") {
		return s
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "/*")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		if _, s, ok = strings.Cut(rest, "*/"); !ok {
			return b.String()
		}
		b.WriteByte(' ')
	}
}

// collect notes what the sheet loads.
func (s *sheet) collect(css string, n *html.Node) {
	for property, u := range cssTargets(css) {
		if len(s.targets) >= maxRules {
			s.doc.tolerate(LinksCut)
			return
		}
		s.targets = append(s.targets, target{url: u, property: property, node: n})
	}
}

// block reads the rules of a sheet, or of an at-rule within.
func (s *sheet) block(css string, depth int, applies bool) {
	const maxAtRules = 4 // levels; nobody nests more than @supports in @media
	for css != "" {
		i := endOf(css, "{;")
		if i == len(css) {
			return
		}
		prelude := strings.TrimSpace(css[:i])
		if css[i] == ';' {
			css = css[i+1:]
			continue
		}
		body, rest := cutBlock(css[i+1:])
		css = rest
		switch {
		case !strings.HasPrefix(prelude, "@"):
			if applies {
				s.add(prelude, body)
			}
		case depth < maxAtRules:
			s.atRule(strings.ToLower(prelude), body, depth, applies)
		}
	}
}

func (s *sheet) atRule(prelude, body string, depth int, applies bool) {
	query, isMedia := strings.CutPrefix(prelude, "@media")
	switch {
	case isMedia:
		on := appliesToScreen(query)
		if !on {
			s.doc.tolerate(MediaSkipped)
			return // nothing within can apply
		}
		s.block(body, depth+1, applies && on)
	case strings.HasPrefix(prelude, "@supports"), strings.HasPrefix(prelude, "@layer"):
		s.block(body, depth+1, applies)
	}
}

// appliesToScreen answers a list of media queries for a screen of ordinary width in
// light colors.
func appliesToScreen(queries string) bool {
	if strings.TrimSpace(queries) == "" {
		return true
	}
	for q := range strings.SplitSeq(queries, ",") {
		q = strings.TrimSpace(q)
		inner, negated := strings.CutPrefix(q, "not ")
		if queryApplies(inner) != negated {
			return true
		}
	}
	return false
}

func queryApplies(q string) bool {
	const width = 1024
	for _, other := range []string{"print", "speech", "tty", "dark", "portrait"} {
		if strings.Contains(q, other) {
			return false
		}
	}
	if w, ok := feature(q, "max-width", "max-device-width"); ok && w < width {
		return false
	}
	w, ok := feature(q, "min-width", "min-device-width")
	return !ok || w <= width
}

// feature returns the pixels that a media query compares with.
func feature(q string, names ...string) (float64, bool) {
	for _, name := range names {
		_, v, ok := strings.Cut(q, name)
		if !ok {
			continue
		}
		v, _, _ = strings.Cut(strings.TrimLeft(v, ": "), ")")
		return length(strings.TrimSpace(v), defaultFont)
	}
	return 0, false
}

// endOf returns the index of the first of the bytes outside of quotes and parentheses,
// or len(s).
func endOf(s, bytes string) int {
	var quote byte
	parens := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote || c == '\n' { // CSS 2.1, Section 4.2: a string ends at an unescaped line end
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			parens++
		case c == ')':
			parens = max(parens-1, 0)
		case parens == 0 && strings.IndexByte(bytes, c) >= 0:
			return i
		}
	}
	return len(s)
}

// cutBlock returns what stands before the brace that closes the block, and what
// follows it.
func cutBlock(s string) (body, rest string) {
	open := 1
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}

// add files the rule under each of its selectors.
func (s *sheet) add(selectors, body string) {
	declarations := parseDeclarations(body)
	if len(declarations) == 0 {
		return
	}
	for text := range strings.SplitSeq(selectors, ",") {
		sel, ok := parseSelector(text)
		if !ok {
			continue
		}
		if s.rules++; s.rules > maxRules {
			s.doc.tolerate(StylesCut)
			return
		}
		s.file(&rule{selector: sel, declarations: declarations, order: s.rules})
	}
}

func (s *sheet) file(r *rule) {
	switch last := r.selector.compounds[0]; {
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

// parseDeclarations returns the declarations of interest, in order.
func parseDeclarations(css string) []declaration {
	var ds []declaration
	for css != "" {
		i := endOf(css, ";")
		d, ok := parseDeclaration(css[:i])
		css = css[min(i+1, len(css)):]
		if ok {
			ds = append(ds, d)
		}
	}
	return ds
}

func parseDeclaration(css string) (declaration, bool) {
	property, value, ok := strings.Cut(css, ":")
	property = strings.ToLower(strings.TrimSpace(property))
	if !ok || !isOfInterest(property) {
		return declaration{}, false
	}
	value = strings.ToLower(strings.TrimSpace(value))
	d := declaration{property: property, value: value}
	if v, word, ok := strings.Cut(value, "!"); ok && strings.TrimSpace(word) == "important" {
		d.value, d.important = strings.TrimSpace(v), true
	}
	return d, true
}

func isOfInterest(property string) bool {
	switch property {
	case "display", "visibility", "opacity", "font-size", "font", "color", "background", "background-color", "background-image",
		"overflow", "overflow-x", "overflow-y", "width", "height", "max-width", "max-height", "position", "left", "top", "right",
		"bottom", "text-indent", "margin", "margin-left", "margin-top", "clip", "clip-path", "transform", "mso-hide", "line-height",
		"filter", "-webkit-text-fill-color", "content-visibility":
		return true
	default:
		return false
	}
}

// cssTargets yields the property and the URL of each url(...) and @import.
func cssTargets(css string) func(yield func(property, u string) bool) {
	return func(yield func(string, string) bool) {
		c := targetCursor{lower: lowerASCII(css)}
		c.skip(0)
		for c.function < len(css) || c.rule < len(css) {
			property, at := c.target()
			u, n := cssString(css[at:])
			if u != "" && !yield(property, u) {
				return
			}
			c.skip(at + n)
		}
	}
}

const cssFunction, cssImport = "url(", "@import"

// targetCursor knows where the next url( and the next @import stand, or the length of
// the sheet.
type targetCursor struct {
	lower          string
	function, rule int
	started        bool
}

// skip moves both behind offset at; each part of the sheet is searched once.
func (c *targetCursor) skip(at int) {
	if c.function < at || !c.started {
		c.function = indexFrom(c.lower, cssFunction, at)
	}
	if c.rule < at || !c.started {
		c.rule = indexFrom(c.lower, cssImport, at)
	}
	c.started = true
}

// target returns where the string of the next target begins; "@import url(x)" is one.
func (c *targetCursor) target() (property string, at int) {
	if c.function < c.rule {
		return propertyBefore(c.lower[:c.function]), c.function + len(cssFunction)
	}
	const near = 8
	at = c.rule + len(cssImport)
	if c.function < min(at+near, len(c.lower)) && strings.TrimSpace(c.lower[at:c.function]) == "" {
		at = c.function + len(cssFunction)
	}
	return "@import", at
}

// indexFrom returns where sub stands in s from offset at on, or len(s).
func indexFrom(s, sub string, at int) int {
	if i := strings.Index(s[at:], sub); i >= 0 {
		return at + i
	}
	return len(s)
}

// cssString reads a quoted or bare URL, and returns how many bytes it takes.
func cssString(s string) (u string, n int) {
	rest := strings.TrimLeft(s, " \t\r\n")
	skipped := len(s) - len(rest)
	if rest == "" {
		return "", skipped
	}
	stop := ") \t\r\n;"
	if rest[0] == '"' || rest[0] == '\'' {
		stop, rest, skipped = rest[:1], rest[1:], skipped+1
	}
	i := strings.IndexAny(rest, stop)
	if i < 0 {
		i = len(rest)
	}
	return rest[:min(i, maxTarget)], skipped + i
}

// propertyBefore returns the property of the declaration that ends s.
func propertyBefore(s string) string {
	const look = 80
	s = s[max(0, len(s)-look):]
	s = s[strings.LastIndexAny(s, ";{}")+1:]
	property, _, _ := strings.Cut(s, ":")
	return strings.TrimSpace(property)
}

// lowerASCII lowers without changing byte offsets.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

const defaultFont = 16 // pixels

// length reads a CSS length as pixels; em is the size of the font in pixels.
func length(s string, em float64) (float64, bool) {
	number := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz% ")
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v != v || v > 1e9 || v < -1e9 {
		return 0, false
	}
	switch strings.TrimSpace(s[len(number):]) {
	case "px", "":
		return v, true
	case "pt":
		return v * 4 / 3, true
	case "em":
		return v * em, true
	case "rem":
		return v * defaultFont, true
	case "ex", "ch":
		return v * em / 2, true
	case "%":
		return v * em / 100, true
	case "vw", "vh":
		return v * 10, true
	case "in":
		return v * 96, true
	case "cm":
		return v * 38, true
	case "mm":
		return v * 3.8, true
	}
	return 0, false
}
