// Package yara matches files against YARA rules.
//
// A YARA rule names bytes to find and says in a condition how they must stand together,
// which is how analysts write down what the files of one campaign share. The rules come
// from people who test them against YARA, so this package reads their language as it is and
// refuses, with the line, what it would read differently. All strings of all rules are
// looked for in one pass over the file by their rarest few bytes, and only where those
// stand is the rest compared.
//
// Standards: the YARA 4.5 manual, "Writing YARA rules".
//
// Divergences: regular expressions prefer as Go does, the first alternative instead of the
// longest, and a match spans Limits.Window bytes at most. Work beyond the limits is left
// out, which is a Note, and a string that was not found for that reason counts as absent.
//
// Limits: modules, imports, includes, external variables, entrypoint, percentages, wide,
// fullword or xor regular expressions and base64wide are refused at compilation, as are
// counts above a thousand in regular expressions.
package yara

import (
	"fmt"

	ahocorasick "github.com/petar-dambovaliev/aho-corasick"
)

// Limits bounds what one Match may cost.
type Limits struct {
	Window  int // bytes one match may span
	Work    int // bytes compared beyond the first pass, all strings together
	Matches int // matches kept of one string
	Steps   int // of the conditions, all rules together
}

// DefaultLimits returns the limits for one file.
func DefaultLimits() Limits {
	return Limits{
		Window:  64 << 10,
		Work:    64 << 20, // about two seconds of regular expressions
		Matches: 50_000,
		Steps:   5_000_000,
	}
}

// Note tells that a limit left something out.
type Note string

// The notes of a Match.
const (
	WorkSpent   Note = "work-spent"   // comparing stopped before the end
	ManyMatches Note = "many-matches" // a string stands more often than the limit
	StepsSpent  Note = "steps-spent"  // a condition was not evaluated to its end
)

// What bounds a compilation.
const (
	conditionDepth = 100     // operators and parentheses inside one another
	maxSource      = 8 << 20 // bytes
	maxAtoms       = 200_000 // of all rules together
	maxJump        = 1 << 20 // bytes
)

// Match is a rule that a file satisfies.
type Match struct {
	Rule    string
	Tags    []string
	Meta    []Meta
	Strings []Found // the first match of each string of the rule that was found
}

// Meta is one fact that the author noted about a rule.
type Meta struct{ Name, Value string }

// Found is where a string stands.
type Found struct {
	Name       string // with the dollar sign
	At, Length int    // bytes
	Count      int    // of matches in the file
}

// Rules is a compiled set of rules. It is immutable and safe for concurrent use.
type Rules struct {
	rules   []rule
	strings []pattern
	machine ahocorasick.AhoCorasick
	refs    [][]ref // by atom
	loose   []ref   // what has no atom
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

// ref tells which string an atom belongs to, and where in it.
type ref struct{ pattern, variant, offset int }

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

// Compile reads rules. An error names the line.
func Compile(src string) (*Rules, error) {
	if len(src) > maxSource {
		return nil, fmt.Errorf("compiling yara rules: more than %d bytes", maxSource)
	}
	p := &parser{lexer: lexer{src: src, line: 1}, rules: &Rules{}}
	if err := p.run(); err != nil {
		return nil, fmt.Errorf("compiling yara rules: line %d: %w", p.line, err)
	}
	if err := p.rules.index(); err != nil {
		return nil, fmt.Errorf("compiling yara rules: %w", err)
	}
	return p.rules, nil
}

// index builds the automaton of the atoms.
func (r *Rules) index() error {
	known := make(map[string]int)
	var atoms [][]byte
	for i, s := range r.strings {
		for j, v := range s.variants {
			list := v.atoms()
			if len(list) == 0 {
				r.loose = append(r.loose, ref{i, j, 0})
			}
			for _, a := range list {
				at, ok := known[a.text]
				if !ok {
					at = len(atoms)
					known[a.text] = at
					atoms = append(atoms, []byte(a.text))
					r.refs = append(r.refs, nil)
				}
				r.refs[at] = append(r.refs[at], ref{i, j, a.offset})
			}
		}
		if len(atoms) > maxAtoms {
			return fmt.Errorf("more than %d different atoms", maxAtoms)
		}
	}
	b := ahocorasick.NewAhoCorasickBuilder(ahocorasick.Opts{MatchKind: ahocorasick.StandardMatch})
	r.machine = b.BuildByte(atoms)
	return nil
}
