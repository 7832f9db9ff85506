package message

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// toUTF8 returns s, which has no declared charset, as valid UTF-8: unchanged, or decoded as
// windows-1252, which never fails.
func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return decode1252([]byte(s))
}

func decode1252(b []byte) string {
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\ufffd")
	}
	return string(out)
}

// decodeCharset returns b as valid UTF-8. known is false if the charset is unknown or does
// not fit b; then a byte order mark, valid UTF-8 and windows-1252 are tried, in this order.
func decodeCharset(b []byte, charset string) (text string, known bool) {
	if decode := ownDecoder(charsetName(charset)); decode != nil {
		return decode(b)
	}
	kind, enc := lookupCharset(charset)
	switch kind {
	case charsetASCII:
		if !hasEightBit(b) {
			return string(b), true
		}
	case charsetUTF8:
		b = bytes.TrimPrefix(b, []byte("\ufeff"))
		if utf8.Valid(b) {
			return string(b), true
		}
		// Clients show the valid part and mark the rest.
		return strings.ToValidUTF8(string(b), "\ufffd"), false
	case charsetUTF7:
		return decodeUTF7(b)
	case charsetUTF16:
		if text, ok := decodeMarked(b); ok {
			return text, true
		}
		if looksWide(b) {
			return decodeWith(enc, b)
		}
	case charsetOther:
		return decodeWith(enc, b)
	case charsetUnknown:
	}
	return guessCharset(b), false
}

// guessCharset returns b as UTF-8 if no charset is usable.
func guessCharset(b []byte) string {
	if text, ok := decodeMarked(b); ok {
		return text
	}
	if utf8.Valid(b) {
		return string(b)
	}
	return decode1252(b)
}

// decodeMarked decodes b by its byte order mark, if any.
func decodeMarked(b []byte) (string, bool) {
	var enc encoding.Encoding
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return strings.ToValidUTF8(string(b[3:]), "\ufffd"), true
	case bytes.HasPrefix(b, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(b, []byte("\x00\x00\xfe\xff")):
		enc = utf32.UTF32(utf32.LittleEndian, utf32.ExpectBOM)
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		enc = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	default:
		return "", false
	}
	return decodeWith(enc, b)
}

// looksWide reports whether b may be UTF-16 or UTF-32: declared text without NUL that is
// valid ASCII is neither.
func looksWide(b []byte) bool { return bytes.IndexByte(b, 0) >= 0 || hasEightBit(b) }

func decodeWith(enc encoding.Encoding, b []byte) (string, bool) {
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return guessPlain(b), false
	}
	return strings.ToValidUTF8(string(out), "\ufffd"), true
}

// guessPlain decodes bytes that a decoder refused.
func guessPlain(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return decode1252(b)
}

// charsetKind is the way to decode a charset.
type charsetKind uint8

const (
	charsetUnknown charsetKind = iota
	charsetASCII
	charsetUTF8
	charsetUTF7
	charsetUTF16 // and UTF-32
	charsetOther
)

// lookupCharset finds a charset by its names in mail.
func lookupCharset(name string) (charsetKind, encoding.Encoding) {
	name = charsetName(name)
	switch name {
	case "utf-8", "utf8", "utf_8", "unicode-1-1-utf-8":
		return charsetUTF8, nil
	case "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "7bit":
		return charsetASCII, nil
	case "utf-7", "utf7", "unicode-1-1-utf-7", "x-unicode-2-0-utf-7":
		return charsetUTF7, nil
	case "utf-16", "utf16", "unicode", "ucs-2", "iso-10646-ucs-2", "utf-16le":
		return charsetUTF16, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case "utf-16be":
		return charsetUTF16, unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "utf-32", "utf-32le", "ucs-4":
		return charsetUTF16, utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case "utf-32be":
		return charsetUTF16, utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case "uhc", "ms949", "x-windows-949", "x-uhc", "cp51949":
		return charsetOther, korean.EUCKR
	case "cp858", "ibm858", "ibm00858", "pc-multilingual-850+euro":
		return charsetOther, charmap.CodePage858
	case "", "unknown", "unknown-8bit", "x-unknown", "default", "default_charset", "8bit", "binary":
		return charsetUnknown, nil
	}
	if ownDecoder(name) != nil {
		return charsetOther, ownEncoding(name)
	}
	return lookupIndex(name)
}

// charsetName returns the name of a charset in lower case, without surrounding characters.
func charsetName(name string) string {
	name = strings.ToLower(strings.Trim(name, " \t'\""))
	// RFC 2231, Section 5: a language may follow an asterisk.
	name, _, _ = strings.Cut(name, "*")
	return name
}

