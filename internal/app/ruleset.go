package app

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"outrider/internal/config"
	"outrider/internal/rule"
	"outrider/internal/rule/feed"
	"outrider/internal/rule/schema"
)

// asks is what rules can ask on the way of a message, and what only a later look can.
type asks struct{ have, later schema.Capability }

// opensFiles is what rules can ask of attachments wherever workers open them. Text in
// pictures is read by deep inspection only.
const opensFiles = schema.Files | schema.QR

// activeRules reads the active rules, once for all who need them.
func activeRules(c *config.Config, log *slog.Logger) (*feed.Active, error) {
	store, err := feed.Open(rulesPath(c))
	if err != nil {
		return nil, fmt.Errorf("opening the rules: %w", err)
	}
	active, err := store.Active()
	if err != nil {
		return nil, fmt.Errorf("reading the active rules: %w", err)
	}
	if active.Older != nil {
		log.Warn("older rules are in use", "error", active.Older)
	}
	return active, nil
}

// startingRules is activeRules for a start: rules that cannot be read never stop mail. There
// are none then, and the log says so.
func startingRules(c *config.Config, log *slog.Logger) *feed.Active {
	active, err := activeRules(c, log)
	if err != nil {
		log.Error("mail is judged without rules", "error", err)
		return &feed.Active{}
	}
	return active
}

// judging returns the rules that take part in a verdict. The others are for analysts.
func judging(rules []*rule.Rule) []*rule.Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r *rule.Rule) bool { return r.Kind != rule.Detection && r.Kind != rule.Exclusion })
}

// newRuleSet compiles rules of those that are active, with the lists of each tenant.
func newRuleSet(c *config.Config, active *feed.Active, rules []*rule.Rule, have schema.Capability) *rule.Set {
	s := rule.NewSchema()
	set := rule.NewSet(s, rule.Compile(s, rules), active.Lists, active.Version)
	set.Have, set.Weights, set.Actions, set.Tenants = have, make(map[string]float64), make(map[string]string), make(map[string]rule.Lists)
	set.Unsolicited = c.Rules.AssumeUnsolicited
	for id, o := range active.Overrides {
		if o.Weight != nil {
			set.Weights[id] = *o.Weight
		}
		if o.Action != "" {
			set.Actions[id] = o.Action
		}
	}
	for i := range c.Tenants {
		set.Tenants[c.Tenants[i].ID] = feed.OrgLists(&c.Tenants[i])
	}
	return set
}

// detector returns the detector of the active rules, or nil where there are none.
func detector(c *config.Config, active *feed.Active, can asks, log *slog.Logger) *rule.Detector {
	rules := judging(active.Rules)
	if len(rules) == 0 {
		return nil
	}
	set := newRuleSet(c, active, rules, can.have)
	set.Later = can.later
	set.Report = func(r *rule.Rule, err error) {
		log.Warn("a rule failed on a message", "rule", r.ID, "name", r.Name, "error", err)
	}
	log.Info("rules are in use", "rules", len(set.Engine.Rules()), "set_aside", len(set.Engine.Asides()), "version", set.Version)
	return rule.NewDetector(set)
}

// patterns returns the YARA rules of the active feeds as one text.
func patterns(active *feed.Active) string {
	var all strings.Builder
	for _, path := range slices.Sorted(maps.Keys(active.Patterns)) {
		all.WriteString(active.Patterns[path] + "\n")
	}
	return all.String()
}
