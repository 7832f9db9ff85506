// Package yara matches files against YARA rules.
//
// A YARA rule lists byte patterns and a condition on their combination, which is how
// analysts describe the common features of a campaign's files. The rules are tested by
// their authors against YARA, so this package parses their language unchanged and rejects,
// with the line, what it would interpret differently. All strings of all rules are searched
// in one pass over the file by their rarest four bytes, and only there the rest is
// compared; a string without such bytes is searched when a condition needs it.
//
// Standards: the YARA 4.5 manual, "Writing YARA rules".
//
// Divergences: regular expressions prefer as Go does, the first alternative instead of the
// longest, and a match spans Limits.Window bytes at most. Work beyond the limits is left
// out, which is a Note, and a string not found for that reason counts as absent.
//
// Limits: modules, imports, includes, external variables, entrypoint, percentages, wide,
// fullword or xor regular expressions and base64wide are rejected at compilation, as are
// counts above a thousand in regular expressions.
package yara

import "fmt"

// Limits bounds what one Match may cost.
type Limits struct {
	Window  int // bytes one match may span
	Work    int // bytes compared beyond the first pass, total of all strings
	Matches int // matches kept per string
	Kept    int // matches kept of all strings, 16 bytes each
	Steps   int // of the conditions, total of all rules
}

// DefaultLimits returns the limits for one file.
func DefaultLimits() Limits {
	return Limits{
		Window:  64 << 10,
		Work:    16 << 20, // about a second of regular expressions at worst
		Matches: 50_000,
		Kept:    1_000_000,
		Steps:   5_000_000,
	}
}

// Note means that a limit left something out.
type Note string

// The notes of a Match.
const (
	WorkSpent   Note = "work-spent"   // comparing stopped before the end
	ManyMatches Note = "many-matches" // a string occurs more often than the limit
	StepsSpent  Note = "steps-spent"  // a condition was not evaluated to its end
)

// Bounds of a compilation.
const (
	conditionDepth = 100     // nested operators and parentheses
	maxSource      = 8 << 20 // bytes
	maxAtoms       = 500_000 // of all rules together
	maxJump        = 1 << 20 // bytes
)

// Result is the result of Match.
type Result struct {
	Matches []Match // in the order of the source
	Notes   []Note
	Work    int // used of Limits.Work
}

// Match is a rule that a file satisfies.
type Match struct {
	Rule    string
	Tags    []string
	Meta    []Meta
	Strings []Found // the first match of each string found
}

// Meta is one metadata entry of a rule.
type Meta struct{ Name, Value string }

// Found is a string with its position.
type Found struct {
	Name       string // with the dollar sign
	At, Length int    // bytes
	Count      int    // of matches in the file
}

// Rules is a compiled set of rules. It is immutable and safe for concurrent use.
type Rules struct {
	rules    []rule
	strings  []named
	patterns []pattern // without duplicates: rules of one author begin alike
	tables   []grams
}

// named is a string of a rule.
type named struct {
	name    string
	pattern int
}

// rule is one compiled rule.
type rule struct {
	name            string
	tags            []string
	meta            []Meta
	first, last     int // strings, half open
	private, global bool
	condition       expr
}

// Names returns the names of the rules which Match can report.
func (r *Rules) Names() []string {
	var names []string
	for _, rule := range r.rules {
		if !rule.private {
			names = append(names, rule.name)
		}
	}
	return names
}

// Compile compiles rules. An error includes the line.
func Compile(src string) (*Rules, error) {
	if len(src) > maxSource {
		return nil, fmt.Errorf("compiling yara rules: more than %d bytes", maxSource)
	}
	p := &parser{lexer: lexer{src: src, line: 1}, rules: &Rules{}, known: make(map[string]int)}
	if err := p.run(); err != nil {
		return nil, fmt.Errorf("compiling yara rules: line %d: %w", p.line, err)
	}
	if err := p.rules.index(); err != nil {
		return nil, fmt.Errorf("compiling yara rules: %w", err)
	}
	return p.rules, nil
}
