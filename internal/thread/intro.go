package thread

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// header parses a copied header at line i, with the separator above it. It returns the
// number of lines, or 0.
func (s *splitter) header(i int) int {
	from := i
	separated := isSeparator(s.lines[i].lower) || isRule(s.lines[i].text)
	if separated {
		i = s.next(i + 1)
	}
	hint := s.lines[from].start || i < len(s.lines) && s.lines[i].start
	fields, end := s.fields(i, s.lines[from].depth, hint)
	switch {
	case fields.isHeader(hint || separated && !isRule(s.lines[from].text)):
	case isSeparator(s.lines[from].lower):
		end, fields = from+1, copied{}
	default:
		return 0
	}
	m := s.begin(from, end)
	m.Copied = true
	m.From, m.To, m.Cc, m.Subject = mailbox(fields.from), mailboxes(fields.to), mailboxes(fields.cc), fields.subject
	m.Date = parseDate(fields.date)
	return end - from
}

// copied holds the fields of a copied header.
type copied struct {
	from, date, to, cc, subject string
	seen                        int // number of distinct labels
}

// isHeader reports whether the lines are a header: sender and two more fields, or one more
// if the context suggests a header.
func (f *copied) isHeader(hint bool) bool {
	return f.from != "" && (f.seen >= 3 || hint && f.seen >= 2) || hint && f.seen >= 3
}

// fields parses labelled lines from i on, up to the first other line; a line without a
// label continues a list of people.
func (s *splitter) fields(i, depth int, hint bool) (f copied, end int) {
	end = i
	var last *string
	for n := 0; i < len(s.lines) && n < maxHeaderLines; n++ {
		l := &s.lines[i]
		if l.depth != depth || l.text == "" && !s.goesOn(i, depth, &f) {
			break
		}
		kind, value := readLabel(l.text)
		if kind == noLabel && hint && f.seen > 0 && isLabelled(l.text) {
			kind = labelOther
		}
		switch {
		case kind != noLabel:
			last = f.take(kind, value)
			end = i + 1
		case l.text == "":
		case last != nil && (last == &f.to || last == &f.cc) && isPeople(l.text):
			*last += " " + l.text
			end = i + 1
		default:
			return f, end
		}
		i++
	}
	return f, end
}

// goesOn reports whether a header continues after the blank line at i.
func (s *splitter) goesOn(i, depth int, f *copied) bool {
	if f.seen == 0 || f.subject != "" && f.from != "" || i+1 >= len(s.lines) || s.lines[i+1].depth != depth {
		return false
	}
	kind, _ := readLabel(s.lines[i+1].text)
	return kind != noLabel
}

func isPeople(s string) bool { return strings.ContainsAny(s, "@;<") && len(s) < 2000 }

// take stores the value, and returns its field.
func (f *copied) take(kind label, value string) *string {
	var p *string
	switch kind {
	case labelFrom:
		p = &f.from
	case labelDate:
		p = &f.date
	case labelTo:
		p = &f.to
	case labelCc:
		p = &f.cc
	case labelSubject:
		p = &f.subject
	default:
		f.seen++
		return nil
	}
	if *p == "" {
		*p = value
		f.seen++
	}
	return p
}

