package message

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// loses reports whether the nearest ASCII for a banner leaves out letters that nothing
// else stands for, as in scripts other than Latin.
func loses(banner string) bool {
	for _, r := range banner {
		if r >= utf8.RuneSelf && strings.TrimSpace(toASCII(string(r))) == "" && r != '\u00a0' {
			return true
		}
	}
	return false
}

// recode sends a text as UTF-8, for a banner that the charset or the transfer encoding
// of the part cannot carry: the words of the sender stay the same. RFC 2046, Section 4.1.2.
func (ed *editor) recode(p *Part, content []byte, banner string) bool {
	kind, enc := lookupCharset(p.textCharset(content))
	text := string(content)
	switch {
	case kind == charsetASCII, kind == charsetUTF8:
		if !utf8.Valid(content) {
			return false
		}
	case kind == charsetOther && enc != nil:
		decoded, err := enc.NewDecoder().Bytes(content)
		if text = string(decoded); err != nil || strings.ContainsRune(text, utf8.RuneError) {
			return false
		}
	case p.Charset == "" && isASCIIText(text):
	default:
		return false
	}
	if !ed.retype(p) {
		return false
	}
	text = strings.TrimPrefix(text, "\ufeff")
	eol := "\r\n"
	if !strings.Contains(text, eol) {
		eol = "\n"
	}
	coded := encodeQP(append(crlf([]byte(banner), eol), text...), eol)
	coded = bytes.ReplaceAll(coded, []byte("\r\n"), []byte("\n"))
	ed.drop(p)
	ed.put(p, p.Body.From, string(crlf(coded, ed.eol)))
	return true
}

// retype writes the fields of a part anew that say how it is encoded. It reports false
// where there is no header section to write them in.
func (ed *editor) retype(p *Part) bool {
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
	written := []struct{ key, line string }{
		{"content-type", "Content-Type: " + p.MediaType + "; charset=utf-8" + p.flowParams()},
		{"content-transfer-encoding", "Content-Transfer-Encoding: quoted-printable"},
	}
	for _, w := range written {
		ed.setField(fields, w.key, w.line, at)
	}
	if p.Parent == nil && !hasField(fields, "mime-version") {
		ed.replace(at, at, "MIME-Version: 1.0"+ed.eol)
	}
	return true
}

// setField puts one field in the place of all that have the key, or at an offset.
func (ed *editor) setField(fields []Field, key, line string, at int) {
	line += ed.eol
	for _, f := range fields {
		if f.Key == key {
			ed.replace(f.Raw.From, f.Raw.To, line)
			line = ""
		}
	}
	if line != "" {
		ed.replace(at, at, line)
	}
}

func hasField(fields []Field, key string) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Key == key })
}

// flowParams returns the parameters that say how lines flow. RFC 3676, Section 4.
func (p *Part) flowParams() string {
	if !p.flowed {
		return ""
	}
	if strings.EqualFold(p.Params["delsp"], "yes") {
		return "; format=flowed; delsp=yes"
	}
	return "; format=flowed"
}
