// Package pdf reads what a PDF document asks of its reader and what it shows.
//
// A PDF is a heap of numbered objects which refer to one another, and readers repair
// broken heaps in their own ways, so hostile documents are broken on purpose. This
// package therefore finds objects by scanning the bytes as well as by the cross-reference
// table, and looks into every revision of an object, since one of them runs somewhere.
// From the objects it lists actions, scripts, links, attached files, form fields, text,
// pictures, and what pages fill with colour; it runs nothing and renders no page.
//
// Standards: ISO 32000-1 and 32000-2 (PDF 1.7 and 2.0), and its standard security handler
// of revisions 2 to 6, opened by the empty user password or by those given.
//
// Divergences: a header may stand anywhere, a stream may lie about its length, and
// dictionaries and arrays may end early; each is recorded as a Note.
//
// Limits: CCITT, JBIG2, JPEG and JPEG 2000 pictures are handed out encoded, and colours are
// shown without their profiles. Drawings leave out strokes, patterns and clipping. Text of fonts
// without a ToUnicode map is read as Windows-1252, and that of composite fonts without one
// is left out. Owner passwords are not tried, and encrypted objects of a generation above
// 0 stay closed.
package pdf

import (
	"bytes"
	"image"
	"slices"
)

// Limits bounds what one Read may cost. Counts are of items, the rest bytes.
type Limits struct {
	Objects int   // objects kept, all revisions together
	Bytes   int64 // decoded from streams and interpreted as page content, all together
	Text    int   // bytes of text, scripts, and form values, each on its own
	Items   int   // links, actions, scripts, files, fields and images, each on its own
	Pages   int   // pages whose content is read
	Nesting int   // arrays and dictionaries inside one another
}

// DefaultLimits returns the limits for one document in a worker of 256 MiB.
func DefaultLimits() Limits {
	return Limits{
		Objects: 200_000,  // a book of a thousand pages has 20,000
		Bytes:   64 << 20, // a quarter of budget.UnpackedBytes: other files want their share
		Text:    4 << 20,
		Items:   2000, // as budget.URLs
		Pages:   200,  // lures have one to five
		Nesting: 48,   // honest writers stay under ten
	}
}

// Note is an oddity of the document that readers tolerate.
type Note string

// The notes of a document.
const (
	NoHeader      Note = "no-header"         // no %PDF- in the data
	JunkBefore    Note = "junk-before"       // bytes before the header
	HiddenName    Note = "hidden-name"       // a regular character written as #xx in a name
	LengthWrong   Note = "length-wrong"      // a stream is longer or shorter than it says
	BrokenObject  Note = "broken-object"     // an object without an end
	OnlyByXref    Note = "only-by-xref"      // an object that a scan passes over
	BadFilter     Note = "bad-filter"        // a stream that does not decode to its end
	UnknownFilter Note = "unknown-filter"    // a stream with a filter that is not read
	OverLimit     Note = "over-limit"        // something was left out
	NoTrailer     Note = "no-trailer"        // no end-of-file mark
	SplitURI      Note = "split-uri"         // a link written in escapes, hex or pieces
	BadEncryption Note = "encryption-closed" // no password opens the document
)

// Action is something that the document asks its reader to do.
type Action struct {
	Kind   string `json:"kind"`   // an action type such as "Launch", or a trigger: "OpenAction", "AA", "Names", "XFA"
	Target string `json:"target"` // file, URL or name that the action is about, "" if it has none
}

// File is a file carried inside the document.
type File struct {
	Name string `json:"name"`
	Data []byte `json:"-"`
}

// Field is a field of the form of the document.
type Field struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"` // Tx, Btn, Ch or Sig
	Value string `json:"value"`
}

// Image is a picture. Data is a whole file for "jpeg" and "jp2", samples in rows for "raw".
type Image struct {
	Width      int    `json:"width"`  // pixels
	Height     int    `json:"height"` // pixels
	Bits       int    `json:"bits"`   // per component
	Components int    `json:"components"`
	Format     string `json:"format"` // "jpeg", "jp2", "jbig2", "ccitt" or "raw"
	Data       []byte `json:"-"`
	Palette    []byte `json:"-"` // of indexed colours, in bytes of the base's components
	Base       int    `json:"-"` // components of the palette
	Inverted   bool   `json:"-"` // the greatest sample is dark
}

// Drawing is what a page fills with colour where its small shapes are, as a code drawn in
// rectangles is. It is no picture of the page.
type Drawing struct {
	Page  int // from 1
	Image image.Image
}

// Info is what the document says about itself.
type Info struct {
	Title    string `json:"title"`
	Author   string `json:"author"`
	Subject  string `json:"subject"`
	Creator  string `json:"creator"`  // program that wrote the original
	Producer string `json:"producer"` // program that made the PDF
}

// Document is what was read. It is never nil and holds whatever could be read.
type Document struct {
	Version   string    `json:"version"` // of the header, such as "1.7"
	Pages     int       `json:"pages"`
	Objects   int       `json:"objects"`
	Updates   int       `json:"updates"` // end-of-file marks; each above one is an incremental update
	Encrypted bool      `json:"encrypted"`
	Password  string    `json:"password"` // that opened it, "" if none was needed
	Info      Info      `json:"info"`
	URIs      []string  `json:"uris"` // of URI actions, in order, once each
	Actions   []Action  `json:"actions"`
	Scripts   []string  `json:"scripts"` // JavaScript
	Files     []File    `json:"files"`
	Fields    []Field   `json:"fields"`
	Images    []Image   `json:"images"`
	Shapes    int       `json:"shapes"` // rectangles, lines and curves that pages draw
	Drawings  []Drawing `json:"-"`
	Text      string    `json:"text"` // of the pages, in page order
	Notes     []Note    `json:"notes"`
}

// Has reports whether the document asks for an action of the kind.
func (d *Document) Has(kind string) bool {
	return slices.ContainsFunc(d.Actions, func(a Action) bool { return a.Kind == kind })
}

// note records n once.
func (d *Document) note(n Note) {
	if !slices.Contains(d.Notes, n) {
		d.Notes = append(d.Notes, n)
	}
}

// Open reads a document. What is broken becomes a note, never an error. On an encrypted
// document it tries the user passwords, best first, in UTF-8, at most 30 of them.
func Open(data []byte, l Limits, passwords ...string) *Document {
	d := &Document{}
	d.header(data)
	r := &reader{doc: d, data: data, limits: l, left: l.Bytes, current: map[int]int{}, decoded: map[*stream][]byte{}}
	r.scan()
	r.trailers()
	r.byXref()
	r.unlock(passwords)
	r.objectStreams()
	r.collect()
	r.pages()
	d.Objects = len(r.objects)
	return d
}

// header reads what can be told without objects. ISO 32000-1, 7.5.2: the header comes
// first; Annex H: readers accept it within the first 1024 bytes.
func (d *Document) header(data []byte) {
	at := bytes.Index(data, []byte("%PDF-"))
	switch {
	case at < 0:
		d.note(NoHeader)
	default:
		if at > 0 {
			d.note(JunkBefore)
		}
		v := data[at+5 : min(at+8, len(data))]
		d.Version = string(bytes.TrimRight(v, "\r\n "))
	}
	d.Updates = bytes.Count(data, []byte("%%EOF"))
	if d.Updates == 0 {
		d.note(NoTrailer)
	}
}
