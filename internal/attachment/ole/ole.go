// Package ole reads the contents of an OLE compound file: old Office documents, VBA
// projects, Outlook messages and installers.
//
// A compound file is a small file system of storages and streams, and each application
// keeps its own records in them. Attackers use what Office runs or opens from there:
// macros, sheets of old macro formulas, links of dynamic data exchange, and packages that
// contain any file. The package lists these and runs nothing.
//
// Standards: MS-CFB (the container), MS-OVBA (macros), MS-XLS, MS-DOC and MS-PPT (text,
// links, sheets, macro formulas and embedded objects; of Excel 5 and 95 as well), MS-OLEPS
// (properties), MS-OLEDS (packages), MS-OXMSG (messages), and MS-OXRTFCP (their packed
// bodies).
//
// Divergences: a VBA project with a broken directory is searched for source text by its
// first line, and modules missing in a directory are read.
//
// Limits: documents of Word 95 and before give no text; numbers and the formulas of
// ordinary sheets are not shown; macro formulas are decoded and not evaluated, except for
// strings of constants; p-code is not disassembled; embedded storages are listed as
// streams. Presentations behind passwords, obfuscation by XOR, and documents encrypted for
// certificates are not opened.
package ole

import (
	"bytes"
	"slices"
	"strings"
)

// Limits bounds what one Read may cost.
type Limits struct {
	Streams int   // streams read
	Bytes   int64 // unpacked, beyond the size of the file
	Items   int   // of each list
	Text    int   // bytes of macro source, and of the body of a message
}

// DefaultLimits returns the limits for one document in a worker of 256 MiB.
func DefaultLimits() Limits {
	return Limits{
		Streams: 5000,     // workbooks with many controls have hundreds
		Bytes:   64 << 20, // a quarter of budget.UnpackedBytes
		Items:   2000,     // as budget.URLs
		Text:    4 << 20,  // honest projects reach one
	}
}

// Kind is the application of a document.
type Kind string

// The kinds of document.
const (
	Other      Kind = ""
	Word       Kind = "doc"
	Excel      Kind = "xls"
	PowerPoint Kind = "ppt"
	Message    Kind = "msg"
	Installer  Kind = "msi"
	Encrypted  Kind = "encrypted" // an encrypted Office Open XML document
)

// Note is a tolerated defect.
type Note string

// The notes of a document.
const (
	NotOLE     Note = "not-ole"
	Broken     Note = "broken"     // the container is truncated or has loops
	BrokenVBA  Note = "broken-vba" // the directory of the project is unreadable
	NoSource   Note = "no-source"  // a module has p-code and no source: a sign of stomping
	BadPackage Note = "bad-package"
	BadRTF     Note = "bad-rtf" // a packed body whose length or checksum is wrong
	OverLimit  Note = "over-limit"
)

// Stream is an entry of the container.
type Stream struct {
	Path string `json:"path"` // storages and name, separated by "/"
	Size int    `json:"size"` // readable bytes
}

// Module is a macro module.
type Module struct {
	Name   string `json:"name"`
	Stream string `json:"stream"`
	Source string `json:"source"`
	PCode  int    `json:"pcode"` // bytes of compiled code before the source
}

// Sheet is a sheet of a workbook.
type Sheet struct {
	Name  string `json:"name"`
	State string `json:"state"` // "visible", "hidden" or "veryHidden"
	Macro bool   `json:"macro"`
}

// Formula is a formula of a macro sheet.
type Formula struct {
	Cell string `json:"cell"` // including the sheet, or a defined name
	Text string `json:"text"` // as Excel shows it, with constant strings concatenated
}

// Action is an action at a click on a slide, or of a field or a message.
type Action struct {
	// Kind is "macro", "program", "reminder-sound" or "attachment-link", or that of a
	// field.
	Kind   string `json:"kind"`
	Target string `json:"target"`
}

// File is a file carried inside the document.
type File struct {
	Name string `json:"name"`
	Data []byte `json:"-"`
}

