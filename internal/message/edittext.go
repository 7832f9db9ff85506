package message

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	unicode16 "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/unicode/norm"
)

// wrapAt is the length in bytes at which lines of a banner are broken. Charsets and
// entities make lines longer, and lines must stay below 998.
const wrapAt = 100

// maxBannerLine is the longest line of a banner in bytes that has no space.
const maxBannerLine = 240

// wrapLines returns text in lines that end with LF and can stand in a message.
func wrapLines(text string) (string, error) {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\ufffd")
	text = strings.Map(dropControl, text)
	var b strings.Builder
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
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

// writeLine writes one line. A line that begins with dashes could be a delimiter.
func writeLine(b *strings.Builder, line string) {
	line = strings.TrimRight(line, " \t")
	if strings.HasPrefix(line, "--") {
		b.WriteByte(' ')
	}
	b.WriteString(line)
	b.WriteByte('\n')
}

// dropControl makes control characters spaces, but line ends.
func dropControl(r rune) rune {
	if r != '\n' && unicode.IsControl(r) {
		return ' '
	}
	return r
}

// plainBanner returns the lines of a banner with an empty line behind them.
func plainBanner(text string, flowed bool) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		// RFC 3676, Section 4.4: these beginnings need a space, which readers remove.
		if flowed && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, ">") || strings.HasPrefix(line, "From ")) {
			b.WriteByte(' ')
		}
		b.WriteString(line)
	}
	b.WriteByte('\n')
	return b.String()
}

// encodeBanner returns the banner in the charset of the part, as far as the charset
// and the transfer encoding allow: HTML has entities for other characters, text the
// nearest ASCII.
func (p *Part) encodeBanner(banner string) []byte {
	if p.MediaType == "text/html" {
		banner = htmlEntities(banner)
	}
	kind, enc := lookupCharset(p.textCharset(p.Decoded()))
	switch kind {
	case charsetUTF8:
		if p.Encoding != "7bit" || isASCIIText(banner) {
			return []byte(banner)
		}
	case charsetOther:
		out, err := enc.NewEncoder().Bytes([]byte(banner))
		if err == nil && (p.Encoding != "7bit" || !hasEightBit(out)) {
			return out
		}
	case charsetUTF7:
		// RFC 2152, Rule 2: "+" stands for itself as "+-".
		return []byte(strings.ReplaceAll(toASCII(banner), "+", "+-"))
	case charsetASCII, charsetUTF16, charsetUnknown:
	}
	return []byte(toASCII(banner))
}

// htmlEntities returns s in ASCII.
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

// toASCII returns the nearest ASCII for s. Characters without one are left out.
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

// nearASCII has what decomposition does not find, or finds less readable.
var nearASCII = map[rune]string{
	'Ä': "Ae", 'Ö': "Oe", 'Ü': "Ue", 'ä': "ae", 'ö': "oe", 'ü': "ue", 'ß': "ss", 'Æ': "AE", 'æ': "ae", 'Ø': "O", 'ø': "o",
	'Œ': "OE", 'œ': "oe", 'Ł': "L", 'ł': "l", 'Đ': "D", 'đ': "d", 'Þ': "Th", 'þ': "th", 'ı': "i",
	'‘': "'", '’': "'", '‚': ",", '“': `"`, '”': `"`, '„': `"`, '«': `"`, '»': `"`, '‹': "'", '›': "'",
	'–': "-", '—': "-", '‐': "-", '‑': "-", '−': "-", '•': "*", '·': "*", '…': "...", '€': "EUR", '£': "GBP",
	'⚠': "(!)", '❗': "!", '→': "->", '←': "<-", '×': "x", '©': "(c)", '®': "(R)", '™': "(TM)", '\u00a0': " ",
}

// isWide reports whether ASCII has another form in the charset, so that markup cannot
// be found in the bytes.
func (p *Part) isWide(kind charsetKind, enc encoding.Encoding, content []byte) bool {
	switch kind {
	case charsetUTF16:
		_, marked := decodeMarked(content)
		return marked || looksWide(content)
	case charsetOther:
		out, err := enc.NewEncoder().Bytes([]byte("<"))
		return err == nil && string(out) != "<"
	case charsetUnknown:
		_, marked := decodeMarked(content)
		return marked && !bytes.HasPrefix(content, []byte("\ufeff"))
	case charsetASCII, charsetUTF8, charsetUTF7:
	}
	return false
}

// insertWide writes a text in such a charset anew, with the banner.
func (ed *editor) insertWide(p *Part, banner string) {
	enc := wideEncoding(p.Charset)
	text := p.Text()
	at := 0
	if p.MediaType == "text/html" {
		at = htmlStart([]byte(text))
		banner = htmlEntities(banner)
	} else if _, err := enc.NewEncoder().String(banner); err != nil {
		banner = toASCII(banner)
	}
	text = text[:at] + strings.ReplaceAll(banner, "\n", "\r\n") + text[at:]
	content, err := encoding.ReplaceUnsupported(enc.NewEncoder()).Bytes([]byte(text))
	if err != nil {
		ed.skip(SkippedCharset)
		return
	}
	switch p.Encoding {
	case "base64":
		ed.rewrite(p, content)
	case "quoted-printable":
		ed.drop(p)
		ed.put(p, p.Body.From, string(encodeQP(content, "")))
	default:
		// Line ends of such a text are not those of the message.
		ed.skip(SkippedCharset)
	}
}

// wideEncoding returns the encoding to write: UTF-16 where a byte order mark says
// more than the field.
func wideEncoding(charset string) encoding.Encoding {
	if _, enc := lookupCharset(charset); enc != nil {
		return enc
	}
	return unicode16.UTF16(unicode16.LittleEndian, unicode16.UseBOM)
}
