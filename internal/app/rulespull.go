package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"outrider/internal/config"
	"outrider/internal/rule/feed"
)

type rulesPullCmd struct {
	Source       string `arg:"" help:"A directory, an archive (.tar.zst, .tar.gz, .zip) or a git repository, as a path or an https URL."`
	Name         string `default:"public" help:"Name of the feed."`
	Branch       string `help:"Branch or tag of the repository. Default: its default branch."`
	Commit       string `help:"Pin to this full 40-character commit hash."`
	Activate     bool   `help:"Activate it, unless it fails its checks."`
	Mail         string `type:"path" help:"Back-test: evaluate this mail with the old and the new rules and show the differences."`
	AllowPrivate bool   `help:"Allow URLs in private networks."`
	Format       string `enum:"text,json" default:"text" help:"text or json."`
}

// Run pulls, checks and, where asked to, activates.
func (p *rulesPullCmd) Run(c *cli) error {
	s, cfg, err := c.rulesToChange()
	if err != nil {
		return err
	}
	m, err := s.Pull(c.ctx, feed.Source{
		Name: p.Name, Location: p.Source, Branch: p.Branch, Commit: p.Commit, AllowPrivate: p.AllowPrivate,
	})
	if err != nil {
		return err
	}
	if p.Format == "text" {
		c.printf("pulled     %s %s: %s rules, %d lists, %d files of YARA rules from %s\n", m.Name, m.Version, grouped(m.Rules), m.Lists, m.Patterns, clip(m.Source, 100))
		c.showPruned(m.Pruned)
	}
	err = c.checkRules(s, &cfg, &checking{mail: p.Mail, format: p.Format, activate: p.Activate, pulled: m})
	if !errors.Is(err, feed.ErrNothing) {
		return err
	}
	if p.Format == "text" {
		c.printf("Already active; nothing to do.\n")
	}
	return nil
}

type rulesActivateCmd struct {
	Name    string `help:"Feed to which --version applies."`
	Version string `help:"A version that is kept, by its first digits, as \"outrider rules status\" shows it."`
	Mail    string `type:"path" help:"Back-test: evaluate this mail with the old and the new rules and show the differences."`
	DryRun  bool   `help:"Show what would change; activate nothing."`
	Format  string `enum:"text,json" default:"text" help:"text or json."`
}

// Run checks and activates.
func (a *rulesActivateCmd) Run(c *cli) error {
	s, cfg, err := c.rulesToChange()
	if err != nil {
		return err
	}
	if (a.Name == "") != (a.Version == "") {
		return errors.New("--name and --version belong together")
	}
	if a.Name != "" {
		if _, err := s.Stage(a.Name, a.Version); err != nil {
			return err
		}
	}
	return c.checkRules(s, &cfg, &checking{mail: a.Mail, format: a.Format, activate: !a.DryRun})
}

// checking is how new rules are looked at.
type checking struct {
	mail, format string
	activate     bool
	pulled       *feed.Pulled // just now, or nil
}

// checkReport is what is printed of it as JSON.
type checkReport struct {
	Pulled *feed.Manifest `json:"pulled,omitempty"`
	*feed.Check

	Active bool `json:"active"` // whether the next rules run now
}

// checkRules shows what would change, and activates it where that is asked for. Where nothing
// would, it says so by feed.ErrNothing.
func (c *cli) checkRules(s *feed.Store, cfg *config.Config, how *checking) error {
	check, err := s.Check(c.ctx, c.plan(cfg, how.mail))
	nothing := errors.Is(err, feed.ErrNothing)
	if err != nil && !nothing {
		return err
	}
	if how.format == "text" && !nothing {
		c.showCheck(check)
	}
	if !nothing {
		err = check.Err()
	}
	if err == nil && how.activate {
		err = s.Activate(check)
	}
	if how.format == "json" {
		return errors.Join(c.json(how.report(check, nothing || how.activate && err == nil)), err)
	}
	c.showPruned(check.Pruned)
	switch {
	case err != nil:
	case how.activate:
		c.printf("active     %s\n", check.Next)
		c.note("a running gateway uses these rules after SIGHUP")
	default:
		c.printf("Staged, not active yet. To activate it:\n  %s rules activate\n", c.program())
	}
	return err
}

func (k *checking) report(check *feed.Check, active bool) *checkReport {
	r := &checkReport{Check: check, Active: active}
	if k.pulled != nil {
		r.Pulled = k.pulled.Manifest
		check.Pruned = slices.Concat(k.pulled.Pruned, check.Pruned)
	}
	return r
}

// showPruned prints which old versions were removed.
func (c *cli) showPruned(gone []*feed.Manifest) {
	if len(gone) == 0 {
		return
	}
	names := make([]string, 0, len(gone))
	for _, m := range gone {
		names = append(names, m.Name+" "+m.Short())
	}
	c.printf("pruned     %s: old versions\n", clip(strings.Join(names, ", "), 400))
}

// maxShown is how many changes of each kind are listed.
const maxShown = 15

// showCheck prints what would change.
func (c *cli) showCheck(k *feed.Check) {
	c.printf("rules      %s, of which %s can run\n", grouped(k.Rules), grouped(k.Runs))
	for _, part := range []struct {
		what, sign string
		list       []feed.Change
	}{{"added", "+", k.Added}, {"changed", "~", k.Changed}, {"removed", "-", k.Removed}, {"invalid", "!", k.Invalid}} {
		if len(part.list) == 0 {
			continue
		}
		c.printf("%-10s %s\n", part.what, grouped(len(part.list)))
		for _, ch := range part.list[:min(len(part.list), maxShown)] {
			c.printf("  %s %-36s  %s%s\n", part.sign, clip(ch.ID, 60), clip(ch.Name, 90), because(ch.What))
		}
		if more := len(part.list) - maxShown; more > 0 {
			c.printf("  … and %s more\n", grouped(more))
		}
	}
	if k.Back != nil {
		c.showBackTest(k.Back)
	}
}

func because(what []string) string {
	if len(what) == 0 {
		return ""
	}
	return " (" + clip(strings.Join(what, ", "), 200) + ")"
}

// showBackTest prints what the new rules say otherwise of known mail.
func (c *cli) showBackTest(b *feed.BackTest) {
	c.printf("mail       %s messages: %s matches before, %s after", grouped(b.Messages), grouped(b.Before), grouped(b.After))
	if b.Failed > 0 {
		c.printf(", %s failures", grouped(b.Failed))
	}
	if b.Unread > 0 {
		c.printf(", %s files could not be read", grouped(b.Unread))
	}
	c.printf("\n")
	for _, d := range b.Rules[:min(len(b.Rules), maxShown)] {
		c.printf("  %6s  %6s  %s, as on %s\n", fmt.Sprintf("+%d", d.Gained), fmt.Sprintf("-%d", d.Lost), clip(d.Name, 90), clip(d.Examples[0], 120))
	}
	if more := len(b.Rules) - maxShown; more > 0 {
		c.printf("  … and %s rules more\n", grouped(more))
	}
}
