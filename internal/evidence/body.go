package evidence

import (
	"slices"
	"strings"

	"outrider/internal/evidence/reading"
	"outrider/internal/message"
	"outrider/internal/observable"
)

// body is what the texts of the message say, in all readings and alternatives.
type body struct {
	*reading.Reading
	text    string // all that is shown
	current string // text that its author wrote now, quotations left out
	quotes  bool   // some of it is quoted
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
		if !e.others(t.Part) && current.Len() < 2*maxText {
			writeLine(&current, t.Current())
			if e.says(t) {
				writeLine(&current, t.Thread.Own())
			}
		}
		if t.Page != nil {
			b.pages = append(b.pages, t.Page)
		}
		b.addURLs(t, e.others(t.Part), e.says(t))
	}
	for i := range b.Attached {
		if t := &b.Attached[i]; !e.IsReport() {
			b.addURLs(t, e.others(t.Part), e.says(t))
		}
	}
	b.addCodes()
	b.text, b.current = text.String(), current.String()
	b.links = linksOf(b.urls)
	return b
}

// writeLine writes a text of any length, which costs no second copy of it.
func writeLine(b *strings.Builder, text string) {
	b.Grow(len(text) + 1)
	b.WriteString(text)
	b.WriteByte('\n')
}

// quotes reports whether a text quotes what it answers: with marks, or words of somebody who can
// have been answered, a recipient or one of the tenant. A frame that looks like a quotation of
// anybody is easily put around a whole text, and a quotation of the author's own words is no answer.
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

// says reports whether what a text quotes is what its author says: he shows it and adds nothing.
// A colleague, proved, who hands on what he got is not its author.
func (e *Evidence) says(t *reading.Text) bool { return t.Thread.Bare && !e.ColleagueProved() }

// others reports whether a text of the message was written by somebody else than its author:
// it is in a message that a colleague, proved, hands on. What a stranger hands on is his own
// text, since anybody can wrap what he writes.
func (e *Evidence) others(p *message.Part) bool {
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

// addURLs takes the targets of one text. Links of quotations count only where they are not
// the only ones: an author who quotes is not the one who leads there. Of a text that somebody else
// wrote none counts; of one whose author says what he quotes all do.
func (b *body) addURLs(t *reading.Text, others, says bool) {
	if others {
		return
	}
	foreign := map[string]bool{}
	if !says {
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
		if l := &t.Links[i]; (l.Made || t.Event) && (!l.Quoted || says) {
			b.addMade(&l.URL, t.Page != nil || t.Event)
		}
	}
}

// quotedOnly returns the targets to which only links of quotations lead.
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

// addMade adds a link that clients make of text. Beside links of HTML only new ones count.
func (b *body) addMade(u *observable.URL, besides bool) {
	if besides && (len(b.urls) > maxCompared || slices.ContainsFunc(b.urls, func(o observable.URL) bool { return o.Host == u.Host || strings.Contains(o.Text, u.Raw) })) {
		return
	}
	b.urls = append(b.urls, *u)
}

// maxCompared bounds the URLs of which each new one is compared with all others.
const maxCompared = 200

// addCodes adds where the codes lead that the texts draw.
func (b *body) addCodes() {
	for _, c := range b.Codes {
		if u, ok := observable.ParseURL(c); ok && u.IsWeb() {
			u.Place = observable.PlaceCode
			b.urls = append(b.urls, u)
		}
	}
}

// Reading returns the texts of the message as everything reads them.
func (e *Evidence) Reading() *reading.Reading { return e.body().Reading }

// Text returns all text that is shown as the message: the body in all readings and
// alternatives, HTML as display text, and invitations.
func (e *Evidence) Text() string { return e.body().text }

// Current returns the text that the author of the message wrote now: Text without quotations.
func (e *Evidence) Current() string { return e.body().current }

// Pages returns the HTML texts of the body.
func (e *Evidence) Pages() []*reading.Page { return e.body().pages }

// Codes returns what the QR codes say that the texts draw with cells or characters.
func (e *Evidence) Codes() []string { return e.body().Codes }

// URLs returns every URL of the body that is no part of a quotation: targets of HTML, links that
// clients make of text, and codes that it draws.
func (e *Evidence) URLs() []observable.URL { return e.body().urls }

// Links returns the URLs that lead somewhere when clicked. Where a gateway or another
// service has rewritten a link, its true target follows it.
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
