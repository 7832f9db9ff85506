// Package thread separates the new text of a mail from the conversation quoted below it.
//
// A reply includes the message that it answers: after quote marks (">"), below a line such
// as "On Monday Ann wrote:", or below a copy of the original's header. Judging the whole
// text would judge words of other people, or words that an attacker arranged to look like a
// conversation. This package assigns every line to one message, and separates text that is
// not the author's own: warning banners, signatures and legal notices.
//
// Standards: RFC 3676, Section 4.3 (the signature separator "-- ") and Section 4.5 (quote
// depth); the rest is convention, in the phrases of mail clients in 25 languages
// (words.go).
//
// Divergences: text that is entirely quoted without an attribution is new text, since
// anybody can put a quote mark before a line. HTML structure counts only with the markup of
// mail clients; a plain blockquote is text.
//
// Limits: maxLines lines, maxMessages earlier messages, maxDepth levels of quotation;
// content beyond belongs to the last message or level. Dates are parsed if the order of day
// and month is certain, and are zero otherwise.
package thread

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// Bounds on one text.
const (
	maxLines       = 50_000 // lines that are examined; the rest belongs to the last message
	maxMessages    = 100    // earlier messages; long conversations have 30
	maxDepth       = 32     // levels of quotation
	maxAttribution = 400    // bytes of the line before a quotation, joined
	maxHeaderLines = 30     // lines of a copied header
	maxBanner      = 500    // bytes of a line that can be a banner
)

// Thread is one text, split into messages. Every line that is not blank is in exactly one
// of its strings, except for Current.Preamble.
type Thread struct {
	Current  Segment
	Previous []Message // newest first
	Bare     bool      // the author wrote only banners, a signature, a legal notice or a word; the quotation is the whole content
	Cut      bool      // the text exceeds the limits on messages, lines or levels
}

// Segment is the text by the author of the mail.
type Segment struct {
	Text       string
	Preamble   string // the line before the quotation: that of Previous[0], or ""
	Banners    []Banner
	Signature  string
	Disclaimer string // legal notice
}

// Message is one quoted message.
type Message struct {
	Index    int // in Previous
	Text     string
	Preamble string // the header or line that introduces it, as written, or ""
	Copied   bool   // introduced by a copied header or the line of a forward
	From     Mailbox
	To, Cc   []Mailbox
	Subject  string
	Date     time.Time // zero if uncertain; UTC without a zone
	Banners  []Banner
}

// Own returns the text that counts as the author's: the current text, and the quoted text
// if the author added nothing to it. Anybody can put quote marks before lines, or a header
// above them; quoting without a comment is a statement of the author.
func (t *Thread) Own() string {
	if !t.Bare {
		return t.Current.Text
	}
	texts := make([]string, 0, 1+len(t.Previous))
	for _, text := range append([]string{t.Current.Text}, t.quoted()...) {
		if text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n\n")
}

func (t *Thread) quoted() []string {
	texts := make([]string, 0, len(t.Previous))
	for i := range t.Previous {
		texts = append(texts, t.Previous[i].Text)
	}
	return texts
}

// Mailbox is a person in a quotation; either field may be "".
type Mailbox struct{ Name, Address string }

// Banner is a warning that a gateway or client put above the text.
type Banner struct{ Text string }

// SplitFrom splits a text in display form: a plain part, or DisplayText of package markup.
// The sender is a name, an address, both or "": a line with that name at the end is a
// signature.
func SplitFrom(text, sender string) Thread { return split(readLines(text), sender) }

// line is one line of the input.
type line struct {
	raw   string // as written, without the line end
	text  string // without quote marks, trimmed
	lower string
	depth int
	start bool // HTML structure marks the start of an earlier message
}

func readLines(text string) []line {
	lines := make([]line, 0, min(strings.Count(text, "\n")+1, maxLines))
	for text != "" {
		var raw string
		if len(lines) == maxLines-1 {
			raw, text = text, ""
		} else {
			raw, text, _ = strings.Cut(text, "\n")
		}
		lines = append(lines, newLine(strings.TrimRight(raw, "\r")))
	}
	return lines
}

func newLine(raw string) line {
	text, depth := unquote(raw)
	return line{raw: raw, text: strings.TrimSpace(text), lower: strings.ToLower(strings.TrimSpace(clip(text, maxBanner+1))), depth: depth}
}

// unquote strips quote marks. RFC 3676, Section 4.5: depth is the number of marks.
func unquote(s string) (rest string, depth int) {
	for rest = s; ; {
		t := strings.TrimPrefix(rest, " ")
		if !strings.HasPrefix(t, ">") {
			return rest, min(depth, maxDepth)
		}
		rest = t[1:]
		depth++
	}
}

func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(n, len(s))], "") }

// split assigns each line to a message, then splits the current one.
func split(lines []line, sender string) Thread {
	s := splitter{lines: lines, owner: []int{current}, cut: len(lines) == maxLines}
	for i := 0; i < len(lines); {
		s.cut = s.cut || lines[i].depth == maxDepth
		i = s.step(i)
	}
	return s.finish(sender)
}

const current = -1

