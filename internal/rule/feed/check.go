package feed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"outrider/internal/rule"
)

// Reasons for which rules are not activated.
var (
	ErrRefused = errors.New("the active rules are unchanged")
	ErrNothing = errors.New("nothing is staged, and the own rules and lists are those that run")
	ErrChanged = errors.New("another process changed the active rules meanwhile; try again")
)

// Plan configures the creation and check of a new state.
type Plan struct {
	Rules, Lists string  // the customer's own directories, or ""
	MaxInvalid   float64 // fraction of the rules of a feed that may be invalid, from 0 to 1
	Schema       *rule.Schema
	Mail         string   // files or a directory of mail to judge by the old and the new rules, or ""
	Prepare      Preparer // makes inputs of that mail; nil: PrepareModel
}

// Check is the difference between the active and the next state.
type Check struct {
	Current State    `json:"current"`
	Next    State    `json:"next"`
	Rules   int      `json:"rules"` // of all feeds, including disabled rules
	Runs    int      `json:"runs"`  // of them, valid rules
	Added   []Change `json:"added"`
	Changed []Change `json:"changed"`
	Removed []Change `json:"removed"`
	// Invalid are new or changed rules that do not compile: they would stop or never start.
	Invalid []Change  `json:"newly_invalid"`
	Back    *BackTest `json:"back_test,omitempty"`
	Refused []string  `json:"refused,omitempty"` // why it cannot be activated

	// Pruned are old versions that were removed meanwhile, by Activate too.
	Pruned []*Manifest `json:"pruned,omitempty"`

	base record
}

// Change is the change of one rule.
type Change struct {
	ID   string   `json:"id"`
	Name string   `json:"name"`
	Feed string   `json:"feed"`
	Path string   `json:"path"`
	What []string `json:"what,omitempty"` // changed parts, or the reason
}

// Check builds a new state from the staged versions and the customer's own directories, and
// checks it, without activating it. With ErrNothing the check describes the active rules.
func (s *Store) Check(ctx context.Context, p Plan) (*Check, error) {
	r, err := s.record()
	if err != nil {
		return nil, err
	}
	next, pruned, err := s.next(ctx, r, &p)
	if err != nil {
		return nil, err
	}
	after, err := s.load(next)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if p.Schema == nil {
		p.Schema = rule.NewSchema()
	}
	made, err := compile(p.Schema, after.Rules)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	c := &Check{Current: r.Active, Next: next, Pruned: pruned, base: *r}
	if same(next, r.Active) {
		c.compare(after, after, made, made)
		return c, ErrNothing
	}
	before, err := s.Active()
	if err != nil {
		before = &Active{} // damaged, so everything is new
	}
	old, err := compile(p.Schema, before.Rules)
	if err != nil {
		return nil, err
	}
	c.compare(before, after, old, made)
	c.refuse(before, after, made, p.MaxInvalid)
	if p.Mail != "" {
		c.Back, err = backTest(ctx, &p, after, side{old, before.Lists}, side{made, after.Lists})
	}
	return c, err
}

// next returns the next state, and the versions that were removed while building it.
func (s *Store) next(ctx context.Context, r *record, p *Plan) (out State, pruned []*Manifest, err error) {
	staged, err := s.Staged()
	if err != nil {
		return State{}, nil, err
	}
	out = State{Feeds: maps.Clone(r.Active.Feeds), Time: time.Now().UTC()}
	maps.Copy(out.Feeds, staged.Feeds)
	for name, dir := range map[string]string{Own: p.Rules, OwnLists: p.Lists} {
		delete(out.Feeds, name)
		if dir == "" {
			continue
		}
		_, err := s.keep(ctx, Source{Name: name, Location: dir, Plain: true}, func(m *Manifest) error {
			out.Feeds[name] = m.Version // not staged, and must not be removed
			gone, err := s.prune(out)
			pruned = append(pruned, gone...)
			return err
		})
		if err != nil {
			return State{}, nil, err
		}
	}
	return out, pruned, nil
}

// compile compiles rules, and returns a panic of the compiler as an error.
func compile(s *rule.Schema, rules []*rule.Rule) (e *rule.Engine, err error) {
	defer func() {
		if p := recover(); p != nil {
			e, err = nil, fmt.Errorf("compiling the rules: panic: %v", p)
		}
	}()
	return rule.Compile(s, rules), nil
}

