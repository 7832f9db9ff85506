// Package mailflow is the life of one message, top to bottom: Process is the story,
// and the other files of the package tell its parts.
//
// A message that an edge received is judged, decided about, and placed while its
// sender waits. The sender is answered only after the next hop answered us, so in the
// normal case no queue exists; what the next hop cannot take now goes to the spool,
// is tried again for days, and ends in delivery or in a notification. What a verdict lacked
// for want of time is waited for after all that, and the message judged again. The names
// of the steps are the same in code, documents, logs and metrics.
//
// Standards: RFC 5321 Sections 4.5.4 and 6 (retries, responsibility, loops), RFC 3461
// and 3464 (delivery status notifications), RFC 8601 (Authentication-Results).
package mailflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"outrider/internal/clock"
	"outrider/internal/detect"
	"outrider/internal/event"
	"outrider/internal/history"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/policy"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/spool"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// Placement carries out one decision about a message.
type Placement interface {
	// Place hands the copy to where it goes next and returns one result per recipient
	// of its envelope, in order. It calls commit before anything becomes final, and
	// stops when that fails.
	Place(ctx context.Context, c Copy, commit func(context.Context) error) []relay.Result
}

// Copy is a message as it goes to some of its recipients.
type Copy struct {
	Decision policy.Decision
	Job      relay.Job
	Trace    message.Patch // of a message that is held: what it gets on release
}

// Settings is one configuration of the flow, immutable and replaced as a whole.
type Settings struct {
	Directory  *tenant.Directory // always non-nil
	Engine     *detect.Engine    // or nil: mail is placed unjudged
	Hostname   string
	Sealer     *mailauth.Sealer // adds to the ARC chain of judged mail, or nil
	Deadline   time.Duration    // of inline judgement; that of the judge's limits when 0
	MaxHops    int              // more Received fields are a loop
	OnFailure  tenant.Action    // of a message that could not be judged: deliver or defer
	Outbound   tenant.Route     // of notifications to senders
	FirstRetry time.Duration    // wait before the second attempt
	RetryFor   time.Duration
	DelayAt    time.Duration // when a sender who asked for it hears of a delay
	HoldFor    time.Duration // how long quarantined mail is kept
	Revisit    bool          // mail is looked at again when what its verdict lacked may be had
	KeepFor    time.Duration // how long messages and events are kept; 0: for ever
}

// Config is what a flow is built from.
type Config struct {
	Settings *Settings
	Judge    *Judge
	Spool    *spool.Spool
	Relay    *relay.Relay
	History  *history.Memory
	Signer   *Signer
	Memory   int64 // bytes of messages under judgement at once
	Log      *slog.Logger
	Clock    *clock.Clock // nil: the system's
	Observe  Observer
	// Delivered reports whether mail was delivered to an address before; nil: nothing is known.
	Delivered func(ctx context.Context, recipient string) (bool, error)
}

// Observer is told what happens, for metrics. Functions may be nil.
type Observer struct {
	Judged    func(disposition string, took time.Duration)
	Placed    func(kind event.Kind, n int)
	Attempted func(status string, n int)
	Rejudged  func(result string) // worse, better or same than the verdict before
	Skipped   func()              // a re-evaluation that was dropped
}

// Flow carries messages from receipt to placement. It is safe for concurrent use.
type Flow struct {
	settings atomic.Pointer[Settings]
	judge    *Judge
	spool    *spool.Spool
	relay    *relay.Relay
	history  *history.Memory
	signer   *Signer
	memory   *semaphore.Weighted
	capacity int64
	log      *slog.Logger
	clock    *clock.Clock
	observe  Observer
	checks   *recipientCache
	judging  atomic.Int32     // messages on their way that are being judged
	wake     chan struct{}    // tells Redeliver of new entries
	owing    [2]chan struct{} // tell the lanes of Revisit of new re-evaluations; the second those that are slow
	fresh    chan struct{}    // tells Ship of new facts
	backlog  backlog
}

// New returns a flow. Redeliver, Revisit and Ship must run beside it.
func New(c Config) *Flow {
	f := &Flow{
		judge: c.Judge, spool: c.Spool, relay: c.Relay, history: c.History, signer: c.Signer,
		memory: semaphore.NewWeighted(c.Memory), capacity: c.Memory, log: c.Log, clock: c.Clock, observe: c.Observe.orNothing(),
		checks: newRecipientCache(c.Delivered), wake: make(chan struct{}, 1), owing: [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}, fresh: make(chan struct{}, 1),
	}
	f.settings.Store(c.Settings)
	return f
}

// Configure replaces the settings. Messages under way keep those they began with.
func (f *Flow) Configure(s *Settings) {
	f.settings.Store(s)
	f.checks.doubt()
}

// Settings returns the settings that hold now.
func (f *Flow) Settings() *Settings { return f.settings.Load() }

// Process carries one received message to its placement and returns what its sender is
// told. An error means that the sender keeps the message.
func (f *Flow) Process(ctx context.Context, r *message.Received, at Placement) (smtp.Reply, error) {
	start := time.Now()
	l := &inflight{settings: f.settings.Load(), received: r}
	reply, err := f.carry(ctx, l, at)
	f.logMessage(ctx, l, time.Since(start), reply, err)
	return reply, err
}

