package observable

import (
	"strings"

	ahocorasick "github.com/petar-dambovaliev/aho-corasick"
)

// Lexicon finds the phrases of many topics in one pass. It is immutable and safe for
// concurrent use.
type Lexicon struct {
	machine ahocorasick.AhoCorasick
	entries [][]entry // by pattern
}

// entry is one phrase in one topic.
type entry struct {
	topic  int
	phrase string // as displayed
}

// Phrase is one phrase of a lexicon.
type Phrase struct {
	Topic int    // from 0 on
	Text  string // words; an asterisk at the end matches any ending of the last word
}

// Hits holds the distinct phrases found, by topic; nil without any.
type Hits map[int][]string

// NewLexicon compiles phrases.
func NewLexicon(phrases []Phrase) *Lexicon {
	l := &Lexicon{}
	index := make(map[string]int)
	var patterns []string
	for _, p := range phrases {
		text, open := strings.CutSuffix(p.Text, "*")
		pattern := Words(text)
		if open {
			pattern = strings.TrimRight(pattern, " ")
		}
		i, known := index[pattern]
		if !known {
			i = len(patterns)
			index[pattern] = i
			patterns = append(patterns, pattern)
			l.entries = append(l.entries, nil)
		}
		l.entries[i] = append(l.entries[i], entry{topic: p.Topic, phrase: text})
	}
	b := ahocorasick.NewAhoCorasickBuilder(ahocorasick.Opts{DFA: false, MatchKind: ahocorasick.StandardMatch})
	l.machine = b.Build(patterns)
	return l
}

// Find returns the phrases in words, the output of Words. Each phrase is returned once, in
// order of first occurrence.
func (l *Lexicon) Find(words string) Hits {
	var hits Hits
	var seen map[int]bool
	for it := l.machine.IterOverlapping(words); ; {
		m := it.Next()
		if m == nil {
			return hits
		}
		if seen[m.Pattern()] {
			continue
		}
		if seen == nil {
			hits, seen = make(Hits), make(map[int]bool)
		}
		seen[m.Pattern()] = true
		for _, e := range l.entries[m.Pattern()] {
			hits[e.topic] = append(hits[e.topic], e.phrase)
		}
	}
}
