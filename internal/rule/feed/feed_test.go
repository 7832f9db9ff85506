package feed_test

import (
	"os"
	"testing"
	"testing/fstest"

	"outrider/internal/rule"
	"outrider/internal/rule/feed"
)

const corpus = "../../../.data/sublime/sublime-rules"

// public reads the public feed, which must be there.
func public(tb testing.TB) *feed.Feed {
	tb.Helper()
	if _, err := os.Stat(corpus); err != nil {
		tb.Fatalf("the public feed is missing (make data unpacks it): %v", err)
	}
	f, err := feed.Load("public", os.DirFS(corpus))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestThePublicFeedIsReadWhole(t *testing.T) {
	t.Parallel()
	f := public(t)
	for _, p := range f.Problems {
		t.Errorf("%s: %v", p.Path, p.Err)
	}
	if len(f.Rules) != 1587 || len(f.Patterns) != 11 {
		t.Errorf("read %d rules and %d YARA files, want 1587 and 11", len(f.Rules), len(f.Patterns))
	}
}

func TestEveryRuleOfThePublicFeedChecks(t *testing.T) {
	t.Parallel()
	s := rule.NewSchema()
	kinds := map[rule.Kind]int{}
	for _, r := range public(t).Rules {
		if _, err := rule.Analyze(s, r); err != nil {
			t.Errorf("%s: %v", r.Path, err)
			continue
		}
		kinds[r.Kind]++
	}
	t.Log(kinds)
}

func TestListsAreRead(t *testing.T) {
	t.Parallel()
	f, err := feed.Load("x", fstest.MapFS{
		"lists/colours.txt":        {Data: []byte("\uFEFFRed\r\n# a remark\n\nblue\n")},
		"lists/tranco_top_10k.csv": {Data: []byte("1,example.com\n2,\"example.org\"\n")},
		"README.txt":               {Data: []byte("words")},
	})
	if err != nil {
		t.Fatal(err)
	}
	colours := f.Lists["colours"]
	if colours == nil || colours.Len() != 2 || !colours.Has("Red", false) || colours.Has("red", false) || !colours.Has("RED", true) {
		t.Errorf("colours: %v", colours.Elements())
	}
	if l := f.Lists["tranco_10k"]; l == nil || !l.Has("example.org", false) || l.Len() != 2 {
		t.Error("tranco_10k is not read")
	}
	if len(f.Lists) != 2 {
		t.Errorf("read %d lists, want 2", len(f.Lists))
	}
}
