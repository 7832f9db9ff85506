// Package report parses reports of mail systems about mail.
//
// A multipart/report holds a text for people, fields for programs, and often the original
// message. The fields report that mail was or was not delivered (delivery status), that a
// recipient has opened it (disposition notification), or that a recipient has complained
// (feedback report). Such a report is not authenticated: its content is a claim of its
// sender.
//
// Standards: RFC 6522 (multipart/report), RFC 3464 and RFC 6533 (delivery status), RFC 8098
// (disposition notifications), RFC 5965, RFC 6591 and RFC 6692 (feedback reports).
//
// Divergences: reports are recognised by the part with the fields, in any container, since
// many systems omit the multipart. The types before addresses are optional.
//
// Limits: maxBlocks groups of maxFields fields each; of duplicate fields the first counts.
package report

import (
	"net/netip"
	"strings"
	"time"

	"outrider/internal/message"
)

// Kind is the kind of a report.
type Kind string

// The kinds of reports.
const (
	KindDelivery    Kind = "delivery-status"
	KindDisposition Kind = "disposition-notification"
	KindFeedback    Kind = "feedback-report"
)

// Report is one report.
type Report struct {
	Kind         Kind
	ReportingMTA string        // name, without its type, or ""
	EnvelopeID   string        // of the original message, or ""
	Arrival      time.Time     // of the original message, zero if unknown
	Recipients   []Recipient   // of delivery status
	Disposition  *Disposition  // of disposition notifications, else nil
	Feedback     *Feedback     // of feedback reports, else nil
	Returned     *message.Part // the returned message, or its header section, or nil
	Cut          bool          // there are more groups of fields than the limit
}

// Recipient is the delivery status of one recipient.
type Recipient struct {
	Final       string    // address of the delivery attempt, without its type
	Original    string    // address given by the sender, or ""
	Action      string    // lower case: "failed", "delayed", "delivered", "relayed", "expanded"
	Status      string    // enhanced code, for example "5.1.1", or ""
	RemoteMTA   string    // host that replied, or ""
	Diagnostic  string    // reply of that host
	LastAttempt time.Time // zero if unknown
}

// Disposition is the handling of a message by its recipient or their program.
type Disposition struct {
	UserAgent string
	Final     string // address of the reader
	MessageID string // of the original message, with angle brackets
	Mode      string // lower case: "manual-action/mdn-sent-manually" and the like
	Type      string // lower case: "displayed", "deleted" and so on
	Modifiers string // "error" and the like, or ""
}

// Feedback is a complaint about a message.
type Feedback struct {
	Type       string // lower case: "abuse", "fraud", "virus", "auth-failure", "not-spam", "other"
	UserAgent  string
	MailFrom   string   // reverse-path of the original message, or ""
	Recipients []string // its recipients
	Source     netip.Addr
	Domains    []string // as reported
	URIs       []string // as reported
	AuthFailed string   // lower case, of type "auth-failure": "dkim", "spf", "dmarc" and so on
	Incidents  string   // number as written, or ""
}

// Read returns the first report in a message, and whether there is one.
func Read(m *message.Message) (*Report, bool) {
	for _, p := range m.Parts {
		if kind, ok := kindOf(p.MediaType); ok {
			groups, cut := blocks(string(p.Decoded()))
			r := newReport(kind, groups)
			r.Returned, r.Cut = returned(m, p), cut
			return r, true
		}
	}
	return nil, false
}

func kindOf(mediaType string) (Kind, bool) {
	switch mediaType {
	case "message/delivery-status", "message/global-delivery-status":
		return KindDelivery, true
	case "message/disposition-notification", "message/global-disposition-notification":
		return KindDisposition, true
	case "message/feedback-report":
		return KindFeedback, true
	}
	return "", false
}

// returned finds the original message among the parts after p. RFC 6522, Section 3: it is
// the third part, whole or as its header section alone.
func returned(m *message.Message, p *message.Part) *message.Part {
	behind := false
	for _, o := range m.Parts {
		if o == p {
			behind = true
			continue
		}
		if !behind || o.Parent != p.Parent {
			continue
		}
		switch o.MediaType {
		case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
			return o
		}
	}
	return nil
}

func newReport(kind Kind, groups []group) *Report {
	r := &Report{Kind: kind}
	if len(groups) == 0 {
		return r
	}
	first := groups[0]
	r.ReportingMTA = untyped(first.get("reporting-mta"))
	r.EnvelopeID = first.get("original-envelope-id")
	r.Arrival = first.date("arrival-date", "received-date")
	switch kind {
	case KindDelivery:
		r.Recipients = recipients(groups)
	case KindDisposition:
		r.Disposition = newDisposition(first)
	case KindFeedback:
		r.Feedback = newFeedback(first)
	}
	return r
}

// recipients parses the groups after the first. RFC 3464, Section 2.1: the first is about
// the message; some systems omit it, so that the first is a recipient.
func recipients(groups []group) []Recipient {
	var out []Recipient
	for _, g := range groups {
		r := Recipient{
			Final: untyped(g.get("final-recipient")), Original: untyped(g.get("original-recipient")),
			Action: word(g.get("action")), Status: word(g.get("status")), RemoteMTA: untyped(g.get("remote-mta")),
			Diagnostic: untyped(g.get("diagnostic-code")), LastAttempt: g.date("last-attempt-date"),
		}
		if r.Final != "" || r.Original != "" || r.Action != "" {
			out = append(out, r)
		}
	}
	return out
}

func newDisposition(g group) *Disposition {
	d := &Disposition{
		UserAgent: g.get("reporting-ua"), Final: untyped(g.get("final-recipient")), MessageID: g.get("original-message-id"),
	}
	// RFC 8098, Section 3.2.6: mode; type/modifiers.
	mode, rest, _ := strings.Cut(strings.ToLower(g.get("disposition")), ";")
	kind, modifiers, _ := strings.Cut(rest, "/")
	d.Mode, d.Type, d.Modifiers = squeeze(mode), strings.TrimSpace(kind), strings.TrimSpace(modifiers)
	return d
}

func newFeedback(g group) *Feedback {
	f := &Feedback{
		Type: word(g.get("feedback-type")), UserAgent: g.get("user-agent"), MailFrom: bare(g.get("original-mail-from")),
		Domains: g.all("reported-domain"), URIs: g.all("reported-uri"), AuthFailed: word(g.get("auth-failure")), Incidents: word(g.get("incidents")),
	}
	for _, to := range g.all("original-rcpt-to") {
		f.Recipients = append(f.Recipients, bare(to))
	}
	if a, err := netip.ParseAddr(word(g.get("source-ip"))); err == nil {
		f.Source = a.Unmap()
	}
	return f
}
