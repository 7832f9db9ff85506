// Package ooxml reads the contents and the external targets of an Office Open XML document.
//
// Such a document is a zip of XML parts, connected by relationships. Attacks use few
// places: a template or object fetched from outside, macros, sheets of old macro formulas,
// dynamic data exchange in fields, embedded files, and links. The package lists these with
// the text and runs nothing; it passes the bytes of macros and embedded files to the
// readers of those formats.
//
// Standards: ECMA-376 parts 1 and 2 (documents and packaging), MS-OFFMACRO2, MS-CUSTOMUI,
// MS-XLSB (binary workbooks), ECMA-388 (XPS), ISO 26300 (OpenDocument), the XML of Word and
// Excel 2003 (MS-OI29500 calls it WordprocessingML 2003), and packages in one XML file
// (ECMA-376-1, Annex M).
//
// Divergences: part names are compared without case, relationships take precedence over
// names and names over content types, and XML need not be well formed. Entities are never
// expanded; a document type is recorded as a Note.
//
// Limits: of binary workbooks the names of sheets, texts, links and the formulas of macro
// sheets are read, those of ordinary sheets only if they access outside data. An encrypted
// document is an OLE file, see package ole.
package ooxml

import (
	"archive/zip"
	"bytes"
	"io"
	"path"
	"slices"
	"strings"
)

// Limits bounds what one Read may cost.
type Limits struct {
	Entries   int   // parts that are read
	Bytes     int64 // unpacked, total of all parts
	FileBytes int64 // unpacked of one part
	Tokens    int   // of XML, total of all parts
	Depth     int   // of XML elements
	Text      int   // bytes of text
	Items     int   // per list
}

// DefaultLimits returns the limits for one document in a worker of 256 MiB.
func DefaultLimits() Limits {
	return Limits{
		Entries:   5000, // presentations with pictures have hundreds
		Bytes:     96 << 20,
		FileBytes: 48 << 20,
		Tokens:    4_000_000, // a sheet of 100,000 rows
		Depth:     200,       // nested tables reach 60
		Text:      4 << 20,
		Items:     2000, // as budget.URLs
	}
}

// Kind is the application of a document.
type Kind string

// The kinds of document.
const (
	Other        Kind = ""
	Word         Kind = "docx"
	Excel        Kind = "xlsx"
	ExcelBinary  Kind = "xlsb"
	PowerPoint   Kind = "pptx"
	FixedPages   Kind = "xps"
	ActionMacro       = "macro"   // Action.Kind: a click runs a macro
	ActionRun         = "program" // Action.Kind: a click starts a program
	ActionOnLoad      = "onload"  // Action.Kind: the ribbon calls a macro when it appears
	stateVisible      = "visible"
)

// Note is a defect that readers tolerate.
type Note string

// The notes of a document.
const (
	NotZip    Note = "not-zip"
	BadPart   Note = "bad-part"   // a part does not unpack or is not XML
	Doctype   Note = "doctype"    // a part has a document type, which honest writers never use
	UTF16     Note = "utf-16"     // a part is written in UTF-16, which hides it from patterns
	Duplicate Note = "duplicate"  // two parts of one name
	OverLimit Note = "over-limit" // something was left out
)

// Relationship connects a part with another or with an external target.
type Relationship struct {
	Part     string `json:"part"`   // source part, "" for the package
	Type     string `json:"type"`   // last segment of the type, such as "attachedTemplate"
	Target   string `json:"target"` // part name, or as written if external
	External bool   `json:"external"`
}

// Field is an instruction of a Word field, or a link of dynamic data exchange.
type Field struct {
	Kind string `json:"kind"` // first word in upper case, such as "DDEAUTO"
	Code string `json:"code"` // the whole instruction
}

// Action is an action at a click or on opening.
type Action struct {
	Kind   string `json:"kind"`
	Target string `json:"target"`
}

// File is a part that is a separate file.
type File struct {
	Name string `json:"name"` // part name
	Data []byte `json:"-"`
}

// Sheet is a sheet of a workbook.
type Sheet struct {
	Name  string `json:"name"`
	State string `json:"state"` // "visible", "hidden" or "veryHidden"
	Macro bool   `json:"macro"` // holds formulas of Excel 4 macros
}

