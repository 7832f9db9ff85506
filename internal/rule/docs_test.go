package rule_test

import (
	"os"
	"strings"
	"testing"

	"outrider/internal/rule"
)

// The examples of the reference are true.
func TestExamplesOfTheReference(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/rule-language.md")
	if err != nil {
		t.Fatal(err)
	}
	in, s, n := input(t, letter), rule.NewSchema(), 0
	for _, block := range strings.Split(string(page), "```rule\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for line := range strings.Lines(block) {
			source, want, ok := strings.Cut(strings.TrimSpace(line), "// ")
			if !ok {
				t.Errorf("%q says not what it is", line)
				continue
			}
			v, _ := rule.Eval(t, s, source, in)
			if got := rule.Show(v); got != want {
				t.Errorf("%s is %s, and the page says %s", source, got, want)
			}
			n++
		}
	}
	if n < 20 {
		t.Errorf("the page has %d examples only", n)
	}
}
