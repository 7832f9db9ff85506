package ole

import (
	"strings"
)

// Places in the FIB. MS-DOC, 2.5.1 to 2.5.6: three arrays follow its fixed part, each
// after its length.
const (
	fibBase  = 32
	pairClx  = 33 // index of the piece table among the pairs of offset and size
	wordFlag = 10 // of the flags
)

// word reads the flags of a document, and its text. MS-DOC, 2.5.2: fEncrypted.
func (r *reader) word(e entry) {
	b := e.data
	if len(b) < fibBase {
		return
	}
	flags := le16(b[wordFlag:])
	table := e.dir + "0Table"
	if flags&0x0200 != 0 {
		table = e.dir + "1Table"
	}
	t := r.find(table)
	if flags&0x0100 != 0 {
		var ok bool
		r.doc.Encrypted = true
		if b, t, ok = r.unlockWord(b, t); !ok {
			return
		}
	}
	at, size := clx(b)
	if size <= 0 || at >= int64(len(t)) {
		return
	}
	w := wordText{reader: r}
	r.pieces(b, t[at:min(at+size, int64(len(t)))], w.write)
	r.text(w.out.String())
}

// clx returns where the piece table is in the table stream.
func clx(b []byte) (at, size int64) {
	pos := fibBase
	for _, unit := range [...]int{2, 4} { // FibRgW, FibRgLw
		if pos+2 > len(b) {
			return 0, 0
		}
		pos += 2 + unit*int(le16(b[pos:]))
	}
	pos += 2 + 8*pairClx
	if pos+8 > len(b) || int(le16(b[pos-8*pairClx-2:])) <= pairClx {
		return 0, 0
	}
	return int64(le32(b[pos:])), int64(le32(b[pos+4:]))
}

// pieces calls f for the text of each piece. MS-DOC, 2.9.38: property changes precede the
// table, which lists first the text positions and then the file positions.
func (r *reader) pieces(b, clx []byte, f func(string)) {
	for len(clx) >= 3 && clx[0] == 1 {
		clx = clx[min(len(clx), 3+int(le16(clx[1:]))):]
	}
	if len(clx) < 5 || clx[0] != 2 {
		return
	}
	plc := clx[5:]
	plc = plc[:min(int64(len(plc)), int64(le32(clx[1:])))]
	n := (len(plc) - 4) / 12
	left := r.limits.Text
	for k := range max(n, 0) {
		chars := int64(le32(plc[4*k+4:])) - int64(le32(plc[4*k:]))
		if chars <= 0 || left <= 0 || r.left <= 0 {
			continue
		}
		s := piece(b, le32(plc[4*(n+1)+8*k+2:]), min(chars, int64(left)))
		left -= len(s)
		r.left -= int64(len(s))
		f(s)
	}
}

// piece returns the text of a piece. MS-DOC, 2.9.73: bit 30 of the position means 8-bit
// text at half of it.
func piece(b []byte, fc uint32, chars int64) string {
	at, wide := int64(fc&0x3FFFFFFF), fc&0x40000000 == 0
	if !wide {
		at /= 2
	} else {
		chars *= 2
	}
	if at >= int64(len(b)) {
		return ""
	}
	b = b[at:min(at+chars, int64(len(b)))]
	if wide {
		return utf16le(b)
	}
	return Decode(b, 1252)
}

// wordText separates visible text from the instructions of fields. MS-DOC, 2.8.25: the
// characters 19, 20 and 21 begin a field, its result, and its end.
type wordText struct {
	reader *reader
	out    strings.Builder
	fields []*strings.Builder // open instructions; nil in a result
}

// maxFields bounds nested fields; honest ones reach four.
const maxFields = 32

func (w *wordText) write(s string) {
	for _, c := range s {
		switch c {
		case 19:
			if len(w.fields) < maxFields {
				w.fields = append(w.fields, &strings.Builder{})
			}
		case 20, 21:
			w.instruction(c == 21)
		default:
			w.char(c)
		}
	}
}

// instruction ends the instruction of the innermost field, and the field at its end.
func (w *wordText) instruction(end bool) {
	k := len(w.fields) - 1
	if k < 0 {
		return
	}
	if w.fields[k] != nil {
		w.reader.field(w.fields[k].String())
		w.fields[k] = nil
	}
	if end {
		w.fields = w.fields[:k]
	}
}

func (w *wordText) char(c rune) {
	to := &w.out
	for _, f := range w.fields { // text inside an instruction belongs to it
		if f != nil {
			to = f
			break
		}
	}
	switch {
	case c == '\r' || c == '\v' || c == '\f':
		c = '\n'
	case c == 7: // the end of a cell
		c = '\t'
	case c == 30:
		c = '-'
	case c < ' ' && c != '\t' && c != '\n':
		return
	}
	if to == &w.out || to.Len() < 4096 {
		to.WriteRune(c)
	}
}

// fetching are the fields that load or start something.
var fetching = map[string]bool{
	"DATABASE": true, "DDE": true, "DDEAUTO": true, "IMPORT": true, "INCLUDE": true, "INCLUDEPICTURE": true, "INCLUDETEXT": true,
	"LINK": true, "MACROBUTTON": true, "RD": true,
}

// field keeps the instruction of a field, or the address of a link.
func (r *reader) field(code string) {
	code = strings.TrimSpace(code)
	kind, rest, _ := strings.Cut(code, " ")
	kind = strings.ToUpper(kind)
	switch {
	case kind == "HYPERLINK":
		r.link(fieldAddress(rest))
	case fetching[kind]:
		r.action(kind, code)
	}
}

// fieldAddress returns the first argument that is no switch: \l, \o and \t have their own
// arguments, which are a place, a hint, and a frame.
func fieldAddress(s string) string {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] == '"' {
			word, _, _ := strings.Cut(s[1:], `"`)
			return word
		}
		word, rest, _ := strings.Cut(s, " ")
		if !strings.HasPrefix(word, `\`) || strings.HasPrefix(word, `\\`) {
			return word
		}
		if s = strings.TrimSpace(rest); word != `\n` && word != `\m` && strings.HasPrefix(s, `"`) {
			_, s, _ = strings.Cut(s[1:], `"`)
		}
	}
	return ""
}

// link keeps an address.
func (r *reader) link(s string) {
	switch {
	case s == "":
	case len(r.doc.Links) >= r.limits.Items:
		r.doc.note(OverLimit)
	default:
		r.doc.Links = append(r.doc.Links, s)
	}
}

func (r *reader) action(kind, target string) {
	if len(r.doc.Actions) >= r.limits.Items {
		r.doc.note(OverLimit)
		return
	}
	r.doc.Actions = append(r.doc.Actions, Action{kind, target})
}

// text appends to the text of the document, one line per call.
func (r *reader) text(s string) {
	if s == "" {
		return
	}
	if r.shown.Len()+len(s) >= r.limits.Text {
		r.doc.note(OverLimit)
		s = s[:max(0, r.limits.Text-r.shown.Len()-1)]
	}
	if s != "" {
		r.shown.WriteString(s)
		r.shown.WriteByte('\n')
	}
}
