package message

import (
	"mime"
	"slices"
	"strings"
	"unicode/utf8"
)

// loses reports whether the nearest ASCII for a banner drops letters without a replacement,
// as in scripts other than Latin.
func loses(banner string) bool {
	for _, r := range banner {
		if r >= utf8.RuneSelf && strings.TrimSpace(toASCII(string(r))) == "" && r != '\u00a0' {
			return true
		}
	}
	return false
}

// convert converts a text to UTF-8, for a banner that its charset cannot encode: the
// sender's words stay the same. RFC 2046, Section 4.1.2. An inline signed text is not
// converted, since its bytes are signed.
func (ed *editor) convert(p *Part, content []byte, b Banner, charset string) bool {
	text, ok := exactText(content, charset)
	if !ok || p.Seal() != SealNone {
		return false
	}
	text = strings.TrimPrefix(text, "\ufeff")
	pieces := []insertion{{0, plainBanner(b.Text, p.flowed)}}
	if p.MediaType == "text/html" {
		pieces = insertBanner([]byte(text), b.HTML, true)
	}
	return ed.reencode(p, []byte(text), pieces, "utf-8")
}

// exactText returns content as UTF-8. It reports false if that requires a guess.
func exactText(content []byte, charset string) (string, bool) {
	switch kind, _ := lookupCharset(charset); kind {
	case charsetUTF8:
		return string(content), true // the bytes stay as they are, even if invalid
	case charsetASCII, charsetUnknown:
		if text, ok := decodeMarked(content); ok {
			return text, !strings.ContainsRune(text, utf8.RuneError)
		}
		return string(content), utf8.Valid(content)
	case charsetUTF16:
		if isASCIIText(string(content)) && !looksWide(content) {
			return string(content), true
		}
	case charsetUTF7, charsetOther:
	}
	text, clean := decodeCharset(content, charset)
	return text, clean && !strings.ContainsRune(text, utf8.RuneError)
}

// reencode encodes content, which is in charset, and the pieces as quoted-printable. It
// reports false without a header section to declare that.
func (ed *editor) reencode(p *Part, content []byte, pieces []insertion, charset string) bool {
	if !ed.retype(p, charset) {
		return false
	}
	eol := "\r\n"
	if !strings.Contains(string(content), eol) {
		eol = "\n"
	}
	coded := encodeQP(joined(content, pieces, eol), eol)
	ed.drop(p)
	ed.put(p, p.Body.From, string(crlf([]byte(strings.ReplaceAll(string(coded), "\r\n", "\n")), ed.eol)))
	return true
}

// retype rewrites the fields of a part that declare its encoding. It reports false without
// a header section for them.
func (ed *editor) retype(p *Part, charset string) bool {
	fields := p.Header.Fields
	at := p.Raw.From
	switch {
	case p.msg != ed.m:
		return false
	case len(fields) > 0:
		at = fields[0].Raw.From
	case p.Parent == nil || p.Raw.From == p.Body.From:
		return false
	}
	var kind, encoding HeaderWriter
	if kind.Add("Content-Type", p.mediaType(charset)) != nil || encoding.Add("Content-Transfer-Encoding", "quoted-printable") != nil {
		return false
	}
	ed.setField(fields, "content-type", kind.Bytes(), at)
	ed.setField(fields, "content-transfer-encoding", encoding.Bytes(), at)
	if p.Parent == nil {
		ed.mimeVersion(at)
	}
	return true
}

// mediaType returns the value of Content-Type with another charset.
func (p *Part) mediaType(charset string) string {
	params := map[string]string{}
	for name, value := range p.Params {
		params[name] = value
	}
	if charset != "" {
		params["charset"] = charset
	}
	if v := mime.FormatMediaType(p.MediaType, params); v != "" {
		return v
	}
	return mime.FormatMediaType(p.MediaType, map[string]string{"charset": charset}) // invalid parameter
}

// mimeVersion adds the field that readers require for the other MIME fields. RFC 2045,
// Section 4.
func (ed *editor) mimeVersion(at int) {
	if !hasField(ed.m.Header().Fields, "mime-version") {
		ed.replace(at, at, "MIME-Version: 1.0"+ed.eol)
	}
}

// setField replaces all fields that have the key by one, or inserts it at an offset.
func (ed *editor) setField(fields []Field, key string, line []byte, at int) {
	with := strings.ReplaceAll(string(line), "\r\n", ed.eol)
	for _, f := range fields {
		if f.Key == key {
			ed.replace(f.Raw.From, f.Raw.To, with)
			with = ""
		}
	}
	if with != "" {
		ed.replace(at, at, with)
	}
}

func hasField(fields []Field, key string) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Key == key })
}
