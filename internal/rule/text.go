package rule

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fold replaces each letter by a representative of all its cases, as Go's regular
// expressions do: the Kelvin sign is a k. Folded texts are returned unchanged.
func fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return foldFrom(s, i)
		}
	}
	return s
}

func foldFrom(s string, i int) string {
	out := make([]byte, len(s)) // no character has a longer form
	n := copy(out, s[:i])
	for i < len(s) {
		run := out[n : n+asciiLength(s[i:])]
		for k := range copy(run, s[i:]) {
			if c := run[k]; 'A' <= c && c <= 'Z' {
				run[k] = c + 'a' - 'A'
			}
		}
		i, n = i+len(run), n+len(run)
		for i < len(s) && s[i] >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				out[n] = s[i]
				n++
			} else {
				n += utf8.EncodeRune(out[n:], foldRune(r))
			}
			i += size
		}
	}
	return string(out[:n])
}

// isASCII reports whether a text is all ASCII.
func isASCII(s string) bool { return asciiLength(s) == len(s) }

// asciiLength returns the length of the ASCII prefix of a text. It checks eight bytes at
// once.
func asciiLength(s string) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		eight := s[i : i+8]
		if (eight[0]|eight[1]|eight[2]|eight[3]|eight[4]|eight[5]|eight[6]|eight[7])&utf8.RuneSelf != 0 {
			break
		}
	}
	for i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// foldRune returns the least rune of the cases of a letter, or lower case in ASCII.
func foldRune(r rune) rune {
	if isCaseless(r) {
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

// isCaseless reports whether a character is in one of the large ranges without case: signs
// and marks, the scripts of Asia, and pictures. These contain most characters beyond ASCII.
func isCaseless(r rune) bool {
	switch {
	case r < 0x370:
		return 0x80 <= r && r < 0xB5 || 0x346 <= r
	case r < 0x3000:
		return 0x590 <= r && r < 0x10A0 || 0x2000 <= r && r < 0x2126
	default:
		return r < 0xA640 || 0xAC00 <= r && r < 0xFB00 || 0x1F000 <= r
	}
}

// wildcard reports whether a whole text matches a pattern with * for any run of characters
// and ? for one. The worst case is proportional to the product of the lengths, paid in
// steps; patterns with few stars take time proportional to the sum.
func wildcard(f *frame, text, pattern string) bool {
	t, p, star, mark := 0, 0, -1, 0
	for n := 1; t < len(text); n++ {
		if n%stepBytes == 0 && !f.spend(1) {
			return false
		}
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && pattern[p] == '?':
			_, n := utf8.DecodeRuneInString(text[t:])
			t, p = t+n, p+1
		case p < len(pattern) && pattern[p] == text[t]:
			t, p = t+1, p+1
		case star >= 0:
			mark += next(text[mark:], pattern[star+1:])
			t, p = mark, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// next returns the minimum length of a star: up to a place where the text after it can
// match.
func next(text, rest string) int {
	_, n := utf8.DecodeRuneInString(text)
	if rest == "" || rest[0] == '*' || rest[0] == '?' {
		return n
	}
	if i := strings.IndexByte(text[n:], rest[0]); i >= 0 {
		return n + i
	}
	return len(text)
}

// maxDistance bounds the characters of an edit distance; longer texts are truncated.
const maxDistance = 500

// levenshtein returns the number of characters to insert, remove or replace to turn one
// text into another.
func levenshtein(a, b string) int {
	var short, long [64]rune
	x, y := runes(short[:0], a), runes(long[:0], b)
	if len(x) > len(y) {
		x, y = y, x
	}
	switch {
	case len(x) == 0:
		return len(y)
	case len(x) <= 64:
		return distanceByBits(x, y)
	}
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range y {
			cost := diagonal
			if r != s {
				cost = min(diagonal, row[j], row[j+1]) + 1
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(y)]
}

// distanceByBits is the edit distance between a text of 1 to 64 characters and another
// (Myers, 1999, in Hyyrö's form): a column of the table at once, as two bit sets of the
// rows where the value increases and decreases.
func distanceByBits(x, y []rune) int {
	more, less := ^uint64(0), uint64(0)
	last := uint64(1) << (len(x) - 1)
	distance := len(x)
	for _, r := range y {
		var equal uint64
		for i, c := range x {
			if c == r {
				equal |= 1 << i
			}
		}
		diagonal := (equal&more + more) ^ more | equal | less
		up, down := less|^(diagonal|more), more&diagonal
		switch {
		case up&last != 0:
			distance++
		case down&last != 0:
			distance--
		}
		up, down = up<<1|1, down<<1
		more, less = down|^(diagonal|up), up&diagonal
	}
	return distance
}

// runes appends the first characters of a text.
func runes(out []rune, s string) []rune {
	for _, r := range s {
		if len(out) == maxDistance {
			break
		}
		out = append(out, r)
	}
	return out
}

// Bounds on the bytes of a text that words and patterns are searched in.
const (
	maxText      = 1 << 20
	maxRegexText = 1 << 20
)

// cutText truncates a text for functions, and reports whether it did.
func cutText(s string, end int) (string, bool) {
	if len(s) <= end {
		return s, false
	}
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end], true
}

// cut is cutText without the report.
func (f *frame) cut(s string, end int) string {
	s, _ = cutText(s, end)
	return s
}
