package policy

import (
	"strings"
	"unicode"
)

// Bounds of what a banner says for one reason, which quotes what the sender wrote.
const (
	maxReason = 300 // bytes
	maxMarks  = 2   // combining marks on one letter
	maxDigits = 6   // digits of a number; phones make links of longer ones
	shown     = 4   // digits that are left of a longer one
)

// plainReason returns a reason as it can stand in a warning: one line without control and
// invisible characters, of bounded length, a whole sentence, and with nothing of which a
// client makes a link.
func plainReason(reason string) string {
	s := strings.TrimRight(unlinked(masked(oneLine(reason))), " ,;:-")
	if s == "" {
		return ""
	}
	if len(s) > maxReason {
		s = strings.TrimRightFunc(strings.ToValidUTF8(s[:maxReason], ""), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) }) + "…"
	}
	if !strings.ContainsAny(s[len(s)-1:], ".!?") && !strings.HasSuffix(s, "…") {
		s += "."
	}
	return s
}

// oneLine drops what is not seen or turns the direction of text, and piles of marks.
func oneLine(s string) string {
	marks := 0
	s = strings.Map(func(r rune) rune {
		if !unicode.Is(unicode.M, r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			return -1
		}
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r), unicode.Is(unicode.Z, r):
			return ' '
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.Join(strings.Fields(s), " ")
}

// masked replaces the later digits of what could be a telephone number.
func masked(s string) string {
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		if !unicode.IsDigit(runes[i]) {
			continue
		}
		end, digits := number(runes, i)
		if digits > maxDigits {
			mask(runes[i:end])
		}
		i = end - 1
	}
	return string(runes)
}

// number returns where the number ends that begins at i, and how many digits it has. What
// separates groups of digits belongs to it.
func number(runes []rune, i int) (end, digits int) {
	for end = i; i < len(runes); i++ {
		switch {
		case unicode.IsDigit(runes[i]):
			digits++
			end = i + 1
		case !strings.ContainsRune(" ()+-/.–‐‑·_", runes[i]) || i-end >= 3:
			return end, digits
		}
	}
	return end, digits
}

func mask(number []rune) {
	digits := 0
	for i, r := range number {
		if unicode.IsDigit(r) {
			if digits++; digits > shown {
				number[i] = 'x'
			}
		}
	}
}

// unlinked breaks up what clients would make a link of: a reason can name an attachment, a
// host or an address as the sender wrote it, and a warning must not carry a link of theirs.
func unlinked(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, c := range runes {
		b.WriteRune(c)
		if i+1 < len(runes) && joins(runes, i) && !endsWord(runes[i+1]) {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// joins reports whether the character at i makes links of what is around it: dots of domains
// in all forms that clients read (RFC 3490, Section 3.1, lists them), the signs of addresses,
// and what follows a scheme.
func joins(runes []rune, i int) bool {
	switch runes[i] {
	case '.', '。', '．', '｡', '․', '﹒', '@', '＠', '﹫':
		return true
	case ':', '：', '﹕', '︓':
		return i == 0 || !unicode.IsDigit(runes[i-1]) || isSlash(runes[i+1]) // "10:30" is none
	default:
		return isSlash(runes[i]) && isSlash(runes[i+1])
	}
}

func isSlash(r rune) bool { return strings.ContainsRune(`/\／⁄∕＼`, r) }

// endsWord reports whether nothing that could be linked follows.
func endsWord(r rune) bool { return strings.ContainsRune(" \"'“”‘’)", r) }
