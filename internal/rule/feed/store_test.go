package feed_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"outrider/internal/rule/feed"
)

func TestAFeedIsPulledCheckedAndActivated(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	if a := s.active(); len(a.Rules) != 0 || a.Version != "" {
		t.Errorf("a new store has %v", a)
	}
	m := s.pull(small.write(t))
	if m.Rules != 3 || m.Lists != 1 || m.Patterns != 1 || m.Files != 6 || m.Skipped != 1 || m.Commit != "" || len(m.Version) != 64 {
		t.Errorf("manifest %+v", m)
	}
	if a := s.active(); len(a.Rules) != 0 {
		t.Error("what is staged runs already")
	}
	c := s.activate(plan())
	if c.Rules != 3 || c.Runs != 3 || len(c.Added) != 3 || len(c.Changed)+len(c.Removed)+len(c.Invalid) != 0 {
		t.Errorf("check %+v", c)
	}
	a := s.active()
	if ids(a.Rules) != "1 3 2" || a.Lists["colours"].Len() != 2 || a.Patterns["public/yara/a.yara"] == "" || a.Version != "public "+m.Short() {
		t.Errorf("active %+v", a)
	}
	if st, err := s.Staged(); err != nil || len(st.Feeds) != 0 {
		t.Errorf("staged %v, %v", st, err)
	}
	if c, err := s.Check(t.Context(), plan()); !errors.Is(err, feed.ErrNothing) || c.Rules != 3 || c.Runs != 3 || len(c.Added) != 0 || c.Next.Feeds["public"] != m.Version {
		t.Errorf("nothing is staged: %+v, %v", c, err)
	}
	if again := s.pull(small.write(t)); again.Version != m.Version || !again.Time.Equal(m.Time) {
		t.Error("the same files are another version")
	}
	if _, err := s.Check(t.Context(), plan()); !errors.Is(err, feed.ErrNothing) {
		t.Errorf("what runs is staged: %v", err)
	}
}

func TestCheckShowsWhatChanges(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.pull(small.write(t))
	s.activate(plan())
	changed := small.with(tree{
		"rules/one.yml":  ruleFile(1, "type.inbound"),
		"rules/two.yml":  "",
		"rules/four.yml": ruleFile(4, "no.such.field"),
		"rules/five.yml": ruleFile(5, "type.outbound"),
	})
	s.pull(changed.write(t))
	p := plan()
	p.MaxInvalid = 0.5
	c, err := s.Check(t.Context(), p)
	if err != nil || c.Err() != nil {
		t.Fatal(err, c.Err())
	}
	if len(c.Added) != 2 || len(c.Changed) != 1 || c.Changed[0].What[0] != "source" || len(c.Removed) != 1 || c.Removed[0].ID != ruleID(2) {
		t.Errorf("check %+v", c)
	}
	if len(c.Invalid) != 1 || c.Invalid[0].ID != ruleID(4) || !strings.Contains(c.Invalid[0].What[0], `no field "no"`) || c.Rules != 4 || c.Runs != 3 {
		t.Errorf("invalid %+v", c.Invalid)
	}
}

func TestABrokenFeedLeavesTheRunningOneInPlace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files tree
		want  string
	}{
		"no rules any more":        {tree{"lists/colours.txt": "red\n"}, "no rules any more"},
		"nothing at all":           {tree{"LICENSE": "MIT"}, "no rules any more"},
		"too many unknown names":   {small.with(tree{"rules/four.yml": ruleFile(4, "no.such.field")}), "1 cannot be run"},
		"too many that do not end": {small.with(tree{"rules/four.yml": ruleFile(4, "type.inbound and")}), "1 cannot be run"},
		"too many that are no YAML": {
			small.with(tree{"rules/four.yml": "source: [\n"}), "1 cannot be run",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			s.pull(small.write(t))
			s.activate(plan())
			version := s.active().Version
			s.pull(tc.files.write(t))
			c, err := s.Check(t.Context(), plan())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Activate(c); !errors.Is(err, feed.ErrRefused) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("activated, or refused for another reason: %v", err)
			}
			if a := s.active(); a.Version != version || len(a.Rules) != 3 {
				t.Errorf("active is %s with %d rules", a.Version, len(a.Rules))
			}
		})
	}
}

func TestAnEmptyFeedIsRefusedFromTheStart(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.pull(tree{"README.md": "x"}.write(t))
	c, err := s.Check(t.Context(), plan())
	if err != nil || !errors.Is(c.Err(), feed.ErrRefused) {
		t.Errorf("got %v, %v", err, c.Err())
	}
}

