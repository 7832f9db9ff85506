package rule

import (
	"context"
	"testing"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// Eval computes an expression of any type.
func Eval(tb testing.TB, s *Schema, source string, in *Input) (schema.Value, schema.Capability) {
	tb.Helper()
	e, err := syntax.Parse(source)
	if err != nil {
		tb.Fatalf("%s: %v", source, err)
	}
	checked, err := s.check(e)
	if err != nil {
		tb.Fatalf("%s: %v", source, err)
	}
	c := newCompiler(s, Options{})
	c.types = checked.types
	root := c.compile(e.Root)
	c.finish()
	engine := &Engine{words: c.words, slots: c.slots, eachSlots: c.eachSlots, switches: s.switches}
	f := engine.frame(context.Background(), in)
	f.steps = maxRuleSteps
	v := root.eval(f)
	if f.overrun {
		tb.Fatalf("%s takes too many steps", source)
	}
	return v, f.missing
}

// Agree compares the engines of regular expressions over texts, and returns the number of
// patterns.
func Agree(t *testing.T, e *Engine, texts []string) int {
	t.Helper()
	for source, x := range e.patterns {
		if x.quick == nil {
			t.Errorf("%s: RE2 does not take it", source)
			continue
		}
		for i, text := range texts {
			if a, b := x.quick.MatchString(text), x.standard().MatchString(text); a != b {
				t.Errorf("%s: RE2 says %v, Go says %v of text %d", source, a, b, i)
			}
		}
	}
	return len(e.patterns)
}
