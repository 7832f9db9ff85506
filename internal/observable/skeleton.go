package observable

import (
	"strings"
	"sync"
	"unicode"
)

// prototypes maps each look-alike to its prototype. It is built on first use and never
// changes.
var prototypes = sync.OnceValue(func() map[rune]string {
	m := make(map[rune]string)
	for _, l := range lookAlikes {
		for _, c := range l.characters {
			m[c] = l.prototype
		}
	}
	return m
})

// Skeleton returns a form of s that is equal for strings that look alike: "pаypal" with a
// Cyrillic letter, "paypa1" and "PayPaI" have one skeleton. It is not for display.
func Skeleton(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, c := range Fold(s) {
		if c < 0x80 {
			b.WriteByte(asciiPrototype(byte(c)))
			continue
		}
		proto, ok := prototypes()[c]
		if !ok {
			b.WriteRune(c)
			continue
		}
		for i := range len(proto) {
			b.WriteByte(asciiPrototype(proto[i]))
		}
	}
	return pairs.Replace(b.String())
}

// asciiPrototype equates the ASCII digits and letters that look alike.
func asciiPrototype(c byte) byte {
	switch c {
	case '0':
		return 'o'
	case '1', 'i', '|', '!':
		return 'l'
	case '3':
		return 'e'
	case '5', '$':
		return 's'
	case '4', '@':
		return 'a'
	default:
		return c
	}
}

// pairs are two letters that look like one.
var pairs = strings.NewReplacer("rn", "m", "vv", "w", "cl", "d")

// MixesScripts reports whether a word of s has letters of several scripts with similar
// shapes: Latin, Greek, Cyrillic, Armenian, Cherokee.
func MixesScripts(s string) bool {
	if isASCII(s) {
		return false
	}
	seen := 0
	for _, c := range s {
		if !unicode.IsLetter(c) {
			seen = 0
			continue
		}
		seen |= scriptBit(c)
		if seen&(seen-1) != 0 {
			return true
		}
	}
	return false
}

func scriptBit(c rune) int {
	switch {
	case unicode.Is(unicode.Latin, c):
		return 1
	case unicode.Is(unicode.Cyrillic, c):
		return 2
	case unicode.Is(unicode.Greek, c) && c != 'µ' && c != 'μ' && c != 'Ω' && c != 'π':
		return 4
	case unicode.Is(unicode.Armenian, c):
		return 8
	case unicode.Is(unicode.Cherokee, c):
		return 16
	default:
		return 0
	}
}

// ASCIILookalikes returns s folded, with characters beyond ASCII replaced by their ASCII
// look-alikes. Unlike Skeleton it leaves ASCII unchanged.
func ASCIILookalikes(s string) string {
	if isASCII(s) {
		return Fold(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, c := range Fold(s) {
		if proto, ok := prototypes()[c]; ok && c >= 0x80 {
			b.WriteString(proto)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// LooksLike returns the ASCII look-alike of a character, in its case if Unicode defines
// that.
func LooksLike(c rune) (string, bool) {
	p, ok := prototypes()[c]
	return p, ok
}
