package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"outrider/internal/attachment"
	"outrider/internal/config"
	"outrider/internal/detect"
	"outrider/internal/evidence"
	"outrider/internal/mailbox/file"
	"outrider/internal/message"
	"outrider/internal/rule"
	"outrider/internal/rule/example"
	"outrider/internal/rule/feed"
	"outrider/internal/rule/schema"
)

// shelf is the rules that authors work with: those that are active, and files of their own.
type shelf struct {
	schema *rule.Schema
	rules  []*rule.Rule
	set    *rule.Set    // lists and settings that the rules run with
	files  *feed.Active // what files are compared with; no rules
}

func (c *cli) shelf() (*shelf, config.Config, error) {
	store, cfg, err := c.rules()
	if err != nil {
		return nil, cfg, err
	}
	a, err := c.active(store)
	if err != nil {
		return nil, cfg, err
	}
	s := &shelf{schema: rule.NewSchema(), rules: slices.Concat(a.Rules, a.Off), set: newRuleSet(&cfg, a, noRules(), opensFiles)}
	s.files = &feed.Active{Patterns: a.Patterns}
	return s, cfg, nil
}

// find returns the rule that a file holds, or that an id or a name means.
func (s *shelf) find(what string) (*rule.Rule, error) {
	if ext := filepath.Ext(what); ext == ".yml" || ext == ".yaml" {
		return readRule(what)
	}
	var found []*rule.Rule
	for _, r := range s.rules {
		if r.ID == what || r.Name == what {
			return r, nil
		}
		if strings.Contains(strings.ToLower(r.Name), strings.ToLower(what)) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("finding the rule: none of %d matches %q; give a file, an id or a part of a name", len(s.rules), what)
	default:
		return nil, fmt.Errorf("finding the rule: %d match %q, such as %q and %q", len(found), what, found[0].Name, found[1].Name)
	}
}

// readRule reads the rule in a file.
func readRule(path string) (*rule.Rule, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the person at the command line names it
	if err != nil {
		return nil, fmt.Errorf("reading the rule: %w", err)
	}
	r, err := feed.Parse(raw)
	if err == nil && r == nil {
		err = errors.New("it has neither a source nor a type")
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return r, nil
}

type rulesExplainCmd struct {
	Rule   string `arg:"" help:"Rule id, part of a rule name, or a YAML file."`
	File   string `arg:"" help:"Message file."`
	Deep   bool   `help:"Also render PDF pages and run OCR on images."`
	AskDNS bool   `name:"ask-dns" help:"Query DNS and domain registries (RDAP) now."`
	Format string `enum:"text,json" default:"text" help:"text or json."`
}

// Run explains one rule on the first message of a file.
func (x *rulesExplainCmd) Run(c *cli) error {
	s, cfg, err := c.shelf()
	if err != nil {
		return err
	}
	r, err := s.find(x.Rule)
	if err != nil {
		return err
	}
	explainer, err := rule.NewExplainer(s.schema, r)
	if err != nil {
		return err
	}
	o, err := c.offline(&cfg, newRuleBase(s.files, ""), x.Deep, x.AskDNS)
	if err != nil {
		return err
	}
	defer o.close()
	for item, err := range file.Read(os.Stdin, x.File) {
		if err != nil {
			return fmt.Errorf("reading the message: %w", err)
		}
		if x.Deep {
			s.set.Have |= schema.OCR
		}
		in, err := o.input(c.ctx, item.Raw, s.set)
		if err != nil {
			return err
		}
		result, tree := explainer.Explain(c.ctx, in)
		if x.Format == "json" {
			return c.json(map[string]any{"rule": r.ID, "name": r.Name, "outcome": result.Outcome, "missing": result.Missing.Names(), "conditions": tree})
		}
		c.printf("%s: %s%s\n\n", r.Name, c.outcome(result.Outcome), waitsFor(&result))
		c.tree(tree, 0)
		return nil
	}
	return fmt.Errorf("reading the message: %s holds none", x.File)
}

// waitsFor names what an outcome waits for.
func waitsFor(r *rule.Result) string {
	switch {
	case r.Err != nil:
		return ": " + r.Err.Error()
	case r.Outcome == rule.Indeterminate && len(r.Lists) > 0:
		return ", for want of " + r.Missing.String() + ": " + strings.Join(r.Lists, ", ")
	case r.Outcome == rule.Match && r.Missing != 0:
		return ", without knowing " + r.Missing.String()
	case r.Outcome == rule.Indeterminate:
		return ", for want of " + r.Missing.String()
	default:
		return ""
	}
}

// input evaluates a message without detectors, and returns what rules may ask about it.
func (o *offline) input(ctx context.Context, raw []byte, set *rule.Set) (*rule.Input, error) {
	in, _, err := o.evidence(ctx, raw, set)
	return in, err
}

// evidence is input with all that is known of the message.
func (o *offline) evidence(ctx context.Context, raw []byte, set *rule.Set) (*rule.Input, *evidence.Evidence, error) {
	settings := *o.settings
	settings.Engine = detect.New(detect.Default())
	received := &message.Received{ID: message.NewID(time.Now()), Source: message.SourceFile, At: time.Now(), Body: message.NewBody(raw)}
	d := addressee(settings.Directory, raw, received)
	j, err := o.judge.Inline(ctx, &settings, received, raw, d)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the message: %w", err)
	}
	if j.Evidence == nil {
		return nil, nil, errors.New("reading the message: this configuration does not evaluate it")
	}
	in := set.Input(j.Evidence)
	if j.Evidence.Tenant == nil {
		in.Lists = rule.Chain{o.nobody, in.Lists}
	}
	// The evaluation is over, and its deadline with it: files are opened with a context of their own.
	in.Open = func(files []attachment.Input) []*attachment.Report { return o.judge.Open(ctx, files) }
	return in, j.Evidence, nil
}

