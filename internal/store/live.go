package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"outrider/internal/event"
	"outrider/internal/quarantine"
)

// ErrDown says that the database cannot be used at the moment.
var ErrDown = errors.New("the database is down")

// Pace of looking after the database.
const (
	lookEvery    = time.Second     // whether the file is still the one that was opened, or can be opened now
	checkEvery   = 24 * time.Hour  // quick_check, which reads the whole file
	rebuildPause = 5 * time.Minute // between two rebuilds: a disk that damages files is not written over and over
	lockedFor    = 500             // milliseconds that an attempt to open waits for a lock
)

// Sidecars keeps what is needed to rebuild the quarantine beside the bodies of held mail.
type Sidecars interface {
	PutSidecar(ctx context.Context, s *quarantine.Sidecar) error
	DeleteSidecar(ctx context.Context, blob, id string) error
	// Sidecars calls f for each. Those that cannot be read are left out and counted.
	Sidecars(ctx context.Context, f func(*quarantine.Sidecar) error) (unreadable int, err error)
	Has(blob string) (bool, error)
}

// LiveConfig says which database it is and what is known about it from outside.
type LiveConfig struct {
	Path     string
	Edge     string                  // id of this installation
	Acked    func() uint64           // number of the last event that was recorded here and has left the spool
	Room     func(bytes int64) error // whether the disk has room for so many more bytes
	Sidecars Sidecars
	Log      *slog.Logger
	Rebuilt  func(Fault) // called after a rebuild, for metrics; or nil
}

// Live is the database of a running gateway. It finds out when the file is damaged,
// missing, replaced, locked or not the one it should be, and rebuilds it or tries again,
// while every call answers ErrDown and mail waits for none of it. It is safe for
// concurrent use.
type Live struct {
	c       LiveConfig
	suspect chan suspicion // capacity 1
	opened  chan struct{}  // closed when the database was opened first
	workers sync.WaitGroup

	// Of Open and Run, which do not run together.
	pending   suspicion // why a rebuild is due
	rebuiltAt time.Time // when one ended last

	mu       sync.Mutex
	handle   *handle   // nil while the database is down; guarded by mu
	fault    Fault     // why it is down; guarded by mu
	why      string    // the same for people; guarded by mu
	snapshot *Snapshot // of the first opening, until TakeSnapshot; guarded by mu
	first    uint64    // RecordedAtOpening; guarded by mu
}

// suspicion is what a caller or a check found.
type suspicion struct {
	h     *handle
	fault Fault
	err   error
}

// handle is one opened database with those who use it.
type handle struct {
	db      *DB
	files   identity
	size    int64         // of the file when Run looked at it last
	checked bool          // Run has started the checks
	recheck chan struct{} // capacity 1: check the file now
	closing chan struct{} // closed when it goes out of use
	users   sync.WaitGroup
}

// checkNow asks for a check of the whole file.
func (h *handle) checkNow() {
	select {
	case h.recheck <- struct{}{}:
	default:
	}
}

// NewLive returns the database before it was opened.
func NewLive(c LiveConfig) *Live {
	return &Live{c: c, suspect: make(chan suspicion, 1), opened: make(chan struct{}), fault: Unusable}
}

// Opened is closed when the database could be opened for the first time.
func (l *Live) Opened() <-chan struct{} { return l.opened }

// TakeSnapshot returns the senders as they were when the database was opened first, before
// this process recorded anything. It returns nil before that, and the second time.
func (l *Live) TakeSnapshot() *Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.snapshot
	l.snapshot = nil
	return s
}

// RecordedAtOpening returns the number of the last event of this installation that the
// database had when it was opened first.
func (l *Live) RecordedAtOpening() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// State returns what is wrong with the database, and a sentence about it; "" where it is in
// use. One that is open is locked or unusable while that is what writing to it answers.
func (l *Live) State() (Fault, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault, l.why
}

// take returns the open database, to be given back by the caller.
func (l *Live) take() (*handle, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.handle == nil {
		return nil, fmt.Errorf("%w: %s", ErrDown, l.why)
	}
	l.handle.users.Add(1)
	return l.handle, nil
}

