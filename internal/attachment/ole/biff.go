package ole

import (
	"slices"
	"strconv"
	"strings"
)

// The relevant records of a workbook. MS-XLS, 2.3.2.
const (
	biffFormula     = 0x0006
	biffExternSheet = 0x0017
	biffName        = 0x0018
	biffFilePass    = 0x002F
	biffContinue    = 0x003C
	biffBoundSheet  = 0x0085
	biffSST         = 0x00FC
	biffSupBook     = 0x01AE
	biffLink        = 0x01B8
	biffLabel       = 0x0204
	biffRichLabel   = 0x00D6 // of Excel 5
	biffString      = 0x0207
	biffBOF         = 0x0809
)

// macroSheet is the type of a BOF. MS-XLS, 2.4.21.
const macroSheet = 0x0040

// workbook is the state of reading one stream of records.
type workbook struct {
	*reader
	names  []string       // defined names, the first has number 1
	starts map[int]string // sheets by the offset of their records
	ranges []int          // sheets that references to other sheets use
	sheet  string         // current sheet
	macro  bool           // a sheet of macro formulas
	old    bool           // Excel 5 or 95: strings have one byte a character, and no flags
}

// workbook reads the records of a workbook. MS-XLS, 2.1.4: identifier, size, data.
func (r *reader) workbook(b []byte) {
	w := &workbook{reader: r, starts: map[int]string{}}
	unlocked := false
	for pos := 0; pos+4 <= len(b); {
		id, size := le16(b[pos:]), int(le16(b[pos+2:]))
		if size > len(b)-pos-4 {
			return
		}
		data := b[pos+4 : pos+4+size]
		if id == biffFilePass && !unlocked { // the following records are encrypted
			r.doc.Encrypted = true
			if b, unlocked = r.unlockWorkbook(b, data); !unlocked {
				return
			}
		}
		if id == biffSST {
			w.sharedStrings(continued{now: data, rest: b[pos+4+size:]})
		}
		w.record(id, data, pos)
		pos += 4 + size
	}
}

func (w *workbook) record(id uint16, data []byte, pos int) {
	switch id {
	case biffBOF:
		w.old = len(data) >= 2 && le16(data) < 0x0600
		w.macro = len(data) >= 4 && le16(data[2:]) == macroSheet
		w.sheet = w.starts[pos]
	case biffBoundSheet:
		w.boundSheet(data)
	case biffExternSheet:
		if w.old {
			w.oldExchange(data)
			break
		}
		for k := 2; k+6 <= len(data); k += 6 {
			w.ranges = append(w.ranges, int(le16(data[k+2:])))
		}
	case biffFormula:
		w.doc.Formulas++
		w.formula(data)
	case biffName:
		w.definedName(data)
	case biffSupBook:
		w.exchange(data)
	case biffLink:
		w.link(hyperlink(data))
	case biffLabel, biffRichLabel:
		if len(data) > 8 {
			w.text(w.shortString(data[8:], int(le16(data[6:]))))
		}
	case biffString: // the value of the previous formula
		if len(data) > 2 {
			w.text(w.shortString(data[2:], int(le16(data))))
		}
	}
}

// shortString reads a string of n characters, after flags except in Excel 5 and 95.
func (w *workbook) shortString(b []byte, n int) string {
	if w.old {
		return Decode(b[:min(n, len(b))], 1252)
	}
	return shortString(b, n)
}

// oldExchange reads an EXTERNSHEET of Excel 5, which holds service and topic of DDE itself.
func (w *workbook) oldExchange(b []byte) {
	if len(b) < 2 {
		return
	}
	s := strings.TrimLeft(Decode(b[1:min(len(b), 1+int(b[0]))], 1252), "\x00\x01\x02") // marks of encoded names
	if service, topic, ok := strings.Cut(s, "\x03"); ok && len(w.doc.DDE) < w.limits.Items {
		w.doc.DDE = append(w.doc.DDE, service+" "+topic)
	}
}

