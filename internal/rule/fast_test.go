package rule_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"outrider/internal/rule"
)

// One pass over a text finds exactly the words in it, with any overlaps.
func TestWordsAreFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([]string{"ab", "abcd", "abcdefghijklmnopqrstuvwxyz0123456789 .,-_/:;?!'()[]{}<>=+*&%$#@~^|\\\"\n\t\u00e9\u200b"}).Draw(t, "letters")
		text := rapid.StringOfN(rapid.SampledFrom([]rune(letters)), 0, 300, -1)
		word := rapid.Custom(func(t *rapid.T) string {
			return rapid.StringOfN(rapid.SampledFrom([]rune(letters)), 3, 8, -1).Draw(t, "word")
		})
		words := rapid.SliceOfNDistinct(word, 1, 30, rapid.ID[string]).Draw(t, "words")
		s := text.Draw(t, "text")
		found := rule.Words(words, s)
		for i, w := range words {
			if found[i] != strings.Contains(s, w) {
				t.Fatalf("%q in %q: %v", w, s, found[i])
			}
		}
		if upper := rule.Words(words, strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r - 'a' + 'A'
			}
			return r
		}, s)); len(upper) != len(found) {
			t.Fatalf("%q: %d words in lower case, %d in upper", s, len(found), len(upper))
		}
	})
}

// A text that matches a pattern has the words that the pattern is said to need, and so many.
func TestMatchesHaveTheWordsOfTheirPattern(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		source := patternPart(3).Draw(t, "pattern")
		text := "x" + rapid.StringMatching(source).Draw(t, "text") + "y"
		if can, err := rule.CanMatch(source, text); err != nil || !can {
			t.Fatalf("%s matches %q, which is said to lack its words: %v", source, text, err)
		}
	})
}

// The distance that is counted by bits is that of the table, which counts those of longer texts.
func TestDistances(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("abcé")), 0, 80, -1)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		if got, want := rule.Distance(a, b), table([]rune(a), []rune(b)); got != want {
			t.Fatalf("%q and %q: %d, want %d", a, b, got, want)
		}
	})
}

// table is the distance of two texts by the definition.
func table(a, b []rune) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0 || j == 0:
				d[i][j] = i + j
			case a[i-1] == b[j-1]:
				d[i][j] = d[i-1][j-1]
			default:
				d[i][j] = 1 + min(d[i-1][j-1], d[i-1][j], d[i][j-1])
			}
		}
	}
	return d[len(a)][len(b)]
}

// A text contains an element of a list if it contains one of its texts, of any length.
func TestTextsContainElements(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([]rune("abAB"))
		elements := rapid.SliceOfN(rapid.StringOfN(letters, 1, 7, -1), 0, 5).Draw(t, "elements")
		text := rapid.StringOfN(letters, 0, 20, -1).Draw(t, "text")
		exact, folded := false, false
		for _, e := range elements {
			exact = exact || strings.Contains(text, e)
			folded = folded || strings.Contains(strings.ToLower(text), strings.ToLower(e))
		}
		if got := rule.InList(elements, text, false); got != exact {
			t.Fatalf("%q in %q: %v", elements, text, got)
		}
		if got := rule.InList(elements, text, true); got != folded {
			t.Fatalf("%q in %q, whatever the case: %v", elements, text, got)
		}
	})
}

