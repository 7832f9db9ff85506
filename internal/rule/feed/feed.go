// Package feed manages collections of rules and lists: the public feed, and the customer's
// own.
//
// A rule is a YAML file with its name, its purpose, and its source; a list is a file of one
// entry per line, or a table whose last column is the entry. A file that cannot be read is
// reported and left out; the others are read. A Store pulls feeds from directories,
// archives and git repositories, keeps their versions, reports the changes of a new one,
// and activates it atomically; Examine checks and counts rules.
//
// Standards: YAML 1.2, as far as the feed uses it; tar, zip, gzip (RFC 1952) and Zstandard
// (RFC 8878); the smart HTTP protocol of git, version 0.
//
// Limits: 2 MiB per rule, 64 MiB per list, 20,000 rules; those on pulled data are in
// collect.go.
package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"outrider/internal/rule"
)

// Bounds of a feed.
const (
	maxRuleFile = 2 << 20
	maxListFile = 64 << 20
	maxRules    = 20_000
)

// lessons is the directory of exercises for authors in the public feed.
const lessons = "tutorial-files"

// Feed is a collection of rules.
type Feed struct {
	Name     string
	Rules    []*rule.Rule      // in the order of their paths
	Patterns map[string]string // files of YARA rules, by path
	Lists    rule.Named
	Problems []Problem // files that could not be read
	Ignored  []string  // paths of lists that only the organisation itself can fill

	from fs.FS
	base string // prefix of all paths, for display
}

// Rebase sets the directory of the feed, so that lint shows paths that users can open.
func (f *Feed) Rebase(dir string) { f.base = dir }

// named returns a path for display.
func (f *Feed) named(p string) string { return path.Join(f.base, p) }

// Problem is a file that could not be read.
type Problem struct {
	Path string
	Err  error
}

// entity is the YAML file of a rule.
type entity struct {
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Type        string   `yaml:"type"`
	Severity    string   `yaml:"severity"`
	Source      any      `yaml:"source"`
	AttackTypes []string `yaml:"attack_types"`
	Tactics     []string `yaml:"tactics_and_techniques"`
	Methods     []string `yaml:"detection_methods"`
	Tags        []string `yaml:"tags"`
	References  []string `yaml:"references"`
	ID          string   `yaml:"id"`
}

// Load reads all rules, YARA files and lists below the root of a file system.
func Load(name string, from fs.FS) (*Feed, error) {
	f := &Feed{Name: name, Patterns: make(map[string]string), Lists: make(rule.Named), from: from}
	err := fs.WalkDir(from, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(path.Base(p), ".") || path.Base(p) == lessons) {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		if err := f.read(from, p); err != nil {
			f.Problems = append(f.Problems, Problem{p, err})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading feed %s: %w", name, err)
	}
	return f, nil
}

func (f *Feed) read(from fs.FS, p string) error {
	switch path.Ext(p) {
	case ".yml", ".yaml":
		return f.readRule(from, p)
	case ".yara", ".yar":
		raw, err := content(from, p, maxRuleFile)
		f.Patterns[p] = string(raw)
		return err
	case ".txt", ".csv":
		return f.readList(from, p)
	default:
		return nil
	}
}

// content reads a file up to a bound.
func content(from fs.FS, p string, most int64) ([]byte, error) {
	file, err := from.Open(p)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", p, err)
	}
	defer file.Close() //nolint:errcheck // it was read only
	raw, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", p, err)
	}
	if int64(len(raw)) > most {
		return nil, fmt.Errorf("reading %s: it is larger than %d bytes", p, most)
	}
	return raw, nil
}

func (f *Feed) readRule(from fs.FS, p string) error {
	raw, err := content(from, p, maxRuleFile)
	if err != nil {
		return err
	}
	r, err := Parse(raw)
	if err != nil {
		return fmt.Errorf("reading %s: %w", p, err)
	}
	if r == nil {
		return nil
	}
	if len(f.Rules) == maxRules {
		return fmt.Errorf("reading %s: there are more than %d rules", p, maxRules)
	}
	r.Path, r.Feed = p, f.Name
	f.Rules = append(f.Rules, r)
	return nil
}

var errNoSource = errors.New("it has no source")

// Parse parses the YAML of one rule. Other YAML files yield nil.
func Parse(raw []byte) (*rule.Rule, error) {
	var e entity
	if err := yaml.NewDecoder(bytes.NewReader(raw)).Decode(&e); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading YAML: %w", err)
	}
	if e.Source == nil && e.Type == "" {
		return nil, nil //nolint:nilnil // as documented
	}
	// "source: true" is a YAML bool and a rule expression.
	source := strings.TrimSpace(fmt.Sprint(e.Source))
	if e.Source == nil || source == "" {
		return nil, errNoSource
	}
	kind := rule.Kind(e.Type)
	if kind == "" {
		kind = rule.Detection
	}
	return &rule.Rule{
		ID: e.ID, Name: e.Name, Description: strings.TrimSpace(e.Description), Kind: kind, Severity: e.Severity, Source: source,
		AttackTypes: e.AttackTypes, Tactics: e.Tactics, Methods: e.Methods, Tags: e.Tags, References: e.References,
	}, nil
}

// readList reads a list. Its name is the file name without the extension.
func (f *Feed) readList(from fs.FS, p string) error {
	raw, err := content(from, p, maxListFile)
	if err != nil {
		return err
	}
	name, ok := listName(p)
	if !ok {
		return nil
	}
	if organisational[name] && f.Name != OwnLists {
		f.Ignored = append(f.Ignored, p) // published empty, which would mean that there are none
		return nil
	}
	lines := entries(string(raw), path.Ext(p) == ".csv")
	if name == vips {
		f.Lists[name], err = people(lines)
		return err
	}
	f.Lists[name] = rule.NewList(lines)
	return nil
}

// published maps file names to the different names that rules use.
var published = map[string]string{
	"tranco_top_10k": "tranco_10k", "tranco_top_50k": "tranco_50k", "tranco_top_1m": "tranco_1m", "tranco": "tranco_1m",
	"umbrella_top_1m": "umbrella_1m", "umbrella_top_1m_tld": "umbrella_1m_tld", "alexa_top_1m": "alexa_1m",
	"abuse_ch_urlhaus_domains": "abuse_ch_urlhaus_domains_trusted_reporters",
}

// listName returns the name that rules use. Names are words; other files are no lists.
func listName(p string) (string, bool) {
	base := path.Base(p)
	name := strings.TrimSuffix(base, path.Ext(base))
	if n, ok := published[name]; ok {
		return n, true
	}
	word := strings.TrimFunc(name, func(r rune) bool {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_'
	}) == ""
	return name, word && name != "robots" && name != "requirements"
}

// entries returns the entries of a list. In a table the entry is the last column.
func entries(text string, table bool) []string {
	text = strings.TrimPrefix(text, "\uFEFF")
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if table {
			line = strings.Trim(line[strings.LastIndexByte(line, ',')+1:], `"`)
			if out == nil && isHeading(line) {
				continue
			}
		}
		out = append(out, line)
	}
	return out
}

func isHeading(s string) bool {
	return slices.Contains([]string{"domain", "hostname", "host", "tld", "url", "value", "sha256"}, strings.ToLower(s))
}
