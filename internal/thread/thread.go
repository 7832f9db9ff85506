// Package thread tells which part of a mail is new, and what the conversation
// quoted below it was.
//
// A reply carries what it answers: after marks (">"), below a line such as "On
// Monday Ann wrote:", or below a copy of the header of the original. Judging the
// whole text judges words that somebody else wrote, or that an attacker made up
// to look like a conversation. This package gives every line to one message, and
// sets apart what is no text of its author: warning banners, signatures and
// legal notices.
//
// Standards: RFC 3676, Section 4.3 (the signature separator "-- ") and Section
// 4.5 (quote depth); the rest is convention, in the words of the mail clients in
// 25 languages (words.go).
//
// Divergences: text of which all is quoted and nothing says by whom is new text,
// since anybody can put a mark before a line. Structure of HTML counts where mail
// clients write it; a blockquote without their marks is text.
//
// Limits: maxLines lines, maxMessages earlier messages, maxDepth levels of
// quotation; what is beyond belongs to the last message or level. Dates are read
// where their order of day and month is certain, and are zero otherwise.
package thread

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// Bounds on one text.
const (
	maxLines       = 50_000 // lines read as such; the rest goes with the last
	maxMessages    = 100    // earlier messages; long conversations have 30
	maxDepth       = 32     // levels of quotation
	maxAttribution = 400    // bytes of the line before a quotation, joined
	maxHeaderLines = 30     // lines of a copied header
	maxBanner      = 500    // bytes of a line that can be a banner
)

// Thread is one text, taken apart. Every line that is not blank is in exactly one of
// its strings, Current.Preamble excepted.
type Thread struct {
	Current  Segment
	Previous []Message // newest first
	Bare     bool      // the author wrote nothing but banners, a signature, a legal notice or a word; what is quoted is all that the mail says
	Cut      bool      // there are more messages, lines or levels than are told apart
}

// Segment is what the author of the mail wrote.
type Segment struct {
	Text       string
	Preamble   string // the line before the quotation: that of Previous[0], or ""
	Banners    []Banner
	Signature  string
	Disclaimer string // legal notice
}

// Message is one message that is quoted.
type Message struct {
	Index    int // in Previous
	Text     string
	Preamble string // the header or line that introduces it, as written, or ""
	Copied   bool   // a copied header introduces it, or the line of a forward
	From     Mailbox
	To, Cc   []Mailbox
	Subject  string
	Date     time.Time // zero where it is not certain; UTC where no zone is given
	Banners  []Banner
}

// Own returns what the mail says in its author's name: the current text, and where the
// author added nothing to what is quoted, that too. Anybody can put a mark before each
// line, or a header above them; whoever shows a text and says nothing of it says it.
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

// Mailbox is a person as a quotation names one; either may be "".
type Mailbox struct{ Name, Address string }

// Banner is a warning that a gateway or client put above the text.
type Banner struct{ Text string }

// SplitFrom takes a text apart that is in display form: a plain part, or DisplayText of
// package markup. The sender is a name, an address, both or "": a line with that name at the
// end is a signature.
func SplitFrom(text, sender string) Thread { return split(readLines(text), sender) }

// line is one line of the input.
type line struct {
	raw   string // as written, without the line end
	text  string // without quote marks, trimmed
	lower string
	depth int
	start bool // the structure of HTML says that an earlier message begins here
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

// split gives each line to a message, then takes the current one apart.
func split(lines []line, sender string) Thread {
	s := splitter{lines: lines, owner: []int{current}, cut: len(lines) == maxLines}
	for i := 0; i < len(lines); {
		s.cut = s.cut || lines[i].depth == maxDepth
		i = s.step(i)
	}
	return s.finish(sender)
}

const current = -1

// splitter is the state while lines are read.
type splitter struct {
	lines    []line
	owner    []int // owner[depth] is the message to which lines of that depth belong
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

// step gives the line at i, and those that belong to it, to a message. It returns
// where to go on.
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

// pending is how many deeper levels stay known when a line of depth d is between
// quoted ones: an answer between the lines goes on with the same message.
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

// begin opens the message that lines from..to introduce: one that owns the lines of
// the same depth from here on, or those of the next depth when these follow.
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

// next returns the first line from i on that is not blank, within reach.
func (s *splitter) next(i int) int {
	const reach = 4
	for n := 0; i < len(s.lines) && n < reach && s.lines[i].text == ""; n++ {
		i++
	}
	return i
}

// join returns the lines as text, blank ones at either end left out.
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

// reclaim makes a quotation that nothing introduces the current text, when there is
// no other: a mark before each line must not hide a text.
func (s *splitter) reclaim() {
	if !s.isBlank(s.current) || len(s.messages) == 0 || len(s.messages[0].intro) > 0 {
		return
	}
	s.current = s.messages[0].body
	s.messages = s.messages[1:]
}

// isBare reports whether the current message has no text of its own. One word, or a
// signature with a closing, is none above a forward or an unnamed quotation; it can be an
// answer to what is attributed.
func (s *splitter) isBare(t *Thread) bool {
	if first := &t.Previous[0]; !first.Copied && first.Preamble != "" {
		return !s.wrote && !s.closed
	}
	return !s.wrote || len(strings.FieldsFunc(t.Current.Text, notWord)) < 2
}

func notWord(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }
