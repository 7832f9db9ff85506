package syntax_test

import (
	"errors"
	"testing"
	"unicode/utf8"

	"outrider/internal/rule/syntax"
)

func FuzzParse(f *testing.F) {
	for _, c := range constructs {
		f.Add(c.text)
	}
	for _, c := range faults {
		if len(c.text) < 1000 {
			f.Add(c.text)
		}
	}
	for _, text := range feed(f) {
		if len(text) < 800 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := syntax.Parse(text)
		if err != nil {
			fault, ok := errors.AsType[*syntax.Error](err)
			if !ok || fault.At.Offset > len(text) || fault.At.Line < 1 || fault.At.Column < 1 || !utf8.ValidString(err.Error()) {
				t.Errorf("%q: error %v", text, err)
			}
			return
		}
		inside(t, e.Root, len(text))
		check(t, text)
	})
}

// inside checks that no node is outside of the one around it.
func inside(t *testing.T, n syntax.Node, end int) {
	t.Helper()
	at := n.Pos().Offset
	if n.End() <= at || n.End() > end {
		t.Errorf("%s stands at %d to %d, around it something that ends at %d", dump(n), at, n.End(), end)
	}
	for _, c := range syntax.Children(n) {
		if c.Pos().Offset < at {
			t.Errorf("%s begins before %s", dump(c), dump(n))
		}
		inside(t, c, n.End())
	}
}
