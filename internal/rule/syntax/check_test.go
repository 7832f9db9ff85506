package syntax_test

import (
	"slices"
	"testing"

	"outrider/internal/rule/syntax"
)

// check parses a rule, if it can be, and fails where printing it loses or changes anything.
func check(t *testing.T, text string) {
	t.Helper()
	e, err := syntax.Parse(text)
	if err != nil {
		return
	}
	checkFormat(t, e)
	key := syntax.Key(e.Root)
	again, err := syntax.Parse(key)
	if err != nil {
		t.Fatalf("key %s of %s: %v", key, text, err)
	}
	if got := syntax.Key(again.Root); got != key {
		t.Errorf("key %s of %s has the key %s", key, text, got)
	}
}

func checkFormat(t *testing.T, e *syntax.Expression) {
	t.Helper()
	formatted := syntax.Format(e)
	again, err := syntax.Parse(formatted)
	if err != nil {
		t.Fatalf("%s\nis formatted as\n%s\nwhich is wrong: %v", e.Text, formatted, err)
	}
	if !syntax.Equal(e.Root, again.Root) {
		t.Errorf("%s\nis formatted as\n%s\nwhich is %s, want %s", e.Text, formatted, dump(again.Root), dump(e.Root))
	}
	// A comment inside of an operand moves before it, so the order may change.
	if a, b := slices.Sorted(slices.Values(words(e))), slices.Sorted(slices.Values(words(again))); !slices.Equal(a, b) {
		t.Errorf("%s\nis formatted as\n%s\nwhich has the comments %q, want %q", e.Text, formatted, b, a)
	}
	if twice := syntax.Format(again); twice != formatted {
		t.Errorf("%q\nis formatted as\n%s\nand that as\n%s", e.Text, formatted, twice)
	}
}

// words returns the texts of the comments.
func words(e *syntax.Expression) []string {
	var texts []string
	for _, c := range e.Comments {
		texts = append(texts, c.Text)
	}
	return texts
}
