package yara

import (
	"bytes"
	"fmt"
	"regexp/syntax"
	"slices"
)

// An atom is a few bytes that occur in every match of a pattern. Atoms below two bytes
// occur everywhere, and longer ones than four are no more selective.
const (
	longestAtom  = 4
	shortestAtom = 2
)

// Bounds of the atoms of one variant.
const (
	maxSpread   = 64 // possible starts of a match per atom
	maxPrefixes = 32 // alternative beginnings of a regular expression
	maxTree     = 50 // examined depth of a regular expression
)

// atom is a byte sequence, and its distance from the start of the match.
type atom struct {
	text        []byte
	least, most int
}

func (a atom) equal(b atom) bool {
	return bytes.Equal(a.text, b.text) && a.least == b.least && a.most == b.most
}

// index selects the atoms and builds their tables.
func (r *Rules) index() error {
	common := r.common()
	var entries [longestAtom + 1][]entry
	for i := range r.patterns {
		for j := range r.patterns[i].variants {
			v := &r.patterns[i].variants[j]
			atoms := v.atoms(common)
			v.loose = len(atoms) == 0
			r.patterns[i].loose = r.patterns[i].loose || v.loose
			for _, a := range atoms {
				e := entry{key(a.text), ref{int32(i), int32(j), int32(a.least), int32(a.most)}}
				entries[len(a.text)] = append(entries[len(a.text)], e)
			}
		}
	}
	total := 0
	for width, list := range entries {
		if total += len(list); total > maxAtoms {
			return fmt.Errorf("more than %d atoms", maxAtoms)
		}
		if len(list) > 0 {
			r.tables = append(r.tables, newGrams(width, list))
		}
	}
	return nil
}

// common counts the patterns that contain four bytes. Bytes in many rules belong to a file
// format, and occur in many files.
func (r *Rules) common() map[uint32]int {
	count := make(map[uint32]int)
	for i := range r.patterns {
		seen := make(map[uint32]bool)
		for _, v := range r.patterns[i].variants {
			for _, w := range v.windows() {
				if k := key(w.text); len(w.text) == longestAtom && !seen[k] {
					seen[k] = true
					count[k]++
				}
			}
		}
	}
	return count
}

// atoms returns byte sequences of which one is in every match, or nothing.
func (v *variant) atoms(common map[uint32]int) []atom {
	if v.re != nil {
		return v.re.atoms(common)
	}
	best, ok := rarest(v.windows(), common)
	if !ok {
		return nil
	}
	return []atom{best}
}

// rarest returns the atom that occurs in the fewest files.
func rarest(windows []atom, common map[uint32]int) (best atom, ok bool) {
	top := 0
	for _, w := range windows {
		score := rarity(w.text)*8 - common[key(w.text)]*16 - (w.most-w.least)*32
		if score = max(score, 1); len(w.text) >= shortestAtom && score > top {
			best, top = w, score
		}
	}
	return best, top > 0
}

// rarity rates bytes: more and different bytes are better, and those common in formats and
// languages are worse.
func rarity(b []byte) int {
	n := 0
	for i, c := range b {
		n += 100
		switch {
		case i > 0 && b[i-1] == c:
			n -= 90
		case c == 0 || c == 0xff || c == ' ' || c == '\n' || c == '\r':
			n -= 60
		case digit(c):
			n -= 40
		case letter(c):
			n -= 35
		}
	}
	return n
}

// windows returns the runs of known bytes at known distances from the start.
func (v *variant) windows() []atom {
	var out []atom
	var run []byte
	least, most := 0, 0
	for _, e := range v.elements {
		switch {
		case e.choices != nil || e.jump && e.max < 0 || most-least > maxSpread:
			return out // the distance is unknown from here on
		case e.jump:
			run = nil
			least, most = least+e.min, most+e.max
		case e.mask != 0xff || e.not:
			run = nil
			least, most = least+1, most+1
		default:
			run = append(run, e.value)
			least, most = least+1, most+1
			if n := min(len(run), longestAtom); most-least < maxSpread {
				out = append(out, atom{run[len(run)-n:], least - n, most - n})
			}
		}
	}
	return out
}

// atoms returns the atoms of the rarest part of the expression.
func (e *expression) atoms(common map[uint32]int) []atom {
	parts := []*syntax.Regexp{e.tree}
	for parts[0].Op == syntax.OpCapture {
		parts[0] = parts[0].Sub[0]
	}
	if parts[0].Op == syntax.OpConcat {
		parts = parts[0].Sub
	}
	var best []atom
	top, least, most := 0, 0, 0
	for i := range parts {
		list, score := common4(prefixes(parts[i:], 0).texts, least, most, common)
		if score > top {
			best, top = list, score
		}
		low, high := width(parts[i], 0)
		least, most = least+low, most+high
		if high < 0 || most-least >= maxSpread {
			break
		}
	}
	return best
}

