package ole

import (
	"bytes"
	"compress/zlib"
	"io"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/htmlindex"
)

// codePages maps Windows code pages to names in the encoding standard; others are read as
// Windows-1252.
var codePages = map[int]string{
	932: "shift_jis", 936: "gbk", 949: "euc-kr", 950: "big5", 874: "windows-874", 1250: "windows-1250", 1251: "windows-1251",
	1253: "windows-1253", 1254: "windows-1254", 1255: "windows-1255", 1256: "windows-1256", 1257: "windows-1257", 1258: "windows-1258",
}

// Decode converts text in a Windows code page to UTF-8; unknown code pages are read as
// Windows-1252.
func Decode(b []byte, codePage int) string {
	if codePage == 65001 {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	name := codePages[codePage]
	if name == "" {
		name = "windows-1252"
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(out)
}

func utf16le(b []byte) string {
	u := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		u = append(u, le16(b[i:]))
	}
	return string(utf16.Decode(u))
}

// slides reads the records of a presentation for their text, and their compound files:
// macros and embedded objects. MS-PPT, 2.3.1: containers are entered by continuing after
// their header.
func (r *reader) slides(b []byte) {
	var within uint16 // the last entered container
	var click string  // kind of the action whose name follows
	for len(b) >= 8 {
		version, kind, size := le16(b), le16(b[2:]), int64(le32(b[4:]))
		b = b[8:]
		if version&0x0F == 0x0F {
			within = kind
			continue
		}
		data := b[:min(size, int64(len(b)))]
		b = b[len(data):]
		switch kind {
		case 0x1011: // ExOleObjStg and the storage of macros
			r.storage(data, version>>4 == 1)
		case 0x0FF3: // InteractiveInfoAtom
			click = clickKind(data)
		case 0x0FA0: // TextCharsAtom
			r.text(lines(utf16le(data)))
		case 0x0FA8: // TextBytesAtom: the lower halves of UTF-16
			r.text(lines(Decode(data, 1252)))
		case 0x0FBA: // CString
			r.slideString(data, within, version>>4, click)
			click = ""
		}
	}
}

// lines converts paragraph and line ends.
func lines(s string) string { return strings.NewReplacer("\r", "\n", "\v", "\n").Replace(s) }

// clickKind returns the action of a click. MS-PPT, 2.8.7: the ninth byte is the action.
func clickKind(b []byte) string {
	if len(b) < 9 {
		return ""
	}
	return map[byte]string{1: "macro", 2: "program"}[b[8]]
}

// slideString keeps the name of a macro or program, and the address of a hyperlink.
// MS-PPT, 2.8.6 and 2.10.16: instance 1 is the address, 0 its friendly name.
func (r *reader) slideString(b []byte, within, instance uint16, click string) {
	s := utf16le(b[:min(len(b), 4096)])
	switch {
	case len(r.doc.Actions)+len(r.doc.Links) >= r.limits.Items:
		r.doc.note(OverLimit)
	case click != "":
		r.doc.Actions = append(r.doc.Actions, Action{click, s})
	case within == 0x0FD7 && instance == 1:
		r.doc.Links = append(r.doc.Links, s)
	}
}

// storage reads an ExOleObjStg. MS-PPT, 2.10.34: packed ones begin with their size.
func (r *reader) storage(b []byte, packed bool) {
	if packed && len(b) > 4 {
		z, err := zlib.NewReader(bytes.NewReader(b[4:]))
		if err != nil {
			r.doc.note(BadPackage)
			return
		}
		b, err = io.ReadAll(io.LimitReader(z, r.left))
		r.left -= int64(len(b))
		if err != nil || r.left <= 0 {
			r.doc.note(BadPackage)
		}
	}
	if r.nested { // presentations do not contain presentations in this form
		return
	}
	inner := &reader{doc: r.doc, limits: r.limits, left: r.left, nested: true, shown: r.shown, work: r.work}
	streams, modules := len(r.doc.Streams), len(r.doc.Modules)
	inner.read(b)
	r.left, r.work = inner.left, inner.work
	if len(r.doc.Modules) == modules && len(r.doc.Streams) > streams {
		r.embed(File{Name: "", Data: b})
	}
}

// summary reads the first property set. MS-OLEPS, 2.20 to 2.23.
func (r *reader) summary(b []byte) {
	if len(b) < 48 {
		return
	}
	at := int64(le32(b[44:]))
	if at+8 > int64(len(b)) {
		return
	}
	set := b[at:]
	values, codePage := map[uint32]string{}, 1252
	for i := range min(int(le32(set[4:])), 100, (len(set)-8)/8) {
		id, off := le32(set[8+8*i:]), int64(le32(set[12+8*i:]))
		if off+8 > int64(len(set)) {
			continue
		}
		if id == 1 {
			codePage = int(le16(set[off+4:]))
			continue
		}
		values[id] = property(set[off:], codePage)
	}
	r.doc.Info = Info{Title: values[2], Author: values[4], Template: values[7], ModifiedBy: values[8], Application: values[18]}
}

// property returns a string, "" for values of other types. MS-OLEPS, 2.15.
func property(b []byte, codePage int) string {
	size := int64(le32(b[4:]))
	switch le32(b) {
	case 0x1E:
		s := b[8:min(8+size, int64(len(b)))]
		return strings.TrimRight(Decode(s, codePage), "\x00")
	case 0x1F:
		s := b[8:min(8+2*size, int64(len(b)))]
		return strings.TrimRight(utf16le(s), "\x00")
	}
	return ""
}
