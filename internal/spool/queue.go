package spool

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"outrider/internal/event"
)

// row reads one JSON row; ErrUnknown where there is none.
func (s *Spool) row(k []byte, v any) error {
	raw, closer, err := s.db.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return fmt.Errorf("reading %q: %w", k, ErrUnknown)
	}
	if err != nil {
		return fmt.Errorf("reading %q: %w", k, err)
	}
	if err = json.Unmarshal(raw, v); err != nil {
		err = fmt.Errorf("%w: %w", errCorrupt, err)
	}
	if err := errors.Join(err, closer.Close()); err != nil {
		return fmt.Errorf("reading %q: %w", k, err)
	}
	return nil
}

func (s *Spool) entry(id string) (Entry, error) {
	var e Entry
	err := s.row(key(keyEntry, id), &e)
	return e, err
}

// Entry returns one queued message, or ErrUnknown.
func (s *Spool) Entry(id string) (Entry, error) { return s.entry(id) }

// Queue lists at most limit entries after the id after, in order of id, claimed or
// not. It is for people and tools; workers call Due.
func (s *Spool) Queue(after string, limit int) ([]Entry, error) {
	return list[Entry](s, keyEntry, after, limit)
}

// list reads at most limit JSON rows of a kind after the id after.
func list[T any](s *Spool, kind byte, after string, limit int) ([]T, error) {
	var rows []T
	from := key(kind, after)
	if after != "" {
		from = append(from, 0)
	}
	err := s.scan(from, end(kind), func(_, v []byte) (bool, error) {
		if len(rows) >= limit {
			return false, nil
		}
		var row T
		err := json.Unmarshal(v, &row)
		rows = append(rows, row)
		return len(rows) < limit, err
	})
	return rows, err
}

// Due claims at most limit entries whose time has come, the longest waiting first. A
// claimed entry is not given out again until a Commit requeues it or Release lets it
// go. A restart ends all claims. Rows that cannot be read are left out, and counted
// in Stats.
func (s *Spool) Due(now time.Time, limit int) ([]Entry, error) {
	return claim(s, keyDue, now, limit, func(id string) (Entry, time.Time, error) {
		e, err := s.entry(id)
		return e, e.Next, err
	})
}

// farAhead is further ahead than anything is ever scheduled: what waits longer was scheduled
// by a clock that has been set back since, and is due.
const farAhead = 6 * time.Hour

// claim gives out at most limit rows whose keys of a kind say that their time has come.
// read reads a row, and when it says that it is due.
func claim[T any](s *Spool, kind byte, now time.Time, limit int, read func(id string) (T, time.Time, error)) ([]T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []T
	var ids []string
	take := func(k []byte, id string) error {
		row, next, err := read(id)
		if err == nil && !bytes.Equal(dueKey(kind, next, id), k) {
			err = fmt.Errorf("reading %q: row is due at %s: %w", k, next, errCorrupt)
		}
		switch {
		case err == nil:
			due, ids = append(due, row), append(ids, id)
		case isBroken(err):
			s.setAside(k, err)
		default:
			return err
		}
		return nil
	}
	err := s.scanDue(kind, time.Time{}, func(k []byte, at time.Time, id string) (bool, error) {
		if len(due) >= limit || at.After(now) {
			return false, nil
		}
		return true, take(k, id)
	})
	if err == nil {
		err = s.scanDue(kind, now.Add(farAhead), func(k []byte, _ time.Time, id string) (bool, error) {
			if len(due) >= limit {
				return false, nil
			}
			return true, take(k, id)
		})
	}
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		s.claimed[id] = struct{}{}
	}
	return due, nil
}

// isBroken reports whether the fault lies in the row: another attempt would find the
// same, which cannot be said of a disk that does not answer.
func isBroken(err error) bool {
	return errors.Is(err, ErrUnknown) || errors.Is(err, errCorrupt) || pebble.IsCorruptionError(err)
}

// setAside keeps a due key that leads to no row out of the way until the next Open,
// so that it does not stop other mail. mu is held.
func (s *Spool) setAside(k []byte, err error) {
	s.broken[string(k)] = struct{}{}
	s.stats.Broken++
	s.log.Error("skipping a damaged spool entry", "key", hex.EncodeToString(k), "error", err)
}

// NextDue returns when the first unclaimed entry is due; false when there is none.
func (s *Spool) NextDue() (time.Time, bool) { return s.nextDue(keyDue) }

