package observable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// endsLink reports whether a character outside of ASCII ends a link in text, in any
// script: blanks, brackets, quotation marks, dashes, and what ends sentences and clauses.
// Unicode, PropList: Terminal_Punctuation.
func endsLink(c rune) bool {
	switch {
	case c < utf8.RuneSelf:
		return false
	case c >= 0x2012 && c <= 0x2015, c == 0x2026, c == 0x2022, c == utf8.RuneError:
		return true // dashes, an ellipsis, a bullet, what is no text
	}
	return unicode.In(c, unicode.Z, unicode.Ps, unicode.Pe, unicode.Pi, unicode.Pf, unicode.Terminal_Punctuation)
}

// isOtherDot reports whether c separates labels of a host as "." does.
// RFC 3490, Section 3.1.
func isOtherDot(c rune) bool { return c == '\u3002' || c == '\uff0e' || c == '\uff61' }

// isHostRune reports whether c is in names of hosts as people write them.
func isHostRune(c rune) bool {
	if c < utf8.RuneSelf {
		return isHostByte(byte(c))
	}
	return unicode.In(c, unicode.L, unicode.M, unicode.Nd) || c == '\u200d' || c == '\u200c' || c == '\u00ad' || c == '\u30fb' || c == '\u00b7'
}

func isHostByte(c byte) bool { return isLetter(c) || isDigit(c) || c == '-' || c == '.' || c == '_' }

// hostEnd returns where the name of a host ends that goes on at i.
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

// hostStart returns where the name of a host begins that goes on up to end. Scripts that
// write without blanks put their words directly before a name of ASCII.
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

// isRunOn reports whether c belongs to a script that writes without blanks.
func isRunOn(c rune) bool {
	return c >= 0x0E00 && unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// trimHost cuts off what is after a name without a blank: particles of Korean, words
// of Chinese, punctuation of ASCII. A name ends there only where what is left ends with a
// known suffix, and the whole does not.
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

// maxTrims is at how many places a name is cut for a try.
const maxTrims = 4

func isKnownHost(host string) bool {
	domain, ok := hostName(strings.TrimRight(host, "."))
	return ok && strings.Contains(domain, ".") && IsKnownSuffix(domain)
}
