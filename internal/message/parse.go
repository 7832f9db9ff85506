package message

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"outrider/internal/budget"
)

// maxReadings bounds the parts of one message that are read a second time. Honest mail
// needs none; each costs another pass over its part.
const maxReadings = 6

// maxLine is the longest line in octets, without its end.
// RFC 5322, Section 2.1.1: lines must have at most 998 characters.
const maxLine = 998

// parser holds the shared state of all scans of one message.
type parser struct {
	budget   *budget.Budget
	root     *Message
	defects  defects
	extras   map[*Part][]*Part // parts that follow the key in reading order, without being its children
	wanted   []wish            // pending second readings
	readings int               // second readings begun or pending
	flats    int               // parts that were read flat
	unsealed int               // S/MIME objects whose content was read
	work     int               // bytes examined
}

// wish is a pending second reading.
type wish struct {
	part    *Part
	variant variant
}

// Parse parses raw, which must not change afterwards. It never fails; tolerated deviations
// are in Defects, and content beyond b stays unread. A nil budget means a fresh one with
// default limits.
func Parse(raw []byte, b *budget.Budget) *Message {
	if b == nil {
		b = budget.New(budget.Default())
	}
	m := &Message{Raw: raw}
	p := &parser{budget: b, root: m}
	p.checkLines(raw)
	m.Root = &Part{msg: m, budget: b, Reading: 1}
	b.Spend(budget.Parts, 1)
	p.scanAll(m.Root, m, Range{0, len(raw)}, variant{})
	m.Parts = p.flatten(m.Root)
	m.Defects = p.defects.done()
	m.work = p.work
	return m
}

// scanAll scans top within r of the bytes of m, then the content of its leaves, then the
// requested second readings.
func (p *parser) scanAll(top *Part, m *Message, r Range, v variant) {
	s := &scanner{parser: p, msg: m, raw: m.Raw, end: r.To, reading: top.Reading, variant: v, top: top}
	s.scan(r.From)
	for _, leaf := range s.leaves {
		p.examine(leaf)
	}
	if top.Reading == 1 {
		p.readAgain()
	}
}

// defect records one deviation of the part.
func (p *parser) defect(kind DefectKind, part *Part, offset int, detail string) {
	if part.msg != p.root {
		offset = part.msg.base
	}
	p.defects.add(kind, offset, part, detail)
}

// again requests a second reading of the part.
func (p *parser) again(part *Part, v variant) {
	if part.Reading != 1 {
		return
	}
	for _, w := range p.wanted {
		if w.part == part {
			return
		}
	}
	if p.readings == maxReadings {
		p.defect(DefectManyReadings, part, part.Raw.From, "")
		return
	}
	p.readings++
	p.wanted = append(p.wanted, wish{part, v})
}

// readAgain begins the pending second readings.
func (p *parser) readAgain() {
	wanted := p.wanted
	p.wanted = nil
	for _, w := range wanted {
		if !p.budget.Spend(budget.Parts, 1) {
			p.defect(DefectTooManyParts, w.part, w.part.Raw.From, "second reading")
			return
		}
		msg, r := w.part.msg, w.part.Raw
		if w.variant.undo {
			if msg = p.undo(w.part); msg == nil {
				continue
			}
			r = Range{0, len(msg.Raw)}
		}
		top := &Part{
			Parent: w.part.Parent, Depth: w.part.Depth, msg: msg, budget: p.budget,
			Path: w.part.Path + secondSuffix, Reading: 2,
		}
		p.attach(w.part, top)
		p.scanAll(top, msg, r, w.variant)
	}
}

// undo returns the decoded bytes of a transfer-encoded multipart, after its header section,
// or nil.
func (p *parser) undo(part *Part) *Message {
	encoding, _ := transferEncoding(part.Header.Get("Content-Transfer-Encoding"), false)
	encoded := &Part{msg: part.msg, budget: p.budget, Body: part.Body, Encoding: encoding}
	body := encoded.Decoded()
	if body == nil {
		return nil
	}
	header := part.msg.Raw[part.Raw.From:part.Body.From]
	return &Message{Raw: slices.Concat(header, body), base: p.place(part)}
}

// place returns the offset of the body of part in the outermost message, or of the body
// that it was decoded from.
func (p *parser) place(part *Part) int {
	if part.msg != p.root {
		return part.msg.base
	}
	return part.Body.From
}

// newPart adds a part to parent, if the budget allows one more. Its offsets belong
// to m.
func (p *parser) newPart(parent *Part, m *Message) (*Part, bool) {
	if !p.budget.Spend(budget.Parts, 1) {
		return nil, false
	}
	part := &Part{Parent: parent, Depth: parent.Depth + 1, msg: m, budget: p.budget, Reading: parent.Reading}
	parent.Children = append(parent.Children, part)
	part.Path = childPath(parent.Path, strconv.Itoa(len(parent.Children)))
	return part, true
}

// attach puts part after first in reading order.
func (p *parser) attach(first, part *Part) {
	if p.extras == nil {
		p.extras = make(map[*Part][]*Part)
	}
	p.extras[first] = append(p.extras[first], part)
}

// flatten lists all parts in reading order.
func (p *parser) flatten(root *Part) []*Part {
	if len(root.Children) == 0 && len(p.extras) == 0 {
		return []*Part{root}
	}
	l := lister{extras: p.extras}
	l.walk(root)
	return l.parts
}

