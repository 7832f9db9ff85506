package syntax_test

import (
	"errors"
	"strings"
	"testing"

	"outrider/internal/rule/syntax"
)

const (
	missing   = "an operator such as and is missing"
	noDouble  = `close it with " and write line breaks as \n`
	noSingle  = `close it with ', and write '' for a quote inside`
	noChain   = "put the first in parentheses, or join both with and; only < with <= and > with >= form a chain"
	noPath    = "a path has no spaces and single dots inside; otherwise an operator is missing"
	noNumber  = "numbers are written as 12 or 1.5"
	noComment = "comments begin with // and end with their line"
	noMethod  = "write the value as the first argument: f(value)"
)

// open is the hint where a bracket is not closed.
func open(bracket, at string) string {
	return "the " + bracket + " of " + at + " is not closed, or a comma or an operator is missing"
}

// escape is the hint for a backslash that means nothing in double quotes.
func escape(what string) string {
	return `in double quotes write \` + what + `, or put regular expressions in single quotes, where a backslash is only a backslash`
}

var faults = []struct{ name, text, at, message, hint string }{
	{"nothing", ``, "1:1", "expected a value, found the end of the rule", ""},
	{"only a comment", "// a\n", "2:1", "expected a value, found the end of the rule", ""},
	{"operand missing", `a and`, "1:6", "expected a value, found the end of the rule", ""},
	{"operator missing", `a b`, "1:3", "expected the end of the rule, found b", missing},
	{"operator missing before a string", `a "b"`, "1:3", "expected the end of the rule, found a string", missing},
	{"operator missing before a list", `a $b`, "1:3", "expected the end of the rule, found $b", missing},
	{"operator missing before a parenthesis", `$a (b)`, "1:4", "expected the end of the rule, found (", missing},
	{"two operators", `a == and b`, "1:6", "expected a value, found and", ""},

	{"&&", "a\n && b", "2:2", "unknown sign &&", "write and"},
	{"||", `a || b`, "1:3", "unknown sign ||", "write or"},
	{"&", `a & b`, "1:3", "unknown sign &", "write and"},
	{"|", `a | b`, "1:3", "unknown sign |", "write or"},
	{"!", `!a`, "1:1", "unknown sign !", "write not, or != to compare"},
	{"===", `a === b`, "1:3", "unknown sign ===", "write =="},
	{"!==", `a !== b`, "1:3", "unknown sign !==", "write !="},
	{"<>", `a <> b`, "1:3", "unknown sign <>", "write !="},
	{"=>", `a => b`, "1:3", "unknown sign =>", "write >="},
	{"=<", `a =< b`, "1:3", "unknown sign =<", "write <="},
	{"~", `a ~ b`, "1:3", "unknown sign ~", "write =~ to compare without regard to case, or in~"},
	{";", `a;`, "1:2", "unknown sign ;", "a rule is one expression: join conditions with and"},
	{"braces", `a in {b}`, "1:6", "unknown sign {", "lists are written as [a, b], groups as (a)"},
	{"backquotes", "a == `b`", "1:6", "unknown sign `", `strings stand in "double" or 'single' quotes`},
	{"typographic quotes", `a == “b”`, "1:6", "unknown sign “", `use the plain quotes " and '`},
	{"no-break space", "a\u00a0and b", "1:2", "unknown sign \u00a0", "this is a no-break space; use a plain space"},
	{"byte order mark", "\ufeffa", "1:1", "unknown sign \ufeff", "this is a byte order mark; remove it"},
	{"another sign", `a ^ b`, "1:3", "unknown sign ^", ""},
	{"letter beyond ASCII", `ä`, "1:1", "unknown sign ä", ""},
	{"# comment", "a # b", "1:3", "unknown sign #", noComment},
	{"/* comment", "a /* b */", "1:3", "unknown sign /*", noComment},
	{"= for ==", `a = b`, "1:3", "expected the end of the rule, found =", "write == to compare"},
	{"= for == in a call", `any(l, .a = b)`, "1:11", "expected ), found =", "write == to compare"},

	{"AND", `a AND b`, "1:3", "expected the end of the rule, found AND", "keywords are written in lower case: and"},
	{"NOT", `a and NOT b`, "1:7", "unknown word NOT", "keywords are written in lower case: not"},
	{"IN", `a IN $b`, "1:3", "expected the end of the rule, found IN", "keywords are written in lower case: in"},
	{"True", `a == True`, "1:6", "unknown word True", "keywords are written in lower case: true"},
	{"OR in parentheses", `(a Or b)`, "1:4", "expected ), found Or", "keywords are written in lower case: or"},

	{"is value", `a is true`, "1:3", "is goes with null only: is null, is not null", "write == to compare"},
	{"is not value", `a is not "x"`, "1:3", "is goes with null only: is null, is not null", "write != to compare"},
	{"not null", `a not null`, "1:3", "not between two values", "write not in, or join two conditions with and"},
	{"not behind a comparison", `a == not b`, "1:6", "expected a value, found not", "put it in parentheses: (not …)"},
	{"not behind minus", `-not b`, "1:2", "expected a value, found not", "put it in parentheses: (not …)"},
	{"plus in front", `a == +1`, "1:6", "expected a value, found +", ""},

	{"chain of ==", `a == b == c`, "1:8", "comparisons do not follow one another", noChain},
	{"chain in both directions", `a < b > c`, "1:7", "comparisons do not follow one another", noChain},
	{"chain with ==", `a < b == c`, "1:7", "comparisons do not follow one another", noChain},
	{"comparison behind in", `a in $l == true`, "1:9", "comparisons do not follow one another", noChain},
	{"is null behind comparison", `a == b is null`, "1:8", "comparisons do not follow one another", noChain},
	{"comparison behind of", `2 of (a, b) == true`, "1:13", "comparisons do not follow one another", noChain},

	{"of without a number", `x of (a)`, "1:1", "of needs a whole number in front", "write 2 of (a, b, c)"},
	{"of with a decimal", `1.5 of (a)`, "1:1", "of needs a whole number in front", "write 2 of (a, b, c)"},
	{"of without parentheses", `2 of a`, "1:6", "expected ( after of, found a", missing},
	{"of a list", `2 of $a`, "1:6", "expected ( after of, found $a", missing},

	{"parenthesis not closed", "a and (\n  b", "2:4", "expected ), found the end of the rule", open("(", "1:7")},
	{"call not closed", `f(a, b`, "1:7", "expected ), found the end of the rule", open("(", "1:2")},
	{"bracket not closed", `a[0`, "1:4", "expected ], found the end of the rule", open("[", "1:2")},
	{"slice not closed", `a[0:1)`, "1:6", "expected ], found )", "the [ of 1:2 is not closed, or a comma or an operator is missing"},
	{"array not closed", `[a)`, "1:3", "expected ], found )", open("[", "1:1")},
	{"comma missing", "f(a,\n  'b'\n  'c')", "3:3", "expected ), found a string", open("(", "1:2")},
	{"parenthesis too many", `f(a))`, "1:5", "expected the end of the rule, found )", "no parenthesis is open here, or a value is missing before it"},
	{"parentheses without a value", `()`, "1:2", "expected a value, found )", "no parenthesis is open here, or a value is missing before it"},
	{"comma first", `f(, a)`, "1:3", "expected a value, found ,", ""},
	{"two commas", `f(a,, b)`, "1:5", "expected a value, found ,", ""},
	{"comma in parentheses", `(a, b)`, "1:3", "expected ), found ,", open("(", "1:1")},
	{"index without a key", `a[]`, "1:3", "expected a value, found ]", ""},
	{"colon", `a : b`, "1:3", "expected the end of the rule, found :", ""},

	{"positional behind named", `f(a=1, b)`, "1:8", "a positional argument follows a named one", "put it before the named ones"},
	{"named in a tuple", `x in (a=1)`, "1:8", "expected ), found =", "write == to compare"},
	{"call of a result", `f(a)(b)`, "1:5", "only a function can be called, not a value", noMethod},
	{"method of a result", `f(a).g(b)`, "1:7", "only a function can be called, not a value", noMethod},
	{"method of a key", `a[0].g(b)`, "1:7", "only a function can be called, not a value", noMethod},
	{"method of an element", `.g(b)`, "1:3", "only a function can be called, not a value", noMethod},
	{"call of an element", `any(x, .(b))`, "1:9", "only a function can be called, not a value", noMethod},
	{"call of a slice", `a[:](b)`, "1:5", "only a function can be called, not a value", noMethod},

	{"space before a dot", `a .b`, "1:3", "expected an operator, found .", noPath},
	{"line break before a dot", "f(a)\n  .b", "2:3", "expected an operator, found .", noPath},
	{"space behind a dot", `a. b`, "1:2", "expected a name directly after the dot", ""},
	{"dot at the end", `a.`, "1:2", "expected a name directly after the dot", ""},
	{"two dots in a path", `a..b`, "1:2", "expected an operator, found ..", noPath},
	{"four dots", `....a`, "1:1", "too many dots", ". is the element of the lambda around, .. and ... those further out"},
	{"keyword behind a dot", `any(x, .in $l)`, "1:9", "in is a keyword, not the name of a field", "for the element itself, put a space after the dot: . in"},
	{"in~ behind two dots", `any(x, ..in~ $l)`, "1:10", "in~ is a keyword, not the name of a field", "for the element itself, put a space after the dot: . in~"},

	{"escape of a regular expression", `f("a\d+")`, "1:5", `unknown escape \d`, escape(`\d`)},
	{"escaped dot", `"é\."`, "1:3", `unknown escape \.`, escape(`\.`)},
	{"escaped letter beyond ASCII", `"\é"`, "1:2", `unknown escape \é`, escape(`\é`)},
	{"escaped line break", "\"a\\\nb\"", "1:3", `unknown escape \`, escape(`\`)},
	{"code point without braces", `"\u00e9"`, "1:2", `malformed escape \u`, `write two to eight hexadecimal digits: \u{200b}`},
	{"code point of one digit", `"\u{9}"`, "1:2", `malformed escape \u`, `write two to eight hexadecimal digits: \u{200b}`},
	{"code point of nine digits", `"\u{000000041}"`, "1:2", `malformed escape \u`, `write two to eight hexadecimal digits: \u{200b}`},
	{"code point not closed", `"\u{41"`, "1:2", `malformed escape \u`, `write two to eight hexadecimal digits: \u{200b}`},
	{"surrogate", `"\u{d800}"`, "1:2", `\u{d800} is not a character`, ""},
	{"beyond Unicode", `"\u{110000}"`, "1:2", `\u{110000} is not a character`, ""},
	{"string not closed", `a == "b`, "1:6", "the string does not end on its line", noDouble},
	{"string over two lines", "a == \"b\nc\"", "1:6", "the string does not end on its line", noDouble},
	{"string that ends in a backslash", `"a\`, "1:3", `unknown escape \`, escape(`\`)},
	{"raw string not closed", `a == 'b''`, "1:6", "the string does not end on its line", noSingle},
	{"raw string over two lines", "'b\r\nc'", "1:1", "the string does not end on its line", noSingle},

	{"number with letters", `12ab`, "1:1", "malformed number 12ab", noNumber},
	{"hexadecimal number", `0x1f`, "1:1", "malformed number 0x1f", noNumber},
	{"exponent", `1.5e3`, "1:1", "malformed number 1.5e3", noNumber},
	{"point at the end", `1. == a`, "1:2", "expected a name directly after the dot", ""},
	{"large integer", `9223372036854775808`, "1:1", "the number is too large", ""},
	{"large decimal", strings.Repeat("9", 400) + ".0", "1:1", "the number is too large", ""},
	{"$ alone", `a in $`, "1:6", "a name is missing after $", "lists are written as $free_email_providers"},
	{"not UTF-8", "ab\n'é\xff'", "2:3", "the rule is not UTF-8", ""},
	{"too long", strings.Repeat(" ", syntax.MaxText) + "a", "1:1", "the rule is longer than 1 MiB", "move its values into a list"},
	{"fault behind many characters", "'é' and\n\t\t'ö' b", "2:7", "expected the end of the rule, found b", missing},
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := syntax.Parse(c.text)
			fault, ok := errors.AsType[*syntax.Error](err)
			if !ok {
				t.Fatalf("error is %v", err)
			}
			if fault.At.String() != c.at || fault.Message != c.message || fault.Hint != c.hint {
				t.Errorf("%s\n got %v: %s [%s]\nwant %s: %s [%s]", c.text, fault.At, fault.Message, fault.Hint, c.at, c.message, c.hint)
			}
			if at := fault.At.Offset; at > len(c.text) || strings.Count(c.text[:at], "\n") != fault.At.Line-1 {
				t.Errorf("offset %d is not on line %d", at, fault.At.Line)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"a\n  && b", "2:3: unknown sign && (write and)"},
		{"a and", "1:6: expected a value, found the end of the rule"},
	} {
		if _, err := syntax.Parse(c.text); err == nil || err.Error() != c.want {
			t.Errorf("%q: error %v, want %s", c.text, err, c.want)
		}
	}
}

// nested repeats both sides of a text n times around a.
func nested(before, after string, n int) string {
	return strings.Repeat(before, n) + "a" + strings.Repeat(after, n)
}

func TestNesting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		text func(n int) string
		most int // how often it can be nested
	}{
		{"parentheses", func(n int) string { return nested("(", ")", n) }, 255},
		{"calls", func(n int) string { return nested("f(", ")", n) }, 255},
		{"arrays", func(n int) string { return nested("[", "]", n) }, 255},
		{"keys", func(n int) string { return nested("b[", "]", n) }, 255},
		{"tuples", func(n int) string { return nested("b in (", ")", n) }, 127},
		{"not", func(n int) string { return nested("not ", "", n) }, 255},
		{"minus", func(n int) string { return nested("-", "", n) }, 255},
		{"fields", func(n int) string { return nested("", ".b", n) }, 255},
		{"indexes", func(n int) string { return nested("", "[0]", n) }, 255},
		{"sums", func(n int) string { return nested("", " + b", n) }, 255},
		{"and in parentheses", func(n int) string { return nested("b and (", ")", n) }, 127},
		{"fields in keys", func(n int) string { return nested("b.c[", ".d]", n) }, 127},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := syntax.Parse(c.text(c.most)); err != nil {
				t.Errorf("%d times: %v", c.most, err)
			}
			check(t, c.text(c.most))
			for _, n := range []int{c.most + 1, 100_000} {
				_, err := syntax.Parse(c.text(n))
				if err == nil || !strings.Contains(err.Error(), "nested more than 256 levels deep") {
					t.Errorf("%d times: error %v", n, err)
				}
			}
		})
	}
}

