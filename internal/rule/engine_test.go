package rule_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/rule"
	"outrider/internal/rule/feed"
	"outrider/internal/rule/result"
)

func public(tb testing.TB) ([]*rule.Rule, rule.Lists) {
	tb.Helper()
	dir := mailtest.Data(tb, "sublime")
	f, err := feed.Load("public", os.DirFS(dir+"/sublime-rules"))
	if err != nil {
		tb.Fatal(err)
	}
	l, err := feed.Load("lists", os.DirFS(dir+"/sublime-lists"))
	if err != nil {
		tb.Fatal(err)
	}
	return f.Rules, l.Lists
}

func stranger(rule.ProfileKind, string) *result.Profile {
	isNew, no, zero := "new", false, 0
	return &result.Profile{Prevalence: &isNew, Solicited: &no, AnyMessagesBenign: &no, AnyMessagesMaliciousOrSpam: &no, DaysKnown: &zero}
}

func outcomes(e *rule.Engine, in *rule.Input) map[string]rule.Outcome {
	out := map[string]rule.Outcome{}
	e.Judge(context.Background(), in, func(r rule.Result) { out[r.Rule.Path] = r.Outcome })
	return out
}

// Optimisations change no outcome: the word search, sharing, the order of operands, and
// early ends.
func TestOptionsChangeNoOutcome(t *testing.T) {
	t.Parallel()
	rules, lists := public(t)
	full := rule.Compile(rule.NewSchema(), rules)
	engines := map[string]*rule.Engine{
		"without words":   rule.CompileWith(rule.NewSchema(), rules, rule.Options{NoWords: true}),
		"without sharing": rule.CompileWith(rule.NewSchema(), rules, rule.Options{NoSharing: true}),
		"without order":   rule.CompileWith(rule.NewSchema(), rules, rule.Options{NoOrder: true}),
		"without quick":   rule.CompileWith(rule.NewSchema(), rules, rule.Options{NoQuick: true}),
	}
	matches := 0
	for i, path := range mailtest.Files(t, []string{"mail/dev"}) {
		if i%70 != 0 {
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		in, err := feed.PrepareModel(t.Context(), path, raw)
		if err != nil {
			t.Fatal(err)
		}
		in.Lists, in.Profile = lists, stranger
		want := outcomes(full, in)
		quick := *in
		quick.Quick = true
		compare(t, path, "quick", matchesOf(want), matchesOf(outcomes(full, &quick)))
		for name, e := range engines {
			got := outcomes(e, in)
			compare(t, path, name, matchesOf(want), matchesOf(got))
			if name != "without words" {
				compare(t, path, name+", undecided", want, got)
			}
		}
		matches += len(matchesOf(want))
	}
	if matches == 0 {
		t.Error("no rule matches anything")
	}
}

func matchesOf(m map[string]rule.Outcome) map[string]rule.Outcome {
	out := maps.Clone(m)
	maps.DeleteFunc(out, func(_ string, o rule.Outcome) bool { return o != rule.Match })
	return out
}

func compare(t *testing.T, path, name string, want, got map[string]rule.Outcome) {
	t.Helper()
	for p, o := range want {
		if got[p] != o {
			t.Errorf("%s: %s of %s: %s, otherwise %s", path, name, p, got[p], o)
		}
	}
	for p, o := range got {
		if want[p] != o {
			t.Errorf("%s: %s of %s: %s, otherwise %s", path, name, p, o, want[p])
		}
	}
}

// Both engines of regular expressions say the same of every pattern of the feed.
func TestExpressionsAgree(t *testing.T) {
	t.Parallel()
	rules, _ := public(t)
	e := rule.Compile(rule.NewSchema(), rules)
	texts := []string{letter, strings.Repeat("K\u212Aſs é\u00A0\u200B", 20), strings.Repeat("a\r\nb ", 40)}
	for i, path := range mailtest.Files(t, []string{"mail/dev"}) {
		if i%200 == 0 {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, strings.ToValidUTF8(string(raw[:min(len(raw), 8<<10)]), "?"))
		}
	}
	if n := rule.Agree(t, e, texts); n < 2600 {
		t.Errorf("%d patterns, want 2,600", n)
	}
}

