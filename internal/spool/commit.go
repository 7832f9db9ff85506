package spool

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"outrider/internal/event"
	"outrider/internal/message"
)

// Commit applies the outcome as one atomic batch. On return without error it is on
// stable storage, unless it is Lazy. The error is an *smtp.Error where the spool as a
// whole takes nothing. When ctx ends first, whether the outcome will survive a crash
// is unknown, but it holds as long as the process lives.
func (s *Spool) Commit(ctx context.Context, o Batch) error {
	a, err := s.commit(ctx, &o)
	if err != nil || a == nil {
		return err
	}
	return a.Wait(ctx)
}

// commit starts the append; it returns nil for a Lazy outcome.
func (s *Spool) commit(ctx context.Context, o *Batch) (*Append, error) {
	if err := s.admit(ctx, o); err != nil {
		return nil, err
	}
	facts, err := encodeFacts(o.Facts)
	if err != nil {
		return nil, err
	}
	bodies, err := s.stage(o)
	if err != nil {
		return nil, err
	}
	for _, st := range bodies {
		s.free.take(writeFactor * st.body.Size)
	}
	a, err := s.commitStaged(o, facts, bodies)
	if err != nil && s.guard.Err() == nil {
		s.unstage(bodies)
	}
	return a, err
}

// admit waits until the store can take the outcome, or says why it cannot.
func (s *Spool) admit(ctx context.Context, o *Batch) error {
	if err := s.failure(); err != nil {
		return err
	}
	if len(o.Queue)+len(o.Hold)+len(o.Revisit) == 0 {
		return s.ready(ctx, crowdBytes)
	}
	// What Begin let in may use half of the reserve. Looks end before it begins, so that
	// they never keep mail out.
	need := s.opts.MinFreeBytes / 2
	if len(o.Queue)+len(o.Hold) == 0 {
		need = 2 * s.opts.MinFreeBytes
	}
	if err := s.room(need); err != nil {
		return err
	}
	return s.ready(ctx, busyBytes)
}

func encodeFacts(facts []event.Event) ([][]byte, error) {
	rows := make([][]byte, len(facts))
	for i, f := range facts {
		f.Edge, f.EdgeSeq = "", 0 // both follow from where the row is
		v, err := json.Marshal(f)
		if err != nil {
			return nil, fmt.Errorf("encoding %s fact of %s: %w", f.Kind, f.MessageID, err)
		}
		rows[i] = v
	}
	return rows, nil
}

func (s *Spool) commitStaged(o *Batch, facts [][]byte, bodies map[Content]staged) (*Append, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return nil, err
	}
	c := change{s: s, o: o, batch: s.db.NewBatch(), refs: map[string]int{}, fresh: map[string]Body{}}
	if err := c.build(facts, bodies); err != nil {
		return nil, errors.Join(err, c.batch.Close())
	}
	if c.batch.Empty() {
		return nil, c.batch.Close()
	}
	before := s.seq
	c.settle()
	var a *Append
	var err error
	if o.Lazy {
		err = s.appendLazily(c.batch)
	} else {
		a, err = s.append(c.batch)
	}
	if err != nil {
		s.seq = before
		return nil, err
	}
	s.recent.add(numbered(o.Facts, s.opts.Edge, before), facts)
	return a, nil
}

// numbered returns the facts as Facts shows them, the first after the number after.
func numbered(facts []event.Event, edge string, after uint64) []event.Event {
	out := slices.Clone(facts)
	for i := range out {
		out[i].Edge, out[i].EdgeSeq = edge, after+uint64(i)+1
		out[i].At = out[i].At.Round(0) // as it reads back: without the monotonic clock
	}
	return out
}

// change builds the batch of one outcome while mu is held, and notes what it does to
// the state in memory. Nothing is changed before settle.
type change struct {
	s     *Spool
	o     *Batch
	batch *pebble.Batch
	refs  map[string]int  // change of references by body id
	fresh map[string]Body // bodies that are new
	drops []string        // files to remove
	stats Stats           // change of the counts
	seq   uint64
}

func (c *change) build(facts [][]byte, bodies map[Content]staged) error {
	steps := []func() error{
		c.distinct,
		c.intent,
		c.done,
		c.requeue,
		c.dropHeld,
		c.revisited,
		c.again,
		func() error { return c.addBodies(bodies) },
		func() error { return c.queue(bodies) },
		func() error { return c.hold(bodies) },
		func() error { return c.revisit(bodies) },
		c.dropBodies,
		func() error { return c.facts(facts) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("committing outcome of %s: %w", c.o.ID, err)
		}
	}
	return nil
}

// distinct refuses an outcome that ends or moves one row twice, which would count its
// body twice.
func (c *change) distinct() error {
	ids := c.o.moved()
	slices.Sort(ids)
	if len(slices.Compact(ids)) != len(ids) {
		return errTwice
	}
	return nil
}

// moved lists the ids of the entries and revisits that end or are scheduled again.
func (o *Batch) moved() []string {
	n := len(o.Done) + len(o.Requeue) + len(o.Revisited) + len(o.Again)
	if n == 0 {
		return nil
	}
	ids := append(append(make([]string, 0, n), o.Done...), o.Revisited...)
	for i := range o.Requeue {
		ids = append(ids, o.Requeue[i].ID)
	}
	for i := range o.Again {
		ids = append(ids, o.Again[i].ID)
	}
	return ids
}

func (c *change) intent() error {
	if c.o.ID == "" {
		return nil
	}
	return c.batch.Delete(key(keyIntent, string(c.o.ID)), nil) //nolint:wrapcheck // by build
}