// readLabel parses "From: value", with the emphasis marks of HTML conversion.
func readLabel(s string) (label, string) {
	const longest = 60
	head := s[:min(len(s), longest)]
	i := strings.IndexAny(head, ":：")
	if i <= 0 {
		return noLabel, ""
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	name := strings.ToLower(strings.Trim(s[:i], " *_\t\u00a0\u200e\u200f"))
	kind := labels[name]
	if kind == noLabel {
		return noLabel, ""
	}
	return kind, strings.Trim(s[i+n:], " *_\t\u00a0\u200e\u200f")
}

// isLabelled reports whether a line could be one of a header in an unknown language.
func isLabelled(s string) bool {
	const longest = 25
	i := strings.IndexAny(s, ":：")
	return i > 0 && i <= longest && len(strings.Fields(s[:i])) <= 3
}

// isSeparator reports whether a line separates an original message from the text above.
func isSeparator(lower string) bool {
	if len(lower) > 120 {
		return false
	}
	for _, w := range forwardLines {
		if strings.HasPrefix(lower, w) {
			return true
		}
	}
	inner := strings.Trim(lower, "-_=* \u2014\u2013")
	if inner == "" || len(lower)-len(inner) < 4 || !strings.HasPrefix(lower, "--") && !strings.HasPrefix(lower, "__") && !strings.HasPrefix(lower, "==") {
		return false
	}
	return containsAny(inner, separatorWords)
}

// isRule reports whether a line is a horizontal rule, which Outlook draws above a header.
func isRule(s string) bool {
	return len(s) >= 10 && strings.Trim(s, "_-=") == ""
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

func hasAnyPrefix(s string, words []string) bool {
	for _, w := range words {
		if strings.HasPrefix(s, w) {
			return true
		}
	}
	return false
}

// attribution parses "On Monday Ann wrote:" at line i, which clients wrap over up to three
// lines. It returns the number of lines, or 0.
func (s *splitter) attribution(i int) int {
	const mostLines = 3
	joined, depth := "", s.lines[i].depth
	for n := 0; n < mostLines && i+n < len(s.lines); n++ {
		l := &s.lines[i+n]
		// An address that was wrapped before ">" looks like a quotation.
		if l.text == "" || l.depth != depth && (n == 0 || l.depth != depth+1 || !strings.Contains(joined, "<")) {
			return 0
		}
		if joined = strings.TrimSpace(joined + " " + l.text); len(joined) > maxAttribution {
			return 0
		}
		if isAttribution(joined) {
			m := s.begin(i, i+n+1)
			m.From, m.Date = attributed(joined), parseDate(joined)
			return n + 1
		}
		if !mayGoOn(joined) {
			return 0
		}
	}
	return 0
}

func mayGoOn(s string) bool {
	lower := strings.ToLower(s)
	return hasAnyPrefix(lower, openings) && hasDigit(s) || hasYear(s)
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

// hasYear reports whether s has four consecutive digits.
func hasYear(s string) bool {
	run := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			run = 0
			continue
		}
		if run++; run == 4 {
			return true
		}
	}
	return false
}

// isAttribution reports whether the line introduces a quotation: it ends with a colon and
// contains a verb of writing, with a date or an address.
func isAttribution(s string) bool {
	trimmed := strings.TrimRight(s, " *_\u200e\u200f")
	if !strings.HasSuffix(trimmed, ":") && !strings.HasSuffix(trimmed, "：") {
		return false
	}
	lower := strings.ToLower(trimmed)
	dated := hasDigit(s) && (hasYear(s) || strings.Contains(s, ":") && hasAnyPrefix(lower, openings))
	named := strings.Contains(s, "@")
	if strings.HasSuffix(trimmed, ">:") && named && hasYear(s) {
		return true
	}
	if !containsAny(lower, wroteWords) {
		return false
	}
	return dated || named || isShortWrote(lower)
}

// isShortWrote accepts "Ann Lee wrote:".
func isShortWrote(lower string) bool {
	return len(lower) < 60 && (strings.HasSuffix(lower, " wrote:") || strings.HasSuffix(lower, " writes:") || strings.HasSuffix(lower, " schrieb:") ||
		strings.HasSuffix(lower, " a écrit :") || strings.HasSuffix(lower, " escribió:")) && len(strings.Fields(lower)) <= 5
}

// attributed returns the author in an attribution.
func attributed(s string) Mailbox {
	lower := strings.ToLower(s)
	before := s
	var m Mailbox
	if i := strings.IndexAny(s, "<["); i >= 0 {
		m = mailbox(s[i:])
		before = s[:i]
	}
	if m.Address != "" {
		m.Name = nameBefore(before)
		return m
	}
	if len(lower) != len(s) {
		return m
	}
	for _, w := range wroteWords {
		if i := strings.Index(lower, w); i > 0 {
			m.Name = nameBefore(s[:i])
			return m
		}
	}
	return m
}

// nameBefore returns the name at the end of s: the text after the last comma, digit or
// verb.
func nameBefore(s string) string {
	if lower := strings.ToLower(s); len(lower) == len(s) {
		for _, w := range wroteWords {
			if i := strings.LastIndex(lower, w); i >= 0 {
				s, lower = s[i+len(w):], lower[i+len(w):]
			}
		}
	}
	i := strings.LastIndexFunc(s, func(c rune) bool { return unicode.IsDigit(c) || c == ',' })
	s = strings.TrimSpace(strings.TrimLeft(s[i+1:], ":, "))
	for _, word := range []string{"AM ", "PM ", "am ", "pm ", "Uhr ", "uur ", "h "} {
		s = strings.TrimPrefix(s, word)
	}
	return strings.Trim(s, " \"'*:,")
}

// mailbox parses "Name <address>", "Name [mailto:address]" or either alone.
func mailbox(s string) Mailbox {
	open := strings.IndexAny(s, "<[")
	if open < 0 {
		s = strings.Trim(s, " \"'")
		if strings.Contains(s, "@") && !strings.Contains(s, " ") {
			return Mailbox{Address: strings.TrimPrefix(s, "mailto:")}
		}
		return Mailbox{Name: s}
	}
	m := Mailbox{Name: strings.Trim(s[:open], " \"'")}
	address, _, _ := strings.Cut(strings.TrimPrefix(s[open+1:], "mailto:"), "<")
	if end := strings.IndexAny(address, ">] "); end >= 0 {
		address = address[:end]
	}
	if strings.Contains(address, "@") {
		m.Address = address
	}
	return m
}

// mailboxes parses a list separated by semicolons, or by commas outside of quotes.
func mailboxes(s string) []Mailbox {
	const most = 200
	var out []Mailbox
	quoted := false
	separate := func(c rune) bool {
		if c == '"' {
			quoted = !quoted
		}
		return c == ';' || c == ',' && !quoted && !strings.Contains(s, ";")
	}
	if strings.Contains(s, ";") {
		separate = func(c rune) bool { return c == ';' }
	}
	for part := range strings.FieldsFuncSeq(s, separate) {
		if part = strings.TrimSpace(part); part != "" && len(out) < most {
			out = append(out, mailbox(part))
		}
	}
	return out
}
