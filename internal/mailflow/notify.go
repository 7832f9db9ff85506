package mailflow

import (
	"strings"
	"time"

	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/spool"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// notice is what a sender is to be told about some recipients.
type notice struct {
	tenant   string
	id       message.ID
	envelope smtp.Envelope // of the original
	arrived  time.Time
	results  []relay.Result
	action   relay.Action
	content  relay.Content // the original
	until    time.Time     // of a delay: when it will be given up
}

// notification returns the queue entry of a delivery status notification, or nil when
// none is due: the sender is null, or asked for none.
func (f *Flow) notification(s *Settings, n notice) *spool.Entry {
	now := f.clock.Now()
	d := relay.DSN{
		Hostname: s.Hostname, Envelope: n.envelope, Original: n.content, Arrived: n.arrived, At: now, RetryUntil: n.until,
	}
	for _, r := range n.results {
		d.Recipients = append(d.Recipients, relay.Reported{Result: r, Action: n.action})
	}
	raw, env, ok := relay.ComposeDSN(d)
	if !ok {
		return nil
	}
	domain := recipientDomain(env.Recipients[0].Address)
	return &spool.Entry{
		MessageID: n.id, Tenant: n.tenant, Domain: domain, RouteKey: routeKey(s, domain), Envelope: env,
		Traits: message.TraitsOf(raw), Created: now, Next: now, Expires: now.Add(s.RetryFor), Content: message.NewBody(raw),
	}
}

// tellOfSuccess notifies a sender who asked to hear of success about the recipients
// whose next hop will not.
// RFC 3461, Section 5.2.2: "relayed" to a host without the extension; Section 5.2.3:
// "delivered" where the mailbox is reached.
func (f *Flow) tellOfSuccess(s *Settings, n notice, routeKey string, done []relay.Result) *spool.Entry {
	n.action = relay.ActionDelivered
	if routeKey == outbound || strings.HasPrefix(routeKey, string(tenant.TransportSMTP)+":") {
		n.action = relay.ActionRelayed
	}
	for _, r := range done {
		if !r.DSN && strings.Contains(strings.ToUpper(r.Recipient.Notify), "SUCCESS") {
			n.results = append(n.results, r)
		}
	}
	if len(n.results) == 0 {
		return nil
	}
	return f.notification(s, n)
}

// likelyForged reports whether a notification would likely hit a stranger: the message
// is unwanted, or the reverse-path failed SPF and DMARC does not speak for it. Where
// nothing is published the sender is told, since losing mail in silence is worse.
func likelyForged(j *Judgement) bool {
	if j.Verdict.Disposition >= verdict.Spam || j.Auth.Disowned() {
		return true
	}
	spf := j.Auth.SPF.Result
	return (spf == mailauth.Fail || spf == mailauth.SoftFail) && j.Auth.DMARC.Result != mailauth.Pass
}

// muteForged takes the wish for notifications from mail whose sender is likely forged,
// here and at the next hop: the bounce would hit somebody who never wrote.
func muteForged(recipients []smtp.Recipient, j *Judgement) []smtp.Recipient {
	if !likelyForged(j) {
		return recipients
	}
	out := make([]smtp.Recipient, len(recipients))
	for i, r := range recipients {
		r.Notify = "NEVER"
		out[i] = r
	}
	return out
}
