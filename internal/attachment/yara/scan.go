package yara

import (
	"cmp"
	"io"
	"slices"
)

// span is one match of a string.
type span struct{ at, length int }

// scanner is the state of one Match.
type scanner struct {
	rules  *Rules
	data   []byte
	limits Limits
	work   int
	kept   int      // matches so far
	found  [][]span // by pattern
	ready  []bool   // by pattern: found is complete and in order
	notes  []Note
}

// Match matches the rules against data.
func (r *Rules) Match(data []byte, l Limits) Result {
	n := len(r.patterns)
	s := &scanner{rules: r, data: data, limits: l, work: l.Work, found: make([][]span, n), ready: make([]bool, n)}
	for i := range r.tables {
		r.tables[i].each(data, s.begins)
	}
	return Result{s.conclude(), s.notes, l.Work - s.work}
}

func (s *scanner) note(n Note) {
	if !slices.Contains(s.notes, n) {
		s.notes = append(s.notes, n)
	}
}

// begins compares at every possible start of a match for an atom at this position. It
// reports whether work is left.
func (s *scanner) begins(atom int, r ref) bool {
	for at := max(0, atom-int(r.most)); at <= atom-int(r.least); at++ {
		if !s.verify(r, at) {
			return false
		}
	}
	return true
}

// spans returns the matches of a string.
func (s *scanner) spans(i int) []span {
	p := s.rules.strings[i].pattern
	if !s.ready[p] {
		s.ready[p] = true
		s.loose(p)
		s.found[p] = tidy(s.found[p])
	}
	return s.found[p]
}

// loose compares a pattern without an atom at every position.
func (s *scanner) loose(p int) {
	if !s.rules.patterns[p].loose {
		return
	}
	for i := range s.rules.patterns[p].variants {
		if v := &s.rules.patterns[p].variants[i]; v.loose {
			s.everywhere(v, ref{pattern: int32(p), variant: int32(i)})
		}
	}
}

func (s *scanner) everywhere(v *variant, r ref) {
	var first element
	if v.re == nil && !v.elements[0].jump && v.elements[0].choices == nil {
		first = v.elements[0]
	}
	for at, c := range s.data {
		if first.mask != 0 && !first.fits(c, v.fold) {
			continue
		}
		if !s.verify(r, at) {
			return
		}
	}
}

// fits reports whether a byte matches the element.
func (e *element) fits(c byte, fold bool) bool {
	value := e.value
	if fold {
		c, value = lower(c), lower(value)
	}
	return (c&e.mask == value) != e.not
}

// verify compares one variant at one position and keeps the match. It reports whether work
// is left.
func (s *scanner) verify(r ref, at int) bool {
	v := &s.rules.patterns[r.pattern].variants[r.variant]
	if len(s.found[r.pattern]) >= s.limits.Matches || s.kept >= s.limits.Kept {
		s.note(ManyMatches)
		return true
	}
	s.work--
	var stop int
	if v.re != nil {
		stop = s.search(v.re, at)
	} else {
		stop = s.compare(v, at)
	}
	if s.work <= 0 {
		s.note(WorkSpent)
		return false
	}
	if stop > at && s.isolated(v.word, at, stop) {
		s.kept++
		s.found[r.pattern] = append(s.found[r.pattern], span{at, stop - at})
	}
	return true
}

// isolated reports whether no letter or digit is adjacent to a match of fullword.
func (s *scanner) isolated(width, at, stop int) bool {
	if width == 0 {
		return true
	}
	alnum := func(i int) bool {
		wide := width == 1 || i+1 < len(s.data) && s.data[i+1] == 0
		return i >= 0 && i < len(s.data) && wide && (digit(s.data[i]) || letter(s.data[i]) && s.data[i] != '_')
	}
	return !alnum(at-width) && !alnum(stop)
}

// compare returns the end of the match that begins at, or -1.
func (s *scanner) compare(v *variant, at int) int {
	limit := min(len(s.data), at+s.limits.Window)
	rest := v.elements
	end := at
	for ; len(rest) > 0 && !rest[0].jump && rest[0].choices == nil; end++ {
		if end >= limit || !rest[0].fits(s.data[end], v.fold) {
			s.work -= end - at
			return -1
		}
		rest = rest[1:]
	}
	s.work -= end - at
	if len(rest) == 0 {
		return end
	}
	ends := s.advance([]int{end}, rest, v.fold, limit)
	if len(ends) == 0 {
		return -1
	}
	return ends[0]
}

// advance returns the possible ends of the elements, in order, given their possible starts.
// Positions are a set, so jumps do not multiply.
func (s *scanner) advance(from []int, elements []element, fold bool, limit int) []int {
	for _, e := range elements {
		if len(from) == 0 || s.work <= 0 {
			return nil
		}
		s.work -= len(from)
		switch {
		case e.jump:
			from = s.leap(from, e, limit)
		case e.choices != nil:
			var ends []int
			for _, c := range e.choices {
				ends = append(ends, s.advance(from, c, fold, limit)...)
			}
			slices.Sort(ends)
			from = slices.Compact(ends)
		default:
			from = s.step(from, e, fold, limit)
		}
	}
	return from
}

// step keeps the positions where one byte matches.
func (s *scanner) step(from []int, e element, fold bool, limit int) []int {
	kept := make([]int, 0, len(from))
	for _, at := range from {
		if at >= limit {
			break
		}
		if e.fits(s.data[at], fold) {
			kept = append(kept, at+1)
		}
	}
	return kept
}

// leap returns the positions after a jump.
func (s *scanner) leap(from []int, e element, limit int) []int {
	var out []int
	next := 0 // the first position not yet in out
	for _, at := range from {
		last := limit
		if e.max >= 0 {
			last = min(limit, at+e.max)
		}
		for p := max(at+e.min, next); p <= last; p++ {
			out = append(out, p)
			next = p + 1
		}
	}
	s.work -= len(out)
	return out
}

// searching is the cost of starting a regular expression, in bytes compared.
const searching = 16

// window supplies bytes as the runes below U+0100, and charges for them.
type window struct {
	s        *scanner
	at, last int
}

// ReadRune reads one byte.
func (w *window) ReadRune() (rune, int, error) {
	if w.at >= w.last || w.s.work <= 0 {
		return 0, 0, io.EOF
	}
	w.at++
	w.s.work--
	return rune(w.s.data[w.at-1]), 1, nil
}

// search returns the end of the match of a regular expression that begins at, or -1.
func (s *scanner) search(e *expression, at int) int {
	s.work -= searching
	re, from := e.begin, at
	if at > 0 {
		// The preceding byte is needed for word boundaries.
		re, from = e.later, at-1
	}
	m := re.FindReaderIndex(&window{s, from, min(len(s.data), at+s.limits.Window)})
	if m == nil {
		return -1
	}
	return from + m[1]
}

// tidy sorts matches and keeps the longest at each start.
func tidy(list []span) []span {
	slices.SortFunc(list, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.length, a.length))
	})
	return slices.CompactFunc(list, func(a, b span) bool { return a.at == b.at })
}
