package spool

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Append is a batch on its way to stable storage.
type Append struct {
	batch *pebble.Batch
	seq   uint64        // last EdgeSeq in the log up to and including the batch
	drops []string      // files to remove once the batch is durable
	done  chan struct{} // closed when err is final
	err   error         // valid after done
}

// Wait returns nil when the batch is on stable storage. When ctx ends first, whether
// the batch will survive a crash is unknown.
func (a *Append) Wait(ctx context.Context) error {
	select {
	case <-a.done:
		return a.err
	default:
	}
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the spool: %w", context.Cause(ctx))
	}
}

// Begin starts the durable append of an intent and returns without waiting for it. It
// waits only while the store is behind in writing what it holds in memory.
func (s *Spool) Begin(i Intent) (*Append, error) {
	ctx := context.Background() // the append must not depend on the session that asked for it
	if err := s.Healthy(ctx); err != nil {
		return nil, err
	}
	if err := s.ready(ctx, crowdBytes); err != nil {
		return nil, err
	}
	v, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("encoding intent of %s: %w", i.ID, err)
	}
	b := s.db.NewBatch()
	if err := b.Set(key(keyIntent, string(i.ID)), v, nil); err != nil {
		return nil, fmt.Errorf("encoding intent of %s: %w", i.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.append(b)
}

// append gives the batch its place in the log. mu is held, so that the order of the
// log is the order of the calls.
func (s *Spool) append(b *pebble.Batch) (*Append, error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	return s.push(b)
}

// push is append for a spool that may be closing. mu is held.
func (s *Spool) push(b *pebble.Batch) (*Append, error) {
	if err := s.db.ApplyNoSyncWait(b, pebble.Sync); err != nil {
		s.guard.poison(fmt.Errorf("appending to the journal: %w", err))
		return nil, s.failure()
	}
	a := &Append{batch: b, seq: s.seq, drops: s.drops, done: make(chan struct{})}
	s.drops = nil
	s.flight <- a
	return a, nil
}

// appendLazily is append for a batch without a waiter.
func (s *Spool) appendLazily(b *pebble.Batch) error {
	if err := s.writable(); err != nil {
		return err
	}
	if err := s.db.Apply(b, pebble.NoSync); err != nil {
		s.guard.poison(fmt.Errorf("appending to the journal: %w", err))
		return s.failure()
	}
	select {
	case s.lazy <- struct{}{}:
	default: // a sync is due already
	}
	if err := b.Close(); err != nil {
		return fmt.Errorf("appending to the journal: %w", err)
	}
	return nil
}

// writable is asked with mu held.
func (s *Spool) writable() error {
	if s.closed {
		return ErrClosed
	}
	return s.failure()
}

// syncLoop waits for the fsync of each batch in order of the log and tells its
// writer. The store shares one fsync among all batches that wait.
func (s *Spool) syncLoop() {
	for a := range s.flight {
		err := a.batch.SyncWait()
		if err != nil {
			s.guard.poison(fmt.Errorf("syncing the journal: %w", err))
		}
		// The poison guard, not the store, knows whether the fsync was real.
		a.err = s.failure()
		if a.err == nil {
			s.durable.Store(a.seq)
			_ = a.batch.Close() // returns the memory; the content is durable
		}
		close(a.done)
		if a.err == nil {
			s.removeFiles(a.drops)
		}
	}
}

// lazyLoop makes changes without a waiter durable, and ends syncLoop.
func (s *Spool) lazyLoop() {
	for range s.lazy {
		s.guard.pause(lazyDelay)
		if err := s.flush(); err != nil {
			s.log.Warn("events not yet durable", "error", err)
		}
	}
	if err := s.flush(); err != nil {
		s.log.Warn("events not yet durable", "error", err)
	}
	close(s.flight)
}

// flush makes everything before it durable, even while the spool closes.
func (s *Spool) flush() error {
	a, err := s.mark()
	if err != nil {
		return err
	}
	return a.Wait(context.Background())
}

// mark appends a batch that changes nothing, to wait for.
func (s *Spool) mark() (*Append, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.failure(); err != nil {
		return nil, err
	}
	b := s.db.NewBatch()
	if err := b.LogData(nil, nil); err != nil {
		return nil, fmt.Errorf("appending to the journal: %w", err)
	}
	return s.push(b)
}
