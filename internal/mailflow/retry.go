package mailflow

import (
	"context"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"outrider/internal/address"
	"outrider/internal/event"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/spool"
	"outrider/internal/tenant"
)

// Pace of retries.
//
// RFC 5321, Section 4.5.4.1: sites should try often in the first hour, then every few
// hours, and not give up before four or five days.
const (
	longestRetry = 4 * time.Hour
	workers      = 32               // deliveries of spooled mail at once
	claimBatch   = 64               // entries looked at together
	downAtMost   = 10 * time.Minute // longest pause for a next hop that did not answer
	idle         = time.Minute      // how often the queue is looked at without a reason
)

// nextAttempt returns when the attempt after n failed ones is due: doubling from the
// first wait, a minute by default, to four hours, a fifth earlier or later by chance, so that what failed
// together does not come back together.
func (s *Settings) nextAttempt(now time.Time, n int) time.Time {
	wait := min(s.FirstRetry, longestRetry)
	for range n - 1 {
		wait = min(2*wait, longestRetry)
	}
	return now.Add(time.Duration(float64(wait) * (0.8 + 0.4*rand.Float64()))) //nolint:gosec // not a secret
}

// Redeliver tries spooled mail again until ctx ends, and waits for the attempts under
// way.
func (f *Flow) Redeliver(ctx context.Context) error {
	r := &redelivery{flow: f, slots: make(chan struct{}, workers), health: newRouteHealth(), limiter: newRouteLimiter()}
	defer r.wg.Wait()
	for ctx.Err() == nil {
		if f.mute(ctx) {
			// Nothing could be recorded: a full disk may get room again, a broken journal waits
			// for the restart.
			pause(ctx, f.settings.Load().FirstRetry)
			continue
		}
		entries, err := f.spool.Due(f.clock.Now(), claimBatch)
		if err != nil {
			f.log.ErrorContext(ctx, "reading the queue failed", "error", err)
			pause(ctx, min(f.settings.Load().FirstRetry, idle))
		}
		if !r.start(ctx, entries) {
			return nil
		}
		if len(entries) == 0 {
			f.sleepUntil(ctx, f.spool.NextDue, f.wake)
		}
	}
	return nil
}

// redelivery is what the attempts of one Redeliver share.
type redelivery struct {
	flow    *Flow
	slots   chan struct{}
	health  *routeHealth
	limiter *routeLimiter
	wg      sync.WaitGroup
}

// start begins an attempt for each entry whose route has room. It returns false, and
// lets go of the rest, when ctx ends.
func (r *redelivery) start(ctx context.Context, entries []spool.Entry) bool {
	for i := range entries {
		e := &entries[i]
		if !r.limiter.await(ctx, e.RouteKey) {
			r.flow.postpone(ctx, e)
			continue
		}
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			r.flow.spool.Release(idsOf(entries[i:])...)
			return false
		}
		r.wg.Go(func() {
			defer func() { <-r.slots }()
			defer r.limiter.give(e.RouteKey)
			defer r.contain(ctx, e)
			r.flow.attempt(ctx, e, r.health)
			signal(r.flow.wake)
		})
	}
	return true
}

// contain ends a panic of one attempt. The entry stays claimed, so that it is not tried
// again before the next start, and every other one goes on.
func (r *redelivery) contain(ctx context.Context, e *spool.Entry) {
	if p := recover(); p != nil {
		r.flow.log.ErrorContext(ctx, "delivery attempt failed: internal error", "message_id", e.MessageID, "entry", e.ID, "panic", p, "stack", string(debug.Stack()))
	}
}

// routeBusyDelay is how long an entry waits when its route has its share of the workers.
const routeBusyDelay = 5 * time.Second

// postpone lets an entry wait for its route to have room. That is no attempt.
func (f *Flow) postpone(ctx context.Context, e *spool.Entry) {
	e.Next = f.clock.Now().Add(routeBusyDelay/2 + rand.N(routeBusyDelay)) //nolint:gosec // not a secret
	f.commitAttempt(ctx, e, spool.Batch{Requeue: []spool.Entry{*e}})
}

// workerWait is how long an entry waits for a worker of its route before others go first:
// a healthy next hop takes mail in less.
const workerWait = 20 * time.Millisecond

// routeLimiter keeps one slow route from taking all workers: half of them for a next hop of
// ours, a quarter for all mail to senders, whose hosts are anybody's and may hold a
// connection for as long as SMTP allows. It is safe for concurrent use.
type routeLimiter struct {
	mu    sync.Mutex
	taken map[string]int // workers by route key; no zero values; guarded by mu
	freed chan struct{}  // tells of a share that was given back
}

func newRouteLimiter() *routeLimiter {
	return &routeLimiter{taken: make(map[string]int), freed: make(chan struct{}, 1)}
}

