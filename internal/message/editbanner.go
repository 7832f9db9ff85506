package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
)

// ErrBadBanner is returned by Render for a banner with a line that is too long and has no
// space to break at.
var ErrBadBanner = errors.New("banner has a line that cannot be broken")

// Reasons in Rendition.Skipped.
const (
	SkippedSigned    = "banner: a text is signed or encrypted"
	SkippedNoText    = "banner: there is no text, and none can be added"
	SkippedEncoding  = "banner: the transfer encoding of a text is not known"
	SkippedTooLarge  = "banner: a text is larger than the budget allows"
	SkippedCharset   = "banner: the charset of a text has not all of its characters, and the text cannot be converted"
	SkippedEmptyForm = "banner: it has no form for the type of a text"
)

// banner inserts b above each text that is shown as the body. Without one, or if it cannot
// be changed, the message gets a separate text part.
func (ed *editor) banner(b Banner) error {
	var err error
	b.Text = wrapText(b.Text)
	if b.HTML, err = wrapHTML(htmlEntities(guardedBanner(b.HTML))); err != nil {
		return err
	}
	targets := ed.targets(ed.m.Root)
	missing := len(targets) == 0 || ed.unmarked
	for _, p := range targets {
		if reason := ed.insert(p, b); reason != "" {
			ed.skip(reason)
			missing = missing || reason != SkippedEmptyForm
		}
	}
	if sealed := slices.Contains(ed.skipped, SkippedSigned); !missing || sealed && (!b.Beside || !ed.isSigned()) {
		return nil
	}
	switch {
	case ed.beside(b.Text):
		ed.skipped = nil
	case len(ed.skipped) == 0:
		ed.skip(SkippedNoText)
	}
	return nil
}

// targets returns the texts below p that clients show as body. Signed or encrypted parts
// are not changed; texts beside them are, so that an empty signed part cannot prevent a
// banner.
func (ed *editor) targets(p *Part) []*Part {
	switch p.MediaType {
	case "multipart/signed", "multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime":
		ed.skip(SkippedSigned)
		return nil
	case "multipart/related":
		return ed.each(relatedRoots(p))
	case "multipart/report":
		return ed.each(p.Children[:min(len(p.Children), 1)])
	case "multipart/alternative":
		ed.alternatives(p.Children)
		return ed.each(p.Children)
	}
	switch {
	case p.IsMultipart():
		return ed.mixed(p.Children)
	case !p.isBodyText() || p.IsAttachment():
		return nil
	}
	return []*Part{p}
}

// relatedRoots returns the parts that clients show of related ones: the one named by the
// parameter "start", and the first, since some ignore the parameter. RFC 2387, Section 3.2:
// the others belong to the root.
func relatedRoots(p *Part) []*Part {
	if len(p.Children) == 0 {
		return nil
	}
	roots := p.Children[:1:1]
	start := strings.Trim(p.Params["start"], " <>")
	for _, child := range p.Children[1:] {
		if start != "" && child.ContentID == start {
			return append(roots, child)
		}
	}
	return roots
}

// each returns the texts below each of the parts.
func (ed *editor) each(parts []*Part) []*Part {
	var all []*Part
	for _, p := range parts {
		all = append(all, ed.targets(p)...)
	}
	return all
}

// alternatives notes where the form that clients prefer, the last that they can show, has
// no text for a banner, such as a picture after a text. RFC 2046, Section 5.1.4.
func (ed *editor) alternatives(parts []*Part) {
	for _, p := range slices.Backward(parts) {
		if p.holds(isMarkable) {
			return
		}
		if p.holds(isDisplayed) {
			ed.unmarked = true
			return
		}
	}
}

// leads notes where clients show something above the first text that gets a banner.
func (ed *editor) leads(parts []*Part) {
	for _, p := range parts {
		if p.holds(isMarkable) {
			return
		}
		if p.Disposition != "attachment" && p.holds(isDisplayed) {
			ed.unmarked = true
			return
		}
	}
}

// holds reports whether a part or one below it is of a kind. Signed parts are left to
// SkippedSigned.
func (p *Part) holds(kind func(*Part) bool) bool {
	return kind(p) || slices.ContainsFunc(p.Children, func(c *Part) bool { return c.holds(kind) })
}

// isMarkable reports whether a part is a text that gets a banner, or one whose seal decides.
func isMarkable(p *Part) bool {
	switch p.MediaType {
	case "multipart/signed", "multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime":
		return true
	}
	return p.isBodyText() && !p.IsAttachment()
}

