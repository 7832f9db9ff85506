package attachment

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"outrider/internal/attachment/ole"
	"outrider/internal/attachment/ooxml"
	"outrider/internal/attachment/rtf"
)

// openOffice lists the parts of a zip-based document, and reads its content and actions.
func openOffice(i *inspector, n *node) {
	openZip(i, n)
	o := ooxml.Read(n.data, i.officeLimits())
	i.officeDocument(n.id, o)
	i.explode.office(n.id, o)
}

// openODF is openOffice for OpenDocument.
func openODF(i *inspector, n *node) {
	openZip(i, n)
	i.officeDocument(n.id, ooxml.ReadOpenDocument(n.data, i.officeLimits()))
}

// openFlat reads an Office document in one XML file, and passes on its base64 data.
func openFlat(i *inspector, n *node) {
	o := ooxml.ReadFlat(n.data, ooxml.Flavour(i.file(n.id).Format), i.officeLimits())
	i.officeDocument(n.id, o)
	for _, e := range slices.Concat(o.Macros, o.Embedded, o.Images) {
		if len(e.Data) > 0 && !i.embedded(n.id, e.Name, e.Data) {
			return
		}
	}
}

func (i *inspector) officeLimits() ooxml.Limits {
	l := ooxml.DefaultLimits()
	l.Bytes = min(l.Bytes, max(0, i.limits.Bytes-i.spent))
	return l
}

// officeDocument reports the content and actions of a document.
func (i *inspector) officeDocument(id int, o *ooxml.Document) {
	for _, f := range o.BinaryFormulas {
		cell := f.Name
		if cell == "" {
			cell = ole.CellName(f.Row, f.Col)
		}
		o.Formulas = append(o.Formulas, cell+" "+ole.Formula12(f.Code, o.Names))
	}
	d := newDocument(o.Info.Title, o.Info.Author, o.Info.Application, o.Text)
	d.links(o.Links...)
	for _, r := range o.Relationships {
		if r.External && r.Type != "hyperlink" {
			d.action(r.Type, r.Target)
		}
	}
	for _, f := range o.Fields {
		d.action(f.Kind, f.Code)
	}
	for _, a := range o.Actions {
		d.action(a.Kind, a.Target)
	}
	d.scripts(o.Formulas...)
	for _, f := range o.Formulas {
		d.links(find(f)...)
	}
	for _, s := range o.Sheets {
		d.sheet(s.Name, s.State, s.Macro)
	}
	for _, note := range o.Notes {
		d.note(string(note))
	}
	if o.MacroEnabled {
		d.note("macro-enabled")
	}
	i.file(id).Document = d
	i.packageHarms(id, o)
}

// openOLE reads the old formats of Office and messages of Outlook, and passes on embedded
// files.
func openOLE(i *inspector, n *node) {
	o := ole.Read(n.data, ole.DefaultLimits(), i.passwords...)
	d := newDocument(o.Info.Title, o.Info.Author, o.Info.Application, o.Text)
	d.links(o.Links...)
	for _, m := range o.Modules {
		d.scripts(m.Source)
	}
	d.scripts(macroSheet(o.MacroFormulas))
	d.scripts(o.FormStrings...)
	for _, target := range o.Remote {
		d.action("linked-object", target)
		d.links(target)
	}
	for _, k := range o.Keywords {
		d.note(k.Type + " " + k.Keyword)
	}
	for _, a := range o.Actions {
		d.action(a.Kind, a.Target)
	}
	for _, dde := range o.DDE {
		d.action("DDE", dde)
	}
	if o.AutoOpen {
		d.action("auto-open", "")
	}
	for _, s := range o.Sheets {
		d.sheet(s.Name, s.State, s.Macro)
	}
	for _, note := range o.Notes {
		d.note(string(note))
	}
	f := i.file(n.id)
	f.Document, f.Encrypted, f.Password = d, f.Encrypted || o.Encrypted, o.Password
	i.oleHarms(n.id, o)
	i.explode.ole(n.id, o)
	if o.Encrypted && o.Password == "" {
		i.note(NotePassword, n.id, "no password opens the document")
	}
	if len(o.Package) > 0 && !i.embedded(n.id, base(f.Name), o.Package) {
		return
	}
	i.oleFiles(n, o, d)
}

