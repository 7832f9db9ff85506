package mdm

import (
	"slices"
	"strings"

	"outrider/internal/evidence/reading"
	"outrider/internal/markup"
	"outrider/internal/observable"
	"outrider/internal/thread"
)

// Bounds on one body.
const (
	maxLinks  = 2000
	maxHidden = 64 << 10 // bytes of hidden text
)

// readBody reads the body into m, and returns the hidden texts of its documents. The model
// has the first non-empty text of each kind, and the links of all texts, since a client may
// show any of them.
func readBody(in *Input, m *Message) (hidden []string) {
	b := Body{Links: []Link{}, IPs: []IP{}, PreviousThreads: []PreviousThread{}, CurrentThread: Thread{Links: []Link{}, Banners: []Banner{}}}
	r := bodyReader{seen: map[string]bool{}}
	var html, plain *reading.Text
	for i := range in.Reading.Texts {
		t := &in.Reading.Texts[i]
		if t.Event {
			continue
		}
		links := newLinks(t.Links)
		r.add(&b, t, links)
		switch {
		case t.Page != nil:
			hidden = hide(hidden, t.Page.Document)
			if html == nil && (strings.TrimSpace(t.Shown) != "" || len(links) > 0 || len(t.Page.Grids()) > 0) {
				html, b.HTML = t, newHTML(t, links)
			}
		case plain == nil && strings.TrimSpace(t.Raw) != "":
			plain, b.Plain = t, newPlain(t, links)
		}
	}
	for _, l := range r.fresh(ofCodes(in.Reading.Codes)) {
		b.Links, b.CurrentThread.Links = append(b.Links, l), append(b.CurrentThread.Links, l)
	}
	switch {
	case html != nil:
		b.threads(html, b.Links)
	case plain != nil:
		b.threads(plain, b.Links)
	}
	b.IPs = ipsOf(b.Links)
	m.Body = b
	return hidden
}

func newHTML(t *reading.Text, links []Link) *HTML {
	return &HTML{
		Raw: t.Raw, document: t.Page.Document, InnerText: t.Page.InnerText(), DisplayText: t.Shown, Charset: text(t.Part.Charset),
		ContentTransferEncoding: text(t.Part.Encoding), Links: links,
	}
}

func newPlain(t *reading.Text, links []Link) *Plain {
	return &Plain{Raw: t.Raw, Charset: text(t.Part.Charset), ContentTransferEncoding: text(t.Part.Encoding), Links: links}
}

type bodyReader struct {
	seen map[string]bool // links by target and visible text
}

// add adds the new links of a text, and those outside of quotations to the current text as
// well.
func (r *bodyReader) add(b *Body, t *reading.Text, links []Link) {
	for i := range links {
		if !r.first(&links[i]) {
			continue
		}
		b.Links = append(b.Links, links[i])
		if !t.Links[i].Quoted {
			b.CurrentThread.Links = append(b.CurrentThread.Links, links[i])
		}
	}
}

// fresh returns the links that are new.
func (r *bodyReader) fresh(links []Link) []Link {
	return slices.DeleteFunc(links, func(l Link) bool { return !r.first(&l) })
}

// first reports whether a link is new.
func (r *bodyReader) first(l *Link) bool {
	key := l.HrefURL.URL + "\x00" + shown(l)
	if r.seen[key] || len(r.seen) >= maxLinks {
		return false
	}
	r.seen[key] = true
	return true
}

// hide adds the hidden text of a document.
func hide(hidden []string, doc *markup.Document) []string {
	size := 0
	for _, h := range doc.Hidden() {
		if t := strings.TrimSpace(h.Text); t != "" && size+len(t) < maxHidden {
			hidden = append(hidden, t)
			size += len(t)
		}
	}
	return hidden
}

func shown(l *Link) string {
	if l.DisplayURL != nil {
		return l.DisplayURL.URL
	}
	if l.DisplayText != nil {
		return *l.DisplayText
	}
	return ""
}