func TestAddressesInNetworks(t *testing.T) {
	t.Parallel()
	nets := []string{"10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "198.51.100.128/25", "2001:db8::/32", "2001:db8:1::1", "10.255.255.255"}
	for _, tt := range []struct {
		addr string
		in   bool
	}{
		{"9.255.255.255", false},
		{"10.0.0.0", true},
		{"10.1.2.3", true},
		{"10.2.0.0", true},
		{"11.0.0.0", false},
		{"192.0.2.7", true},
		{"192.0.2.8", false},
		{"198.51.100.127", false},
		{"198.51.100.255", true},
		{"::ffff:10.9.9.9", true},
		{"2001:db8:ffff::1", true},
		{"2001:db9::", false},
		{"::", false},
	} {
		if got := rule.InNetworks(nets, tt.addr); got != tt.in {
			t.Errorf("%s: %v", tt.addr, got)
		}
	}
}

func patternPart(depth int) *rapid.Generator[string] {
	if depth == 0 {
		return rapid.SampledFrom([]string{"<br", "abc", "x", "\n", "[kK]", "[a-c]", "s+", "ab?c", ".", "\\s*", "sure"})
	}
	return rapid.Custom(func(t *rapid.T) string {
		a, b := patternPart(depth-1).Draw(t, "a"), patternPart(depth-1).Draw(t, "b")
		switch rapid.IntRange(0, 5).Draw(t, "form") {
		case 0:
			return a + b
		case 1:
			return "(?:" + a + "|" + b + ")"
		case 2:
			return "(?:" + a + "){2,}" + b
		case 3:
			return "(?:" + a + "){3}"
		case 4:
			return "(?i:" + a + ")+" + b
		default:
			return "(?:" + a + ")?" + b
		}
	})
}

func TestPatternsThatRepeatNeedRepeats(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, text string
		can           bool
	}{
		{`(<br\s*/?>\s*){3,}`, "<br><br>", false},
		{`(<br\s*/?>\s*){3,}`, "<br><BR/> <br>", true},
		{`((<br>){3,}|\n{5,})`, "\n\n\n\n", false},
		{`((<br>){3,}|\n{5,})`, "\n\n\n\n\n", true},
		{`(?:(?:abc){2}-){2}`, "abcabcabc", false},
		{`(?:(?:abc){2}-){2}`, "abcabcabcabc", true},
		{`(?:abc|defg){4,}`, "abc", false}, // one of the two occurs twice
		{`(?:abc|defg){4,}`, "abcdefgdefg", true},
		{`(?:abc){0,9}`, "", true},
		{`(?:ab){100}`, strings.Repeat("ab", 30), false},
		{`(?:ab){100}`, strings.Repeat("ab", 100), true},
	} {
		if got, err := rule.CanMatch(tt.pattern, tt.text); err != nil || got != tt.can {
			t.Errorf("%s in %q: %v, %v", tt.pattern, tt.text, got, err)
		}
	}
}

// An expression selects nothing in a document that lacks its marks; and the marks tell.
func TestMarksOfExpressions(t *testing.T) {
	t.Parallel()
	const doc = `<!doctype html><html><body><!-- c --><table class="outer"><tr><td style="color:&#114;ed">a</td><td title='it"s'><a href="https://a.example/">x</a></td></tr></table><p>t</p></body></html>`
	for _, tt := range []struct {
		expression    string
		selects, tell bool // the marks say that it selects nothing
	}{
		{"//a", true, false},
		{"//td[2]//a[@href]", true, false},
		{"//td[contains(@style, 'red')]", true, false},
		{"//td[contains(@style, \"blue\")]", false, true},
		{"//td[contains(@style,'red') and @title]", false, false},
		{"//td[contains(@style,'blue') or @title]", true, false},
		{"//td[not(contains(@style,'blue'))]", true, false},
		{"//td[@title='it\"s']", true, false},
		{"//img", false, true},
		{"//img/@src", false, true},
		{"//img | //a", true, false},
		{"//*/@class", true, false},
		{"//*/@dir", false, true},
		{"//comment()", true, false},
		{"//body/div//a", false, true},
		{"//tr[td[1]/img[@height='25px']]/td[2]//a", false, true},
		{"//*[local-name() = 'admin']", false, true},
		{"//*[local-name() = 'table']", true, false},
		{"//*/@*[local-name() = 'title']", true, false},
		{"//tr[td/a[@href] and td[@style]]", true, false},
		{"//tr[td/img or td]", true, false},
		{"//tr[position() = 1]", true, false},
		{"//tr[count(td/img) = 0]", true, false},
		{"//tr[td//img[contains(@alt, 'x')]]", false, true},
		{"/html/body/table/tbody/tr", true, false},
		{"//p/text()", true, false},
		{"//a/ancestor::table", true, false},
		{"//a/ancestor::form", false, true},
		{"//p/preceding-sibling::table[@class='outer']", true, false},
	} {
		selects, byText, byNodes := rule.Selects(tt.expression, doc)
		if selects != tt.selects || (!byText || !byNodes) != tt.tell {
			t.Errorf("%s: selects %v, its text and nodes have the marks: %v and %v", tt.expression, selects, byText, byNodes)
		}
	}
}

