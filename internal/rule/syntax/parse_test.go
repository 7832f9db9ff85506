package syntax_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/rule/syntax"
)

// constructs are a rule each, with the shape of its tree.
var constructs = []struct{ name, text, want string }{
	{"name", `type`, `type`},
	{"path", `sender.email.domain`, `(.domain (.email sender))`},
	{"words that begin like keywords", `android or order`, `(or android order)`},
	{"true", `true`, `true`},
	{"false", `false`, `false`},
	{"null", `null`, `null`},
	{"integer", `42`, `42`},
	{"largest integer", `9223372036854775807`, `9223372036854775807`},
	{"decimal", `0.25`, `0.25f`},
	{"minus", `-5 < -x`, `([<] (neg 5) (neg x))`},
	{"minus twice", `--1`, `(neg (neg 1))`},
	{"minus binds closer than times", `-a * b`, `(* (neg a) b)`},
	{"list", `$free_email_providers`, `$free_email_providers`},
	{"list with dots", `$org.vips`, `$org.vips`},

	{"string", `"a b"`, `"a b"`},
	{"empty strings", `["", '']`, `(array "" r"")`},
	{"escapes", `"\r\n\t\'\"\\"`, `"\r\n\t'\"\\"`},
	{"code points", `"\u{41}\u{00e9}\u{0001F600}"`, `"Aé😀"`},
	{"code point in capitals", `"\u{200B}x"`, `"\u200bx"`},
	{"raw string", `'\d+\.'`, `r"\\d+\\."`},
	{"raw string with quotes", `'it''s ''' == "\""`, `([==] r"it's '" "\"")`},
	{"raw string that ends in a backslash", `x == ':/\'`, `([==] x r":/\\")`},
	{"comment signs in strings", `"//" == '//'`, `([==] "//" r"//")`},

	{"and before or", `a or b and c or d`, `(or a (and b c) d)`},
	{"one node for a chain", `a and b and c and d`, `(and a b c d)`},
	{"parentheses in a chain", `(a and b) and c`, `(and (paren (and a b)) c)`},
	{"not before and", `not a and b`, `(and (not a) b)`},
	{"not behind comparison", `not a == b`, `(not ([==] a b))`},
	{"not behind in", `not x in $l`, `(not (in x $l))`},
	{"not behind is null", `not a is null`, `(not (null? a))`},
	{"not not", `not not a`, `(not (not a))`},

	{"equal", `a == b`, `([==] a b)`},
	{"not equal", `a != b`, `([!=] a b)`},
	{"equal in any case", `a =~ b`, `([=~] a b)`},
	{"not equal in any case", `a !~ b`, `([!~] a b)`},
	{"signs without spaces", `a<=b and a>=b and a<b and a>b`, `(and ([<=] a b) ([>=] a b) ([<] a b) ([>] a b))`},
	{"chain upwards", `0 < x <= 5`, `([< <=] 0 x 5)`},
	{"chain downwards", `5 >= x > y > 0`, `([>= > >] 5 x y 0)`},
	{"equal to null", `a == null`, `([==] a null)`},

	{"sum from the left", `a - b + c`, `(+ (- a b) c)`},
	{"times before plus", `a + b * c / d % e`, `(+ a (% (/ (* b c) d) e))`},
	{"plus before comparison", `a + 1 > b - 2`, `([>] (+ a 1) (- b 2))`},

	{"in a list", `a in $l`, `(in a $l)`},
	{"in any case", `a in~ $l`, `(in~ a $l)`},
	{"not in", `a not in $l`, `(not-in a $l)`},
	{"not in any case", `a not in~ $l`, `(not-in~ a $l)`},
	{"in one value", `a in ("x")`, `(in a (tuple "x"))`},
	{"in values, comma behind", `a in ("x", "y",)`, `(in a (tuple "x" "y"))`},
	{"in nothing", `a in ()`, `(in a tuple)`},
	{"in an array", `a in ["x"]`, `(in a (array "x"))`},
	{"in a field", `a in b.c`, `(in a (.c b))`},
	{"in a call", `a in map(b, .c)`, `(in a (map() b (.c ^)))`},
	{"in binds like a comparison", `a in $l and b in $m`, `(and (in a $l) (in b $m))`},
	{"is null", `a.b is null`, `(null? (.b a))`},
	{"is not null", `a.b is not null`, `(not-null? (.b a))`},
	{"sum is null", `a + b is null`, `(null? (+ a b))`},

	{"of", `2 of (a, b and c, d)`, `(of-2 a (and b c) d)`},
	{"of, comma behind", `1 of (a,)`, `(of-1 a)`},
	{"not of", `not 2 of (a, b)`, `(not (of-2 a b))`},

	{"element", `.`, `^`},
	{"element of the lambda outside", `. == ..`, `([==] ^ ^^)`},
	{"elements and fields", `.a == ..b.c and ...d`, `(and ([==] (.a ^) (.c (.b ^^))) (.d ^^^))`},
	{"element in", `any(x, . in~ $l)`, `(any() x (in~ ^ $l))`},
	{"element as argument", `any(file.explode(.), f(., ..))`, `(any() (file.explode() ^) (f() ^ ^^))`},
	{"key of the outer element", `.m[..][0]`, `(index (index (.m ^) ^^) 0)`},
	{"index of an element", `.[0]`, `(index ^ 0)`},

	{"index", `a.b[0].c`, `(.c (index (.b a) 0))`},
	{"key", `a["k"]['l']`, `(index (index a "k") r"l")`},
	{"last index", `a[length(a) - 1]`, `(index a (- (length() a) 1))`},
	{"slice", `a[1:2]`, `(slice-true-true a 1 2)`},
	{"slice from the start", `a[:2]`, `(slice-false-true a 2)`},
	{"slice to the end", `a[-1:]`, `(slice-true-false a (neg 1))`},
	{"slice of all", `a[:]`, `(slice-false-false a)`},

	{"call", `f()`, `f()`},
	{"call with namespaces", `beta.profile.by_reply_to().solicited`, `(.solicited beta.profile.by_reply_to())`},
	{"call behind a path of the message", `headers.x.foo(1)`, `(headers.x.foo() 1)`},
	{"call with names", `f(a, b.c, mode="x", y=1)`, `(f():mode:y a (.c b) "x" 1)`},
	{"call with names only", `f(mode=.x,)`, `(f():mode (.x ^))`},
	{"comparison is not a name", `f(a==b, a =~ b)`, `(f() ([==] a b) ([=~] a b))`},
	{"index of a result", `f(a).b[0]`, `(index (.b (f() a)) 0)`},
	{"array", `[a, [], [b,],]`, `(array a array (array b))`},
	{"parentheses", `((a)).b`, `(.b (paren (paren a)))`},

	{"comments anywhere", "// one\na // two\n// three\nand f(b, // four\n)// five", `(and a (f() b))`},
	{"line breaks of Windows", "a\r\nand b // c\r\nor d", `(or (and a b) d)`},
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range constructs {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, err := syntax.Parse(c.text)
			if err != nil {
				t.Fatalf("%s: %v", c.text, err)
			}
			if got := dump(e.Root); got != c.want {
				t.Errorf("%s: read as %s, want %s", c.text, got, c.want)
			}
			check(t, c.text)
		})
	}
}