// newLinks describes links in order.
func newLinks(links []reading.Link) []Link {
	out := make([]Link, 0, len(links))
	for i := range links {
		l := &links[i]
		if l.Made {
			out = append(out, newLink(l.URL, l.Label, "plain"))
			continue
		}
		link, visible := newLink(l.URL, l.Label, "hyperlink"), l.Visible
		link.Visible = &visible
		out = append(out, link)
	}
	return out
}

// ofCodes returns the targets of the codes that the body draws.
func ofCodes(codes []string) []Link {
	var out []Link
	for _, c := range codes {
		if u, ok := observable.ParseURL(c); ok && u.IsWeb() {
			out = append(out, newLink(u, "", "code"))
		}
	}
	return out
}

// newLink describes one link by its target and its visible text.
func newLink(u observable.URL, label, parser string) Link {
	l := Link{HrefURL: NewURL(u), Parser: parser}
	label = strings.TrimSpace(label)
	s := displayURL(label)
	if s == nil {
		l.DisplayText = text(label)
		return l
	}
	l.DisplayURL = s
	l.Mismatched = s.Domain.Valid && l.HrefURL.Domain.Valid && *s.Domain.RootDomain != *l.HrefURL.Domain.RootDomain
	return l
}

// displayURL returns the visible text of a link as a URL if it is only a URL or a host
// name.
func displayURL(label string) *URL {
	if label == "" || strings.ContainsAny(label, " \t\n") {
		return nil
	}
	u, ok := observable.ParseURL(label)
	if (!ok || u.Host == "") && observable.ShownDomain(label) != "" {
		u, ok = observable.ParseURL("http://" + label)
	}
	if !ok || u.Host == "" {
		return nil
	}
	out := NewURL(u)
	out.URL = label
	return &out
}

func ipsOf(links []Link) []IP {
	out := []IP{}
	seen := make(map[string]bool)
	for i := range links {
		if ip := links[i].HrefURL.IP; ip != nil && !seen[ip.IP] {
			seen[ip.IP] = true
			out = append(out, *ip)
		}
	}
	return out
}

// threads takes the new text and the quoted texts. A link belongs to the quotation that
// contains its visible text.
func (b *Body) threads(t *reading.Text, links []Link) {
	b.CurrentThread.Text, b.CurrentThread.Preamble = t.New(), text(t.Thread.Current.Preamble)
	b.CurrentThread.Banners = banners(t.Thread.Current.Banners, links)
	for i := range t.Thread.Previous {
		p := &t.Thread.Previous[i]
		b.PreviousThreads = append(b.PreviousThreads, PreviousThread{
			Index: i, Text: p.Text, Preamble: text(p.Preamble), Sender: person(p.From), Subject: quotedSubject(p.Subject), Date: utc(p.Date),
			Recipients: Recipients{To: persons(p.To), Cc: persons(p.Cc), Bcc: []Mailbox{}},
			Links:      linksIn(p.Text, links), Banners: banners(p.Banners, links),
		})
	}
}

// linksIn returns the links whose visible text is in s.
func linksIn(s string, links []Link) []Link {
	out := []Link{}
	for i := range links {
		if label := shown(&links[i]); label != "" && strings.Contains(s, label) {
			out = append(out, links[i])
		}
	}
	return out
}

func banners(list []thread.Banner, links []Link) []Banner {
	out := []Banner{}
	for _, b := range list {
		out = append(out, Banner{Text: b.Text, Links: linksIn(b.Text, links)})
	}
	return out
}

func person(m thread.Mailbox) *Mailbox {
	if m.Name == "" && m.Address == "" {
		return nil
	}
	return &Mailbox{DisplayName: text(m.Name), Email: NewEmail(m.Address)}
}

func persons(list []thread.Mailbox) []Mailbox {
	out := []Mailbox{}
	for _, m := range list {
		if p := person(m); p != nil {
			out = append(out, *p)
		}
	}
	return out
}

func quotedSubject(s string) *Subject {
	if s == "" {
		return nil
	}
	out := NewSubject(s)
	return &out
}