// boundSheet reads a BoundSheet8. MS-XLS, 2.4.28.
func (w *workbook) boundSheet(b []byte) {
	if len(b) < 8 || len(w.doc.Sheets) >= w.limits.Items {
		return
	}
	s := Sheet{State: "visible", Macro: b[5] == 1}
	switch b[4] & 3 {
	case 1:
		s.State = "hidden"
	case 2:
		s.State = "veryHidden"
	}
	s.Name = w.shortString(b[7:], int(b[6]))
	w.starts[int(le32(b))] = s.Name
	w.doc.Sheets = append(w.doc.Sheets, s)
}

// shortString reads a string of n characters after its flags. MS-XLS, 2.5.240.
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

// builtIn are the names encoded as one character. MS-XLS, 2.5.66.
var builtIn = [...]string{
	"Consolidate_Area", "Auto_Open", "Auto_Close", "Extract", "Database", "Criteria", "Print_Area", "Print_Titles", "Recorder",
	"Data_Form", "Auto_Activate", "Auto_Deactivate", "Sheet_Title", "_FilterDatabase",
}

// definedName reads a Lbl. MS-XLS, 2.4.150. Excel runs every name that begins with that of
// an automatic macro.
func (w *workbook) definedName(b []byte) {
	if len(b) < 16 {
		return
	}
	name := w.shortString(b[14:], int(b[3]))
	if le16(b)&0x20 != 0 && len(name) == 1 && int(name[0]) < len(builtIn) {
		name = builtIn[name[0]]
	}
	if len(w.names) < w.limits.Items {
		w.names = append(w.names, name)
	}
	low := strings.ToLower(name)
	if !strings.HasPrefix(low, "auto_") {
		return
	}
	if strings.HasPrefix(low, "auto_open") || strings.HasPrefix(low, "auto_activate") {
		w.doc.AutoOpen = true
	}
	code := b[min(len(b), 14+int(b[3])):]
	if !w.old {
		code = b[min(len(b), 15+(1+int(b[14]&1))*int(b[3])):]
	}
	w.keepFormula(name, code[:min(len(code), int(le16(b[4:])))])
}

// exchange reads a SupBook. MS-XLS, 2.4.271: in links of dynamic data exchange the
// character 3 separates service and topic.
func (w *workbook) exchange(b []byte) {
	if len(b) < 5 {
		return
	}
	s := shortString(b[4:], int(le16(b[2:])))
	if service, topic, ok := strings.Cut(s, "\x03"); ok && len(w.doc.DDE) < w.limits.Items {
		w.doc.DDE = append(w.doc.DDE, service+" "+topic)
	}
}

// formula reads a Formula. MS-XLS, 2.4.127. Those of macro sheets are programs, and kept.
func (w *workbook) formula(b []byte) {
	if len(b) < 22 {
		return
	}
	code := b[22:]
	code = code[:min(len(code), int(le16(b[20:])))]
	cell := cellName(int(le16(b)), le16(b[2:]))
	if w.sheet != "" {
		cell = w.sheet + "!" + cell
	}
	if w.macro {
		w.keepFormula(cell, code)
	}
}

func (w *workbook) keepFormula(cell string, code []byte) {
	if len(w.doc.MacroFormulas) >= maxFormulas || w.work > maxFormulaWork {
		w.doc.note(OverLimit)
		return
	}
	f := tokens{workbook: w, b: code}
	w.doc.MacroFormulas = append(w.doc.MacroFormulas, Formula{Cell: cell, Text: f.decode()})
}

// Bounds of the formulas kept. Macro sheets of malware reach 10,000 cells.
const (
	maxFormulas    = 20_000
	maxFormulaWork = 16 << 20 // bytes that decoding may write
)

// cellName returns the name of a cell, such as "B3", by its row and column, from 0.
func cellName(row int, col uint16) string {
	name := ""
	for n := int(col&0x3FFF) + 1; n > 0; n = (n - 1) / 26 {
		name = string(rune('A'+(n-1)%26)) + name
	}
	return name + strconv.Itoa(row+1)
}

