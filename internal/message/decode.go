package message

import (
	"bytes"

	"outrider/internal/budget"
)

// Decoded returns the body with its transfer encoding decoded as far as possible. It
// returns nil if the budget for decoded bytes is spent. The result is shared and must not
// be changed.
func (p *Part) Decoded() []byte {
	p.decodeOnce.Do(func() { p.decoded = p.decode() })
	return p.decoded
}

// decode decodes the transfer encoding. Unencoded bytes cost nothing.
func (p *Part) decode() []byte {
	body := p.BodyBytes()
	if isIdentity(p.Encoding) || p.Encoding == "" {
		return body
	}
	if !p.budget.Spend(budget.DecodedBytes, p.decodedSize()) {
		return nil
	}
	switch p.Encoding {
	case "base64":
		var out []byte
		out, p.base64 = decodeBase64(body, p.cautious)
		return out
	case "quoted-printable":
		out, clean := decodeQP(body)
		p.badQP = !clean
		return out
	case "x-uuencode":
		return decodeUU(body)
	default:
		return decodeYEnc(body)
	}
}

// decodedSize returns the maximum decoded size.
func (p *Part) decodedSize() int64 {
	n := int64(p.Body.Len())
	if p.Encoding == "base64" || p.Encoding == "x-uuencode" {
		n = n/4*3 + 3
	}
	return n
}

// Text returns the content of a text part as valid UTF-8, that of text/enriched without its
// commands, or "" for other parts and if the budget for decoded bytes is spent.
func (p *Part) Text() string {
	p.textOnce.Do(func() {
		p.text = p.readText()
		if rich := p.MediaType == "text/richtext"; rich || p.MediaType == "text/enriched" {
			p.text = enrichedText(p.text, rich)
		}
	})
	return p.text
}

func (p *Part) readText() string {
	if len(p.MediaType) < 5 || p.MediaType[:5] != "text/" {
		return ""
	}
	b := p.Decoded()
	if !p.budget.Spend(budget.DecodedBytes, int64(len(b))) {
		return ""
	}
	charset := p.textCharset(b)
	if kind, _ := lookupCharset(charset); p.validUTF8 && (kind == charsetUTF8 || kind == charsetASCII) {
		return string(bytes.TrimPrefix(b, []byte("\ufeff")))
	}
	text, _ := decodeCharset(b, charset)
	return text
}

// textCharset returns the declared charset, or that in the HTML itself, or "".
func (p *Part) textCharset(b []byte) string {
	if p.Charset == "" && p.IsHTML() {
		return metaCharset(b)
	}
	return p.Charset
}

// metaWindow is how many bytes of HTML are searched for a charset, as browsers do.
const metaWindow = 1024

// metaCharset returns the charset that a meta element near the beginning declares.
func metaCharset(b []byte) string {
	b = bytes.ToLower(b[:min(len(b), metaWindow)])
	for {
		i := bytes.Index(b, []byte("<meta"))
		if i < 0 {
			return ""
		}
		b = b[i+5:]
		end := bytes.IndexByte(b, '>')
		if end < 0 {
			end = len(b)
		}
		if _, v, ok := bytes.Cut(b[:end], []byte("charset=")); ok {
			v = bytes.TrimLeft(v, `"' `)
			if i := bytes.IndexAny(v, `"' ;/>`); i >= 0 {
				v = v[:i]
			}
			return toUTF8(string(v))
		}
	}
}

// decodeQP decodes quoted-printable and reports whether it was well-formed. An invalid "="
// stays as it is. RFC 2045, Section 6.7: white space at the end of a line is dropped.
func decodeQP(src []byte) (out []byte, clean bool) {
	out, clean = make([]byte, 0, len(src)), true
	for pos := 0; pos < len(src); {
		eol := lineEnd(src, pos, len(src))
		content := trimEOL(src, pos, eol)
		line := trimBlankRight(src[pos:content])
		soft := len(line) > 0 && line[len(line)-1] == '='
		if soft {
			line = line[:len(line)-1]
		}
		var ok bool
		out, ok = appendQP(out, line)
		clean = clean && ok
		if !soft {
			out = append(out, src[content:eol]...)
		}
		pos = eol
	}
	return out, clean
}

// appendQP decodes the content of one line.
func appendQP(out, line []byte) ([]byte, bool) {
	clean := true
	for {
		i := bytes.IndexByte(line, '=')
		if i < 0 {
			return append(out, line...), clean
		}
		out = append(out, line[:i]...)
		line = line[i:]
		if len(line) > 2 && unhex(line[1])|unhex(line[2]) < 16 {
			out = append(out, unhex(line[1])<<4|unhex(line[2]))
			line = line[3:]
			continue
		}
		clean = false
		out = append(out, '=')
		line = line[1:]
	}
}

// checkQP reports whether each "=" of src is valid.
func checkQP(src []byte) bool {
	for {
		i := bytes.IndexByte(src, '=')
		if i < 0 {
			return true
		}
		src = src[i+1:]
		if len(src) > 1 && unhex(src[0])|unhex(src[1]) < 16 {
			continue
		}
		if !endsLine(src) {
			return false
		}
	}
}

// endsLine reports whether b begins with a line end, after white space.
func endsLine(b []byte) bool {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return len(b) == 0 || b[0] == '\n' || len(b) > 1 && b[0] == '\r' && b[1] == '\n'
}

func trimBlankRight(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// unhex returns the value of a hexadecimal digit, or 255.
func unhex(c byte) byte { return hexValues[c] }

var hexValues = func() (t [256]byte) {
	for c := range t {
		t[c] = 255
	}
	for v, c := range "0123456789abcdef" {
		t[c] = byte(v)
	}
	for v, c := range "ABCDEF" {
		t[c] = byte(10 + v)
	}
	return t
}()