// The least case variant of a letter represents all of them, in every range.
func TestFoldedCharacters(t *testing.T) {
	t.Parallel()
	for r := range rune(unicode.MaxRune + 1) {
		want := r
		for c := unicode.SimpleFold(r); c != r; c = unicode.SimpleFold(c) {
			want = min(want, c)
		}
		if 'A' <= want && want <= 'Z' {
			want += 'a' - 'A'
		}
		if got := rule.FoldRune(r); got != want {
			t.Errorf("%U is folded to %U, want %U", r, got, want)
		}
	}
}

// A simple path selects what the library of XPath does.
func TestSimplePaths(t *testing.T) {
	t.Parallel()
	tags := []string{
		"<p>", "</p>", "<a href=x>", "<A HREF='' class=\"b c\">", "<img src=1 src=2 alt>", "<!-- c -->", "<!doctype html>", "<svg xlink:href=red class=k>", "<foreignObject class=x>",
		"<template class=t>", "x", "</a>", "<p class='&#114;ed'>", "<table><tr><td class=z>", "<title>t", "</title>", "<math><mi class=m>", "<noscript><a href=y>", "<xsl:a class=n>",
	}
	selected := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		doc := strings.Join(rapid.SliceOfN(rapid.SampledFrom(tags), 0, 12).Draw(rt, "tags"), "")
		expression := rapid.SampledFrom([]string{"//a", "//img/@src", "//*/@class", "//*", "//comment()", "//title", "//a/@href", "//td", "//mi", "//foreignobject", "//svg/@href", "//p[1]", "//xsl:a"}).Draw(rt, "expression")
		if rule.SelectsAlike(t, expression, doc) {
			selected[expression]++
		}
	})
	if selected["//p[1]"]+selected["//xsl:a"] > 0 || len(selected) < 5 {
		t.Errorf("selected: %v", selected)
	}
	rule.SelectsAlike(t, "//a/@href", strings.Repeat("<a href=x>y</a>", 600))
}

// For every element in a document, an expression that finds it is not skipped.
func TestElementsThatTheParserAdds(t *testing.T) {
	t.Parallel()
	names := strings.Fields(`a applet area article b base body br button caption center circle col colgroup desc details div dl dt em
		fieldset font foreignObject form frame frameset g h1 head hr html iframe image img input isindex label li linearGradient link listing
		main math menu meta mi mtext nobr noembed noframes noscript object ol optgroup option p param plaintext pre rb rp rt rtc ruby script
		select source span style summary svg table tbody td template textarea tfoot th thead title tr track ul video wbr xmp`)
	rapid.Check(t, func(t *rapid.T) {
		var doc strings.Builder
		for range rapid.IntRange(1, 8).Draw(t, "tags") {
			tag := rapid.SampledFrom(names).Draw(t, "tag")
			if rapid.Bool().Draw(t, "upper") {
				tag = strings.ToUpper(tag)
			}
			doc.WriteString(rapid.SampledFrom([]string{"<", "</", "<", "x<"}).Draw(t, "open") + tag + rapid.SampledFrom([]string{">", " a=b>", "/>"}).Draw(t, "close"))
		}
		for _, name := range names {
			if selects, byText, byNodes := rule.Selects("//"+name, doc.String()); selects && (!byText || !byNodes) {
				t.Fatalf("%s is in %s and left out: %v, %v", name, doc.String(), byText, byNodes)
			}
		}
	})
}

// The functions declared as not implemented are those that return null.
func TestFunctionsThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	functions := rule.Answered(rule.NewSchema())
	if len(functions) < 20 {
		t.Errorf("%d functions", len(functions))
	}
	for name, f := range functions {
		if f[0] != f[1] {
			t.Errorf("%s: answered %v, taken to be answered %v", name, f[0], f[1])
		}
	}
}

