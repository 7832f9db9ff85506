package message

import (
	"slices"
	"strings"
)

// description holds properties from the header of a part that are not fields of Part.
type description struct {
	boundary string // exact bytes in the message, or ""
	encoded  bool   // a container that declares a transfer encoding
}

// mimeFields holds the fields of a header section that describe the part: index of the
// first and of the last of each, or -1.
type mimeFields struct {
	kind, encoding, disposition, id span
}

type span struct{ first, last int }

func (s *span) add(i int) bool {
	if s.first < 0 {
		s.first = i
	}
	again := s.last >= 0
	s.last = i
	return again
}

// pick returns the index of the field that counts, or -1.
func (s span) pick(last bool) int {
	if last {
		return s.last
	}
	return s.first
}

// describe sets the properties of p from its header.
func (s *scanner) describe(p *Part) description {
	v := variant{}
	if p == s.top {
		v = s.variant
	}
	f := s.findFields(p)
	s.disposition(p, f.disposition)
	list := s.mediaType(p, f.kind.pick(v.lastType))
	p.Encoding = s.encoding(p, f.encoding.pick(v.lastEncoding), v.lastEncoding)
	p.ContentID = contentID(p, f.id.first)
	p.cautious = v.cautious
	s.conflicts(p, f)
	switch {
	case v.asText:
		p.MediaType = "text/plain"
	case p.IsMultipart():
		return s.container(p, list, v)
	}
	return description{}
}

// container describes a multipart.
func (s *scanner) container(p *Part, list paramList, v variant) description {
	if p.Parent != nil && p.Parent.isMessage() && p.Reading == p.Parent.Reading {
		p.Path = textPath(p.Parent.Path)
	}
	d := description{boundary: v.boundary}
	if v.boundary == "" {
		d.boundary = s.boundary(p, list)
	}
	if !isIdentity(p.Encoding) {
		s.defect(DefectEncodedContainer, p, p.Raw.From, p.Encoding)
		d.encoded = !v.undo
		// RFC 2045, Section 6.4: a multipart only has identity encodings.
		p.Encoding = "binary"
	}
	return d
}

// findFields finds all MIME fields in one pass.
func (s *scanner) findFields(p *Part) mimeFields {
	none := span{-1, -1}
	f := mimeFields{none, none, none, none}
	top := p.Parent == nil || p.Parent.isMessage()
	var seen [len(singles)]bool
	for i := range p.Header.Fields {
		switch key := p.Header.Fields[i].Key; key {
		case "content-type":
			s.twice(f.kind.add(i), DefectDuplicateType, p, i)
		case "content-transfer-encoding":
			s.twice(f.encoding.add(i), DefectDuplicateMIME, p, i)
		case "content-disposition":
			s.twice(f.disposition.add(i), DefectDuplicateMIME, p, i)
		case "content-id":
			s.twice(f.id.add(i), DefectDuplicateMIME, p, i)
		default:
			if n := slices.Index(singles[:], key); n >= 0 && top {
				s.twice(seen[n], duplicateKind(key), p, i)
				seen[n] = true
				s.checkWords(p, i)
			}
		}
	}
	return f
}

// singles are the fields that a message may have once. RFC 5322, Section 3.6.
var singles = [...]string{
	"from", "to", "subject", "date", "message-id", "reply-to", "cc", "sender", "in-reply-to", "references", "mime-version",
}

func duplicateKind(key string) DefectKind {
	switch key {
	case "from":
		return DefectDuplicateFrom
	case "subject":
		return DefectDuplicateSubject
	case "mime-version":
		return DefectDuplicateMIME
	default:
		return DefectDuplicateField
	}
}

func (s *scanner) twice(again bool, kind DefectKind, p *Part, i int) {
	if again {
		f := p.Header.Fields[i]
		s.defect(kind, p, f.Raw.From, f.Name)
	}
}

// mediaType sets the media type from field i, and returns its parameters.
func (s *scanner) mediaType(p *Part, i int) paramList {
	if i < 0 {
		p.MediaType = defaultType(p)
		return nil
	}
	at := p.Header.Fields[i].Raw.From
	main, rest := cutMain(p.Header.unfold(i))
	var known bool
	if p.MediaType, known = repairType(main, p); !known {
		s.defect(DefectBadType, p, at, main)
	}
	if rest != "" && rest[0] != ';' {
		s.defect(DefectBadParameter, p, at, main)
	}
	list := s.params(p, rest, at)
	if len(list) == 0 {
		return nil
	}
	p.Params = make(map[string]string, len(list))
	for _, x := range list {
		p.Params[x.name] = x.value
		if x.name == "name" {
			p.addNames(x)
		}
	}
	p.Charset = strings.ToLower(strings.Trim(p.Params["charset"], " '\""))
	p.flowed = strings.EqualFold(p.Params["format"], "flowed")
	return list
}

// defaultType is the type of a part without Content-Type.
// RFC 2046, Section 5.1.5: in a digest, parts are messages.
func defaultType(p *Part) string {
	if p.Parent != nil && p.Parent.MediaType == "multipart/digest" {
		return "message/rfc822"
	}
	return "text/plain"
}

