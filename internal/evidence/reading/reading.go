// Package reading reads the texts of a message once, for all detectors.
//
// A message can hold several texts: alternatives, parts that follow one another, and
// invitations. Package reading splits each into visible text, hidden text, links, new text
// and quoted text. Signals, rules and models share the result, so that all of them judge
// the same texts.
//
// Standards: RFC 2046 (parts), HTML (by package markup), RFC 5545 (by package calendar),
// RFC 3676, Section 4.5 (quotations, by package thread).
package reading

import (
	"cmp"
	"slices"
	"strings"

	"outrider/internal/budget"
	"outrider/internal/calendar"
	"outrider/internal/markup"
	"outrider/internal/message"
	"outrider/internal/observable"
	"outrider/internal/thread"
)

// Bounds of one reading.
const (
	maxCalendars = 20
	maxLinks     = 2000 // of one text
)

// Reading holds the texts of a message. It is immutable.
type Reading struct {
	Texts     []Text // in the order of the parts, invitations last
	Attached  []Text // of attached messages, which clients show at a click
	Calendars map[*message.Part]*calendar.Calendar
	Codes     []string // contents of codes drawn in the texts without a picture
}

// Text is one text that a reader sees.
type Text struct {
	Part   *message.Part
	Raw    string        // content of the part, decoded
	Page   *Page         // nil for plain text
	Shown  string        // as displayed
	Thread thread.Thread // Shown, split into messages
	Own    []string      // quoted messages by the author himself
	Links  []Link        // links written in the text, and links that clients make of plain addresses
	Event  bool          // the text is an invitation
}

// Link is one link of a text.
type Link struct {
	observable.URL
	Label   string // visible text of the link
	Visible bool
	Made    bool // made by clients of plain text
	Quoted  bool // part of a quotation
}

// Read reads the texts of a message.
func Read(m *message.Message, b *budget.Budget) *Reading {
	out := &Reading{}
	d := drawings{budget: b}
	author := authorOf(m)
	shown := map[*message.Part]bool{}
	for _, p := range m.TextParts() {
		shown[p] = true
		out.Texts = append(out.Texts, d.read(p, author))
	}
	for _, p := range m.Parts {
		if !shown[p] && !p.IsMultipart() && !p.IsAttachment() && len(p.Children) == 0 && strings.TrimSpace(p.Text()) != "" {
			out.Attached = append(out.Attached, d.read(p, message.Mailbox{}))
		}
	}
	out.Codes = d.codes
	out.Calendars = Calendars(m, b)
	for _, p := range m.Parts {
		if c := out.Calendars[p]; c != nil {
			out.Texts = append(out.Texts, invitation(p, c, b))
			continue
		}
		if cards := readCards(p, b); len(cards) > 0 {
			out.Texts = append(out.Texts, card(p, cards, b))
		}
	}
	return out
}

// read reads one part.
func (d *drawings) read(p *message.Part, author message.Mailbox) Text {
	name := cmp.Or(author.Name, author.Address()) // a line that ends with the name is a signature
	t := Text{Part: p, Raw: p.Text()}
	if p.IsHTML() {
		t.html(name, d.budget)
		d.page(t.Page)
	} else {
		t.Shown, t.Thread = t.Raw, thread.SplitFrom(t.Raw, name)
		t.Links = PlainLinks(t.Shown, d.budget)
		d.text(t.Shown)
	}
	if t.Thread.Cut {
		d.budget.Omit(budget.Quotations)
	}
	t.claim(author)
	t.quote()
	return t
}

// authorOf returns the first author.
func authorOf(m *message.Message) message.Mailbox {
	boxes := m.Header().Mailboxes("From")
	if len(boxes) == 0 {
		return message.Mailbox{}
	}
	return boxes[0]
}

// claim finds the quoted messages by the author himself: quoting one's own words counts as
// writing them again.
func (t *Text) claim(author message.Mailbox) {
	if author.Domain == "" {
		return
	}
	for i := range t.Thread.Previous {
		if p := &t.Thread.Previous[i]; Wrote(author, p) {
			t.Own = append(t.Own, p.Text)
		}
	}
}

// Wrote reports whether a quoted message names author as its author.
func Wrote(author message.Mailbox, p *thread.Message) bool {
	if p.From.Address == "" {
		return p.From.Name != "" && strings.EqualFold(p.From.Name, author.Name)
	}
	return strings.EqualFold(p.From.Address, author.Address())
}

func (t *Text) html(author string, b *budget.Budget) {
	t.Page = ReadPage(t.Raw, b)
	t.Shown, t.Thread = t.Page.Shown, thread.SplitHTMLFrom(t.Page.Document, author)
	t.Links = PageLinks(t.Page, b)
}

// PageLinks returns the links of a page that a reader can follow, and the links that
// clients make of plain addresses in its text outside of anchors.
func PageLinks(p *Page, b *budget.Budget) []Link {
	out := slices.Clone(p.Links)
	labels := make(map[string]bool, len(out))
	for i := range out {
		labels[out[i].Label] = true
	}
	for _, l := range PlainLinks(p.Shown, b) {
		if !labels[l.Raw] {
			out = append(out, l)
		}
	}
	return out
}