// A rule can never stop mail: it is ended when it takes too long, and tripped when it
// does so again and again; a panic is its own.
func TestRulesAreBounded(t *testing.T) {
	t.Parallel()
	many := make([]string, 30_000)
	for i := range many {
		many[i] = fmt.Sprintf("%d.example", i)
	}
	rules := []*rule.Rule{
		{ID: "slow", Name: "slow", Kind: rule.Detection, Source: "any($many, any($many, any($many, strings.concat(., .., ...) == 'x')))"},
		{ID: "good", Name: "good", Kind: rule.Detection, Source: "type.inbound"},
		{ID: "broken", Name: "broken", Kind: rule.Detection, Source: "type.inboud"},
	}
	e := rule.Compile(rule.NewSchema(), rules)
	if len(e.Invalid()) != 1 || e.Invalid()[0].Rule.ID != "broken" || len(e.Rules()) != 2 {
		t.Fatalf("invalid %v", e.Invalid())
	}
	in := input(t, letter)
	in.Lists = rule.Named{"many": rule.NewList(many)}
	for i := range 7 {
		got := map[string]rule.Result{}
		e.Judge(t.Context(), in, func(r rule.Result) { got[r.Rule.ID] = r })
		if got["good"].Outcome != rule.Match {
			t.Fatalf("round %d: good is %s", i, got["good"].Outcome)
		}
		want := rule.ErrSteps
		if i >= 5 {
			want = rule.ErrTripped
		}
		if tell := got["slow"].Tell; tell != (i == 0 || i == 4) {
			t.Errorf("round %d: worth telling: %v", i, tell)
		}
		if got["slow"].Outcome != rule.Failed || !errors.Is(got["slow"].Err, want) {
			t.Fatalf("round %d: slow is %s: %v", i, got["slow"].Outcome, got["slow"].Err)
		}
	}
}

func TestJudgeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	e := rule.Compile(rule.NewSchema(), []*rule.Rule{{ID: "a", Name: "a", Kind: rule.Detection, Source: "type.inbound"}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var got []rule.Result
	e.Judge(ctx, input(t, letter), func(r rule.Result) { got = append(got, r) })
	if len(got) != 1 || got[0].Outcome != rule.Failed || !errors.Is(got[0].Err, context.Canceled) {
		t.Errorf("got %+v", got)
	}
}

// FuzzEvaluate runs what is no rule of anybody: nothing panics, and what makes the engine
// fast changes no match.
func FuzzEvaluate(f *testing.F) {
	for _, rows := range values {
		for _, row := range rows {
			f.Add(row[0])
		}
	}
	rules, _ := public(f)
	for i, r := range rules {
		if i%10 == 0 && len(r.Source) < 1500 {
			f.Add(r.Source)
		}
	}
	in, s := input(f, letter), rule.NewSchema()
	f.Fuzz(func(t *testing.T, source string) {
		r := &rule.Rule{ID: "x", Name: "x", Kind: rule.Query, Source: source}
		if _, err := rule.Analyze(s, r); err != nil {
			return
		}
		outcome := func(o rule.Options) []rule.Outcome {
			var out []rule.Outcome
			e := rule.CompileWith(s, []*rule.Rule{r, {ID: "y", Name: "y", Kind: rule.Query, Source: source}}, o)
			e.Judge(t.Context(), in, func(r rule.Result) {
				if r.Outcome == rule.Match {
					out = append(out, r.Outcome)
				}
				if r.Outcome == rule.Failed && !errors.Is(r.Err, rule.ErrSteps) && !errors.Is(r.Err, rule.ErrTripped) {
					t.Errorf("%s: %v", source, r.Err)
				}
			})
			return out
		}
		if a, b := outcome(rule.Options{}), outcome(rule.Options{NoWords: true, NoSharing: true, NoOrder: true}); !slices.Equal(a, b) {
			t.Errorf("%s: %v and %v", source, a, b)
		}
	})
}
