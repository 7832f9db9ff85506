package rule

import (
	"fmt"
	"regexp"
	resyntax "regexp/syntax"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	re2 "github.com/wasilibs/go-re2"

	"outrider/internal/rule/result"
	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// parseRegex parses a pattern.
func parseRegex(pattern string) (*resyntax.Regexp, error) {
	re, err := resyntax.Parse(pattern, resyntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("reading the pattern: %w", err)
	}
	return re, nil
}

// expression is a regular expression compiled by two engines with equal results: RE2
// matches longer texts several times faster; the standard library has no call overhead,
// supports groups, and treats invalid UTF-8 as Go does.
type expression struct {
	quick    *re2.Regexp
	standard func() *regexp.Regexp
}

// quickFrom is the length in bytes from which RE2 is faster.
const quickFrom = 100

func newExpression(source string) *expression {
	e := &expression{standard: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(source) })}
	if quick, err := re2.Compile(source); err == nil {
		e.quick = quick
	}
	return e
}

// match reports whether the expression matches anywhere in the text.
func (e *expression) match(text string) bool {
	if e.quick == nil || len(text) < quickFrom || !utf8.ValidString(text) {
		return e.standard().MatchString(text)
	}
	return e.quick.MatchString(text)
}

// pattern is one regular expression of a rule.
type pattern struct {
	re   *expression
	need *formula // in the stream of the text, or nil
	// words must be in a folded text that the pattern matches: one of each list. If the
	// text has a stream, which shows single occurrences, only those that must occur several
	// times remain.
	words [][]wanted
}

// regexes compiles the patterns of a call.
func (c *compiler) regexes(n *syntax.Call, text *code, whole, folds bool) []pattern {
	out := make([]pattern, 0, len(n.Args)-1)
	for _, a := range n.Args[1:] {
		source, _ := literal(a)
		out = append(out, c.regex(source, text.stream, whole, folds))
	}
	return out
}

// spelled returns a pattern as it is compiled: for the whole text, or ignoring case.
func spelled(source string, whole, folds bool) string {
	if whole {
		source = `\A(?:` + source + `)\z`
	}
	if folds {
		source = "(?i)" + source
	}
	return source
}

// verbOf splits the name of a pattern function: "regex.imatch" is "match", ignoring case.
func verbOf(name string) (verb string, folds bool) {
	_, verb, _ = strings.Cut(name, ".")
	return strings.CutPrefix(verb, "i")
}

func (c *compiler) regex(source string, from *stream, whole, folds bool) pattern {
	full := spelled(source, whole, folds)
	p := pattern{re: c.regexOf(full)}
	if parsed, err := parseRegex(full); err == nil {
		p.words = required(parsed)
	}
	if c.plain.NoWords {
		p.words = nil
	}
	if from == nil {
		return p
	}
	var parts []*formula
	for _, alternatives := range p.words {
		var some []*formula
		for _, w := range alternatives {
			some = append(some, c.words.want(from, w.text))
		}
		parts = append(parts, either(some...))
	}
	p.need = both(parts...)
	p.words = slices.DeleteFunc(p.words, func(alternatives []wanted) bool {
		return !slices.ContainsFunc(alternatives, func(w wanted) bool { return w.times > 1 })
	})
	return p
}

// regexOf compiles each pattern once. The checker has verified that it is valid.
func (c *compiler) regexOf(full string) *expression {
	re := c.patterns[full]
	if re == nil {
		re = newExpression(full)
		c.patterns[full] = re
	}
	return re
}

// can reports whether the pattern can match a text.
func (p *pattern) can(f *frame, text string) bool {
	if !p.need.holds(f) {
		return false
	}
	if len(p.words) == 0 {
		return true
	}
	folded := f.fold(text)
	for _, alternatives := range p.words {
		if !slices.ContainsFunc(alternatives, func(w wanted) bool { return w.in(folded) }) {
			return false
		}
	}
	return true
}

// matches runs the pattern.
func (p *pattern) matches(f *frame, text string) bool {
	return p.can(f, text) && f.spend(1+len(text)/regexStep) && p.re.match(text)
}

// some reports whether a search for all matches is worthwhile: whether a longer text has
// one.
func (p *pattern) some(f *frame, text string) bool {
	if len(text) < quickFrom {
		return p.can(f, text)
	}
	return p.matches(f, text)
}

// regexStep is the number of bytes that a pattern searches in one step.
const regexStep = 16

func (c *compiler) pattern(name string, n *syntax.Call) *code {
	text := c.compile(n.Args[0])
	if name == "html.xpath" {
		return c.xpath(n, text)
	}
	verb, folds := verbOf(name)
	list := c.regexes(n, text, verb == "match", folds)
	out := &code{cost: text.cost + costOfPatterns(list, text.stream.isLong()), odds: oddsText}
	switch verb {
	case "match", "contains":
		out.test = anyPattern(text, list)
		out.necessary = needOf(list)
	case "count":
		out.cost += costParse
		out.eval = func(f *frame) schema.Value {
			s, ok := subject(f, text)
			if !ok {
				return schema.Value{}
			}
			return countMatches(f, &list[0], s)
		}
	default:
		out.eval = func(f *frame) schema.Value {
			s, ok := subject(f, text)
			if !ok {
				return schema.Value{}
			}
			return extract(f, list, s)
		}
	}
	return out
}

