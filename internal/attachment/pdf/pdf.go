// Package pdf reads the actions and the content of a PDF document.
//
// A PDF is a collection of numbered objects which refer to one another, and readers repair
// broken collections in their own ways, so hostile documents are deliberately broken. This
// package therefore finds objects by scanning the bytes as well as by the cross-reference
// table, and examines every revision of an object, since any of them may be used. From the
// objects it lists actions, scripts, links, attached files, form fields, text, pictures,
// and the filled areas of pages; it runs nothing and renders no page.
//
// Standards: ISO 32000-1 and 32000-2 (PDF 1.7 and 2.0), and its standard security handler
// of revisions 2 to 6, opened by the empty user password or by given ones.
//
// Divergences: a header may be anywhere, a stream may have a wrong length, and dictionaries
// and arrays may end early; each is recorded as a Note.
//
// Limits: CCITT, JBIG2, JPEG and JPEG 2000 pictures are returned encoded, and colours are
// shown without their profiles. Drawings leave out strokes, patterns and clipping. Text of
// fonts without a ToUnicode map is read as Windows-1252, and that of composite fonts
// without one is left out. Owner passwords are not tried, and encrypted objects of a
// generation above 0 are not decrypted.
package pdf

import (
	"bytes"
	"image"
	"slices"
)

// Limits bounds the cost of one Read. Counts are of items, the rest bytes.
type Limits struct {
	Objects int   // objects kept, total of all revisions
	Bytes   int64 // decoded from streams and interpreted as page content, in total
	Text    int   // bytes of text, scripts, and form values, each separately
	Items   int   // links, actions, scripts, files, fields and images, each separately
	Pages   int   // pages whose content is read
	Nesting int   // nested arrays and dictionaries
}

// DefaultLimits returns the limits for one document in a worker of 256 MiB.
func DefaultLimits() Limits {
	return Limits{
		Objects: 200_000,  // a book of a thousand pages has 20,000
		Bytes:   64 << 20, // a quarter of budget.UnpackedBytes: other files need their share
		Text:    4 << 20,
		Items:   2000, // as budget.URLs
		Pages:   200,  // lures have one to five
		Nesting: 48,   // honest writers stay under ten
	}
}

// Note is a defect of the document that readers tolerate.
type Note string

// The notes of a document.
const (
	NoHeader      Note = "no-header"         // no %PDF- in the data
	JunkBefore    Note = "junk-before"       // bytes before the header
	HiddenName    Note = "hidden-name"       // a regular character written as #xx in a name
	LengthWrong   Note = "length-wrong"      // a stream has another length than declared
	BrokenObject  Note = "broken-object"     // an object without an end
	OnlyByXref    Note = "only-by-xref"      // an object that a scan misses
	BadFilter     Note = "bad-filter"        // a stream that cannot be decoded completely
	UnknownFilter Note = "unknown-filter"    // a stream with an unsupported filter
	OverLimit     Note = "over-limit"        // something was left out
	NoTrailer     Note = "no-trailer"        // no end-of-file mark
	SplitURI      Note = "split-uri"         // a link written in escapes, hex or pieces
	BadEncryption Note = "encryption-closed" // no password opens the document
)

// Action is an action that the document requests from its reader.
type Action struct {
	Kind   string `json:"kind"`   // an action type such as "Launch", or a trigger: "OpenAction", "AA", "Names", "XFA"
	Target string `json:"target"` // file, URL or name of the action, or ""
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
	Inverted   bool   `json:"-"` // the maximum sample is dark
}

// Drawing is the filled area around the small shapes of a page, such as a code drawn in
// rectangles. It is no picture of the page.
type Drawing struct {
	Page  int // from 1
	Image image.Image
}

// Info holds the document properties.
type Info struct {
	Title    string `json:"title"`
	Author   string `json:"author"`
	Subject  string `json:"subject"`
	Creator  string `json:"creator"`  // program that wrote the original
	Producer string `json:"producer"` // program that made the PDF
}

// Document is the result of Open. It is never nil and holds everything readable.
type Document struct {
	Version   string    `json:"version"` // of the header, such as "1.7"
	Pages     int       `json:"pages"`
	Objects   int       `json:"objects"`
	Updates   int       `json:"updates"` // number of end-of-file marks; each beyond the first is an incremental update
	Encrypted bool      `json:"encrypted"`
	Password  string    `json:"password"` // that opened it, "" if not needed
	Info      Info      `json:"info"`
	URIs      []string  `json:"uris"` // of URI actions, in order, once each
	Actions   []Action  `json:"actions"`
	Scripts   []string  `json:"scripts"` // JavaScript
	Files     []File    `json:"files"`
	Fields    []Field   `json:"fields"`
	Images    []Image   `json:"images"`
	Shapes    int       `json:"shapes"` // number of rectangles, lines and curves on pages
	Drawings  []Drawing `json:"-"`
	Text      string    `json:"text"` // of the pages, in page order
	Notes     []Note    `json:"notes"`
}

// Has reports whether the document requests an action of the kind.
func (d *Document) Has(kind string) bool {
	return slices.ContainsFunc(d.Actions, func(a Action) bool { return a.Kind == kind })
}

// note records n once.
func (d *Document) note(n Note) {
	if !slices.Contains(d.Notes, n) {
		d.Notes = append(d.Notes, n)
	}
}

// Open parses a document. Defects become notes, never errors. On an encrypted document it
// tries the user passwords, best first, in UTF-8, at most 30 of them.
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

// header reads the facts that need no objects. ISO 32000-1, 7.5.2: the header comes first;
// Annex H: readers accept it within the first 1024 bytes.
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
