package message

import (
	"cmp"
	"strings"
)

// Bounds on the fields of one name.
const (
	// MaxMailboxes bounds the parsed addresses: more than any server accepts as recipients
	// of one message.
	MaxMailboxes = 2000
	// maxWords bounds the kept words without "@" of one element, and those with it.
	maxWords = MaxMailboxes
)

// Mailboxes returns the addresses of all fields of that name. It parses everything that
// clients manage to show, however broken: no text that looks like an address is left out,
// up to MaxMailboxes.
func (h *Header) Mailboxes(name string) []Mailbox {
	var boxes []Mailbox
	for i := range h.Fields {
		if h.is(i, name) && len(boxes) < MaxMailboxes {
			boxes = appendMailboxes(boxes, h.unfold(i), false)
		}
	}
	return boxes
}

// ParseMailboxes parses an address list as Header.Mailboxes does.
func ParseMailboxes(list string) []Mailbox { return appendMailboxes(nil, list, false) }

// boxReader parses one address list in one pass.
type boxReader struct {
	s       string
	pos     int
	boxes   []Mailbox
	group   string
	words   wordReader
	literal bool // a comment is unterminated: "(" is an ordinary character
	noQuote bool // a quote is unterminated
	inner   bool // s came from an encoded-word: do not decode again

	phrase  []piece // words of the element before its address
	comment string  // last comment of the element
	seen    bool    // the element has an address in angle brackets
	spaced  bool    // white space precedes the next piece
}

// piece is one word of an element.
type piece struct {
	text   string
	raw    string // as written, quotes included
	quoted bool
	spaced bool // preceded by white space
}

func appendMailboxes(boxes []Mailbox, list string, inner bool) []Mailbox {
	r := boxReader{s: list, boxes: boxes, inner: inner}
	for r.pos < len(r.s) && len(r.boxes) < MaxMailboxes {
		r.step()
	}
	r.element()
	return r.boxes[:min(len(r.boxes), MaxMailboxes)]
}

// step parses one token. RFC 5322, Sections 3.4 and 4.4.
func (r *boxReader) step() {
	switch c := r.s[r.pos]; c {
	case ' ', '\t':
		r.spaced = true
		r.pos++
	case ',':
		r.element()
		r.pos++
	case ';':
		r.element()
		r.group = ""
		r.pos++
	case ':':
		r.startGroup()
	case '"':
		r.quoted()
	case '(':
		r.readComment()
	case '<':
		r.angle()
	case '>':
		r.pos++
	default:
		r.atom()
	}
}

// quoted parses a quoted string. An unterminated quote is text: it must not hide the
// addresses after it.
func (r *boxReader) quoted() {
	if !r.noQuote {
		if value, n, closed := unquote(r.s[r.pos:]); closed {
			r.piece(value, n, true)
			return
		}
	}
	r.noQuote = true
	r.pos++
}

// piece adds a word of n bytes.
func (r *boxReader) piece(text string, n int, quoted bool) {
	p := piece{text: text, raw: r.s[r.pos : r.pos+n], quoted: quoted, spaced: r.spaced}
	if r.room(text) {
		r.phrase = append(r.phrase, p)
	} else {
		r.phrase[len(r.phrase)-1] = p
	}
	r.spaced = false
	r.pos += n
}

// room reports whether a word can be kept. At the limit, the last word is replaced unless
// it is part of an address: no name has that many words.
func (r *boxReader) room(text string) bool {
	n := len(r.phrase)
	return n < maxWords || n < 2*maxWords && (strings.HasPrefix(text, "@") || strings.Contains(r.phrase[n-1].text, "@"))
}

