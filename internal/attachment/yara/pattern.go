package yara

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// pattern is the search for one string of a rule.
type pattern struct {
	variants []variant
	loose    bool // a variant of it has no atom
}

// variant is one encoding of a string in a file.
type variant struct {
	elements []element // or re
	re       *expression
	fold     bool // letters match in both cases
	word     int  // bytes per character to check on both sides, 0 without fullword
	loose    bool // without an atom
}

// element is one step of a variant.
type element struct {
	value, mask byte
	not         bool
	jump        bool
	min, max    int         // of a jump; max -1 has no end
	choices     [][]element // of an alternative
}

// expression is a regular expression.
type expression struct {
	source string
	begin  *regexp.Regexp // anchored at the beginning of the file
	later  *regexp.Regexp // the same after one arbitrary byte
	tree   *syntax.Regexp
}

// key identifies a pattern.
func (p *pattern) key() string {
	var b []byte
	for i := range p.variants {
		v := &p.variants[i]
		b = fmt.Appendf(b, "%t %d ", v.fold, v.word)
		if v.re != nil {
			b = fmt.Appendf(b, "/%s/", v.re.source)
		}
		b = appendElements(b, v.elements)
	}
	return string(b)
}

func appendElements(b []byte, elements []element) []byte {
	for _, e := range elements {
		b = fmt.Appendf(b, "%x.%x.%t.%t.%d.%d ", e.value, e.mask, e.not, e.jump, e.min, e.max)
		for _, c := range e.choices {
			b = append(appendElements(append(b, '('), c), ')')
		}
	}
	return b
}

// fixed returns the elements of bytes.
func fixed(text string) []element {
	out := make([]element, len(text))
	for i := range out {
		out[i] = element{value: text[i], mask: 0xff}
	}
	return out
}

// lower folds a byte as the automaton does.
func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// modifiers are the keywords after a string.
type modifiers struct {
	nocase, wide, ascii, fullword, base64 bool
	xor                                   bool
	low, high                             int64
}

// text returns the variants of a text string.
func (m *modifiers) text(s string) ([]variant, error) {
	if s == "" {
		return nil, errors.New("empty text")
	}
	if m.base64 {
		if m.nocase || m.fullword || m.xor {
			return nil, errors.New("base64 does not go with nocase, fullword or xor")
		}
		return encodings(s)
	}
	var out []variant
	word := 0
	if m.fullword {
		word = 1
	}
	if m.ascii || !m.wide {
		out = append(out, variant{elements: fixed(s), fold: m.nocase, word: word})
	}
	if m.wide {
		out = append(out, variant{elements: fixed(widen(s)), fold: m.nocase, word: 2 * word})
	}
	if m.xor {
		if m.nocase {
			return nil, errors.New("xor does not go with nocase")
		}
		return m.keys(out), nil
	}
	return out, nil
}

// keys returns the variants under each key of xor.
func (m *modifiers) keys(plain []variant) []variant {
	var out []variant
	for key := m.low; key <= m.high; key++ {
		for _, v := range plain {
			v.elements = slices.Clone(v.elements)
			for i := range v.elements {
				v.elements[i].value ^= byte(key)
			}
			out = append(out, v)
		}
	}
	return out
}

func widen(s string) string {
	b := make([]byte, 2*len(s))
	for i := range len(s) {
		b[2*i] = s[i]
	}
	return string(b)
}

// encodings returns the base64 of a text at each of three alignments, without the
// characters that depend on adjacent bytes.
func encodings(s string) ([]variant, error) {
	if len(s) < 3 {
		return nil, errors.New("base64 text of less than three bytes")
	}
	var out []variant
	for lead := range 3 {
		e := base64.RawStdEncoding.EncodeToString([]byte("\x00\x00"[:lead] + s))
		e = e[[]int{0, 2, 3}[lead]:]
		if (lead+len(s))%3 != 0 {
			e = e[:len(e)-1]
		}
		out = append(out, variant{elements: fixed(e)})
	}
	return out, nil
}