// A stored result for one element is not used for another: in a nested list, after the
// first stored ones, and in a nested lambda.
func TestElementsAreKeptApart(t *testing.T) {
	t.Parallel()
	links := make([]string, 100)
	for i := range links {
		links[i] = fmt.Sprintf(`<a href="https://%c%d.example/p">l</a>`, 'a'+i%26, i)
	}
	in := input(t, mailOf("Subject: a\n", strings.Join(links, "\n")))
	in.Lists = rule.Named{"some": rule.NewList([]string{"a26.example", "h33.example", "l89.example"})}
	const listed = ".href_url.domain.domain in $some"
	for source, want := range map[string]bool{
		"any(body.links, " + listed + ") and length(filter(body.links, " + listed + ")) == 2":                                                false,
		"any(body.links, " + listed + ") and length(filter(body.links, " + listed + ")) == 3":                                                true,
		"any(filter(body.links, strings.contains(.href_url.domain.domain, '89')), " + listed + ") and any(body.links, " + listed + ")":       true,
		"any(filter(body.links, strings.contains(.href_url.domain.domain, '7')), " + listed + ")":                                            false,
		"any(body.links, " + listed + " and any(body.links, " + listed + " and ..href_url.domain.domain != .href_url.domain.domain))":        true,
		"all(filter(body.links, " + listed + "), " + listed + ") and not all(body.links, " + listed + ")":                                    true,
		"any(body.links, strings.starts_with(.href_url.domain.domain, 'l') and " + listed + " and .href_url.domain.domain == 'l89.example')": true,
		"any(body.links, strings.starts_with(.href_url.domain.domain, 'l') and " + listed + " and .href_url.domain.domain == 'l63.example')": false,
	} {
		for _, quick := range []bool{false, true} {
			mine := *in
			mine.Quick = quick
			got := judged(t, &mine, detection("a", source), detection("b", source+" "), detection("c", "any(body.links, "+listed+")"))
			for _, id := range []string{"a", "b"} {
				if (got[id].Outcome == rule.Match) != want {
					t.Errorf("%s (quick: %v): %v", source, quick, got[id].Outcome)
				}
			}
		}
	}
}

// A condition within another, or within a text, is none that must hold.
func TestMarksWithinConditions(t *testing.T) {
	t.Parallel()
	const doc = `<p>a and @href and b</p><DIV>x</DIV><td style="x and @id and y">`
	for _, expression := range []string{
		"//p[not(@a and @b and @c)]", `//p[contains(., 'a and @href and b')]`, `//p[contains(text(), "a and @href and b")]`, "//p[string-length(@a and @b and @c) > 1]",
		"//p[(@a and @b) = (@c and @d and @e)]", "//p[not(@a)]", "//p[ not(contains(@style,'x') and @b and contains(@c,'y')) ]",
	} {
		selects, byText, byNodes := rule.Selects(expression, doc)
		if !selects || !byText || !byNodes {
			t.Errorf("%s: selects %v, by its text %v, by its nodes %v", expression, selects, byText, byNodes)
		}
	}
	for _, expression := range []string{"//DIV", "//Div", "//div"} {
		if selects, byText, byNodes := rule.Selects(expression, doc); selects && (!byText || !byNodes) {
			t.Errorf("%s is left out", expression)
		}
	}
}

// Bytes that are no UTF-8 are the replacement character for patterns.
func TestPatternsOfTheReplacementCharacter(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{`\x{FFFD}abc`, `(?:\x{FFFD}abc){2}`, `[\x{FFFD}x]abc`, `(?:abc\x{FFFD}){3}`} {
		text := strings.Repeat("\xffabc", 4)
		if can, err := rule.CanMatch(pattern, text); err != nil || !can {
			t.Errorf("%s in %q: %v %v", pattern, text, can, err)
		}
	}
}