// carry is the steps of Process.
func (f *Flow) carry(ctx context.Context, l *inflight, at Placement) (smtp.Reply, error) {
	nameDomains(l.settings.Directory, l.received)
	dom, err := domainOf(l.settings.Directory, l.received)
	if err != nil {
		return smtp.Reply{}, err
	}
	l.tenant = dom.Tenant
	defer f.observeJudged(l) // whatever becomes of it

	// Steps 2 to 7: parse, authenticate, observe, enrich, detect, decide. Nothing is
	// promised yet; whatever fails, the sender still owns the message.
	if err := f.read(ctx, l, dom); err != nil {
		return f.refuse(ctx, l, err, nil)
	}

	// 8. Record the intent. The append runs beside the first commands of placing, and
	// is durable before anything becomes final. A crash from here on leaves an intent
	// without outcome: the sender was not answered and will send again, or the next hop
	// has the message for everybody and only the record of that is missing.
	r := l.received
	intent, err := f.spool.Begin(spool.Intent{ID: r.ID, Tenant: l.tenant.ID, At: r.At, Envelope: r.Envelope})
	if err != nil {
		return f.refuse(ctx, l, err, nil)
	}

	// 9. Place: held mail first, which needs no other host; then what the next hop takes.
	// 10. Record the fact: what is held or deferred, and what became of every recipient,
	// in one append. What is held or deferred is durable before the sender is answered;
	// before that a crash may repeat a delivery, but loses nothing.
	return f.settle(ctx, l, f.place(ctx, l, at, intent))
}

// inflight is what Process knows of one message on its way.
type inflight struct {
	settings    *Settings
	received    *message.Received
	tenant      *tenant.Tenant
	judged      Judgement
	copies      []Copy
	facts       []event.Event        // what happened so far, in the end all that is recorded
	held        []string             // ids of held copies
	observation *history.Observation // nil if it was not judged
}

// nameDomains gives "postmaster", which needs no domain in a session, the one it has.
func nameDomains(dir *tenant.Directory, r *message.Received) {
	for i, rcpt := range r.Envelope.Recipients {
		if !strings.Contains(rcpt.Address, "@") {
			if addr, err := recipientAddress(dir, rcpt.Address, true); err == nil {
				r.Envelope.Recipients[i].Address = addr.String()
			}
		}
	}
}

// domainOf returns the protected domain of the first recipient. The gate has checked
// all of them.
func domainOf(dir *tenant.Directory, r *message.Received) (*tenant.Domain, error) {
	for _, rcpt := range r.Envelope.Recipients {
		if d := domainOfRecipient(dir, rcpt.Address); d != nil {
			return d, nil
		}
	}
	return nil, &smtp.Error{Code: 451, Enhanced: "4.3.5", Text: "Mail for this domain is not accepted at the moment",
		Err: errors.New("no recipient is in a protected domain any more")}
}

// read loads the bytes into memory for as long as they are judged and edited.
func (f *Flow) read(ctx context.Context, l *inflight, dom *tenant.Domain) error {
	// Decoded parts, texts and tokens of HTML take about four times the bytes of a message.
	weight := min(4*l.received.Body.Size(), f.capacity)
	if err := f.memory.Acquire(ctx, weight); err != nil {
		return fmt.Errorf("waiting for memory to judge: %w", err)
	}
	defer f.memory.Release(weight)
	raw, err := l.received.Body.Bytes()
	if err != nil {
		return fmt.Errorf("judging: %w", err)
	}
	f.judging.Add(1)
	defer f.judging.Add(-1)
	l.judged, err = f.judge.Inline(ctx, l.settings, l.received, raw, dom)
	if err != nil {
		f.log.ErrorContext(ctx, "evaluation failed", "message_id", l.received.ID, "error", err)
		if l.settings.OnFailure == tenant.ActionDefer {
			return err
		}
	}
	if err := f.checkLoop(l); err != nil {
		return err
	}
	l.facts = append(l.facts, receivedFact(l))
	decisions := decide(l)
	if l.settings.Engine != nil {
		observation := observationOf(l)
		l.observation = &observation
	}
	err = f.prepare(ctx, l, decisions)
	if l.settings.Engine != nil {
		l.facts = append(l.facts, judgedFact(l, decisions)) // with what could not be done as decided
		f.observe.Judged(l.judged.Verdict.Disposition.String(), l.judged.Took)
	}
	l.judged.Message, l.judged.Evidence = nil, nil // the bytes are not needed any more
	return err
}

// refuse answers a message that the sender keeps, and records that, with the reason where policy
// decided it.
func (f *Flow) refuse(ctx context.Context, l *inflight, err error, why *verdict.Reason) (smtp.Reply, error) {
	kind := event.Refused
	if !smtp.IsTemporary(err) {
		kind = event.Rejected
	}
	if len(l.facts) == 0 {
		l.facts = append(l.facts, receivedFact(l))
	}
	l.facts = append(l.facts, event.New(kind, l.tenant.ID, string(l.received.ID), time.Now(), l.received.Envelope.Recipients,
		event.DeliveryDetail{Reply: smtp.ReplyFor(err).String(), By: "policy", Reason: why}))
	f.record(ctx, spool.Batch{ID: l.received.ID, Facts: l.facts, Lazy: true})
	return smtp.Reply{}, err
}

// record writes facts without waiting for the disk. Losing them loses no mail.
func (f *Flow) record(ctx context.Context, o spool.Batch) {
	if err := f.spool.Commit(context.WithoutCancel(ctx), o); err != nil {
		f.log.WarnContext(ctx, "recording events failed", "message_id", o.ID, "error", err)
		return
	}
	signal(f.fresh)
}

// signal wakes a worker that listens on c; one signal is enough for many reasons.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (o Observer) orNothing() Observer {
	if o.Judged == nil {
		o.Judged = func(string, time.Duration) {}
	}
	if o.Placed == nil {
		o.Placed = func(event.Kind, int) {}
	}
	if o.Attempted == nil {
		o.Attempted = func(string, int) {}
	}
	if o.Rejudged == nil {
		o.Rejudged = func(string) {}
	}
	if o.Skipped == nil {
		o.Skipped = func() {}
	}
	return o
}
