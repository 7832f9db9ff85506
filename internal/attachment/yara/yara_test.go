package yara_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outrider/internal/attachment/yara"
	"outrider/internal/mailtest"
)

func rule(strings, condition string) string {
	return "rule r { strings:\n" + strings + "\ncondition: " + condition + " }"
}

func TestMatch(t *testing.T) {
	tests := []struct {
		name, strings, condition, data string
		want                           bool
	}{
		{"text", `$a = "EICAR"`, "$a", "X EICAR Y", true},
		{"text is exact", `$a = "EICAR"`, "$a", "x eicar y", false},
		{"nocase", `$a = "EICAR" nocase`, "$a", "x eIcAr y", true},
		{"wide", `$a = "ab" wide`, "$a", "a\x00b\x00", true},
		{"wide only", `$a = "ab" wide`, "$a", "ab", false},
		{"wide ascii", `$a = "ab" wide ascii`, "$a", "ab", true},
		{"fullword", `$a = "cat" fullword`, "$a", "a cat.", true},
		{"part of a word", `$a = "cat" fullword`, "$a", "concat.", false},
		{"xor", `$a = "secret" xor`, "$a", "\x29\x3f\x39\x28\x3f\x2e", true},
		{"xor range", `$a = "secret" xor(1-2)`, "$a", "\x29\x3f\x39\x28\x3f\x2e", false},
		{"base64", `$a = "hello world" base64`, "$a", "eGhlbGxvIHdvcmxkeA==", true},
		{"escapes", `$a = "\x41\"\\\n"`, "$a", "A\"\\\n", true},
		{"hex", `$a = { 41 ?? 4? ~44 }`, "$a", "AxBE", true},
		{"hex not", `$a = { 41 ?? 4? ~44 }`, "$a", "AxBD", false},
		{"jump", `$a = { 41 [2-3] 42 }`, "$a", "AxxxB", true},
		{"jump too short", `$a = { 41 [2-3] 42 }`, "$a", "AxB", false},
		{"open jump", `$a = { 41 [-] 42 }`, "$a", "A" + strings.Repeat("x", 999) + "B", true},
		{"alternatives", `$a = { 41 ( 42 43 | 44 ) 45 }`, "$a", "ADE", true},
		{"comment in hex", "$a = { 41 // one\n 42 }", "$a", "AB", true},
		{"expression", `$a = /a[0-9]+b/`, "$a", "xa12b", true},
		{"expression on bytes", `$a = /\xff\x00[\x80-\xff]/`, "$a", "\xff\x00\x90", true},
		{"expression i", `$a = /abc/i`, "$a", "xABC", true},
		{"dot", `$a = /a.b/`, "$a", "a\nb", false},
		{"dot with s", `$a = /a.b/s`, "$a", "a\nb", true},
		{"boundary", `$a = /\bcat/`, "$a", "concat", false},
		{"beginning", `$a = /^cat/`, "$a", "a cat", false},
		{"no lead", `$a = /[ab]+c/`, "#a == 2", "abc", true},
		{"at", `$a = "b"`, "$a at 1", "ab", true},
		{"not at", `$a = "b"`, "$a at 0", "ab", false},
		{"in", `$a = "b"`, "$a in (1..filesize)", "ab", true},
		{"not in", `$a = "b"`, "$a in (2..9)", "ab", false},
		{"count", `$a = "aa"`, "#a == 3", "aaaa", true},
		{"count in", `$a = "a"`, "#a in (1..2) == 2", "aaaa", true},
		{"offset", `$a = "b"`, "@a[2] - @a[1] == 2 and !a == 1", "bxb", true},
		{"no such match", `$a = "b"`, "@a[3] < 100", "bxb", false},
		{"not of undefined", `$a = "b"`, "not (@a[3] < 100)", "bxb", false},
		{"any of", `$a1 = "x" $a2 = "y"`, "any of ($a*)", "y", true},
		{"all of", `$a1 = "x" $a2 = "y"`, "all of them", "y", false},
		{"two of", `$a = "x" $b = "y" $c = "z"`, "2 of ($a, $b, $c)", "xz", true},
		{"none of", `$a = "x" $b = "y"`, "none of them", "z", true},
		{"of in", `$a = "x" $b = "y"`, "any of them in (1..2)", "xzzy", false},
		{"for strings", `$a = "x" $b = "y"`, "for all of them : ( # > 1 and @ < 9 )", "xyxy", true},
		{"for numbers", `$a = "x"`, "for any i in (1..#a) : ( @a[i] == 3 )", "xyzx", true},
		{"nested for", `$a = "x"`, "for all i in (1..2) : ( for any j in (0..3) : ( uint8(j) == 0x60 + i ) )", "a x b"[:1] + "bx", true},
		{"for two", `$a = "x"`, "for 2 i in (1..9) : ( @a[i] > 0 )", "xxx", true},
		{"integers", `$a = "x"`, "uint16(0) == 0x6261 and uint16be(0) == 0x6162 and int8(4) == -1 and $a", "abcx\xff", true},
		{"past the end", `$a = "x"`, "uint32(0) == 0 or $a", "y", false},
		{"size", `$a = "x"`, "filesize < 1KB and $a", "x", true},
		{"precedence", `$a = "x"`, "uint8(0) & 1 != 1 and $a", "x", true},
		{"real", `$a = "x"`, `(#a * 1.0) \ filesize * 100 > 40`, "xy", true},
		{"integer division", `$a = "x"`, `#a \ filesize == 0`, "xy", true},
		{"division by zero", `$a = "x"`, `1 \ (#a - 1) == 0`, "x", false},
		{"hex in a set of zeros", `$a = { 00 00 00 41 }`, "$a", "\x00\x00\x00\x00A", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rules, err := yara.Compile(rule(test.strings, test.condition))
			if err != nil {
				t.Fatal(err)
			}
			result := rules.Match([]byte(test.data), yara.DefaultLimits())
			got, notes := result.Matches, result.Notes
			if (len(got) == 1) != test.want || len(notes) > 0 {
				t.Errorf("got %v, notes %v, want %v", got, notes, test.want)
			}
		})
	}
}