func (c *cli) outcome(o rule.Outcome) string { return c.screen.paint(outcomeStyle(o), string(o)) }

func outcomeStyle(o rule.Outcome) style {
	return map[rule.Outcome]style{rule.Match: alarm, rule.Indeterminate: yellow, rule.Failed: alarm}[o]
}

// marks are what is before a condition.
var marks = map[rule.Truth]string{rule.True: "+", rule.False: "-", rule.Unknown: "?", rule.Uncomputed: " "}

// tree prints the conditions of a rule: + holds, - does not, ? is unknown, and nothing
// is before what was not computed, because another condition had decided.
func (c *cli) tree(e *rule.Explanation, depth int) {
	indent := strings.Repeat("  ", depth)
	text := clip(e.Text, max(40, 150-2*depth))
	if e.Operator != "" {
		text = e.Operator
	}
	line := fmt.Sprintf("%s%s %s", indent, marks[e.Truth], text)
	if e.Elements > 1 {
		line += fmt.Sprintf("   [%d of %d]", e.True, e.Elements)
	}
	if len(e.Missing) > 0 {
		line += "   (needs " + strings.Join(e.Missing, ", ") + ")"
	}
	c.printf("%s\n", c.truth(e.Truth, line))
	for _, v := range e.Values {
		c.printf("%s      %s is %s\n", indent, clip(v.Path, 100), clip(v.Value, 250))
	}
	for _, p := range e.Parts {
		c.tree(p, depth+1)
	}
}

func (c *cli) truth(t rule.Truth, line string) string {
	return c.screen.paint(map[rule.Truth]style{rule.True: green, rule.Unknown: yellow, rule.Uncomputed: dim}[t], line)
}

type rulesTestCmd struct {
	Paths   []string `arg:"" help:"Example files (.txtar) or directories."`
	Verbose bool     `short:"v" help:"Show every message, and explain unexpected results."`
}

// Run tests rules on their examples. The exit code is 1 where one fails.
func (t *rulesTestCmd) Run(c *cli) error {
	s, cfg, err := c.shelf()
	if err != nil {
		return err
	}
	workers, err := newWorkers(&cfg, s.files, false, quietLog(c))
	if err != nil {
		return err
	}
	defer func() { _ = workers.Close() }() // nothing of theirs is kept
	open := opener(workers, quietLog(c))
	around := &example.Around{Schema: s.schema, Lists: s.set.Lists, Have: opensFiles, Open: func(files []attachment.Input) []*attachment.Report {
		return open(c.ctx, files)
	}}
	paths, err := exampleFiles(t.Paths)
	if err != nil {
		return err
	}
	messages, failed := 0, 0
	for _, p := range paths {
		n, bad, err := t.one(c, s, around, p)
		if err != nil {
			c.printf("FAIL  %s: %v\n", p, err)
			bad = max(bad, 1)
		}
		messages, failed = messages+n, failed+bad
	}
	c.printf("%d messages of %d files, %d failed\n", messages, len(paths), failed)
	if failed > 0 {
		return ExitError(1)
	}
	return nil
}

func exampleFiles(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (filepath.Ext(path) == ".txtar" || path == p) {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("finding examples: %w", err)
		}
	}
	return out, nil
}

func (t *rulesTestCmd) one(c *cli, s *shelf, around *example.Around, path string) (messages, failed int, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, fmt.Errorf("reading examples: %w", err)
	}
	f, err := example.Parse(raw)
	if err != nil {
		return 0, 0, err
	}
	r, err := s.ruleOf(f)
	if err != nil {
		return 0, 0, err
	}
	outcomes, err := f.Run(c.ctx, r, around)
	if err != nil {
		return 0, 0, err
	}
	for i := range outcomes {
		o := &outcomes[i]
		if !o.OK() {
			failed++
			c.printf("FAIL  %s: %s is %s%s, want %s\n", path, o.Message.Name, o.Got.Outcome, waitsFor(&o.Got), o.Message.Want)
			if t.Verbose {
				c.tree(o.Tree, 1)
			}
		} else if t.Verbose {
			c.printf("ok    %s: %s is %s%s\n", path, o.Message.Name, o.Got.Outcome, waitsFor(&o.Got))
		}
	}
	return len(outcomes), failed, nil
}

func (s *shelf) ruleOf(f *example.File) (*rule.Rule, error) {
	if f.Rule == "" {
		return s.find(f.ID)
	}
	r, err := feed.Parse([]byte(f.Rule))
	if err == nil && r == nil {
		err = errors.New("the section has no rule")
	}
	return r, err
}

// quietLog logs errors alone: the results are what the command prints.
func quietLog(c *cli) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.errOut, &slog.HandlerOptions{Level: slog.LevelError}))
}
