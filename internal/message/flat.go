package message

import (
	"bytes"

	"outrider/internal/budget"
)

// Bounds on reading parts beyond the bounds of depth and number. Flat reading takes linear
// time for any nesting.
const (
	maxFlat      = 128 << 10 // bytes of the head, and of the tail, that are read
	maxFlatNames = 200       // names of files
)

// readFlat adds the texts of an unparsed part, beyond the budget for levels or parts, as
// parts of a second reading: everything that a client shows must be judged at any depth.
// Every chunk between two lines that begin with "--" is read by its own header.
func (p *parser) readFlat(leaf *Part) {
	if p.flats++; p.flats > maxReadings {
		return
	}
	r := flatReader{header: !leaf.IsMultipart()}
	body := leaf.Decoded()
	p.work += min(len(body), 2*maxFlat)
	if len(body) > 2*maxFlat {
		p.budget.Omit(budget.DecodedBytes)
		r.read(body[:maxFlat])
		body = body[len(body)-maxFlat:]
	}
	r.read(body)
	for _, name := range r.names {
		leaf.addNames(param{value: name})
	}
	p.attachFlat(leaf, "1", "text/plain", r.plain)
	p.attachFlat(leaf, "2", "text/html", r.html)
}

// attachFlat adds one text after leaf.
func (p *parser) attachFlat(leaf *Part, number, mediaType string, text []byte) {
	if len(bytes.TrimSpace(text)) == 0 || !p.budget.Spend(budget.DecodedBytes, int64(len(text))) {
		return
	}
	all := Range{0, len(text)}
	p.attach(leaf, &Part{
		Path: childPath(leaf.Path, number) + secondSuffix, Parent: leaf.Parent, Depth: leaf.Depth, Reading: 2,
		Raw: all, Body: all, MediaType: mediaType, Encoding: "8bit", Charset: "utf-8",
		msg: &Message{Raw: text, base: p.place(leaf)}, budget: p.budget,
	})
}

// flatReader reads a part as a flat run of chunks.
type flatReader struct {
	header      bool   // the next line belongs to a header section
	fields      []byte // header section of the chunk, so far
	body        []byte
	mediaType   string // of the chunk; "" without a header section
	encoding    string
	charset     string
	plain, html []byte
	names       []string
}

func (r *flatReader) read(b []byte) {
	for pos := 0; pos < len(b); {
		eol := lineEnd(b, pos, len(b))
		r.line(b[pos:eol])
		pos = eol
	}
	r.flush()
}

func (r *flatReader) line(line []byte) {
	switch {
	case len(line) > 3 && line[0] == '-' && line[1] == '-' && line[2] > ' ':
		r.flush()
		r.header = true
	case r.header && isBlank(line):
		r.header = r.describe()
	case r.header:
		r.fields = append(r.fields, line...)
	default:
		r.body = append(r.body, line...)
	}
}

// describe parses the header section of a chunk. It reports whether another one follows:
// that of an embedded message.
func (r *flatReader) describe() bool {
	if len(r.fields) == 0 {
		return false
	}
	root := Parse(r.fields, nil).Root
	r.fields = r.fields[:0]
	for _, name := range root.names {
		if len(r.names) < maxFlatNames {
			r.names = append(r.names, name)
		}
	}
	r.mediaType, r.encoding, r.charset = root.MediaType, root.Encoding, root.Charset
	return root.isMessage()
}

// flush ends a chunk.
func (r *flatReader) flush() {
	if len(bytes.TrimSpace(r.body)) > 0 {
		r.keep()
	}
	*r = flatReader{plain: r.plain, html: r.html, names: r.names}
}

// keep decodes the body of a chunk that is text.
func (r *flatReader) keep() {
	all := Range{0, len(r.body)}
	part := &Part{
		MediaType: r.mediaType, Encoding: r.encoding, Charset: r.charset, Body: all,
		msg: &Message{Raw: r.body}, budget: budget.New(budget.Default()),
	}
	if part.MediaType == "" || part.IsMultipart() || part.isMessage() {
		part.MediaType = "text/plain"
	}
	out := &r.plain
	if part.IsHTML() {
		out = &r.html
	}
	if part.isText() {
		*out = append(append(*out, part.Text()...), '\n')
	}
}
