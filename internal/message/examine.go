package message

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"outrider/internal/budget"
)

// examine checks the body of a complete leaf: its encoding, its charset, and content beyond
// its declared type.
func (p *parser) examine(leaf *Part) {
	p.work += leaf.Body.Len()
	switch {
	case leaf.unread:
		p.readFlat(leaf)
		return
	case leaf.IsMultipart():
		p.guess(leaf)
		return
	case leaf.isMessage() && !isIdentity(leaf.Encoding):
		p.embed(leaf)
	case leaf.isCMS():
		p.unseal(leaf)
	}
	if leaf.isBodyText() {
		p.checkText(leaf)
	}
	p.checkEncoding(leaf)
}

// guess finds parts of a multipart without a declared boundary: some clients use the first
// line that looks like a delimiter.
func (p *parser) guess(part *Part) {
	if _, ok := part.Params["boundary"]; ok && part.Params["boundary"] != "" {
		return
	}
	body := part.BodyBytes()
	for pos := 0; pos < len(body); {
		if body[pos] != '-' || !bytes.HasPrefix(body[pos:], lineDashes[1:]) {
			i := bytes.Index(body[pos:], lineDashes)
			if i < 0 {
				break
			}
			pos += i + 1
		}
		eol := lineEnd(body, pos, len(body))
		line := bytes.TrimRight(body[pos+2:eol], " \t\r\n")
		if len(line) > 0 && len(line) <= maxBoundary && !bytes.ContainsAny(line, " \t") {
			p.again(part, variant{boundary: string(line)})
			return
		}
		pos = eol
	}
	p.again(part, variant{asText: true})
}

// embed parses a transfer-encoded message, which MIME forbids and clients show. Offsets of
// the inner parts refer to the decoded bytes.
func (p *parser) embed(part *Part) {
	p.defect(DefectEncodedContainer, part, part.Raw.From, part.Encoding)
	if !p.budget.Reach(budget.Depth, int64(part.Depth)+1) {
		p.defect(DefectTooDeep, part, part.Raw.From, part.MediaType)
		p.readFlat(part)
		return
	}
	raw := part.Decoded()
	if raw == nil {
		p.defect(DefectDecodedTooLarge, part, part.Body.From, "")
		return
	}
	if len(raw) == 0 {
		return
	}
	m := &Message{Raw: raw, base: p.place(part)}
	child, ok := p.newPart(part, m)
	if !ok {
		p.defect(DefectTooManyParts, part, part.Body.From, "")
		p.readFlat(part)
		return
	}
	p.scanAll(child, m, Range{0, len(raw)}, variant{})
}

// checkEncoding reports bodies that violate their transfer encoding.
func (p *parser) checkEncoding(leaf *Part) {
	body := leaf.BodyBytes()
	// Texts are already decoded.
	decoded := leaf.isBodyText() && leaf.decoded != nil
	switch leaf.Encoding {
	case "base64":
		if !decoded {
			leaf.base64 = checkBase64(body)
		}
		p.checkBase64(leaf, leaf.base64)
	case "quoted-printable":
		if decoded && leaf.badQP || !decoded && !checkQP(body) {
			p.defect(DefectBadQP, leaf, leaf.Body.From, "")
		}
	case "7bit":
		if hasEightBit(body) {
			p.defect(DefectEightBit, leaf, leaf.Body.From, "")
		}
	}
}

func (p *parser) checkBase64(leaf *Part, flaws base64Flaws) {
	if flaws.junk {
		p.defect(DefectBase64Junk, leaf, leaf.Body.From, "")
	}
	if flaws.padding {
		p.defect(DefectBase64Padding, leaf, leaf.Body.From, "")
	}
	if flaws.truncated {
		p.defect(DefectBase64Truncated, leaf, leaf.Body.From, "")
	}
	if flaws.differs() {
		p.again(leaf, variant{cautious: true})
	}
}

// checkText decodes a text, which is needed later anyway, and checks its charset and
// embedded files.
func (p *parser) checkText(leaf *Part) {
	text := leaf.Decoded()
	if text == nil {
		p.defect(DefectDecodedTooLarge, leaf, leaf.Body.From, "")
		return
	}
	leaf.validUTF8 = utf8.Valid(text)
	kind, _ := lookupCharset(leaf.Charset)
	switch {
	case kind == charsetUnknown && leaf.Charset != "":
		p.defect(DefectUnknownCharset, leaf, leaf.Raw.From, leaf.Charset)
	case (kind == charsetASCII || kind == charsetUnknown) && leaf.MediaType == "text/plain" && hasEightBit(text),
		kind == charsetASCII && hasEightBit(text), kind == charsetUTF8 && !leaf.validUTF8:
		p.defect(DefectCharsetMismatch, leaf, leaf.Body.From, leaf.Charset)
	}
	if leaf.MediaType == "text/plain" {
		p.inline(leaf, text)
	}
}

// inline adds the files embedded in a text as parts of a second reading: some clients show
// them as attachments.
func (p *parser) inline(leaf *Part, text []byte) {
	files := findInline(text)
	if len(files) == 0 || leaf.Reading != 1 || !p.budget.Reach(budget.Depth, int64(leaf.Depth)+1) {
		return
	}
	m := leaf.msg
	shift := leaf.Body.From
	if !isIdentity(leaf.Encoding) {
		m, shift = &Message{Raw: text, base: p.place(leaf)}, 0
	}
	for i, f := range files {
		kind := DefectInlineUU
		if f.encoding == "x-yenc" {
			kind = DefectInlineYEnc
		}
		p.defect(kind, leaf, leaf.Body.From+min(f.at.From, leaf.Body.Len()), f.name)
		if !p.budget.Spend(budget.Parts, 1) {
			p.defect(DefectTooManyParts, leaf, leaf.Body.From, "inline file")
			return
		}
		at := Range{f.at.From + shift, f.at.To + shift}
		p.attach(leaf, &Part{
			Path: childPath(leaf.Path, strconv.Itoa(i+1)) + secondSuffix, Parent: leaf, Depth: leaf.Depth + 1, Reading: 2,
			Header: Header{raw: m.Raw}, Raw: at, Body: at, MediaType: "application/octet-stream",
			Encoding: f.encoding, Filename: f.name, Disposition: "attachment", names: slices.DeleteFunc([]string{f.name}, isEmpty),
			msg: m, budget: p.budget,
		})
	}
}

func isEmpty(s string) bool { return s == "" }
