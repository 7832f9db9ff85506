package rule

import (
	"cmp"
	mathbits "math/bits"
	"slices"
	"strings"
)

// automaton finds all words of a set in one pass over a text (Aho and Corasick, 1975). Most
// of a text is in no word: small bitmaps, indexed by the first three and then five bytes,
// show where a word can begin, and words are compared only there. The words form a tree
// whose states are stored in the order of the words, so that the bytes of one word are
// adjacent: there are many sets, and their hot parts have to fit in the processor's caches.
type automaton struct {
	folds  bool    // ignore ASCII case
	states []state // the first is the empty state
	roots  []root  // hash table of the states of three bytes
	words  []int32 // by index: number of the word
	also   []int32 // by index: index plus one of a word that ends there too, or 0

	begins bitmap // by hash of three bytes: a word begins with them
	short  bitmap // by hash of three bytes: a word consists of them
	fours  bitmap // by hash of four bytes: a word consists of them
	fives  bitmap // by hash of five bytes: a word begins with them
}

// state is a prefix of some words, of at least three bytes. The states with one more byte
// follow: the first is the next state.
type state struct {
	sibling int32 // state with another last byte, or 0
	suffix  int32 // state of the longest suffix with a state, or 0
	ends    int32 // index plus one of the first word that ends there, or 0
	last    byte  // of the prefix
	isLeaf  bool  // no longer word has this prefix
}

// root is the state of three bytes.
type root struct {
	key   uint32 // the bytes
	state int32  // 0 for a free slot
}

// head is the number of bytes of a word that are looked up before comparing.
const head = shortest

// newAutomaton builds the tree of words, each of at least head bytes. If folds is set, the
// words are folded.
func newAutomaton(words []string, folds bool) *automaton {
	a := &automaton{folds: folds, states: make([]state, 1, 1+total(words)), also: make([]int32, len(words)), words: make([]int32, 0, len(words))}
	order := make([]int32, len(words))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return cmp.Or(strings.Compare(words[i], words[j]), cmp.Compare(i, j)) })
	heads := 0
	for i, n := range order {
		if i == 0 || words[n][:head] != words[order[i-1]][:head] {
			heads++
		}
	}
	a.roots = make([]root, 1<<mathbits.Len(uint(2*heads)))
	a.begins, a.short, a.fours, a.fives = newBitmap(heads), newBitmap(heads), newBitmap(len(words)), newBitmap(len(words))
	a.grow(words, order)
	a.states = slices.Clip(a.states)
	a.link()
	return a
}

func total(words []string) (n int) {
	for _, w := range words {
		n += len(w)
	}
	return n
}

// grow adds the words in their order, so that those with the same prefix are adjacent.
func (a *automaton) grow(words []string, order []int32) {
	var path []int32 // states of the last word
	before := ""
	for _, n := range order {
		w := words[n]
		same := shared(before, w)
		path = path[:max(same-head+1, 0)]
		for k := max(same, head-1); k < len(w); k++ {
			s := int32(len(a.states))
			a.states = append(a.states, state{last: w[k], isLeaf: true})
			switch {
			case k == head-1:
				a.plant(keyOf(w), s)
			case a.states[path[len(path)-1]].isLeaf:
				a.states[path[len(path)-1]].isLeaf = false
			default:
				a.append(path[len(path)-1]+1, s)
			}
			path = append(path, s)
		}
		last := &a.states[path[len(path)-1]]
		a.words = append(a.words, n)
		a.also[len(a.words)-1] = last.ends
		last.ends = int32(len(a.words))
		a.begin(w)
		before = w
	}
}

// shared returns the length of the common prefix of two words; less than head counts as
// none.
func shared(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if n < head {
		return 0
	}
	return n
}

// append adds a sibling at the end.
func (a *automaton) append(s, sibling int32) {
	for a.states[s].sibling != 0 {
		s = a.states[s].sibling
	}
	a.states[s].sibling = sibling
}

// begin adds the beginning of a word to the bitmaps.
func (a *automaton) begin(w string) {
	key := filterKey(w)
	a.begins.set(key)
	switch len(w) {
	case head:
		a.short.set(key)
	case head + 1:
		a.fours.set(longer(key, w[3], 0))
	default:
		a.fives.set(longer(key, w[3], w[4]))
	}
}

// keyOf packs the first three bytes of a word.
func keyOf(w string) uint32 { return uint32(w[0])<<16 | uint32(w[1])<<8 | uint32(w[2]) }

// toLower is the bit that turns an ASCII letter into lower case. The filters set it in
// every byte, which equates some other bytes too.
const toLower = 0x20

// filterKey is keyOf for the filters.
func filterKey(w string) uint32 { return keyOf(w) | toLower<<16 | toLower<<8 | toLower }

// longer makes a key of five bytes.
func longer(key uint32, fourth, fifth byte) uint32 {
	return key*31 + (uint32(fourth|toLower)<<8|uint32(fifth|toLower))*hashBy
}

// hashBy is the golden ratio of a word (Knuth, 1973).
const hashBy = 2654435761

// bitmap is an approximate set of keys, with false positives.
type bitmap struct {
	bits  []uint64
	shift uint8
}

// Logarithmic sizes of bitmaps, in bits: at most one bit in 32 is set, within bounds.
const (
	leastBits = 9
	mostBits  = 18
	sparse    = 5
)