func (s *Spool) nextDue(kind byte) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var next time.Time
	found := false
	err := s.scanDue(kind, time.Time{}, func(_ []byte, at time.Time, _ string) (bool, error) {
		next, found = at, true
		return false, nil
	})
	if err != nil {
		s.log.Error("reading the spool queue failed", "error", err)
	}
	return next, found
}

// scanDue walks the unclaimed rows of a kind from a time on, in order. mu is held.
func (s *Spool) scanDue(kind byte, from time.Time, f func(k []byte, at time.Time, id string) (bool, error)) error {
	start := []byte{kind}
	if !from.IsZero() {
		start = dueKey(kind, from, "")
	}
	return s.scan(start, end(kind), func(k, _ []byte) (bool, error) {
		if _, ok := s.broken[string(k)]; ok {
			return true, nil
		}
		at, id, err := readDue(k)
		if err != nil {
			s.setAside(k, err)
			return true, nil
		}
		if _, ok := s.claimed[id]; ok {
			return true, nil
		}
		return f(k, at, id)
	})
}

// Release lets claimed entries and revisits go without any change.
func (s *Spool) Release(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.claimed, id)
	}
}

// Held lists at most limit held messages after the id after, in order of id.
func (s *Spool) Held(after string, limit int) ([]Held, error) {
	return list[Held](s, keyHeld, after, limit)
}

// HeldByID returns one held message, or ErrUnknown.
func (s *Spool) HeldByID(id string) (Held, error) {
	var h Held
	err := s.row(key(keyHeld, id), &h)
	return h, err
}

// DropHeld ends held messages, after the store has them. Unknown ids are ignored.
func (s *Spool) DropHeld(ctx context.Context, ids ...string) error {
	return s.Commit(ctx, Batch{DropHeld: ids})
}

// Facts returns at most limit facts after the number after, in order and without a
// gap. Only facts on stable storage are shown: others could be lost in a crash, and
// their numbers given to different facts.
func (s *Spool) Facts(after uint64, limit int) ([]event.Event, error) {
	s.mu.Lock()
	after, last := max(after, s.acked), s.durable.Load()
	facts, ok := s.recent.between(after, last, limit)
	s.mu.Unlock()
	if ok {
		return facts, nil
	}
	return s.readFacts(after, last, limit)
}

// readFacts is Facts from the journal.
func (s *Spool) readFacts(after, last uint64, limit int) ([]event.Event, error) {
	var facts []event.Event
	err := s.scan(factKey(after+1), factKey(last+1), func(k, v []byte) (bool, error) {
		if len(facts) >= limit {
			return false, nil
		}
		var e event.Event
		if err := json.Unmarshal(v, &e); err != nil {
			return false, fmt.Errorf("reading fact: %w", err)
		}
		seq, err := readFact(k)
		e.Edge, e.EdgeSeq = s.opts.Edge, seq
		facts = append(facts, e)
		return true, err
	})
	return facts, err
}

// Numbers returns the number of the last fact that was acknowledged and that of the last fact
// on stable storage.
func (s *Spool) Numbers() (acked, last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked, s.durable.Load()
}

// Continue makes the next fact come after a number that the store has seen already: the
// directory was lost or is older than the store, which would take new facts for old ones.
// It does nothing where facts wait or the numbers are higher.
func (s *Spool) Continue(ctx context.Context, last uint64) error {
	a, err := s.raise(last)
	if err != nil || a == nil {
		return err
	}
	return a.Wait(ctx)
}

func (s *Spool) raise(last uint64) (*Append, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seq >= last || s.acked != s.seq {
		return nil, nil //nolint:nilnil // nothing to wait for
	}
	b := s.db.NewBatch()
	if err := b.Set(metaSeq, binary.BigEndian.AppendUint64(nil, last), nil); err != nil {
		return nil, fmt.Errorf("raising fact numbers: %w", errors.Join(err, b.Close()))
	}
	s.seq, s.acked = last, last
	return s.append(b)
}

// AckFacts drops the facts up to and including the number through, which the store
// has. It does not wait for the fsync: after a crash, acknowledged facts may come
// again, and are stored once.
func (s *Spool) AckFacts(ctx context.Context, through uint64) error {
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	through = min(through, s.durable.Load())
	if through <= s.acked {
		return nil
	}
	b := s.db.NewBatch()
	if err := b.DeleteRange([]byte{keyFact}, factKey(through+1), nil); err != nil {
		return fmt.Errorf("dropping facts: %w", errors.Join(err, b.Close()))
	}
	if err := s.appendLazily(b); err != nil {
		return err
	}
	s.stats.Facts -= int(through - s.acked)
	s.acked = through
	s.recent.through(through)
	return nil
}
