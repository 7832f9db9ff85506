package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"outrider/internal/config"
	"outrider/internal/rule"
	"outrider/internal/rule/feed"
)

type rulesCmd struct {
	Pull     rulesPullCmd     `cmd:"" help:"Fetch a rule feed, stage it as a version and show what would change."`
	Activate rulesActivateCmd `cmd:"" help:"Activate the staged rules, with the organisation's own rules and lists."`
	Rollback rulesRollbackCmd `cmd:"" help:"Return to the previously active rules."`
	Status   rulesStatusCmd   `cmd:"" help:"Show active, staged and stored versions."`
	List     rulesListCmd     `cmd:"" help:"List the active rules."`
	Override rulesOverrideCmd `cmd:"" help:"Disable a rule, or override its severity, weight or action."`
	Lint     rulesLintCmd     `cmd:"" help:"Check rules and count the capabilities they need."`
	Fmt      rulesFmtCmd      `cmd:"" help:"Format rules."`
	Test     rulesTestCmd     `cmd:"" help:"Run rules on their example messages."`
	Explain  rulesExplainCmd  `cmd:"" help:"Show the value of each condition of a rule for a message."`
	Hunt     rulesHuntCmd     `cmd:"" help:"Search past mail with a rule."`
}

func rulesPath(c *config.Config) string { return filepath.Join(c.DataDir, "rules") }

// rules opens the store of rules of the configured data directory.
func (c *cli) rules() (*feed.Store, config.Config, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, cfg, err
	}
	s, err := feed.Open(rulesPath(&cfg))
	return s, cfg, err
}

// rulesToChange is rules for commands that change the store: what they write must belong to the
// owner of the data directory.
func (c *cli) rulesToChange() (*feed.Store, config.Config, error) {
	s, cfg, err := c.rules()
	if err == nil {
		err = becomeOwner(&cfg)
	}
	return s, cfg, err
}

// plan says how new rules are checked.
func (c *cli) plan(cfg *config.Config, mail string) feed.Plan {
	return feed.Plan{
		Rules: cfg.Rules.Directory, Lists: cfg.Rules.Lists, MaxInvalid: float64(cfg.Rules.MaxInvalidPercent) / 100,
		Schema: rule.NewSchema(), Mail: mail, Prepare: c.preparer(cfg),
	}
}

// preparer prepares mail for a back-test as hunt does: for the tenant of its recipient, with
// workers that open its attachments and know the YARA rules that would be active. Mail for
// no tenant is judged with the lists of all tenants.
func (c *cli) preparer(cfg *config.Config) feed.Preparer {
	return func(next *feed.Active) (feed.Prepare, func(), error) {
		o, err := c.offline(cfg, newRuleBase(&feed.Active{Patterns: next.Patterns}, ""), false, false)
		if err != nil {
			return nil, nil, err
		}
		o.nobody = feed.AllOrgLists(cfg.Tenants)
		set := newRuleSet(cfg, &feed.Active{}, noRules(), opensFiles)
		return func(ctx context.Context, _ string, raw []byte) (*rule.Input, error) {
			return o.input(ctx, raw, set)
		}, o.close, nil
	}
}