// Info holds the document properties.
type Info struct {
	Title       string `json:"title"`
	Author      string `json:"author"`
	ModifiedBy  string `json:"modified_by"`
	Application string `json:"application"`
	Template    string `json:"template"`
	Company     string `json:"company"`
	Created     string `json:"created"`  // as written, RFC 3339
	Modified    string `json:"modified"` // as written
}

// Document is the result of Read. It is never nil and holds everything readable.
type Document struct {
	Kind           Kind            `json:"kind"`
	MacroEnabled   bool            `json:"macro_enabled"` // by content type
	Parts          []string        `json:"parts"`
	Relationships  []Relationship  `json:"relationships"`
	Links          []string        `json:"links"` // of hyperlinks, fields and formulas, once each
	Fields         []Field         `json:"fields"`
	Actions        []Action        `json:"actions"`
	Sheets         []Sheet         `json:"sheets"`
	Names          []string        `json:"names"`    // defined in a binary workbook, in their order
	Formulas       []string        `json:"formulas"` // of macro sheets, and those of others that access outside data
	BinaryFormulas []BinaryFormula `json:"-"`        // as Formulas, in the tokens of a binary workbook
	Classes        []string        `json:"classes"`  // of embedded objects, as declared
	ActiveX        []string        `json:"activex"`  // class identifiers
	Macros         []File          `json:"macros"`   // VBA projects
	Embedded       []File          `json:"embedded"`
	Images         []File          `json:"images"`
	Info           Info            `json:"info"`
	Text           string          `json:"text"`
	Notes          []Note          `json:"notes"`
}

// External returns the external relationships of the types, all types if none is given.
func (d *Document) External(types ...string) []Relationship {
	var out []Relationship
	for _, r := range d.Relationships {
		if r.External && (len(types) == 0 || slices.Contains(types, r.Type)) {
			out = append(out, r)
		}
	}
	return out
}

func (d *Document) note(n Note) {
	if !slices.Contains(d.Notes, n) {
		d.Notes = append(d.Notes, n)
	}
}

// reader is the state of one Read.
type reader struct {
	doc    *Document
	limits Limits
	left   int64
	tokens int
	text   strings.Builder
	roles  map[string]string // last relationship type to a part, by lower-case name
	sheets map[string]int    // index in Document.Sheets by relationship id
	seen   map[string]bool   // links
}

// Read parses a document. Defects become notes, never errors.
func Read(data []byte, l Limits) *Document {
	d := &Document{}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		d.note(NotZip)
		return d
	}
	r := newReader(d, l)
	r.read(r.files(z))
	return d
}

func newReader(d *Document, l Limits) *reader {
	return &reader{doc: d, limits: l, left: l.Bytes, roles: map[string]string{}, sheets: map[string]int{}, seen: map[string]bool{}}
}

// read reads the parts of a document.
func (r *reader) read(files []part) {
	for _, f := range files { // parts that define names come first
		switch f.key {
		case "[content_types].xml":
			r.contentTypes(r.unpack(f))
		case "xl/workbook.xml":
			r.workbook(r.unpack(f))
		case "xl/workbook.bin":
			r.binaryWorkbook(r.unpack(f))
		}
	}
	for _, f := range files {
		if strings.HasSuffix(f.key, ".rels") {
			r.relationships(f.key, r.unpack(f))
		}
	}
	for _, f := range files {
		r.part(f)
	}
	r.doc.Text = strings.TrimSpace(r.text.String())
}

// part is a part of the package with its normalized name, in a zip or as bytes.
type part struct {
	name string
	key  string // lower case, without leading slash
	zip  *zip.File
	data []byte
}

func (r *reader) files(z *zip.Reader) []part {
	var out []part
	seen := map[string]bool{}
	for _, f := range z.File {
		if len(out) >= r.limits.Entries {
			r.doc.note(OverLimit)
			break
		}
		p := part{name: f.Name, key: partKey(f.Name), zip: f}
		if seen[p.key] {
			r.doc.note(Duplicate)
		}
		seen[p.key] = true
		out = append(out, p)
		r.doc.Parts = append(r.doc.Parts, strings.ToValidUTF8(f.Name, "\uFFFD"))
	}
	return out
}

