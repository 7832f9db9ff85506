package mailflow

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"outrider/internal/event"
	"outrider/internal/message"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/spool"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// commitTimeout bounds the durable append after an answer. A disk that takes longer
// is failing; the sender is better served by another host.
const commitTimeout = 30 * time.Second

// NextHop places mail at the next hop of the domain, while the sender waits.
type NextHop struct{ Relay *relay.Relay }

// Place delivers the copy over the route of its domain.
func (n NextHop) Place(ctx context.Context, c Copy, commit func(context.Context) error) []relay.Result {
	return n.Relay.Deliver(ctx, c.Decision.Domain.Route, c.Job, commit)
}

// placed is what became of all copies of one message.
type placed struct {
	batch    spool.Batch
	accepted int          // recipients whose mail is delivered, held or queued
	replies  []smtp.Reply // of those delivered
	failed   []relay.Result
	err      error           // a reason to promise nothing
	why      *verdict.Reason // of err, where policy decided it
}

// place carries out every decision. Decisions that need no other host come first.
func (f *Flow) place(ctx context.Context, l *inflight, at Placement, intent *spool.Append) *placed {
	p := &placed{batch: spool.Batch{ID: l.received.ID, Facts: l.facts}}
	for i := range l.copies {
		if p.err != nil && p.accepted == 0 {
			break // the sender keeps the message, for all recipients
		}
		c := &l.copies[i]
		switch c.Decision.Action {
		case tenant.ActionQuarantine:
			f.hold(l, c, p)
		case tenant.ActionReject:
			p.why = &c.Decision.Reason
			p.err = &smtp.Error{Code: 550, Enhanced: "5.7.1", Text: "Message refused by policy (id " + string(l.received.ID) + ")"}
		case tenant.ActionDefer:
			p.why = &c.Decision.Reason
			p.err = &smtp.Error{Code: 451, Enhanced: "4.7.1", Text: "Message deferred by policy, try again later (id " + string(l.received.ID) + ")"}
		case tenant.ActionDeliver:
			f.deliver(ctx, l, c, at, intent, p)
		}
	}
	return p
}

// deliver hands one copy to the next hop and notes what became of each recipient.
func (f *Flow) deliver(ctx context.Context, l *inflight, c *Copy, at Placement, intent *spool.Append, p *placed) {
	var commitErr error
	results := at.Place(ctx, *c, func(ctx context.Context) error {
		commitErr = intent.Wait(ctx)
		return commitErr
	})
	if commitErr != nil && p.accepted == 0 {
		p.err = commitErr
		return
	}
	// With a part of the message held already, the sender will be told 250: what was
	// not sent for want of the intent is queued by the same append as what is held.
	var deferred, done []relay.Result
	for _, r := range results {
		switch r.Status {
		case relay.Delivered:
			p.accepted++
			done = append(done, r)
			p.replies = append(p.replies, r.Reply)
			d := event.DeliveryDetail{Reply: r.Reply.String(), Host: r.Host, TLS: r.TLS}
			if len(p.replies) == 1 {
				d.Known = l.judged.Proved()
			}
			p.fact(event.Placed, l, r, d)
		case relay.Failed:
			p.failed = append(p.failed, r)
		default:
			deferred = append(deferred, r)
		}
	}
	if dsn := f.tellOfSuccess(l.settings, notice{
		tenant: l.tenant.ID, id: l.received.ID, envelope: l.received.Envelope, arrived: l.received.At, content: l.received.Body,
	}, c.Decision.Domain.Route.Key(), done); dsn != nil {
		p.batch.Queue = append(p.batch.Queue, *dsn)
	}
	if len(deferred) == 0 {
		return
	}
	if ctx.Err() != nil && p.accepted == 0 {
		// The server stops. Nothing was promised, so the sender may as well keep it.
		p.err = &smtp.Error{Code: 421, Enhanced: "4.3.2", Text: "Service shutting down, try again later", Err: ctx.Err()}
		return
	}
	f.queue(l, c, deferred, p)
}

// queue spools one copy for the recipients that the next hop could not take now.
func (f *Flow) queue(l *inflight, c *Copy, deferred []relay.Result, p *placed) {
	now := f.clock.Now()
	e := spool.Entry{
		MessageID: l.received.ID, Tenant: l.tenant.ID, RouteKey: c.Decision.Domain.Route.Key(), Domain: c.Decision.Domain.Name,
		Envelope: c.Job.Envelope, Traits: c.Job.Traits, Created: now, Expires: now.Add(l.settings.RetryFor),
		Attempts: 1, LastReply: deferred[0].Reply.String(), Content: c.Job.Content,
	}
	e.Next = l.settings.nextAttempt(now, e.Attempts)
	e.Envelope.Recipients = nil
	for _, r := range deferred {
		p.accepted++
		e.Envelope.Recipients = append(e.Envelope.Recipients, r.Recipient)
		p.fact(event.Deferred, l, r, event.DeliveryDetail{Reply: r.Reply.String(), Host: r.Host, Attempts: 1, Next: e.Next})
	}
	p.batch.Queue = append(p.batch.Queue, e)
}

// HeldMeta travels with a held message from the edge to the store.
type HeldMeta struct {
	Detail     event.HeldDetail `json:"detail"`
	HeaderFrom string           `json:"header_from"`
	Subject    string           `json:"subject"`
	Trace      message.Patch    `json:"trace,omitempty"`
}

