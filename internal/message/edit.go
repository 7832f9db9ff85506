package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ErrBadPrepend is returned by Render for a Prepend that is no sequence of complete header
// fields.
var ErrBadPrepend = errors.New("prepended bytes are not complete header fields")

// Edit describes changes to a message. The zero value changes nothing.
type Edit struct {
	Prepend       []byte             // complete header fields to put on top, as built by HeaderWriter
	Remove        func(f Field) bool // reports which fields of the top header to remove, or nil
	SubjectPrefix string             // put before the subject, unless it begins with it
	Banner        *Banner            // shown above the text, or nil
}

// Banner is a notice to the reader, in both forms.
type Banner struct {
	Text   string // lines of plain text
	HTML   string // an HTML fragment for the beginning of the body
	Beside bool   // if all text is signed, add a separate text part, which keeps the signature valid
}

// Rendition is a message as it will be sent: the bytes of the original, with deletions and
// insertions. It reads the original when it is written.
type Rendition struct {
	Skipped []string // edits that were not made, with the reasons

	body     *Body
	segments []segment
	size     int64
}

// segment is a range of the original, or new bytes.
type segment struct {
	from, to int64
	with     []byte // nil for a range
}

// splice replaces bytes of the original.
type splice struct {
	from, to int
	with     []byte
}

// editor collects the splices of one Render.
type editor struct {
	m       *Message
	splices []splice
	skipped []string
	eol     string // line end of the message
	// unmarked is set when clients show something without a banner, or above the first one.
	unmarked bool
	blank    bool // the empty line after the top header section exists or was added
}

// Render applies e. body must have the bytes that m was parsed from; nil means m.Raw
// itself.
func (m *Message) Render(body *Body, e Edit) (*Rendition, error) {
	if body == nil {
		body = NewBody(m.Raw)
	}
	if body.Size() != int64(len(m.Raw)) {
		return nil, fmt.Errorf("rendering message: body has %d bytes, message %d", body.Size(), len(m.Raw))
	}
	if err := checkPrepend(e.Prepend); err != nil {
		return nil, err
	}
	ed := &editor{m: m, eol: m.lineEnding(), blank: hasBlankLine(m.Raw, m.Root.Body.From)}
	if e.Remove != nil {
		ed.remove(e.Remove)
	}
	ed.top(e)
	if e.Banner != nil {
		if err := ed.banner(*e.Banner); err != nil {
			return nil, err
		}
	}
	return ed.rendition(body), nil
}

// checkPrepend verifies that Prepend only adds fields.
func checkPrepend(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if !bytes.HasSuffix(b, []byte("\r\n")) {
		return ErrBadPrepend
	}
	for pos := 0; pos < len(b); {
		eol := lineEnd(b, pos, len(b))
		line := b[pos:eol]
		_, colon := fieldName(line)
		folded := pos > 0 && (line[0] == ' ' || line[0] == '\t') && !isBlankSpace(line)
		if colon == 0 && !folded {
			return ErrBadPrepend
		}
		pos = eol
	}
	return nil
}

// lineEnding returns the line end of the first line of the message.
func (m *Message) lineEnding() string {
	if i := bytes.IndexByte(m.Raw, '\n'); i == 0 || i > 0 && m.Raw[i-1] != '\r' {
		return "\n"
	}
	return "\r\n"
}

// hasBlankLine reports whether the line that ends at offset body is empty.
func hasBlankLine(raw []byte, body int) bool {
	if body == 0 || raw[body-1] != '\n' {
		return false
	}
	return isBlank(raw[bytes.LastIndexByte(raw[:body-1], '\n')+1 : body])
}

// remove drops fields of the top header.
func (ed *editor) remove(drop func(Field) bool) {
	for _, f := range ed.m.Header().Fields {
		if drop(f) {
			ed.replace(f.Raw.From, f.Raw.To, "")
		}
	}
}

// top inserts fields on top of the header section, and the prefix before the subject.
func (ed *editor) top(e Edit) {
	added := string(e.Prepend)
	if e.SubjectPrefix != "" {
		added += ed.subject(e.SubjectPrefix, e.Remove)
	}
	if added == "" {
		return
	}
	ed.replace(0, ed.strayEnd(), added)
	if !ed.blank && ed.m.Root.Body.Len() > 0 {
		ed.endHeader()
	}
}

// strayEnd returns the offset after the lines on top that must not follow a field: a
// continuation without a field would continue the last added one, and an mbox line would
// end the section for some servers.
func (ed *editor) strayEnd() int {
	raw, body := ed.m.Raw, ed.m.Root.Body.From
	end := 0
	for end < body && (raw[end] == ' ' || raw[end] == '\t' || isMboxFrom(raw[end:body])) {
		end = lineEnd(raw, end, body)
	}
	return end
}

// endHeader adds the empty line after the top header section if missing.
func (ed *editor) endHeader() {
	at := ed.m.Root.Body.From
	line := ed.eol
	if at > 0 && ed.m.Raw[at-1] != '\n' {
		line += ed.eol
	}
	ed.replace(at, at, line)
	ed.blank = true
}

