package scan

import "strings"

// ReadJavaScript lists the tokens of a script. ECMA-262, Section 12.
func ReadJavaScript(source string, b *Budget) *JavaScript {
	x := &lexer{src: source, budget: b}
	for x.next() {
		if b.Left <= 0 {
			break
		}
	}
	return &JavaScript{
		Tokens: x.tokens.strings(), Keywords: x.keywords.strings(), Identifiers: x.identifiers.strings(),
		Strings: x.texts.strings(), RegularExpressions: x.patterns.strings(),
	}
}

// lexer splits a script into tokens. It reads every byte once, except for text that only
// resembled a regular expression.
type lexer struct {
	src    string
	at     int
	budget *Budget

	before  kind   // of the last token other than comments
	word    string // the last keyword or punctuator
	parens  []bool // of each open parenthesis, whether a statement may follow it
	closed  bool   // value of the last closed parenthesis
	braces  []bool // of each open brace, whether it belongs to a template
	retries int    // bytes read again after a failed attempt

	tokens, keywords, identifiers, texts, patterns set
}

// kind is a kind of token.
type kind byte

const (
	none kind = iota
	identifier
	keyword
	literal // number, string, template, regular expression
	punctuator
)

// reserved are the words that are no identifiers. ECMA-262, Section 12.7.2.
const reserved = " await break case catch class const continue debugger default delete do else enum export extends finally for function if " +
	"implements import in instanceof interface let new package private protected public return static super switch this throw try typeof " +
	"var void while with yield "

// next reads one token or comment, and reports false at the end.
func (x *lexer) next() bool {
	for x.at < len(x.src) && x.src[x.at] <= ' ' {
		x.at++
	}
	if x.at >= len(x.src) {
		return false
	}
	switch c := x.src[x.at]; {
	case identStart(c):
		x.name()
	case c >= '0' && c <= '9' || c == '.' && x.peek(1) >= '0' && x.peek(1) <= '9':
		x.number()
	case c == '"' || c == '\'':
		x.quoted(c)
	case c == '`':
		x.template()
	case c == '/' || c == '<' || c == '#' || c == '-':
		x.slash(c)
	default:
		x.punctuation(c)
	}
	return true
}

func identStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$' || c == '\\' || c >= 0x80
}

func (x *lexer) peek(n int) byte {
	if x.at+n < len(x.src) {
		return x.src[x.at+n]
	}
	return 0
}

// token records a kind of token.
func (x *lexer) token(name string, k kind, word string) {
	x.tokens.add(x.budget, name, maxWord, maxItems)
	x.before, x.word = k, word
}

func (x *lexer) name() {
	from := x.at
	for x.at < len(x.src) {
		c := x.src[x.at]
		switch {
		case c == '\\' && x.peek(1) == 'u' && x.peek(2) == '{':
			end := strings.IndexByte(x.src[x.at:min(len(x.src), x.at+16)], '}')
			x.at += max(end, 2)
		case !identStart(c) && (c < '0' || c > '9'):
			x.identifier(x.src[from:x.at])
			return
		}
		x.at++
	}
	x.identifier(x.src[from:])
}

func (x *lexer) identifier(w string) {
	switch {
	case w == "true" || w == "false":
		x.token("Boolean", literal, w)
	case w == "null":
		x.token("Null", literal, w)
	case len(w) <= 10 && strings.Contains(reserved, " "+w+" "):
		x.keywords.add(x.budget, w, maxWord, maxItems)
		x.token("Keyword", keyword, w)
	default:
		x.identifiers.add(x.budget, w, maxWord, maxStrings)
		x.token("Identifier", identifier, w)
	}
}

func (x *lexer) number() {
	for x.at++; x.at < len(x.src); x.at++ {
		c := x.src[x.at]
		sign := (c == '+' || c == '-') && x.src[x.at-1]|0x20 == 'e'
		if !sign && c != '.' && (!identStart(c) || c == '\\') && (c < '0' || c > '9') {
			break
		}
	}
	x.token("Numeric", literal, "")
}

