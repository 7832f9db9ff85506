package thread

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// segment splits the current message. The remaining text is never empty unless there are
// only banners: an attacker could otherwise declare all of it a notice.
func (s *splitter) segment(sender string) Segment {
	var g Segment
	var body []int
	body, g.Banners = s.banners(s.current)
	body, notice := s.disclaimer(body)
	text, signature := s.signature(body, sender)
	s.wrote = !s.isBlank(text)
	s.closed = len(signature) > 0 && isClosing(s.lines[signature[0]].lower)
	if s.isBlank(text) {
		text, signature = signature, nil
	}
	if s.isBlank(text) {
		text, notice = notice, nil
	}
	g.Text, g.Signature, g.Disclaimer = s.join(text), s.join(signature), s.join(notice)
	if g.Text == "" && len(g.Banners) > 0 {
		g.Text = g.Banners[len(g.Banners)-1].Text
		g.Banners = g.Banners[:len(g.Banners)-1]
	}
	return g
}

// banners removes the warnings at the top of a message; a line continues a banner if it is
// a warning too.
func (s *splitter) banners(at []int) (rest []int, found []Banner) {
	const look, maxBanners = 12, 20 // lines of text; real mail has one or two banners
	seen, open := 0, false
	for n, i := range at {
		l := &s.lines[i]
		if l.text == "" {
			rest = append(rest, i)
			continue
		}
		if seen == look {
			return append(rest, at[n:]...), found
		}
		more := open && len(l.text) <= maxBanner && containsAny(l.lower, bannerMore)
		open = more || isBanner(l) || isWarningWord(l.lower) && n+1 < len(at) && isBanner(&s.lines[at[n+1]])
		switch {
		case more:
			found[len(found)-1].Text += "\n" + l.text
		case open:
			found = append(found, Banner{Text: l.text})
		default:
			rest = append(rest, i)
			seen++
		}
		if len(found) == maxBanners {
			return append(rest, at[n+1:]...), found
		}
	}
	return rest, found
}

func isBanner(l *line) bool {
	return len(l.text) <= maxBanner && (hasAnyPrefix(l.lower, bannerStarts) && len(l.text) < 60 || containsAny(l.lower, bannerWords))
}

func isWarningWord(lower string) bool {
	return len(lower) < 30 && containsAny(lower, []string{"caution", "warning", "attention", "achtung", "external", "extern"})
}

// disclaimer removes the legal notice at the end, from the first paragraph with the
// beginning of one.
func (s *splitter) disclaimer(at []int) (rest, notice []int) {
	blank := true
	for n, i := range at {
		l := &s.lines[i]
		if l.text == "" {
			blank = true
			continue
		}
		if (blank || isRuleAbove(s, at, n)) && n > 0 && containsAny(l.lower[:min(len(l.lower), 160)], disclaimerWords) {
			return at[:n], at[n:]
		}
		blank = false
	}
	return at, nil
}

func isRuleAbove(s *splitter, at []int, n int) bool { return n > 0 && isRule(s.lines[at[n-1]].text) }

// signature removes the signature at the end.
func (s *splitter) signature(at []int, sender string) (rest, signature []int) {
	for n, i := range at {
		// RFC 3676, Section 4.3: the line "-- " begins the signature; clients lose the
		// space.
		if raw := s.lines[i].raw; raw == "-- " || raw == "--" {
			return at[:n], at[n:]
		}
	}
	if n := s.signatureStart(at, sender); n < len(at) {
		return at[:n], at[n:]
	}
	return at, nil
}

// signatureStart finds a closing, a client's line or a name among the last lines.
func (s *splitter) signatureStart(at []int, sender string) int {
	const look, longest = 12, 70
	start, seen := len(at), 0
	for n := len(at) - 1; n >= 0 && seen < look; n-- {
		l := &s.lines[at[n]]
		if l.text == "" {
			continue
		}
		seen++
		switch {
		case hasAnyPrefix(l.lower, mobileLines) && len(l.text) < 120:
			start = n
		case isClosing(l.lower):
			return n
		case utf8.RuneCountInString(l.text) > longest:
			return start
		case isSenderLine(l.lower, sender), seen == 1 && n > 0 && isNameLine(l.text) && s.endsAbove(at, n):
			start = n
		}
	}
	return start
}

// endsAbove reports whether the text above line n has ended: a blank line, or the end
// of a sentence.
func (s *splitter) endsAbove(at []int, n int) bool {
	above := s.lines[at[n-1]].text
	return above == "" || strings.ContainsAny(above[len(above)-1:], ".!?,")
}

func isClosing(lower string) bool {
	const longest = 45
	if len(lower) > longest {
		return false
	}
	word := strings.TrimRight(lower, " ,.!-:;")
	if slices.Contains(closings, word) {
		return true
	}
	for _, c := range closings {
		if rest, ok := strings.CutPrefix(lower, c); ok && strings.HasPrefix(rest, ",") && len(strings.Fields(rest)) <= 4 {
			return true
		}
	}
	return false
}

// isNameLine reports whether a line is a name: up to three words that begin with
// capitals and have no digits.
func isNameLine(s string) bool {
	words := strings.Fields(strings.Trim(s, "-~* ."))
	if len(words) == 0 || len(words) > 3 || strings.ContainsAny(s, "?!:;@/0123456789") {
		return false
	}
	for _, w := range words {
		if c, _ := utf8.DecodeRuneInString(w); !unicode.IsUpper(c) {
			return false
		}
	}
	return true
}

// isSenderLine reports whether a short line contains a name of the sender.
func isSenderLine(lower, sender string) bool {
	const longest = 40
	if sender == "" || len(lower) > longest || len(strings.Fields(lower)) > 4 {
		return false
	}
	separate := func(c rune) bool { return !unicode.IsLetter(c) }
	words := strings.FieldsFunc(lower, separate)
	for name := range strings.FieldsFuncSeq(strings.ToLower(clip(sender, 200)), separate) {
		if len(name) >= 3 && slices.Contains(words, name) {
			return true
		}
	}
	return false
}