// atom parses up to the next special character. An encoded-word is one atom, even if its
// text has forbidden characters.
func (r *boxReader) atom() {
	if w, ok := r.words.at(r.s[r.pos:]); ok {
		r.piece(r.s[r.pos:r.pos+w.length], w.length, false)
		return
	}
	n := 1
	for r.pos+n < len(r.s) && !strings.ContainsRune(" \t,;:\"<>", rune(r.s[r.pos+n])) {
		if c := r.s[r.pos+n]; c == '(' && !r.literal || c == '=' && strings.HasPrefix(r.s[r.pos+n:], "=?") {
			break
		}
		n++
	}
	// An address literal has colons: a@[IPv6:2001:db8::1].
	if at := strings.LastIndex(r.s[r.pos:r.pos+n], "@["); at >= 0 {
		if end := strings.IndexByte(r.s[r.pos+at:min(len(r.s), r.pos+at+maxLiteral)], ']'); end >= 0 {
			n = max(n, at+end+1)
		}
	}
	r.piece(r.s[r.pos:r.pos+n], n, false)
}

// maxLiteral bounds the length of an address literal, in bytes.
const maxLiteral = 64

// startGroup uses the words before a colon as the name of a group, unless they are an
// address or part of a source route.
func (r *boxReader) startGroup() {
	r.pos++
	if r.hasAt() {
		r.element()
		return
	}
	r.group = r.name()
	r.reset()
}

// readComment keeps a comment, which may be nested. An unterminated comment is text.
func (r *boxReader) readComment() {
	n := 0
	if !r.literal {
		n = commentEnd(r.s[r.pos:])
	}
	if n == 0 {
		r.literal = true
		r.spaced = true
		r.pos++
		return
	}
	if inner := strings.TrimSpace(r.s[r.pos+1 : r.pos+n-1]); inner != "" {
		r.comment = inner
	}
	r.pos += n
}

// angle parses an address in angle brackets. An unterminated bracket ends at the next
// comma.
func (r *boxReader) angle() {
	rest := r.s[r.pos+1:]
	n, next := r.angleEnd(rest)
	r.pos += 1 + next
	inner := strings.TrimSpace(rest[:n])
	if inner == "" {
		return
	}
	r.seen = r.add(inner, r.name())
	r.phrase = r.phrase[:0]
}

// angleEnd returns the length of the address at the start of s, and the next offset.
// Brackets in quoted strings and comments do not count.
func (r *boxReader) angleEnd(s string) (n, next int) {
	for n < len(s) {
		switch s[n] {
		case '>':
			return n, n + 1
		case '<':
			return n, n
		case '"', '(':
			n += r.skipOpaque(s[n:])
		default:
			n++
		}
	}
	if n = strings.IndexByte(s, ','); n < 0 {
		n = len(s)
	}
	return n, n
}

// skipOpaque returns the length of the quoted string or comment at the start of s, or 1 if
// it is unterminated and thus an ordinary character.
func (r *boxReader) skipOpaque(s string) int {
	if s[0] == '"' && !r.noQuote {
		_, n, closed := unquote(s)
		if closed {
			return n
		}
		r.noQuote = true
	}
	if s[0] == '(' && !r.literal {
		if n := commentEnd(s); n > 0 {
			return n
		}
		r.literal = true
	}
	return 1
}

// element ends one element of the list. Without brackets, its words with "@" are addresses
// and the others its name.
func (r *boxReader) element() {
	if !r.seen && (len(r.phrase) > 0 || r.comment != "") {
		r.bareElement()
	} else if r.seen && len(r.boxes) > 0 {
		r.trailing()
	}
	r.reset()
}

// trailing handles words after an address in brackets: addresses among them count, and a
// comment becomes the name of an address without one.
func (r *boxReader) trailing() {
	if last := &r.boxes[len(r.boxes)-1]; last.Name == "" && r.comment != "" {
		last.Name = decodeText(r.comment)
	}
	for _, p := range r.joined() {
		if !p.quoted && isAddress(p.text) {
			r.addBare(p)
		}
	}
}

// add keeps one mailbox and reports whether it is non-empty.
func (r *boxReader) add(addr, name string) bool {
	box := r.box(addr)
	box.Name = name
	if box.Name == "" && box.Local == "" && box.Domain == "" {
		return false
	}
	r.boxes = append(r.boxes, box)
	return true
}

