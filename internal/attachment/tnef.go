package attachment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"

	"outrider/internal/attachment/ole"
)

// The attributes of TNEF with files and texts. MS-OXTNEF, 2.1.3.
const (
	tnefSubject   = 0x8004 // attSubject
	tnefText      = 0x800c // attBody: the plain text
	tnefTitle     = 0x8010 // attAttachTitle: the short name
	tnefData      = 0x800f // attAttachData
	tnefRendering = 0x9002 // attAttachRenddata: begins the next attachment
	tnefProps     = 0x9005 // attAttachment: MAPI properties
	tnefMessage   = 0x9003 // attMAPIProps: those of the message
	tnefCodePage  = 0x9007 // attOemCodepage
)

// MAPI properties. MS-OXPROPS.
const (
	mapiLongName  = 0x3707
	mapiShortName = 0x3704
	mapiObject    = 0x3701
	mapiText      = 0x1000
	mapiHTML      = 0x1013
	mapiRTF       = 0x1009
	mapiSubject   = 0x0037
)

// Types of MAPI properties. MS-OXCDATA, 2.11.1.
const (
	ptypObject = 0x0d
	ptypNarrow = 0x1e
	ptypWide   = 0x1f
	ptypMulti  = 0x1000
)

// SourceTNEFBody is File.Source of the texts of a message in TNEF: Outlook shows them
// instead of the body of the outer message.
const SourceTNEFBody = "tnef-body"

// openTNEF reads "winmail.dat", the format in which Exchange encloses attachments: a list
// of attributes, each with its length and a checksum that readers ignore.
func openTNEF(i *inspector, n *node) {
	t := tnef{inspector: i, node: n, codePage: 1252}
	for pos, going := int64(6), true; going; {
		h := cut(n.data, pos, 9)
		if len(h) < 9 {
			break
		}
		size := int64(binary.LittleEndian.Uint32(h[5:]))
		value := cut(n.data, pos+9, size)
		if int64(len(value)) < size {
			i.fail(n.id, errors.New("an attribute is cut"))
		}
		pos += 9 + size + 2
		going = t.attribute(binary.LittleEndian.Uint16(h[1:]), value)
	}
	t.take()
	i.file(n.id).Document = newDocument(t.subject, "", "", "")
}

// tnef is the state of reading one wrapper.
type tnef struct {
	*inspector
	node     *node
	codePage int
	subject  string
	open     bool // attributes of an attachment follow
	now      tnefFile
}

// tnefFile is an attachment while its attributes are read.
type tnefFile struct {
	name string
	data [][]byte // by attributes and properties: each is a file
}

// attribute reads one attribute, and reports whether the inspection may go on.
func (t *tnef) attribute(id uint16, value []byte) bool {
	switch id {
	case tnefCodePage:
		if len(value) >= 4 {
			t.codePage = int(binary.LittleEndian.Uint32(value))
		}
	case tnefSubject:
		t.subject = ole.Decode([]byte(zeroEnded(value)), t.codePage)
	case tnefText:
		return t.body("body.txt", []byte(ole.Decode([]byte(zeroEnded(value)), t.codePage)), int64(len(value)))
	case tnefMessage:
		return t.texts(value)
	case tnefRendering:
		going := t.take()
		t.open, t.now = true, tnefFile{}
		return going
	case tnefTitle:
		if t.now.name == "" {
			t.now.name = ole.Decode([]byte(zeroEnded(value)), t.codePage)
		}
	case tnefData:
		t.now.add(value)
	case tnefProps:
		for _, p := range mapiProps(value) {
			t.now.property(p)
		}
	}
	return true
}

func (f *tnefFile) add(data []byte) {
	if len(data) == 0 {
		return
	}
	for _, old := range f.data {
		if bytes.Equal(old, data) {
			return
		}
	}
	f.data = append(f.data, data)
}

// property takes the value of an attachment's property. MS-OXTNEF, 2.1.3.4: an interface id
// precedes an object, and nothing else.
func (f *tnefFile) property(p mapiProp) {
	switch {
	case p.id == mapiLongName && len(p.value) > 0:
		f.name = p.text()
	case p.id == mapiShortName && f.name == "":
		f.name = p.text()
	case p.id == mapiObject && p.kind&^ptypMulti == ptypObject && len(p.value) >= 16:
		f.add(p.value[16:]) // an inner message is TNEF again
	case p.id == mapiObject:
		f.add(p.value)
	}
}

// take passes on the completed attachment: the content of attributes and properties.
func (t *tnef) take() bool {
	if !t.open {
		return true
	}
	t.open = false
	for _, data := range append(t.now.data, nil)[:max(1, len(t.now.data))] {
		if !t.entry(t.node.id, t.now.name) || !t.inspector.take(File{Parent: t.node.id, Name: t.now.name, Size: int64(len(data))}, bytes.NewReader(data), int64(len(data))) {
			return false
		}
	}
	return true
}

// body passes on a text of the message.
func (t *tnef) body(name string, data []byte, packed int64) bool {
	if len(bytes.TrimSpace(data)) == 0 {
		return true
	}
	return t.entry(t.node.id, name) && t.inspector.take(File{Parent: t.node.id, Name: name, Size: int64(len(data)), Source: SourceTNEFBody}, bytes.NewReader(data), packed)
}

