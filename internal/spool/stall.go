package spool

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// The store collects changes in memory tables and writes full ones out. When that
// falls behind, its writers block without end or context, so the spool makes its own
// writers wait before that.
const (
	busyBytes  = 4 * memTableSize // in memory: from here on, new messages wait
	crowdBytes = 8 * memTableSize // from here on, everything waits
	stopTables = 16               // here the store would block; not reached, since few writers pass at once
	stopLevels = 1000             // the same for tables on disk that wait to be merged, which only slow readers
	stallPoll  = 10 * time.Millisecond
)

// fullFor is how long one report of a full disk holds. The store tries to write its
// tables again all the time, so a disk that stays full is reported again.
const fullFor = time.Second

// stall watches how far the store is behind.
type stall struct {
	rotated atomic.Bool  // a memory table was added since the last re-evaluation
	fullAt  atomic.Int64 // when the disk was last found full, in Unix nanoseconds
}

func (s *stall) sawFull() { s.fullAt.Store(time.Now().UnixNano()) }

func (s *stall) isFull() bool { return time.Now().UnixNano()-s.fullAt.Load() < int64(fullFor) }

// ready waits until the store has room for a write. A full disk ends the wait with a
// 452 *smtp.Error, and ctx with its cause.
func (s *Spool) ready(ctx context.Context, limit uint64) error {
	for s.stall.rotated.Load() {
		n := s.db.Metrics().MemTable.Size
		if n < busyBytes {
			s.stall.rotated.Store(false)
		}
		if n < limit {
			return nil
		}
		if s.stall.isFull() {
			return full(fmt.Errorf("%d bytes of tables cannot be written: %w", n, errNoRoom))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the spool to catch up: %w", context.Cause(ctx))
		case <-s.guard.closing:
			return ErrClosed
		case <-time.After(stallPoll):
		}
	}
	return nil
}

// listener hears from the store about its background work.
func (s *Spool) listener(l storeLogger) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { l.Errorf("%v", err) },
		WALCreated:      func(pebble.WALCreateInfo) { s.stall.rotated.Store(true) },
	}
}