// use runs f with the open database, and notes when the error means that the file is damaged.
func (l *Live) use(f func(*DB) error) error {
	h, err := l.take()
	if err != nil {
		return err
	}
	defer h.users.Done()
	err = f(h.db)
	if fault := faultOf(err); fault.rebuilds() {
		l.suspects(h, fault, err)
	}
	return err
}

// wrote notes whether what is recorded can be written.
func (l *Live) wrote(err error) {
	fault := faultOf(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.handle == nil || fault.rebuilds():
	case err == nil:
		l.fault, l.why = "", ""
	case fault != "":
		l.fault, l.why = fault, fmt.Sprintf("%s: %v", fault, err)
	}
}

// suspects tells Run of a fault; one at a time is enough.
func (l *Live) suspects(h *handle, fault Fault, err error) {
	select {
	case l.suspect <- suspicion{h: h, fault: fault, err: err}:
	default:
	}
}

// ask is use for what returns a value.
func ask[T any](l *Live, f func(*DB) (T, error)) (v T, err error) {
	err = l.use(func(d *DB) error {
		v, err = f(d)
		return err
	})
	return v, err
}

// Record is DB.Record.
func (l *Live) Record(ctx context.Context, events []event.Event, held []quarantine.Item) error {
	err := l.use(func(d *DB) error { return d.Record(ctx, events, held) })
	l.wrote(err)
	return err
}

// HeldItems is DB.HeldItems.
func (l *Live) HeldItems(ctx context.Context, f quarantine.Filter) ([]quarantine.Item, error) {
	return ask(l, func(d *DB) ([]quarantine.Item, error) { return d.HeldItems(ctx, f) })
}

// HeldExpired is DB.HeldExpired.
func (l *Live) HeldExpired(ctx context.Context, now time.Time, limit int) ([]quarantine.Item, error) {
	return ask(l, func(d *DB) ([]quarantine.Item, error) { return d.HeldExpired(ctx, now, limit) })
}

// HeldInUse is DB.HeldInUse.
func (l *Live) HeldInUse(ctx context.Context, f func(*quarantine.Item) error) error {
	return l.use(func(d *DB) error { return d.HeldInUse(ctx, f) })
}

// MoveHeld is DB.MoveHeld.
func (l *Live) MoveHeld(ctx context.Context, id string, from, to quarantine.State, by string) (bool, error) {
	return ask(l, func(d *DB) (bool, error) { return d.MoveHeld(ctx, id, from, to, by) })
}

// BlobInUse is DB.BlobInUse.
func (l *Live) BlobInUse(ctx context.Context, blob string) (bool, error) {
	used, err := ask(l, func(d *DB) (bool, error) { return d.BlobInUse(ctx, blob) })
	return used || err != nil, err
}

// BlobsSince is DB.BlobsSince.
func (l *Live) BlobsSince(ctx context.Context) (time.Time, error) {
	return ask(l, func(d *DB) (time.Time, error) { return d.BlobsSince(ctx) })
}

// Prune is DB.Prune.
func (l *Live) Prune(ctx context.Context, before time.Time, limit int) (int64, error) {
	return ask(l, func(d *DB) (int64, error) { return d.Prune(ctx, before, limit) })
}

// Delivered is DB.Delivered.
func (l *Live) Delivered(ctx context.Context, recipient string) (bool, error) {
	return ask(l, func(d *DB) (bool, error) { return d.Delivered(ctx, recipient) })
}

// Recorded is DB.Recorded of this installation.
func (l *Live) Recorded(ctx context.Context) (uint64, error) {
	return ask(l, func(d *DB) (uint64, error) { return d.Recorded(ctx, l.c.Edge) })
}

// Open tries to open the database at once, and leaves what takes long to Run. A fault is
// shown by State and logged; mail does not depend on it.
func (l *Live) Open(ctx context.Context) { l.try(ctx, false) }

// Run opens the database when it could not be opened, looks after it, and rebuilds it when
// it must, until ctx ends.
func (l *Live) Run(ctx context.Context) error {
	defer l.workers.Wait()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		l.attend(ctx)
		select {
		case <-ctx.Done():
			l.lookLast(ctx)
			return nil
		case s := <-l.suspect:
			l.repair(ctx, s)
		case <-tick.C:
		}
	}
}