// ownDecoder returns the decoder of a charset that the library lacks, or decodes too
// strictly, or nil.
func ownDecoder(name string) func([]byte) (text string, clean bool) {
	switch name {
	case "johab", "cp1361", "ms1361", "x-johab", "ks_c_5601-1992":
		return decodeJohab
	case "x-mac-ce", "x-mac-centraleurroman", "x-mac-central-europe", "mac-ce", "macce", "x-mac-latin2", "mac_latin2", "cp10029":
		return decodeMacCentral
	}
	if isISO2022(name) {
		return decodeISO2022
	}
	return nil
}

// ownEncoding returns the encoding for inserting our own text in such a charset: that of
// Japanese mail, or ASCII, which all of them contain.
func ownEncoding(name string) encoding.Encoding {
	if strings.Contains(name, "jp") || strings.HasPrefix(name, "cp5022") {
		return japanese.ISO2022JP
	}
	ascii, err := ianaindex.MIME.Encoding("us-ascii")
	if err != nil {
		return encoding.Nop
	}
	return ascii
}

// lookupIndex finds a charset by its web and IANA names. Web names come first, since
// ISO-8859-1 in mail means windows-1252 as it does on the web.
func lookupIndex(name string) (charsetKind, encoding.Encoding) {
	if len(name) > maxCharset {
		return charsetUnknown, nil
	}
	if enc, err := htmlindex.Get(name); err == nil && enc != encoding.Replacement {
		return charsetOther, enc
	}
	if enc, err := ianaindex.MIME.Encoding(name); err == nil && enc != nil {
		return charsetOther, enc
	}
	if n, ok := strings.CutPrefix(name, "cp"); ok {
		return lookupCodePage(strings.TrimLeft(n, "-_"))
	}
	if strings.Contains(name, "_") {
		return lookupIndex(strings.ReplaceAll(name, "_", "-"))
	}
	return charsetUnknown, nil
}

// maxCharset is the longest name of a charset in bytes; the longest registered one
// has 45.
const maxCharset = 60

// lookupCodePage finds a Microsoft code page by its number.
func lookupCodePage(n string) (charsetKind, encoding.Encoding) {
	for _, prefix := range []string{"windows-", "ibm"} {
		if enc, err := ianaindex.MIME.Encoding(prefix + n); err == nil && enc != nil {
			return charsetOther, enc
		}
	}
	switch n {
	case "932":
		return lookupIndex("shift_jis")
	case "936":
		return lookupIndex("gbk")
	case "949":
		return lookupIndex("euc-kr")
	case "950":
		return lookupIndex("big5")
	case "65001":
		return charsetUTF8, nil
	}
	return charsetUnknown, nil
}

// decodeUTF7 decodes UTF-7. clean is false if a shifted sequence is broken; its readable
// part is kept. RFC 2152: "+" begins modified base64 of UTF-16, which "-" or another
// character ends.
func decodeUTF7(b []byte) (text string, clean bool) {
	var out strings.Builder
	out.Grow(len(b))
	clean = true
	for i := 0; i < len(b); {
		switch {
		case b[i] == '+':
			n, ok := writeShifted(&out, b[i+1:])
			clean = clean && ok
			i += 1 + n
			continue
		case b[i] >= utf8.RuneSelf:
			clean = false
			out.WriteRune(utf8.RuneError)
		default:
			out.WriteByte(b[i])
		}
		i++
	}
	return out.String(), clean
}

// writeShifted decodes the text after a "+" and returns its length.
func writeShifted(out *strings.Builder, b []byte) (n int, clean bool) {
	for n < len(b) && base64Class[b[n]] == 0 {
		n++
	}
	ended := n < len(b) && b[n] == '-'
	if n == 0 {
		out.WriteByte('+')
		clean = ended
	} else {
		clean = writeUTF16(out, b[:n])
	}
	if ended {
		n++
	}
	return n, clean
}

// writeUTF16 decodes base64 of big-endian UTF-16.
func writeUTF16(out *strings.Builder, encoded []byte) bool {
	wide := make([]byte, base64.RawStdEncoding.DecodedLen(len(encoded)))
	n, err := base64.RawStdEncoding.Decode(wide, encoded)
	units := make([]uint16, n/2)
	for i := range units {
		units[i] = uint16(wide[2*i])<<8 | uint16(wide[2*i+1])
	}
	for _, r := range utf16.Decode(units) {
		out.WriteRune(r)
	}
	return err == nil
}
