package message

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/korean"
)

// Johab composes each syllable of three letters of five bits. The tables map those bits to
// the number of the letter, or -1; fill means that the letter is missing. KS X 1001, Annex
// 3.
const (
	johabNone = -1
	johabFill = -2
)

// Offsets and gaps of the three tables, as first code and number of consecutive letters.
type johabRow struct{ code, number, count int }

var (
	johabInitials = johabTable([]johabRow{{2, 0, 19}}, 1)
	johabVowels   = johabTable([]johabRow{{3, 0, 5}, {10, 5, 6}, {18, 11, 6}, {26, 17, 4}}, 2)
	johabFinals   = johabTable([]johabRow{{2, 1, 16}, {19, 17, 11}}, 1)
)

func johabTable(rows []johabRow, fill int) (t [32]int) {
	for i := range t {
		t[i] = johabNone
	}
	t[fill] = johabFill
	for _, r := range rows {
		for i := range r.count {
			t[r.code+i] = r.number + i
		}
	}
	return t
}

// Single letters. Unicode, Hangul Compatibility Jamo.
const (
	johabLoneInitials = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
	johabLoneFinals   = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
	johabFirstVowel   = 'ㅏ'
	firstSyllable     = 0xAC00
)

// decodeJohab decodes the Johab charset of Korean, and reports whether it is well-formed.
func decodeJohab(b []byte) (text string, clean bool) {
	var out strings.Builder
	clean = true
	for i := 0; i < len(b); i++ {
		if b[i] < 0x80 {
			out.WriteByte(b[i])
			continue
		}
		c := utf8.RuneError
		if i+1 < len(b) {
			c = johabRune(b[i], b[i+1])
		}
		if c == utf8.RuneError {
			clean = false
		} else {
			i++
		}
		out.WriteRune(c)
	}
	return out.String(), clean
}

// johabRune decodes two bytes.
func johabRune(a, b byte) rune {
	if a >= 0xD9 {
		return johabSymbol(int(a), int(b))
	}
	bits := int(a)<<8 | int(b)
	initial, vowel, final := johabInitials[bits>>10&31], johabVowels[bits>>5&31], johabFinals[bits&31]
	switch {
	case initial == johabNone || vowel == johabNone || final == johabNone:
		return utf8.RuneError
	case initial >= 0 && vowel >= 0:
		return rune(firstSyllable + (initial*21+vowel)*28 + max(0, final))
	case initial >= 0 && vowel == johabFill && final == johabFill:
		return []rune(johabLoneInitials)[initial]
	case vowel >= 0 && final == johabFill:
		return johabFirstVowel + rune(vowel)
	case final > 0 && initial == johabFill && vowel == johabFill:
		return []rune(johabLoneFinals)[final-1]
	default:
		return utf8.RuneError
	}
}

// johabSymbol decodes symbols and Chinese characters, which are in the order of KS X 1001
// in rows of 188.
func johabSymbol(a, b int) rune {
	if a == 0xDF || a > 0xF9 || b < 0x31 || b > 0x7E && b < 0x91 || b == 0xFF {
		return utf8.RuneError
	}
	row := 2 * (a - 0xD9)
	if a >= 0xE0 {
		row = 2*a - 0x197
	}
	cell := b - 0x31
	if b >= 0x91 {
		cell = b - 0x43
	}
	if cell >= 94 {
		row, cell = row+1, cell-94
	}
	text, _ := decodeWith(korean.EUCKR, []byte{byte(row + 0xA1), byte(cell + 0xA1)})
	c, _ := utf8.DecodeRuneInString(text)
	return c
}

// macCentral holds the characters from 0x80 of the Mac OS charset for Central European
// languages.
var macCentral = []rune("" +
	"ÄĀāÉĄÖÜáąČäčĆćéŹźĎíďĒēĖóėôöõúĚěü" +
	"†°Ę£§•¶ß®©™ę¨≠ģĮįĪ≤≥īĶ∂∑łĻļĽľĹĺŅ" +
	"ņŃ¬√ńŇ∆«»…\u00a0ňŐÕőŌ–—“”‘’÷◊ōŔŕŘ‹›řŖ" +
	"ŗŠ‚„šŚśÁŤťÍŽžŪÓÔūŮÚůŰűŲųÝýķŻŁżĢˇ")

// decodeMacCentral decodes that charset.
func decodeMacCentral(b []byte) (text string, clean bool) {
	var out strings.Builder
	for _, c := range b {
		if c < 0x80 {
			out.WriteByte(c)
		} else {
			out.WriteRune(macCentral[c-0x80])
		}
	}
	return out.String(), true
}
