package observable

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold returns s in the form in which Outrider compares text: compatibility variants
// and case are folded, accents, zero-width and other invisible characters are gone.
func Fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	foldTo(s, func(c rune) { b.WriteRune(c) })
	return b.String()
}

// foldTo passes the folded characters of s to emit.
func foldTo(s string, emit func(rune)) {
	var it norm.Iter
	it.InitString(norm.NFKD, s)
	for !it.Done() {
		for segment := it.Next(); len(segment) > 0; {
			c, size := utf8.DecodeRune(segment)
			segment = segment[size:]
			if !IsInvisible(c) && !unicode.Is(unicode.Mn, c) {
				emitLower(unicode.ToLower(c), emit)
			}
		}
	}
}

// emitLower spells out the letters that have no decomposition and that people type
// without their accent.
func emitLower(c rune, emit func(rune)) {
	switch c {
	case 'ß':
		emit('s')
		emit('s')
	case 'ø':
		emit('o')
	case 'ł':
		emit('l')
	case 'ı':
		emit('i')
	case 'æ':
		emit('a')
		emit('e')
	default:
		emit(c)
	}
}

// IsInvisible reports whether c takes no room on screen: zero-width characters, soft
// hyphens, directional marks, variation selectors and tags.
func IsInvisible(c rune) bool {
	switch {
	case c < 0xAD:
		return false
	case c == 0xAD, c == 0x34F, c == 0x061C, c == 0x115F, c == 0x1160, c == 0x17B4, c == 0x17B5, c == 0x3164, c == 0xFEFF, c == 0xFFA0:
		return true
	case c >= 0x180B && c <= 0x180E, c >= 0x200B && c <= 0x200F, c >= 0x202A && c <= 0x202E, c >= 0x2060 && c <= 0x206F:
		return true
	}
	return c >= 0xFE00 && c <= 0xFE0F || c >= 0xE0000 && c <= 0xE0FFF
}

// Words returns the folded words of s, each between two single spaces, with one space
// at either end. Characters of scripts that write without spaces are words of their
// own; currency and percent signs are too.
func Words(s string) string {
	w := wordWriter{space: true}
	w.b.Grow(len(s) + 2)
	w.b.WriteByte(' ')
	if isASCII(s) {
		for i := range len(s) {
			w.write(asciiLower(rune(s[i])))
		}
	} else {
		foldTo(s, w.write)
	}
	w.gap()
	return w.b.String()
}

func asciiLower(c rune) rune {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// wordWriter collects words.
type wordWriter struct {
	b     strings.Builder
	space bool // the last byte written is a space
}

func (w *wordWriter) gap() {
	if !w.space {
		w.b.WriteByte(' ')
		w.space = true
	}
}

func (w *wordWriter) write(c rune) {
	switch {
	case c < utf8.RuneSelf:
		w.writeASCII(c)
	case isUnspaced(c), unicode.Is(unicode.Sc, c):
		w.writeAlone(c)
	case unicode.IsLetter(c), unicode.IsDigit(c):
		w.b.WriteRune(c)
		w.space = false
	case c == '\u2019': // the typographic apostrophe is none, like the plain one
	default:
		w.gap()
	}
}

func (w *wordWriter) writeASCII(c rune) {
	switch {
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		w.b.WriteByte(byte(c))
		w.space = false
	case c == '$', c == '%':
		w.writeAlone(c)
	case c == '\'':
	default:
		w.gap()
	}
}

func (w *wordWriter) writeAlone(c rune) {
	w.gap()
	w.b.WriteRune(c)
	w.space = false
	w.gap()
}

// isUnspaced reports whether c belongs to a script that writes without spaces.
func isUnspaced(c rune) bool {
	return c >= 0x2E80 && unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
