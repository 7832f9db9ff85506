package observable

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds on phone numbers.
const (
	maxPhones    = 20 // returned per text
	longestPhone = 48 // bytes of one number with separators
)

// Phones returns the phone numbers in text, as digits with a leading plus if written. A
// number has ten to fifteen digits (ITU-T E.164), is written in groups or as one word, or
// begins with a plus; dates, amounts and order numbers do not match. Digits, dashes and
// brackets of any script count, and so do letters that look like digits inside a group of
// digits.
func Phones(text string) []string {
	text = dialed(spoken(text))
	var out []string
	for i := 0; i < len(text) && len(out) < maxPhones; {
		c := text[i]
		if c != '+' && c != '(' && !isDigit(c) || i > 0 && isWordByte(text[i-1]) {
			i++
			continue
		}
		end := phoneEnd(text, i)
		if n, ok := phone(text[i:end]); ok && (end == len(text) || !isWordByte(text[end])) {
			out = append(out, n)
		}
		i = max(end, i+1)
	}
	return out
}

// DialedNumber returns the number of a link such as "tel:+1-808-555-0143". RFC 3966.
func DialedNumber(u *URL) (string, bool) {
	switch u.Scheme {
	case "tel", "callto", "sms", "facetime", "facetime-audio":
	default:
		return "", false
	}
	number, _, _ := strings.Cut(percentDecode(strings.TrimLeft(u.Path, "/")), ";")
	number, _, _ = strings.Cut(number, "?")
	number = dialed(number)
	digits := digitsOf(number)
	if len(digits) < 7 || len(digits) > 15 {
		return "", false
	}
	if strings.HasPrefix(strings.TrimSpace(number), "+") {
		digits = "+" + digits
	}
	return digits, true
}

// dialed returns the text with ASCII digits and separators for those of all scripts, and
// with digits for look-alike letters.
func dialed(text string) string {
	if !isASCII(text) {
		text = dialRunes(text)
	}
	text = spelled(dialSeparators(text))
	if !hasLookalikes(text) {
		return text
	}
	b := []byte(text)
	for i := 0; i < len(b); {
		n := digitGroup(b[i:])
		if n == 0 {
			if b[i] == '[' || b[i] == ']' {
				b[i] = "()"[(b[i]-'[')/2]
			}
			i++
			for i < len(b) && isWordByte(b[i-1]) && isWordByte(b[i]) {
				i++ // the rest of a word is no group
			}
			continue
		}
		for j := i; j < i+n; j++ {
			b[j] = digitOf(b[j])
		}
		i += n
	}
	return string(b)
}

// dialRunes writes the number characters of a text in ASCII. Invisible characters between
// digits, and digits with a glyph of their own, become separators: they hide a number from
// programs.
func dialRunes(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	last, apart := rune(0), false
	for _, c := range text {
		d := dialRune(c)
		if d < 0 || c == '\u20E3' {
			apart = last < utf8.RuneSelf && isDigit(byte(last))
			continue
		}
		if digit := d < utf8.RuneSelf && isDigit(byte(d)); digit && (apart || d != c && unicode.Is(unicode.No, c) && last < utf8.RuneSelf && isDigit(byte(last))) {
			b.WriteByte('-')
		}
		b.WriteRune(d)
		last, apart = d, false
	}
	return b.String()
}

// dialSeparators writes a dash for unusual separators between groups, and round brackets
// for curly ones. A slash separates an area code: three digits, or a zero and two to four.
func dialSeparators(text string) string {
	if !strings.ContainsAny(text, "_~*|{}/") {
		return text
	}
	b := []byte(text)
	for i := 1; i < len(b)-1; i++ {
		b[i] = dialSeparator(b, i)
	}
	if len(b) > 1 && b[0] == '{' && isDigit(b[1]) {
		b[0] = '('
	}
	return string(b)
}

// dialSeparator returns the separator for the character at i between groups of digits.
func dialSeparator(b []byte, i int) byte {
	before, after := isDigit(b[i-1]), isDigit(b[i+1])
	switch c := b[i]; {
	case strings.IndexByte("_~*|", c) >= 0 && before && after, c == '/' && before && after && isAreaCode(b[:i]):
		return '-'
	case (c == '{' || c == '}') && (before || after):
		return "()"[(c-'{')/2]
	default:
		return c
	}
}

// isAreaCode reports whether b ends with the digits of an area code.
func isAreaCode(b []byte) bool {
	n := 0
	for n < len(b) && n < 6 && isDigit(b[len(b)-1-n]) {
		n++
	}
	return n == 3 || (n == 4 || n == 5) && b[len(b)-n] == '0'
}

// hasLookalikes reports whether a letter that looks like a digit is next to a digit, or a
// number may be in square brackets.
func hasLookalikes(text string) bool {
	for i := range len(text) - 1 {
		a, b := text[i], text[i+1]
		if isDigit(a) && (b == ']' || digitOf(b) != b) || isDigit(b) && (a == '[' || digitOf(a) != a) {
			return true
		}
	}
	return false
}

// digitGroup returns the length of the group of digits and look-alike letters that b begins
// with: a whole word with at least one digit. It returns 0 without one.
func digitGroup(b []byte) int {
	n, digits := 0, 0
	for n < len(b) && (isDigit(b[n]) || digitOf(b[n]) != b[n]) {
		if isDigit(b[n]) {
			digits++
		}
		n++
	}
	if digits == 0 || n < len(b) && isLetter(b[n]) {
		return 0
	}
	return n
}

// digitOf returns the digit that a letter looks like, or the letter itself.
func digitOf(c byte) byte {
	switch c {
	case 'O', 'o':
		return '0'
	case 'I', 'l':
		return '1'
	}
	return c
}

