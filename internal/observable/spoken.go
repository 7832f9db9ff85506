package observable

import (
	"strings"
	"unicode"
)

// Bounds of a number written in words.
const (
	leastSpoken       = 4  // words for digits: fewer are counts and years
	leastSpokenDigits = 10 // as required by Phones
	mostSpokenDigits  = 15
)

// spokenDigits are the words for digits in the languages that write numbers this way.
var spokenDigits = map[string]string{
	"zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
	"null": "0", "eins": "1", "zwei": "2", "zwo": "2", "drei": "3", "vier": "4", "fünf": "5", "sechs": "6", "sieben": "7", "acht": "8", "neun": "9",
	"zéro": "0", "un": "1", "deux": "2", "trois": "3", "quatre": "4", "cinq": "5", "sept": "7", "huit": "8", "neuf": "9",
	"cero": "0", "uno": "1", "dos": "2", "tres": "3", "cuatro": "4", "cinco": "5", "seis": "6", "siete": "7", "ocho": "8", "nueve": "9",
}

// spoken returns the text with digits for telephone numbers written in words: "eight zero
// eight, double five five". This form hides a number from programs.
func spoken(text string) string {
	var out strings.Builder
	kept := 0
	for i := 0; i < len(text); {
		if !beginsWord(text, i) {
			i++
			continue
		}
		digits, words, end := spokenRun(text, i)
		if words >= leastSpoken && len(digits) >= leastSpokenDigits && len(digits) <= mostSpokenDigits {
			out.WriteString(text[kept:i])
			out.WriteString(strings.Join(strings.Split(digits, ""), "-"))
			kept = end
		}
		i = max(end, i+1)
	}
	if kept == 0 {
		return text
	}
	return out.String() + text[kept:]
}

func beginsWord(text string, i int) bool {
	return (isLetter(text[i]) || isDigit(text[i])) && (i == 0 || !isLetter(text[i-1]) && !isDigit(text[i-1]) && text[i-1] < 0x80)
}

// spokenRun parses words for digits, and groups of digits among them, from i on. It returns
// the digits, the number of words among them, and the end of the run, or of the first other
// word.
func spokenRun(text string, i int) (digits string, words, end int) {
	repeat, end := 1, i
	for at := i; at < len(text); {
		word, next := nextWord(text, at)
		digit := spokenDigits[strings.ToLower(word)]
		switch {
		case digit != "":
			digits += strings.Repeat(digit, repeat)
			words++
		case strings.EqualFold(word, "double"):
			repeat = 2
		case strings.EqualFold(word, "triple"):
			repeat = 3
		case strings.EqualFold(word, "hundred") && digits != "":
			digits += "00"
		case word != "" && len(word) <= 4 && strings.Trim(word, "0123456789") == "":
			digits += word
		default:
			if words == 0 {
				end = min(next, len(text)) // of the first other word
			}
			return digits, words, end
		}
		if end = next; digit != "" {
			repeat = 1
		}
		if len(digits) > mostSpokenDigits {
			return digits, words, end
		}
		at = skipSeparators(text, next)
	}
	return digits, words, end
}

// skipSeparators returns the earliest start of the next word: some signs separate words of
// a number.
func skipSeparators(text string, i int) int {
	for n := 0; i < len(text) && n < 4 && strings.IndexByte(" ,.-()\r\n", text[i]) >= 0; n++ {
		i++
	}
	return i
}

// nextWord returns the word of letters or the group of digits that begins at i, and its
// end.
func nextWord(text string, i int) (string, int) {
	const longest = 8 // bytes of a word for a digit
	for n, c := range text[i:min(len(text), i+longest+4)] {
		if !unicode.IsLetter(c) && (c < '0' || c > '9') {
			return text[i : i+n], i + n
		}
	}
	if len(text)-i <= longest {
		return text[i:], len(text)
	}
	return "", i + 1
}