func TestRollbackAndStageGoToVersionsThatAreKept(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	first := s.pull(small.write(t))
	s.activate(plan())
	if _, err := s.Rollback(); err == nil {
		t.Error("rolled back to nothing")
	}
	second := s.pull(small.with(tree{"rules/one.yml": ""}).write(t))
	s.activate(plan())
	to, err := s.Rollback()
	if err != nil || to.Feeds["public"] != first.Version || len(s.active().Rules) != 3 {
		t.Errorf("rolled back to %s, %v", to, err)
	}
	if _, err := s.Stage("public", "zz"); err == nil {
		t.Error("staged a version that does not exist")
	}
	if _, err := s.Stage("public", second.Short()); err != nil {
		t.Fatal(err)
	}
	s.activate(plan())
	if len(s.active().Rules) != 2 {
		t.Error("the second version does not run again")
	}
}

// numbered is a feed that differs from all others.
func numbered(i int) tree { return small.with(tree{"rules/one.yml": ruleFile(100+i, "type.inbound")}) }

// versions returns the versions of a feed that are kept.
func (s *store) versions(name string) (out []string) {
	s.tb.Helper()
	all, err := s.Versions(name)
	if err != nil {
		s.tb.Fatal(err)
	}
	for _, m := range all {
		out = append(out, m.Version)
	}
	return out
}

func TestWhatRollbackNeedsIsKept(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var ran []string // the newest first
	var pruned []*feed.Manifest
	for i := range feed.KeepStates + 4 {
		ran = slices.Insert(ran, 0, s.pull(numbered(i).write(t)).Version)
		pruned = append(pruned, s.activate(plan()).Pruned...)
	}
	for i := range feed.KeepVersions + 4 { // pulled, and never activated
		s.pull(numbered(100 + i).write(t))
	}
	if len(pruned) != 3 || pruned[0].Version != ran[len(ran)-1] {
		t.Errorf("activations removed %d versions", len(pruned))
	}
	for i, want := range ran[1 : feed.KeepStates+1] {
		if to, err := s.Rollback(); err != nil || to.Feeds["public"] != want {
			t.Fatalf("rollback %d went to %v, %v", i+1, to, err)
		}
	}
	if to, err := s.Rollback(); err == nil {
		t.Errorf("rolled back further, to %s", to)
	}
}

func TestVersionsThatNeverRanAreRemoved(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	first := s.pull(small.write(t))
	s.activate(plan())
	var last []string // the newest first
	var gone []string
	for i := range feed.KeepVersions + 4 {
		p, err := s.Pull(t.Context(), feed.Source{Name: "public", Location: numbered(i).write(t)})
		if err != nil {
			t.Fatal(err)
		}
		last = slices.Insert(last, 0, p.Version)
		for _, m := range p.Pruned {
			gone = append(gone, m.Version)
		}
	}
	if want := append(slices.Clone(last[:feed.KeepVersions]), first.Version); !slices.Equal(s.versions("public"), want) {
		t.Errorf("kept %q, want %q", s.versions("public"), want)
	}
	slices.Reverse(gone)
	if !slices.Equal(gone, last[feed.KeepVersions:]) {
		t.Errorf("told of %q", gone)
	}
	// An old version that is staged again is kept, and so is the active one.
	old := last[feed.KeepVersions-1]
	if _, err := s.Stage("public", old); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pull(t.Context(), feed.Source{Name: "other", Location: numbered(100).write(t)}); err != nil {
		t.Fatal(err)
	}
	if c := s.activate(plan()); c.Next.Feeds["public"] != old || !slices.Contains(s.versions("public"), first.Version) {
		t.Errorf("active %s, kept %q", c.Next, s.versions("public"))
	}
}

