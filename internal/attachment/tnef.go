package attachment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"

	"outrider/internal/attachment/ole"
)

// The attributes of TNEF that carry files. MS-OXTNEF, 2.1.3.
const (
	tnefTitle     = 0x8010 // attAttachTitle: the short name
	tnefData      = 0x800f // attAttachData
	tnefRendering = 0x9002 // attAttachRenddata: begins the next attachment
	tnefProps     = 0x9005 // attAttachment: MAPI properties
	tnefMessage   = 0x9003 // attMAPIProps: those of the message
)

// MAPI properties. MS-OXPROPS.
const (
	mapiLongName  = 0x3707
	mapiShortName = 0x3704
	mapiObject    = 0x3701
	mapiHTML      = 0x1013
	mapiRTF       = 0x1009
)

// openTNEF reads "winmail.dat", in which Exchange wraps attachments: a list of
// attributes, each with its length and a checksum that nobody checks.
func openTNEF(i *inspector, n *node) {
	d, le := n.data, binary.LittleEndian
	var f tnefFile
	for pos := int64(6); ; {
		h := cut(d, pos, 9)
		if len(h) < 9 {
			break
		}
		id, size := le.Uint16(h[1:]), int64(le.Uint32(h[5:]))
		value := cut(d, pos+9, size)
		if int64(len(value)) < size {
			i.fail(n.id, errors.New("an attribute is cut"))
		}
		pos += 9 + size + 2
		if id == tnefRendering {
			if !i.tnefTake(n, &f) {
				return
			}
			f = tnefFile{open: true}
		}
		if !f.attribute(id, value) && id == tnefMessage && !i.tnefBody(n, value) {
			return
		}
	}
	i.tnefTake(n, &f)
}

// tnefFile is an attachment while its attributes are read.
type tnefFile struct {
	open bool
	name string
	data []byte
}

// attribute takes what an attribute says of the attachment.
func (f *tnefFile) attribute(id uint16, value []byte) bool {
	switch id {
	case tnefTitle:
		if f.name == "" {
			f.name = zeroEnded(value)
		}
	case tnefData:
		f.data = value
	case tnefProps:
		for _, p := range mapiProps(value) {
			switch {
			case p.id == mapiLongName && len(p.value) > 0:
				f.name = p.text()
			case p.id == mapiShortName && f.name == "":
				f.name = p.text()
			case p.id == mapiObject && len(f.data) == 0 && len(p.value) > 16:
				f.data = p.value[16:] // behind the id of its interface
			}
		}
	default:
		return false
	}
	return true
}

func (i *inspector) tnefTake(n *node, f *tnefFile) bool {
	if !f.open {
		return true
	}
	return i.entry(n.id, f.name) && i.take(File{Parent: n.id, Name: f.name, Size: int64(len(f.data))}, bytes.NewReader(f.data), int64(len(f.data)))
}

// tnefBody hands on the text of the message.
func (i *inspector) tnefBody(n *node, value []byte) bool {
	for _, p := range mapiProps(value) {
		name := map[uint16]string{mapiHTML: "body.html", mapiRTF: "body.rtf"}[p.id]
		if name == "" || len(p.value) == 0 {
			continue
		}
		body := p.value
		if p.id == mapiRTF {
			// Outlook shows what could be unpacked of a damaged body.
			if body, _ = ole.UnpackRTF(body, 4<<20); len(body) == 0 {
				continue
			}
		}
		if !i.entry(n.id, name) || !i.take(File{Parent: n.id, Name: name, Size: int64(len(body))}, bytes.NewReader(body), int64(len(p.value))) {
			return false
		}
	}
	return true
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
	if p.kind != 0x1f { // PtypString is UTF-16
		return zeroEnded(p.value)
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

// maxProps bounds the properties of one list.
const maxProps = 2000

// mapiProps reads a list of properties. MS-OXTNEF, 2.1.3.4: fixed sizes by type, and
// others with a count and lengths, padded to four bytes.
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
		switch p.kind {
		case 0x02, 0x03, 0x04, 0x0a, 0x0b:
			p.value = r.next(4)
		case 0x05, 0x06, 0x07, 0x14, 0x40:
			p.value = r.next(8)
		case 0x48:
			p.value = r.next(16)
		case 0x0d, 0x1e, 0x1f, 0x102:
			for range min(r.u32(), maxProps) {
				p.value = r.padded(r.u32())
			}
		default:
			return out // a type of unknown size: nothing behind it can be found
		}
		if r.short {
			return out
		}
		out = append(out, p)
	}
	return out
}

// tnefReader reads little-endian values; once the bytes end, it gives zeros.
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

// openOneNote finds the embedded files, which are not packed, by the id in front of them.
// Their names stand elsewhere in the section.
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