// attend looks at the file of an open database, or tries to open one that is down.
func (l *Live) attend(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	h, err := l.take()
	if err != nil {
		l.try(ctx, true)
		if h, err = l.take(); err != nil {
			return
		}
	}
	if !h.checked {
		h.checked = true
		l.workers.Go(func() { l.check(ctx, h) })
	}
	fault, err := l.look(h)
	h.users.Done()
	if fault != "" {
		l.repair(ctx, suspicion{h: h, fault: fault, err: err})
	}
}

// lookLast keeps what is open when the file was deleted or replaced a moment before the end,
// where it would be lost with the process.
func (l *Live) lookLast(ctx context.Context) {
	h, err := l.take()
	if err != nil {
		return
	}
	fault, err := l.look(h)
	h.users.Done()
	if fault != "" {
		l.repair(context.WithoutCancel(ctx), suspicion{h: h, fault: fault, err: err})
	}
}

// check reads the whole file, at once and every day, and writes sidecars that are missing, as
// long as the database is open.
func (l *Live) check(ctx context.Context, h *handle) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.workers.Go(func() {
		select {
		case <-ctx.Done():
		case <-h.closing:
			cancel()
		}
	})
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for l.hold(h) {
		err := h.db.QuickCheck(ctx)
		if err != nil && ctx.Err() == nil && (errors.Is(err, ErrDamaged) || faultOf(err).rebuilds()) {
			l.suspects(h, Damaged, err)
		} else if err = l.fillSidecars(ctx, h.db); err != nil && ctx.Err() == nil {
			l.c.Log.Error("writing sidecars failed", "error", err)
		}
		h.users.Done()
		select {
		case <-ctx.Done():
			return
		case <-h.recheck:
		case <-tick.C:
		}
	}
}

// isOpen reports whether a database is the one in use.
func (l *Live) isOpen(h *handle) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return h != nil && l.handle == h
}

// hold is take for one database, and reports whether it is in use still.
func (l *Live) hold(h *handle) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.handle != h {
		return false
	}
	h.users.Add(1)
	return true
}

// down takes the open database out of use, waits for those who use it, and says why.
func (l *Live) down(h *handle, fault Fault, err error) {
	l.mu.Lock()
	if l.handle == h {
		l.handle = nil
	}
	why := fmt.Sprintf("%s: %v", fault, err)
	changed := l.why != why
	l.fault, l.why = fault, why
	l.mu.Unlock()
	if h != nil || changed {
		l.c.Log.Error("database is down: mail flows, events wait in the spool", "fault", fault, "path", l.c.Path, "error", err)
	}
	if h != nil {
		close(h.closing)
		h.users.Wait()
	}
}

// publish puts an open database into use, the first time with a snapshot of its senders.
func (l *Live) publish(ctx context.Context, db *DB) {
	files, err := identify(l.c.Path)
	var snapshot *Snapshot
	if err == nil && !l.wasOpened() {
		// It outlives the opening: what it is for is done in the background.
		snapshot, err = db.SnapshotSenders(context.WithoutCancel(ctx), l.c.Edge)
	}
	if err != nil {
		l.down(nil, orUnusable(faultOf(err)), errors.Join(err, db.Close()))
		return
	}
	h := &handle{db: db, files: files, size: files.db.Size(), recheck: make(chan struct{}, 1), closing: make(chan struct{})}
	l.mu.Lock()
	again := l.why != ""
	l.handle, l.fault, l.why = h, "", ""
	if snapshot != nil {
		l.snapshot, l.first = snapshot, snapshot.Recorded
	}
	l.mu.Unlock()
	if again {
		l.c.Log.Warn("database is in use again", "path", l.c.Path)
	}
	if snapshot != nil {
		close(l.opened)
	}
}

func (l *Live) wasOpened() bool {
	select {
	case <-l.opened:
		return true
	default:
		return false
	}
}

// Close closes the database. Run must have ended.
func (l *Live) Close() error {
	var errs []error
	if s := l.TakeSnapshot(); s != nil {
		errs = append(errs, s.Close())
	}
	l.mu.Lock()
	h := l.handle
	l.handle, l.why = nil, "closed"
	l.mu.Unlock()
	if h != nil {
		h.users.Wait()
		errs = append(errs, h.db.Close())
	}
	return errors.Join(errs...)
}