// hold keeps the original bytes for the recipients of the copy.
func (f *Flow) hold(l *inflight, c *Copy, p *placed) {
	id := string(message.NewID(time.Now()))
	meta := HeldMeta{Detail: event.HeldDetail{
		Held: id, Disposition: c.Decision.Disposition, Reason: &c.Decision.Reason, Expires: l.received.At.Add(l.settings.HoldFor),
	}, Trace: c.Trace}
	var d event.ReceivedDetail
	if json.Unmarshal(l.facts[0].Detail, &d) == nil {
		meta.HeaderFrom, meta.Subject = d.HeaderFrom, d.Subject
	}
	raw, _ := json.Marshal(meta) // plain strings and numbers
	p.batch.Hold = append(p.batch.Hold, spool.Held{
		ID: id, MessageID: l.received.ID, Tenant: l.tenant.ID, At: l.received.At, Envelope: envelopeFor(l, c.Decision.Recipients),
		Traits: l.received.Traits, Meta: raw, Content: l.received.Body,
	})
	l.held = append(l.held, id)
	p.accepted += len(c.Decision.Recipients)
	p.batch.Facts = append(p.batch.Facts, event.New(event.Quarantined, l.tenant.ID, string(l.received.ID), time.Now(), c.Decision.Recipients, meta.Detail))
}

// envelopeFor returns the envelope as it came, for some of its recipients.
func envelopeFor(l *inflight, recipients []smtp.Recipient) smtp.Envelope {
	env := l.received.Envelope
	env.Recipients = recipients
	return env
}

func (p *placed) fact(kind event.Kind, l *inflight, r relay.Result, d event.DeliveryDetail) {
	p.batch.Facts = append(p.batch.Facts, event.New(kind, l.tenant.ID, string(l.received.ID), time.Now(), []smtp.Recipient{r.Recipient}, d))
}

// settle records what became of the message and says what its sender is told.
func (f *Flow) settle(ctx context.Context, l *inflight, p *placed) (smtp.Reply, error) {
	if p.accepted == 0 {
		return f.settleRefused(ctx, l, p)
	}
	// Part of the message is ours, so what failed can only be told by a notification.
	f.bounce(l, p)
	l.facts = p.batch.Facts
	// Mail that the next hop has for everybody is safe without us, so its sender need not
	// wait for the disk a second time: the facts follow within a tenth of a second. A crash
	// in that time leaves the intent, which is then recorded as interrupted.
	p.batch.Lazy = len(p.batch.Queue) == 0 && len(p.batch.Hold) == 0
	cctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := f.spool.Commit(cctx, p.batch); err != nil {
		f.log.ErrorContext(ctx, "recording the outcome failed", "message_id", l.received.ID, "error", err)
		if p.batch.Lazy {
			// The next hop has it, and nothing waits for us: no copy, no notification. Only the
			// record is lost; asking the sender to send again would make a duplicate for certain.
			return p.reply(l.received.ID), nil
		}
		return smtp.Reply{}, fmt.Errorf("recording the outcome of %s: %w", l.received.ID, err)
	}
	f.observeDelivered(l, p)
	if len(p.batch.Queue) > 0 {
		signal(f.wake)
	}
	signal(f.fresh)
	f.count(p.batch.Facts)
	f.schedule(ctx, l, p)
	return p.reply(l.received.ID), nil
}

// settleRefused answers a message of which nothing was accepted.
func (f *Flow) settleRefused(ctx context.Context, l *inflight, p *placed) (smtp.Reply, error) {
	if p.err != nil {
		l.facts = p.batch.Facts
		return f.refuse(ctx, l, p.err, p.why)
	}
	for _, r := range p.failed {
		p.fact(event.Rejected, l, r, event.DeliveryDetail{Reply: r.Reply.String(), Host: r.Host, TLS: r.TLS, By: "next-hop"})
	}
	l.facts = p.batch.Facts
	p.batch.Lazy = true
	f.record(ctx, p.batch)
	f.count(p.batch.Facts)
	if len(p.failed) == 0 {
		return smtp.Reply{}, fmt.Errorf("placing %s: no result for any recipient", l.received.ID)
	}
	reply := p.failed[0].Reply
	return smtp.Reply{}, &smtp.Error{Code: reply.Code, Enhanced: reply.Enhanced, Text: reply.Text}
}

// bounce notifies the sender about recipients that the next hop refused, after others
// were accepted.
func (f *Flow) bounce(l *inflight, p *placed) {
	if len(p.failed) == 0 {
		return
	}
	dsn := f.notification(l.settings, notice{
		tenant: l.tenant.ID, id: l.received.ID, envelope: l.received.Envelope, arrived: l.received.At,
		results: p.failed, action: relay.ActionFailed, content: l.received.Body,
	})
	if dsn != nil {
		p.batch.Queue = append(p.batch.Queue, *dsn)
	}
	for _, r := range p.failed {
		p.fact(event.Bounced, l, r, event.DeliveryDetail{Reply: r.Reply.String(), Host: r.Host, DSN: dsn != nil, By: "next-hop"})
	}
}

// reply passes on what the next hop said when it spoke for everybody.
func (p *placed) reply(id message.ID) smtp.Reply {
	if len(p.replies) == p.accepted && len(p.failed) == 0 {
		text, _, _ := strings.Cut(p.replies[0].Text, "\n")
		return smtp.Reply{Code: 250, Enhanced: "2.0.0", Text: fmt.Sprintf("%s (Outrider id %s)", text, id)}
	}
	return smtp.Reply{Code: 250, Enhanced: "2.0.0", Text: fmt.Sprintf("Accepted (Outrider id %s)", id)}
}
