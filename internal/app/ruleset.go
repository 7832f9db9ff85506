package app

import (
	"fmt"
	"log/slog"
	"strings"

	"outrider/internal/config"
	"outrider/internal/rule"
	"outrider/internal/rule/feed"
	"outrider/internal/rule/schema"
)

// opensFiles is what rules can ask of attachments wherever workers open them. Text in
// pictures is read by deep inspection only.
const opensFiles = schema.Files | schema.QR

// ruleSet returns the active rules, compiled, with the lists of each tenant; nil where
// none are active.
func ruleSet(c *config.Config, have schema.Capability) (*rule.Set, *feed.Active, error) {
	store, err := feed.Open(rulesPath(c))
	if err != nil {
		return nil, nil, fmt.Errorf("opening the rules: %w", err)
	}
	active, err := store.Active()
	if err != nil {
		return nil, nil, fmt.Errorf("reading the active rules: %w", err)
	}
	if len(active.Rules) == 0 {
		return nil, active, nil
	}
	return newRuleSet(c, active, have), active, nil
}

func newRuleSet(c *config.Config, active *feed.Active, have schema.Capability) *rule.Set {
	s := rule.NewSchema()
	set := rule.NewSet(s, rule.Compile(s, active.Rules), active.Lists, active.Version)
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

// detector returns the detector of the active rules, or nil. Rules that cannot be read never
// stop mail: they are left out, loudly.
func detector(c *config.Config, have schema.Capability, log *slog.Logger) *rule.Detector {
	set, active, err := ruleSet(c, have)
	if err != nil {
		log.Error("mail is judged without rules", "error", err)
		return nil
	}
	if active.Older != nil {
		log.Warn("older rules are in use", "error", active.Older)
	}
	if set == nil {
		return nil
	}
	set.Report = func(r *rule.Rule, err error) {
		log.Warn("a rule failed on a message", "rule", r.ID, "name", r.Name, "error", err)
	}
	log.Info("rules are in use", "rules", len(set.Engine.Rules()), "set_aside", len(set.Engine.Asides()), "version", set.Version)
	return rule.NewDetector(set)
}

// patterns returns the YARA rules of the active feeds as one text.
func patterns(c *config.Config, log *slog.Logger) string {
	store, err := feed.Open(rulesPath(c))
	if err != nil {
		log.Error("files are compared without the yara rules of feeds", "error", err)
		return ""
	}
	active, err := store.Active()
	if err != nil {
		log.Error("files are compared without the yara rules of feeds", "error", err)
		return ""
	}
	var all strings.Builder
	for _, text := range active.Patterns {
		all.WriteString(text + "\n")
	}
	return all.String()
}
