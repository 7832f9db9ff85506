package mdm

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"outrider/internal/mailauth"
	"outrider/internal/message"
)

// maxNames bounds the domains, addresses and references of one header section.
const maxNames = 200

// newHeaders reads the header section.
func newHeaders(in *Input) Headers {
	h := in.Message.Header()
	hops := newHops(h)
	out := Headers{
		AuthSummary: newAuthSummary(&in.Auth, hops), Hops: hops, ReplyTo: newMailboxes(h.Mailboxes("Reply-To")),
		MessageID: text(h.Get("Message-ID")), InReplyTo: text(firstID(h.Get("In-Reply-To"))), References: references(h),
		Mailer: text(cmp.Or(h.Text("X-Mailer"), h.Text("User-Agent"))), DeliveredTo: email(h.Get("Delivered-To")),
		ReturnPath: returnPath(in, h), XOriginatingIP: newIP(h.Get("X-Originating-IP")), XClientIP: newIP(h.Get("X-Client-IP")),
		XSender: email(h.Get("X-Sender")), XAuthenticatedSender: email(h.Get("X-Authenticated-Sender")),
		XSecureServerAccount: text(h.Get("X-SECURESERVER-ACCT")),
	}
	if d := h.Get("X-Authenticated-Domain"); d != "" {
		domain := NewDomain(d)
		out.XAuthenticatedDomain = &domain
	}
	if from := h.Mailboxes("From"); len(from) > 0 {
		m := newMailbox(from[0])
		out.From = &m
	}
	if at, ok := in.Message.Date(); ok {
		out.Date, out.DateOriginalOffset = utc(at), offset(at)
	}
	out.namesOf(in.Message.Hops())
	return out
}

func utc(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// offset returns the time zone in hours.
func offset(t time.Time) *string {
	_, seconds := t.Zone()
	minutes := seconds / 60
	s := strconv.Itoa(minutes / 60)
	if m := max(minutes%60, -(minutes % 60)); m != 0 {
		s = fmt.Sprintf("%+d:%02d", minutes/60, m)
	}
	return &s
}

func email(s string) *Email {
	if s == "" {
		return nil
	}
	e := NewEmail(s)
	return &e
}

// returnPath is the envelope sender if known, and the Return-Path field otherwise.
func returnPath(in *Input, h *message.Header) *Email {
	if in.Received.Source == message.SourceSMTP {
		return email(in.Received.Envelope.From)
	}
	return email(strings.Trim(h.Get("Return-Path"), " <>"))
}

// firstID returns the first message id of a field, without surrounding text.
func firstID(s string) string {
	if i := strings.IndexByte(s, '<'); i >= 0 {
		if j := strings.IndexByte(s[i:], '>'); j > 0 {
			return s[i : i+j+1]
		}
	}
	return strings.TrimSpace(s)
}

func references(h *message.Header) []string {
	out := []string{}
	for id := range strings.FieldsSeq(h.Get("References")) {
		if id = strings.Trim(id, "<>,"); id != "" && len(out) < maxNames {
			out = append(out, id)
		}
	}
	return out
}

// namesOf collects the distinct domains and addresses of the Received fields, starting at
// the author's end.
func (h *Headers) namesOf(hops []message.Hop) {
	h.Domains, h.IPs = []Domain{}, []IP{}
	for _, hop := range slices.Backward(hops) {
		for _, name := range []string{hop.From, hop.FromName, hop.By} {
			h.addDomain(name)
		}
		if ip := newIP(hop.FromAddr); ip != nil && len(h.IPs) < maxNames && !slices.ContainsFunc(h.IPs, func(o IP) bool { return o.IP == ip.IP }) {
			h.IPs = append(h.IPs, *ip)
		}
		if _, domain, ok := strings.Cut(hop.For, "@"); ok {
			h.addDomain(domain)
		}
	}
}

func (h *Headers) addDomain(name string) {
	d := NewDomain(name)
	if d.Valid && len(h.Domains) < maxNames && !slices.ContainsFunc(h.Domains, func(o Domain) bool { return o.Domain == d.Domain }) {
		h.Domains = append(h.Domains, d)
	}
}

// newAuthSummary reports the authentication results of our edge, or of the host that
// received the message.
func newAuthSummary(a *mailauth.Results, hops []Hop) AuthSummary {
	var s AuthSummary
	if a.Source == mailauth.SourceNone {
		return s
	}
	s.SPF.Pass, s.SPF.Error = outcome(a.SPF.Result)
	s.SPF.Details = SPFInfo{Verdict: text(string(a.SPF.Result)), Designator: text(a.SPF.Domain), Description: text(a.SPF.Why)}
	if a.Client.IsValid() {
		ip := addrIP(a.Client)
		s.SPF.Details.ClientIP = &ip
	}
	s.DMARC.Pass, s.DMARC.Error = outcome(a.DMARC.Result)
	s.DMARC.Details = DMARCInfo{Verdict: text(string(a.DMARC.Result)), Policy: text(a.DMARC.Policy)}
	if a.DMARC.Domain != "" {
		d := NewDomain(a.DMARC.Domain)
		s.DMARC.Details.From = &d
	}
	for i := range hops {
		if r := hops[i].AuthenticationResults; r != nil {
			if r.SPF != nil && s.SPF.ReceivedHop == nil {
				s.SPF.ReceivedHop = &hops[i].Index
			}
			if r.DMARC != nil && s.DMARC.ReceivedHop == nil {
				s.DMARC.ReceivedHop = &hops[i].Index
			}
		}
	}
	return s
}

// outcome reports whether a method passed, and whether it ended in an error; null if it did
// not run or had nothing to check.
func outcome(r mailauth.Result) (pass, failed *bool) {
	yes, no := true, false
	switch r {
	case "", mailauth.None:
		return nil, nil
	case mailauth.Pass:
		return &yes, &no
	case mailauth.TempError, mailauth.PermError:
		return &no, &yes
	default:
		return &no, &no
	}
}