// Info holds the document properties.
type Info struct {
	Title       string `json:"title"`
	Author      string `json:"author"`
	ModifiedBy  string `json:"modified_by"`
	Application string `json:"application"`
	Template    string `json:"template"`
}

// Mail is the content of an Outlook message.
type Mail struct {
	Subject     string `json:"subject"`
	SenderName  string `json:"sender_name"`
	Sender      string `json:"sender"`  // address
	To          string `json:"to"`      // names as displayed
	Headers     string `json:"headers"` // as received by SMTP, "" if not
	Text        string `json:"text"`
	HTML        []byte `json:"-"` // in its declared character set
	RTF         []byte `json:"-"` // unpacked; HTML may be wrapped in it
	Attachments []File `json:"attachments"`

	Recipients []Recipient `json:"recipients"`
	Messages   []*Mail     `json:"messages"` // attached ones

	remote []string // paths of external attachments
}

// Recipient is one of a message.
type Recipient struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Document is the result of Read. It is never nil and holds everything readable.
type Document struct {
	Kind      Kind      `json:"kind"`
	Encrypted bool      `json:"encrypted"`
	Password  string    `json:"password"` // that opened it, "" if none did
	Package   []byte    `json:"-"`        // the Office Open XML document that was encrypted
	Streams   []Stream  `json:"streams"`
	Modules   []Module  `json:"modules"`
	Keywords  []Keyword `json:"keywords"` // of the sources of all modules
	Sheets    []Sheet   `json:"sheets"`
	Formulas  int       `json:"formulas"` // cells with formulas, macro sheets included
	// MacroFormulas are those of macro sheets, and of names that run automatically.
	MacroFormulas []Formula `json:"macro_formulas"`
	Text          string    `json:"text"`      // visible text of the document, at most Limits.Text bytes
	AutoOpen      bool      `json:"auto_open"` // a defined name runs when the workbook opens
	DDE           []string  `json:"dde"`       // service and topic
	Actions       []Action  `json:"actions"`
	Links         []string  `json:"links"` // as written
	Embedded      []File    `json:"embedded"`
	Equations     [][]byte  `json:"-"`              // data of the Equation Editor
	EquationClass bool      `json:"equation_class"` // a storage has the class of the Equation Editor
	Remote        []string  `json:"remote"`         // targets of linked objects
	FormStrings   []string  `json:"form_strings"`   // texts of the forms of a project
	Info          Info      `json:"info"`
	Mail          *Mail     `json:"mail"` // nil unless Kind is Message
	Notes         []Note    `json:"notes"`
}

func (d *Document) note(n Note) {
	if !slices.Contains(d.Notes, n) {
		d.Notes = append(d.Notes, n)
	}
}

// entry is a stream with its bytes.
type entry struct {
	path string // with all storages
	name string // last element
	dir  string // path without name, "" or ending in "/"
	data []byte
}

// reader is the state of one Read.
type reader struct {
	doc       *Document
	limits    Limits
	left      int64 // of Limits.Bytes
	entries   []entry
	passwords []string
	spun      int  // hashing rounds spent on passwords
	nested    bool // a compound file inside another
	shown     *strings.Builder
	work      int // bytes written in decoding formulas
	messages  int // read
}

// Read parses a document. If it is encrypted, it tries the passwords that Office tries
// automatically, and then the given ones. Defects become notes, never errors.
func Read(data []byte, l Limits, passwords ...string) *Document {
	d := &Document{}
	r := &reader{doc: d, passwords: passwords, limits: l, left: l.Bytes, shown: &strings.Builder{}}
	r.read(data)
	d.Text = strings.ToValidUTF8(r.shown.String(), "")
	d.Keywords = r.keywords()
	return d
}

func (r *reader) read(data []byte) {
	r.open(data)
	r.classify()
	r.vba()
	for _, e := range r.entries {
		r.entry(e)
	}
	if r.doc.Kind == Message {
		r.doc.Mail = r.mail("")
	}
}

