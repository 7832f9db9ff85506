package yara

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// parser reads rules and compiles their conditions.
type parser struct {
	lexer
	rules *Rules
	known map[string]int // patterns by key
	rule  *rule
	vars  []string // of the enclosing loops
	depth int
	inner bool // inside a loop over strings, where $ stands for the current one
}

func (p *parser) run() error {
	if err := p.next(); err != nil {
		return err
	}
	for p.tok.kind != end {
		if err := p.one(); err != nil {
			return err
		}
	}
	return nil
}

// is reports whether the token is this word or symbol.
func (p *parser) is(text string) bool {
	return (p.tok.kind == word || p.tok.kind == symbol) && p.tok.text == text
}

// accept takes the token if it is this word or symbol.
func (p *parser) accept(text string) (bool, error) {
	if !p.is(text) {
		return false, nil
	}
	return true, p.next()
}

func (p *parser) expect(text string) error {
	if !p.is(text) {
		return fmt.Errorf("%q where %q is expected", p.tok.text, text)
	}
	return p.next()
}

// identifier takes a word.
func (p *parser) identifier() (string, error) {
	text := p.tok.text
	if p.tok.kind != word {
		return "", fmt.Errorf("%q where a name is expected", text)
	}
	return text, p.next()
}

// one reads one rule.
func (p *parser) one() error {
	n := len(p.rules.strings)
	p.rule = &rule{first: n, last: n}
	for p.is("private") || p.is("global") {
		p.rule.private = p.rule.private || p.is("private")
		p.rule.global = p.rule.global || p.is("global")
		if err := p.next(); err != nil {
			return err
		}
	}
	if p.is("import") || p.is("include") {
		return fmt.Errorf("%s is not supported", p.tok.text)
	}
	if err := p.expect("rule"); err != nil {
		return err
	}
	for _, part := range []func() error{p.head, p.meta, p.strings, p.conclusion} {
		if err := part(); err != nil {
			return err
		}
	}
	p.rules.rules = append(p.rules.rules, *p.rule)
	return nil
}

// head reads the name and the tags.
func (p *parser) head() (err error) {
	if p.rule.name, err = p.identifier(); err != nil {
		return err
	}
	if slices.ContainsFunc(p.rules.rules, func(r rule) bool { return r.name == p.rule.name }) {
		return fmt.Errorf("second rule %s", p.rule.name)
	}
	tagged, err := p.accept(":")
	for tagged && err == nil && p.tok.kind == word {
		p.rule.tags = append(p.rule.tags, p.tok.text)
		err = p.next()
	}
	if err != nil {
		return err
	}
	return p.expect("{")
}

func (p *parser) meta() error {
	ok, err := p.accept("meta")
	if !ok || err != nil {
		return err
	}
	if err := p.expect(":"); err != nil {
		return err
	}
	for p.tok.kind == word && !p.is("strings") && !p.is("condition") {
		if err := p.fact(); err != nil {
			return err
		}
	}
	return nil
}

// fact reads one line of meta.
func (p *parser) fact() error {
	key := p.tok.text
	if err := errors.Join(p.next(), p.expect("=")); err != nil {
		return err
	}
	sign := ""
	negative, err := p.accept("-")
	if err != nil {
		return err
	}
	if negative {
		sign = "-"
	}
	if !slices.Contains([]kind{quoted, integer, word}, p.tok.kind) {
		return fmt.Errorf("bad value of %s", key)
	}
	p.rule.meta = append(p.rule.meta, Meta{key, sign + p.tok.text})
	return p.next()
}

func (p *parser) strings() error {
	ok, err := p.accept("strings")
	if !ok || err != nil {
		return err
	}
	if err := p.expect(":"); err != nil {
		return err
	}
	for p.tok.kind == name {
		n := named{name: p.tok.text}
		known := func(k named) bool { return k.name == n.name && n.name != "$" }
		if n.name[0] != '$' || slices.ContainsFunc(p.rules.strings[p.rule.first:], known) {
			return fmt.Errorf("bad or second string %s", n.name)
		}
		var s pattern
		if err := errors.Join(p.next(), p.definition(&s)); err != nil {
			return fmt.Errorf("string %s: %w", n.name, err)
		}
		n.pattern = p.pattern(s)
		p.rules.strings = append(p.rules.strings, n)
		p.rule.last++
	}
	return nil
}

// pattern keeps a pattern once, and returns its number.
func (p *parser) pattern(s pattern) int {
	key := s.key()
	at, ok := p.known[key]
	if !ok {
		at = len(p.rules.patterns)
		p.known[key] = at
		p.rules.patterns = append(p.rules.patterns, s)
	}
	return at
}

// definition parses the text after the name of a string.
func (p *parser) definition(s *pattern) (err error) {
	if !p.is("=") {
		return errors.New("no = after the name")
	}
	if err := p.space(); err != nil {
		return err
	}
	opening := byte(0)
	if p.at < len(p.src) {
		opening = p.src[p.at]
	}
	switch opening {
	case '"':
		if err := p.next(); err != nil {
			return err
		}
		text := p.tok.text
		m, err := p.modifiers()
		if err == nil {
			s.variants, err = m.text(text)
		}
		return err
	case '{':
		return p.hex(s)
	case '/':
		return p.expression(s)
	}
	return errors.New("neither text, bytes nor a regular expression")
}

