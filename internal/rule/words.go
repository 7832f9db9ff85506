package rule

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"outrider/internal/rule/schema"
)

// formula is what must hold for an expression to be true, as far as that can be said from
// the words that stand in the message: a word, or so many of other formulas. Nil always
// holds.
type formula struct {
	word  int // index in wordTable.words; -1 where parts are set
	least int // how many of the parts hold
	parts []*formula
}

// impossible never holds.
func impossible() *formula { return &formula{word: -1, least: 1} }

// both is the formula of "and", either that of "or".
func both(parts ...*formula) *formula { return atLeast(len(parts), parts) }

func either(parts ...*formula) *formula { return atLeast(min(1, len(parts)), parts) }

// atLeast is the formula of "N of". Parts that always hold count.
func atLeast(n int, parts []*formula) *formula {
	some := slices.DeleteFunc(slices.Clone(parts), func(p *formula) bool { return p == nil })
	switch n -= len(parts) - len(some); {
	case n <= 0:
		return nil
	case len(some) == 1:
		return some[0]
	}
	return &formula{word: -1, least: n, parts: some}
}

// holds reports whether the formula can be true of the message.
func (p *formula) holds(f *frame) bool {
	if p == nil {
		return true
	}
	if p.word >= 0 {
		return f.has(p.word)
	}
	missing := p.least
	for i, q := range p.parts {
		if q.holds(f) {
			missing--
		}
		if missing == 0 || missing > len(p.parts)-i-1 {
			break
		}
	}
	return missing == 0
}

// wordTable is the words that rules look for, by the stream of texts in which they do.
type wordTable struct {
	words   []word
	streams []*wordStream
	byKey   map[string]*wordStream
}

type word struct {
	stream int
	text   string // folded
}

type wordStream struct {
	from    *stream
	index   int
	ids     map[string]int // of words
	list    []int          // ids by number in the machine
	some    int            // id of the word that stands for having anything at all, or -1
	machine *automaton
}

func newWordTable() *wordTable { return &wordTable{byKey: make(map[string]*wordStream)} }

// shortest is the length in bytes below which a word is not worth looking for: it stands
// in nearly every text.
const shortest = 3

// isWord reports whether a folded text is worth looking for. Bytes that are no UTF-8 equal the
// replacement character for patterns, and nothing here.
func isWord(text string) bool {
	return len(text) >= shortest && !strings.ContainsRune(text, utf8.RuneError)
}

// want adds a word, and returns the formula that it stands in the stream.
func (t *wordTable) want(s *stream, text string) *formula {
	if text = fold(text); s == nil || !isWord(text) {
		return nil
	}
	ws := t.of(s)
	id, ok := ws.ids[text]
	if !ok {
		id = t.add(ws, text)
		ws.ids[text] = id
		ws.list = append(ws.list, id)
	}
	return &formula{word: id}
}

// wantSome returns the formula that the stream has anything at all.
func (t *wordTable) wantSome(s *stream) *formula {
	if s == nil {
		return nil
	}
	ws := t.of(s)
	if ws.some < 0 {
		ws.some = t.add(ws, "")
	}
	return &formula{word: ws.some}
}

func (t *wordTable) of(s *stream) *wordStream {
	ws := t.byKey[s.key]
	if ws == nil {
		ws = &wordStream{from: s, index: len(t.streams), ids: make(map[string]int), some: -1}
		t.byKey[s.key] = ws
		t.streams = append(t.streams, ws)
	}
	return ws
}

func (t *wordTable) add(ws *wordStream, text string) int {
	t.words = append(t.words, word{ws.index, text})
	return len(t.words) - 1
}

// build makes the machines, once all words are known.
func (t *wordTable) build() {
	for _, s := range t.streams {
		if len(s.list) == 0 {
			continue
		}
		patterns := make([]string, len(s.list))
		for i, id := range s.list {
			patterns[i] = t.words[id].text
		}
		s.machine = newAutomaton(patterns)
	}
}

// wordState is what is known of the words of one message.
type wordState struct {
	table *wordTable
	read  []bool   // by stream
	found []uint64 // bit set by word
}

func (s *wordState) reset(t *wordTable) {
	s.table = t
	if len(s.read) != len(t.streams) {
		s.read = make([]bool, len(t.streams))
		s.found = make([]uint64, len(t.words)/64+1)
		return
	}
	clear(s.read)
	clear(s.found)
}

// has reports whether a word stands in its stream. The texts of a stream are read once.
func (f *frame) has(word int) bool {
	f.read(f.words.table.words[word].stream)
	return f.words.found[word/64]&(1<<(word%64)) != 0
}

// read reads the texts of a stream, once.
func (f *frame) read(s int) {
	if w := &f.words; !w.read[s] {
		w.read[s] = true
		w.table.streams[s].scan(f)
	}
}

// scan looks for all words of the stream.
func (s *wordStream) scan(f *frame) {
	found := f.words.found
	hit := func(n int) bool {
		id := s.list[n]
		found[id/64] |= 1 << (id % 64)
		return true
	}
	s.from.each(f, func(v schema.Value) {
		if s.some >= 0 {
			found[s.some/64] |= 1 << (s.some % 64)
		}
		if s.machine == nil || v.Kind() != schema.String || len(v.Text()) < shortest {
			return
		}
		text := f.cut(v.Text(), maxText)
		if !isASCII(text) {
			text = f.fold(text)
		}
		f.spent += int64(len(text) / stepBytes)
		s.machine.find(text, hit)
	})
}

// stepBytes is how many bytes of text are looked through in one step.
const stepBytes = 256

// clause returns the words of which one must stand in a message for the formula to hold,
// and which stand in few. Where so many of the parts hold, one of any of them does but for
// one less than so many: those are left out whose words stand in most messages, by their
// length. It is nil where there are none, and empty where it cannot hold.
func (p *formula) clause(t *wordTable) []int {
	switch {
	case p == nil:
		return nil
	case p.word >= 0:
		return []int{p.word}
	}
	var clauses [][]int
	for _, q := range p.parts {
		if c := q.clause(t); c != nil {
			clauses = append(clauses, c)
		}
	}
	enough := len(p.parts) - p.least + 1
	switch {
	case enough <= 0:
		return []int{}
	case len(clauses) < enough:
		return nil
	}
	slices.SortStableFunc(clauses, func(a, b []int) int { return cmp.Compare(t.rate(a), t.rate(b)) })
	out := append([]int{}, slices.Concat(clauses[:enough]...)...) // not nil
	if len(out) > maxClause {
		return nil
	}
	return out
}

// maxClause bounds the words under which a rule is looked up.
const maxClause = 1000

// rate estimates in which part of all messages one of the words stands.
func (t *wordTable) rate(ids []int) float64 {
	sum := 0.0
	for _, id := range ids {
		n := max(len(t.words[id].text), 1)
		sum += 1 / float64(2*n*n)
	}
	return sum
}
