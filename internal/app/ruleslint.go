package app

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"outrider/internal/config"
	"outrider/internal/durable"
	"outrider/internal/rule"
	"outrider/internal/rule/feed"
)

type rulesLintCmd struct {
	Paths   []string `arg:"" optional:"" help:"Rule files or directories. Default: the active rules."`
	ShortOf string   `enum:",strict" default:"" placeholder:"strict" help:"Also list rules that need a model, a browser or a list that is not available."`
	Format  string   `enum:"text,json" default:"text" help:"text or json."`
}

// Run checks and counts, and fails where a rule is wrong.
func (l *rulesLintCmd) Run(c *cli) error {
	s, cfg, err := c.rules()
	if err != nil {
		return err
	}
	a, err := c.active(s)
	if err != nil {
		return err
	}
	lists := rule.Chain{feed.AllOrgLists(cfg.Tenants)}
	if len(l.Paths) > 0 {
		lists = append(lists, a.Lists)
		if a, err = readPaths(l.Paths); err != nil {
			return err
		}
	}
	if len(a.Feeds) == 0 {
		return errors.New("there are no active rules: name a directory, or fetch some with \"outrider rules pull\"")
	}
	if extra, err := ownLists(&cfg); err != nil {
		return err
	} else if extra != nil {
		lists = append(lists, extra)
	}
	found := feed.Examine(rule.NewSchema(), a, lists)
	if l.Format == "json" {
		err = c.json(found)
	} else {
		c.showLint(found, l.ShortOf != "")
	}
	if err == nil && len(found.Faults) > 0 {
		return ExitError(1)
	}
	return err
}

// ownLists reads the lists of the configuration as they are now, or nil.
func ownLists(cfg *config.Config) (rule.Lists, error) {
	if cfg.Rules.Lists == "" {
		return nil, nil //nolint:nilnil // nil is no lists
	}
	f, err := feed.Load(feed.OwnLists, os.DirFS(cfg.Rules.Lists))
	if err != nil {
		return nil, fmt.Errorf("reading rules.lists: %w", err)
	}
	return f.Lists, nil
}

// readPaths reads rules that are in no store.
func readPaths(paths []string) (*feed.Active, error) {
	var feeds []*feed.Feed
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("reading rules: %w", err)
		}
		dir, from := p, os.DirFS(p)
		if !info.IsDir() {
			dir, from = filepath.Dir(p), only{os.DirFS(filepath.Dir(p)), filepath.Base(p)}
		}
		f, err := feed.Load(filepath.Clean(p), from)
		if err != nil {
			return nil, err
		}
		f.Rebase(filepath.ToSlash(dir))
		feeds = append(feeds, f)
	}
	return feed.Merge(feeds, nil), nil
}

// only is a directory of which one file is seen.
type only struct {
	fs.FS

	name string
}

// ReadDir lists the file.
func (o only) ReadDir(dir string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(o.FS, dir)
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool { return e.Name() != o.name }), err
}

// showLint prints what is to be said.
func (c *cli) showLint(l *feed.Lint, short bool) {
	c.printf("%s of %s parse and check\n", grouped(l.Checked), grouped(l.Rules))
	for _, part := range []struct {
		what string
		list []feed.Fault
	}{{"Faults", l.Faults}, {"Warnings", l.Warnings}} {
		if len(part.list) == 0 {
			continue
		}
		c.printf("\n%s\n", part.what)
		for i := range part.list {
			c.printf("  %s\n", clip(part.list[i].String(), 400))
		}
	}
	if len(l.Lists) > 0 {
		c.printf("\nMissing lists\n  %5s  %-12s  %s\n", "RULES", "FROM", "LIST")
		for _, w := range l.Lists {
			c.printf("  %5s  %-12s  $%s\n", grouped(w.Rules), w.From, clip(w.Name, 80))
		}
	}
	if l.Detect > 0 {
		c.showCoverage(l)
	}
	if short {
		c.printf("\nRules that need more than history, whois, attachments, QR codes and text in pictures\n")
		for _, r := range l.ShortOf {
			c.printf("  %-36s  %s\n  %36s  needs %s%s\n", clip(r.ID, 60), clip(r.Name, 100), "", strings.Join(r.Missing, ", "), map[bool]string{true: "; can match without"}[r.CanFire])
		}
	}
}

func (c *cli) showCoverage(l *feed.Lint) {
	c.printf("\n%s detection rules, by what they need\n", grouped(l.Detect))
	for _, w := range l.Needs {
		c.printf("  %5s  %s\n", grouped(w.Rules), w.Name)
	}
	c.printf("\nWith each capability and those above it\n  %-20s  %6s  %6s  %9s\n", "", "STRICT", "", "CAN MATCH")
	for _, t := range l.Coverage {
		c.printf("  %-20s  %6s  %5.1f%%  %9s\n", t.Name, grouped(t.Strict), 100*float64(t.Strict)/float64(l.Detect), grouped(t.CanFire))
	}
	c.printf("STRICT: everything the rule names is available. CAN MATCH: it can match with null for what is missing.\n")
}

type rulesFmtCmd struct {
	Paths []string `arg:"" help:"Rule files or directories."`
	Check bool     `help:"List files that are not formatted and exit with 1 if there are any; write nothing." xor:"what"`
	Write bool     `short:"w" help:"Write the result back to the files." xor:"what"`
}

// Run formats.
func (f *rulesFmtCmd) Run(c *cli) error {
	files, err := ruleFiles(f.Paths)
	if err != nil {
		return err
	}
	differ, bad := 0, 0
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("formatting: %w", err)
		}
		out, err := feed.Format(path, raw)
		if err != nil {
			bad++
			_, _ = fmt.Fprintf(c.errOut, "%v\n", err)
			continue
		}
		same := bytes.Equal(raw, out)
		if !same {
			differ++
		}
		if err := f.emit(c, path, out, same); err != nil {
			return err
		}
	}
	if bad > 0 || f.Check && differ > 0 {
		return ExitError(1)
	}
	return nil
}

func (f *rulesFmtCmd) emit(c *cli, path string, out []byte, same bool) error {
	switch {
	case !f.Check && !f.Write:
		c.printf("%s", out)
	case same:
	case f.Check:
		c.printf("%s\n", path)
	default:
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("formatting: %w", err)
		}
		if err := durable.Write(path, out, info.Mode().Perm()); err != nil {
			return err
		}
		c.printf("%s\n", path)
	}
	return nil
}

// ruleFiles lists the YAML files below some paths, each once.
func ruleFiles(paths []string) ([]string, error) {
	found := make(map[string]bool)
	for _, p := range paths {
		err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return fmt.Errorf("formatting: %w", err)
			}
			ext := filepath.Ext(path)
			if d.Type().IsRegular() && (path == p || ext == ".yml" || ext == ".yaml") {
				found[path] = true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}