// The own rules and lists are versions that are never staged: checks alone must not
// accumulate them, and a checked one can be activated.
func TestOwnVersionsThatNeverRanAreRemoved(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.pull(small.write(t))
	p := plan()
	look := func(i int) *feed.Check {
		p.Rules = tree{"mine.yml": ruleFile(i, "type.inbound")}.write(t)
		c, err := s.Check(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := look(0)
	removed := 0
	var last *feed.Check
	for i := range feed.KeepVersions {
		last = look(1 + i)
		removed += len(last.Pruned)
	}
	if got := s.versions(feed.Own); len(got) != feed.KeepVersions || removed != 1 || slices.Contains(got, first.Next.Feeds[feed.Own]) {
		t.Errorf("%d versions are kept, %d were removed", len(got), removed)
	}
	if err := s.Activate(first); !errors.Is(err, feed.ErrChanged) {
		t.Errorf("activated what was removed: %v", err)
	}
	if err := s.Activate(last); err != nil {
		t.Error(err)
	}
	if a := s.active(); a.Older != nil || len(a.Rules) != 4 {
		t.Errorf("active %+v", a)
	}
}

// TestACrashLeavesNothingHalf puts the store into the states that a crash, or a damaged
// disk, can leave.
func TestACrashLeavesNothingHalf(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (s *store, first, second *feed.Manifest) {
		t.Helper()
		s = newStore(t)
		first = s.pull(small.write(t))
		s.activate(plan())
		second = s.pull(small.with(tree{"rules/one.yml": ""}).write(t))
		s.activate(plan())
		return s, first, second
	}
	at := func(s *store, m *feed.Manifest, parts ...string) string {
		return filepath.Join(append([]string{s.dir, "feeds", "public", m.Version}, parts...)...)
	}
	for name, damage := range map[string]func(*testing.T, *store, *feed.Manifest){
		"a pointer to a version that is missing": func(t *testing.T, s *store, m *feed.Manifest) {
			t.Helper()
			if err := os.RemoveAll(at(s, m)); err != nil {
				t.Fatal(err)
			}
		},
		"a file that is missing": func(t *testing.T, s *store, m *feed.Manifest) {
			t.Helper()
			if err := os.Remove(at(s, m, "files", "rules", "two.yml")); err != nil {
				t.Fatal(err)
			}
		},
		"a file that is cut off": func(t *testing.T, s *store, m *feed.Manifest) {
			t.Helper()
			if err := os.Truncate(at(s, m, "files", "rules", "two.yml"), 20); err != nil {
				t.Fatal(err)
			}
		},
		"a manifest that is empty": func(t *testing.T, s *store, m *feed.Manifest) {
			t.Helper()
			if err := os.Truncate(at(s, m, "manifest.json"), 0); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, first, second := setup(t)
			damage(t, s, second)
			a := s.active()
			if a.Older == nil || len(a.Rules) != 3 || a.Version != "public "+first.Short() {
				t.Errorf("active is %s, because %v", a.Version, a.Older)
			}
			damage(t, s, first)
			if a, err := s.Active(); err == nil {
				t.Errorf("nothing is whole, and %s is active", a.Version)
			}
			// Pulling again repairs.
			s.pull(small.with(tree{"rules/one.yml": ""}).write(t))
			if a := s.active(); a.Older != nil || len(a.Rules) != 2 {
				t.Errorf("repaired: %v", a.Older)
			}
		})
	}
	t.Run("a version that was being written", func(t *testing.T) {
		t.Parallel()
		s, _, _ := setup(t)
		half := filepath.Join(s.dir, "feeds", "public", "unfinished-1")
		if err := os.MkdirAll(filepath.Join(half, "files"), 0o700); err != nil {
			t.Fatal(err)
		}
		if all, err := s.Versions("public"); err != nil || len(all) != 2 {
			t.Errorf("%d versions, %v", len(all), err)
		}
		s.pull(small.with(tree{"rules/three.yml": ""}).write(t))
		if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("it is still there: %v", err)
		}
	})
	t.Run("a pointer that is cut off", func(t *testing.T) {
		t.Parallel()
		s, _, _ := setup(t)
		if err := os.Truncate(filepath.Join(s.dir, "active.json"), 5); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Active(); err == nil {
			t.Error("it was read")
		}
	})
}

func TestReadersSeeOneStateOrTheNext(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	one, two := small.write(t), small.with(tree{"rules/four.yml": ruleFile(4, "type.inbound"), "rules/five.yml": ruleFile(5, "type.inbound")}).write(t)
	s.pull(one)
	s.activate(plan())
	var readers sync.WaitGroup
	var done atomic.Bool
	for range 3 {
		readers.Go(func() {
			for !done.Load() {
				a, err := s.Active()
				if err != nil || a.Older != nil || len(a.Rules) != 3 && len(a.Rules) != 5 {
					t.Errorf("read %+v, %v", a, err)
					return
				}
			}
		})
	}
	for i := range 10 {
		s.pull([]string{two, one}[i%2])
		s.activate(plan())
	}
	done.Store(true)
	readers.Wait()
}

func TestOfTwoActivationsAtOnceOneWins(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.pull(small.write(t))
	a, err := s.Check(t.Context(), plan())
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Check(t.Context(), plan())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Activate(a); err != nil {
		t.Fatal(err)
	}
	if err := s.Activate(b); !errors.Is(err, feed.ErrChanged) {
		t.Errorf("got %v", err)
	}
}

