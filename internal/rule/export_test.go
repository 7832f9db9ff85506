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
	engine := &Engine{words: c.words, slots: c.slots, switches: s.switches}
	f := engine.frame(context.Background(), in)
	f.steps = maxRuleSteps
	v := root.eval(f)
	if f.overrun {
		tb.Fatalf("%s takes too many steps", source)
	}
	return v, f.missing
}
