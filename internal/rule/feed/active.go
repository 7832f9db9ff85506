package feed

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"outrider/internal/rule"
)

// Active is the active rule set, with its lists and patterns.
type Active struct {
	Rules     []*rule.Rule      // enabled rules, with the severities of their overrides
	Patterns  map[string]string // files of YARA rules, by feed and path
	Lists     rule.Named        // of the feeds and of the customer's directory
	Version   string            // identifies all of it: feeds, their versions, overrides; "" without feeds
	Overrides map[string]Override

	Off      []*rule.Rule // disabled by an override
	Shadowed []*rule.Rule // rules that are replaced by another rule with the same id
	Feeds    []*Feed      // in order of precedence; later ones win
	Older    error        // not nil: the active state is damaged in this way, and an older one is used
}

// order returns the feeds of a state, highest precedence last.
func (s State) order() []string {
	rank := func(name string) int { return slices.Index([]string{Own, OwnLists}, name) }
	return slices.SortedFunc(maps.Keys(s.Feeds), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
}

// String lists the versions.
func (s State) String() string {
	parts := make([]string, 0, len(s.Feeds))
	for _, name := range s.order() {
		parts = append(parts, name+" "+short(s.Feeds[name]))
	}
	return strings.Join(parts, ", ")
}

// Active returns the active rule set. If it is damaged, it returns the newest undamaged
// earlier activation, and Older is the reason: old rules are better than none. A store
// without activations yields no rules and no error.
func (s *Store) Active() (*Active, error) {
	r, err := s.record()
	for err == nil {
		a, broken := s.load(r.Active)
		if broken == nil {
			return a, nil
		}
		// Concurrent activations may have removed versions of the state.
		var again *record
		if again, err = s.record(); err == nil && same(again.Active, r.Active) {
			return s.older(r, broken)
		}
		r = again
	}
	return nil, err
}

// older returns the newest undamaged earlier activation.
func (s *Store) older(r *record, broken error) (*Active, error) {
	for _, old := range r.History {
		if a, err := s.load(old); err == nil {
			a.Older = broken
			return a, nil
		}
	}
	return nil, broken
}

// load reads all versions of a state, or fails.
func (s *Store) load(state State) (*Active, error) {
	overrides, err := s.Overrides()
	if err != nil {
		return nil, err
	}
	var feeds []*Feed
	for _, name := range state.order() {
		m, err := s.manifest(name, state.Feeds[name])
		if err != nil {
			return nil, err
		}
		if err := s.verify(m); err != nil {
			return nil, err
		}
		f, err := Load(name, s.files(name, m.Version))
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, f)
	}
	a := Merge(feeds, overrides)
	a.Version = state.String() + overridden(overrides)
	return a, nil
}

// overridden describes the overrides, if any.
func overridden(o map[string]Override) string {
	if len(o) == 0 {
		return ""
	}
	raw, err := json.Marshal(o) // sorts
	if err != nil {
		return ", overrides"
	}
	return fmt.Sprintf(", overrides %.6x", sha256.Sum256(raw))
}

// owners returns the rule that runs for each id. Rules without an id get one.
func owners(feeds []*Feed) map[string]*rule.Rule {
	out := make(map[string]*rule.Rule)
	for _, f := range slices.Backward(feeds) {
		for _, r := range f.Rules {
			if r.ID == "" {
				r.ID = f.Name + ":" + r.Path
			}
			if out[r.ID] == nil {
				out[r.ID] = r
			}
		}
	}
	return out
}

// Merge merges feeds. Of rules with the same id the first of the last feed runs, so that a
// customer's own rule replaces the public one; of lists the last one counts.
func Merge(feeds []*Feed, overrides map[string]Override) *Active {
	a := &Active{Patterns: make(map[string]string), Lists: make(rule.Named), Overrides: overrides, Feeds: feeds}
	owner := owners(feeds)
	var rules []*rule.Rule
	for _, f := range feeds {
		for _, r := range f.Rules {
			if owner[r.ID] == r {
				rules = append(rules, r)
			} else {
				a.Shadowed = append(a.Shadowed, r)
			}
		}
		for p, text := range f.Patterns {
			a.Patterns[f.Name+"/"+p] = text
		}
		maps.Copy(a.Lists, f.Lists)
	}
	a.Rules, a.Off = apply(rules, overrides)
	return a
}