func TestOwnRulesAndListsAreVersionsToo(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.pull(small.write(t))
	p := plan()
	p.Rules = tree{"mine.yml": ruleFile(9, "type.inbound"), "one.yml": ruleFile(1, "type.outbound"), "none.yml": "name: x\nsource: type.inbound\n"}.write(t)
	p.Lists = tree{"colours.txt": "green.example\n", "org_vips.txt": "Ann Example <ANN@example.org>\n", "org_display_names.txt": ""}.write(t)
	s.activate(p)
	a := s.active()
	if ids(a.Rules) != "3 2 9 own:none.yml 1" || len(a.Shadowed) != 1 || a.Shadowed[0].Feed != "public" {
		t.Errorf("rules %s", ids(a.Rules))
	}
	if l := a.Lists["colours"]; l.Len() != 1 || !l.Has("green.example", false) {
		t.Error("the own list does not count")
	}
	if a.Lists["org_vips"].Len() != 1 || a.Lists["org_display_names"] == nil || a.Lists["org_display_names"].Len() != 0 {
		t.Error("lists of the organisation are missing")
	}
	if err := os.WriteFile(filepath.Join(p.Rules, "mine.yml"), []byte(ruleFile(9, "type.outbound")), 0o600); err != nil {
		t.Fatal(err)
	}
	c := s.activate(p)
	if len(c.Changed) != 1 || c.Changed[0].ID != ruleID(9) {
		t.Errorf("changed %+v", c.Changed)
	}
	if own, err := s.Versions(feed.Own); err != nil || len(own) != 2 {
		t.Errorf("%d versions of the own rules, %v", len(own), err)
	}
	if _, err := s.Rollback(); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.active().Rules {
		if r.ID == ruleID(9) && r.Source != "type.inbound" {
			t.Error("the own rule was not rolled back")
		}
	}
	s.activate(plan()) // the directory is not configured any more
	if ids(s.active().Rules) != "1 3 2" {
		t.Errorf("without own rules: %s", ids(s.active().Rules))
	}
	if _, err := s.Pull(t.Context(), feed.Source{Name: feed.Own, Location: p.Rules}); err == nil {
		t.Error("a feed took the name of the own rules")
	}
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.pull(small.write(t))
	s.activate(plan())
	weight := 1.5
	for id, o := range map[string]feed.Override{
		ruleID(1): {Off: true, Note: "we send invoices"}, ruleID(2): {Severity: "critical"}, ruleID(3): {Weight: &weight, Action: "quarantine"},
	} {
		if err := s.Override(id, o); err != nil {
			t.Fatal(err)
		}
	}
	a := s.active()
	if ids(a.Rules) != "3 2" || ids(a.Off) != "1" || a.Rules[1].Severity != "critical" || *a.Overrides[ruleID(3)].Weight != 1.5 || a.Overrides[ruleID(3)].Action != "quarantine" {
		t.Errorf("active %+v", a)
	}
	if !strings.Contains(a.Version, "overrides") {
		t.Errorf("version %s", a.Version)
	}
	if err := s.Override(ruleID(1), feed.Override{}); err != nil || len(s.active().Off) != 0 {
		t.Errorf("the override stays: %v", err)
	}
	nan := 0.0
	nan /= nan
	for _, o := range []feed.Override{{Severity: "huge"}, {Action: "explode"}, {Weight: &nan}, {Note: strings.Repeat("x", 501)}} {
		if err := s.Override(ruleID(1), o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	file := filepath.Join(s.dir, "overrides.yaml")
	if err := os.WriteFile(file, []byte("a: {of: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Active(); err == nil || !strings.Contains(err.Error(), "overrides") {
		t.Errorf("a misspelt override: %v", err)
	}
}

func TestNamesAndSourcesAreChecked(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	dir := small.write(t)
	for name, src := range map[string]feed.Source{
		"a name that leads elsewhere":  {Name: "../x", Location: dir},
		"no source":                    {Name: "x"},
		"a source that does not exist": {Name: "x", Location: filepath.Join(dir, "none")},
		"clear text":                   {Name: "x", Location: "http://rules.example/x.zip"},
		"a program":                    {Name: "x", Location: "ssh://rules.example/x"},
		"a commit of a directory":      {Name: "x", Location: dir, Commit: strings.Repeat("a", 40)},
		"a short commit":               {Name: "x", Location: dir, Commit: "abc"},
		"a private address":            {Name: "x", Location: "https://127.0.0.1/x.zip"},
	} {
		if m, err := s.Pull(t.Context(), src); err == nil {
			t.Errorf("%s: pulled %+v", name, m)
		}
	}
}