// lister puts parts into reading order. It leaves out leaves of second readings that
// another reading has as well.
type lister struct {
	parts  []*Part
	extras map[*Part][]*Part
	known  map[leafKey]bool
	paths  map[string]bool
}

func (l *lister) walk(p *Part) {
	if len(l.extras) == 0 || l.fresh(p) {
		l.parts = append(l.parts, p)
	}
	for _, child := range p.Children {
		l.walk(child)
	}
	for _, extra := range l.extras[p] {
		l.walk(extra)
	}
}

// fresh reports whether p belongs in the list, and makes its path unique: the second
// readings of a part and of its parent may have parts with the same number.
func (l *lister) fresh(p *Part) bool {
	if l.known == nil {
		l.known, l.paths = make(map[leafKey]bool), make(map[string]bool)
	}
	key := keyOf(p)
	if p.Reading > 1 && len(p.Children) == 0 && l.known[key] {
		return false
	}
	l.known[key] = true
	base, _ := strings.CutSuffix(p.Path, secondSuffix)
	for n := 3; l.paths[p.Path]; n++ {
		p.Path = base + "~" + strconv.Itoa(n)
	}
	l.paths[p.Path] = true
	return true
}

// leafKey identifies the visible content of a leaf.
type leafKey struct {
	msg                          *Message
	body                         Range
	mediaType, encoding, charset string
	cautious                     bool
}

func keyOf(p *Part) leafKey {
	return leafKey{p.msg, p.Body, p.MediaType, p.Encoding, p.Charset, p.cautious}
}

// secondSuffix marks paths of second readings.
const secondSuffix = "~2"

// childPath appends one number to the path of a part.
func childPath(parent, number string) string {
	parent, second := strings.CutSuffix(parent, secondSuffix)
	parent = strings.TrimSuffix(strings.TrimSuffix(parent, "TEXT"), ".")
	if parent != "" {
		number = parent + "." + number
	}
	if second {
		number += secondSuffix
	}
	return number
}

// textPath returns the path of a multipart that is the message embedded in parent.
func textPath(parent string) string {
	return childPath(parent, "TEXT")
}

// checkLines reports defects of line ends and lengths, each at its first place and with its
// count.
func (p *parser) checkLines(raw []byte) {
	var bare, long lineFlaw
	crlf := 0
	for pos := 0; pos < len(raw); {
		eol := lineEnd(raw, pos, len(raw))
		content := trimEOL(raw, pos, eol)
		switch eol - content {
		case 2:
			crlf++
		case 1:
			bare.at(content)
		}
		if content-pos > maxLine {
			long.at(pos)
		}
		pos = eol
	}
	p.flaw(DefectBareLF, bare)
	p.flaw(DefectLongLine, long)
	if n := bytes.Count(raw, []byte{'\r'}); n > crlf {
		p.flaw(DefectBareCR, lineFlaw{count: n - crlf, first: bareCR(raw)})
	}
	if i := bytes.IndexByte(raw, 0); i >= 0 {
		p.flaw(DefectNUL, lineFlaw{count: bytes.Count(raw, []byte{0}), first: i})
	}
}

// lineFlaw counts one kind of defect.
type lineFlaw struct{ count, first int }

func (f *lineFlaw) at(offset int) {
	if f.count == 0 {
		f.first = offset
	}
	f.count++
}

func (p *parser) flaw(kind DefectKind, f lineFlaw) {
	if f.count > 0 {
		p.defects.add(kind, f.first, nil, "seen "+strconv.Itoa(f.count)+" times")
	}
}

// bareCR returns the offset of the first CR without an LF.
func bareCR(raw []byte) int {
	for i := 0; i < len(raw); i++ {
		n := bytes.IndexByte(raw[i:], '\r')
		if n < 0 {
			break
		}
		i += n
		if i+1 == len(raw) || raw[i+1] != '\n' {
			return i
		}
	}
	return len(raw)
}

const (
	ones     = 0x0101010101010101
	highBits = 0x80 * ones
)

// oddBytes returns the offsets of the first byte above 127 and of the first control
// character that is neither tab nor part of a line end, or -1. It checks eight bytes at
// once.
func oddBytes(b []byte) (eight, control int) {
	eight, control = -1, -1
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		if (x|(x-0x20*ones)|(x+ones))&highBits == 0 {
			continue
		}
		if eight, control = oddIn(b, i, i+8, eight, control); eight >= 0 && control >= 0 {
			return eight, control
		}
	}
	return oddIn(b, i, len(b), eight, control)
}

// oddIn checks the bytes from offset from to offset to.
func oddIn(b []byte, from, to, eight, control int) (int, int) {
	for i, c := range b[from:to] {
		switch oddClass[c] {
		case 0:
		case 1:
			if control < 0 {
				control = from + i
			}
		default:
			if eight < 0 {
				eight = from + i
			}
		}
	}
	return eight, control
}

// oddClass is 1 for control characters that are neither tab nor part of a line end,
// and 2 for bytes above 127.
var oddClass = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= 0x80:
			t[c] = 2
		case c < ' ' && c != '\t' && c != '\r' && c != '\n', c == 0x7f:
			t[c] = 1
		}
	}
	return t
}()

// hasEightBit reports whether b has bytes above 127.
func hasEightBit(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&highBits != 0 {
			return true
		}
	}
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}
