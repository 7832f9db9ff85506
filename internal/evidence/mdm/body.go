package mdm

import (
	"slices"
	"strings"

	"outrider/internal/budget"
	"outrider/internal/markup"
	"outrider/internal/message"
	"outrider/internal/observable"
	"outrider/internal/thread"
)

// Bounds on what is kept of one body.
const (
	maxLinks  = 2000
	maxHidden = 64 << 10 // bytes of hidden text
)

// readBody reads the body into m, and returns the hidden texts of its documents. Of
// several texts of one kind the first with something in it is that of the model; links
// come from all, since a reader may be shown any.
func readBody(in *Input, m *Message) (hidden []string) {
	r := bodyReader{in: in, seen: map[string]bool{}}
	b := Body{Links: []Link{}, IPs: []IP{}, PreviousThreads: []PreviousThread{}, CurrentThread: Thread{Links: []Link{}, Banners: []Banner{}}}
	var current *thread.Thread
	for _, p := range in.Message.TextParts() {
		raw := p.Text()
		switch p.MediaType {
		case "text/html":
			doc := in.document(p, raw)
			links := r.ofDocument(doc)
			b.Links = append(b.Links, r.fresh(links)...)
			hidden = r.hide(hidden, doc)
			if b.HTML == nil && (strings.TrimSpace(doc.DisplayText()) != "" || len(links) > 0 || len(doc.Grids()) > 0) {
				b.HTML = &HTML{Raw: raw, document: doc, InnerText: doc.InnerText(), DisplayText: doc.DisplayText(), Charset: text(p.Charset), ContentTransferEncoding: text(p.Encoding), Links: links}
				t := thread.SplitHTMLFrom(doc, sender(m))
				current = &t
			}
		default:
			links := r.ofText(raw)
			b.Links = append(b.Links, r.fresh(links)...)
			if b.Plain == nil && strings.TrimSpace(raw) != "" {
				b.Plain = &Plain{Raw: raw, Charset: text(p.Charset), ContentTransferEncoding: text(p.Encoding), Links: links}
			}
		}
	}
	b.Links = append(b.Links, r.fresh(ofCodes(in.Codes))...)
	if current == nil && b.Plain != nil {
		t := thread.SplitFrom(b.Plain.Raw, sender(m))
		current = &t
	}
	b.conversation(current, in.Budget)
	b.IPs = ipsOf(b.Links)
	m.Body = b
	return hidden
}

// conversation takes the body apart. Without a text, the links that it draws are current.
func (b *Body) conversation(t *thread.Thread, l *budget.Budget) {
	if t == nil {
		t = &thread.Thread{}
	}
	if t.Cut {
		l.Omit(budget.Quotations)
	}
	b.threads(t, b.Links)
}

// document returns the parsed HTML of a part.
func (in *Input) document(p *message.Part, raw string) *markup.Document {
	if d := in.Documents[p]; d != nil {
		return d
	}
	return markup.Parse(raw, in.Budget)
}

// sender returns the name of the author, or the address where there is none: a line with
// it at the end is a signature.
func sender(m *Message) string {
	if m.Sender.DisplayName != nil {
		return *m.Sender.DisplayName
	}
	return m.Sender.Email.Email
}

type bodyReader struct {
	in   *Input
	seen map[string]bool // links by target and text
}

// hide adds the hidden text of a document.
func (r *bodyReader) hide(hidden []string, doc *markup.Document) []string {
	size := 0
	for _, h := range doc.Hidden() {
		if t := strings.TrimSpace(h.Text); t != "" && size+len(t) < maxHidden {
			hidden = append(hidden, t)
			size += len(t)
		}
	}
	return hidden
}

// fresh returns the links that were not met before.
func (r *bodyReader) fresh(links []Link) []Link {
	var out []Link
	for i := range links {
		key := links[i].HrefURL.URL + "\x00" + shown(&links[i])
		if !r.seen[key] && len(r.seen) < maxLinks {
			r.seen[key] = true
			out = append(out, links[i])
		}
	}
	return out
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

// ofDocument returns the links of a document that a reader can follow, and those that
// clients make of plain URLs in its text.
func (r *bodyReader) ofDocument(doc *markup.Document) []Link {
	out := []Link{}
	linked := make(map[string]bool) // texts of anchors
	for _, l := range doc.Links() {
		if !followed(l.Place) {
			continue
		}
		if len(out) >= maxLinks {
			r.in.Budget.Omit(budget.URLs)
			break
		}
		u, ok := observable.ParseURL(l.URL)
		if !ok {
			continue
		}
		visible := l.Visible
		link := newLink(u, l.Text, "hyperlink")
		link.Visible = &visible
		out = append(out, link)
		linked[strings.TrimSpace(l.Text)] = true
	}
	for _, l := range r.ofText(doc.DisplayText()) {
		if l.DisplayURL != nil && !linked[l.DisplayURL.URL] && len(out) < maxLinks {
			out = append(out, l)
		}
	}
	return out
}

func followed(p markup.Place) bool {
	return p == markup.PlaceAnchor || p == markup.PlaceForm || p == markup.PlaceRefresh || p == markup.PlaceCode
}

// ofText returns the links that clients make of plain text.
func (r *bodyReader) ofText(s string) []Link {
	out := []Link{}
	for _, u := range observable.TextURLs(s, r.in.Budget) {
		if len(out) == maxLinks {
			r.in.Budget.Omit(budget.URLs)
			break
		}
		out = append(out, newLink(u, u.Raw, "plain"))
	}
	return out
}

// ofCodes returns where codes lead that the body draws.
func ofCodes(codes []string) []Link {
	var out []Link
	for _, c := range codes {
		if u, ok := observable.ParseURL(c); ok && u.IsWeb() {
			out = append(out, newLink(u, "", "code"))
		}
	}
	return out
}

// newLink describes one link by where it leads and what it shows.
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

// displayURL reads the text of a link that is a URL or the name of a host, alone.
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

// threads takes what is new and what is quoted. A link belongs to the part in whose text
// what it shows stands; one that shows nothing belongs to the current part.
func (b *Body) threads(t *thread.Thread, links []Link) {
	// A signature is text too: what an attacker makes look like one must not be lost to rules.
	parts := slices.DeleteFunc([]string{t.Current.Text, t.Current.Signature, t.Current.Disclaimer}, func(s string) bool { return s == "" })
	b.CurrentThread.Text, b.CurrentThread.Preamble = strings.Join(parts, "\n"), text(t.Current.Preamble)
	b.CurrentThread.Banners = banners(t.Current.Banners, links)
	for i := range t.Previous {
		p := &t.Previous[i]
		b.PreviousThreads = append(b.PreviousThreads, PreviousThread{
			Index: i, Text: p.Text, Preamble: text(p.Preamble), Sender: person(p.From), Subject: quotedSubject(p.Subject), Date: utc(p.Date),
			Recipients: Recipients{To: persons(p.To), Cc: persons(p.Cc), Bcc: []Mailbox{}},
			Links:      linksIn(p.Text, links), Banners: banners(p.Banners, links),
		})
	}
	quoted := make(map[string]bool)
	for i := range b.PreviousThreads {
		for j := range b.PreviousThreads[i].Links {
			quoted[b.PreviousThreads[i].Links[j].HrefURL.URL] = true
		}
	}
	for i := range links {
		if s := shown(&links[i]); !quoted[links[i].HrefURL.URL] || s != "" && strings.Contains(b.CurrentThread.Text, s) {
			b.CurrentThread.Links = append(b.CurrentThread.Links, links[i])
		}
	}
}

// linksIn returns the links that are shown in a text.
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
