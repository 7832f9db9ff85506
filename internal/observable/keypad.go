package observable

import (
	"strings"
)

// spelled returns the text with digits for telephone numbers that people can read and
// programs cannot: with letters of the keypad, or with unusual signs between groups of
// three, three and four digits. Function spoken handles numbers in words.
func spelled(text string) string {
	if !hasDigit(text) {
		return text
	}
	b := []byte(text)
	for i := 0; i < len(b); i++ {
		if !isDigit(b[i]) || i > 0 && isWordByte(b[i-1]) {
			continue
		}
		if n := northAmerican(b[i:]); n > 0 {
			i += n - 1
		} else if n := vanity(b[i:]); n > 0 {
			i += n - 1
		}
	}
	return string(b)
}

func hasDigit(text string) bool { return strings.ContainsAny(text, "0123456789") }

// northAmerican replaces one repeated sign between groups of three, three and four digits
// by dashes, and returns the length: amounts and dates have other groups. White space
// around the sign is ignored.
func northAmerican(b []byte) int {
	first, ok := signAfter(b, 3)
	if !ok {
		return 0
	}
	second, ok := signAfter(b[3+first:], 3)
	at := 6 + first + second
	end := at + 4
	if !ok || end > len(b) || !areDigits(b[at:end]) || end < len(b) && isWordByte(b[end]) {
		return 0
	}
	sign := strings.TrimSpace(string(b[3 : 3+first]))
	if sign == "" || sign != strings.TrimSpace(string(b[at-second:at])) || len(sign) != first && oneByte(sign, ",.:;") {
		return 0 // lists have white space after a comma
	}
	for _, gap := range [][]byte{b[3 : 3+first], b[at-second : at]} {
		for i := range gap {
			gap[i] = ' '
		}
		gap[0] = '-'
	}
	return end
}

func oneByte(s, of string) bool { return len(s) == 1 && strings.Contains(of, s) }

// signAfter returns the length of the text between n digits and the next digit.
func signAfter(b []byte, n int) (length int, ok bool) {
	const longest = 6
	if len(b) < n || !areDigits(b[:n]) {
		return 0, false
	}
	for i := n; i < len(b) && i <= n+longest; i++ {
		switch c := b[i]; {
		case isDigit(c):
			return i - n, i > n
		case isLetter(c), strings.IndexByte("+()\n", c) >= 0:
			return 0, false
		}
	}
	return 0, false
}

func areDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// vanity writes digits for the letters of a number such as 1-800-555-HELP: in capitals, at
// its end, after an area code that follows a one or is toll-free. ITU-T E.161.
func vanity(b []byte) int {
	const local = 7
	i := beforeArea(b)
	if i < 0 || len(b) < i+4 || !areDigits(b[i:i+3]) {
		return 0
	}
	keys, letters := 0, 0
	for i += 3; i < len(b) && keys < local; i++ {
		switch c := b[i]; {
		case c >= 'A' && c <= 'Z':
			letters++
			keys++
		case isDigit(c) && letters == 0:
			keys++
		case keys == local, strings.IndexByte("-. )", c) < 0:
			return 0
		}
	}
	if keys < local || letters < 3 || i < len(b) && isWordByte(b[i]) {
		return 0
	}
	for j := range b[:i] {
		if c := b[j]; c >= 'A' && c <= 'Z' {
			b[j] = "22233344455566677778889999"[c-'A']
		}
	}
	return i
}

// beforeArea returns the length of a leading one and the signs after it, 0 for a toll-free
// area code, and -1 otherwise.
func beforeArea(b []byte) int {
	if b[0] == '1' && len(b) > 2 && !isDigit(b[1]) {
		n := 1
		for n < len(b) && n < 3 && strings.IndexByte("-. (", b[n]) >= 0 {
			n++
		}
		return n
	}
	if len(b) < 3 || !isFreeToCall(string(b[:3])) {
		return -1
	}
	return 0
}

// isFreeToCall reports whether an area code is toll-free.
func isFreeToCall(code string) bool {
	switch code {
	case "800", "833", "844", "855", "866", "877", "888":
		return true
	}
	return false
}
