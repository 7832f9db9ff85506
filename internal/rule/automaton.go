package rule

// automaton finds all words of a set in one pass over a text (Aho and Corasick, 1975). It
// is a table of transitions by state and class of byte, so that a byte costs one look-up
// and a hit nothing more than a call.
type automaton struct {
	classes [256]uint8
	width   int
	next    []int32 // by state and class
	ends    []int32 // by state: index of the first word that ends there plus one, or 0
	words   []int32 // by index: its number
	also    []int32 // by index: index of a word that ends there too plus one, or 0
}

// newAutomaton builds the table for words, none of which is empty.
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

func (a *automaton) trie(words []string) {
	a.state()
	for n, w := range words {
		s := int32(0)
		for i := range len(w) {
			at := int(s)*a.width + int(a.classes[w[i]])
			if a.next[at] == 0 {
				created := a.state()
				a.next[at] = created
			}
			s = a.next[at]
		}
		a.words = append(a.words, int32(n))
		a.also = append(a.also, a.ends[s])
		a.ends[s] = int32(len(a.words))
	}
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
	s := int32(0)
	for i := range len(text) {
		s = a.next[int(s)*a.width+int(a.classes[text[i]])]
		for e := a.ends[s]; e != 0; e = a.also[e-1] {
			if !hit(int(a.words[e-1])) {
				return
			}
		}
	}
}
