package attachment

import (
	"bytes"
	"fmt"
	"image"
	"slices"

	"outrider/internal/attachment/pdf"
	"outrider/internal/attachment/picture"
)

// Document is the content of a file that people open to read or to look at: its text, its
// links, and the actions that it makes its reader do.
type Document struct {
	Title   string   `json:"title,omitempty"`
	Author  string   `json:"author,omitempty"`
	Creator string   `json:"creator,omitempty"` // program that made it
	Pages   int      `json:"pages,omitempty"`
	Text    string   `json:"text,omitempty"`    // at most maxDocumentText bytes
	URLs    []string `json:"urls,omitempty"`    // links, as written
	Codes   []string `json:"codes,omitempty"`   // contents of QR codes
	Actions []string `json:"actions,omitempty"` // kind and target of automatic actions, or actions at a click: "Launch cmd.exe", "template http://…"
	Scripts []string `json:"scripts,omitempty"` // sources of JavaScript and macros
	Fields  []string `json:"fields,omitempty"`  // names of form fields
	Notes   []string `json:"notes,omitempty"`   // defects that readers tolerate
	// Pictures and Shapes count the pictures and shapes on the pages of a PDF.
	Pictures int `json:"pictures,omitempty"`
	Shapes   int `json:"shapes,omitempty"` // rectangles, lines and curves
}

// Bounds of one document in a report.
const (
	maxDocumentText  = 256 << 10 // as maxContentFile
	maxInnerText     = 64 << 10  // of a document in another file, of which a report can have many
	maxDocumentItems = 200
	maxScript        = 64 << 10 // bytes of one script
)

// noteCut means that content exceeds the bounds of the report, or that a format reader left
// something out. The readers use the same word.
const noteCut = "over-limit"

func newDocument(title, author, creator, text string) *Document {
	d := &Document{Title: clean(title, 300), Author: clean(author, 300), Creator: clean(creator, 300)}
	d.text(text)
	return d
}

func (d *Document) links(urls ...string) {
	for _, u := range urls {
		d.keep(&d.URLs, u, 4<<10)
	}
}

func (d *Document) scripts(sources ...string) {
	for _, s := range sources {
		d.keep(&d.Scripts, s, maxScript)
	}
}

func (d *Document) action(kind, target string) { d.keep(&d.Actions, kind+" "+target, 4<<10) }

// note adds a note; noteCut only once, for which there is always room.
func (d *Document) note(s string) {
	if s != noteCut {
		d.keep(&d.Notes, s, 300)
	} else if !slices.Contains(d.Notes, noteCut) {
		d.Notes = append(d.Notes, noteCut)
	}
}

// sheet notes a sheet that is hidden, or holds macros.
func (d *Document) sheet(name, state string, macro bool) {
	if macro {
		d.note("macro sheet " + name)
	}
	if state != "visible" {
		d.note(state + " sheet " + name)
	}
}

// text keeps a text; of a long one the beginning and the end.
func (d *Document) text(s string) {
	var whole bool
	if d.Text, whole = ends(clean(s, len(s)), maxDocumentText); !whole {
		d.note(noteCut)
	}
}

// keep appends an item to a list of the document, truncated and up to the bound, and notes
// omissions.
func (d *Document) keep(list *[]string, s string, most int) {
	if s == "" {
		return
	}
	full := len(*list) >= maxDocumentItems
	if !full {
		*list = append(*list, clean(s, most))
	}
	if full || len(s) > most {
		d.note(noteCut)
	}
}

// openPDF reads a PDF, and passes on the files and pictures in it.
func openPDF(i *inspector, n *node) {
	l := pdf.DefaultLimits()
	l.Bytes = min(l.Bytes, max(0, i.limits.Bytes-i.spent))
	p := pdf.Open(n.data, l, i.passwords...)
	d := newDocument(p.Info.Title, p.Info.Author, p.Info.Creator, p.Text)
	d.Pages, d.Pictures, d.Shapes = p.Pages, len(p.Images), p.Shapes
	d.links(p.URIs...)
	d.scripts(p.Scripts...)
	for _, s := range p.Scripts {
		if opensAddress.MatchString(s) {
			d.links(find(s)...)
		}
	}
	for _, a := range p.Actions {
		d.action(a.Kind, a.Target)
	}
	for _, f := range p.Fields {
		d.keep(&d.Fields, f.Name, 200)
	}
	for _, note := range p.Notes {
		d.note(string(note))
	}
	f := i.file(n.id)
	f.Document, f.Encrypted, f.Password = d, f.Encrypted || p.Encrypted, p.Password
	i.pdfHarms(n.id, p)
	i.explode.pdf(n, p)
	for _, drawing := range p.Drawings {
		if i.ctx() != nil {
			break
		}
		d.codes(codesIn(drawing.Image), fmt.Sprintf("drawing of page %d", drawing.Page))
	}
	for _, e := range p.Files {
		if !i.embedded(n.id, e.Name, e.Data) {
			return
		}
	}
	i.pictures(n.id, p.Images)
}

// Bounds of the pictures of one PDF that we decode.
const (
	maxRaw      = 24         // pictures
	maxRawSize  = 8_000_000  // pixels of one
	maxRawTotal = 24_000_000 // pixels of all
	smallestRaw = 21         // pixels per side; a code has at least that many modules
)

// pictures passes on the pictures that are files, and searches the others for codes.
func (i *inspector) pictures(id int, images []pdf.Image) {
	raw, pixels := 0, 0
	for k := range images {
		img := &images[k]
		if img.Format == "jpeg" && !i.embedded(id, fmt.Sprintf("picture %d.jpg", k+1), img.Data) {
			return
		}
		if img.Format != "raw" || min(img.Width, img.Height) < smallestRaw {
			continue
		}
		if raw == maxRaw || i.ctx() != nil {
			i.noteOnce(NotePictures, id, "not all pictures were looked at for codes")
			break
		}
		size := img.Width * img.Height
		if img.Width > maxRawSize || img.Height > maxRawSize || size > min(maxRawSize, maxRawTotal-pixels) {
			i.noteOnce(NotePictures, id, "not all pictures were looked at for codes")
			continue
		}
		raw, pixels = raw+1, pixels+size
		found := i.known.codesOf(rawKey(img), func() image.Image { return img.Picture(size) })
		i.file(id).Document.codes(found, fmt.Sprintf("picture %d", k+1))
	}
}

// codesIn finds the codes in a picture, which is slow.
func codesIn(img image.Image) []picture.Code { return picture.Look(img, picture.DefaultLimits()).Codes }

// codes keeps the codes found in the document.
func (d *Document) codes(found []picture.Code, where string) {
	for _, c := range found {
		d.keep(&d.Codes, c.Text, 4<<10)
		d.note("code in " + where)
	}
}

// embedded reports a file embedded in a document.
func (i *inspector) embedded(parent int, name string, data []byte) bool {
	return i.entry(parent, name) && i.take(File{Parent: parent, Name: name, Size: int64(len(data))}, bytes.NewReader(data), int64(len(data)))
}
