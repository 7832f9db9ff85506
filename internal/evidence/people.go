package evidence

import (
	"slices"
	"strings"

	"outrider/internal/address"
	"outrider/internal/budget"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/message/report"
)

// people holds the mailboxes of the header section.
type people struct {
	authors, replyTo, recipients []message.Mailbox

	domains []string // of the authors, in every reading
}

func (e *Evidence) readPeople() people {
	h := e.Message.Header()
	authors := e.Message.Authors()
	p := people{authors: authors.Mailboxes, domains: authors.Domains, replyTo: h.Mailboxes("Reply-To"), recipients: h.Mailboxes("To")}
	cc := h.Mailboxes("Cc")
	for _, list := range [][]message.Mailbox{p.authors, p.replyTo, p.recipients, cc} {
		if len(list) >= message.MaxMailboxes {
			e.Budget.Omit(budget.Addresses)
		}
	}
	p.recipients = append(p.recipients, cc...)
	return p
}

// Author returns the first mailbox of From, or an empty one.
func (e *Evidence) Author() message.Mailbox {
	if a := e.people().authors; len(a) > 0 {
		return a[0]
	}
	return message.Mailbox{}
}

// AuthorDomains returns every domain that any client reads as an author's.
func (e *Evidence) AuthorDomains() []string { return e.people().domains }

// Authors returns the mailboxes of From.
func (e *Evidence) Authors() []message.Mailbox { return e.people().authors }

// ReplyTo returns the mailboxes of Reply-To.
func (e *Evidence) ReplyTo() []message.Mailbox { return e.people().replyTo }

// Recipients returns the mailboxes of To and Cc, and those of the envelope.
func (e *Evidence) Recipients() []string {
	var out []string
	for _, m := range e.people().recipients {
		out = append(out, strings.ToLower(m.Address()))
	}
	for _, r := range e.Received.Envelope.Recipients {
		out = append(out, strings.ToLower(r.Address))
	}
	return out
}

// AuthChecked reports whether SPF, DKIM or DMARC was checked.
func (e *Evidence) AuthChecked() bool {
	a := &e.Auth
	return a.Source != mailauth.SourceNone && (a.SPF.Result != "" || len(a.DKIM) > 0 || a.DMARC.Result != "")
}

// AuthorProved reports whether SPF, DKIM or DMARC passed for the organization of the
// author's domain.
func (e *Evidence) AuthorProved() bool {
	authors := e.Authors()
	return len(authors) == 1 && authors[0].HasName() && e.Auth.AlignedPass(authors[0].Domain)
}

// AuthorKnown reports whether the author's address has sent wanted mail on enough days, or
// was answered. It proves nothing about the sender of this message: see AuthorProved.
func (e *Evidence) AuthorKnown() bool { return e.Contact.Address.Trusted() }

// FromInside reports whether the true sender is a host of the own network. Such hosts
// submit mail of the own domains without SPF or DKIM, and outsiders cannot use their
// addresses.
func (e *Evidence) FromInside() bool {
	c := e.Auth.Client
	if !c.IsValid() {
		c = e.Received.Peer.Addr
	}
	return c.IsValid() && (c.IsLoopback() || c.IsPrivate())
}

// ListHostProved reports whether the message came through an authenticated mailing list:
// SPF or DKIM passed for the organization in List-Id.
func (e *Evidence) ListHostProved() bool {
	id := e.Message.Header().Get("List-Id")
	if id == "" {
		return false
	}
	if open := strings.LastIndexByte(id, '<'); open >= 0 {
		id = strings.TrimRight(id[open+1:], "> ")
	}
	org := address.Organizational(strings.ToLower(id))
	a := &e.Auth
	return a.SPF.Result == mailauth.Pass && address.SameOrganization(a.SPF.Domain, org) || a.DKIMPass(org)
}

// IsReply reports whether the message continues a conversation: it references the earlier
// message and quotes it.
func (e *Evidence) IsReply() bool {
	h := e.Message.Header()
	return (h.Has("In-Reply-To") || h.Has("References")) && e.body().quotes
}

// IsReport reports whether the message is a delivery report or another automatic answer of
// a mail system: it holds a readable status and has a null reverse-path. The media type and
// the name of a mail system prove nothing, since anybody can write them. RFC 3464, Section
// 2, and RFC 5321, Section 4.5.5: notifications have a null reverse-path.
func (e *Evidence) IsReport() bool {
	if !e.NullSender() {
		return false
	}
	r, ok := report.Read(e.Message)
	return ok && readable(r)
}

// NullSender reports whether the reverse-path is null, or the placeholder that old systems
// write into files for it, which no host accepts as an address.
func (e *Evidence) NullSender() bool {
	from := e.Received.Envelope.From
	return from == "" || strings.EqualFold(from, "mailer-daemon")
}

// readable reports whether a report names a recipient and its delivery status.
func readable(r *report.Report) bool {
	switch r.Kind {
	case report.KindDelivery:
		return slices.ContainsFunc(r.Recipients, func(p report.Recipient) bool { return p.Action != "" && p.Status != "" })
	case report.KindDisposition:
		return r.Disposition != nil
	case report.KindFeedback:
		return r.Feedback != nil
	}
	return false
}

// ColleagueProved reports whether the author's address is in one of the tenant's own
// domains and is authenticated.
func (e *Evidence) ColleagueProved() bool {
	d := e.Author().Domain
	return e.Tenant != nil && e.Tenant.Owns(d) && (e.AuthorProved() || e.FromInside() && len(e.Authors()) == 1)
}