// isDisplayed reports whether clients show a part in the window of the message, although
// it can get no banner.
func isDisplayed(p *Part) bool {
	if p.Disposition == "attachment" || p.isBodyText() {
		return false
	}
	return strings.HasPrefix(p.MediaType, "image/") || p.MediaType == "application/pdf" || p.IsHTML() || p.isText()
}

// mixed returns the first text of each type: texts that clients show in sequence need one
// banner, but some clients use the first HTML as the body, others the first text.
func (ed *editor) mixed(parts []*Part) []*Part {
	ed.leads(parts)
	var all []*Part
	for _, p := range parts {
		before := all
		for _, t := range ed.targets(p) {
			if !slices.ContainsFunc(before, func(x *Part) bool { return x.MediaType == t.MediaType }) {
				all = append(all, t)
			}
		}
	}
	return all
}

// insert inserts the banner into one text, or returns why it cannot.
func (ed *editor) insert(p *Part, b Banner) (skipped string) {
	content := p.Decoded()
	switch declared := p.Header.Get("Content-Transfer-Encoding"); {
	case !p.knownEncoding(declared):
		return SkippedEncoding
	case content == nil:
		return SkippedTooLarge
	case strings.TrimSpace(b.form(p)) == "":
		return SkippedEmptyForm
	}
	charset := p.textCharset(content)
	pieces, ok := p.pieces(content, b, charset)
	switch {
	case ok && p.carries(pieces) && charset == p.Charset:
		ed.insertPieces(p, content, pieces)
		return ""
	case ok && ed.reencode(p, content, pieces, charset), ed.convert(p, content, b, charset):
		return ""
	}
	if near := toASCII(b.Text); p.MediaType == "text/plain" && !loses(b.Text) && !p.isStrange(content, charset) {
		ed.insertPieces(p, content, []insertion{{bomLen(content), plainBanner(near, p.flowed)}})
		return ""
	}
	return SkippedCharset
}

// form returns the banner for the type of a text.
func (b *Banner) form(p *Part) string {
	if p.MediaType == "text/plain" {
		return b.Text
	}
	return b.HTML
}

// pieces returns the insertions into the content of p, in its charset. It reports false if
// the charset cannot encode all of them, or obscures markup.
func (p *Part) pieces(content []byte, b Banner, charset string) ([]insertion, bool) {
	bom := bomLen(content)
	strange := p.isStrange(content, charset)
	if p.MediaType == "text/html" {
		return shifted(insertBanner(content[bom:], b.HTML, false), bom), !strange
	}
	coded, ok := encodeExactly(plainBanner(b.Text, p.flowed), charset)
	return []insertion{{bom, string(coded)}}, ok && !p.isWide(content, charset)
}

// shifted adds an offset to all insertions.
func shifted(in []insertion, by int) []insertion {
	for i := range in {
		in[i].at += by
	}
	return in
}

// bomLen returns the length of the UTF-8 byte order mark at the start of a text.
func bomLen(content []byte) int {
	return len(content) - len(bytes.TrimPrefix(content, []byte("\ufeff")))
}

// carries reports whether the transfer encoding of the part can represent the pieces.
func (p *Part) carries(pieces []insertion) bool {
	return p.Encoding != "7bit" || !slices.ContainsFunc(pieces, func(i insertion) bool { return !isASCIIText(i.with) })
}

// knownEncoding reports whether the declared transfer encoding is the applied one, and
// allows insertions.
func (p *Part) knownEncoding(declared string) bool {
	encoding, sure := transferEncoding(declared, false)
	return sure && encoding == p.Encoding && encoding != "x-uuencode" && encoding != "x-yenc"
}

// insertPieces inserts into the decoded content. Long lines of a page do not get longer,
// since the pieces of a page begin with a line end.
func (ed *editor) insertPieces(p *Part, content []byte, pieces []insertion) {
	switch p.Encoding {
	case "base64":
		ed.drop(p)
		ed.put(p, p.Body.From, string(encodeBase64(joined(content, pieces, "\r\n"))))
	case "quoted-printable":
		for _, i := range pieces {
			ed.insertQP(p, i.at, crlf([]byte(i.with), "\r\n"))
		}
	default:
		for _, i := range pieces {
			ed.put(p, p.Body.From+i.at, string(crlf([]byte(i.with), ed.eol)))
		}
	}
}

// joined returns content with the pieces, whose lines end with eol.
func joined(content []byte, pieces []insertion, eol string) []byte {
	var out []byte
	pos := 0
	for _, i := range pieces {
		out = append(append(out, content[pos:i.at]...), crlf([]byte(i.with), eol)...)
		pos = i.at
	}
	return append(out, content[pos:]...)
}

