package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// textWriter collapses white space as CSS 2.1, Section 16.6.1 does, and keeps blocks on
// separate lines. Its length never shrinks, so offsets stay valid.
type textWriter struct {
	b      strings.Builder
	space  bool // white space is due before the next character
	breaks int  // line ends that are due, at most two
}

// line requests n line ends before the next character.
func (w *textWriter) line(n int) {
	if w.b.Len() > 0 {
		w.breaks = max(w.breaks, n)
	}
	w.space = false
}

// lineBreak is a br element: two of them leave an empty line.
func (w *textWriter) lineBreak() {
	if w.b.Len() > 0 {
		w.breaks = min(w.breaks+1, 2)
	}
	w.space = false
}

func (w *textWriter) write(s string, pre bool) {
	for s != "" {
		if n := plainRun(s); n > 0 {
			w.flush()
			w.b.WriteString(s[:n])
			s = s[n:]
			continue
		}
		c, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		switch {
		case pre && c == '\n':
			w.lineBreak()
		case c <= ' ' || unicode.IsSpace(c) || isExoticSpace(c):
			w.space = w.space || w.breaks == 0
		case !isInvisible(c):
			w.flush()
			w.b.WriteRune(c)
		}
	}
}

// plainRun returns the length of the printable ASCII at the beginning of s, with single
// spaces between words.
func plainRun(s string) int {
	i := 0
	for i < len(s) {
		switch {
		case isPlain(s[i]):
			i++
		case s[i] == ' ' && i > 0 && i+1 < len(s) && isPlain(s[i+1]):
			i += 2
		default:
			return i
		}
	}
	return i
}

func isPlain(c byte) bool { return c > ' ' && c < 0x7F }

func (w *textWriter) flush() {
	switch {
	case w.breaks > 0:
		w.b.WriteString("\n\n"[:w.breaks])
	case w.space && w.b.Len() > 0:
		w.b.WriteByte(' ')
	}
	w.breaks, w.space = 0, false
}

func isExoticSpace(c rune) bool {
	return c == 0x1680 || c == 0x180E || c >= 0x2000 && c <= 0x200A || c == 0x2800 || c == 0x3164 || c == 0xFFA0
}

// isInvisible reports whether c takes no space on screen: controls, zero-width characters,
// soft hyphens, directional marks, variation selectors and tags.
func isInvisible(c rune) bool {
	switch {
	case c < 0x20, c >= 0x7F && c < 0xA0, c == 0xAD, c == 0x34F, c == 0x061C, c == 0x115F, c == 0x1160, c == 0x17B4, c == 0x17B5, c == 0xFEFF:
		return true
	case c >= 0x180B && c <= 0x180D, c >= 0x200B && c <= 0x200F, c >= 0x202A && c <= 0x202E, c >= 0x2060 && c <= 0x206F:
		return true
	}
	return c >= 0xFE00 && c <= 0xFE0F || c >= 0xFFF9 && c <= 0xFFFB || c >= 0xE0000 && c <= 0xE0FFF
}

// clip returns at most n bytes of s, whole characters only.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n = max(n, 0)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// collapse returns s with single spaces only and without invisible characters.
func collapse(s string) string {
	var w textWriter
	w.b.Grow(len(s))
	w.write(s, false)
	return w.b.String()
}
