package scan

import (
	"strings"
	"unicode/utf8"
)

// Budget bounds the results of one file, in bytes of JSON. A reader that exhausts it
// truncates its results and sets Cut.
type Budget struct {
	Left int
	Cut  bool
}

// Bounds per file, independent of the budget.
const (
	maxRaw     = 1 << 20   // bytes of a text
	maxString  = 256 << 10 // bytes of one string
	maxStrings = 20_000    // strings of one list
	maxItems   = 1000      // items of other lists
	maxValue   = 16 << 10  // bytes of a value
	maxWord    = 1 << 10   // bytes of a name, an address or an attribute
	itemCost   = 32        // minimum bytes of JSON around an item
)

// Text returns s as valid UTF-8, truncated to most bytes and to the budget.
func (b *Budget) Text(s string, most int) string {
	if len(s) > most {
		s, b.Cut = s[:most], true
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	cost := 0
	for i, r := range s {
		if cost += runeCost(r); cost > b.Left {
			s, b.Cut = s[:i], true
			cost = b.Left
			break
		}
	}
	b.Left -= cost
	return s
}

// runeCost is the size of a character in Go's JSON output.
func runeCost(r rune) int {
	switch {
	case r == '"' || r == '\\' || r == '\n' || r == '\r' || r == '\t' || r == '\b' || r == '\f':
		return 2
	case r < 0x20 || r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029':
		return 6
	}
	return utf8.RuneLen(r)
}

// take charges a fixed size, and reports whether the budget allows it.
func (b *Budget) take(n int) bool {
	if b.Left < n {
		b.Cut = true
		return false
	}
	b.Left -= n
	return true
}

// keep appends an item while the list and the budget have room.
func (b *Budget) keep(list *[]string, s string, most, items int) {
	if len(*list) >= items || !b.take(4) {
		b.Cut = true
		return
	}
	*list = append(*list, b.Text(s, most))
}

// value returns a pointer to a text, nil for "".
func (b *Budget) value(s string) *string {
	if s == "" {
		return nil
	}
	s = b.Text(s, maxValue)
	return &s
}

// room reports whether a list of structs with that many fields may have another item.
func (b *Budget) room(have, fields int) bool {
	if have >= maxItems {
		b.Cut = true
		return false
	}
	return b.take(itemCost * (fields + 1))
}

// set keeps the first of equal strings.
type set struct {
	seen map[string]bool
	list []string
}

// add keeps s unless it is a duplicate.
func (s *set) add(b *Budget, v string, most, items int) {
	if s.seen[v] {
		return
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	if len(s.list) >= items || b.Left < 4 { // omitted strings are not remembered
		b.Cut = true
		return
	}
	s.seen[v] = true
	b.keep(&s.list, v, most, items)
}

// strings returns the list, never nil.
func (s *set) strings() []string { return list(s.list) }

// list returns a list that is never nil.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// maxChildren bounds the files that a reader returns.
const maxChildren = 500

// more reports whether a reader may return another file.
func (b *Budget) more(have int) bool {
	if have >= maxChildren {
		b.Cut = true
		return false
	}
	return true
}

// Child is a file that a reader found in another.
type Child struct {
	Name     string
	Source   string   // the reader
	External []string // kinds declared by the container
	Data     []byte
}