// An expression that selects something in a document is never skipped.
func TestNoExpressionThatSelectsIsLeftOut(t *testing.T) {
	t.Parallel()
	selected := 0
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"p", "a", "td", "div", "*", "text()", "node()", "comment()", "svg", "foreignObject", ".", ".."})
		attribute := rapid.SampledFrom([]string{"@a", "@href", "@style", "@xlink", "@*"})
		value := rapid.SampledFrom([]string{"'x'", "\"x and @b and y\"", "'x or y'", "'it\"s'", "''", "'red'"})
		var term *rapid.Generator[string]
		term = rapid.Custom(func(t *rapid.T) string {
			sub := func() string { return term.Draw(t, "sub") }
			a, v := attribute.Draw(t, "attribute"), value.Draw(t, "value")
			switch rapid.IntRange(0, 13).Draw(t, "term") {
			case 0:
				return a
			case 1:
				return a + "=" + v
			case 2:
				return "contains(" + a + ", " + v + ")"
			case 3:
				return "starts-with( " + a + " ," + v + " )"
			case 4:
				return "not(" + sub() + ")"
			case 5:
				return sub() + " and " + sub()
			case 6:
				return sub() + " or " + sub()
			case 7:
				return "not(" + sub() + " and " + sub() + " and " + sub() + ")"
			case 8:
				return "1"
			case 9:
				return "td[" + sub() + "]"
			case 10:
				return "contains(., " + v + ")"
			case 11:
				return a + " != " + v
			case 12:
				return "(" + sub() + ")"
			default:
				return "count(" + a + ") = 0"
			}
		})
		var path strings.Builder
		for range rapid.IntRange(1, 3).Draw(t, "steps") {
			path.WriteString(rapid.SampledFrom([]string{"//", "/", "//", "/descendant::", "/parent::", "/self::", "//following::"}).Draw(t, "axis") + name.Draw(t, "name"))
			if rapid.Bool().Draw(t, "predicate") {
				path.WriteString("[" + term.Draw(t, "condition") + "]")
			}
		}
		expression := path.String() + rapid.SampledFrom([]string{"", "", "", "/@href", " | //p", "/text()"}).Draw(t, "end")
		var doc strings.Builder
		for range rapid.IntRange(1, 6).Draw(t, "tags") {
			doc.WriteString(rapid.SampledFrom([]string{
				"<p>", "</p>", "<a href=x>", "<A HREF='x and @b and y'>", "<td style=red>", "<table><td a='it\"s'>", "<!-- c -->", "<div a>", "<div a=''>", "<svg xlink:href=red>", "<foreignobject>",
				"x", "x and @b and y", "</a>", "<p style='&#114;ed'>", "<p/a/href=x>", "<div\na=x\nstyle=\"x or y\">", "<tr>", "<td>",
			}).Draw(t, "tag"))
		}
		selects, byText, byNodes, err := selectsSafely(expression, doc.String())
		if err != nil {
			return
		}
		if selects {
			selected++
			if !byText || !byNodes {
				t.Fatalf("%s selects something in %s, and is left out: %v, %v", expression, doc.String(), byText, byNodes)
			}
		}
	})
	if selected == 0 {
		t.Errorf("%d expressions selected something", selected)
	}
}

// selectsSafely is Selects, and an error where the expression is none.
func selectsSafely(expression, doc string) (selects, byText, byNodes bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	selects, byText, byNodes = rule.Selects(expression, doc)
	return selects, byText, byNodes, nil
}

// Each character is folded by itself, whatever is around it.
func TestTextsAreFoldedByCharacter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "B", "Zz", "01234567", "É", "ſ", "\u212a", "ẞ", "日", "\xff", "\u200b"}), 0, 20).Draw(t, "text")
		var want strings.Builder
		for _, c := range text {
			if c == "\xff" {
				want.WriteString(c)
				continue
			}
			for _, r := range c {
				want.WriteRune(rule.FoldRune(r))
			}
		}
		if got := rule.Fold(strings.Join(text, "")); got != want.String() {
			t.Fatalf("%q: %q, want %q", text, got, want.String())
		}
	})
}