// macroSheet writes formulas as a script, one line per cell.
func macroSheet(formulas []ole.Formula) string {
	var s strings.Builder
	for _, f := range formulas {
		if s.Len() > maxScript {
			break
		}
		s.WriteString(f.Cell + " " + f.Text + "\n")
	}
	return s.String()
}

// oleFiles passes on the files in a document, and those of a message with its texts.
func (i *inspector) oleFiles(n *node, o *ole.Document, d *Document) {
	files := o.Embedded
	if m := o.Mail; m != nil {
		d.Title, d.Author = clean(m.Subject, 300), clean(strings.TrimSpace(m.SenderName+" <"+m.Sender+">"), 300)
		d.text(m.Text)
		files = append(files, mailFiles(m, "")...)
	}
	for _, e := range files {
		if !i.embedded(n.id, e.Name, e.Data) {
			return
		}
	}
}

// mailFiles lists the bodies and attachments of a message, and those of inner messages in
// folders.
func mailFiles(m *ole.Mail, folder string) []ole.File {
	var out []ole.File
	for _, body := range [...]ole.File{{Name: "body.html", Data: m.HTML}, {Name: "body.rtf", Data: m.RTF}} {
		if len(body.Data) > 0 {
			out = append(out, ole.File{Name: folder + body.Name, Data: body.Data})
		}
	}
	if folder != "" && m.Text != "" {
		out = append(out, ole.File{Name: folder + "body.txt", Data: []byte(m.Text)})
	}
	for _, a := range m.Attachments {
		out = append(out, ole.File{Name: folder + a.Name, Data: a.Data})
	}
	for k, inner := range m.Messages {
		out = append(out, mailFiles(inner, folder+"message "+strconv.Itoa(k+1)+"/")...)
	}
	return out
}

// openRTF reads a document in Rich Text Format, and passes on its objects.
func openRTF(i *inspector, n *node) {
	r := rtf.Read(n.data, rtf.DefaultLimits())
	d := newDocument(r.Title, r.Author, "", r.Text)
	d.links(r.Links...)
	for _, f := range r.Fields {
		d.action(f.Kind, f.Code)
	}
	if r.Template != "" {
		d.action("attachedTemplate", r.Template)
	}
	for _, note := range r.Notes {
		d.note(string(note))
	}
	i.file(n.id).Document = d
	i.rtfHarms(n.id, r)
	i.explode.rtf(n.id, r)
	if len(r.HTML) > 0 && !i.embedded(n.id, "body.html", r.HTML) {
		return
	}
	for _, o := range r.Objects {
		d.object(&o)
		name := o.Name
		if name == "" {
			name = o.Class
		}
		if len(o.Data) > 0 && !i.embedded(n.id, name, o.Data) {
			return
		}
	}
}

// object notes the automatic actions of an RTF object.
func (d *Document) object(o *rtf.Object) {
	switch {
	case o.Linked:
		d.action("linked-object", o.Class+" "+o.Name)
	case o.Update:
		d.action("update-object", o.Class)
	default:
		d.note("object " + o.Class)
	}
}

// openActiveMime reads "editdata.mso", in which Office keeps macros of single-file
// documents: a compound file packed by zlib after a header. Malware makes the header
// longer, so the start of the data is searched for.
func openActiveMime(i *inspector, n *node) {
	for at := len("ActiveMime"); at+2 < min(len(n.data), maxActiveHead); at++ {
		if n.data[at] != 0x78 || (int(n.data[at])<<8|int(n.data[at+1]))%31 != 0 { // the header of zlib: a method and a check by 31
			continue
		}
		z, err := zlib.NewReader(bytes.NewReader(n.data[at:]))
		if err != nil {
			continue
		}
		head := make([]byte, 8)
		if _, err := io.ReadFull(z, head); err == nil && isCompound(head) {
			if i.entry(n.id, "editdata.ole") {
				i.take(File{Parent: n.id, Name: "editdata.ole"}, io.MultiReader(bytes.NewReader(head), z), int64(len(n.data)))
			}
			return
		}
	}
	i.fail(n.id, errors.New("no compound file is packed in it"))
}

// maxActiveHead bounds the header of ActiveMime in bytes; Office writes 50.
const maxActiveHead = 4096