// splitter holds the state of splitting.
type splitter struct {
	lines    []line
	owner    []int // owner[depth] is the message of lines at that depth
	current  []int // lines of the current message
	messages []draft
	wrote    bool // the current message has more than banners, a signature and a notice
	closed   bool // its signature begins with a closing such as "Thanks"
	cut      bool
}

// draft is an earlier message: its lines by number.
type draft struct {
	Message
	intro []int // lines of the preamble
	body  []int
}

// step assigns the line at i, and related lines, to a message. It returns the next line.
func (s *splitter) step(i int) int {
	l := &s.lines[i]
	if l.text == "" {
		s.give(i)
		return i + 1
	}
	if n := s.header(i); n > 0 {
		return i + n
	}
	if n := s.attribution(i); n > 0 {
		return i + n
	}
	s.give(i)
	return i + 1
}

// give adds the line to the message that owns its depth.
func (s *splitter) give(i int) {
	l := &s.lines[i]
	if l.text == "" && l.depth >= len(s.owner) {
		l.depth = len(s.owner) - 1
	}
	for len(s.owner) <= l.depth {
		if len(s.owner) == l.depth {
			s.owner = append(s.owner, s.open(nil))
		} else {
			s.owner = append(s.owner, s.owner[len(s.owner)-1])
		}
	}
	if l.text != "" || l.depth == 0 {
		s.owner = s.owner[:l.depth+1+s.pending(l.depth)]
	}
	if o := s.owner[l.depth]; o == current {
		s.current = append(s.current, i)
	} else {
		s.messages[o].body = append(s.messages[o].body, i)
	}
}

// pending is the number of deeper levels that stay open when a line of depth d is between
// quoted ones: after an inline answer the same message continues.
func (s *splitter) pending(d int) int { return min(1, len(s.owner)-d-1) }

// open begins an earlier message and returns its number.
func (s *splitter) open(preamble []int) int {
	if len(s.messages) >= maxMessages {
		s.cut = true
		last := len(s.messages) - 1
		s.messages[last].body = append(s.messages[last].body, preamble...)
		return last
	}
	s.messages = append(s.messages, draft{intro: preamble})
	return len(s.messages) - 1
}

// begin opens the message that lines from..to introduce: it owns the following lines of the
// same depth, or those of the next depth if these follow.
func (s *splitter) begin(from, to int) *draft {
	depth := s.lines[from].depth
	preamble := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		preamble = append(preamble, i)
	}
	full := len(s.messages) >= maxMessages
	n := s.open(preamble)
	for len(s.owner) <= depth {
		s.owner = append(s.owner, n)
	}
	if next := s.next(to); next < len(s.lines) && s.lines[next].depth > depth {
		s.owner = append(s.owner[:depth+1], n)
		for len(s.owner) <= s.lines[next].depth && len(s.owner) <= depth+2 {
			s.owner = append(s.owner, n)
		}
	} else {
		s.owner = append(s.owner[:depth], n)
	}
	if full {
		return &draft{}
	}
	return &s.messages[n]
}

// next returns the first line from i on that is not blank, within range.
func (s *splitter) next(i int) int {
	const reach = 4
	for n := 0; i < len(s.lines) && n < reach && s.lines[i].text == ""; n++ {
		i++
	}
	return i
}

// join returns the lines as text, without blank lines at either end.
func (s *splitter) join(at []int) string {
	var b strings.Builder
	blank, size := 0, 0
	for _, i := range at {
		size += len(s.lines[i].text) + 1
	}
	b.Grow(size)
	for _, i := range at {
		text := s.lines[i].text
		if text == "" {
			blank++
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n"[:min(blank+1, 2)])
		}
		blank = 0
		b.WriteString(text)
	}
	return b.String()
}

// isBlank reports whether no line has text.
func (s *splitter) isBlank(at []int) bool {
	return !slices.ContainsFunc(at, func(i int) bool { return s.lines[i].text != "" })
}

func (s *splitter) finish(sender string) Thread {
	t := Thread{Cut: s.cut}
	s.reclaim()
	for i := range s.messages {
		m := &s.messages[i]
		m.Index = i
		m.body, m.Banners = s.banners(m.body)
		m.Text, m.Preamble = s.join(m.body), s.join(m.intro)
		t.Previous = append(t.Previous, m.Message)
	}
	t.Current = s.segment(sender)
	t.Bare = len(t.Previous) > 0 && s.isBare(&t)
	if len(t.Previous) > 0 {
		t.Current.Preamble = t.Previous[0].Preamble
	}
	return t
}

// reclaim makes a quotation without an introduction the current text, if there is no other
// text: quote marks must not hide a text.
func (s *splitter) reclaim() {
	if !s.isBlank(s.current) || len(s.messages) == 0 || len(s.messages[0].intro) > 0 {
		return
	}
	s.current = s.messages[0].body
	s.messages = s.messages[1:]
}

// isBare reports whether the current message has no text of its own. One word, or a
// signature with a closing, does not count above a forward or an unattributed quotation; it
// can answer an attributed one.
func (s *splitter) isBare(t *Thread) bool {
	if first := &t.Previous[0]; !first.Copied && first.Preamble != "" {
		return !s.wrote && !s.closed
	}
	return !s.wrote || len(strings.FieldsFunc(t.Current.Text, notWord)) < 2
}

func notWord(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }
