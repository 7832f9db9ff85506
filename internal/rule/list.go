package rule

import (
	"slices"
	"strings"
	"sync"

	"outrider/internal/rule/result"
	"outrider/internal/rule/schema"
)

// Lists finds named lists. An unknown list is nil, which differs from an empty list: a rule
// that uses it is indeterminate.
type Lists interface {
	List(name string) *List
}

// Named holds lists by name.
type Named map[string]*List

// List returns a list, or nil.
func (n Named) List(name string) *List { return n[name] }

// Chain searches several collections of lists in order.
type Chain []Lists

// List returns the first list of the name.
func (c Chain) List(name string) *List {
	for _, l := range c {
		if l == nil {
			continue
		}
		if found := l.List(name); found != nil {
			return found
		}
	}
	return nil
}

// List is a named list. It is immutable and safe for concurrent use.
type List struct {
	elements []string
	people   []result.Person // instead, of $org_vips
	exact    map[string]bool
	folded   func() map[string]bool
	contains func() func(text string) bool // reports whether a text contains an element
	inFold   func() func(text string) bool
	lookup   func(text string) bool // instead of all the above: the elements are unknown
	count    func() int             // of elements, with lookup
}

// NewList returns a list of texts.
func NewList(elements []string) *List {
	l := &List{elements: elements, exact: setOf(elements, func(s string) string { return s })}
	if slices.ContainsFunc(elements, func(e string) bool { return fold(e) != e }) {
		l.folded = sync.OnceValue(func() map[string]bool { return setOf(elements, fold) })
		l.contains = sync.OnceValue(func() func(string) bool { return finder(elements) })
		l.inFold = sync.OnceValue(func() func(string) bool { return finder(folded(elements)) })
		return l
	}
	l.folded = func() map[string]bool { return l.exact }
	l.contains = sync.OnceValue(func() func(string) bool { return finder(elements) })
	l.inFold = l.contains
	return l
}

func folded(elements []string) []string {
	out := make([]string, len(elements))
	for i, e := range elements {
		out[i] = fold(e)
	}
	return out
}

// NewPeople returns the list $org_vips.
func NewPeople(people []result.Person) *List {
	names := make([]string, len(people))
	for i, p := range people {
		names[i] = p.DisplayName
	}
	l := NewList(names)
	l.people = people
	return l
}

// NewLookup returns a list that only supports membership and length. has receives texts
// unfolded, and decides about case itself. A rule that uses the elements themselves is
// indeterminate.
func NewLookup(has func(text string) bool, count func() int) *List {
	return &List{lookup: has, count: count}
}

// Has reports whether the list has a text.
func (l *List) Has(text string, folds bool) bool {
	if l.lookup != nil {
		return l.lookup(text)
	}
	if folds {
		return l.folded()[fold(text)]
	}
	return l.exact[text]
}

// in reports whether a text contains one of the elements.
func (l *List) in(text string, folds bool) bool {
	if folds {
		return l.inFold()(fold(text))
	}
	return l.contains()(text)
}

// Len returns the number of elements.
func (l *List) Len() int {
	if l.count != nil {
		return l.count()
	}
	return len(l.elements)
}

// Elements returns the texts, which callers must not change; nil for a lookup list.
func (l *List) Elements() []string { return l.elements }

// value returns the list as a value; nil is null.
func (l *List) value() schema.Value {
	switch {
	case l == nil:
		return schema.Value{}
	case l.people != nil:
		return schema.OfObjects(l.people)
	default:
		return schema.OfList((*listed)(&l.elements))
	}
}

// listed holds the texts of a named list, all of which a lambda evaluates.
type listed []string

// Len returns the number of texts.
func (l *listed) Len() int { return len(*l) }

// At returns one text.
func (l *listed) At(i int) schema.Value { return schema.OfString((*l)[i]) }

func setOf(elements []string, form func(string) string) map[string]bool {
	set := make(map[string]bool, len(elements))
	for _, e := range elements {
		set[form(e)] = true
	}
	return set
}

// finder returns a function that reports whether a text contains one of the elements.
func finder(elements []string) func(string) bool {
	long := make([]string, 0, len(elements))
	var short []string // too short for the automaton
	for _, e := range elements {
		if len(e) < head {
			short = append(short, e)
		} else {
			long = append(long, e)
		}
	}
	machine := newAutomaton(long, false)
	return func(text string) bool {
		found := slices.ContainsFunc(short, func(e string) bool { return strings.Contains(text, e) })
		if !found {
			machine.find(text, func(int) bool {
				found = true
				return false
			})
		}
		return found
	}
}

// list finds a named list, or records that it is missing.
func (f *frame) list(name string) *List {
	if l := f.in.Lists.List(name); l != nil {
		return l
	}
	f.missing |= schema.Listed
	return nil
}

// readable finds a named list with readable elements, or records that it is missing.
func (f *frame) readable(name string) *List {
	l := f.list(name)
	if l != nil && l.lookup != nil {
		f.missing |= schema.Listed
		return nil
	}
	return l
}