// await takes a share of the route, and gives up when none comes free soon.
func (s *routeLimiter) await(ctx context.Context, route string) bool {
	if s.take(route) {
		return true
	}
	timer := time.NewTimer(workerWait)
	defer timer.Stop()
	for {
		select {
		case <-s.freed:
			if s.take(route) {
				return true
			}
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func (s *routeLimiter) take(route string) bool {
	limit := workers / 2
	if route == outbound {
		limit = workers / 4
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[route] >= limit {
		return false
	}
	s.taken[route]++
	return true
}

func (s *routeLimiter) give(route string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[route]--; s.taken[route] == 0 {
		delete(s.taken, route)
	}
	signal(s.freed)
}

// mute reports whether what an attempt does could not be recorded: the journal is
// broken, or the disk is full. Whatever was delivered then would be delivered again.
func (f *Flow) mute(ctx context.Context) bool { return f.spool.Healthy(ctx) != nil }

func idsOf(entries []spool.Entry) []string {
	ids := make([]string, len(entries))
	for i := range entries {
		ids[i] = entries[i].ID
	}
	return ids
}

// sleepUntil waits for what is due next, a signal or the end of ctx.
func (f *Flow) sleepUntil(ctx context.Context, due func() (time.Time, bool), wake <-chan struct{}) {
	wait := idle
	if next, ok := due(); ok {
		wait = min(wait, max(next.Sub(f.clock.Now()), 0))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

// attempt tries one entry and records what became of it in one append. A crash between
// the next hop's answer and the append repeats the delivery: SMTP has no way to avoid
// that, and the alternative would be to lose mail.
func (f *Flow) attempt(ctx context.Context, e *spool.Entry, health *routeHealth) {
	s := f.settings.Load()
	now := f.clock.Now()
	if f.mute(ctx) {
		f.spool.Release(e.ID)
		return
	}
	route, ok := routeOf(s, e)
	until, down := health.downUntil(route.Key(), now, s.downFor())
	if (down || !ok) && !f.expired(e, now) {
		if !ok {
			until = s.nextAttempt(now, max(e.Attempts, 1))
		}
		e.Next = until
		f.commitAttempt(ctx, e, spool.Batch{Requeue: []spool.Entry{*e}})
		return
	}
	results := f.relay.Deliver(ctx, route, relay.Job{Envelope: e.Envelope, Content: f.spool.Content(e.Body), Traits: e.Traits}, nil)
	if ctx.Err() != nil && !anyFinal(results) {
		f.spool.Release(e.ID) // the server stops; the entry stays as it is
		return
	}
	health.saw(route.Key(), results, f.clock.Now(), s.downFor())
	f.commitAttempt(ctx, e, f.after(s, e, results))
}

// expired reports whether an entry is to be given up for its age. A clock that has just jumped
// forward says that of every entry.
func (f *Flow) expired(e *spool.Entry, now time.Time) bool {
	return now.After(e.Expires) && f.clock.Settled()
}

func anyFinal(rs []relay.Result) bool {
	for _, r := range rs {
		if r.Status != relay.Deferred {
			return true
		}
	}
	return false
}

func (f *Flow) commitAttempt(ctx context.Context, e *spool.Entry, o spool.Batch) {
	cctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := f.spool.Commit(cctx, o); err != nil {
		f.log.ErrorContext(ctx, "recording a delivery attempt failed", "message_id", e.MessageID, "entry", e.ID, "error", err)
		// The spool holds the entry as before, due at once. The wait keeps a failing disk
		// from delivering the same mail over and over.
		pause(ctx, f.settings.Load().FirstRetry)
		f.spool.Release(e.ID)
		return
	}
	if len(o.Facts) > 0 {
		f.announce(ctx, o.Facts)
		signal(f.fresh)
	}
}

// after says what an attempt changes: facts for every recipient, the entry with those
// still open, and a notification about those given up.
func (f *Flow) after(s *Settings, e *spool.Entry, results []relay.Result) spool.Batch {
	now := f.clock.Now()
	e.Attempts++
	open := *e
	open.Envelope.Recipients = nil
	open.Next = s.nextAttempt(now, e.Attempts)
	var o spool.Batch
	var failed, waiting, done []relay.Result
	for _, r := range results {
		f.observe.Attempted(string(r.Status), 1)
		switch {
		case r.Status == relay.Delivered:
			done = append(done, r)
			o.Facts = append(o.Facts, f.factOf(event.Placed, e, r, event.DeliveryDetail{Reply: r.Reply.String(), Host: r.Host, TLS: r.TLS, Attempts: e.Attempts}))
		case r.Status == relay.Failed, f.expired(e, now):
			failed = append(failed, r)
		default:
			waiting = append(waiting, r)
			open.LastReply = r.Reply.String()
			open.Envelope.Recipients = append(open.Envelope.Recipients, r.Recipient)
			o.Facts = append(o.Facts, f.factOf(event.Deferred, e, r, event.DeliveryDetail{Reply: r.Reply.String(), Host: r.Host, Attempts: e.Attempts, Next: open.Next}))
		}
	}
	f.giveUp(s, e, failed, &o)
	if dsn := f.tellOfSuccess(s, notice{
		tenant: e.Tenant, id: e.MessageID, envelope: e.Envelope, arrived: e.Created, content: f.spool.Content(e.Body),
	}, e.RouteKey, done); dsn != nil {
		o.Queue = append(o.Queue, *dsn)
	}
	if len(waiting) == 0 {
		o.Done = []string{e.ID}
		return o
	}
	f.tellOfDelay(s, &open, waiting, now, &o)
	o.Requeue = []spool.Entry{open}
	return o
}

func (f *Flow) factOf(kind event.Kind, e *spool.Entry, r relay.Result, d event.DeliveryDetail) event.Event {
	return event.New(kind, e.Tenant, string(e.MessageID), f.clock.Now(), []smtp.Recipient{r.Recipient}, d)
}

// giveUp bounces the recipients that failed for good.
func (f *Flow) giveUp(s *Settings, e *spool.Entry, failed []relay.Result, o *spool.Batch) {
	if len(failed) == 0 {
		return
	}
	dsn := f.notification(s, notice{
		tenant: e.Tenant, id: e.MessageID, envelope: e.Envelope, arrived: e.Created,
		results: failed, action: relay.ActionFailed, content: f.spool.Content(e.Body),
	})
	if dsn != nil {
		o.Queue = append(o.Queue, *dsn)
	}
	for _, r := range failed {
		o.Facts = append(o.Facts, f.factOf(event.Bounced, e, r, event.DeliveryDetail{
			Reply: r.Reply.String(), Host: r.Host, Attempts: e.Attempts, DSN: dsn != nil, By: "next-hop",
		}))
	}
}

// tellOfDelay notifies, once, a sender who asked to hear of delays.
// RFC 3461, Section 4.1: DELAY in NOTIFY asks for it.
func (f *Flow) tellOfDelay(s *Settings, open *spool.Entry, waiting []relay.Result, now time.Time, o *spool.Batch) {
	if open.DelayNotified || now.Sub(open.Created) < s.DelayAt || !f.clock.Settled() {
		return
	}
	open.DelayNotified = true
	var asked []relay.Result
	for _, r := range waiting {
		if strings.Contains(strings.ToUpper(r.Recipient.Notify), "DELAY") {
			asked = append(asked, r)
		}
	}
	if len(asked) == 0 {
		return
	}
	dsn := f.notification(s, notice{
		tenant: open.Tenant, id: open.MessageID, envelope: open.Envelope, arrived: open.Created,
		results: asked, action: relay.ActionDelayed, content: f.spool.Content(open.Body), until: open.Expires,
	})
	if dsn != nil {
		o.Queue = append(o.Queue, *dsn)
	}
}

// outbound marks the entries of mail to senders. Their domain is anybody's.
const outbound = "outbound"

// routeKey names the route of a domain in queue entries.
func routeKey(s *Settings, domain string) string {
	if d := s.Directory.Domain(domain); d != nil {
		return d.Route.Key()
	}
	return outbound
}

// routeOf returns the route of an entry. Mail for a protected domain that a reload took
// away has none: it waits for the domain to come back, and is never sent elsewhere.
func routeOf(s *Settings, e *spool.Entry) (tenant.Route, bool) {
	if d := s.Directory.Domain(e.Domain); d != nil {
		return d.Route, true
	}
	r := s.Outbound
	if r.Domain == "" {
		r.Domain = e.Domain
	}
	return r, e.RouteKey == outbound
}

func recipientDomain(path string) string {
	addr, err := address.ParsePath(path, true)
	if err != nil {
		return ""
	}
	return addr.Domain
}

// routeHealth keeps entries from trying a next hop that did not answer
// that waits for it: one attempt finds out, the others wait. It is safe for concurrent
// use.
type routeHealth struct {
	mu   sync.Mutex
	down map[string]outage // by route key; guarded by mu
}

func newRouteHealth() *routeHealth { return &routeHealth{down: make(map[string]outage)} }

// downFor is the first pause for a next hop that did not answer.
func (s *Settings) downFor() time.Duration { return max(s.FirstRetry/2, time.Millisecond) }

type outage struct {
	until time.Time
	n     int // failures in a row
}

// downUntil returns when an entry for the route should be tried, if not now.
func (h *routeHealth) downUntil(key string, now time.Time, spread time.Duration) (time.Time, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o, ok := h.down[key]
	if !ok || !now.Before(o.until) {
		return time.Time{}, false
	}
	return o.until.Add(time.Duration(rand.Int64N(int64(spread)))), true //nolint:gosec // not a secret
}

// maxDown bounds the next hops remembered as down. Forgetting one costs one attempt.
const maxDown = 10_000

// saw notes whether the next hop answered. A result that needs no next hop, such as a message that
// is too large, says nothing about the next hop.
func (h *routeHealth) saw(key string, results []relay.Result, now time.Time, first time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range results {
		if r.Host != "" || r.Status != relay.Deferred {
			delete(h.down, key)
			return
		}
	}
	if len(h.down) >= maxDown {
		clear(h.down)
	}
	o := h.down[key]
	o.n++
	o.until = now.Add(min(first<<min(o.n-1, 8), downAtMost))
	h.down[key] = o
}