// repairType returns the media type that clients use for main, and whether main is valid.
// RFC 2045, Section 5.2: an invalid type is treated as text.
func repairType(main string, p *Part) (string, bool) {
	main = strings.ToLower(main)
	major, minor, ok := strings.Cut(main, "/")
	major, minor = strings.TrimSpace(major), strings.TrimSpace(minor)
	switch {
	case ok && isToken(major) && isToken(minor):
		return major + "/" + minor, true
	case major == "multipart":
		return "multipart/mixed", false
	case ok && isToken(major) && major != "text" && minor != "":
		return major + "/" + strings.Join(strings.FieldsFunc(minor, notToken), "-"), false
	default:
		return defaultType(p), false
	}
}

// disposition sets the values of Content-Disposition. Names in further fields count too,
// since clients differ in which field they read.
func (s *scanner) disposition(p *Part, at span) {
	if at.first < 0 {
		return
	}
	for i := at.first; i <= at.last; i++ {
		if p.Header.Fields[i].Key != "content-disposition" {
			continue
		}
		main, rest := cutMain(p.Header.unfold(i))
		if i == at.first {
			p.Disposition = strings.ToLower(main)
		}
		for _, x := range s.params(p, rest, p.Header.Fields[i].Raw.From) {
			if x.name == "filename" || x.name == "name" {
				p.addNames(x)
			}
		}
	}
}

// addNames keeps every reading of a file name.
func (p *Part) addNames(x param) {
	for _, name := range append([]string{x.value}, x.others...) {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(p.names, name) {
			p.names = append(p.names, name)
		}
	}
	if p.Filename == "" && len(p.names) > 0 {
		p.Filename = p.names[0]
	}
}

// encoding returns the transfer encoding of field i.
func (s *scanner) encoding(p *Part, i int, last bool) string {
	if i < 0 {
		return "7bit"
	}
	value := p.Header.unfold(i)
	encoding, sure := transferEncoding(value, last)
	if !sure {
		s.defect(DefectUnknownEncoding, p, p.Header.Fields[i].Raw.From, value)
		if other, _ := transferEncoding(value, true); other != encoding {
			s.again(p, variant{lastEncoding: true})
		}
	}
	return encoding
}

// transferEncoding returns the first or last encoding in value, and whether value is
// exactly one known encoding. Unknown encodings are not decoded.
func transferEncoding(value string, last bool) (encoding string, sure bool) {
	words := strings.FieldsFunc(strings.ToLower(value), notEncoding)
	if len(words) == 0 {
		return "7bit", value == ""
	}
	word := words[0]
	if last {
		word = words[len(words)-1]
	}
	switch word {
	case "7bit", "8bit", "binary", "base64", "quoted-printable":
		return word, len(words) == 1
	case "x-uuencode", "uuencode", "x-uue", "uue":
		return "x-uuencode", len(words) == 1
	case "x-yenc", "yenc":
		return "x-yenc", len(words) == 1
	default:
		return "binary", false
	}
}

// notEncoding separates the words of a Content-Transfer-Encoding field.
func notEncoding(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`;,"'()`, r) }

// isIdentity reports whether an encoding leaves bytes as they are.
func isIdentity(encoding string) bool {
	return encoding == "7bit" || encoding == "8bit" || encoding == "binary"
}

func contentID(p *Part, i int) string {
	if i < 0 {
		return ""
	}
	return toUTF8(strings.Trim(p.Header.unfold(i), "<> "))
}

// conflicts reports contradictory fields, and requests the reading of clients that use the
// last one.
func (s *scanner) conflicts(p *Part, f mimeFields) {
	if len(p.names) > 1 {
		s.defect(DefectNameConflict, p, p.Raw.From, strings.Join(p.names, " | "))
	}
	if f.kind.first != f.kind.last && !strings.EqualFold(p.Header.unfold(f.kind.first), p.Header.unfold(f.kind.last)) {
		s.again(p, variant{lastType: true, lastEncoding: true})
	}
	if f.encoding.first != f.encoding.last &&
		!strings.EqualFold(p.Header.unfold(f.encoding.first), p.Header.unfold(f.encoding.last)) {
		s.again(p, variant{lastEncoding: true})
	}
}

// maxBoundary is the longest boundary in characters.
// RFC 2046, Section 5.1.1.
const maxBoundary = 70

// boundary returns the declared boundary, and requests a second reading if clients see
// another one.
func (s *scanner) boundary(p *Part, list paramList) string {
	i := slices.IndexFunc(list, func(x param) bool { return x.name == "boundary" })
	if i < 0 {
		s.defect(DefectNoBoundary, p, p.Raw.From, "")
		return ""
	}
	// RFC 2046, Section 5.1.1: a boundary does not end with white space.
	b := strings.TrimRight(list[i].raw, " \t")
	switch {
	case b == "":
		s.defect(DefectEmptyBoundary, p, p.Raw.From, "")
	case len(b) > maxBoundary:
		s.defect(DefectLongBoundary, p, p.Raw.From, b)
	}
	for _, other := range list[i].others {
		if other = strings.TrimRight(other, " \t"); other != b && other != "" {
			s.defect(DefectAmbiguousBoundary, p, p.Raw.From, b+" | "+other)
			s.again(p, variant{boundary: other})
		}
	}
	return b
}