// compare records the differences between two rule sets.
func (c *Check) compare(before, after *Active, old, made *rule.Engine) {
	c.Rules, c.Runs = len(after.Rules)+len(after.Off), len(made.Rules())
	had, has := byID(before), byID(after)
	for _, id := range slices.Sorted(maps.Keys(has)) {
		r := has[id]
		o := had[id]
		if o == nil {
			c.Added = append(c.Added, change(r))
		} else if what := differences(o, r); len(what) > 0 {
			c.Changed = append(c.Changed, change(r, what...))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(had)) {
		if has[id] == nil {
			c.Removed = append(c.Removed, change(had[id]))
		}
	}
	was := make(map[string]bool)
	for _, a := range old.Invalid() {
		was[a.Rule.ID] = true
	}
	for _, a := range made.Invalid() {
		if !was[a.Rule.ID] {
			c.Invalid = append(c.Invalid, change(a.Rule, a.Err.Error()))
		}
	}
}

func byID(a *Active) map[string]*rule.Rule {
	out := make(map[string]*rule.Rule)
	for _, r := range slices.Concat(a.Rules, a.Off) {
		out[r.ID] = r
	}
	return out
}

func change(r *rule.Rule, what ...string) Change {
	return Change{ID: r.ID, Name: r.Name, Feed: r.Feed, Path: r.Path, What: what}
}

// differences lists the differences between two versions of a rule.
func differences(a, b *rule.Rule) (out []string) {
	for _, part := range []struct{ what, a, b string }{
		{"source", a.Source, b.Source}, {"severity", a.Severity, b.Severity}, {"name", a.Name, b.Name},
		{"type", string(a.Kind), string(b.Kind)}, {"feed", a.Feed, b.Feed}, {"description", a.Description, b.Description},
		{"attack types", strings.Join(a.AttackTypes, "\n"), strings.Join(b.AttackTypes, "\n")},
		{"tactics", strings.Join(a.Tactics, "\n"), strings.Join(b.Tactics, "\n")},
	} {
		if part.a != part.b {
			out = append(out, part.what)
		}
	}
	return out
}

// refuse records why changed feeds are too damaged to activate.
func (c *Check) refuse(before, after *Active, made *rule.Engine, most float64) {
	invalid := make(map[string]int)
	for _, a := range made.Invalid() {
		invalid[a.Rule.Feed]++
	}
	for _, f := range after.Feeds {
		if c.Next.Feeds[f.Name] == c.Current.Feeds[f.Name] {
			continue
		}
		bad, all := invalid[f.Name]+len(f.Problems), len(f.Rules)+len(f.Problems)
		switch {
		case len(f.Rules) == 0 && rulesOf(before, f.Name) > 0:
			c.Refused = append(c.Refused, fmt.Sprintf("feed %s has no rules any more; it had %d", f.Name, rulesOf(before, f.Name)))
		case len(f.Rules)+len(f.Lists)+len(f.Patterns) == 0 && f.Name != Own && f.Name != OwnLists:
			c.Refused = append(c.Refused, fmt.Sprintf("feed %s has neither rules nor lists", f.Name))
		case float64(bad) > most*float64(all):
			c.Refused = append(c.Refused, fmt.Sprintf("of the %d rules of feed %s %d cannot be run, which is more than %.4g %%; the first: %s", all, f.Name, bad, 100*most, firstFault(f, made)))
		}
	}
}

func rulesOf(a *Active, name string) int {
	for _, f := range a.Feeds {
		if f.Name == name {
			return len(f.Rules)
		}
	}
	return 0
}

// firstFault describes the first invalid rule of a feed.
func firstFault(f *Feed, made *rule.Engine) string {
	for _, a := range made.Invalid() {
		if a.Rule.Feed == f.Name {
			return a.Rule.Path + ": " + a.Err.Error()
		}
	}
	for _, p := range f.Problems {
		return p.Err.Error()
	}
	return ""
}

// Err returns why the state cannot be activated, or nil.
func (c *Check) Err() error {
	if len(c.Refused) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrRefused, strings.Join(c.Refused, "; "))
}

// Activate activates the checked state atomically. A reader sees the old rules or the new
// ones.
func (s *Store) Activate(c *Check) error {
	if err := c.Err(); err != nil {
		return err
	}
	return s.change(func() error {
		r, err := s.record()
		if err != nil {
			return err
		}
		if !same(r.Active, c.base.Active) || !s.has(c.Next) {
			return ErrChanged
		}
		if err := s.point(r, c.Next); err != nil {
			return err
		}
		if err := s.unstage(c.Next); err != nil {
			return err
		}
		pruned, err := s.prune()
		c.Pruned = append(c.Pruned, pruned...)
		return err
	})
}

// has reports whether the versions of a state exist: unstaged ones may have been removed
// since they were pulled.
func (s *Store) has(state State) bool {
	for name, version := range state.Feeds {
		if _, err := s.manifest(name, version); err != nil {
			return false
		}
	}
	return true
}

// unstage removes the stage entries that have become active. Newer entries stay.
func (s *Store) unstage(active State) error {
	staged, err := s.Staged()
	if err != nil {
		return err
	}
	maps.DeleteFunc(staged.Feeds, func(name, version string) bool { return active.Feeds[name] == version })
	file := filepath.Join(s.dir, stagedFile)
	if len(staged.Feeds) > 0 {
		return writeJSON(file, staged)
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the staged rules: %w", err)
	}
	return nil
}

// Rollback activates the previous state, and returns it.
func (s *Store) Rollback() (to State, err error) {
	err = s.change(func() error {
		r, err := s.record()
		if err != nil {
			return err
		}
		if len(r.History) == 0 {
			return errors.New("rolling back: nothing was active before")
		}
		to = r.History[0]
		if _, err := s.load(to); err != nil {
			return fmt.Errorf("rolling back: %w", err)
		}
		r.Active, r.History = to, r.History[1:]
		return writeJSON(filepath.Join(s.dir, activeFile), r)
	})
	return to, err
}

// Stage stages an existing version, given by its first digits.
func (s *Store) Stage(name, version string) (m *Manifest, err error) {
	err = s.change(func() error {
		all, err := s.Versions(name)
		if err != nil {
			return err
		}
		found := slices.DeleteFunc(slices.Clone(all), func(m *Manifest) bool { return !strings.HasPrefix(m.Version, version) })
		if len(found) != 1 || version == "" {
			return fmt.Errorf("of the %d versions of feed %s that are kept, %d begin with %q", len(all), name, len(found), version)
		}
		m = found[0]
		return s.stage(name, m.Version)
	})
	return m, err
}
