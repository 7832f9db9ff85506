package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"outrider/internal/durable"
	"outrider/internal/rule"
)

// Override changes the effect of a rule, without a change to the rule.
type Override struct {
	Off      bool     `yaml:"off,omitempty" json:"off,omitempty"`
	Severity string   `yaml:"severity,omitempty" json:"severity,omitempty"` // replaces the rule's severity
	Weight   *float64 `yaml:"weight,omitempty" json:"weight,omitempty"`     // log-odds of its finding; nil: unchanged
	Action   string   `yaml:"action,omitempty" json:"action,omitempty"`     // deliver, quarantine, reject or defer
	Note     string   `yaml:"note,omitempty" json:"note,omitempty"`         // why
}

// Bounds of overrides.
const (
	maxOverrides = 10_000
	maxWeight    = 20
	maxNote      = 500
)

// Severities are those that a rule may have, the mildest first.
func Severities() []string { return []string{"informational", "low", "medium", "high", "critical"} }

func (o *Override) check(id string) error {
	switch {
	case strings.TrimSpace(id) == "":
		return errors.New("an override needs the id of a rule")
	case o.Severity != "" && !slices.Contains(Severities(), o.Severity):
		return fmt.Errorf("override of %s: severity %q is none of %s", id, o.Severity, strings.Join(Severities(), ", "))
	case o.Weight != nil && !(*o.Weight >= -maxWeight && *o.Weight <= maxWeight): // not NaN either
		return fmt.Errorf("override of %s: a weight is between -%d and %d", id, maxWeight, maxWeight)
	case o.Action != "" && !slices.Contains([]string{"deliver", "quarantine", "reject", "defer"}, o.Action):
		return fmt.Errorf("override of %s: action %q is none of deliver, quarantine, reject, defer", id, o.Action)
	case len(o.Note) > maxNote:
		return fmt.Errorf("override of %s: the note has more than %d bytes", id, maxNote)
	}
	return nil
}

// Overrides returns the overrides by rule id.
func (s *Store) Overrides() (map[string]Override, error) {
	raw, err := content(os.DirFS(s.dir), overrideFile, maxStateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Override{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading overrides: %w", err)
	}
	return parseOverrides(raw)
}

func parseOverrides(raw []byte) (map[string]Override, error) {
	out := make(map[string]Override)
	d := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict(), yaml.DisallowUnknownField())
	if err := d.Decode(&out); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading overrides: %w", err)
	}
	if len(out) > maxOverrides {
		return nil, fmt.Errorf("reading overrides: there are more than %d", maxOverrides)
	}
	for id, o := range out {
		if err := o.check(id); err != nil {
			return nil, fmt.Errorf("reading overrides: %w", err)
		}
	}
	return out, nil
}

// Override sets the override of a rule, or removes it if o is empty. Comments in the file
// are lost; notes are kept.
func (s *Store) Override(id string, o Override) error {
	if err := o.check(id); err != nil {
		return err
	}
	return s.change(func() error {
		all, err := s.Overrides()
		if err != nil {
			return err
		}
		all[id] = o
		if o == (Override{}) {
			delete(all, id)
		}
		if len(all) > maxOverrides {
			return fmt.Errorf("there are more than %d overrides", maxOverrides)
		}
		raw := []byte("# Overrides of rules by id: off, severity, weight, action, note.\n")
		for _, id := range slices.Sorted(maps.Keys(all)) {
			part, err := yaml.Marshal(map[string]Override{id: all[id]})
			if err != nil {
				return fmt.Errorf("writing overrides: %w", err)
			}
			raw = append(raw, part...)
		}
		return durable.Write(filepath.Join(s.dir, overrideFile), raw, 0o600)
	})
}

// apply returns the enabled rules, with their severities, and the disabled ones.
func apply(rules []*rule.Rule, overrides map[string]Override) (on, off []*rule.Rule) {
	for _, r := range rules {
		o, ok := overrides[r.ID]
		switch {
		case !ok:
			on = append(on, r)
		case o.Off:
			off = append(off, r)
		case o.Severity != "":
			changed := *r
			changed.Severity = o.Severity
			on = append(on, &changed)
		default:
			on = append(on, r)
		}
	}
	return on, off
}