func (c *change) set(k []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding row: %w", err)
	}
	return c.batch.Set(k, raw, nil) //nolint:wrapcheck // by build
}

func (c *change) done() error {
	for _, id := range c.o.Done {
		old, err := c.s.entry(id)
		if err != nil {
			return err
		}
		c.refs[old.Body.ID]--
		c.stats.Queued--
		if err := errors.Join(c.batch.Delete(key(keyEntry, id), nil), c.batch.Delete(dueKey(keyDue, old.Next, id), nil)); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) requeue() error {
	for i := range c.o.Requeue {
		e := c.o.Requeue[i]
		old, err := c.s.entry(e.ID)
		if err != nil {
			return err
		}
		e.Body = old.Body
		if err := c.batch.Delete(dueKey(keyDue, old.Next, e.ID), nil); err != nil {
			return err //nolint:wrapcheck // by build
		}
		if err := c.setEntry(&e); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) setEntry(e *Entry) error {
	if err := c.set(key(keyEntry, e.ID), e); err != nil {
		return err
	}
	return c.batch.Set(dueKey(keyDue, e.Next, e.ID), nil, nil) //nolint:wrapcheck // by build
}

func (c *change) queue(bodies map[Content]staged) error {
	for i := range c.o.Queue {
		e := &c.o.Queue[i]
		if e.ID == "" {
			e.ID = string(message.NewID(time.Now()))
		}
		if err := c.refer(&e.Body, e.Content, bodies); err != nil {
			return err
		}
		if err := c.setEntry(e); err != nil {
			return err
		}
		c.stats.Queued++
	}
	return nil
}

func (c *change) hold(bodies map[Content]staged) error {
	for i := range c.o.Hold {
		h := &c.o.Hold[i]
		if h.ID == "" {
			h.ID = string(message.NewID(time.Now()))
		}
		if err := c.refer(&h.Body, h.Content, bodies); err != nil {
			return err
		}
		if err := c.set(key(keyHeld, h.ID), h); err != nil {
			return err
		}
		c.stats.Held++
	}
	return nil
}

// refer counts one more reference to the body of content, or to b where there is no
// content.
func (c *change) refer(b *Body, content Content, bodies map[Content]staged) error {
	if content != nil {
		*b = bodies[content].body
	} else if r := c.s.bodies[b.ID]; r != nil {
		*b = r.body
	} else {
		return fmt.Errorf("referring to body %q: %w", b.ID, ErrUnknown)
	}
	c.refs[b.ID]++
	return nil
}

func (c *change) dropHeld() error {
	for _, id := range slices.Compact(slices.Sorted(slices.Values(c.o.DropHeld))) {
		h, err := c.s.HeldByID(id)
		if errors.Is(err, ErrUnknown) {
			continue
		}
		if err != nil {
			return err
		}
		c.refs[h.Body.ID]--
		c.stats.Held--
		if err := c.batch.Delete(key(keyHeld, id), nil); err != nil {
			return err //nolint:wrapcheck // by build
		}
	}
	return nil
}

func (c *change) addBodies(bodies map[Content]staged) error {
	for _, st := range bodies {
		c.fresh[st.body.ID] = st.body
		c.stats.Bytes += st.body.Size
		if st.body.File {
			continue
		}
		if err := c.batch.Set(key(keyBody, st.body.ID), st.raw, nil); err != nil {
			return err //nolint:wrapcheck // by build
		}
	}
	return nil
}

// dropBodies removes bodies that nothing will refer to.
func (c *change) dropBodies() error {
	for id, d := range c.refs {
		r := c.s.bodies[id]
		if r == nil || r.refs+d > 0 {
			continue
		}
		c.stats.Bytes -= r.body.Size
		if r.body.File {
			c.drops = append(c.drops, c.s.bodyPath(id))
			continue
		}
		if err := c.batch.Delete(key(keyBody, id), nil); err != nil {
			return err //nolint:wrapcheck // by build
		}
	}
	return nil
}

// facts numbers the facts and stores the last number with them.
func (c *change) facts(rows [][]byte) error {
	c.seq = c.s.seq
	for _, v := range rows {
		c.seq++
		if err := c.batch.Set(factKey(c.seq), v, nil); err != nil {
			return err //nolint:wrapcheck // by build
		}
	}
	c.stats.Facts += len(rows)
	if len(rows) == 0 {
		return nil
	}
	return c.batch.Set(metaSeq, binary.BigEndian.AppendUint64(nil, c.seq), nil) //nolint:wrapcheck // by build
}

// settle brings the state in memory to where the batch brings the disk. The batch can
// fail after that only by poisoning the spool.
func (c *change) settle() {
	s := c.s
	s.seq = c.seq
	s.drops = append(s.drops, c.drops...)
	for id, b := range c.fresh {
		s.bodies[id] = &bodyRefs{body: b}
	}
	for id, d := range c.refs {
		r := s.bodies[id]
		if r == nil {
			continue
		}
		if r.refs += d; r.refs <= 0 {
			delete(s.bodies, id)
		}
	}
	for _, id := range c.o.moved() {
		delete(s.claimed, id)
	}
	if c.o.ID != "" && len(s.interred) > 0 {
		s.ended[c.o.ID] = struct{}{}
	}
	s.stats.Queued += c.stats.Queued
	s.stats.Held += c.stats.Held
	s.stats.Revisits += c.stats.Revisits
	s.stats.RevisitBytes += c.stats.RevisitBytes
	s.stats.Facts += c.stats.Facts
	s.stats.Bytes += c.stats.Bytes
}
