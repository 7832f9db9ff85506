package observable

import "strings"

// maxPhones bounds the phone numbers returned per text.
const maxPhones = 20

// Phones returns the phone numbers in text, digits only with a leading plus where one
// was written. A number has ten to fifteen digits (ITU-T E.164), in groups, or begins
// with a plus; dates, amounts and order numbers do not look like that.
func Phones(text string) []string {
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

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordByte(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '_' || c == '/' || c == '=' || c == '#'
}

// phoneEnd returns where the run of digits and separators ends.
func phoneEnd(text string, i int) int {
	const longest = 30
	start := i
	for i < len(text) && i-start < longest && (isDigit(text[i]) || strings.IndexByte("+-(). \u00a0", text[i]) >= 0) {
		i++
	}
	for i > start && !isDigit(text[i-1]) {
		i--
	}
	return i
}

// phone reads one candidate.
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
	case groups < 3 || groups > 5, strings.HasPrefix(digits, "19"), strings.HasPrefix(digits, "20"):
		return "", false // dates with times, and what is one number
	case len(digits) > 11 && digits[0] != '0':
		return "", false
	default:
		return digits, true
	}
}

// digitGroups returns the digits of s and in how many groups they stand; numbers with
// a fraction are no groups.
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
