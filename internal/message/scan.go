package message

import (
	"bytes"
	"strconv"

	"outrider/internal/budget"
)

// variant is a second reading's difference from the first. All but prefix apply only to the
// part at which the reading begins.
type variant struct {
	lastType     bool   // the last Content-Type field counts, not the first
	lastEncoding bool   // the last Content-Transfer-Encoding field counts
	boundary     string // boundary to use instead of the declared one, or ""
	prefix       bool   // lines that begin with "--" and a boundary are delimiters, at every inner level
	outerWins    bool   // a boundary that is used twice belongs to the outer multipart
	ignoreClose  bool   // a closing delimiter does not end the multipart
	blankEnds    bool   // a line of white space ends the header section
	asText       bool   // a multipart without parts is text
	undo         bool   // decode the transfer encoding of a multipart
	cautious     bool   // base64 ends at the first padding or junk
}

// level is one open container: a multipart, or an embedded message.
type level struct {
	part     *Part
	boundary string // or "" for an embedded message
	shadowed int    // the level that had the boundary before, or -1
	encoded  bool   // the part declares a forbidden transfer encoding
	found    bool   // a delimiter line was seen
	closed   bool   // the closing delimiter was seen
	resume   int    // offset after the last delimiter line, where preamble or epilogue begins
}

// scanner parses one range of bytes into a tree of parts, in one pass: at each line that
// begins with "--" it looks up all open boundaries at once.
type scanner struct {
	*parser
	msg     *Message // the message that offsets belong to
	raw     []byte
	end     int
	reading int
	variant variant
	top     *Part // start of this scan

	open   []level        // innermost last
	delims map[string]int // innermost level of each boundary that is open
	leaf   *Part          // innermost entity unless it is an open container, or nil
	leaves []*Part        // complete leaves

	fields []rawField // scratch space of readHeader
	names  []byte
}

// scan parses the entity top from offset pos to end.
func (s *scanner) scan(pos int) {
	pos = s.enter(s.top, pos)
	for {
		d, ok := s.nextDelimiter(pos)
		if !ok {
			break
		}
		s.closeInside(d.level, d.from, trimEOL(s.raw, 0, d.from))
		if pos = s.delimiter(d); pos == s.end {
			break
		}
	}
	s.closeInside(-1, s.end, s.end)
}

// delimiter processes one delimiter line and returns the offset for the next search.
func (s *scanner) delimiter(d delimiter) int {
	l := &s.open[d.level]
	if !l.found {
		s.checkPreamble(l, d.from)
	}
	switch {
	case l.closed:
		s.defect(DefectAfterClose, l.part, d.from, l.boundary)
		s.again(l.part, variant{ignoreClose: true})
		return d.to
	case d.closing && (!s.variant.ignoreClose || l.part != s.top):
		l.closed, l.found, l.resume = true, true, d.to
		if l.shadowed >= 0 {
			s.delims[l.boundary] = l.shadowed
		}
		return d.to
	case d.closing:
		l.found, l.resume = true, d.to
		return d.to
	}
	l.found, l.resume = true, d.to
	return s.child(l.part, d.to)
}

// child begins the next part of the multipart parent at pos.
func (s *scanner) child(parent *Part, pos int) int {
	p, ok := s.newPart(parent, s.msg)
	if !ok {
		s.overflow(parent, pos)
		return s.end
	}
	return s.enter(p, pos)
}

// overflow keeps everything from pos on as one leaf of parent, so that no byte is lost. Its
// texts are read flat.
func (s *scanner) overflow(parent *Part, pos int) {
	s.defect(DefectTooManyParts, parent, pos, "")
	p := &Part{
		Parent: parent, Depth: parent.Depth + 1, msg: s.msg, budget: s.budget, Reading: s.reading,
		MediaType: "application/octet-stream", Encoding: "binary", unread: true,
	}
	parent.Children = append(parent.Children, p)
	p.Path = childPath(parent.Path, strconv.Itoa(len(parent.Children)))
	p.Header.raw = s.raw
	p.Raw, p.Body = Range{pos, s.end}, Range{pos, s.end}
	s.leaf = p
}

