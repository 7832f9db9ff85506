package rule

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"outrider/internal/observable"
)

// latin replaces Latin look-alikes by Latin letters. ASCII texts stay as they are: rules
// compare a text with the result.
func (f *frame) latin(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for s != "" {
		if n := asciiLength(s); n > 0 {
			b.WriteString(s[:n])
			s = s[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		seen := &f.latins[r%rune(len(f.latins))]
		if seen.from != r {
			*seen = likeness{r, latinRune(r)}
		}
		b.WriteString(seen.to)
	}
	return b.String()
}

// likeness is a character and its Latin look-alike.
type likeness struct {
	from rune
	to   string
}

// latinRune returns the ASCII look-alike of a character, or the character.
func latinRune(r rune) string {
	// Styled letters, such as full width and mathematical bold, decompose.
	if d := norm.NFKD.String(string(r)); isLetters(d) {
		return d
	}
	if p, ok := observable.LooksLike(r); ok && isLetters(p) {
		return p
	}
	return string(r)
}

// isLetters reports whether a text is letters and digits of ASCII.
func isLetters(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return s != ""
}