// insertQP inserts at an offset of the decoded content. Soft line ends around the banner
// keep lines short and are not part of the content.
func (ed *editor) insertQP(p *Part, at int, banner []byte) {
	raw := qpOffset(p.BodyBytes(), at)
	with := string(encodeQP(banner, "\r\n"))
	if raw > 0 {
		with = "=\r\n" + with
	}
	ed.put(p, p.Body.From+raw, with)
}

// drop removes the body, and keeps its line end if it has its own.
func (ed *editor) drop(p *Part) { ed.replace(p.Body.From, p.Body.To, "") }

// put inserts bytes into the body of p, and adds the line ends that an empty body has lost.
func (ed *editor) put(p *Part, at int, with string) {
	raw := ed.m.Raw
	if p.Parent == nil {
		if !ed.blank {
			ed.endHeader()
		}
	} else if at == p.Body.From && !hasBlankLine(raw, at) {
		lead := ed.eol
		if at > 0 && raw[at-1] != '\n' {
			lead += ed.eol
		}
		with = lead + with
	}
	if p.Body.Len() == 0 && at < len(raw) && raw[at] != '\n' && raw[at] != '\r' && !strings.HasSuffix(with, "\n") {
		with += ed.eol
	}
	ed.replace(at, at, with)
}

// crlf returns text, whose lines end with LF, with the line end eol.
func crlf(text []byte, eol string) []byte {
	return bytes.ReplaceAll(text, []byte("\n"), []byte(eol))
}

// base64Line is the length of a line of base64 in characters.
// RFC 2045, Section 6.8.
const base64Line = 76

// encodeBase64 returns b in lines.
func encodeBase64(b []byte) []byte {
	text := base64.StdEncoding.EncodeToString(b)
	out := make([]byte, 0, len(text)+len(text)/base64Line*2+2)
	for len(text) > base64Line {
		out = append(append(out, text[:base64Line]...), "\r\n"...)
		text = text[base64Line:]
	}
	return append(append(out, text...), "\r\n"...)
}

// qpLine is the length of a quoted-printable line, without the "=" that continues it. RFC
// 2045, Section 6.7: lines have at most 76 characters.
const qpLine = 75

// encodeQP returns b in quoted-printable. Line ends of b that are eol stay line ends.
func encodeQP(b []byte, eol string) []byte {
	var out []byte
	col := 0
	for len(b) > 0 {
		if startsLine(b, eol) {
			out = append(out, eol...)
			b, col = b[len(eol):], 0
			continue
		}
		c := b[0]
		b = b[1:]
		code := []byte{'=', hexDigits[c>>4], hexDigits[c&15]}
		if plainQP(c, col == 0, len(b) == 0 || startsLine(b, eol)) {
			code = []byte{c}
		}
		if col+len(code) > qpLine {
			out = append(out, "=\r\n"...)
			col = 0
		}
		out = append(out, code...)
		col += len(code)
	}
	return out
}

// startsLine reports whether b begins with the line end eol, which may be empty.
func startsLine(b []byte, eol string) bool { return eol != "" && bytes.HasPrefix(b, []byte(eol)) }

// plainQP reports whether c needs no encoding. Dashes and dots at the start of a line would
// look like a delimiter or an end of data, and "From " like the beginning of a message.
func plainQP(c byte, first, last bool) bool {
	switch c {
	case '=':
		return false
	case ' ', '\t':
		return !last
	case '-', '.', 'F':
		return !first
	default:
		return c > ' ' && c < 0x7f
	}
}

const hexDigits = "0123456789ABCDEF"

// qpOffset returns the offset in quoted-printable text at which the decoded byte
// number at begins.
func qpOffset(src []byte, at int) int {
	var scratch []byte
	for pos := 0; pos < len(src); {
		eol := lineEnd(src, pos, len(src))
		content := trimEOL(src, pos, eol)
		line := trimBlankRight(src[pos:content])
		soft := len(line) > 0 && line[len(line)-1] == '='
		if soft {
			line = line[:len(line)-1]
		}
		scratch, _ = appendQP(scratch[:0], line)
		if at < len(scratch) || at == len(scratch) && !soft {
			return pos + qpColumn(line, at)
		}
		at -= len(scratch)
		if !soft {
			at -= eol - content
		}
		pos = eol
		if at <= 0 {
			return pos
		}
	}
	return len(src)
}

// qpColumn returns the offset in one line at which the decoded byte number at begins.
func qpColumn(line []byte, at int) int {
	i := 0
	for ; at > 0; at-- {
		if line[i] == '=' && i+2 < len(line) && unhex(line[i+1])|unhex(line[i+2]) < 16 {
			i += 2
		}
		i++
	}
	return i
}
