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
	p := pdf.Read(n.data, l)
	d := &Document{Title: clean(p.Info.Title, 300), Author: clean(p.Info.Author, 300), Creator: clean(p.Info.Creator, 300), Pages: p.Pages}
	d.text(p.Text)
	for _, u := range p.URIs {
		keep(&d.URLs, u, 4<<10)
	}
	for _, a := range p.Actions {
		keep(&d.Actions, a.Kind+" "+a.Target, 4<<10)
	}
	for _, s := range p.Scripts {
		keep(&d.Scripts, s, maxScript)
	}
	for _, f := range p.Fields {
		keep(&d.Fields, f.Name, 200)
	}
	for _, note := range p.Notes {
		keep(&d.Notes, string(note), 100)
	}
	f := i.file(n.id)
	f.Document, f.Encrypted = d, f.Encrypted || p.Encrypted
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
