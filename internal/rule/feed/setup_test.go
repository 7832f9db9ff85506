package feed_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/rule"
	"outrider/internal/rule/feed"
)

// ruleFile returns the YAML of a rule whose id is made from a number.
func ruleFile(id int, source string) string {
	return fmt.Sprintf("name: \"Rule %d\"\ntype: \"rule\"\nseverity: \"medium\"\nsource: |\n  %s\nid: \"%s\"\n",
		id, strings.ReplaceAll(source, "\n", "\n  "), ruleID(id))
}

func ruleID(id int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", id) }

// tree is the files of a feed by path.
type tree map[string]string

// with returns the tree with some files changed; "" removes one.
func (t tree) with(changes tree) tree {
	out := maps.Clone(t)
	for p, text := range changes {
		out[p] = text
		if text == "" {
			delete(out, p)
		}
	}
	return out
}

// write writes a tree below a new directory.
func (t tree) write(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	for p, text := range t {
		full := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// small is a feed of three rules, one list and one file of YARA rules.
var small = tree{
	"rules/one.yml":     ruleFile(1, "type.inbound\nand strings.icontains(subject.subject, \"invoice\")"),
	"rules/two.yml":     ruleFile(2, "sender.email.domain.domain in $colours"),
	"rules/three.yml":   ruleFile(3, "length(body.links) > 3"),
	"lists/colours.txt": "red.example\nblue.example\n",
	"yara/a.yara":       "rule a { condition: true }",
	"LICENSE":           "MIT",
	"README.md":         "not kept",
}

// store is a store in a new directory.
type store struct {
	*feed.Store

	tb  testing.TB
	dir string
}

func newStore(tb testing.TB) *store {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "rules")
	s, err := feed.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return &store{s, tb, dir}
}

// plan is a plan without directories of the customer's own.
func plan() feed.Plan { return feed.Plan{MaxInvalid: 0.05, Schema: rule.NewSchema()} }

func (s *store) pull(location string) *feed.Manifest {
	s.tb.Helper()
	m, err := s.Pull(context.Background(), feed.Source{Name: "public", Location: location})
	if err != nil {
		s.tb.Fatal(err)
	}
	return m.Manifest
}

func (s *store) activate(p feed.Plan) *feed.Check {
	s.tb.Helper()
	c, err := s.Check(context.Background(), p)
	if err != nil {
		s.tb.Fatal(err)
	}
	if err := s.Activate(c); err != nil {
		s.tb.Fatal(err)
	}
	return c
}

func (s *store) active() *feed.Active {
	s.tb.Helper()
	a, err := s.Active()
	if err != nil {
		s.tb.Fatal(err)
	}
	return a
}

// ids returns the ids of rules, shortened to their numbers.
func ids(rules []*rule.Rule) string {
	var out []string
	for _, r := range rules {
		out = append(out, strings.TrimLeft(r.ID[strings.LastIndexByte(r.ID, '-')+1:], "0"))
	}
	return strings.Join(out, " ")
}