// texts passes on the texts of the message among its properties.
func (t *tnef) texts(value []byte) bool {
	for _, p := range mapiProps(value) {
		if p.id == mapiSubject {
			t.subject = p.text()
		}
		if name, data := p.body(); name != "" && !t.body(name, data, int64(len(p.value))) {
			return false
		}
	}
	return true
}

// body returns a text of a message and a name for it, or "".
func (p mapiProp) body() (name string, data []byte) {
	switch p.id {
	case mapiText:
		return "body.txt", []byte(p.text())
	case mapiHTML:
		if kind := p.kind &^ ptypMulti; kind == ptypWide || kind == ptypNarrow {
			return "body.html", []byte(p.text())
		}
		return "body.html", p.value
	case mapiRTF:
		// Outlook shows the unpackable part of a damaged body.
		if unpacked, _ := ole.UnpackRTF(p.value, 4<<20); len(unpacked) > 0 {
			return "body.rtf", unpacked
		}
		return "body.rtf", p.value
	}
	return "", nil
}

func zeroEnded(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

// mapiProp is one property.
type mapiProp struct {
	id, kind uint16
	value    []byte
}

func (p mapiProp) text() string {
	if p.kind&^ptypMulti != ptypWide {
		return ole.Decode([]byte(zeroEnded(p.value)), 1252)
	}
	units := make([]uint16, 0, len(p.value)/2)
	for k := 0; k+1 < len(p.value); k += 2 {
		u := binary.LittleEndian.Uint16(p.value[k:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

// maxProps bounds the properties of one list, and the values of one property.
const maxProps = 2000

// mapiProps parses a list of properties. MS-OXTNEF, 2.1.3.4: fixed sizes by type, and
// others with a count and lengths, padded to four bytes. Properties with several values
// begin with a count for every type.
func mapiProps(d []byte) []mapiProp {
	var out []mapiProp
	r := tnefReader{d: d}
	for range min(r.u32(), maxProps) {
		p := mapiProp{kind: r.u16(), id: r.u16()}
		if p.id >= 0x8000 { // a named property: its set, and a number or a name
			r.next(16)
			if r.u32() == 0 {
				r.next(4)
			} else {
				r.padded(r.u32())
			}
		}
		if !r.value(&p) || r.short {
			return out // a type of unknown size: the rest cannot be parsed
		}
		out = append(out, p)
	}
	return out
}

// value reads the value of a property, the last one of several.
func (r *tnefReader) value(p *mapiProp) bool {
	size, counted := sizeOfType(p.kind &^ ptypMulti)
	if size == 0 && !counted {
		return false
	}
	count := uint32(1)
	if counted || p.kind&ptypMulti != 0 {
		count = r.u32()
	}
	if count > maxProps {
		return false
	}
	for range count {
		switch {
		case counted:
			p.value = r.padded(r.u32())
		case p.kind&ptypMulti != 0:
			p.value = r.next(size)
		default:
			p.value = r.next(max(size, 4)) // single values of two bytes are padded
		}
	}
	if !counted && p.kind&ptypMulti != 0 {
		r.next(min(-(count*size)&3, uint32(len(r.d))))
	}
	return true
}

// sizeOfType returns the size of a value, or whether it has its own length. MS-OXCDATA,
// 2.11.1.
func sizeOfType(kind uint16) (size uint32, counted bool) {
	switch kind {
	case 0x02, 0x0b:
		return 2, false
	case 0x01, 0x03, 0x04, 0x0a:
		return 4, false
	case 0x05, 0x06, 0x07, 0x14, 0x40:
		return 8, false
	case 0x48:
		return 16, false
	case ptypObject, ptypNarrow, ptypWide, 0x102, 0xfb:
		return 0, true
	}
	return 0, false
}

// tnefReader reads little-endian values; zeros after the end.
type tnefReader struct {
	d     []byte
	short bool
}

func (r *tnefReader) next(n uint32) []byte {
	if uint64(n) > uint64(len(r.d)) {
		r.short, r.d = true, nil
		return nil
	}
	out := r.d[:n]
	r.d = r.d[n:]
	return out
}

func (r *tnefReader) padded(n uint32) []byte {
	out := r.next(n)
	r.next(min(-n&3, uint32(len(r.d))))
	return out
}

func (r *tnefReader) u16() uint16 {
	if b := r.next(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *tnefReader) u32() uint32 {
	if b := r.next(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// fileStore begins each file that is embedded in a OneNote section. MS-ONESTORE, 2.6.13.
const fileStore = "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac"

// openOneNote finds the embedded files, which are not packed, by the id before them. Their
// names are elsewhere in the section.
func openOneNote(i *inspector, n *node) {
	for pos := 0; ; {
		at := bytes.Index(n.data[pos:], []byte(fileStore))
		if at < 0 {
			return
		}
		pos += at + len(fileStore)
		h := cut(n.data, int64(pos), 20)
		if len(h) < 20 {
			return
		}
		size := binary.LittleEndian.Uint64(h)
		data := cut(n.data, int64(pos)+20, int64(min(size, uint64(len(n.data)))))
		pos += 20 + len(data)
		if !i.entry(n.id, "embedded") || !i.take(File{Parent: n.id, Name: "embedded", Size: int64(len(data))}, bytes.NewReader(data), int64(len(data))) {
			return
		}
	}
}