// enter parses the header of p at pos and, while p embeds a message, the header of that. It
// returns the offset for the next delimiter search.
func (s *scanner) enter(p *Part, pos int) int {
	for {
		body, cut := s.readHeader(p, pos)
		p.Raw.From, p.Body = pos, Range{body, body}
		d := s.describe(p)
		switch {
		case cut:
		case p.IsMultipart():
			if s.enterMultipart(p, d) {
				return body
			}
		case p.isMessage():
			if child := s.enterMessage(p, body); child != nil {
				p, pos = child, body
				continue
			}
		}
		s.leaf = p
		return body
	}
}

// enterMultipart opens p, unless no parts can be found in it.
func (s *scanner) enterMultipart(p *Part, d description) bool {
	if d.boundary == "" || !s.descend(p) {
		return false
	}
	shadowed, used := s.delims[d.boundary]
	switch {
	case !used:
		shadowed = -1
	case !s.open[shadowed].closed:
		s.defect(DefectBoundaryReused, p, p.Raw.From, d.boundary)
		if s.variant.outerWins {
			return false
		}
		s.again(s.open[shadowed].part, variant{outerWins: true})
	}
	if s.delims == nil {
		s.delims = make(map[string]int, 4)
	}
	s.delims[d.boundary] = len(s.open)
	s.open = append(s.open, level{part: p, boundary: d.boundary, encoded: d.encoded, shadowed: shadowed, resume: p.Body.From})
	return true
}

// enterMessage opens p and returns the message that it embeds, or nil.
func (s *scanner) enterMessage(p *Part, body int) *Part {
	if !isIdentity(p.Encoding) || body == s.end || !s.descend(p) {
		return nil
	}
	child, ok := s.newPart(p, s.msg)
	if !ok {
		s.defect(DefectTooManyParts, p, body, "")
		p.unread = true
		return nil
	}
	s.open = append(s.open, level{part: p, shadowed: -1, closed: true})
	return child
}

// descend reports whether p may have children.
func (s *scanner) descend(p *Part) bool {
	if s.budget.Reach(budget.Depth, int64(p.Depth)+1) {
		return true
	}
	s.defect(DefectTooDeep, p, p.Raw.From, p.MediaType)
	p.unread = true
	return false
}

// closeInside completes everything inside level i: bodies end at bodyEnd, before the
// delimiter line at pos.
func (s *scanner) closeInside(i, pos, bodyEnd int) {
	if s.leaf != nil {
		bodyEnd = s.complete(s.leaf, bodyEnd)
		s.leaves = append(s.leaves, s.leaf)
		s.leaf = nil
	}
	for len(s.open) > i+1 {
		l := s.open[len(s.open)-1]
		s.open = s.open[:len(s.open)-1]
		bodyEnd = s.complete(l.part, bodyEnd)
		if l.boundary != "" {
			s.closeMultipart(l, len(s.open), pos)
		}
	}
}

// complete sets the end of p and returns it. It is after the line end of the delimiter if
// the same line end completes the header section.
func (s *scanner) complete(p *Part, end int) int {
	p.Body.To = max(end, p.Body.From)
	p.Raw.To = p.Body.To
	return p.Body.To
}

// closeMultipart drops the boundary of level l, which was at index i.
func (s *scanner) closeMultipart(l level, i, pos int) {
	if s.delims[l.boundary] == i {
		if l.shadowed >= 0 {
			s.delims[l.boundary] = l.shadowed
		} else {
			delete(s.delims, l.boundary)
		}
	}
	switch {
	case !l.found:
		s.defect(DefectBoundaryNotFound, l.part, l.part.Body.From, l.boundary)
		s.again(l.part, variant{asText: !l.encoded, undo: l.encoded})
	case !l.closed:
		s.defect(DefectUnclosed, l.part, pos, l.boundary)
	case len(bytes.TrimSpace(s.raw[min(l.resume, l.part.Body.To):l.part.Body.To])) > 0:
		s.defect(DefectEpilogue, l.part, l.resume, excerpt(s.raw[l.resume:l.part.Body.To]))
	}
}