func newBitmap(keys int) bitmap {
	n := min(max(mathbits.Len(uint(keys))+sparse, leastBits), mostBits)
	return bitmap{make([]uint64, 1<<n/64), uint8(32 - n)}
}

func (b *bitmap) set(key uint32) {
	at := key * hashBy >> (b.shift & 31)
	b.bits[at/64] |= 1 << (at % 64)
}

func (b *bitmap) has(key uint32) bool {
	at := key * hashBy >> (b.shift & 31)
	return b.bits[at/64]&(1<<(at%64)) != 0
}

// plant adds the state of three bytes.
func (a *automaton) plant(key uint32, s int32) {
	at := a.place(key)
	for a.roots[at].state != 0 {
		at = (at + 1) % len(a.roots)
	}
	a.roots[at] = root{key, s}
}

func (a *automaton) place(key uint32) int { return int(key*hashBy>>8) % len(a.roots) }

// root returns the state of three bytes, or 0.
func (a *automaton) root(key uint32) int32 {
	for at := a.place(key); ; at = (at + 1) % len(a.roots) {
		if r := &a.roots[at]; r.state == 0 || r.key == key {
			return r.state
		}
	}
}

// child returns the state with one more byte, or 0.
func (a *automaton) child(s int32, c byte) int32 {
	if a.states[s].isLeaf {
		return 0
	}
	for s++; s != 0 && a.states[s].last != c; s = a.states[s].sibling {
	}
	return s
}

// link sets the suffixes, shortest states first: the longest suffix extends that of the
// state without its last byte, or is three bytes long. Words that end in a suffix end in
// the state too.
func (a *automaton) link() {
	keys := make([]uint32, len(a.states)) // last three bytes
	queue := make([]int32, 0, len(a.states))
	for _, r := range a.roots {
		if r.state != 0 {
			keys[r.state] = r.key
			queue = append(queue, r.state)
		}
	}
	for i := 0; i < len(queue); i++ {
		s := queue[i]
		if a.states[s].isLeaf {
			continue
		}
		for t := s + 1; t != 0; t = a.states[t].sibling {
			c := a.states[t].last
			keys[t] = (keys[s]<<8 | uint32(c)) & 0xFFFFFF
			if a.states[t].suffix = a.next(a.states[s].suffix, c); a.states[t].suffix == 0 {
				a.states[t].suffix = a.root(keys[t])
			}
			a.inherit(t)
			queue = append(queue, t)
		}
	}
}

// next returns the state with one more byte, or that of the longest suffix with it, or 0.
func (a *automaton) next(s int32, c byte) int32 {
	for s != 0 {
		if t := a.child(s, c); t != 0 {
			return t
		}
		s = a.states[s].suffix
	}
	return 0
}

// inherit adds the words that end in the suffix of a state to the state.
func (a *automaton) inherit(s int32) {
	from := a.states[a.states[s].suffix].ends
	if a.states[s].ends == 0 {
		a.states[s].ends = from
		return
	}
	last := a.states[s].ends - 1
	for a.also[last] != 0 {
		last = a.also[last] - 1
	}
	a.also[last] = from
}

// find calls hit with the number of each word that ends in the text, which is folded or
// ASCII, until it returns false.
func (a *automaton) find(text string, hit func(int) bool) {
	for i := a.skip(text, 0); i < len(text); i = a.skip(text, i) {
		s := a.root(uint32(a.fold(text[i]))<<16 | uint32(a.fold(text[i+1]))<<8 | uint32(a.fold(text[i+2])))
		if s == 0 {
			i++
			continue
		}
		for i += head; ; i++ {
			if !a.report(s, hit) || i == len(text) {
				return
			}
			if s = a.next(s, a.fold(text[i])); s == 0 {
				break
			}
		}
		i -= head - 1 // the last bytes may begin a word
	}
}

// report calls hit with the words that end in a state, until it returns false.
func (a *automaton) report(s int32, hit func(int) bool) bool {
	for e := a.states[s].ends; e != 0; e = a.also[e-1] {
		if !hit(int(a.words[e-1])) {
			return false
		}
	}
	return true
}

// fold returns a byte in the case of the words.
func (a *automaton) fold(c byte) byte {
	if a.folds && c-'A' < 26 {
		c |= toLower
	}
	return c
}

// skip returns the first position from i on at which a word can begin, or the end of the
// text.
func (a *automaton) skip(text string, i int) int {
	if i+head > len(text) {
		return len(text)
	}
	key := uint32(text[i])<<8 | uint32(text[i+1])
	begins := a.begins
	for ; i+head <= len(text); i++ {
		key = key<<8 | uint32(text[i+2])
		if k := key&0xFFFFFF | toLower<<16 | toLower<<8 | toLower; begins.has(k) && a.goesOn(k, text[i+head:]) {
			return i
		}
	}
	return len(text)
}

// goesOn reports whether a word can begin with the three bytes of a key and continue with a
// text.
func (a *automaton) goesOn(key uint32, text string) bool {
	switch {
	case a.short.has(key):
		return true
	case len(text) == 0:
		return false
	case a.fours.has(longer(key, text[0], 0)):
		return true
	default:
		return len(text) > 1 && a.fives.has(longer(key, text[0], text[1]))
	}
}