func TestCompileErrors(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"line", "rule a { condition: true }\n\nrule b { condition: $x }", "line 3"},
		{"import", `import "pe"`, "import"},
		{"no condition", "rule a { }", "condition"},
		{"twice", "rule a { condition: true } rule a { condition: true }", "second rule"},
		{"string twice", rule(`$a = "x" $a = "y"`, "$a"), "second string"},
		{"wide expression", rule(`$a = /x/ wide`, "$a"), "wide"},
		{"repeats", rule(`$a = /x{2000}/`, "$a"), "cannot be expressed"},
		{"open text", rule(`$a = "x`, "$a"), "without an end"},
		{"jump", rule(`$a = { 41 [9999999999999999-] 42 }`, "$a"), "bad jump"},
		{"hex", rule(`$a = { 4 }`, "$a"), "hex"},
		{"deep", "rule a { condition: " + strings.Repeat("(", 9999), "too deep"},
		{"deep not", "rule a { condition: " + strings.Repeat("not ", 9999), "too deep"},
		{"deep choice", rule("$a = { "+strings.Repeat("(", 9999)+" }", "$a"), "too deep"},
	}
	for _, test := range tests {
		if _, err := yara.Compile(test.in); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

func TestReport(t *testing.T) {
	rules, err := yara.Compile(`private rule p { condition: filesize > 1 }
		rule r : one two { meta: author = "me" level = -3 strings: $a = "x" condition: p and $a }`)
	if err != nil {
		t.Fatal(err)
	}
	got := rules.Match([]byte("yxx"), yara.DefaultLimits()).Matches
	want := "[{r [one two] [{author me} {level -3}] [{$a 1 1 2}]}]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestBounded gives rules and files that take quadratic time where nothing counts.
func TestBounded(t *testing.T) {
	rules, err := yara.Compile(rule(`$a = /a.*b/s $b = { 61 [-] 62 } $c = /(a|aa)+b/`, "any of them") +
		"rule loop { condition: for all i in (0..9999999999) : ( for all j in (0..999999) : ( i + j >= 0 ) ) }")
	if err != nil {
		t.Fatal(err)
	}
	l := yara.DefaultLimits()
	l.Work, l.Steps = 1<<20, 1<<16
	r := rules.Match([]byte(strings.Repeat("a", 1<<20)), l)
	if got, notes := r.Matches, r.Notes; len(got) != 0 || !slices.Contains(notes, yara.WorkSpent) || !slices.Contains(notes, yara.StepsSpent) || r.Work < l.Work {
		t.Errorf("got %v", r)
	}
}

// feed returns the source of the rules of the public feed.
func feed(tb testing.TB) string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(mailtest.Data(tb, "sublime/sublime-rules/yara"), "*.yar"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no yara files: %v", err)
	}
	var b strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		b.Write(append(data, '\n'))
	}
	return b.String()
}

func TestFeed(t *testing.T) {
	src := feed(t)
	rules, err := yara.Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rules are understood", len(rules.Names()))
	if got, want := len(rules.Names()), strings.Count("\n"+src, "\nrule "); got != want {
		t.Errorf("%d rules, want %d", got, want)
	}
	zip := "PK\x03\x04" + strings.Repeat("\x00", 26)
	zip = zip[:26] + string(binary.LittleEndian.AppendUint16(nil, 8)) + "\x00\x00" + "a.txt.el" + "UUUU"
	tests := []struct{ data, want string }{
		{"Sublime-Standard-Test-String", "SublimeStandardTestString"},
		{"x Sublime-Standard-Test-String", ""},
		{"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*", ""},
		{strings.Repeat("\n", 200) + strings.Repeat("_0x1", 60), "HTML_EXCESSIVE_PADDING"},
		{"PK\x00\x00PK\x03\x04", "MALFORMED_OLE_HEADER"},
		{"%PDF-1.7\n/JS (" + strings.Repeat("[]+{}", 40) + ") >>", "pdf_jsfck_ratio"},
		{zip, ""},
	}
	for _, test := range tests {
		result := rules.Match([]byte(test.data), yara.DefaultLimits())
		got, notes := result.Matches, result.Notes
		var names []string
		for _, m := range got {
			names = append(names, m.Rule)
		}
		if test.want != "" && !slices.Contains(names, test.want) || test.want == "" && len(names) > 0 || len(notes) > 0 {
			t.Errorf("%.20q: got %v, notes %v, want %q", test.data, names, notes, test.want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(rule(`$a = { 41 [2-] (42|43) ~4? } $b = /x+\/y/is $c = "q" xor(1-3) wide`, "for any i in (1..#a) : ( @a[i] < 3 )"), []byte("AxxB"))
	f.Add("rule a : t { meta: x = 1 condition: not uint16be(1) == 2 }", []byte("abc"))
	l := yara.DefaultLimits()
	l.Work, l.Steps = 1<<16, 1<<14
	f.Fuzz(func(_ *testing.T, src string, data []byte) {
		if rules, err := yara.Compile(src); err == nil {
			rules.Match(data, l)
		}
	})
}