// open reads all streams.
func (r *reader) open(data []byte) {
	c, ok := openContainer(data)
	if !ok {
		r.doc.note(NotOLE)
		return
	}
	c.walk(func(dir, name string, b []byte) bool {
		if len(r.entries) >= r.limits.Streams {
			r.doc.note(OverLimit)
			return false
		}
		e := entry{path: dir + name, name: name, dir: dir, data: b}
		r.entries = append(r.entries, e)
		r.doc.Streams = append(r.doc.Streams, Stream{Path: e.path, Size: len(b)})
		return true
	})
	for _, class := range c.classes() {
		r.doc.EquationClass = r.doc.EquationClass || class == equationClass
	}
	if c.broken {
		r.doc.note(Broken)
	}
}

// equationClass is that of the Equation Editor, 0002CE02-0000-0000-C000-000000000046.
const equationClass = "\x02\xCE\x02\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46"

// find returns the bytes of a stream by its path, nil if it is missing.
func (r *reader) find(path string) []byte {
	for _, e := range r.entries {
		if strings.EqualFold(e.path, path) {
			return e.data
		}
	}
	return nil
}

// classify determines the application by its main stream.
func (r *reader) classify() {
	kinds := map[string]Kind{
		"worddocument": Word, "workbook": Excel, "book": Excel, "powerpoint document": PowerPoint,
		"__properties_version1.0": Message, "encryptedpackage": Encrypted,
	}
	for _, e := range r.entries {
		kind := kinds[strings.ToLower(e.path)]
		if kind == Other && e.dir == "" && mangled(e.name) {
			kind = Installer
		}
		if kind != Other && !r.nested {
			r.doc.Kind = kind
			return
		}
	}
}

// mangled reports a name in the encoding of Windows Installer, two characters in one of a
// range that no other application uses.
func mangled(name string) bool {
	for _, c := range name {
		return c >= 0x3800 && c <= 0x4840
	}
	return false
}

// entry reads a stream according to its name.
func (r *reader) entry(e entry) {
	switch strings.ToLower(strings.TrimLeft(e.name, "\x01\x02\x03\x05")) {
	case "encryptedpackage":
		r.doc.Encrypted = true
		if e.dir == "" && r.doc.Package == nil && !r.nested {
			r.unlockPackage()
		}
	case "worddocument":
		r.word(e)
	case "workbook", "book":
		r.workbook(e.data)
	case "powerpoint document":
		r.slides(e.data)
	case "encryptedsummary":
		r.doc.Encrypted = true
	case "ole10native":
		r.native(e.data)
	case "package", "contents":
		r.embed(File{Name: e.path, Data: e.data})
	case "equation native":
		if len(r.doc.Equations) < r.limits.Items {
			r.doc.Equations = append(r.doc.Equations, e.data)
		}
	case "ole", "linkinfo":
		r.linked(e.data)
	case "o", "f":
		r.form(e)
	case "summaryinformation":
		if e.dir == "" && !r.nested {
			r.summary(e.data)
		}
	}
}

func (r *reader) embed(f File) {
	if len(r.doc.Embedded) >= r.limits.Items {
		r.doc.note(OverLimit)
		return
	}
	f.Name = strings.ToValidUTF8(f.Name, "\uFFFD")
	r.doc.Embedded = append(r.doc.Embedded, f)
}

func (r *reader) native(b []byte) {
	if len(b) < 4 {
		return
	}
	f, ok := Native(b[4:])
	if !ok {
		r.doc.note(BadPackage)
		f = File{Data: b[4:]}
	}
	r.embed(f)
}

// Native parses the data of a package: names, flags, and the file. It reports false for
// other data.
func Native(b []byte) (File, bool) {
	if len(b) < 2 {
		return File{}, false
	}
	_, rest, ok := bytes.Cut(b[2:], []byte{0}) // the label
	name, rest, found := bytes.Cut(rest, []byte{0})
	if !ok || !found || len(rest) < 8 || len(name) > 1024 {
		return File{}, false
	}
	path := int64(le32(rest[4:]))
	if path+12 > int64(len(rest)) {
		return File{}, false
	}
	size := int64(le32(rest[8+path:]))
	body := rest[12+path:]
	return File{Name: Decode(name, 1252), Data: body[:min(size, int64(len(body)))]}, true
}
