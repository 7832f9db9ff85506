package rule

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"github.com/antchfx/htmlquery"

	"outrider/internal/budget"
	"outrider/internal/markup"
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

// Words returns which of some words an automaton finds in a text.
func Words(words []string, text string) map[int]bool {
	out := map[int]bool{}
	newAutomaton(words, true).find(text, func(n int) bool {
		out[n] = true
		return true
	})
	return out
}

// CanMatch reports whether a text has the words that a pattern needs.
func CanMatch(source, text string) (bool, error) {
	re, err := parseRegex(source)
	if err != nil {
		return false, err
	}
	p := pattern{words: required(re)}
	return p.can(&frame{}, text), nil
}

// Selects reports whether an XPath expression selects anything in a document, and whether
// the document has its marks, by its text and by its nodes.
func Selects(expression, doc string) (selects, byText, byNodes bool) {
	root := markup.Parse(doc, budget.New(budget.Default())).Root()
	marks := marksOf(expression)
	return htmlquery.FindOne(root, expression) != nil, !cannotHave(doc, marks), within(digest(root), marks)
}

// Answered reports whether a function is implemented, and whether its requirements are
// assumed to be available.
func Answered(s *Schema) map[string][2]bool {
	out := map[string][2]bool{}
	for name, f := range s.functions {
		if f.Form == schema.Plain && f.Needs != 0 {
			out[name] = [2]bool{plain[name] != nil, f.Needs&^answered == 0}
		}
	}
	return out
}

// SelectsAlike compares what a simple path selects in a document with what the library of XPath
// does. It is false for an expression that is no simple path.
func SelectsAlike(tb testing.TB, expression, doc string) bool {
	tb.Helper()
	p := simplePathOf(expression)
	if p == nil {
		return false
	}
	f := (&Engine{words: newWordTable()}).frame(context.Background(), &Input{})
	f.steps = maxRuleSteps
	root := markup.Parse(doc, budget.New(budget.Default())).Root()
	got, _ := p.selectFrom(f, root)
	e, err := compileXPath(expression)
	if err != nil {
		tb.Fatal(err)
	}
	var want []string
	for it := e.Select(&walker{NodeNavigator: htmlquery.CreateXPathNavigator(root), frame: f}); it.MoveNext() && len(want) < maxNodes; {
		w, _ := it.Current().(*walker)
		want = append(want, f.describe(w).Raw())
	}
	var raws []string
	for i := range got {
		raws = append(raws, got[i].Raw())
	}
	if !slices.Equal(raws, want) {
		tb.Errorf("%s selects %q, and by the library %q, in %s", expression, raws, want, doc)
	}
	return len(want) > 0
}

// Fold is the folded form of a text.
var Fold = fold

// FoldRune is the folded form of a character.
func FoldRune(r rune) rune { return foldRune(r) }

// Distance is the edit distance of two texts.
var Distance = levenshtein

// InList reports whether a text contains an element of a list.
func InList(elements []string, text string, folds bool) bool {
	return NewList(elements).in(text, folds)
}

// InNetworks reports whether an address is in one of some networks.
func InNetworks(texts []string, addr string) bool {
	return newNetworks(texts).has(netip.MustParseAddr(addr))
}