// hex reads a hex string.
func (p *parser) hex(s *pattern) error {
	p.at++
	body, err := p.until('}')
	if err != nil {
		return err
	}
	p.line += strings.Count(body, "\n")
	h := hexParser{src: uncomment(body)}
	elements, err := h.sequence(0)
	if err != nil {
		return err
	}
	if h.peek() != 0 {
		return fmt.Errorf("bad character %q in a hex string", h.peek())
	}
	s.variants = []variant{{elements: elements}}
	m, err := p.modifiersAfterNext()
	if err == nil && m != (modifiers{high: 255}) {
		err = errors.New("modifiers on a hex string")
	}
	return err
}

// uncomment drops line comments.
func uncomment(body string) string {
	var b strings.Builder
	for line := range strings.Lines(body) {
		line, _, _ = strings.Cut(line, "//")
		b.WriteString(line + "\n")
	}
	return b.String()
}

// expression reads a regular expression.
func (p *parser) expression(s *pattern) error {
	p.at++
	body, err := p.until('/')
	if err != nil {
		return err
	}
	if strings.Contains(body, "\n") {
		return errText
	}
	flags := p.while(func(c byte) bool { return c == 'i' || c == 's' })
	m, err := p.modifiersAfterNext()
	if err != nil {
		return err
	}
	if m.wide || m.fullword || m.xor || m.base64 {
		return errors.New("wide, fullword, xor or base64 on a regular expression")
	}
	if m.nocase && !strings.Contains(flags, "i") {
		flags += "i"
	}
	re, err := compileExpression(body, flags)
	s.variants = []variant{{re: re}}
	return err
}

// modifiersAfterNext parses the modifiers after a token read by hand.
func (p *parser) modifiersAfterNext() (modifiers, error) {
	p.tok = token{}
	return p.modifiers()
}

// modifiers reads the words after the current token.
func (p *parser) modifiers() (modifiers, error) {
	m := modifiers{high: 255}
	for {
		if err := p.next(); err != nil {
			return m, err
		}
		switch {
		case p.is("nocase"):
			m.nocase = true
		case p.is("wide"):
			m.wide = true
		case p.is("ascii"):
			m.ascii = true
		case p.is("fullword"):
			m.fullword = true
		case p.is("base64"):
			m.base64 = true
		case p.is("xor"):
			m.xor = true
			if err := p.keyRange(&m); err != nil {
				return m, err
			}
		case p.is("private"):
		case p.is("base64wide"):
			return m, errors.New("base64wide is not supported")
		default:
			return m, nil
		}
	}
}

// keyRange reads (1-255) after xor, if it is there.
func (p *parser) keyRange(m *modifiers) error {
	if p.at >= len(p.src) || p.src[p.at] != '(' {
		return nil
	}
	p.at++
	body, err := p.until(')')
	if err != nil {
		return err
	}
	low, high, open := strings.Cut(body, "-")
	if !open {
		high = low
	}
	a, errLow := strconv.ParseUint(strings.TrimSpace(low), 0, 8)
	b, errHigh := strconv.ParseUint(strings.TrimSpace(high), 0, 8)
	m.low, m.high = int64(a), int64(b)
	if a > b {
		return errors.New("keys of xor from high to low")
	}
	return errors.Join(errLow, errHigh)
}

// conclusion reads the condition.
func (p *parser) conclusion() (err error) {
	if err := errors.Join(p.expect("condition"), p.expect(":")); err != nil {
		return err
	}
	if p.rule.condition, err = p.binary(0); err != nil {
		return err
	}
	return p.expect("}")
}

// index returns the string of a name with any sign.
func (p *parser) index(s string) (int, error) {
	for i := p.rule.first; i < p.rule.last; i++ {
		if p.rules.strings[i].name == "$"+s[1:] {
			return i, nil
		}
	}
	return 0, fmt.Errorf("undefined string %s", s)
}

// set reads them, or a list of names in parentheses.
func (p *parser) set() ([]int, error) {
	var out []int
	if ok, err := p.accept("them"); ok || err != nil {
		for i := p.rule.first; i < p.rule.last; i++ {
			out = append(out, i)
		}
		return out, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	for {
		some, err := p.member()
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
		if ok, err := p.accept(","); err != nil {
			return nil, err
		} else if !ok {
			return out, p.expect(")")
		}
	}
}

// member reads one name of a set, which may end in an asterisk.
func (p *parser) member() ([]int, error) {
	if p.tok.kind != name || p.tok.text[0] != '$' {
		return nil, fmt.Errorf("%q where a string is expected", p.tok.text)
	}
	prefix, open := strings.CutSuffix(p.tok.text, "*")
	var out []int
	for i := p.rule.first; i < p.rule.last; i++ {
		if n := p.rules.strings[i].name; n == prefix || open && strings.HasPrefix(n, prefix) {
			out = append(out, i)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("undefined string %s", p.tok.text)
	}
	return out, p.next()
}