// costOfPatterns returns a low cost for patterns that run only if their words are present.
func costOfPatterns(list []pattern, long bool) int {
	run, cost := costRegex, 0
	if long {
		run = costLongRegex
	}
	for i := range list {
		if list[i].need != nil {
			cost += costWord + run/oneIn
		} else {
			cost += run
		}
	}
	return cost
}

// oneIn is the reciprocal of the fraction of patterns whose words are in a message.
const oneIn = 20

func needOf(list []pattern) *formula {
	parts := make([]*formula, len(list))
	for i := range list {
		parts[i] = list[i].need
	}
	return either(parts...)
}

// subject returns the text that patterns are applied to.
func subject(f *frame, text *code) (string, bool) {
	v := text.eval(f)
	return f.cut(v.Text(), maxRegexText), v.Kind() == schema.String
}

func anyPattern(text *code, list []pattern) func(*frame) tri {
	return func(f *frame) tri {
		v := text.eval(f)
		if v.Kind() != schema.String {
			return unsure
		}
		s := f.cut(v.Text(), maxRegexText)
		for i := range list {
			if list[i].matches(f, s) {
				return yes
			}
		}
		return no
	}
}

// maxMatches bounds the matches of one pattern.
const maxMatches = 1000

func countMatches(f *frame, p *pattern, s string) schema.Value {
	if !p.some(f, s) {
		return schema.OfInt(0)
	}
	re := p.re.standard()
	return schema.OfInt(int64(len(rounds(f, s, re.FindAllStringIndex))))
}

// rounds finds all matches in a text. Each search may read the rest of the text again,
// which only the elapsed time shows: the search continues while it is fast.
func rounds[T any](f *frame, s string, find func(string, int) []T) []T {
	for _, most := range [...]int{20, 100, maxMatches} {
		start := time.Now()
		out := find(s, most)
		// On a busy machine the elapsed time is too high: a rule pays at most with its own
		// steps.
		if !f.spend(min(1+int(time.Since(start)/stepTime), int(f.steps)+1)) {
			return nil
		}
		if len(out) < most || most == maxMatches {
			return out
		}
	}
	return nil
}

// stepTime is the approximate duration of a step.
const stepTime = 500 * time.Nanosecond

// extract returns the matches of all patterns. A group without a match is "".
func extract(f *frame, list []pattern, s string) schema.Value {
	var out []result.Match
	for i := range list {
		p := &list[i]
		if !p.some(f, s) {
			continue
		}
		re := p.re.standard()
		for _, m := range rounds(f, s, re.FindAllStringSubmatch) {
			out = append(out, newMatch(re, m))
		}
	}
	return schema.OfObjects(out)
}

func newMatch(re *regexp.Regexp, groups []string) result.Match {
	m := result.Match{FullMatch: groups[0], Groups: groups[1:], NamedGroups: make(map[string]string)}
	for i, name := range re.SubexpNames() {
		if name != "" {
			m.NamedGroups[name] = groups[i]
		}
	}
	return m
}

// wanted is a folded word that a text must contain with a minimum number of disjoint
// occurrences.
type wanted struct {
	text  string
	times int
}

func (w *wanted) in(folded string) bool {
	if w.times == 1 {
		return strings.Contains(folded, w.text)
	}
	return strings.Count(folded, w.text) >= w.times
}

// required returns lists of words; a text that matches the pattern contains one of each
// list.
func required(re *resyntax.Regexp) [][]wanted {
	r := requirement(re, 0)
	if r.exact != nil {
		r.settle()
	}
	return r.lists
}

// need describes the texts that a part of a pattern matches.
type need struct {
	exact []string // all of them, folded, if they are few; otherwise nil
	lists [][]wanted
}

// Bounds on the words of a pattern.
const (
	maxExact  = 24 // texts of a part
	maxClass  = 40 // characters of a class
	maxLength = 40 // bytes of a text
	maxNest   = 60 // levels of a pattern
	maxTimes  = 1000
)

// settle converts exact texts into a list of words.
func (r *need) settle() {
	if len(r.exact) > 0 && !slices.ContainsFunc(r.exact, func(w string) bool { return !isWord(w) }) {
		r.lists = append(r.lists, once(r.exact))
	}
	r.exact = nil
}

func once(words []string) []wanted {
	out := make([]wanted, len(words))
	for i, w := range words {
		out[i] = wanted{w, 1}
	}
	return out
}

