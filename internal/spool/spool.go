package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"outrider/internal/message"
	"outrider/internal/smtp"
)

// Sizes of the store, in bytes. An edge holds little at a time, so they are small.
const (
	memTableSize = 2 << 20
	logFillStep  = 256 << 10
	cacheSize    = 8 << 20
	walSyncBytes = 512 << 10 // written back early, so that an fsync finds little to do
)

// Defaults of Options.
const (
	DefaultMinFreeBytes      = 512 << 20 // what logs and tables in memory may come to, with room to merge
	DefaultBodyFileThreshold = 256 << 10
)

// lazyDelay bounds how long a Lazy outcome stays without fsync.
const lazyDelay = 100 * time.Millisecond

// maxInFlight bounds batches between append and fsync; writers beyond it wait.
const maxInFlight = 4096

// Errors that callers may look for.
var (
	ErrUnknown = errors.New("no such entry in the spool")
	ErrClosed  = errors.New("spool is closed")

	errCorrupt = errors.New("malformed row")
	errTwice   = errors.New("entry is listed twice in one batch")
	errSize    = errors.New("content and its size differ")
)

// Options says where and how the spool stores.
type Options struct {
	Dir               string       // directory of this spool alone; created when missing
	Edge              string       // id of this edge; the directory belongs to it from the first Open on
	MinFreeBytes      int64        // below that much free disk the spool takes nothing new; DefaultMinFreeBytes when 0
	BodyFileThreshold int64        // bodies above go to files; DefaultBodyFileThreshold when 0
	Log               *slog.Logger // always non-nil
	FS                vfs.FS       // file system below, for tests that break it; the real one when nil
}

// Spool is the durable journal of one edge. It is safe for concurrent use.
type Spool struct {
	opts     Options
	fs       *guardFS
	guard    *poisonGuard
	stall    *stall
	db       *pebble.DB
	log      *slog.Logger
	durable  atomic.Uint64 // EdgeSeq up to which facts are on stable storage
	flight   chan *Append  // batches that wait for their fsync, in order of the log
	lazy     chan struct{} // capacity 1: there are changes without a waiter
	workers  sync.WaitGroup
	free     freeSpace
	interred []Intent // found by Open; never changes

	mu      sync.Mutex
	closed  bool                    // guarded by mu
	seq     uint64                  // EdgeSeq of the last fact appended; guarded by mu
	acked   uint64                  // EdgeSeq up to which AckFacts has dropped; guarded by mu
	recent  recent                  // guarded by mu
	bodies  map[string]*bodyRefs    // guarded by mu
	claimed map[string]struct{}     // ids that Due and Revisits gave away; guarded by mu
	broken  map[string]struct{}     // due keys that lead to no row; guarded by mu
	ended   map[message.ID]struct{} // found intents that have ended since; guarded by mu
	drops   []string                // files to remove after the next fsync; guarded by mu
	stats   Stats                   // guarded by mu
}

// bodyRefs counts who refers to a body.
type bodyRefs struct {
	body Body
	refs int
}

// Open opens or creates the spool, removes what crashes have left over, and reads
// what was queued. Close must be called.
func Open(o Options) (*Spool, error) {
	s := newSpool(o)
	if err := s.openStore(); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	s.workers.Go(s.syncLoop)
	s.workers.Go(s.lazyLoop)
	return s, nil
}

func newSpool(o Options) *Spool {
	if o.MinFreeBytes == 0 {
		o.MinFreeBytes = DefaultMinFreeBytes
	}
	if o.BodyFileThreshold == 0 {
		o.BodyFileThreshold = DefaultBodyFileThreshold
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	st := &stall{}
	f := &poisonGuard{log: o.Log, stall: st, closing: make(chan struct{})}
	return &Spool{
		opts: o, fs: &guardFS{FS: o.FS, guard: f}, guard: f, stall: st, log: o.Log,
		flight: make(chan *Append, maxInFlight), lazy: make(chan struct{}, 1),
		bodies: map[string]*bodyRefs{}, claimed: map[string]struct{}{}, broken: map[string]struct{}{}, ended: map[message.ID]struct{}{},
	}
}

func (s *Spool) openStore() error {
	for _, dir := range []string{s.journalDir(), s.bodyDir()} {
		if err := s.fs.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("creating spool directory: %w", err)
		}
	}
	if err := s.syncDir(s.opts.Dir); err != nil {
		return err
	}
	db, err := pebble.Open(s.journalDir(), s.storeOptions())
	if err != nil {
		return fmt.Errorf("opening spool journal in %s: %w", s.opts.Dir, err)
	}
	s.db = db
	if err := s.guard.Err(); err != nil {
		return errors.Join(fmt.Errorf("opening spool journal in %s: %w", s.opts.Dir, err), db.Close())
	}
	return nil
}

