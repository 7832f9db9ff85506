package message

import "slices"

// maxAuthorDomains bounds the author domains of one message: honest mail has one.
const maxAuthorDomains = 200

// Authors holds the authors of a message, from all its From fields. RFC 5322, Section
// 3.6.2, allows one field; clients show the first, the last or both.
type Authors struct {
	Mailboxes []Mailbox
	Domains   []string // distinct domains that any client reads as an author's; at most maxAuthorDomains
	More      bool     // there are more domains than the limit
	Nameless  bool     // an author has no readable domain, or there are no authors
}

// Authors returns the authors of the message. Each reading of each address counts.
func (m *Message) Authors() Authors { return m.Header().authors() }

func (h *Header) authors() Authors {
	a := Authors{Mailboxes: h.Mailboxes("From")}
	a.More = len(a.Mailboxes) == MaxMailboxes
	for i := range a.Mailboxes {
		a.add(&a.Mailboxes[i])
	}
	a.Nameless = a.Nameless || len(a.Domains) == 0
	return a
}

// add adds the domains of one author. A word without "@" beside an address is a name with
// an unquoted comma.
func (a *Authors) add(box *Mailbox) {
	if !box.HasName() {
		a.Nameless = a.Nameless || box.Domain != "" || box.Defect != ""
		return
	}
	for _, d := range box.Domains() {
		switch {
		case slices.Contains(a.Domains, d):
		case len(a.Domains) < maxAuthorDomains:
			a.Domains = append(a.Domains, d)
		default:
			a.More = true
		}
	}
}