// dialRune returns the ASCII character that people read for c in a number.
func dialRune(c rune) rune {
	switch {
	case c < utf8.RuneSelf:
		return c
	case IsInvisible(c):
		return -1
	case unicode.Is(unicode.Pd, c), c == 0x2212, c == 0x2043:
		return '-'
	case unicode.Is(unicode.Zs, c):
		return ' '
	case strings.ContainsRune("\u041E\u043E\u039F\u03BF", c): // Cyrillic and Greek O
		return 'O'
	case strings.ContainsRune("\u0406\u0399\u04C0", c): // Cyrillic and Greek I
		return 'I'
	case unicode.Is(unicode.Nd, c):
		return '0' + digitValue(c)
	case c == 0x2024, c == 0x00B7, c == 0x30FB, c == 0x2022, c == 0x2219, c == 0x22C5:
		return '.'
	}
	return dialCompatible(c)
}

// digitValue returns the value of a decimal digit: each script has ten consecutive ones.
func digitValue(c rune) rune {
	for _, r := range unicode.Nd.R16 {
		if uint16(c) >= r.Lo && uint16(c) <= r.Hi && c < 0x10000 {
			return (c - rune(r.Lo)) % 10
		}
	}
	for _, r := range unicode.Nd.R32 {
		if uint32(c) >= r.Lo && uint32(c) <= r.Hi {
			return (c - rune(r.Lo)) % 10
		}
	}
	return 0
}

// dialCompatible returns the digit or separator for a variant such as a circled or a
// full-width one. UAX #15: NFKC.
func dialCompatible(c rune) rune {
	switch {
	case c >= 0x2776 && c <= 0x277E: // negative circled digits have no decomposition
		return '1' + c - 0x2776
	case c >= 0x2780 && c <= 0x2788:
		return '1' + c - 0x2780
	case c >= 0x278A && c <= 0x2792:
		return '1' + c - 0x278A
	case c == 0x24FF || c == 0x1F10C || c == 0x1F10B:
		return '0'
	case c >= 0x24F5 && c <= 0x24FD:
		return '1' + c - 0x24F5
	}
	var buf [utf8.UTFMax]byte
	plain := norm.NFKC.Bytes(buf[:utf8.EncodeRune(buf[:], c)])
	if len(plain) == 1 && strings.IndexByte("0123456789+-()[]. ", plain[0]) >= 0 {
		return rune(plain[0])
	}
	if len(plain) == 2 && isDigit(plain[0]) && plain[1] == '.' { // "1." as one character
		return rune(plain[0])
	}
	return c
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordByte(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '_' || c == '/' || c == '=' || c == '#'
}

// phoneEnd returns the end of the run of digits and separators. An incomplete number with a
// plus continues on the next line.
func phoneEnd(text string, i int) int {
	start := i
	for i < len(text) && i-start < longestPhone && (isDigit(text[i]) || strings.IndexByte("+-(). ", text[i]) >= 0 || wraps(text, start, i)) {
		if text[i] == '+' && i > start && text[i-1] != '(' {
			break // another number
		}
		i++
	}
	for i > start && !isDigit(text[i-1]) {
		i--
	}
	return i
}

// wraps reports whether the line ends at i inside a number that began at start.
func wraps(text string, start, i int) bool {
	return text[i] == '\n' && text[start] == '+' && i+1 < len(text) && isDigit(text[i+1]) && len(digitsOf(text[start:i])) < 10
}

// phone parses one candidate.
func phone(s string) (string, bool) {
	if strings.Contains(s, "..") || strings.Contains(s, "--") {
		return "", false
	}
	digits, groups, ok := digitGroups(s)
	if !ok || len(digits) < 10 || len(digits) > 15 {
		return "", false
	}
	switch {
	case strings.HasPrefix(s, "+"), strings.HasPrefix(s, "(+"):
		return "+" + digits, true
	case groups == len(digits) && !counts(digits):
		return digits, true
	case groups == 2 && hasTrunkCode(s):
		return digits, true
	case groups < 3 || groups > 5, strings.HasPrefix(digits, "19"), strings.HasPrefix(digits, "20"):
		return "", false // dates with times, and single numbers
	case len(digits) > 11 && digits[0] != '0':
		return "", false
	default:
		return digits, true
	}
}

// hasTrunkCode reports whether a candidate of two groups begins with an area code and the
// national prefix, as in "0331 5550122". ITU-T E.164, Annex A.
func hasTrunkCode(s string) bool {
	n := strings.IndexFunc(s, func(c rune) bool { return c < '0' || c > '9' })
	return n >= 3 && n <= 5 && s[0] == '0' && s[1] != '0' && len(s)-n >= 7 && len(s)-n <= 9 && (s[n] == ' ' || s[n] == '-')
}

// counts reports whether the digits count up or down, or repeat, as in scales and tables.
func counts(digits string) bool {
	steps := 0
	for i := 1; i < len(digits); i++ {
		if d := int(digits[i]) - int(digits[i-1]); d >= -1 && d <= 1 {
			steps++
		}
	}
	return steps*2 > len(digits)
}

// digitGroups returns the digits of s and the number of their groups; numbers with a
// fraction are no groups.
func digitGroups(s string) (digits string, groups int, ok bool) {
	var b strings.Builder
	run := 0
	for i := range len(s) {
		if !isDigit(s[i]) {
			if s[i] == '.' && run > 4 {
				return "", 0, false
			}
			run = 0
			continue
		}
		if run == 0 {
			groups++
		}
		run++
		b.WriteByte(s[i])
	}
	return b.String(), groups, true
}
