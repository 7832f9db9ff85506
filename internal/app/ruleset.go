package app

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

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

// ruleBase is the active rules, compiled once however often settings are built from them.
type ruleBase struct {
	*feed.Active
	stamp    string // of the store when they were read, or ""
	fault    error  // why they are not the rules that were activated, or nil
	compiled func() *compiledRules
}

type compiledRules struct {
	schema *rule.Schema
	engine *rule.Engine // or nil: no rule takes part in a verdict
}

func newRuleBase(active *feed.Active, stamp string) *ruleBase {
	return &ruleBase{active, stamp, active.Older, sync.OnceValue(func() *compiledRules {
		rules := judging(active.Rules)
		if len(rules) == 0 {
			return &compiledRules{}
		}
		s := rule.NewSchema()
		return &compiledRules{s, rule.Compile(s, rules)}
	})}
}

// problem says why mail is not evaluated with the rules that it should be, or "".
func (b *ruleBase) problem() string {
	switch none := b.compiled().engine == nil; {
	case none && b.fault != nil:
		return "not loaded: " + b.fault.Error()
	case none:
		return "no rules are active; fetch some with \"outrider rules pull\""
	case b.fault != nil:
		return "older rules are in use: " + b.fault.Error()
	default:
		return ""
	}
}

// activeRules reads the active rules, once for all who need them. Those that run are returned
// as they are where nothing has changed; they may be nil.
func activeRules(c *config.Config, running *ruleBase, log *slog.Logger) (*ruleBase, error) {
	store, err := feed.Open(rulesPath(c))
	if err != nil {
		return nil, fmt.Errorf("opening the rules: %w", err)
	}
	stamp, err := store.Stamp()
	if err != nil {
		return nil, err
	}
	if running != nil && running.stamp == stamp {
		return running, nil
	}
	active, err := store.Active()
	if err != nil {
		return nil, fmt.Errorf("reading the active rules: %w", err)
	}
	if active.Older != nil {
		log.Warn("active rules unreadable, using the previous ones", "error", active.Older)
		stamp = "" // what was meant may be readable again
	}
	return newRuleBase(active, stamp), nil
}

// startingRules is activeRules for a start: rules that cannot be read never stop mail. There
// are none then, and the log says so.
func startingRules(c *config.Config, log *slog.Logger) *ruleBase {
	base, err := activeRules(c, nil, log)
	if err != nil {
		log.Error("rules not loaded: mail is evaluated without rules", "error", err)
		base = newRuleBase(&feed.Active{}, "")
		base.fault = err
	}
	return base
}

// judging returns the rules that take part in a verdict. The others are for analysts.
func judging(rules []*rule.Rule) []*rule.Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r *rule.Rule) bool { return r.Kind != rule.Detection && r.Kind != rule.Exclusion })
}

// newRuleSet returns compiled rules with the lists of each tenant.
func newRuleSet(c *config.Config, active *feed.Active, rules *compiledRules, have schema.Capability) *rule.Set {
	set := rule.NewSet(rules.schema, rules.engine, active.Lists, active.Version)
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
func detector(c *config.Config, base *ruleBase, can asks, log *slog.Logger) *rule.Detector {
	rules := base.compiled()
	if rules.engine == nil {
		return nil
	}
	set := newRuleSet(c, base.Active, rules, can.have)
	set.Later = can.later
	set.Report = func(r *rule.Rule, err error) {
		log.Warn("rule failed on a message", "rule", r.ID, "name", r.Name, "error", err)
	}
	log.Info("rules loaded", "rules", len(set.Engine.Rules()), "invalid", len(set.Engine.Invalid()), "version", set.Version)
	return rule.NewDetector(set)
}

// noRules is what runs where rules are chosen later.
func noRules() *compiledRules {
	s := rule.NewSchema()
	return &compiledRules{s, rule.Compile(s, nil)}
}

// patterns returns the YARA rules of the active feeds as one text.
func patterns(active *feed.Active) string {
	var all strings.Builder
	for _, path := range slices.Sorted(maps.Keys(active.Patterns)) {
		all.WriteString(active.Patterns[path] + "\n")
	}
	return all.String()
}
