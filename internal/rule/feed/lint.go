package feed

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp/syntax"
	"slices"
	"strings"

	"outrider/internal/rule"
	rulesyntax "outrider/internal/rule/syntax"
)

// Fault is an error in a rule or a file.
type Fault struct {
	Feed    string `json:"feed"`
	Path    string `json:"path"`
	Line    int    `json:"line,omitempty"`   // from 1; 0 for the whole file
	Column  int    `json:"column,omitempty"` // in characters, from 1
	Rule    string `json:"rule,omitempty"`   // id
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// String is "path:line:column: message (hint)".
func (f *Fault) String() string {
	out := f.Path
	if f.Line > 0 {
		out += fmt.Sprintf(":%d:%d", f.Line, f.Column)
	}
	out += ": " + f.Message
	if f.Hint != "" {
		out += " (" + f.Hint + ")"
	}
	return out
}

// Lint is a report on a set of rules.
type Lint struct {
	Rules    int     `json:"rules"`
	Checked  int     `json:"checked"` // rules without a fault
	Faults   []Fault `json:"faults"`
	Warnings []Fault `json:"warnings"`
	// Lists are missing lists, with the number of rules that use them.
	Lists []Want `json:"missing_lists"`
	// Needs counts detection rules by the capability they need.
	Needs    []Want  `json:"needs"`
	Detect   int     `json:"detection_rules"`
	Coverage []Tier  `json:"coverage"`
	ShortOf  []Short `json:"short_of_strict"`
}

// Want is the number of rules that need something.
type Want struct {
	Name  string `json:"name"`
	Rules int    `json:"rules"`
	// From is the source of a list: published, organisation, history, or unknown.
	From string `json:"from,omitempty"`
}

// linter collects the report.
type linter struct {
	schema   *rule.Schema
	have     func(name string) bool
	out      Lint
	coverage *coverage
	lists    map[string]int
	ids      map[string]*rule.Rule
}

// Examine checks the rules of feeds. lists are available in addition to the feeds' own,
// such as those of OrgLists.
func Examine(s *rule.Schema, a *Active, lists rule.Lists) *Lint {
	l := &linter{schema: s, lists: make(map[string]int), ids: make(map[string]*rule.Rule)}
	chain := rule.Chain{lists, a.Lists}
	l.have = func(name string) bool { return chain.List(name) != nil }
	l.coverage = newCoverage(func(name string) bool { return l.have(name) || isPublicList(name) })
	for _, f := range a.Feeds {
		l.feed(f)
	}
	l.shadowed(a)
	l.overrides(a)
	l.out.Lists = l.wants(l.lists, l.origin)
	l.out.Needs = l.wants(l.coverage.needs, func(string) string { return "" })
	l.out.Coverage, l.out.ShortOf = l.coverage.tiers, l.coverage.short
	return &l.out
}

func (l *linter) feed(f *Feed) {
	for _, p := range f.Problems {
		l.out.Rules++
		l.out.Faults = append(l.out.Faults, Fault{Feed: f.Name, Path: f.named(p.Path), Message: p.Err.Error()})
	}
	for _, p := range f.Ignored {
		l.warn(f, &rule.Rule{Path: p}, "this list is not used", "only the organisation can fill it: put it into the directory of rules.lists, or into the configuration")
	}
	for _, r := range f.Rules {
		l.out.Rules++
		l.rule(f, r)
	}
}

func (l *linter) warn(f *Feed, r *rule.Rule, message, hint string) {
	l.out.Warnings = append(l.out.Warnings, Fault{Feed: f.Name, Path: f.named(r.Path), Rule: r.ID, Message: message, Hint: hint})
}

func (l *linter) rule(f *Feed, r *rule.Rule) {
	uses, err := rule.Analyze(l.schema, r)
	if err != nil {
		l.out.Faults = append(l.out.Faults, faults(f, r, err)...)
		return
	}
	l.out.Checked++
	e, err := rulesyntax.Parse(r.Source)
	if err != nil { // it was parsed above
		return
	}
	for _, name := range uses.Lists {
		if !l.have(name) {
			l.lists[name]++
		}
		if !l.have(name) && !isPublicList(name) {
			l.warn(f, r, "there is no list $"+name, "the rule stays undecided without it")
		}
	}
	if n := instructions(e.Root); n > maxInstructions {
		l.warn(f, r, fmt.Sprintf("its regular expressions have %d instructions", n), "matching takes long; split the rule or shorten repetitions such as {1,1000}")
	}
	if r.Severity != "" && !slices.Contains(Severities(), r.Severity) {
		l.warn(f, r, fmt.Sprintf("severity %q is not known", r.Severity), "use one of "+strings.Join(Severities(), ", "))
	}
	if r.Kind == rule.Detection && f.detects(r) {
		l.out.Detect++
		l.coverage.add(r, e.Root, uses)
	}
}

// detects reports whether the tables count a rule: the public feed has rules for searches
// in separate directories.
func (f *Feed) detects(r *rule.Rule) bool {
	for _, dir := range []string{"discovery-rules/", "dlp-discovery-rules/"} {
		if strings.HasPrefix(r.Path, dir) || strings.Contains(r.Path, "/"+dir) {
			return false
		}
	}
	return true
}

// faults sets the file positions of the errors of a rule.
func faults(f *Feed, r *rule.Rule, err error) []Fault {
	var raw []byte
	if f.from != nil {
		raw, _ = content(f.from, r.Path, maxRuleFile) // without it the position is 1:1
	}
	list, ok := errors.AsType[rule.FaultsError](err)
	if !ok {
		e, ok := errors.AsType[*rulesyntax.Error](err)
		if !ok {
			return []Fault{{Feed: f.Name, Path: f.named(r.Path), Rule: r.ID, Message: err.Error()}}
		}
		list = rule.FaultsError{e}
	}
	out := make([]Fault, 0, len(list))
	for _, e := range list {
		line, column := place(raw, r.Source, e.At)
		out = append(out, Fault{f.Name, f.named(r.Path), line, column, r.ID, e.Message, e.Hint})
	}
	return out
}

// shadowed reports rules that are replaced by another with their id.
func (l *linter) shadowed(a *Active) {
	owner := make(map[string]*rule.Rule)
	for _, r := range slices.Concat(a.Rules, a.Off) {
		owner[r.ID] = r
	}
	for _, r := range a.Shadowed {
		o := owner[r.ID]
		l.out.Warnings = append(l.out.Warnings, Fault{
			Feed: r.Feed, Path: r.Path, Rule: r.ID, Message: fmt.Sprintf("%s of feed %s has the same id and runs instead", o.Path, o.Feed), Hint: "give it an id of its own if both are to run",
		})
	}
}

// overrides reports overrides of missing rules.
func (l *linter) overrides(a *Active) {
	known := byID(a)
	for _, id := range slices.Sorted(maps.Keys(a.Overrides)) {
		if known[id] == nil {
			l.out.Warnings = append(l.out.Warnings, Fault{Path: overrideFile, Rule: id, Message: "no rule has the id " + id, Hint: "outrider rules override --reset " + id})
		}
	}
}

// origin returns the source of a list.
func (l *linter) origin(name string) string {
	switch {
	case historical[name]:
		return "history"
	case organisational[name]:
		return "organisation"
	case isPublicList(name):
		return "published"
	default:
		return "unknown"
	}
}

func (l *linter) wants(counts map[string]int, from func(string) string) []Want {
	out := make([]Want, 0, len(counts))
	for name, n := range counts {
		out = append(out, Want{name, n, from(name)})
	}
	slices.SortFunc(out, func(a, b Want) int { return cmp.Or(cmp.Compare(b.Rules, a.Rules), strings.Compare(a.Name, b.Name)) })
	return out
}

// maxInstructions is the size of a rule's regular expressions from which lint warns: about
// ten times that of the largest rule of the public feed that is not a table.
const maxInstructions = 50_000

// instructions counts those of the literal regular expressions of a rule.
func instructions(root rulesyntax.Node) (n int) {
	rulesyntax.Walk(root, func(node rulesyntax.Node) bool {
		call, ok := node.(*rulesyntax.Call)
		if !ok || !strings.HasPrefix(call.Function, "regex.") {
			return true
		}
		for _, a := range call.Args[min(1, len(call.Args)):] {
			text, ok := a.(*rulesyntax.Literal)
			if !ok {
				continue
			}
			if re, err := syntax.Parse(text.Text, syntax.Perl); err == nil {
				if prog, err := syntax.Compile(re.Simplify()); err == nil {
					n += len(prog.Inst)
				}
			}
		}
		return true
	})
	return n
}