// quoted reads a string, which ends with its line if unterminated.
func (x *lexer) quoted(quote byte) {
	from := x.at + 1
	for x.at = from; x.at < len(x.src) && x.src[x.at] != quote && x.src[x.at] != '\n'; x.at++ {
		if x.src[x.at] == '\\' {
			x.at++
		}
	}
	x.texts.add(x.budget, x.src[from:min(x.at, len(x.src))], maxString, maxStrings)
	if x.at < len(x.src) && x.src[x.at] == quote {
		x.at++
	}
	x.token("String", literal, "")
}

// template reads from a backtick, or from the brace that ends an expression, to the next
// expression or to the end of the template.
func (x *lexer) template() {
	from := x.at + 1
	for x.at = from; x.at < len(x.src); x.at++ {
		switch c := x.src[x.at]; {
		case c == '\\':
			x.at++
		case c == '`':
			x.texts.add(x.budget, x.src[from:x.at], maxString, maxStrings)
			x.at++
			x.token("Template", literal, "")
			return
		case c == '$' && x.peek(1) == '{':
			x.texts.add(x.budget, x.src[from:x.at], maxString, maxStrings)
			x.at += 2
			x.braces = append(x.braces, true)
			x.token("Template", punctuator, "{")
			return
		}
	}
	x.at = len(x.src)
	x.token("Template", literal, "")
}

// slash reads a comment, a regular expression or a punctuator.
func (x *lexer) slash(c byte) {
	rest := x.src[x.at:]
	switch {
	case strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "<!--"), c == '#' && x.at == 0 && x.peek(1) == '!',
		strings.HasPrefix(rest, "-->") && x.before == none:
		x.comment("LineComment", "\n")
	case strings.HasPrefix(rest, "/*"):
		x.comment("BlockComment", "*/")
	case c == '/' && x.mayMatch() && x.pattern():
	default:
		x.punctuation(c)
	}
}

func (x *lexer) comment(name, end string) {
	n := strings.Index(x.src[x.at+1:], end)
	if n < 0 {
		x.at = len(x.src)
	} else {
		x.at += 1 + n + len(end)
	}
	x.tokens.add(x.budget, name, maxWord, maxItems)
}

// mayMatch reports whether a slash begins a regular expression and not a division. The
// preceding token decides; after a parenthesis, the token before that.
func (x *lexer) mayMatch() bool {
	switch x.before {
	case identifier, literal:
		return false
	case keyword:
		return x.word != "this" && x.word != "super"
	case punctuator:
		return x.word != "]" && (x.word != ")" || x.closed)
	default:
		return true
	}
}

// pattern reads a regular expression, and reports false if its line ends first.
func (x *lexer) pattern() bool {
	if x.retries > 2*len(x.src) {
		return false
	}
	class := false
	for p := x.at + 1; p < len(x.src) && x.src[p] != '\n'; p++ {
		switch c := x.src[p]; {
		case c == '\\':
			p++
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			for p++; p < len(x.src) && identStart(x.src[p]) && x.src[p] != '\\'; p++ {
			}
			x.patterns.add(x.budget, x.src[x.at:p], maxValue, maxItems)
			x.at = p
			x.token("RegularExpression", literal, "")
			return true
		}
		x.retries++
	}
	return false
}

func (x *lexer) punctuation(c byte) {
	x.at++
	switch c {
	case '(':
		x.parens = append(x.parens, x.before == keyword && strings.Contains(" if while for with ", " "+x.word+" "))
	case ')':
		x.closed = pop(&x.parens)
	case '{':
		x.braces = append(x.braces, false)
	case '}':
		if pop(&x.braces) {
			x.at--
			x.template()
			return
		}
	}
	x.token("Punctuator", punctuator, string(rune(c)))
}

// pop pops a stack, false if it is empty.
func pop(stack *[]bool) bool {
	n := len(*stack)
	if n == 0 {
		return false
	}
	last := (*stack)[n-1]
	*stack = (*stack)[:n-1]
	return last
}