// common4 returns the rarest bytes of each text, and the rarity of the most common of them.
func common4(texts []string, least, most int, common map[uint32]int) (list []atom, score int) {
	for i, text := range texts {
		v := variant{elements: fixed(text)}
		a, ok := rarest(v.windows(), common)
		if !ok {
			return nil, 0
		}
		if n := 1 + len(a.text)*1000 + rarity(a.text) - (most-least)*16; i == 0 || n < score {
			score = n
		}
		a.least, a.most = a.least+least, a.most+most
		if !slices.ContainsFunc(list, a.equal) {
			list = append(list, a)
		}
	}
	return list, score
}

// beginnings are texts of which one begins every match; exact if nothing follows.
type beginnings struct {
	texts []string
	exact bool
}

// prefixes returns the beginnings of consecutive parts.
func prefixes(parts []*syntax.Regexp, depth int) beginnings {
	out := beginnings{[]string{""}, true}
	for _, t := range parts {
		next := prefix(t, depth+1)
		var joined []string
		for _, a := range out.texts {
			for _, b := range next.texts {
				joined = append(joined, a+b)
			}
		}
		if len(joined) == 0 || len(joined) > maxPrefixes {
			return beginnings{out.texts, false}
		}
		if out = (beginnings{joined, next.exact}); !out.exact {
			break
		}
	}
	return out
}

// prefix returns the beginnings of one part; an empty text means unknown.
func prefix(t *syntax.Regexp, depth int) beginnings {
	anything := beginnings{[]string{""}, false}
	if depth > maxTree {
		return anything
	}
	switch t.Op {
	case syntax.OpLiteral:
		return literal(t.Rune)
	case syntax.OpCharClass:
		return class(t.Rune)
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return beginnings{[]string{""}, true}
	case syntax.OpCapture, syntax.OpConcat:
		return prefixes(t.Sub, depth+1)
	case syntax.OpPlus:
		return beginnings{prefix(t.Sub[0], depth+1).texts, false}
	case syntax.OpRepeat:
		if t.Min > 0 {
			return beginnings{prefixes(slices.Repeat(t.Sub, min(t.Min, longestAtom)), depth+1).texts, false}
		}
	case syntax.OpAlternate:
		return alternatives(t.Sub, depth)
	case syntax.OpNoMatch, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpStar, syntax.OpQuest:
	}
	return anything
}

func alternatives(parts []*syntax.Regexp, depth int) beginnings {
	out := beginnings{nil, true}
	for _, t := range parts {
		b := prefix(t, depth+1)
		out.texts, out.exact = append(out.texts, b.texts...), out.exact && b.exact
		if len(out.texts) > maxPrefixes {
			return beginnings{[]string{""}, false}
		}
	}
	return out
}

// literal returns runes as bytes, up to one with case variants beyond ASCII.
func literal(runes []rune) beginnings {
	var b []byte
	for _, r := range runes {
		if r >= 0x80 {
			return beginnings{[]string{string(b)}, false}
		}
		b = append(b, byte(r))
	}
	return beginnings{[]string{string(b)}, true}
}

// class returns the members of a small class, given as pairs of bounds. Atoms ignore case,
// so a letter in both cases is one.
func class(bounds []rune) beginnings {
	var texts []string
	seen := make(map[byte]bool)
	for i := 0; i+1 < len(bounds); i += 2 {
		for r := bounds[i]; r <= bounds[i+1] && r < 0x100; r++ {
			if c := byte(r) | byte(folding&0xff); !seen[c] {
				seen[c] = true
				texts = append(texts, string([]byte{byte(r)}))
			}
			if len(texts) > 8 {
				return beginnings{[]string{""}, false}
			}
		}
	}
	if len(texts) == 0 {
		return beginnings{[]string{""}, false} // nothing below U+0100 fits
	}
	return beginnings{texts, true}
}

// width returns the minimum and maximum number of bytes that a part matches, -1 if
// unbounded.
func width(t *syntax.Regexp, depth int) (least, most int) {
	if depth > maxTree {
		return 0, -1
	}
	switch t.Op {
	case syntax.OpLiteral:
		return len(t.Rune), len(t.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, 1
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return 0, 0
	case syntax.OpCapture:
		return width(t.Sub[0], depth+1)
	case syntax.OpQuest:
		_, high := width(t.Sub[0], depth+1)
		return 0, high
	case syntax.OpRepeat:
		low, high := width(t.Sub[0], depth+1)
		if high < 0 || t.Max < 0 {
			return low * t.Min, -1
		}
		return low * t.Min, high * t.Max
	case syntax.OpNoMatch, syntax.OpStar, syntax.OpPlus, syntax.OpConcat, syntax.OpAlternate:
	}
	return 0, -1
}
