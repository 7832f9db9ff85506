package rule

// automaton finds all words of a set in one pass over a text (Aho and Corasick, 1975). It
// is a table of transitions by state and class of byte, so that a byte costs one look-up
// and a hit nothing more than a call. The table is far larger than the caches next to the
// processor, and most of a text is in no word: small bitmaps tell where a word can begin, by its
// first three bytes and then by its first five, and only from there on the table is looked at.
type automaton struct {
	classes [256]uint8
	width   int
	next    []int32  // by state and class
	ends    []int32  // by state: index of the first word that ends there plus one, or 0
	words   []int32  // by index: its number
	also    []int32  // by index: index of a word that ends there too plus one, or 0
	begins  []uint64 // by the key of three bytes: a word begins so
	short   []uint64 // by the key of three bytes: a word is no longer
	fours   []uint64 // by the hash of four bytes: a word is no longer
	fives   []uint64 // by the hash of five bytes: a longer word begins so
	second  int32    // first state that stands for two bytes; those of one byte come before
	third   int32    // first state that stands for three or more
}

// A word begins with head bytes, of which the low bits of the classes are looked up.
const (
	head     = shortest
	headBits = 6
	headMask = 1<<(head*headBits) - 1
)

// newAutomaton builds the table for words, none of which is shorter than head.
func newAutomaton(words []string) *automaton {
	a := &automaton{}
	a.classify(words)
	for c := byte('a'); c <= 'z'; c++ { // texts of ASCII need no folding
		a.classes[c-'a'+'A'] = a.classes[c]
	}
	a.trie(words)
	a.link()
	return a
}

// classify gives each byte that occurs a class of its own; class 0 is all others.
func (a *automaton) classify(words []string) {
	a.width = 1
	for _, w := range words {
		for i := range len(w) {
			if a.classes[w[i]] == 0 {
				a.classes[w[i]] = uint8(a.width)
				a.width++
			}
		}
	}
}

// trie makes the states, those of few bytes first.
func (a *automaton) trie(words []string) {
	a.state()
	for _, w := range words {
		a.path(w[:1])
	}
	a.second = int32(len(a.ends))
	for _, w := range words {
		a.path(w[:2])
	}
	a.third = int32(len(a.ends))
	a.begins, a.short = make([]uint64, (headMask+1)/64), make([]uint64, (headMask+1)/64)
	a.fours, a.fives = make([]uint64, (1<<hashBits)/64), make([]uint64, (1<<hashBits)/64)
	for n, w := range words {
		a.begin(w)
		s := a.path(w)
		a.words = append(a.words, int32(n))
		a.also = append(a.also, a.ends[s])
		a.ends[s] = int32(len(a.words))
	}
}

// begin notes how a word begins.
func (a *automaton) begin(w string) {
	key := a.key(a.key(a.key(0, w[0]), w[1]), w[2])
	set(a.begins, key)
	switch len(w) {
	case head:
		set(a.short, key)
	case head + 1:
		set(a.fours, a.hash(key, w[3], 0))
	default:
		set(a.fives, a.hash(key, w[3], w[4]))
	}
}

func set(bits []uint64, n uint32)      { bits[n/64] |= 1 << (n % 64) }
func has(bits []uint64, n uint32) bool { return bits[n/64]&(1<<(n%64)) != 0 }

// hashBits is how many bits the hash of a longer beginning has.
const hashBits = 15

// hash mixes the key of three bytes with two more, by a multiplication (Knuth, 1973).
func (a *automaton) hash(key uint32, fourth, fifth byte) uint32 {
	longer := key<<(2*headBits) | uint32(a.classes[fourth])<<headBits | uint32(a.classes[fifth])
	return longer * 2654435761 >> (32 - hashBits)
}

// path returns the state of a beginning of a word, and makes it where there is none.
func (a *automaton) path(w string) (s int32) {
	for i := range len(w) {
		at := int(s)*a.width + int(a.classes[w[i]])
		if a.next[at] == 0 {
			created := a.state()
			a.next[at] = created
		}
		s = a.next[at]
	}
	return s
}

// key adds a byte to the key of those before it, under which begins has a beginning.
func (a *automaton) key(before uint32, c byte) uint32 {
	return (before<<headBits | uint32(a.classes[c]&(1<<headBits-1))) & headMask
}

func (a *automaton) state() int32 {
	a.next = append(a.next, make([]int32, a.width)...)
	a.ends = append(a.ends, 0)
	return int32(len(a.ends) - 1)
}

// link completes the transitions breadth first: where a state has none, that of the
// longest suffix holds, and words that end in the suffix end here too.
func (a *automaton) link() {
	suffix := make([]int32, len(a.ends))
	queue := make([]int32, 0, len(a.ends))
	for c := range a.width {
		if s := a.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		back := int(suffix[s]) * a.width
		a.inherit(s, suffix[s])
		for c := range a.width {
			at := int(s)*a.width + c
			if t := a.next[at]; t != 0 {
				suffix[t] = a.next[back+c]
				queue = append(queue, t)
			} else {
				a.next[at] = a.next[back+c]
			}
		}
	}
}

// inherit makes words that end in the suffix of a state end in the state.
func (a *automaton) inherit(s, suffix int32) {
	if a.ends[s] == 0 {
		a.ends[s] = a.ends[suffix]
		return
	}
	last := a.ends[s] - 1
	for a.also[last] != 0 {
		last = a.also[last] - 1
	}
	a.also[last] = a.ends[suffix]
}

// find calls hit with the number of each word that ends somewhere in the text, which is folded
// or of ASCII, until it returns false.
func (a *automaton) find(text string, hit func(int) bool) {
	for i := a.skip(text, 0); i < len(text); i = a.skip(text, i) {
		s := int32(0)
		for n := 1; i < len(text) && (n <= head || s >= a.third); n++ {
			s = a.next[int(s)*a.width+int(a.classes[text[i]])]
			i++
			for e := a.ends[s]; e != 0; e = a.also[e-1] {
				if !hit(int(a.words[e-1])) {
					return
				}
			}
		}
		switch { // what the last state stands for may begin a word
		case s >= a.third: // the end of the text
		case s >= a.second:
			i -= 2
		case s > 0:
			i--
		}
	}
}

// skip returns the first place from i on at which a word can begin, or the end of the text.
func (a *automaton) skip(text string, i int) int {
	if i+head > len(text) {
		return len(text)
	}
	key := a.key(a.key(0, text[i]), text[i+1])
	for ; i+head <= len(text); i++ {
		key = a.key(key, text[i+head-1])
		if has(a.begins, key) && a.goesOn(key, text[i+head:]) {
			return i
		}
	}
	return len(text)
}

// goesOn reports whether a word can begin with the three bytes of a key and go on with a text.
func (a *automaton) goesOn(key uint32, text string) bool {
	switch {
	case has(a.short, key):
		return true
	case len(text) == 0:
		return false
	case has(a.fours, a.hash(key, text[0], 0)):
		return true
	default:
		return len(text) > 1 && has(a.fives, a.hash(key, text[0], text[1]))
	}
}