// TestLargest reads rules of the greatest length, and prints some of a quarter of it, that
// repeat what could cost more than linear time: then this would not finish.
func TestLargest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, start, part, end string }{
		{"operands", "a", " and a", ""},
		{"elements", "x in ('a'", ",\n'a'", ")"},
		{"comparisons", "a", " < a", ""},
		{"comparisons with comments", "a", " <//c\na", ""},
		{"arguments with comments", "f(a", ", // c\na", ")"},
		{"named arguments", "f(a", ", a=b", ")"},
		{"comments", "a", "\n\n//", ""},
		{"comments before a dot", "f(", "//\n", ")"},
		{"empty lines", "a", "\n", "and b"},
		{"escapes", `"`, `\n`, `"`},
		{"quotes", `'`, `''`, `'`},
		{"long name", "a", "a", "(b, c)"},
		{"deep arguments", strings.Repeat("ffffffff(", 200) + "a", ", b", strings.Repeat(")", 200)},
		{"deep string", strings.Repeat("(", 200) + "'", "é", "'" + strings.Repeat(")", 200)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := (syntax.MaxText - len(c.start) - len(c.end)) / len(c.part)
			if _, err := syntax.Parse(c.start + strings.Repeat(c.part, n) + c.end); err != nil {
				t.Fatal(err)
			}
			e, err := syntax.Parse(c.start + strings.Repeat(c.part, n/4) + c.end)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(syntax.Format(e)); got > 25*syntax.MaxText {
				t.Errorf("formatted as %d bytes", got)
			}
			if got := len(syntax.Key(e.Root)); got > 2*syntax.MaxText {
				t.Errorf("a key of %d bytes", got)
			}
		})
	}
}
