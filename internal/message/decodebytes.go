package message

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
)

// xmlEncoding matches the declaration of XML. XML 1.0, Section 4.3.3.
var xmlEncoding = regexp.MustCompile(`(?i)^\s*<\?xml\s[^>]*?encoding\s*=\s*["']\s*([^\s"'>]{1,60})`)

// DecodeBytes returns the bytes of a text or page as valid UTF-8, as browsers decode them:
// by a byte order mark, else by the charset of the transport, else by one that the page
// declares, else as UTF-16 if every other byte of its beginning is zero, and else as UTF-8
// or Windows-1252. WHATWG Encoding, Section 6 (decode), and WHATWG HTML, Section 13.2.3.2.
func DecodeBytes(b []byte, charset string) string {
	if text, ok := decodeMarked(b); ok {
		return text
	}
	wide := unmarkedUTF16(b)
	if kind, _ := lookupCharset(charset); kind != charsetUnknown && (wide == nil || kind == charsetUTF16) {
		text, _ := decodeCharset(b, charset)
		return text
	}
	if wide != nil {
		text, _ := decodeWith(wide, b)
		return text
	}
	text, _ := decodeCharset(b, declaredInside(b))
	return text
}

// declaredInside returns the charset that a page or XML declares, or "". A page that is
// readable as ASCII is no UTF-16, even if declared: WHATWG HTML treats it as UTF-8.
func declaredInside(b []byte) string {
	name := metaCharset(b)
	if m := xmlEncoding.FindSubmatch(b[:min(len(b), metaWindow)]); m != nil {
		name = string(m[1])
	}
	if kind, _ := lookupCharset(name); kind == charsetUTF16 || strings.EqualFold(name, "x-user-defined") {
		return "utf-8"
	}
	return name
}

// unmarkedUTF16 returns the encoding of UTF-16 without a mark, and nil for other texts.
func unmarkedUTF16(b []byte) encoding.Encoding {
	switch UTF16Order(b) {
	case binary.LittleEndian:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case binary.BigEndian:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return nil
}

// UTF16Order returns the byte order of UTF-16 without a mark, detected by the zero bytes of
// Latin letters, and nil for other texts. XML 1.0, Appendix F.
func UTF16Order(b []byte) binary.ByteOrder {
	head := b[:min(len(b), metaWindow)&^1]
	if len(head) < 4 || bytes.IndexByte(head, 0) < 0 {
		return nil
	}
	var zeros [2]int
	for k, c := range head {
		if c == 0 {
			zeros[k&1]++
		}
	}
	switch half := len(head) / 2; {
	case zeros[0] == 0 && zeros[1]*10 >= half*7:
		return binary.LittleEndian
	case zeros[1] == 0 && zeros[0]*10 >= half*7:
		return binary.BigEndian
	}
	return nil
}