func (r *boxReader) bareElement() {
	var rest []piece
	first := len(r.boxes)
	for _, p := range r.joined() {
		if isAddress(p.text) && !strings.HasPrefix(p.text, "=?") {
			r.addBare(p)
		} else {
			rest = append(rest, p)
		}
	}
	r.phrase = rest
	name := r.name()
	switch {
	case len(r.boxes) > first:
		r.boxes[first].Name = name
	case !r.inner && isAddress(name):
		// RFC 2047, Section 5: no encoded-word in an address; some clients decode first.
		r.boxes = appendMailboxes(r.boxes, name, true)
		for i := first; i < len(r.boxes); i++ {
			r.boxes[i].Defect = cmp.Or(r.boxes[i].Defect, AddressEncoded)
		}
	case len(rest) == 1 && !rest[0].quoted && !strings.HasPrefix(rest[0].text, "=?"):
		r.boxes = append(r.boxes, Mailbox{Local: toUTF8(rest[0].text), Group: r.group})
	case name != "":
		r.boxes = append(r.boxes, Mailbox{Name: name, Group: r.group})
	}
}

// addBare adds an address without brackets.
func (r *boxReader) addBare(p piece) {
	if r.add(p.text, "") && p.quoted {
		box := &r.boxes[len(r.boxes)-1]
		box.Defect = cmp.Or(box.Defect, AddressQuoted)
	}
}

// joined returns the words, merging those that form one address, such as "a b"@example.org,
// a(comment)@example.org and a@example .org.
func (r *boxReader) joined() []piece {
	var out []piece
	var merged []byte // the growing word, so that many words cost only their total length
	flush := func() {
		if len(merged) > 0 {
			out[len(out)-1].text = string(merged)
			merged = merged[:0]
		}
	}
	for _, p := range r.phrase {
		n := len(out) - 1
		if n < 0 || !continues(&out[n], merged, p) {
			flush()
			out = append(out, p)
			continue
		}
		if len(merged) == 0 {
			merged = append(merged, out[n].raw...)
			out[n].quoted = false
		}
		if p.spaced {
			merged = append(merged, ' ')
		}
		merged = append(merged, p.raw...)
	}
	flush()
	return out
}

// continues reports whether p continues the address that last, or its merged form, begins.
// RFC 5322, Section 4.4: white space and comments may surround "@" and dots.
func continues(last *piece, merged []byte, p piece) bool {
	before, quoted := last.text, last.quoted
	if len(merged) > 0 {
		before, quoted = string(merged[max(0, len(merged)-1):]), false
	}
	if p.quoted {
		return !quoted && strings.HasSuffix(before, "@") || !p.spaced && !quoted && strings.HasSuffix(before, ".")
	}
	if strings.HasPrefix(p.text, "@") || !quoted && strings.HasSuffix(before, "@") {
		return true
	}
	if len(merged) == 0 && (quoted || !strings.Contains(before, "@")) {
		return !p.spaced && quoted && strings.HasPrefix(p.text, ".")
	}
	// A second word with a dot after the domain: some clients use it as the domain.
	return strings.HasPrefix(p.text, ".") || strings.HasSuffix(before, ".") || looksLikeDomain(p.text)
}

// looksLikeDomain reports whether a word has only characters of domain names and an inner
// dot.
func looksLikeDomain(s string) bool {
	dot := strings.IndexByte(s, '.')
	return dot > 0 && dot < len(s)-1 && !strings.ContainsFunc(s, notDomain)
}

func (r *boxReader) hasAt() bool {
	for _, p := range r.phrase {
		if !p.quoted && isAddress(p.text) {
			return true
		}
	}
	return false
}

// isAddress reports whether a word looks like an address.
func isAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1
}

// name returns the words of the element, or its comment, decoded.
func (r *boxReader) name() string {
	var b strings.Builder
	for _, p := range r.phrase {
		if b.Len() > 0 && p.spaced {
			b.WriteByte(' ')
		}
		b.WriteString(p.text)
	}
	if b.Len() == 0 {
		return decodeText(r.comment)
	}
	return strings.TrimSpace(decodeText(b.String()))
}

func (r *boxReader) reset() {
	r.phrase, r.comment, r.seen, r.spaced = r.phrase[:0], "", false, false
}