// PlainLinks returns the links that clients make of plain text.
func PlainLinks(s string, b *budget.Budget) []Link {
	var out []Link
	for _, u := range observable.TextURLs(s, b) {
		if len(out) == maxLinks {
			b.Omit(budget.URLs)
			break
		}
		out = append(out, Link{URL: u, Label: u.Raw, Visible: true, Made: true})
	}
	return out
}

// quote marks the links in quotations: their visible text is in a quotation, and not in the
// new text. A link without visible text belongs to the new text.
func (t *Text) quote() {
	if len(t.Thread.Previous) == 0 || len(t.Links) == 0 {
		return
	}
	current := t.Current()
	for i := range t.Links {
		l := &t.Links[i]
		if l.Label == "" || strings.Contains(current, l.Label) {
			continue
		}
		l.Quoted = slices.ContainsFunc(t.Thread.Previous, func(p thread.Message) bool { return strings.Contains(p.Text, l.Label) })
	}
}

// New returns the part of the text that the author wrote now, including signature and legal
// notice, because an attacker can make a lure look like either.
func (t *Text) New() string {
	c := &t.Thread.Current
	if c.Signature == "" && c.Disclaimer == "" {
		return c.Text
	}
	return joined(c.Text, c.Signature, c.Disclaimer)
}

// Current returns all statements of the author in the text: New, and his own earlier
// messages that he quotes.
func (t *Text) Current() string {
	if len(t.Own) == 0 {
		return t.New()
	}
	return joined(append([]string{t.New()}, t.Own...)...)
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "\n")
}

// invitation returns all that a client shows of a calendar, as one text.
func invitation(p *message.Part, c *calendar.Calendar, b *budget.Budget) Text {
	t := Text{Part: p, Event: true}
	t.add(c.AllTexts(), b)
	for i := range c.Events {
		t.add([]calendar.Text{{Value: strings.Join(c.Events[i].Links, "\n")}}, b)
	}
	return t
}

// card returns all that a client shows of cards, as one text.
func card(p *message.Part, cards []calendar.Card, b *budget.Budget) Text {
	t := Text{Part: p, Event: true}
	for i := range cards {
		t.add(append(cards[i].Texts, calendar.Text{Value: strings.Join(cards[i].Links, "\n")}), b)
	}
	return t
}

// add adds the texts of a calendar or card. Equal plain text and HTML are added once.
func (t *Text) add(texts []calendar.Text, b *budget.Budget) {
	var shown strings.Builder
	shown.WriteString(t.Shown)
	for i := range texts {
		value := texts[i].Value
		if texts[i].HTML {
			page := ReadPage(value, b)
			value = page.Shown
			t.Links = append(t.Links, page.Links...)
		}
		if value != "" {
			shown.WriteString(value + "\n")
			t.Links = append(t.Links, PlainLinks(value, b)...)
		}
	}
	t.Shown = shown.String()
	t.Thread.Current.Text = t.Shown
}

// Calendars parses the calendars of a message: parts by media type, and files by name.
func Calendars(m *message.Message, b *budget.Budget) map[*message.Part]*calendar.Calendar {
	out := map[*message.Part]*calendar.Calendar{}
	for _, p := range m.Parts {
		c, ok := readCalendar(p)
		if !ok {
			continue
		}
		full := len(out) == maxCalendars
		if full || c.Cut {
			b.Omit(budget.CalendarEvents)
		}
		if full || c.Unread {
			b.Omit(budget.Text)
		}
		if full {
			break
		}
		out[p] = c
	}
	return out
}

// readCalendar parses a part if it is a calendar.
func readCalendar(p *message.Part) (*calendar.Calendar, bool) {
	if !isCalendar(p) {
		return nil, false
	}
	content := p.Text()
	if content == "" {
		content = string(p.Decoded()) // its media type is not text
	}
	return calendar.Read(content)
}

func isCalendar(p *message.Part) bool {
	switch p.MediaType {
	case "text/calendar", "application/ics", "text/x-vcalendar":
		return true
	}
	switch observable.Extension(p.Filename) {
	case "ics", "ical", "vcs", "ifb":
		return true
	}
	return false
}

// readCards parses a part that is a contact card by its media type or its name.
func readCards(p *message.Part, b *budget.Budget) []calendar.Card {
	switch ext := observable.Extension(p.Filename); {
	case p.MediaType == "text/vcard", p.MediaType == "text/x-vcard", p.MediaType == "text/directory", ext == "vcf", ext == "vcard":
	default:
		return nil
	}
	content := p.Text()
	if content == "" {
		content = message.DecodeBytes(p.Decoded(), p.Charset)
	}
	cards, cut := calendar.ReadCards(content)
	if cut {
		b.Omit(budget.CalendarEvents)
		b.Omit(budget.Text)
	}
	return cards
}

// ReadPage parses a page of the message or of a file in it.
func ReadPage(content string, b *budget.Budget) *Page { return NewPage(markup.Parse(content, b), b) }

// EventLinks returns the links of a calendar entry.
func EventLinks(e *calendar.Event, b *budget.Budget) []Link {
	out := PlainLinks(strings.Join(append([]string{e.Location, e.Description}, e.Links...), "\n"), b)
	if e.DescriptionHTML != "" {
		out = append(out, ReadPage(e.DescriptionHTML, b).Links...)
	}
	return out
}