// hyperlink returns the address in an HLink. MS-XLS, 2.4.140, and MS-OSHARED, 2.3.7.1:
// flags select the display name, frame, moniker and place that follow.
func hyperlink(b []byte) string {
	if len(b) < 32 {
		return ""
	}
	flags := le32(b[28:])
	b = b[32:]
	for _, name := range [...]uint32{0x10, 0x80} { // a display name, and that of a frame
		if flags&name != 0 {
			_, b = countedString(b)
		}
	}
	switch {
	case flags&1 == 0:
		return ""
	case flags&0x100 != 0:
		s, _ := countedString(b)
		return s
	default:
		return moniker(b)
	}
}

// The classes of monikers. MS-OSHARED, 2.3.7.2.
const (
	urlMoniker  = "\xE0\xC9\xEA\x79\xF9\xBA\xCE\x11\x8C\x82\x00\xAA\x00\x4B\xA9\x0B"
	fileMoniker = "\x03\x03\x00\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46"
)

func moniker(b []byte) string {
	if len(b) < 22 {
		return ""
	}
	rest := b[16:]
	switch string(b[:16]) {
	case urlMoniker:
		s := utf16le(rest[4:min(len(rest), 4+int(min(le32(rest), 1<<16)))])
		s, _, _ = strings.Cut(s, "\x00")
		return s
	case fileMoniker: // levels to climb, and an 8-bit path
		s := rest[6:min(len(rest), 6+int(min(le32(rest[2:]), 1<<16)))]
		return strings.TrimRight(Decode(s, 1252), "\x00")
	}
	return ""
}

// countedString reads a string of UTF-16 after its length in characters.
func countedString(b []byte) (string, []byte) {
	if len(b) < 4 {
		return "", nil
	}
	n := min(2*int64(le32(b)), int64(len(b)-4))
	return strings.TrimRight(utf16le(b[4:4+n]), "\x00"), b[4+n:]
}

// sharedStrings reads an SST, which continues in further records. MS-XLS, 2.4.265.
func (w *workbook) sharedStrings(c continued) {
	c.take(8)
	for range w.limits.Text / 2 { // no string takes less than its line
		head := c.take(3)
		if len(head) < 3 {
			return
		}
		runs, ext := 0, 0
		if head[2]&8 != 0 {
			runs = int(le16(pad(c.take(2), 2)))
		}
		if head[2]&4 != 0 {
			ext = int(min(le32(pad(c.take(4), 4)), 1<<20))
		}
		w.text(c.chars(int(le16(head)), head[2]&1 != 0))
		c.skip(4*runs + ext)
	}
}

func pad(b []byte, n int) []byte {
	return append(slices.Clone(b), make([]byte, n)...)
}

// continued reads data that continues in Continue records.
type continued struct {
	now  []byte
	rest []byte // of the stream, after the current record
}

// more continues in the next record, if it continues this one.
func (c *continued) more() bool {
	if len(c.rest) < 4 || le16(c.rest) != biffContinue {
		return false
	}
	size := min(int(le16(c.rest[2:])), len(c.rest)-4)
	c.now, c.rest = c.rest[4:4+size], c.rest[4+size:]
	return true
}

// take returns the next n bytes, which are never split between records, or fewer at the
// end.
func (c *continued) take(n int) []byte {
	for len(c.now) == 0 {
		if !c.more() {
			return nil
		}
	}
	b := c.now[:min(n, len(c.now))]
	c.now = c.now[len(b):]
	return b
}

func (c *continued) skip(n int) {
	for n > 0 {
		b := c.take(n)
		if len(b) == 0 {
			return
		}
		n -= len(b)
	}
}

// chars reads n characters. A continuation begins with new flags.
func (c *continued) chars(n int, wide bool) string {
	var out strings.Builder
	for n > 0 {
		if len(c.now) == 0 {
			if !c.more() || len(c.now) == 0 {
				break
			}
			wide, c.now = c.now[0]&1 != 0, c.now[1:]
			continue
		}
		if wide {
			b := c.take(2 * n)
			n -= (len(b) + 1) / 2
			out.WriteString(utf16le(b))
		} else {
			b := c.take(n)
			n -= len(b)
			out.WriteString(Decode(b, 1252))
		}
	}
	return out.String()
}