// preambleNote is the maximum length in bytes of the usual preamble for clients without
// MIME.
const preambleNote = 200

func (s *scanner) checkPreamble(l *level, to int) {
	text := bytes.TrimSpace(s.raw[min(l.resume, to):to])
	if len(text) > preambleNote {
		s.defect(DefectPreamble, l.part, l.resume, excerpt(text))
	}
}

// delimiter is one delimiter line.
type delimiter struct {
	level    int // index into scanner.open
	closing  bool
	from, to int // the line with its end
}

var lineDashes = []byte("\n--")

// nextDelimiter finds the next delimiter line of any open level at or after pos, which is
// the beginning of a line.
func (s *scanner) nextDelimiter(pos int) (delimiter, bool) {
	if len(s.delims) == 0 {
		return delimiter{}, false
	}
	from := pos
	defer func() { s.work += pos - from }()
	for pos < s.end {
		if s.raw[pos] != '-' || !bytes.HasPrefix(s.raw[pos:s.end], lineDashes[1:]) {
			i := bytes.Index(s.raw[pos:s.end], lineDashes)
			if i < 0 {
				pos = s.end
				break
			}
			pos += i + 1
		}
		eol := lineEnd(s.raw, pos, s.end)
		if d, ok := s.match(pos, eol); ok {
			pos = eol
			return d, true
		}
		pos = eol
	}
	return delimiter{}, false
}

// isDelimiter reports whether the line is a delimiter line of an open level.
func (s *scanner) isDelimiter(pos, eol int) bool {
	if len(s.delims) == 0 || eol-pos < 3 || s.raw[pos+1] != '-' {
		return false
	}
	d, ok := s.match(pos, eol)
	return ok && !s.open[d.level].closed
}

// match looks up the line, which begins with "--", among the open boundaries. RFC 2046,
// Section 5.1.1: white space may follow the boundary.
func (s *scanner) match(pos, eol int) (delimiter, bool) {
	token := bytes.TrimRight(s.raw[pos+2:eol], " \t\r\n")
	if i, ok := s.delims[string(token)]; ok {
		return delimiter{level: i, from: pos, to: eol}, true
	}
	if name, ok := bytes.CutSuffix(token, []byte("--")); ok {
		if i, ok := s.delims[string(name)]; ok {
			return delimiter{level: i, closing: true, from: pos, to: eol}, true
		}
	}
	return s.matchPrefix(token, pos, eol)
}

// maxPrefixLevels bounds the open boundaries, innermost first, that are compared with a
// line that only begins like a delimiter. It keeps the scan linear.
const maxPrefixLevels = 8

// matchPrefix handles a line that begins with an open boundary and continues.
func (s *scanner) matchPrefix(token []byte, pos, eol int) (delimiter, bool) {
	i, ok := s.prefixLevel(token)
	if !ok {
		return delimiter{}, false
	}
	l := s.open[i]
	if s.variant.prefix {
		closing := bytes.HasPrefix(token[len(l.boundary):], []byte("--"))
		return delimiter{level: i, closing: closing, from: pos, to: eol}, true
	}
	s.defect(DefectDelimiterPrefix, l.part, pos, string(token))
	s.again(l.part, variant{prefix: true})
	return delimiter{}, false
}

// prefixLevel finds the innermost open level whose boundary is a prefix of the token.
func (s *scanner) prefixLevel(token []byte) (int, bool) {
	compared := 0
	for i := len(s.open) - 1; i >= 0 && compared < maxPrefixLevels; i-- {
		l := &s.open[i]
		if l.boundary == "" || l.closed {
			continue
		}
		if len(token) > len(l.boundary) && string(token[:len(l.boundary)]) == l.boundary {
			return i, true
		}
		compared++
	}
	return 0, false
}

// excerpt returns the beginning of b for the detail of a defect.
func excerpt(b []byte) string {
	b = bytes.TrimSpace(b)
	return string(b[:min(len(b), maxDetail)])
}