func TestPositions(t *testing.T) {
	t.Parallel()
	text := "// é\nany(ö_or_not, 1)"
	if _, err := syntax.Parse(text); err == nil {
		t.Error("a letter beyond ASCII is part of a name")
	}
	text = "'é' == x // c\n\tand f(a.b[0], k=2 of (y, z))"
	e, err := syntax.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	syntax.Walk(e.Root, func(n syntax.Node) bool {
		got = append(got, n.Pos().String()+" "+text[n.Pos().Offset:n.End()])
		return true
	})
	want := []string{
		"1:1 " + text, "1:1 'é' == x", "1:1 'é'", "1:8 x",
		"2:6 f(a.b[0], k=2 of (y, z))", "2:8 a.b[0]", "2:8 a.b", "2:8 a", "2:12 0",
		"2:18 2 of (y, z)", "2:24 y", "2:27 z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	named := e.Root.(*syntax.Logic).Operands[1].(*syntax.Call).Named[0]
	if named.At.String() != "2:16" {
		t.Errorf("the named argument stands at %v", named.At)
	}
}

func TestComments(t *testing.T) {
	t.Parallel()
	e, err := syntax.Parse("//first \n  //\na // same line\n\t/// three\nand b")
	if err != nil {
		t.Fatal(err)
	}
	want := []syntax.Comment{
		{At: syntax.Pos{Offset: 0, Line: 1, Column: 1}, Text: "first", Own: true},
		{At: syntax.Pos{Offset: 11, Line: 2, Column: 3}, Own: true},
		{At: syntax.Pos{Offset: 16, Line: 3, Column: 3}, Text: "same line"},
		{At: syntax.Pos{Offset: 30, Line: 4, Column: 2}, Text: "/ three", Own: true},
	}
	if diff := cmp.Diff(want, e.Comments); diff != "" {
		t.Error(diff)
	}
}

func TestWalkStops(t *testing.T) {
	t.Parallel()
	e, err := syntax.Parse(`f(a, g(b)) and h(c)[d:]`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	syntax.Walk(e.Root, func(n syntax.Node) bool {
		call, ok := n.(*syntax.Call)
		if ok {
			names = append(names, call.Function)
		}
		return !ok || call.Function != "f"
	})
	if got := strings.Join(names, " "); got != "f h" {
		t.Errorf("walked over %s, want f and not g, then h", got)
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	for i, a := range constructs {
		for j, b := range constructs {
			x, _ := syntax.Parse(a.text)
			y, _ := syntax.Parse(b.text)
			if got := syntax.Equal(x.Root, y.Root); got != (i == j) {
				t.Errorf("%s and %s: equal is %v", a.text, b.text, got)
			}
		}
	}
	for _, c := range [][2]string{
		{`a`, `(a)`}, {`"a"`, `'a'`}, {`1`, `1.0`}, {`a[1:]`, `a[:1]`}, {`f(a=b)`, `f(c=b)`}, {`f(a=b)`, `f(b)`},
		{`f(a)`, `f(a, a)`}, {`1 < a < 2`, `1 < a <= 2`}, {`.a`, `..a`}, {`a in $l`, `a in $m`}, {`a.b`, `a["b"]`},
	} {
		x, _ := syntax.Parse(c[0])
		y, _ := syntax.Parse(c[1])
		if syntax.Equal(x.Root, y.Root) || syntax.Equal(y.Root, x.Root) {
			t.Errorf("%s and %s are equal", c[0], c[1])
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"a // why\n and (b and\n (c))", `a and b and c`},
		{`(a or b) and (c and d or e)`, `(a or b) and (c and d or e)`},
		{`((a and b) or c) or (d)`, `a and b or c or d`},
		{`not (a) and not (b == c) and not (d or e)`, `not a and not b == c and not (d or e)`},
		{`(not a) == b`, `(not a) == b`},
		{`(a + b) + c - (d - e)`, `a + b + c - (d - e)`},
		{`(a + b) * c / (d * e)`, `(a + b) * c / (d * e)`},
		{`-(a + b) - -(c)`, `-(a + b) - -c`},
		{`(a.b).c[(0)][(x):]`, `a.b.c[0][x:]`},
		{`(.).a and (..)`, `.a and ..`},
		{`($l).a`, `($l).a`},
		{`(a in (b, (c or d)),)[0]`, ``},
		{`(a in (b, (c or d),))[0]`, `(a in (b, c or d))[0]`},
		{`(2 of (a, b)) == true`, `(2 of (a, b)) == true`},
		{`((x)) is not null`, `x is not null`},
		{`'a"b\' in~ f( x = 'y' , )`, `"a\"b\\" in~ f(x="y")`},
		{`"\u{200b}\u{01}\u{e9}\n\r\t\u{e000}"`, `"\u{200b}\u{01}é\n\r\t\u{e000}"`},
		{`1.50 + 2.0 + 007`, `1.5 + 2.0 + 7`},
	} {
		e, err := syntax.Parse(c.text)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s is accepted", c.text)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := syntax.Key(e.Root); got != c.want {
			t.Errorf("%s: key %s, want %s", c.text, got, c.want)
		}
		check(t, c.text)
	}
}