func (ed *editor) replace(from, to int, with string) {
	ed.splices = append(ed.splices, splice{from, to, []byte(with)})
}

func (ed *editor) skip(reason string) {
	if !slices.Contains(ed.skipped, reason) {
		ed.skipped = append(ed.skipped, reason)
	}
}

// subject inserts prefix before each subject that does not begin with it, and returns the
// field to add if there is none. Clients differ in which of several they show.
func (ed *editor) subject(prefix string, removed func(Field) bool) (missing string) {
	prefix = strings.Join(strings.Fields(strings.ToValidUTF8(prefix, "\ufffd")), " ")
	h := ed.m.Header()
	found := false
	for _, f := range h.Fields {
		if f.Key != "subject" || removed != nil && removed(f) {
			continue
		}
		found = true
		if old := h.Value(f); !hasPrefix(decodeText(old), prefix) {
			ed.replace(f.Value.From, f.Value.From, ed.prefixed(f, old, prefix))
		}
	}
	if found || prefix == "" {
		return ""
	}
	var w HeaderWriter
	// The name is valid, so Add cannot fail.
	_ = w.Add("Subject", prefix)
	return string(w.Bytes())
}

// prefixed returns the text between the colon of a subject field and its value.
func (ed *editor) prefixed(f Field, old, prefix string) string {
	if strings.HasPrefix(old, "=?") && !isASCIIText(prefix) {
		// RFC 2047, Section 6.2: readers drop the space between encoded-words.
		prefix += " "
	}
	var w HeaderWriter
	if strings.HasSuffix(prefix, " ") {
		w.words(f.Value.From-f.Raw.From, encodeWords(prefix))
	} else {
		w.words(f.Value.From-f.Raw.From, encodeValue(prefix))
	}
	out := string(w.Bytes())
	raw := ed.m.Raw[f.Value.From:f.Value.To]
	first := raw[:trimEOL(raw, 0, lineEnd(raw, 0, len(raw)))]
	col := len(out) + f.Value.From - f.Raw.From
	if i := strings.LastIndexByte(out, '\n'); i >= 0 {
		col = len(out) - i - 1
	}
	if len(first) > 0 && col+1+len(first) > foldAt && !isBlankSpace(first) {
		out += ed.eol
	}
	if len(first) > 0 && first[0] != ' ' && first[0] != '\t' {
		out += " "
	}
	return out
}

// hasPrefix reports whether a subject begins with prefix, after reply prefixes.
func hasPrefix(subject, prefix string) bool {
	subject = strings.ToLower(strings.Join(strings.Fields(subject), " "))
	prefix = strings.ToLower(prefix)
	for {
		if strings.HasPrefix(subject, prefix) {
			return true
		}
		mark, rest, ok := strings.Cut(subject, ":")
		if !ok || len(mark) > maxReplyMark {
			return false
		}
		subject = strings.TrimSpace(rest)
	}
}

// maxReplyMark is the longest reply prefix in bytes, such as "Re", "Antw" or "Doorst", or a
// word of six Chinese characters.
const maxReplyMark = 18

// rendition sorts the splices. Splices at one offset keep their order of creation.
func (ed *editor) rendition(body *Body) *Rendition {
	slices.SortStableFunc(ed.splices, func(a, b splice) int { return a.from - b.from })
	r := &Rendition{body: body, Skipped: ed.skipped}
	pos := 0
	for _, s := range ed.splices {
		r.add(segment{from: int64(pos), to: int64(s.from)})
		r.add(segment{with: s.with})
		pos = max(pos, s.to)
	}
	r.add(segment{from: int64(pos), to: body.Size()})
	return r
}

func (r *Rendition) add(s segment) {
	if n := s.len(); n > 0 {
		r.segments = append(r.segments, s)
		r.size += n
	}
}

func (s segment) len() int64 {
	if s.with != nil {
		return int64(len(s.with))
	}
	return s.to - s.from
}

// Size returns the number of bytes that WriteTo writes.
func (r *Rendition) Size() int64 { return r.size }

// AddsEightBit reports whether bytes above 127 were inserted, which the original may lack.
func (r *Rendition) AddsEightBit() bool {
	return slices.ContainsFunc(r.segments, func(s segment) bool { return hasEightBit(s.with) })
}

// Changed reports whether the rendition differs from the original.
func (r *Rendition) Changed() bool {
	return len(r.segments) > 1 || r.size != r.body.Size()
}

// WriteTo writes the message.
func (r *Rendition) WriteTo(w io.Writer) (int64, error) {
	var n int64
	for _, s := range r.segments {
		var err error
		if s.with != nil {
			_, err = w.Write(s.with)
		} else {
			err = r.body.Range(w, s.from, s.to)
		}
		if err != nil {
			return n, fmt.Errorf("writing message: %w", err)
		}
		n += s.len()
	}
	return n, nil
}

// Bytes returns the whole message.
func (r *Rendition) Bytes() ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(r.size))
	_, err := r.WriteTo(&b)
	return b.Bytes(), err
}
