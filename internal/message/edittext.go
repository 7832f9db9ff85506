package message

import (
	"iter"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wrapAt is the length in bytes at which lines of a banner are wrapped. Charsets and
// entities make lines longer, and lines must stay below 998.
const wrapAt = 100

// maxBannerLine is the maximum length of a line of HTML without spaces, in bytes.
const maxBannerLine = 240

// wrapText wraps plain text into lines that end with LF and are valid in a message. A line
// without spaces, as in Japanese, is broken between two characters.
func wrapText(text string) string {
	var b strings.Builder
	for line := range bannerLines(text) {
		for len(line) > wrapAt {
			i := strings.LastIndexByte(line[:wrapAt], ' ')
			next := i + 1
			if i <= 0 {
				for i = wrapAt; !utf8.RuneStart(line[i]); i-- {
				}
				next = i
			}
			writeLine(&b, line[:i])
			line = line[next:]
		}
		writeLine(&b, line)
	}
	return b.String()
}

// wrapHTML is wrapText for HTML, which must have spaces.
func wrapHTML(text string) (string, error) {
	var b strings.Builder
	for line := range bannerLines(text) {
		for len(line) > wrapAt {
			i := strings.LastIndexByte(line[:wrapAt], ' ')
			if i <= 0 {
				if i = strings.IndexByte(line[wrapAt:], ' '); i < 0 {
					break
				}
				i += wrapAt
			}
			if i > maxBannerLine {
				return "", ErrBadBanner
			}
			writeLine(&b, line[:i])
			line = line[i+1:]
		}
		if len(line) > maxBannerLine {
			return "", ErrBadBanner
		}
		writeLine(&b, line)
	}
	return b.String(), nil
}

// bannerLines yields the lines of a banner without control characters.
func bannerLines(text string) iter.Seq[string] {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\ufffd")
	return strings.SplitSeq(strings.Trim(strings.Map(dropControl, text), "\n"), "\n")
}

// writeLine writes one line. A line that begins with dashes could be a delimiter.
func writeLine(b *strings.Builder, line string) {
	line = strings.TrimRight(line, " \t")
	if strings.HasPrefix(line, "--") {
		b.WriteByte(' ')
	}
	b.WriteString(line)
	b.WriteByte('\n')
}

// dropControl replaces control characters other than line ends by spaces.
func dropControl(r rune) rune {
	if r != '\n' && unicode.IsControl(r) {
		return ' '
	}
	return r
}

// bannerRule is the line above and below a banner in plain text. It differs from delimiters
// of parts, signature separators and quote marks.
const bannerRule = "****************************************************************\n"

// plainBanner returns the lines of a banner between two rules, with an empty line after it.
func plainBanner(text string, flowed bool) string {
	var b strings.Builder
	b.WriteString(bannerRule)
	for line := range strings.Lines(text) {
		// RFC 3676, Section 4.4: these beginnings need a space, which readers remove.
		if flowed && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, ">") || strings.HasPrefix(line, "From ")) {
			b.WriteByte(' ')
		}
		b.WriteString(line)
	}
	b.WriteString(bannerRule)
	b.WriteByte('\n')
	return b.String()
}

// encodeExactly returns text in a charset. It reports false if the charset lacks one of its
// characters.
func encodeExactly(text, charset string) ([]byte, bool) {
	kind, enc := lookupCharset(charset)
	switch kind {
	case charsetUTF8:
		return []byte(text), true
	case charsetUTF7:
		// RFC 2152, Rule 2: "+" is written as "+-".
		return []byte(strings.ReplaceAll(text, "+", "+-")), isASCIIText(text)
	case charsetOther:
		out, err := enc.NewEncoder().Bytes([]byte(text))
		if err != nil {
			return nil, false
		}
		back, clean := decodeCharset(out, charset)
		return out, clean && back == text
	case charsetASCII, charsetUTF16, charsetUnknown:
	}
	return []byte(text), isASCIIText(text)
}

// htmlEntities returns s in ASCII, with entities.
func htmlEntities(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		}
	}
	return b.String()
}

// toASCII returns the nearest ASCII for s, without characters that have none.
func toASCII(s string) string {
	if isASCIIText(s) {
		return s
	}
	var b strings.Builder
	for _, r := range norm.NFC.String(s) {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
			continue
		}
		if t, ok := nearASCII[r]; ok {
			b.WriteString(t)
			continue
		}
		for _, d := range norm.NFKD.String(string(r)) {
			if d < utf8.RuneSelf {
				b.WriteRune(d)
			}
		}
	}
	return b.String()
}

// nearASCII covers characters without a decomposition, or with a less readable one.
var nearASCII = map[rune]string{
	'Ä': "Ae", 'Ö': "Oe", 'Ü': "Ue", 'ä': "ae", 'ö': "oe", 'ü': "ue", 'ß': "ss", 'Æ': "AE", 'æ': "ae", 'Ø': "O", 'ø': "o",
	'Œ': "OE", 'œ': "oe", 'Ł': "L", 'ł': "l", 'Đ': "D", 'đ': "d", 'Þ': "Th", 'þ': "th", 'ı': "i",
	'‘': "'", '’': "'", '‚': ",", '“': `"`, '”': `"`, '„': `"`, '«': `"`, '»': `"`, '‹': "'", '›': "'",
	'–': "-", '—': "-", '‐': "-", '‑': "-", '−': "-", '•': "*", '·': "*", '…': "...", '€': "EUR", '£': "GBP",
	'⚠': "(!)", '❗': "!", '→': "->", '←': "<-", '×': "x", '©': "(c)", '®': "(R)", '™': "(TM)", '\u00a0': " ",
}

// isWide reports whether the charset encodes ASCII differently, so that markup cannot be
// found in the bytes.
func (p *Part) isWide(content []byte, charset string) bool {
	kind, enc := lookupCharset(charset)
	_, marked := decodeMarked(content)
	marked = marked && bomLen(content) == 0
	switch kind {
	case charsetUTF16:
		return marked || looksWide(content)
	case charsetOther:
		out, err := enc.NewEncoder().Bytes([]byte("<"))
		return err == nil && string(out) != "<"
	case charsetUnknown:
		return marked
	case charsetASCII, charsetUTF8, charsetUTF7:
	}
	return false
}

// isStrange reports whether ASCII bytes can mean other characters in the charset: it is
// wide, or shifts between alphabets.
func (p *Part) isStrange(content []byte, charset string) bool {
	kind, _ := lookupCharset(charset)
	name := charsetName(charset)
	return kind == charsetUTF7 || isISO2022(name) || name == "hz-gb-2312" || p.isWide(content, charset)
}
