// Package rtf reads the visible and embedded content of a Rich Text Format document.
//
// The format is a stream of groups, control words and text, and Word skips what it does not
// support. Attackers use that to write the hex of embedded objects in ways that only Word
// reassembles: with blanks, control words, groups and raw bytes in between. The package
// lexes as Word does, decodes objects, and lists fields, templates and pictures with the
// text.
//
// Standards: Rich Text Format Specification 1.9.1, MS-OLEDS (objects of OLE 1.0), and
// MS-OXRTFEX (HTML in RTF).
//
// Divergences: a document needs only "{\rt" as header, may begin with other bytes, and may
// end in open groups; each is recorded as a Note.
//
// Limits: text, and HTML encapsulated by Outlook, use the code page of the document and not
// that of each font.
package rtf

import (
	"bytes"
	"slices"
	"strings"

	"outrider/internal/attachment/ole"
)

// Limits bounds what one Read may cost.
type Limits struct {
	Bytes   int64 // decoded from hex and raw data, total of all objects and pictures
	Text    int   // bytes of text
	Items   int   // of each list
	Nesting int   // nested groups; deeper ones are skipped
}

// DefaultLimits returns the limits for one document in a worker of 256 MiB.
func DefaultLimits() Limits {
	return Limits{
		Bytes:   64 << 20, // a quarter of budget.UnpackedBytes
		Text:    4 << 20,
		Items:   2000, // as budget.URLs
		Nesting: 500,  // tables of Word reach 60
	}
}

// Note is a defect that readers tolerate.
type Note string

// The notes of a document.
const (
	NoHeader     Note = "no-header"   // the data do not begin with {\rtf
	BrokenHex    Note = "broken-hex"  // control words, groups or other characters inside the hex of an object
	RawObject    Note = "raw-object"  // \bin inside the hex of an object
	BadObject    Note = "bad-object"  // an object that is not OLE 1.0
	OpenGroups   Note = "open-groups" // the document ends inside a group
	DataAfter    Note = "data-after"  // bytes after the document
	OverLimit    Note = "over-limit"  // something was left out
	EquationFont Note = "equation"    // an object of the Equation Editor, which has known exploits
)

// Object is an embedded or linked object.
type Object struct {
	Declared string `json:"declared"` // declared class in the text
	Class    string `json:"class"`    // class in the object
	Name     string `json:"name"`     // of a package, or topic of a link
	Linked   bool   `json:"linked"`
	Update   bool   `json:"update"` // loads without a click
	Data     []byte `json:"-"`      // the file of a package, or the native data, or all if it is malformed
}

// Field is the instruction of a field.
type Field struct {
	Kind string `json:"kind"` // first word in upper case, such as "DDEAUTO"
	Code string `json:"code"`
}

// Image is a picture.
type Image struct {
	Format string `json:"format"` // "png", "jpeg", "emf", "wmf" or ""
	Data   []byte `json:"-"`
}

// Document is the result of Read. It is never nil and holds everything readable.
type Document struct {
	Title    string   `json:"title"`
	Author   string   `json:"author"`
	Template string   `json:"template"`
	Objects  []Object `json:"objects"`
	Fields   []Field  `json:"fields"`
	Links    []string `json:"links"` // targets of HYPERLINK, INCLUDEPICTURE and INCLUDETEXT
	Images   []Image  `json:"images"`
	Text     string   `json:"text"`
	HTML     []byte   `json:"-"` // encapsulated by Outlook, as UTF-8; nil if none
	Notes    []Note   `json:"notes"`
}

func (d *Document) note(n Note) {
	if !slices.Contains(d.Notes, n) {
		d.Notes = append(d.Notes, n)
	}
}

// Read parses a document. Defects become notes, never errors.
func Read(data []byte, l Limits) *Document {
	d := &Document{}
	at := bytes.Index(data, []byte(`{\rt`))
	if at < 0 {
		d.note(NoHeader)
		return d
	}
	if at > 0 || !bytes.HasPrefix(data[at:], []byte(`{\rtf`)) {
		d.note(NoHeader)
	}
	r := &reader{doc: d, data: data[at:], limits: l, left: l.Bytes, codePage: 1252}
	r.run()
	d.Text = strings.TrimSpace(r.text.String())
	if fromHTML(r.data) {
		d.HTML = unwrap(r.data, l)
	}
	return d
}

// object decodes the data of an object. MS-OLEDS, 2.2.4 and 2.2.6: a header of version,
// format, class, topic and item, and for embedded ones size and data.
func (r *reader) object(data []byte) {
	if len(r.doc.Objects) >= r.limits.Items {
		r.doc.note(OverLimit)
		return
	}
	o := Object{Declared: r.class, Update: r.update}
	r.class, r.update = "", false
	defer func() {
		if strings.HasPrefix(strings.ToLower(o.Class+o.Declared), "equation") {
			r.doc.note(EquationFont)
		}
		r.doc.Objects = append(r.doc.Objects, o)
	}()
	x := cursor{data}
	x.number() // the version is unused: Word ignores it
	format, _ := x.number()
	o.Class, _ = x.string()
	topic, _ := x.string()
	_, ok := x.string()
	o.Linked = format == 1
	if !ok {
		r.doc.note(BadObject)
		o.Data = data
		return
	}
	if o.Linked {
		o.Name = topic
		return
	}
	size, _ := x.number()
	o.Data = x.rest[:min(int64(size), int64(len(x.rest)))]
	if f, ok := ole.Native(o.Data); ok && strings.EqualFold(o.Class, "Package") {
		o.Name, o.Data = f.Name, f.Data
	}
}

// cursor reads numbers and strings from the front of data.
type cursor struct{ rest []byte }

func (x *cursor) number() (uint32, bool) {
	if len(x.rest) < 4 {
		x.rest = nil
		return 0, false
	}
	b := x.rest
	x.rest = b[4:]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24, true
}

// string parses a string after its length, which includes the terminating zero.
func (x *cursor) string() (string, bool) {
	n, ok := x.number()
	if !ok || int64(n) > int64(len(x.rest)) {
		return "", false
	}
	s := x.rest[:n]
	x.rest = x.rest[n:]
	s, _, _ = bytes.Cut(s, []byte{0})
	return ole.Decode(s[:min(len(s), 1024)], 1252), true
}
