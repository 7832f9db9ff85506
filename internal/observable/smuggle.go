package observable

import (
	"strings"
	"unicode"
)

// Smuggled is text encoded in invisible characters, for programs that read the message.
type Smuggled struct {
	Kind  SmuggleKind
	Text  string // the encoded text; at most maxSmuggledText bytes
	Runes int    // invisible characters
}

// SmuggleKind is the kind of the characters.
type SmuggleKind string

// The kinds.
const (
	SmuggleTags      SmuggleKind = "tags"                // tag characters without a flag
	SmuggleSelectors SmuggleKind = "variation-selectors" // a run of variation selectors
)

// Bounds on smuggled text.
const (
	maxSmuggled     = 20   // runs per text
	maxSmuggledText = 1000 // bytes per run
	minTags         = 2    // per run; a single one is part of a broken emoji
	minSelectors    = 4    // per run; some editors write one twice
	maxFlagTags     = 7    // of a flag: a region of six characters and the end. UTS #51, ED-14a
)

const (
	blackFlag = 0x1F3F4
	tagSpace  = 0xE0020
	tagEnd    = 0xE007F
)

// SmuggledRuns returns the runs of tag characters and variation selectors that belong to no
// emoji.
func SmuggledRuns(text string) []Smuggled {
	if isASCII(text) {
		return nil
	}
	r := smuggleReader{}
	for _, c := range text {
		r.add(c)
	}
	r.end()
	return r.found
}

// smuggleReader collects one run at a time.
type smuggleReader struct {
	found  []Smuggled
	kind   SmuggleKind // of the run, or ""
	text   []byte
	runes  int
	closed bool // the last tag ends a sequence
	before rune // character before the run
}

func (r *smuggleReader) add(c rune) {
	kind, value := smuggledByte(c)
	if kind != r.kind {
		r.end()
	}
	if kind == "" {
		r.before = c
		return
	}
	r.kind = kind
	r.runes++
	r.closed = c == tagEnd
	if !r.closed && len(r.text) < maxSmuggledText {
		r.text = append(r.text, value)
	}
}

// end completes the run, if any.
func (r *smuggleReader) end() {
	if r.kind == "" {
		return
	}
	flag := r.before == blackFlag && r.closed && r.runes <= maxFlagTags
	enough := r.kind == SmuggleTags && r.runes >= minTags && !flag || r.kind == SmuggleSelectors && r.runes >= minSelectors
	if enough && len(r.found) < maxSmuggled {
		text := strings.Map(dropControl, strings.ToValidUTF8(string(r.text), ""))
		r.found = append(r.found, Smuggled{Kind: r.kind, Text: text, Runes: r.runes})
	}
	r.kind, r.text, r.runes, r.closed = "", r.text[:0], 0, false
	r.before = 0
}

func dropControl(c rune) rune {
	if unicode.IsControl(c) {
		return -1
	}
	return c
}

// smuggledByte returns the kind of an invisible character and the byte that it encodes.
func smuggledByte(c rune) (SmuggleKind, byte) {
	switch {
	case c >= tagSpace && c <= tagEnd:
		return SmuggleTags, byte(c - 0xE0000)
	case c == 0xE0001:
		return SmuggleTags, ' '
	case c >= 0xFE00 && c <= 0xFE0F:
		return SmuggleSelectors, byte(c - 0xFE00)
	case c >= 0xE0100 && c <= 0xE01EF:
		return SmuggleSelectors, byte(c - 0xE0100 + 16)
	}
	return "", 0
}
