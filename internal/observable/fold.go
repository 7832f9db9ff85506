package observable

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold returns s in the form in which Outrider compares text: compatibility variants and
// case are folded; accents, zero-width and other invisible characters are removed.
func Fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	foldTo(s, func(c rune) { b.WriteRune(c) })
	return b.String()
}

// foldTo passes the folded characters of s to emit.
func foldTo(s string, emit func(rune)) {
	var it norm.Iter
	it.InitString(norm.NFKD, withoutBrackets(s))
	for !it.Done() {
		for segment := it.Next(); len(segment) > 0; {
			c, size := utf8.DecodeRune(segment)
			segment = segment[size:]
			if !IsInvisible(c) && !unicode.Is(unicode.Mn, c) {
				emitLower(unicode.ToLower(c), emit)
			}
		}
	}
}

// withoutBrackets replaces bracketed letters that are one character by plain letters: NFKD
// would split words at the brackets.
func withoutBrackets(s string) string {
	if !strings.Contains(s, "\xe2\x92") && !strings.Contains(s, "\xf0\x9f\x84") {
		return s
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 0x249C && c <= 0x24B5:
			return 'a' + c - 0x249C
		case c >= 0x1F110 && c <= 0x1F129:
			return 'a' + c - 0x1F110
		}
		return c
	}, s)
}

// emitLower spells out the letters without a decomposition that people type without their
// accent.
func emitLower(c rune, emit func(rune)) {
	switch c {
	case 'ß':
		emit('s')
		emit('s')
	case 'ø':
		emit('o')
	case 'ł':
		emit('l')
	case 'ı':
		emit('i')
	case 'æ':
		emit('a')
		emit('e')
	default:
		emit(styled(c))
	}
}

// styled returns the plain letter for a letter that no living language uses in words: small
// capitals, turned letters, Lisu, and letters in black boxes. Other characters stay as they
// are.
func styled(c rune) rune {
	switch {
	case c < 0x0180:
		return c
	case c >= 0x1F150 && c <= 0x1F169:
		return 'a' + c - 0x1F150
	case c >= 0x1F170 && c <= 0x1F189:
		return 'a' + c - 0x1F170
	case c > 0xA7FF:
		return c
	}
	if i := strings.IndexRune(styledLetters, c); i >= 0 {
		return rune(plainLetters[utf8.RuneCountInString(styledLetters[:i])])
	}
	return c
}

// The letters of UTS #39 that resemble a styled ASCII letter, and their ASCII letters.
const (
	styledLetters = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢᴃᴌᴎᴙɐɔǝəɟƃɥᴉʞꞁɯɹʇʌʍʎꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓤꓦꓧꓪꓫꓬꓮꓯꓰꓱꓲꓳꓴ"
	plainLetters  = "abcdefghijklmnopqrstuvwyzblnraceefghiklmrtvwybpdtgkjczfmnlsrrvhwxyaaeeiou"
)

// IsInvisible reports whether c takes no space on screen: zero-width characters, soft
// hyphens, directional marks, variation selectors and tags. Unicode, DerivedCoreProperties:
// Default_Ignorable_Code_Point.
func IsInvisible(c rune) bool {
	return c >= 0xAD && unicode.Is(ignorable, c)
}

// ignorable is the set of characters with that property.
var ignorable = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x00AD, Hi: 0x00AD, Stride: 1}, {Lo: 0x034F, Hi: 0x034F, Stride: 1}, {Lo: 0x061C, Hi: 0x061C, Stride: 1},
		{Lo: 0x115F, Hi: 0x1160, Stride: 1}, {Lo: 0x17B4, Hi: 0x17B5, Stride: 1}, {Lo: 0x180B, Hi: 0x180F, Stride: 1},
		{Lo: 0x200B, Hi: 0x200F, Stride: 1}, {Lo: 0x202A, Hi: 0x202E, Stride: 1}, {Lo: 0x2060, Hi: 0x206F, Stride: 1},
		{Lo: 0x3164, Hi: 0x3164, Stride: 1}, {Lo: 0xFE00, Hi: 0xFE0F, Stride: 1}, {Lo: 0xFEFF, Hi: 0xFEFF, Stride: 1},
		{Lo: 0xFFA0, Hi: 0xFFA0, Stride: 1}, {Lo: 0xFFF0, Hi: 0xFFF8, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0x1BCA0, Hi: 0x1BCA3, Stride: 1}, {Lo: 0x1D173, Hi: 0x1D17A, Stride: 1}, {Lo: 0xE0000, Hi: 0xE0FFF, Stride: 1}},
}

// Words returns the folded words of s, separated and surrounded by single spaces. Each
// character of a script without spaces is a word; so are currency and percent signs. In
// words that mix ASCII letters with letters of other scripts, the latter become their ASCII
// look-alikes.
func Words(s string) string {
	w := wordWriter{space: true, b: make([]byte, 0, len(s)+2)}
	w.b = append(w.b, ' ')
	if isASCII(s) {
		for i := range len(s) {
			w.write(asciiLower(rune(s[i])))
		}
	} else {
		foldTo(s, w.write)
	}
	w.gap()
	return string(w.b)
}

func asciiLower(c rune) rune {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// wordWriter collects words.
type wordWriter struct {
	b     []byte
	space bool // the last byte written is a space
	from  int  // start of the word
	ascii bool // the word has ASCII letters
	other bool // the word has other letters
}

func (w *wordWriter) gap() {
	if w.space {
		return
	}
	if w.ascii && w.other {
		w.plain()
	}
	w.b = append(w.b, ' ')
	w.space, w.ascii, w.other, w.from = true, false, false, len(w.b)
}

// plain rewrites the word with the ASCII look-alikes of its letters. UTS #39, Section 4.
func (w *wordWriter) plain() {
	word := string(w.b[w.from:])
	w.b = w.b[:w.from]
	for _, c := range word {
		proto, ok := prototypes()[c]
		switch {
		case c == 'ғ': // a stroke that small-capital F uses
			w.b = append(w.b, 'f')
		case ok && c >= utf8.RuneSelf:
			w.b = append(w.b, proto...)
		default:
			w.b = utf8.AppendRune(w.b, c)
		}
	}
}

func (w *wordWriter) write(c rune) {
	switch {
	case c < utf8.RuneSelf:
		w.writeASCII(c)
	case isUnspaced(c), unicode.Is(unicode.Sc, c):
		w.writeAlone(c)
	case unicode.IsLetter(c), unicode.IsDigit(c):
		w.b = utf8.AppendRune(w.b, c)
		w.space, w.other = false, true
	case c == '\u2019': // the typographic apostrophe is dropped, like the plain one
	default:
		w.gap()
	}
}

func (w *wordWriter) writeASCII(c rune) {
	switch {
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		w.b = append(w.b, byte(c))
		w.space, w.ascii = false, true
	case c == '$', c == '%':
		w.writeAlone(c)
	case c == '\'':
	default:
		w.gap()
	}
}

func (w *wordWriter) writeAlone(c rune) {
	w.gap()
	w.b = utf8.AppendRune(w.b, c)
	w.space = false
	w.gap()
}

// isUnspaced reports whether c belongs to a script without spaces.
func isUnspaced(c rune) bool {
	return c >= 0x2E80 && unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