// compileExpression compiles a regular expression on bytes, which a reader supplies as the
// runes below U+0100.
func compileExpression(src, flags string) (*expression, error) {
	for i := range len(src) {
		if src[i] >= 0x80 {
			return nil, errors.New("regular expression with bytes above 7F: write them as \\x")
		}
	}
	src = "(?" + flags + ":" + src + ")"
	begin, err := regexp.Compile(`\A` + src)
	if err != nil {
		return nil, fmt.Errorf("regular expression that cannot be expressed: %w", err)
	}
	later, err := regexp.Compile(`\A(?s:.)` + src)
	if err != nil {
		return nil, fmt.Errorf("regular expression that cannot be expressed: %w", err)
	}
	tree, err := syntax.Parse(src, syntax.Perl)
	if err != nil {
		return nil, err
	}
	return &expression{src, begin, later, tree}, nil
}

// hexParser reads the inside of a hex string.
type hexParser struct {
	src string
	at  int
}

func (h *hexParser) peek() byte {
	for h.at < len(h.src) && strings.IndexByte(" \t\r\n", h.src[h.at]) >= 0 {
		h.at++
	}
	if h.at < len(h.src) {
		return h.src[h.at]
	}
	return 0
}

// sequence parses elements up to the end, a bar or a parenthesis.
func (h *hexParser) sequence(depth int) ([]element, error) {
	var out []element
	if depth > 16 {
		return nil, errors.New("alternatives nested too deep")
	}
	for {
		var e element
		var err error
		switch c := h.peek(); c {
		case 0, '|', ')':
			if len(out) == 0 || out[0].jump || out[len(out)-1].jump {
				return nil, errors.New("hex string that is empty or begins or ends in a jump")
			}
			return out, nil
		case '[':
			e, err = h.jump()
		case '(':
			e, err = h.choice(depth)
		default:
			e, err = h.byte()
		}
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
}

// byte reads two digits, either of which may be a question mark.
func (h *hexParser) byte() (element, error) {
	e := element{}
	if h.peek() == '~' {
		e.not = true
		h.at++
	}
	for range 2 {
		c := h.peek()
		e.value, e.mask = e.value<<4, e.mask<<4
		if c != '?' {
			v, err := strconv.ParseUint(string(rune(c)), 16, 8)
			if err != nil {
				return e, fmt.Errorf("bad character %q in a hex string", c)
			}
			e.value, e.mask = e.value|byte(v), e.mask|0xf
		}
		h.at++
	}
	return e, nil
}

// jump reads [4], [4-6], [4-] or [-].
func (h *hexParser) jump() (element, error) {
	body, _, ok := strings.Cut(h.src[h.at+1:], "]")
	if !ok {
		return element{}, errors.New("jump without an end")
	}
	h.at += len(body) + 2
	low, high, open := strings.Cut(strings.ReplaceAll(body, " ", ""), "-")
	e := element{jump: true, max: -1}
	var err error
	if low != "" {
		e.min, err = strconv.Atoi(low)
	}
	if !open {
		high = low
	}
	if err == nil && high != "" {
		e.max, err = strconv.Atoi(high)
	}
	if err != nil || body == "" || max(e.min, e.max) > maxJump || e.min < 0 || e.max >= 0 && e.max < e.min {
		return e, fmt.Errorf("bad jump [%s]", body)
	}
	return e, nil
}

// choice reads ( .. | .. ).
func (h *hexParser) choice(depth int) (element, error) {
	var e element
	for {
		h.at++ // the parenthesis or the bar
		s, err := h.sequence(depth + 1)
		if err != nil {
			return e, err
		}
		e.choices = append(e.choices, s)
		switch h.peek() {
		case ')':
			h.at++
			return e, nil
		case '|':
		default:
			return e, errors.New("alternatives without an end")
		}
	}
}
