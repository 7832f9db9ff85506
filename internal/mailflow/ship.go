package mailflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"sync/atomic"
	"time"

	"outrider/internal/event"
	"outrider/internal/message"
	"outrider/internal/quarantine"
	"outrider/internal/smtp"
	"outrider/internal/spool"
	"outrider/internal/verdict"
)

// Pace of shipping.
const (
	shipBatch  = 1000                   // facts per transaction
	shipGather = 100 * time.Millisecond // how long facts are gathered, so that transactions are few
	shipEvery  = 500 * time.Millisecond // how long a request of an operator may wait
	shipRetry  = 5 * time.Second        // after the database failed
	sayEvery   = time.Minute            // how often a failure is logged
	sweepEvery = time.Minute            // how often held mail is looked through for expired
	sweepBatch = 100
	pruneBatch = 2000      // rows removed per sweep, so that a transaction stays short
	tidyEvery  = time.Hour // how often the blobs are looked through
)

// Store keeps what happened.
type Store interface {
	// Record stores facts and held messages; what it has stored already changes nothing.
	Record(ctx context.Context, events []event.Event, held []quarantine.Item) error
	HeldItems(ctx context.Context, f quarantine.Filter) ([]quarantine.Item, error)
	HeldExpired(ctx context.Context, now time.Time, limit int) ([]quarantine.Item, error)
	// HeldInUse calls f for every message whose body is still needed.
	HeldInUse(ctx context.Context, f func(*quarantine.Item) error) error
	// MoveHeld sets the state if it is from still, and reports whether it was.
	MoveHeld(ctx context.Context, id string, from, to quarantine.State, by string) (bool, error)
	BlobInUse(ctx context.Context, blob string) (bool, error)
	// BlobsSince returns from when on every body in use is known to the store.
	BlobsSince(ctx context.Context) (time.Time, error)
	// Prune removes what is older than before, at most about limit rows of a kind, and
	// returns how many it removed.
	Prune(ctx context.Context, before time.Time, limit int) (int64, error)
}

// Blobs keeps the bytes of held messages.
type Blobs interface {
	Put(ctx context.Context, r io.WriterTo) (string, error)
	Open(ctx context.Context, id string) (io.ReadCloser, error)
	Delete(ctx context.Context, id string) error
	Has(id string) (bool, error)
	// PutSidecar writes what it takes to list a held message without the store.
	PutSidecar(ctx context.Context, s *quarantine.Sidecar) error
	// DeleteSidecar removes it when the message is not held any more.
	DeleteSidecar(ctx context.Context, blob, id string) error
	// Sweep removes what a crash left behind, of what is not older than since.
	Sweep(ctx context.Context, since time.Time, inUse func(id string) (bool, error)) error
}

// Shipper moves facts from the spool to the store, and carries out what operators
// asked for in the quarantine.
//
// Both are one worker's, in turn: a request is carried out only when every earlier
// fact is in the store, so that the fact "released", which is recorded with the queue
// entry in one append, is seen before the request could be carried out twice.
type Shipper struct {
	Flow  *Flow
	Store Store
	Blobs Blobs

	// Replay names the facts of an earlier process that the history must still record:
	// those after the first number, up to the last. Both are 0 where there are none.
	Replay func() (after, last uint64)

	said    time.Time // when a failure was logged last
	swept   time.Time
	tidied  time.Time
	shipped uint64       // facts up to here are in the store: reading starts after them
	missing atomic.Int64 // bodies of held mail that are gone
}

// MissingBodies returns how many messages are held whose body is gone, as of the last check.
func (s *Shipper) MissingBodies() int64 { return s.missing.Load() }

// Run ships until ctx ends, and once more after that.
func (s *Shipper) Run(ctx context.Context) error {
	for {
		if err := s.round(ctx); err != nil && ctx.Err() == nil {
			s.failed(ctx, err)
			pause(ctx, shipRetry)
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shipRetry)
			defer cancel()
			if err := s.Ship(last); err != nil {
				s.Flow.log.ErrorContext(last, "writing events to the database failed, they wait in the spool for the next start",
					"waiting", s.Flow.spool.Stats().Facts, "error", err)
			}
			return nil
		case <-s.Flow.fresh:
			pause(ctx, shipGather)
		case <-time.After(shipEvery):
		}
	}
}

