package feed_test

import (
	"path/filepath"
	"slices"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/rule"
)

// The sample messages of the feed, and what is known of the rules that match them.
func TestSampleMessages(t *testing.T) {
	t.Parallel()
	e := rule.Compile(rule.NewSchema(), detections(t))
	known := lists(t)
	matched := map[string][]string{}
	undecided := map[string]int{}
	paths := mailtest.Files(t, []string{"sublime/sublime-rules/emls"})
	if len(paths) != 6 {
		t.Fatalf("there are %d sample messages, want 6", len(paths))
	}
	for _, path := range paths {
		name := filepath.Base(path)
		e.Judge(t.Context(), &rule.Input{Message: model(t, path), Lists: known, Profile: stranger}, func(r rule.Result) {
			switch r.Outcome {
			case rule.Match:
				matched[name] = append(matched[name], r.Rule.Name)
			case rule.Failed:
				t.Errorf("%s on %s: %v", r.Rule.Name, name, r.Err)
			case rule.Indeterminate:
				undecided[name]++
			case rule.NoMatch:
			}
		})
	}
	for _, p := range paths {
		t.Logf("%s: %v, %d undecided", filepath.Base(p), matched[filepath.Base(p)], undecided[filepath.Base(p)])
	}
	robinhood := matched["punycode_robinhood.eml"]
	for _, want := range []string{"Punycode sender domain", "Link to a domain with punycode characters"} {
		if !slices.Contains(robinhood, want) {
			t.Errorf("punycode_robinhood.eml matches %v, not %q", robinhood, want)
		}
	}
	if slices.Contains(robinhood, "Brand impersonation: Robinhood") {
		t.Error("punycode_robinhood.eml matches the rule for the brand")
	}
}
