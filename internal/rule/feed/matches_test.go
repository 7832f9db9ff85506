package feed_test

import (
	"cmp"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/rule"
	"outrider/internal/rule/feed"
)

var all = flag.Bool("all", false, "run the feed over train too, and print the matches of every rule")

// counted is how often a rule matched.
type counted struct {
	name    string
	byLabel map[string]int
	files   map[string][]string
}

// The feed runs over real mail without an error, and finds more in bad mail than in good.
func TestTheFeedOverRealMail(t *testing.T) {
	t.Parallel()
	dirs := []string{"mail/dev"}
	if *all {
		dirs = append(dirs, "mail/train")
	}
	e := rule.Compile(rule.NewSchema(), detections(t))
	known := lists(t)
	paths := mailtest.Files(t, dirs)
	if !*all {
		paths = slices.DeleteFunc(paths, func(p string) bool { return crc32.ChecksumIEEE([]byte(filepath.Base(p)))%8 != 0 }) // an eighth is enough
	}
	var mu sync.Mutex
	rules := map[string]*counted{}
	flagged, total := map[string]int{}, map[string]int{}
	run := func(path string) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			return
		}
		in, err := feed.PrepareModel(t.Context(), path, raw)
		if err != nil {
			t.Error(err)
			return
		}
		in.Lists, in.Profile = known, stranger
		label := labelOf(path)
		some, whole, quick := false, map[string]bool{}, map[string]bool{}
		e.Judge(t.Context(), in, func(r rule.Result) {
			mu.Lock()
			defer mu.Unlock()
			switch r.Outcome {
			case rule.Failed:
				t.Errorf("%s on %s: %v", r.Rule.Name, path, r.Err)
			case rule.Match:
				some, whole[r.Rule.ID] = true, true
				c := rules[r.Rule.ID]
				if c == nil {
					c = &counted{name: r.Rule.Name, byLabel: map[string]int{}, files: map[string][]string{}}
					rules[r.Rule.ID] = c
				}
				c.byLabel[label]++
				c.files[label] = append(c.files[label], path)
			case rule.NoMatch, rule.Indeterminate:
			}
		})
		in.Quick = true
		e.Judge(t.Context(), in, func(r rule.Result) {
			if r.Outcome == rule.Match {
				quick[r.Rule.ID] = true
			}
		})
		if !maps.Equal(whole, quick) {
			t.Errorf("%s: %v match, and by a quick judgement %v", path, whole, quick)
		}
		mu.Lock()
		total[label]++
		if some {
			flagged[label]++
		}
		mu.Unlock()
	}
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := w; i < len(paths); i += 2 {
				run(paths[i])
			}
		})
	}
	wg.Wait()
	bad := float64(flagged["phish"]) / float64(total["phish"])
	good := float64(flagged["ham"]) / float64(total["ham"])
	if bad < 2*good {
		t.Errorf("rules match %.1f %% of phishing and %.1f %% of good mail", 100*bad, 100*good)
	}
	t.Logf("messages with a match: %v of %v", flagged, total)
	if *all {
		show(t, rules)
	}
}

func labelOf(path string) string {
	for _, l := range []string{"ham", "phish", "fraud", "spam"} {
		if strings.Contains(path, "/"+l+"/") {
			return l
		}
	}
	return "other"
}

func show(t *testing.T, rules map[string]*counted) {
	t.Helper()
	var list []*counted
	for _, c := range rules {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *counted) int {
		return cmp.Or(cmp.Compare(b.byLabel["ham"], a.byLabel["ham"]), cmp.Compare(b.byLabel["phish"], a.byLabel["phish"]), strings.Compare(a.name, b.name))
	})
	for _, c := range list {
		line := fmt.Sprintf("ham %4d phish %4d fraud %4d spam %4d  %s", c.byLabel["ham"], c.byLabel["phish"], c.byLabel["fraud"], c.byLabel["spam"], c.name)
		if f := c.files["ham"]; len(f) > 0 {
			line += "  e.g. " + strings.Join(f[:min(len(f), 3)], " ")
		}
		t.Log(line)
	}
}
