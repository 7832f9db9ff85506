package rtf

import (
	"bytes"
	"strings"
	"unicode/utf16"

	"outrider/internal/attachment/ole"
)

// unwrapper extracts the HTML that Outlook encapsulated in a document. MS-OXRTFEX, 2.2:
// tags are in separate groups, text is between them, and content only for RTF readers
// follows \htmlrtf.
type unwrapper struct {
	data     []byte
	pos      int
	codePage int
	now      wrap
	stack    []wrap
	deep     int
	most     int    // nested groups
	skip     int    // remaining substitute characters of \u
	optional bool   // \* was read
	pending  []byte // of the code page
	units    []uint16
	out      bytes.Buffer
	left     int
}

// wrap is the state that a group opens and restores.
type wrap struct {
	hidden bool // of a destination without HTML
	rtf    bool // between \htmlrtf and \htmlrtf0
	uc     int
}

// fromHTML reports whether the first words of the document declare encapsulated HTML.
// MS-OXRTFEX, 2.1.1.
func fromHTML(data []byte) bool {
	return bytes.Contains(data[:min(len(data), 512)], []byte(`\fromhtml1`))
}

// unwrap returns the HTML in a document as UTF-8.
func unwrap(data []byte, l Limits) []byte {
	u := &unwrapper{data: data, codePage: 1252, left: l.Text, most: l.Nesting, now: wrap{uc: 1}}
	for u.pos < len(u.data) && u.left > 0 {
		c := u.data[u.pos]
		u.pos++
		switch c {
		case '{':
			u.open()
		case '}':
			u.close()
		case '\\':
			u.control()
		case '\r', '\n':
		default:
			u.char(c)
		}
	}
	u.flush()
	return u.out.Bytes()
}

func (u *unwrapper) open() {
	u.optional = false
	if len(u.stack) >= u.most {
		u.deep++
		return
	}
	u.stack = append(u.stack, u.now)
}

func (u *unwrapper) close() {
	u.optional = false
	switch {
	case u.deep > 0:
		u.deep--
	case len(u.stack) > 0:
		u.now = u.stack[len(u.stack)-1]
		u.stack = u.stack[:len(u.stack)-1]
	}
}

// shows reports whether the current text belongs to the HTML.
func (u *unwrapper) shows() bool { return !u.now.hidden && !u.now.rtf && u.deep == 0 }

// control reads a control word or symbol.
func (u *unwrapper) control() {
	if u.pos >= len(u.data) {
		return
	}
	if !letter(u.data[u.pos]) {
		u.symbol()
		return
	}
	from := u.pos
	for u.pos < len(u.data) && letter(u.data[u.pos]) {
		u.pos++
	}
	word := string(u.data[from:min(u.pos, from+32)])
	r := reader{data: u.data, pos: u.pos}
	n, given := r.number()
	if u.pos = r.pos; u.pos < len(u.data) && u.data[u.pos] == ' ' {
		u.pos++
	}
	u.word(word, n, given)
}

func (u *unwrapper) symbol() {
	c := u.data[u.pos]
	u.pos++
	switch c {
	case '\'':
		if u.pos+2 <= len(u.data) {
			if high, low := unhex(u.data[u.pos]), unhex(u.data[u.pos+1]); high >= 0 && low >= 0 {
				u.pos += 2
				u.char(byte(high<<4 | low))
			}
		}
	case '*':
		u.optional = true
	case '{', '}', '\\':
		u.char(c)
	case '~':
		u.write("&nbsp;")
	case '_':
		u.write("&shy;")
	}
}

// entities map RTF control words for text to HTML. MS-OXRTFEX, 2.2.2.2.
var entities = map[string]string{
	"par": "\r\n", "line": "\r\n", "tab": "\t", "lquote": "&lsquo;", "rquote": "&rsquo;", "ldblquote": "&ldquo;", "rdblquote": "&rdquo;",
	"bullet": "&bull;", "endash": "&ndash;", "emdash": "&mdash;",
}

// notHTML are destinations without \* in front that are left out.
var notHTML = map[string]bool{"fonttbl": true, "colortbl": true, "stylesheet": true, "info": true, "pntext": true, "pict": true}

func (u *unwrapper) word(word string, n int, given bool) {
	optional := u.optional
	u.optional = false
	switch {
	case word == "bin":
		u.pos = min(len(u.data), u.pos+max(0, n))
	case u.deep > 0:
	case word == "htmltag":
		u.now.hidden, u.now.rtf = false, false
	case optional || notHTML[word]:
		u.now.hidden = true
	case word == "htmlrtf":
		u.now.rtf = !given || n != 0
	case word == "ansicpg":
		u.codePage = n
	case word == "uc":
		u.now.uc = max(0, min(n, 16))
	case word == "u":
		if u.shows() {
			u.flushBytes()
			u.units = append(u.units, uint16(n))
		}
		u.skip = u.now.uc
	default:
		u.write(entities[word])
	}
}

func (u *unwrapper) char(c byte) {
	u.optional = false
	switch {
	case u.skip > 0:
		u.skip--
	case u.shows():
		u.flushUnits()
		u.pending = append(u.pending, c)
	}
}

func (u *unwrapper) write(s string) {
	u.skip = 0
	if s != "" && u.shows() {
		u.flush()
		u.put(s)
	}
}

func (u *unwrapper) put(s string) {
	s = strings.ToValidUTF8(s[:min(len(s), u.left)], "") // drop a truncated letter
	u.left = max(0, u.left-max(1, len(s)))
	u.out.WriteString(s)
}

func (u *unwrapper) flush() {
	u.flushUnits()
	u.flushBytes()
}

func (u *unwrapper) flushUnits() {
	if len(u.units) > 0 {
		u.put(string(utf16.Decode(u.units)))
		u.units = u.units[:0]
	}
}

func (u *unwrapper) flushBytes() {
	if len(u.pending) > 0 {
		u.put(ole.Decode(u.pending, u.codePage))
		u.pending = u.pending[:0]
	}
}