// partKey returns the normal name of a part.
func partKey(name string) string {
	return strings.ToLower(strings.TrimLeft(strings.ReplaceAll(name, "\\", "/"), "/"))
}

// unpack returns the readable bytes of a part within the limits.
func (r *reader) unpack(p part) []byte {
	if p.zip == nil {
		return p.data
	}
	f, err := p.zip.Open()
	if err != nil {
		r.doc.note(BadPart)
		return nil
	}
	defer f.Close() //nolint:errcheck // nothing is written
	most := min(r.left, r.limits.FileBytes)
	// Deflate shrinks at most a thousandfold, so that a false size allocates no memory.
	claimed := min(p.zip.UncompressedSize64, 1100*p.zip.CompressedSize64, uint64(most))
	room := bytes.NewBuffer(make([]byte, 0, claimed+bytes.MinRead))
	if _, err := room.ReadFrom(io.LimitReader(f, most+1)); err != nil {
		r.doc.note(BadPart)
	}
	b := room.Bytes()
	if int64(len(b)) > most {
		r.doc.note(OverLimit)
		b = b[:most]
	}
	r.left -= int64(len(b))
	return b
}

// part reads one part by its relationship, else by its name.
func (r *reader) part(p part) {
	dir, base := path.Split(p.key)
	role := r.roles[p.key]
	switch {
	case role == "vbaProject" || strings.HasSuffix(base, "vbaproject.bin"):
		r.doc.Macros = keep(r, r.doc.Macros, r.file(p))
	case role == "oleObject" || role == "package" || role == "activeXControlBinary" || role == "aFChunk" ||
		strings.HasSuffix(dir, "embeddings/"):
		r.doc.Embedded = keep(r, r.doc.Embedded, r.file(p))
	case role == "image" || strings.HasSuffix(dir, "media/"):
		r.doc.Images = keep(r, r.doc.Images, r.file(p))
	case strings.HasSuffix(base, ".xml"):
		r.xmlPart(p, dir, base, role)
	case strings.HasPrefix(p.key, "xl/") && strings.HasSuffix(base, ".bin"):
		r.binaryPart(p, dir, role)
	case strings.HasSuffix(base, ".fpage") || strings.HasSuffix(base, ".fdoc"):
		r.fixedPage(r.unpack(p))
	}
}

func (r *reader) file(p part) File {
	return File{Name: strings.ToValidUTF8(p.name, "\uFFFD"), Data: r.unpack(p)}
}

func (r *reader) xmlPart(p part, dir, base, role string) {
	switch {
	case dir == "docprops/":
		r.properties(r.unpack(p))
	case dir == "customui/" || role == "extensibility" || strings.HasPrefix(base, "customui"):
		r.customUI(r.unpack(p))
	case strings.HasSuffix(dir, "activex/"):
		r.activeX(r.unpack(p))
	case strings.HasSuffix(dir, "macrosheets/") || role == "xlMacrosheet" || role == "xlIntlMacrosheet":
		r.sheet(r.unpack(p), true)
	case strings.HasPrefix(p.key, "xl/"):
		r.sheet(r.unpack(p), false)
	case strings.HasPrefix(p.key, "word/") && base != "styles.xml" && dir != "word/theme/":
		r.word(r.unpack(p))
	case strings.HasPrefix(p.key, "ppt/") && strings.Contains(dir, "slide"):
		r.slide(r.unpack(p))
	case role == "officeDocument":
		r.word(r.unpack(p)) // a main part with an unusual name
	}
}

// keep appends an item while there is room.
func keep[T any](r *reader, list []T, item T) []T {
	if len(list) >= r.limits.Items {
		r.doc.note(OverLimit)
		return list
	}
	return append(list, item)
}

func (r *reader) write(s string) {
	if r.text.Len()+len(s) > r.limits.Text {
		r.doc.note(OverLimit)
		return
	}
	r.text.WriteString(s)
}

// link keeps an address once.
func (r *reader) link(s string) {
	if s = strings.TrimSpace(s); s != "" && !r.seen[s] && len(r.doc.Links) < r.limits.Items {
		r.seen[s] = true
		r.doc.Links = append(r.doc.Links, s)
	}
}
