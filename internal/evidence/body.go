package evidence

import (
	"slices"
	"strings"

	"outrider/internal/evidence/reading"
	"outrider/internal/message"
	"outrider/internal/observable"
)

// body holds the text of the message, in all readings and alternatives.
type body struct {
	*reading.Reading
	text    string // all text that readers see
	current string // text that its author wrote now, without quotations
	quotes  bool   // part of the text is quoted
	pages   []*reading.Page
	urls    []observable.URL
	links   []observable.URL
}

func (e *Evidence) readBody() body {
	b := body{Reading: reading.Read(e.Message, e.Budget)}
	var text, current strings.Builder
	for i := range b.Texts {
		t := &b.Texts[i]
		if text.Len() < 2*maxText {
			writeLine(&text, t.Shown)
		}
		b.quotes = b.quotes || e.quotes(t)
		if !e.isForwarded(t.Part) && current.Len() < 2*maxText {
			writeLine(&current, t.Current())
			if e.quoteCounts(t) {
				writeLine(&current, t.Thread.Own())
			}
		}
		if t.Page != nil {
			b.pages = append(b.pages, t.Page)
		}
		b.addURLs(t, e.isForwarded(t.Part), e.quoteCounts(t))
	}
	for i := range b.Attached {
		if t := &b.Attached[i]; !e.IsReport() {
			b.addURLs(t, e.isForwarded(t.Part), e.quoteCounts(t))
		}
	}
	b.addCodes()
	b.text, b.current = text.String(), current.String()
	b.links = linksOf(b.urls)
	return b
}

// writeLine appends a text of any length without copying it a second time.
func writeLine(b *strings.Builder, text string) {
	b.Grow(len(text) + 1)
	b.WriteString(text)
	b.WriteByte('\n')
}

// quotes reports whether a text quotes the message that it answers: with quotation marks,
// or text by a recipient or an address of the tenant. An attacker can easily put a frame
// that looks like a quotation of a third party around a whole text, and a quotation of the
// author's own words is no answer.
func (e *Evidence) quotes(t *reading.Text) bool {
	if len(t.Thread.Previous) == 0 {
		return false
	}
	marked := t.Page == nil && (strings.HasPrefix(t.Raw, ">") || strings.Contains(t.Raw, "\n>"))
	for i := range t.Thread.Previous {
		p := &t.Thread.Previous[i]
		from := strings.ToLower(p.From.Address)
		if reading.Wrote(e.Author(), p) {
			continue
		}
		_, domain, _ := strings.Cut(from, "@")
		if marked || domain != "" && (slices.Contains(e.Recipients(), from) || e.Tenant != nil && e.Tenant.Owns(domain)) {
			return true
		}
	}
	return false
}

// quoteCounts reports whether the quoted text of t counts as the author's: the author shows it and
// adds nothing. The author of a message that a proved colleague forwards is not that
// colleague.
func (e *Evidence) quoteCounts(t *reading.Text) bool { return t.Thread.Bare && !e.ColleagueProved() }

// isForwarded reports whether a text of the message was written by another person than its
// author: it is in a message that a proved colleague forwards. A message that a stranger
// forwards counts as the stranger's own text, since anybody can wrap text in a message.
func (e *Evidence) isForwarded(p *message.Part) bool {
	if !e.ColleagueProved() {
		return false
	}
	for a := p.Parent; a != nil; a = a.Parent {
		if a.MediaType == "message/rfc822" || a.MediaType == "message/global" {
			return true
		}
	}
	return false
}

// addURLs adds the targets of one text. A target counts as quoted only if every link to it
// is in a quotation and the author added text of his own. Nothing counts in a text that
// another person wrote; everything counts if the quotation is the author's statement.
func (b *body) addURLs(t *reading.Text, forwarded, quoteCounts bool) {
	if forwarded {
		return
	}
	foreign := map[string]bool{}
	if !quoteCounts {
		foreign = quotedOnly(t.Links)
	}
	if t.Page != nil {
		for i := range t.Page.URLs {
			if u := &t.Page.URLs[i]; !foreign[u.Raw] {
				b.urls = append(b.urls, *u)
			}
		}
	}
	for i := range t.Links {
		if l := &t.Links[i]; (l.Made || t.Event) && (!l.Quoted || quoteCounts) {
			b.addMade(&l.URL, t.Page != nil || t.Event)
		}
	}
}

// quotedOnly returns the targets that only links in quotations have.
func quotedOnly(links []reading.Link) map[string]bool {
	out := map[string]bool{}
	for i := range links {
		if links[i].Quoted {
			out[links[i].Raw] = true
		}
	}
	for i := range links {
		if !links[i].Quoted {
			delete(out, links[i].Raw)
		}
	}
	return out
}

// addMade adds a link that clients make of text. In an HTML text only new ones count.
func (b *body) addMade(u *observable.URL, besides bool) {
	if besides && (len(b.urls) > maxCompared || slices.ContainsFunc(b.urls, func(o observable.URL) bool { return o.Host == u.Host || strings.Contains(o.Text, u.Raw) })) {
		return
	}
	b.urls = append(b.urls, *u)
}

// maxCompared bounds the URLs that are compared with each new one.
const maxCompared = 200

// addCodes adds the targets of the QR codes that the texts draw.
func (b *body) addCodes() {
	for _, c := range b.Codes {
		if u, ok := observable.ParseURL(c); ok && u.IsWeb() {
			u.Place = observable.PlaceCode
			b.urls = append(b.urls, u)
		}
	}
}

// Reading returns the texts of the message; all detectors share it.
func (e *Evidence) Reading() *reading.Reading { return e.body().Reading }

// Text returns all text that readers see: the body in all readings and alternatives, HTML
// as display text, and invitations.
func (e *Evidence) Text() string { return e.body().text }

// Current returns the text that the author of the message wrote now: Text without quotations.
func (e *Evidence) Current() string { return e.body().current }

// Pages returns the HTML texts of the body.
func (e *Evidence) Pages() []*reading.Page { return e.body().pages }

// Codes returns the contents of the QR codes that the texts draw with cells or characters.
func (e *Evidence) Codes() []string { return e.body().Codes }

// URLs returns every URL of the body outside of quotations: targets of HTML, links that
// clients make of text, and contents of drawn codes.
func (e *Evidence) URLs() []observable.URL { return e.body().urls }

// Links returns the URLs that open at a click. A link that a gateway or another service has
// rewritten is followed by its true target.
func (e *Evidence) Links() []observable.URL { return e.body().links }

func linksOf(urls []observable.URL) []observable.URL {
	var out []observable.URL
	for _, u := range urls {
		if !u.IsLink() {
			continue
		}
		out = append(out, u)
		if target, _ := observable.Unwrap(u); target.IsLink() && target.Host != u.Host {
			out = append(out, target)
		}
	}
	return out
}
