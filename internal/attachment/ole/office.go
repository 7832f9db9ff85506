package ole

import (
	"bytes"
	"compress/zlib"
	"io"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/htmlindex"
)

// codePages names code pages of Windows as the encoding standard does; others are read as
// Windows-1252.
var codePages = map[int]string{
	932: "shift_jis", 936: "gbk", 949: "euc-kr", 950: "big5", 874: "windows-874", 1250: "windows-1250", 1251: "windows-1251",
	1253: "windows-1253", 1254: "windows-1254", 1255: "windows-1255", 1256: "windows-1256", 1257: "windows-1257", 1258: "windows-1258",
}

// Decode converts text of a code page of Windows to UTF-8, that of unknown ones as if it
// were Windows-1252.
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

// word reads the flags of a document. MS-DOC, 2.5.2: fEncrypted.
func (r *reader) word(b []byte) {
	if len(b) >= 12 && le16(b[10:])&0x0100 != 0 {
		r.doc.Encrypted = true
	}
}

// workbook reads the records of a workbook. MS-XLS, 2.1.4: identifier, size, data.
func (r *reader) workbook(b []byte) {
	for len(b) >= 4 {
		id, size := le16(b), int(le16(b[2:]))
		if size > len(b)-4 {
			return
		}
		data := b[4 : 4+size]
		b = b[4+size:]
		switch id {
		case 0x002F: // FilePass: the records after it are encrypted
			r.doc.Encrypted = true
		case 0x0085:
			r.sheet(data)
		case 0x0006:
			r.doc.Formulas++
		case 0x0018:
			r.definedName(data)
		case 0x01AE:
			r.link(data)
		}
	}
}

// sheet reads a BoundSheet8. MS-XLS, 2.4.28.
func (r *reader) sheet(b []byte) {
	if len(b) < 8 || len(r.doc.Sheets) >= r.limits.Items {
		return
	}
	s := Sheet{State: "visible", Macro: b[5] == 1}
	switch b[4] & 3 {
	case 1:
		s.State = "hidden"
	case 2:
		s.State = "veryHidden"
	}
	s.Name = shortString(b[7:], int(b[6]))
	r.doc.Sheets = append(r.doc.Sheets, s)
}

// shortString reads a string of n characters behind its flags. MS-XLS, 2.5.240.
func shortString(b []byte, n int) string {
	if len(b) == 0 {
		return ""
	}
	wide, b := b[0]&1 != 0, b[1:]
	if wide {
		return utf16le(b[:min(2*n, len(b))])
	}
	return Decode(b[:min(n, len(b))], 1252)
}

// definedName reads a Lbl. MS-XLS, 2.4.150: built-in names are one character, and 1 is
// Auto_Open.
func (r *reader) definedName(b []byte) {
	if len(b) < 16 {
		return
	}
	name := shortString(b[14:], int(b[3]))
	builtin := le16(b)&0x20 != 0
	if builtin && name == "\x01" || strings.HasPrefix(strings.ToLower(name), "auto_open") {
		r.doc.AutoOpen = true
	}
}

// link reads a SupBook. MS-XLS, 2.5.277: in links of dynamic data exchange the character 3
// stands between service and topic.
func (r *reader) link(b []byte) {
	if len(b) < 5 {
		return
	}
	s := shortString(b[4:], int(le16(b[2:])))
	if service, topic, ok := strings.Cut(s, "\x03"); ok && len(r.doc.DDE) < r.limits.Items {
		r.doc.DDE = append(r.doc.DDE, service+" "+topic)
	}
}

// slides reads the records of a presentation for the compound files which they hold:
// macros and embedded objects. MS-PPT, 2.3.1: containers are entered by going on behind
// their header.
func (r *reader) slides(b []byte) {
	var within uint16 // the container that was entered last
	var click string  // kind of the action whose name comes next
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
		case 0x0FBA: // CString
			r.slideString(data, within, version>>4, click)
			click = ""
		}
	}
}

// clickKind returns what a click does. MS-PPT, 2.8.7: the ninth byte is the action.
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
	if r.nested { // presentations do not hold presentations this way
		return
	}
	inner := &reader{doc: r.doc, limits: r.limits, left: r.left, nested: true}
	streams, modules := len(r.doc.Streams), len(r.doc.Modules)
	inner.read(b)
	r.left = inner.left
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

// mail reads a message. MS-OXMSG, 2.1: a stream per property, named by tag and type, and a
// storage per attachment.
func (r *reader) mail() {
	m := &Mail{}
	r.doc.Mail = m
	files := map[string]*File{}
	var order []string
	for _, e := range r.entries {
		tag, ok := strings.CutPrefix(strings.ToLower(e.name), "__substg1.0_")
		if !ok || len(tag) < 8 {
			continue
		}
		switch {
		case e.dir == "":
			r.field(m, tag, e.data)
		case strings.HasPrefix(e.dir, "__attach_version1.0_#") && strings.Count(e.dir, "/") == 1:
			if files[e.dir] == nil {
				files[e.dir] = &File{}
				order = append(order, e.dir)
			}
			attachment(files[e.dir], tag, e.data)
		}
	}
	for _, dir := range order[:min(len(order), r.limits.Items)] {
		m.Attachments = append(m.Attachments, *files[dir])
	}
}

// text returns the value of a property: UTF-16, or 8-bit text.
func text(tag string, b []byte) string {
	if tag[4:8] == "001f" {
		return strings.TrimRight(utf16le(b), "\x00")
	}
	return strings.TrimRight(Decode(b, 1252), "\x00")
}

// field keeps a property of the message. MS-OXPROPS names the tags.
func (r *reader) field(m *Mail, tag string, b []byte) {
	if len(b) > r.limits.Text {
		r.doc.note(OverLimit)
		b = b[:r.limits.Text]
	}
	switch tag[:4] {
	case "0037":
		m.Subject = text(tag, b)
	case "0c1a":
		m.SenderName = text(tag, b)
	case "0c1f":
		if m.Sender == "" {
			m.Sender = text(tag, b)
		}
	case "5d01": // the address of SMTP, where 0C1F is one of the directory
		m.Sender = text(tag, b)
	case "0e04":
		m.To = text(tag, b)
	case "007d":
		m.Headers = text(tag, b)
	case "1000":
		m.Text = text(tag, b)
	case "1013":
		m.HTML = b
	}
}

// attachment keeps a property of an attachment; the long name wins over the short one.
func attachment(f *File, tag string, b []byte) {
	switch tag[:8] {
	case "3707001f", "3707001e":
		f.Name = text(tag, b)
	case "3704001f", "3704001e":
		if f.Name == "" {
			f.Name = text(tag, b)
		}
	case "37010102":
		f.Data = b
	}
}