// json prints one value.
func (c *cli) json(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// grouped writes a number as people read it: 1,587.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// severityStyle colours what is serious.
func severityStyle(s string) style {
	return map[string]style{"critical": alarm, "high": red, "medium": yellow}[s]
}

type rulesListCmd struct {
	Severity string `help:"Only this severity, such as high."`
	Type     string `help:"Only this type: rule, query, exclusion, triage_rule or dlp."`
	Feed     string `help:"Only this feed."`
	Off      bool   `help:"List disabled rules instead."`
	Limit    int    `help:"Maximum number of rows. Default: all."`
	Format   string `enum:"text,json" default:"text" help:"text, or json: one object per line (see outrider schema)."`
}

// ruleLine is what list prints of one rule as JSON.
type ruleLine struct {
	ID       string         `json:"id" doc:"id of the rule"`
	Name     string         `json:"name" doc:"title"`
	Type     string         `json:"type" doc:"type"`
	Severity string         `json:"severity" doc:"severity, or empty"`
	Feed     string         `json:"feed" doc:"feed that the rule is from"`
	Path     string         `json:"path" doc:"file in the feed"`
	Enabled  bool           `json:"enabled" doc:"whether the rule takes part in verdicts"`
	Override *feed.Override `json:"override,omitempty" doc:"what the organisation has set for the rule"`
}

// Run lists.
func (l *rulesListCmd) Run(c *cli) error {
	s, _, err := c.rules()
	if err != nil {
		return err
	}
	a, err := c.active(s)
	if err != nil {
		return err
	}
	rules := a.Rules
	if l.Off {
		rules = a.Off
	}
	if err := l.check(slices.Concat(a.Rules, a.Off)); err != nil {
		return err
	}
	rules = slices.DeleteFunc(slices.Clone(rules), func(r *rule.Rule) bool { return !l.wants(r) })
	shown := rules
	if l.Limit > 0 {
		shown = rules[:min(len(rules), l.Limit)]
	}
	if err := l.print(c, a, shown); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return c.cutShort(len(shown), "rules", func() (int, error) { return len(rules), nil })
}

// check refuses values that no rule has.
func (l *rulesListCmd) check(all []*rule.Rule) error {
	for _, f := range []struct {
		flag, value string
		of          func(*rule.Rule) string
		valid       []string
	}{
		{"--severity", l.Severity, func(r *rule.Rule) string { return r.Severity }, []string{"informational", "low", "medium", "high", "critical"}},
		{"--type", l.Type, func(r *rule.Rule) string { return string(r.Kind) }, []string{"rule", "query", "exclusion", "triage_rule", "dlp"}},
		{"--feed", l.Feed, func(r *rule.Rule) string { return r.Feed }, nil},
	} {
		for _, r := range all {
			if v := f.of(r); v != "" && !slices.Contains(f.valid, v) {
				f.valid = append(f.valid, v)
			}
		}
		if f.value == "" {
			continue
		}
		if err := oneOf(f.flag, f.value, f.valid); err != nil {
			return err
		}
	}
	return nil
}

func (l *rulesListCmd) print(c *cli, a *feed.Active, rules []*rule.Rule) error {
	t := c.newTable(column{title: "ID"}, column{title: "SEVERITY"}, column{title: "TYPE"}, column{title: "FEED"}, column{title: "NAME", min: 24}, column{title: "OVERRIDE", min: 16})
	for _, r := range rules {
		o, changed := a.Overrides[r.ID]
		if l.Format == "text" {
			text := ""
			if changed {
				text = describe(o)
			}
			if err := t.add(cell{text: r.ID}, cell{r.Severity, severityStyle(r.Severity)}, cell{text: string(r.Kind)}, cell{text: r.Feed}, cell{text: r.Name}, cell{text: text}); err != nil {
				return err
			}
			continue
		}
		line := ruleLine{r.ID, r.Name, string(r.Kind), r.Severity, r.Feed, r.Path, !l.Off, nil}
		if changed {
			line.Override = &o
		}
		if err := c.jsonLine(line); err != nil {
			return err
		}
	}
	if l.Format == "json" {
		return nil
	}
	return t.flush()
}

func (l *rulesListCmd) wants(r *rule.Rule) bool {
	return (l.Severity == "" || l.Severity == r.Severity) && (l.Type == "" || l.Type == string(r.Kind)) && (l.Feed == "" || l.Feed == r.Feed)
}

// active reads the rules that run, and says where they are not those that should.
func (c *cli) active(s *feed.Store) (*feed.Active, error) {
	a, err := s.Active()
	if err != nil {
		return nil, err
	}
	if a.Older != nil {
		_, _ = fmt.Fprintf(c.errOut, "outrider: older rules are in use: %v\n  Pull the feed again, or keep the older rules with \"%s rules rollback\".\n", a.Older, c.program())
	}
	return a, nil
}

type rulesStatusCmd struct {
	Format string `enum:"text,json" default:"text" help:"text or json."`
}

// Run shows what the store holds.
func (r *rulesStatusCmd) Run(c *cli) error {
	s, _, err := c.rules()
	if err != nil {
		return err
	}
	st, err := s.Status()
	if err != nil {
		return err
	}
	a, err := c.active(s)
	if err != nil {
		return err
	}
	if r.Format == "json" {
		return c.json(struct {
			*feed.Status

			Version string `json:"version"`
			Rules   int    `json:"rules"`
			Off     int    `json:"off"`
		}{st, a.Version, len(a.Rules), len(a.Off)})
	}
	c.printf("active     %s\n", cmp.Or(a.Version, "nothing; fetch rules with \""+c.program()+" rules pull SOURCE\""))
	c.printf("rules      %s on, %d off, %d lists, %d files of YARA rules\n", grouped(len(a.Rules)), len(a.Off), len(a.Lists), len(a.Patterns))
	if len(st.Staged.Feeds) > 0 {
		c.printf("staged     %s\n", st.Staged)
	}
	for i, h := range st.History[:min(len(st.History), feed.KeepStates)] {
		c.printf("%-10s %s  %s\n", map[bool]string{true: "before"}[i == 0], when(h.Time), h)
	}
	c.versions(st)
	return nil
}

func when(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// versions prints a table of all versions that are kept.
func (c *cli) versions(st *feed.Status) {
	var all []*feed.Manifest
	for _, list := range st.Versions {
		all = append(all, list...)
	}
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b *feed.Manifest) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), b.Time.Compare(a.Time))
	})
	c.printf("\n")
	t := c.newTable(column{title: "FEED"}, column{title: "VERSION"}, column{title: "STATE"}, column{title: "PULLED"},
		column{title: "RULES", right: true}, column{title: "LISTS", right: true}, column{title: "SOURCE", min: 20})
	for _, m := range all {
		_ = t.add(cell{text: m.Name}, cell{text: m.Short()}, cell{text: stateOf(st, m)}, cell{text: when(m.Time)}, cell{text: grouped(m.Rules)}, cell{text: grouped(m.Lists)}, cell{text: m.Source})
	}
	_ = t.flush() // a closed pipe is the reader's choice
	c.printf("\nVersions with a state are kept, and the last %d that were pulled of each feed.\n", feed.KeepVersions)
}

