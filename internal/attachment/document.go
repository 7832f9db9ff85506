package attachment

import (
	"bytes"
	"fmt"

	"outrider/internal/attachment/pdf"
)

// Document is what a file says that people open to read or to look at: the text, where it
// leads, and what it makes its reader do.
type Document struct {
	Title   string   `json:"title,omitempty"`
	Author  string   `json:"author,omitempty"`
	Creator string   `json:"creator,omitempty"` // program that made it
	Pages   int      `json:"pages,omitempty"`
	Text    string   `json:"text,omitempty"`    // at most maxDocumentText bytes
	URLs    []string `json:"urls,omitempty"`    // links, as written
	Codes   []string `json:"codes,omitempty"`   // what QR codes say
	Actions []string `json:"actions,omitempty"` // kind and target of what happens by itself or at a click: "Launch cmd.exe", "template http://…"
	Scripts []string `json:"scripts,omitempty"` // sources of JavaScript and macros
	Fields  []string `json:"fields,omitempty"`  // names of the fields of a form
	Notes   []string `json:"notes,omitempty"`   // oddities that readers tolerate
}

// Bounds of what a report keeps of one document.
const (
	maxDocumentText  = 64 << 10
	maxDocumentItems = 200
	maxScript        = 64 << 10 // bytes of one script
)

func newDocument(title, author, creator, text string) *Document {
	d := &Document{Title: clean(title, 300), Author: clean(author, 300), Creator: clean(creator, 300)}
	d.text(text)
	return d
}

func (d *Document) links(urls ...string) {
	for _, u := range urls {
		keep(&d.URLs, u, 4<<10)
	}
}

func (d *Document) scripts(sources ...string) {
	for _, s := range sources {
		keep(&d.Scripts, s, maxScript)
	}
}

func (d *Document) action(kind, target string) { keep(&d.Actions, kind+" "+target, 4<<10) }

func (d *Document) note(s string) { keep(&d.Notes, s, 300) }

// sheet notes a sheet that is not shown, or holds macros.
func (d *Document) sheet(name, state string, macro bool) {
	if macro {
		d.note("macro sheet " + name)
	}
	if state != "visible" {
		d.note(state + " sheet " + name)
	}
}

// text keeps the beginning of a text.
func (d *Document) text(s string) { d.Text = clean(s, maxDocumentText) }

// keep appends an item, cut and up to the bound.
func keep(list *[]string, s string, most int) {
	if s != "" && len(*list) < maxDocumentItems {
		*list = append(*list, clean(s, most))
	}
}

// openPDF reads a PDF, and hands on the files and pictures in it.
func openPDF(i *inspector, n *node) {
	l := pdf.DefaultLimits()
	l.Bytes = min(l.Bytes, max(0, i.limits.Bytes-i.spent))
	p := pdf.Open(n.data, l, i.passwords...)
	d := newDocument(p.Info.Title, p.Info.Author, p.Info.Creator, p.Text)
	d.Pages = p.Pages
	d.links(p.URIs...)
	d.scripts(p.Scripts...)
	for _, a := range p.Actions {
		d.action(a.Kind, a.Target)
	}
	for _, f := range p.Fields {
		keep(&d.Fields, f.Name, 200)
	}
	for _, note := range p.Notes {
		d.note(string(note))
	}
	f := i.file(n.id)
	f.Document, f.Encrypted, f.Password = d, f.Encrypted || p.Encrypted, p.Password
	for _, e := range p.Files {
		if !i.embedded(n.id, e.Name, e.Data) {
			return
		}
	}
	for k, img := range p.Images {
		if img.Format == "jpeg" && !i.embedded(n.id, fmt.Sprintf("picture %d.jpg", k+1), img.Data) {
			return
		}
	}
}

// embedded reports a file that a document carries.
func (i *inspector) embedded(parent int, name string, data []byte) bool {
	return i.entry(parent, name) && i.take(File{Parent: parent, Name: name, Size: int64(len(data))}, bytes.NewReader(data), int64(len(data)))
}
