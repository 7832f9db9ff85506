package rule

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"outrider/internal/rule/schema"
)

// formula is a necessary condition of an expression, in terms of the words of the message:
// a word, or a minimum number of other formulas. Nil always holds.
type formula struct {
	word  int // index in wordTable.words; -1 if parts are set
	least int // minimum number of parts that hold
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

// wordTable holds the words that rules search for, by stream of texts.
type wordTable struct {
	words   []word
	streams []*wordStream
	byKey   map[string]*wordStream
	roots   []*branch
}

// branch is a node in the tree of streams that start from the same values: common prefixes
// of several streams are evaluated once.
type branch struct {
	at    *stream
	reads *wordStream // the stream whose texts are searched; or nil
	goes  []*branch
}

type word struct {
	stream int
	text   string // folded
}

// wordStream holds the words of one stream. One automaton reads a text for all streams that
// contain it: its own stream, those of arrays with it, and those of functions that return
// the text unchanged.
type wordStream struct {
	from    *stream
	index   int
	parts   []*wordStream  // streams whose texts are searched instead; none if this one's are
	base    *wordStream    // stream whose automaton reads the texts, and before whose they are made; or nil
	makes   []*wordStream  // streams with this base
	ids     map[string]int // ids of words
	numbers map[string]int // numbers of words in the automaton
	texts   []string       // by number
	list    [][]int        // ids by number
	somes   []int          // ids of the words that represent a non-empty stream
	some    int            // the one of the stream itself, or -1
	machine *automaton
}

func newWordTable() *wordTable { return &wordTable{byKey: make(map[string]*wordStream)} }

// shortest is the minimum length in bytes of a searched word: shorter ones occur in nearly
// every text.
const shortest = 3

// isWord reports whether a folded text is worth searching for. Invalid UTF-8 equals the
// replacement character in patterns, but no bytes in this search.
func isWord(text string) bool {
	return len(text) >= shortest && !strings.ContainsRune(text, utf8.RuneError)
}

// want adds a word, and returns the formula that it is in the stream.
func (t *wordTable) want(s *stream, text string) *formula {
	if text = fold(text); s == nil || !isWord(text) {
		return nil
	}
	ws := t.of(s)
	id, ok := ws.ids[text]
	if !ok {
		id = t.add(ws, text)
		ws.ids[text] = id
		ws.lookFor(text, id)
	}
	return &formula{word: id}
}

// lookFor adds a word to the search in the texts of the stream.
func (ws *wordStream) lookFor(text string, id int) {
	for _, p := range ws.parts {
		p.lookFor(text, id)
	}
	if len(ws.parts) > 0 {
		return
	}
	reader := ws.reader()
	n, ok := reader.numbers[text]
	if !ok {
		n = len(reader.texts)
		reader.numbers[text] = n
		reader.texts = append(reader.texts, text)
	}
	for len(ws.list) <= n {
		ws.list = append(ws.list, nil)
	}
	ws.list[n] = append(ws.list[n], id)
}

// reader returns the stream whose automaton reads the texts.
func (ws *wordStream) reader() *wordStream { return cmp.Or(ws.base, ws) }

// wantSome returns the formula that the stream is not empty.
func (t *wordTable) wantSome(s *stream) *formula {
	if s == nil || s.full {
		return nil
	}
	ws := t.of(s)
	if ws.base != nil { // its base has more
		return nil
	}
	if ws.some < 0 {
		ws.some = t.add(ws, "")
		ws.lookForSome(ws.some)
	}
	return &formula{word: ws.some}
}

// lookForSome adds a word that represents a non-empty stream.
func (ws *wordStream) lookForSome(id int) {
	for _, p := range ws.parts {
		p.lookForSome(id)
	}
	if len(ws.parts) == 0 {
		ws.somes = append(ws.somes, id)
	}
}

func (t *wordTable) of(s *stream) *wordStream {
	ws := t.byKey[s.key]
	if ws != nil {
		return ws
	}
	ws = &wordStream{from: s, ids: make(map[string]int), numbers: make(map[string]int), some: -1}
	for _, p := range s.parts {
		ws.parts = append(ws.parts, t.of(p))
	}
	if len(s.parts) == 0 && s.base != nil {
		if base := t.of(s.base); base.base == nil && len(base.parts) == 0 {
			ws.base, base.makes = base, append(base.makes, ws)
		}
	}
	ws.index = len(t.streams)
	t.byKey[s.key] = ws
	t.streams = append(t.streams, ws)
	return ws
}

func (t *wordTable) add(ws *wordStream, text string) int {
	t.words = append(t.words, word{ws.index, text})
	return len(t.words) - 1
}

// build builds the automata, once all words are known.
func (t *wordTable) build() {
	for _, s := range t.streams {
		if len(s.texts) > 0 {
			s.machine = newAutomaton(s.texts, true)
		}
	}
	byKey := make(map[string]*branch)
	for _, s := range t.streams {
		if s.reads() {
			t.branch(byKey, s.from).reads = s
		}
	}
}

// branch returns the branch of a stream, and creates its parents.
func (t *wordTable) branch(byKey map[string]*branch, s *stream) *branch {
	b := byKey[s.key]
	switch {
	case b != nil:
		return b
	case s.from == nil:
		b = &branch{at: s}
		t.roots = append(t.roots, b)
	default:
		b = &branch{at: s}
		from := t.branch(byKey, s.from)
		from.goes = append(from.goes, b)
	}
	byKey[s.key] = b
	return b
}

// walk searches a value and the values that the streams derive from it.
func (b *branch) walk(f *frame, v schema.Value) {
	if b.reads != nil {
		b.reads.look(f, v)
	}
	if v.IsNull() {
		return
	}
	for _, next := range b.goes {
		if !next.at.goes {
			next.walk(f, next.at.next(f, v))
			continue
		}
		if l := v.List(); l != nil {
			for i := range min(l.Len(), maxElements) {
				next.walk(f, l.At(i))
			}
		}
	}
}

// readAll reads the texts of all streams, unless the judgement ends early.
func (f *frame) readAll() {
	for _, b := range f.words.table.roots {
		if f.overrun = false; f.ctx.Err() != nil {
			return
		}
		b.walk(f, b.at.next(f, schema.Value{}))
	}
	for i := range f.words.read {
		f.words.read[i] = true
	}
}

// wordState holds the words found in one message.
type wordState struct {
	table *wordTable
	read  []bool   // by stream
	found []uint64 // bit set by word
	lists [][][]int
}

func (s *wordState) mark(ids []int) {
	for _, id := range ids {
		s.found[id/64] |= 1 << (id % 64)
	}
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

// has reports whether a word is in its stream. The texts of a stream are read once.
func (f *frame) has(word int) bool {
	f.read(f.words.table.words[word].stream)
	return f.words.found[word/64]&(1<<(word%64)) != 0
}

// read reads the texts of a stream, once.
func (f *frame) read(s int) {
	w := &f.words
	if w.read[s] {
		return
	}
	w.read[s] = true
	ws := w.table.streams[s]
	for _, p := range ws.parts {
		f.read(p.index)
	}
	switch {
	case len(ws.parts) > 0:
	case ws.base != nil:
		f.read(ws.base.index)
	default:
		ws.scan(f)
	}
}

// reads reports whether the texts of the stream itself are searched.
func (ws *wordStream) reads() bool {
	return len(ws.parts) == 0 && ws.base == nil && (ws.machine != nil || len(ws.somes) > 0)
}

// scan searches the stream for all of its words.
func (ws *wordStream) scan(f *frame) {
	if ws.reads() {
		ws.from.each(f, func(v schema.Value) { ws.look(f, v) })
	}
}

// look searches one value of the stream for all of its words.
func (ws *wordStream) look(f *frame, v schema.Value) {
	f.words.mark(ws.somes)
	if ws.machine == nil || v.Kind() != schema.String {
		return
	}
	text := v.Text()
	if !ws.from.long {
		text = f.cut(text, maxText)
	}
	ws.scanText(f, text)
}

// scanText searches a text, and the different texts derived from it.
func (ws *wordStream) scanText(f *frame, text string) {
	same := append(f.words.lists[:0], ws.list)
	for _, m := range ws.makes {
		if made := f.cut(m.from.made(f, text), maxText); made == text {
			same = append(same, m.list)
		} else {
			ws.find(f, made, m.list)
		}
	}
	ws.find(f, text, same...)
	f.words.lists = same
}

// find marks the words of some lists that are in a text.
func (ws *wordStream) find(f *frame, text string, lists ...[][]int) {
	if len(text) < shortest {
		return
	}
	if !isASCII(text) {
		text = f.fold(text)
	}
	f.spent += int64(len(text) / stepBytes)
	ws.machine.find(text, func(n int) bool {
		for _, l := range lists {
			if n < len(l) {
				f.words.mark(l[n])
			}
		}
		return true
	})
}

// stepBytes is the number of bytes of text searched in one step.
const stepBytes = 256

// clause returns words, rare in messages, of which one must be in a message for the formula
// to hold. If at least k of n parts must hold, one of any n-k+1 parts does: the clauses
// with the most frequent words, by length, are left out. It is nil if there is no such
// clause, and empty if the formula cannot hold.
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

// maxClause bounds the words that a rule is indexed under.
const maxClause = 1000

// rate estimates the fraction of messages that contain one of the words.
func (t *wordTable) rate(ids []int) float64 {
	sum := 0.0
	for _, id := range ids {
		n := max(len(t.words[id].text), 1)
		sum += 1 / float64(2*n*n)
	}
	return sum
}