func requirement(re *resyntax.Regexp, depth int) need {
	if depth > maxNest {
		return need{}
	}
	switch re.Op {
	case resyntax.OpLiteral:
		var b strings.Builder
		for _, r := range re.Rune {
			b.WriteRune(foldRune(r))
		}
		return need{exact: []string{b.String()}}
	case resyntax.OpCharClass:
		return classTexts(re)
	case resyntax.OpCapture:
		return requirement(re.Sub[0], depth+1)
	case resyntax.OpConcat:
		return concat(re, depth)
	case resyntax.OpAlternate:
		return alternate(re, depth)
	case resyntax.OpQuest:
		r := requirement(re.Sub[0], depth+1)
		if r.exact != nil && len(r.exact) < maxExact {
			return need{exact: append([]string{""}, r.exact...)}
		}
		return need{}
	case resyntax.OpPlus:
		return repeated(re.Sub[0], 1, depth)
	case resyntax.OpRepeat:
		if re.Min == 0 {
			return need{}
		}
		return repeated(re.Sub[0], re.Min, depth)
	case resyntax.OpEmptyMatch, resyntax.OpBeginLine, resyntax.OpEndLine, resyntax.OpBeginText, resyntax.OpEndText,
		resyntax.OpWordBoundary, resyntax.OpNoWordBoundary:
		return need{exact: []string{""}}
	default:
		return need{}
	}
}

// repeated returns the need of a part with a minimum number of repetitions. If it is one of
// several words, one of them occurs in its share of the repetitions.
func repeated(re *resyntax.Regexp, times, depth int) need {
	r := requirement(re, depth+1)
	if len(r.exact) == 1 && r.exact[0] != "" {
		n := min(times, max(1, maxLength/len(r.exact[0])))
		r.exact[0], times = strings.Repeat(r.exact[0], n), times/n
	}
	if r.exact != nil {
		r.settle()
	}
	for i, list := range r.lists {
		r.lists[i] = slices.Clone(list)
		for k := range list {
			r.lists[i][k].times = max(1, min(list[k].times*times/len(list), maxTimes))
		}
	}
	return r
}

// classTexts returns the characters of a small class.
func classTexts(re *resyntax.Regexp) need {
	seen := map[rune]bool{}
	for i := 0; i+1 < len(re.Rune); i += 2 {
		if re.Rune[i+1]-re.Rune[i] > maxClass {
			return need{}
		}
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			seen[foldRune(r)] = true
		}
		if len(seen) > maxClass {
			return need{}
		}
	}
	out := need{exact: make([]string, 0, len(seen))}
	for r := range seen {
		out.exact = append(out.exact, string(r))
	}
	slices.Sort(out.exact)
	return out
}

// concat joins adjacent parts while the texts are few.
func concat(re *resyntax.Regexp, depth int) need {
	var out need
	current := []string{""}
	flush := func() {
		n := need{exact: current}
		n.settle()
		out.lists = append(out.lists, n.lists...)
	}
	whole := true
	for _, sub := range re.Sub {
		r := requirement(sub, depth+1)
		if r.exact == nil {
			flush()
			current, whole = []string{""}, false
			out.lists = append(out.lists, r.lists...)
			continue
		}
		if joined, ok := product(current, r.exact); ok {
			current = joined
			continue
		}
		flush()
		current, whole = r.exact, false
	}
	if whole {
		return need{exact: current}
	}
	flush()
	return out
}

func product(a, b []string) ([]string, bool) {
	if len(a)*len(b) > maxExact {
		return nil, false
	}
	out := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			if len(x)+len(y) > maxLength {
				return nil, false
			}
			out = append(out, x+y)
		}
	}
	return out, true
}

// maxAlternatives bounds the words of which one must be in a text.
const maxAlternatives = 200

// alternate requires one of the words that its branches require. Of a branch that requires
// several, the longest is taken.
func alternate(re *resyntax.Regexp, depth int) need {
	var exact []string
	var some []wanted
	allExact := true
	for _, sub := range re.Sub {
		r := requirement(sub, depth+1)
		if r.exact != nil {
			exact = append(exact, r.exact...)
			some = append(some, once(r.exact)...)
			continue
		}
		allExact = false
		best := bestList(r.lists)
		if best == nil {
			return need{}
		}
		some = append(some, best...)
	}
	if allExact && len(exact) <= maxExact {
		return need{exact: exact}
	}
	if len(some) > maxAlternatives {
		return need{}
	}
	if slices.ContainsFunc(some, func(w wanted) bool { return !isWord(w.text) }) {
		return need{}
	}
	return need{lists: [][]wanted{some}}
}

// bestList returns the list with the longest shortest word.
func bestList(lists [][]wanted) []wanted {
	var best []wanted
	most := 0
	for _, l := range lists {
		least := maxLength * utf8.UTFMax
		for _, w := range l {
			least = min(least, len(w.text))
		}
		if least > most {
			best, most = l, least
		}
	}
	return best
}