// stateOf says what a version is used for.
func stateOf(st *feed.Status, m *feed.Manifest) string {
	switch {
	case m.Version == st.Active.Feeds[m.Name]:
		return "active"
	case m.Version == st.Staged.Feeds[m.Name]:
		return "staged"
	case slices.ContainsFunc(st.History, func(h feed.State) bool { return m.Version == h.Feeds[m.Name] }):
		return "before"
	default:
		return ""
	}
}

type rulesOverrideCmd struct {
	ID       string   `arg:"" help:"Rule id."`
	Off      bool     `help:"Switch the rule off." xor:"state"`
	On       bool     `help:"Switch the rule on again." xor:"state"`
	Severity string   `help:"Override the severity: informational, low, medium, high or critical."`
	Weight   *float64 `help:"Override the weight of the finding (log-odds), e.g. --weight=-1.5."`
	Action   string   `help:"Action for matching messages: deliver, quarantine, reject or defer."`
	Note     string   `help:"Reason, for the record."`
	Reset    bool     `help:"Remove the override."`
}

// Run changes the override of a rule, and shows it.
func (o *rulesOverrideCmd) Run(c *cli) error {
	s, _, err := c.rulesToChange()
	if err != nil {
		return err
	}
	a, err := c.active(s)
	if err != nil {
		return err
	}
	all, err := s.Overrides()
	if err != nil {
		return err
	}
	now := o.merge(all[o.ID])
	if now != all[o.ID] {
		if err := s.Override(o.ID, now); err != nil {
			return err
		}
	}
	named := func(r *rule.Rule) bool { return r.ID == o.ID }
	if i := slices.IndexFunc(slices.Concat(a.Rules, a.Off), named); i >= 0 {
		c.printf("rule      %s\n", clip(slices.Concat(a.Rules, a.Off)[i].Name, 100))
	} else {
		_, _ = fmt.Fprintf(c.errOut, "outrider: no active rule has the id %s; the override waits for one\n", clip(o.ID, 80))
	}
	if now == (feed.Override{}) {
		c.printf("override  none\n")
		return nil
	}
	c.printf("override  %s\n", describe(now))
	return nil
}

// merge changes what the command line names.
func (o *rulesOverrideCmd) merge(now feed.Override) feed.Override {
	if o.Reset {
		return feed.Override{}
	}
	if o.Off || o.On {
		now.Off = o.Off
	}
	if o.Weight != nil {
		now.Weight = o.Weight
	}
	now.Severity, now.Action, now.Note = cmp.Or(o.Severity, now.Severity), cmp.Or(o.Action, now.Action), cmp.Or(o.Note, now.Note)
	return now
}

func describe(o feed.Override) string {
	var parts []string
	if o.Off {
		parts = append(parts, "off")
	}
	if o.Severity != "" {
		parts = append(parts, "severity "+o.Severity)
	}
	if o.Weight != nil {
		parts = append(parts, fmt.Sprintf("weight %g", *o.Weight))
	}
	if o.Action != "" {
		parts = append(parts, "action "+o.Action)
	}
	if o.Note != "" {
		parts = append(parts, "because "+clip(o.Note, 200))
	}
	return strings.Join(parts, ", ")
}

type rulesRollbackCmd struct{}

// Run goes back.
func (rulesRollbackCmd) Run(c *cli) error {
	s, _, err := c.rulesToChange()
	if err != nil {
		return err
	}
	to, err := s.Rollback()
	if err != nil {
		return err
	}
	c.printf("active  %s\n", to)
	return nil
}
