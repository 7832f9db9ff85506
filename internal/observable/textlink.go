package observable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// endsLink reports whether a character beyond ASCII ends a link in text, in any script:
// blanks, brackets, quotation marks, dashes, and the ends of sentences and clauses.
// Unicode, PropList: Terminal_Punctuation.
func endsLink(c rune) bool {
	switch {
	case c < utf8.RuneSelf:
		return false
	case c >= 0x2012 && c <= 0x2015, c == 0x2026, c == 0x2022, c == utf8.RuneError:
		return true // dashes, an ellipsis, a bullet, non-characters
	}
	return unicode.In(c, unicode.Z, unicode.Ps, unicode.Pe, unicode.Pi, unicode.Pf, unicode.Terminal_Punctuation)
}

// isOtherDot reports whether c separates the labels of a host like ".". RFC 3490, Section
// 3.1.
func isOtherDot(c rune) bool { return c == '\u3002' || c == '\uff0e' || c == '\uff61' }

// isHostRune reports whether c occurs in host names as people write them.
func isHostRune(c rune) bool {
	if c < utf8.RuneSelf {
		return isHostByte(byte(c))
	}
	return unicode.In(c, unicode.L, unicode.M, unicode.Nd) || c == '\u200d' || c == '\u200c' || c == '\u00ad' || c == '\u30fb' || c == '\u00b7'
}

func isHostByte(c byte) bool { return isLetter(c) || isDigit(c) || c == '-' || c == '.' || c == '_' }

// hostEnd returns the end of a host name that continues at i.
func hostEnd(text string, i int) int {
	for i < len(text) {
		c, size := utf8.DecodeRuneInString(text[i:])
		if !isHostRune(c) {
			return i
		}
		i += size
	}
	return i
}

// hostStart returns the start of a host name that reaches up to end. Scripts without blanks
// put words directly before an ASCII name.
func hostStart(text string, low, end int) int {
	i := end
	ascii := true
	for i > low {
		c, size := utf8.DecodeLastRuneInString(text[low:i])
		if !isHostRune(c) || ascii && i < end && isRunOn(c) {
			return i
		}
		ascii = ascii && c < utf8.RuneSelf
		i -= size
	}
	return i
}

// isRunOn reports whether c belongs to a script without blanks between words.
func isRunOn(c rune) bool {
	return c >= 0x0E00 && unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// trimHost cuts off text that follows a name without a blank: Korean particles, Chinese
// words, ASCII punctuation. It cuts only where the rest ends with a known suffix, and the
// whole does not.
func trimHost(host string) string {
	if isKnownHost(host) {
		return host
	}
	tries := 0
	for i, c := range host {
		if i == 0 || c < utf8.RuneSelf && isHostByte(byte(c)) || !isHostByte(host[i-1]) {
			continue
		}
		if tries++; tries > maxTrims {
			break
		}
		if isKnownHost(host[:i]) {
			return host[:i]
		}
	}
	return host
}

// maxTrims bounds the places at which a cut is tried.
const maxTrims = 4

func isKnownHost(host string) bool {
	domain, ok := hostName(strings.TrimRight(host, "."))
	return ok && strings.Contains(domain, ".") && IsKnownSuffix(domain)
}