// failed says what keeps events from the database, at most once a minute.
func (s *Shipper) failed(ctx context.Context, err error) {
	if now := time.Now(); now.Sub(s.said) >= sayEvery {
		s.said = now
		s.Flow.log.ErrorContext(ctx, "writing events to the database failed, they wait in the spool", "waiting", s.Flow.spool.Stats().Facts, "error", err)
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Ship ships what is there. A panic is an error: facts wait in the spool.
func (s *Shipper) Ship(ctx context.Context) (err error) {
	defer contain(&err)
	return s.ship(ctx)
}

// contain makes an error of a panic.
func contain(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("shipping: panic: %v\n%s", p, debug.Stack())
	}
}

// round ships everything, then serves the quarantine. A panic ends the round and not the
// mail: facts wait in the spool.
func (s *Shipper) round(ctx context.Context) (err error) {
	defer contain(&err)
	if err := s.ship(ctx); err != nil {
		return err
	}
	return errors.Join(s.serve(ctx, quarantine.ReleaseAsked, s.release), s.serve(ctx, quarantine.DeleteAsked, s.remove), s.sweep(ctx))
}

// ship moves all facts that are in the spool.
func (s *Shipper) ship(ctx context.Context) error {
	for {
		facts, err := s.Flow.spool.Facts(s.shipped, shipBatch)
		if err != nil || len(facts) == 0 {
			return err
		}
		facts = whole(facts)
		held, ids, err := s.heldOf(ctx, facts)
		if err != nil {
			return err
		}
		if err := s.Store.Record(ctx, facts, held); err != nil {
			return fmt.Errorf("recording %d facts: %w", len(facts), err)
		}
		if err := s.forget(ctx, facts); err != nil {
			return err
		}
		s.replay(facts)
		// The bodies and facts leave the spool only now. A crash before ships them again.
		if err := s.Flow.spool.DropHeld(ctx, ids...); err != nil {
			return fmt.Errorf("dropping shipped bodies: %w", err)
		}
		if err := s.Flow.spool.AckFacts(ctx, facts[len(facts)-1].EdgeSeq); err != nil {
			return fmt.Errorf("acknowledging facts: %w", err)
		}
		s.shipped = facts[len(facts)-1].EdgeSeq
	}
}

// whole drops the last facts of a full batch that may be a part of those of one message, so
// that what is known of a held message is found together.
func whole(facts []event.Event) []event.Event {
	if len(facts) < shipBatch {
		return facts
	}
	last := facts[len(facts)-1].MessageID
	n := len(facts)
	for n > 0 && facts[n-1].MessageID == last {
		n--
	}
	if n == 0 {
		return facts // one message alone
	}
	return facts[:n]
}

// forget removes the sidecars of messages that are not held any more, before the facts that say
// so leave the spool: a database that is lost later must not bring them back.
func (s *Shipper) forget(ctx context.Context, facts []event.Event) error {
	for i := range facts {
		switch facts[i].Kind {
		case event.Released, event.Deleted, event.Expired:
		default:
			continue
		}
		var d event.HeldDetail
		if json.Unmarshal(facts[i].Detail, &d) != nil || d.Blob == "" {
			continue
		}
		if err := s.Blobs.DeleteSidecar(ctx, d.Blob, d.Held); err != nil {
			return fmt.Errorf("ending held message %s: %w", d.Held, err)
		}
	}
	return nil
}

// heldOf moves the bodies of the messages that the facts say are held to the blobs.
func (s *Shipper) heldOf(ctx context.Context, facts []event.Event) (items []quarantine.Item, ids []string, err error) {
	for i := range facts {
		if facts[i].Kind != event.Quarantined {
			continue
		}
		var d event.HeldDetail
		_ = json.Unmarshal(facts[i].Detail, &d) // unreadable: no message has the empty id
		held, err := s.Flow.spool.HeldByID(d.Held)
		if errors.Is(err, spool.ErrUnknown) {
			continue // shipped before a crash cut the acknowledgement off
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading held message %s: %w", d.Held, err)
		}
		item, err := s.item(ctx, &held)
		if err != nil && s.lost(&held) {
			// The body is gone for good. Waiting for it would hold up every fact after it.
			s.Flow.log.ErrorContext(ctx, "body of a quarantined message is missing", "held", held.ID, "message_id", held.MessageID, "error", err)
			s.missing.Add(1)
			items, ids = append(items, itemOf(&held, "")), append(ids, held.ID) // listed, and said to have no body
			continue
		}
		if err == nil {
			err = s.Blobs.PutSidecar(ctx, quarantine.NewSidecar(&item, facts))
		}
		if err != nil {
			return nil, nil, err
		}
		items, ids = append(items, item), append(ids, held.ID)
	}
	return items, ids, nil
}

// lost reports whether the spool has not the bytes of a held message any more. Blobs
// that cannot be written are another matter: they may come back, so the bytes wait.
func (s *Shipper) lost(h *spool.Held) bool {
	_, err := s.Flow.spool.Content(h.Body).WriteTo(io.Discard)
	return errors.Is(err, fs.ErrNotExist)
}

func (s *Shipper) item(ctx context.Context, h *spool.Held) (quarantine.Item, error) {
	blob, err := s.Blobs.Put(ctx, s.Flow.spool.Content(h.Body))
	if err != nil {
		return quarantine.Item{}, fmt.Errorf("storing held message %s: %w", h.ID, err)
	}
	return itemOf(h, blob), nil
}

func itemOf(h *spool.Held, blob string) quarantine.Item {
	var meta HeldMeta
	_ = json.Unmarshal(h.Meta, &meta) // unreadable: the message is listed without what it says
	return quarantine.Item{
		ID: h.ID, Tenant: h.Tenant, MessageID: string(h.MessageID), Envelope: h.Envelope, Traits: h.Traits,
		Disposition: meta.Detail.Disposition, Reason: meta.reason(), HeaderFrom: meta.HeaderFrom, Subject: meta.Subject,
		Size: h.Body.Size, Blob: blob, At: h.At, Expires: meta.Detail.Expires, State: quarantine.Held, Trace: meta.Trace,
	}
}

// reason returns why the message is held, which earlier versions did not record.
func (m *HeldMeta) reason() verdict.Reason {
	if m.Detail.Reason == nil {
		return verdict.Reason{By: verdict.ByDisposition, ID: m.Detail.Disposition.String()}
	}
	return *m.Detail.Reason
}

// serve carries out what operators asked for.
func (s *Shipper) serve(ctx context.Context, state quarantine.State, do func(context.Context, *quarantine.Item) error) error {
	items, err := s.Store.HeldItems(ctx, quarantine.Filter{State: state, Limit: sweepBatch})
	if err != nil {
		return fmt.Errorf("looking for requests: %w", err)
	}
	var errs []error
	for i := range items {
		if err := do(ctx, &items[i]); err != nil {
			errs = append(errs, fmt.Errorf("carrying out %s of %s: %w", state, items[i].ID, err))
		}
	}
	return errors.Join(errs...)
}

// releasedContent is a stored body on its way back into the spool, with the fields that it
// got when it was received and one that tells of the release.
type releasedContent struct {
	ctx   context.Context //nolint:containedctx // lives for one commit
	blobs Blobs
	blob  string
	size  int64 // of the stored bytes
	patch message.Patch
}

func (s *Shipper) releasedContent(ctx context.Context, i *quarantine.Item, now time.Time) (*releasedContent, error) {
	var w message.HeaderWriter
	if err := w.Add(headerReleased, now.Format(time.RFC1123Z)+"; id="+i.ID); err != nil {
		return nil, fmt.Errorf("writing %s: %w", headerReleased, err)
	}
	return &releasedContent{ctx: ctx, blobs: s.Blobs, blob: i.Blob, size: i.Size, patch: i.Trace.Prepend(w.Bytes(), i.Size)}, nil
}

// Size returns the number of bytes that WriteTo writes.
func (c *releasedContent) Size() int64 { return c.patch.Size(c.size) }

// WriteTo writes the message as it leaves.
func (c *releasedContent) WriteTo(w io.Writer) (n int64, err error) {
	r, err := c.blobs.Open(c.ctx, c.blob)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return c.patch.Write(w, r)
}

// release queues the message for its recipients and records that in one append. It goes to
// the next hop without being judged again, with the trace fields of its receipt (RFC 5321,
// Section 4.4).
func (s *Shipper) release(ctx context.Context, i *quarantine.Item) error {
	if has, err := s.Blobs.Has(i.Blob); err != nil || !has {
		return s.cannotRelease(ctx, i, err)
	}
	settings := s.Flow.settings.Load()
	now := s.Flow.clock.Now()
	content, err := s.releasedContent(ctx, i, now)
	if err != nil {
		return err
	}
	var entries []spool.Entry
	for domain, rcpts := range byDomain(i.Envelope.Recipients) {
		e := spool.Entry{
			Tenant: i.Tenant, Domain: domain, RouteKey: routeKey(settings, domain), Envelope: i.Envelope,
			Traits: i.Traits, Created: now, Next: now, Expires: now.Add(settings.RetryFor),
			Content: content,
		}
		e.MessageID = message.ID(i.MessageID)
		e.Envelope.Recipients = rcpts
		entries = append(entries, e)
	}
	observation := released(i, now)
	fact := event.New(event.Released, i.Tenant, i.MessageID, now, i.Envelope.Recipients,
		event.HeldDetail{Held: i.ID, Disposition: i.Disposition, Reason: &i.Reason, By: i.AskedBy, Blob: i.Blob, History: asText(observation)})
	if err := s.finish(ctx, i, spool.Batch{Queue: entries, Facts: []event.Event{fact}}); err != nil {
		return err
	}
	if observation != nil {
		s.Flow.history.Observe(i.Tenant, *observation)
	}
	signal(s.Flow.wake)
	return nil
}

// cannotRelease lets a message be held still whose body is gone, so that the request is not
// tried for ever.
func (s *Shipper) cannotRelease(ctx context.Context, i *quarantine.Item, err error) error {
	if err != nil {
		return err
	}
	s.Flow.log.ErrorContext(ctx, "release failed: the body is missing", "held", i.ID, "message_id", i.MessageID, "by", i.AskedBy)
	_, err = s.Store.MoveHeld(ctx, i.ID, quarantine.ReleaseAsked, quarantine.Held, i.AskedBy)
	return err
}

// remove records the end of a held message and drops its body.
func (s *Shipper) remove(ctx context.Context, i *quarantine.Item) error {
	return s.end(ctx, i, event.Deleted)
}

func (s *Shipper) end(ctx context.Context, i *quarantine.Item, kind event.Kind) error {
	fact := event.New(kind, i.Tenant, i.MessageID, s.Flow.clock.Now(), i.Envelope.Recipients,
		event.HeldDetail{Held: i.ID, Disposition: i.Disposition, Reason: &i.Reason, By: i.AskedBy, Blob: i.Blob})
	return s.finish(ctx, i, spool.Batch{Facts: []event.Event{fact}})
}

// finish records the end of a held message, and removes its bytes once they cannot be requested
// for them any more.
func (s *Shipper) finish(ctx context.Context, i *quarantine.Item, o spool.Batch) error {
	if err := s.Flow.spool.Commit(ctx, o); err != nil {
		return err
	}
	if err := s.ship(ctx); err != nil {
		return err
	}
	s.Flow.announce(ctx, o.Facts)
	if used, err := s.Store.BlobInUse(ctx, i.Blob); err != nil || used || i.Blob == "" {
		return err
	}
	return s.Blobs.Delete(ctx, i.Blob)
}

// sweep ends held messages whose time is over, unless a clock that has just jumped says so.
func (s *Shipper) sweep(ctx context.Context) error {
	if time.Since(s.swept) < sweepEvery {
		return nil
	}
	s.swept = time.Now()
	if !s.Flow.clock.Settled() {
		return nil
	}
	now := s.Flow.clock.Now()
	items, err := s.Store.HeldExpired(ctx, now, sweepBatch)
	if err != nil {
		return fmt.Errorf("looking for expired messages: %w", err)
	}
	var errs []error
	for i := range items {
		if err := s.end(ctx, &items[i], event.Expired); err != nil {
			errs = append(errs, fmt.Errorf("expiring %s: %w", items[i].ID, err))
		}
	}
	return errors.Join(append(errs, s.tidy(ctx, now))...)
}

// tidy removes what is older than the operator keeps, and what crashes left behind.
func (s *Shipper) tidy(ctx context.Context, now time.Time) error {
	if keep := s.Flow.settings.Load().KeepFor; keep > 0 {
		if _, err := s.Store.Prune(ctx, now.Add(-keep), pruneBatch); err != nil {
			return fmt.Errorf("removing old records: %w", err)
		}
	}
	if time.Since(s.tidied) < tidyEvery {
		return nil
	}
	if err := s.countMissing(ctx); err != nil {
		return err
	}
	since, err := s.Store.BlobsSince(ctx)
	if err != nil {
		return err
	}
	s.tidied = time.Now()
	return s.Blobs.Sweep(ctx, since, func(id string) (bool, error) { return s.Store.BlobInUse(ctx, id) })
}

// countMissing counts the messages that are held and have no body.
func (s *Shipper) countMissing(ctx context.Context) error {
	var n int64
	err := s.Store.HeldInUse(ctx, func(i *quarantine.Item) error {
		has, err := s.Blobs.Has(i.Blob)
		if !has && err == nil {
			n++
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("looking for the bodies of held mail: %w", err)
	}
	if n > s.missing.Swap(n) {
		s.Flow.log.ErrorContext(ctx, "bodies of held mail are missing: see \"outrider db verify\"", "count", n)
	}
	return nil
}

func byDomain(rcpts []smtp.Recipient) map[string][]smtp.Recipient {
	out := make(map[string][]smtp.Recipient)
	for _, r := range rcpts {
		d := recipientDomain(r.Address)
		out[d] = append(out[d], r)
	}
	return out
}
