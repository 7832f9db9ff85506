package syntax_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"outrider/internal/mailtest"
	"outrider/internal/rule/syntax"
)

// entities is how many files of the feed hold a rule, by folder.
var entities = map[string]int{
	"detection-rules": 1189, "insights": 132, "discovery-rules": 27,
	"dlp-discovery-rules": 213, "exclusions": 10, "automations": 16,
}

// feed returns the texts of the public rules by the paths of their files.
func feed(tb testing.TB) map[string]string {
	tb.Helper()
	texts := map[string]string{}
	for folder, want := range entities {
		before := len(texts)
		for _, path := range mailtest.Files(tb, []string{"sublime/sublime-rules/" + folder}, ".yml", ".yaml") {
			data, err := os.ReadFile(path)
			if err != nil {
				tb.Fatal(err)
			}
			var rule struct{ Source string }
			if err := yaml.Unmarshal(data, &rule); err != nil {
				tb.Fatalf("%s: %v", path, err)
			}
			if rule.Source != "" {
				texts[path[strings.Index(path, folder):]] = rule.Source
			}
		}
		if got := len(texts) - before; got != want {
			tb.Errorf("%s: %d rules, want %d", folder, got, want)
		}
	}
	return texts
}

func TestFeed(t *testing.T) {
	t.Parallel()
	texts := feed(t)
	same := 0
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		e, err := syntax.Parse(texts[name])
		if err != nil {
			t.Errorf("%s:%v", name, err)
			continue
		}
		check(t, texts[name])
		formatted := syntax.Format(e)
		if formatted == tidy(texts[name]) {
			same++
		}
		if again, err := syntax.Parse(formatted); err != nil || !slices.Equal(words(e), words(again)) {
			t.Errorf("%s: comments change their order: %v", name, err)
		}
	}
	t.Logf("%d rules parse, %d are formatted as their authors did", len(texts), same)
	// The others were laid out by hand, or have a comment after an operator.
	if same < 1374 {
		t.Errorf("%d of %d rules are formatted as their authors did, want at least 1374", same, len(texts))
	}
}

var (
	lastComma  = regexp.MustCompile(`,((?: //.*)?\n(?: *//.*\n)* *[)\]])`)
	blankLines = regexp.MustCompile(`\n\n\n+`)
	lineEnd    = regexp.MustCompile(`[ \t]+\n`)
)

// tidy removes what Format removes always: spaces at the end of lines, second empty lines
// and last commas.
func tidy(text string) string {
	text = lineEnd.ReplaceAllString(strings.TrimSpace(text)+"\n", "\n")
	return blankLines.ReplaceAllString(lastComma.ReplaceAllString(text, "$1"), "\n\n")
}

func BenchmarkParse(b *testing.B) {
	benchmark(b, func(text string) {
		if _, err := syntax.Parse(text); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkFormat(b *testing.B) {
	benchmark(b, func(text string) {
		e, err := syntax.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		syntax.Format(e)
	})
}

func BenchmarkKey(b *testing.B) {
	texts := feed(b)
	var roots []syntax.Node
	for _, text := range texts {
		e, err := syntax.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		roots = append(roots, e.Root)
	}
	b.ReportAllocs()
	var key []byte
	for b.Loop() {
		n := 0
		for _, r := range roots {
			key = syntax.AppendKey(key[:0], r)
			n += len(key)
		}
		b.SetBytes(int64(n))
	}
}

// benchmark runs f over the feed, once per iteration.
func benchmark(b *testing.B, f func(string)) {
	b.Helper()
	texts := feed(b)
	size := 0
	for _, text := range texts {
		size += len(text)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			f(text)
		}
	}
}
