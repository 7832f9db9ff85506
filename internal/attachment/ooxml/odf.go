package ooxml

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"path"
	"strings"
)

// OpenDocument is the kind of documents by ISO 26300.
const OpenDocument Kind = "odf"

// ReadOpenDocument reads an OpenDocument, which is a zip of XML as well: its text, links, formulas,
// macros and the events that start them. ISO 26300-1.
func ReadOpenDocument(data []byte, l Limits) *Document {
	d := &Document{Kind: OpenDocument}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		d.note(NotZip)
		return d
	}
	r := newReader(d, l)
	for _, p := range r.files(z) {
		dir, base := path.Split(p.key)
		switch {
		case base == "content.xml" || base == "styles.xml" && dir == "":
			r.openDocument(r.unpack(p))
		case p.key == "meta.xml":
			r.openProperties(r.unpack(p))
		case strings.HasPrefix(dir, "basic/") && base != "script-lc.xml" && base != "script-lb.xml" && base != "dialog-lc.xml" && base != "dialog-lb.xml",
			strings.HasPrefix(dir, "scripts/") && base != "":
			d.Macros = keep(r, d.Macros, r.file(p))
		case strings.HasPrefix(dir, "object") && base != "" && !strings.HasSuffix(base, ".xml"), dir == "" && strings.HasPrefix(base, "object "):
			d.Embedded = keep(r, d.Embedded, r.file(p))
		}
	}
	d.Text = strings.TrimSpace(r.text.String())
	return d
}

// openDocument reads the content of an OpenDocument.
func (r *reader) openDocument(data []byte) {
	o := &openReader{reader: r}
	r.walk(data, handler{start: o.start, text: o.text, end: o.end})
}

type openReader struct {
	*reader
	body   int // open elements of the body: only they contain text
	script bool
	source strings.Builder
}

func (o *openReader) start(e xml.StartElement) {
	name := e.Name.Local
	if name == "body" || o.body > 0 {
		o.body++
	}
	href := attr(e, "href")
	switch name {
	case "event-listener", "event-listener-macro":
		o.event(e, href)
	case "script", "module", "source-code":
		o.script = true
		o.source.Reset()
		if strings.Contains(href, ":") { // a script elsewhere
			o.doc.Actions = keep(o.reader, o.doc.Actions, Action{ActionMacro, href})
		}
	case "a", "table-source", "section-source", "dde-source":
		o.outside(e, name, href)
	case "object", "object-ole", "floating-frame", "plugin", "applet", "image":
		o.fetched(name, href)
	case "tab":
		o.write("\t")
	case "line-break":
		o.write("\n")
	}
	if f := attr(e, "formula"); f != "" {
		o.formula(f, false)
	}
}

// event keeps the action of an event. ISO 26300-1, 14.4: a script by its address.
func (o *openReader) event(e xml.StartElement, href string) {
	kind := ActionMacro
	switch attr(e, "event-name") {
	case "dom:load", "dom:unload", "office:load-finished", "office:new", "office:open", "on-load", "on-unload", "on-new", "dom:DOMFocusIn", "dom:mouseover":
		kind = ActionOnLoad
	}
	if target := href + attr(e, "macro-name"); target != "" {
		o.doc.Actions = keep(o.reader, o.doc.Actions, Action{kind, target})
	}
}

func (o *openReader) outside(e xml.StartElement, name, href string) {
	switch name {
	case "dde-source":
		code := attr(e, "dde-application") + " " + attr(e, "dde-topic")
		o.doc.Fields = keep(o.reader, o.doc.Fields, Field{"DDE", "DDE " + code})
	case "a":
		if !strings.HasPrefix(href, "#") {
			o.link(href)
		}
	default:
		o.fetched("subDocument", href)
	}
}

// fetched keeps a relationship to an external target.
func (o *openReader) fetched(name, href string) {
	if !strings.Contains(href, ":") && !strings.HasPrefix(href, "//") {
		return
	}
	kind := map[string]string{"object": "oleObject", "object-ole": "oleObject", "floating-frame": "frame", "plugin": "oleObject", "applet": "oleObject"}[name]
	if kind == "" {
		kind = name
	}
	o.doc.Relationships = keep(o.reader, o.doc.Relationships, Relationship{Part: "content.xml", Type: kind, Target: href, External: true})
}

func (o *openReader) text(s string) {
	switch {
	case o.script && o.source.Len() < o.limits.Text:
		o.source.WriteString(s)
	case o.body > 0 && strings.TrimSpace(s) != "":
		o.write(s)
	}
}

func (o *openReader) end(name string) {
	o.body = max(0, o.body-1)
	switch name {
	case "p", "h", "table-row":
		o.write("\n")
	case "script", "module", "source-code":
		if o.script && strings.TrimSpace(o.source.String()) != "" {
			o.doc.Macros = keep(o.reader, o.doc.Macros, File{Name: name, Data: []byte(o.source.String())})
		}
		o.script = false
	}
}

// openProperties reads meta.xml. ISO 26300-1, 4.3.
func (r *reader) openProperties(data []byte) {
	i := &r.doc.Info
	fields := map[string]*string{"title": &i.Title, "initial-creator": &i.Author, "creator": &i.ModifiedBy, "generator": &i.Application, "date": &i.Modified, "creation-date": &i.Created}
	var into *string
	r.walk(data, handler{
		start: func(e xml.StartElement) {
			into = fields[e.Name.Local]
			if e.Name.Local == "template" {
				i.Template = attr(e, "href")
				r.doc.Relationships = keep(r, r.doc.Relationships, Relationship{Part: "meta.xml", Type: "template", Target: i.Template, External: true})
			}
		},
		text: func(s string) {
			if into != nil && len(*into)+len(s) <= 4096 {
				*into += s
			}
		},
		end: func(string) { into = nil },
	})
}