func (s *Spool) storeOptions() *pebble.Options {
	logger := storeLogger{log: s.log, guard: s.guard}
	return &pebble.Options{
		FS:                          s.fs,
		Logger:                      logger,
		EventListener:               s.listener(logger),
		FormatMajorVersion:          pebble.FormatWALSyncChunks, // tells a torn tail from corruption
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: stopTables,
		L0StopWritesThreshold:       stopLevels,
		CacheSize:                   cacheSize,
		WALBytesPerSync:             walSyncBytes,
		MaxOpenFiles:                256,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 1 },
	}
}

// load reads the state that is kept in memory and the intents without outcome.
func (s *Spool) load() error {
	steps := []func() error{s.loadEdge, s.loadSeq, s.loadIntents, s.loadEntries, s.loadHeld, s.loadRevisits, s.countFacts, s.sweepFiles}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("reading spool in %s: %w", s.opts.Dir, err)
		}
	}
	return nil
}

// loadEdge refuses the journal of another edge: two edges that number their facts
// under one name would hide each other's.
func (s *Spool) loadEdge() error {
	owner, err := s.get(metaEdge)
	if errors.Is(err, pebble.ErrNotFound) {
		if err := s.db.Set(metaEdge, []byte(s.opts.Edge), pebble.Sync); err != nil {
			return fmt.Errorf("naming the edge: %w", err)
		}
		return s.guard.Err()
	}
	if err == nil && string(owner) != s.opts.Edge {
		err = fmt.Errorf("journal belongs to edge %q, not %q: %w", owner, s.opts.Edge, errCorrupt)
	}
	return err
}

func (s *Spool) loadSeq() error {
	v, err := s.get(metaSeq)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err == nil && len(v) != 8 {
		err = fmt.Errorf("reading sequence: %w", errCorrupt)
	}
	if err != nil {
		return err
	}
	s.seq = binary.BigEndian.Uint64(v)
	s.durable.Store(s.seq)
	return nil
}

// get returns a copy of one value.
func (s *Spool) get(k []byte) ([]byte, error) {
	v, closer, err := s.db.Get(k)
	if err != nil {
		return nil, fmt.Errorf("reading row: %w", err)
	}
	c := append([]byte(nil), v...)
	if err := closer.Close(); err != nil {
		return nil, fmt.Errorf("reading row: %w", err)
	}
	return c, nil
}

// scan calls f for each row from the key from up to the key to, until f says stop.
func (s *Spool) scan(from, to []byte, f func(k, v []byte) (more bool, err error)) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return fmt.Errorf("scanning spool: %w", err)
	}
	more := it.First()
	for more && err == nil {
		if more, err = f(it.Key(), it.Value()); more && err == nil {
			more = it.Next()
		}
	}
	if err := errors.Join(err, it.Close()); err != nil {
		return fmt.Errorf("scanning spool: %w", err)
	}
	return nil
}

// Close waits for what is in flight and closes the store. The second call does nothing.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.lazy)
	s.mu.Unlock()
	close(s.guard.closing)
	s.workers.Wait()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing spool journal: %w", err)
	}
	return s.failure()
}

// failure returns what clients are told when the poison guard is poisoned, or nil.
func (s *Spool) failure() error {
	err := s.guard.Err()
	if err == nil {
		return nil
	}
	return &smtp.Error{Code: 421, Enhanced: "4.3.2", Text: "System not accepting network messages", Err: err}
}

// Interrupted lists the intents that Open found without outcome and that have not
// ended since: sessions that a crash cut off before they were answered.
func (s *Spool) Interrupted() ([]Intent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []Intent
	for _, i := range s.interred {
		if _, ok := s.ended[i.ID]; !ok {
			open = append(open, i)
		}
	}
	return open, s.failure()
}

// Stats counts what is in the spool.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Healthy returns nil when the spool can take mail, a 452 *smtp.Error when the disk
// is nearly full, and a 421 *smtp.Error when the spool is poisoned.
func (s *Spool) Healthy(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own
	}
	if err := s.failure(); err != nil {
		return err
	}
	if s.stall.isFull() {
		return full(errNoRoom)
	}
	return s.room(s.opts.MinFreeBytes)
}
