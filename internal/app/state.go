package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"outrider/internal/config"
	"outrider/internal/spool"
	"outrider/internal/store"
	"outrider/internal/store/blob"
)

// openSpool opens the spool of the data directory.
func (a *App) openSpool(c *config.Config, edge string) (err error) {
	a.spool, err = spool.Open(spool.Options{
		Dir: filepath.Join(c.DataDir, "spool"), Edge: edge, MinFreeBytes: int64(c.Spool.MinFree), Log: a.log,
	})
	if err != nil {
		return fmt.Errorf("opening spool: %w", err)
	}
	_, a.replayTo = a.spool.Numbers()
	return nil
}

// openDatabase opens the database, or leaves that to Run: mail depends on neither.
func (a *App) openDatabase(ctx context.Context, c *config.Config, edge string) (err error) {
	if a.blobs, err = blob.NewDisk(blobPath(c)); err != nil {
		return err
	}
	a.db = store.NewLive(store.LiveConfig{
		Path: databasePath(c), Edge: edge, Sidecars: a.blobs, Log: a.log, Room: a.spool.Room,
		Acked:   func() uint64 { acked, _ := a.spool.Numbers(); return acked },
		Rebuilt: func(f store.Fault) { a.metrics.Rebuilt.WithLabelValues(string(f)).Inc() },
	})
	a.db.Open(ctx)
	recorded, err := a.db.Recorded(ctx)
	if errors.Is(err, store.ErrDown) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	if err := a.spool.Continue(ctx, recorded); err != nil {
		return fmt.Errorf("continuing the numbers of events: %w", err)
	}
	return nil
}

// lastSeen returns when a gateway was last known to run on the data directory: the lock is
// touched by keepTime. Zero: never.
func lastSeen(dir string) time.Time {
	info, err := os.Stat(filepath.Join(dir, "lock"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// timeEvery is how often the clock is compared with the time that has passed.
const timeEvery = time.Minute

// keepTime compares the clock and leaves a sign of life for the next start, until ctx ends.
func (a *App) keepTime(ctx context.Context) error {
	tick := time.NewTicker(timeEvery)
	defer tick.Stop()
	for {
		a.clock.Settled()
		now := a.clock.Now()
		if err := os.Chtimes(a.lock.Name(), now, now); err != nil {
			a.log.WarnContext(ctx, "touching the lock of the data directory failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// replay names the events of earlier processes that the history must record when they
// are written to the database.
func (a *App) replay() (after, last uint64) { return a.db.RecordedAtOpening(), a.replayTo }

// fillHistory reads back who wrote and was written to, when the database can be read.
func (a *App) fillHistory(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-a.db.Opened():
	}
	s := a.db.TakeSnapshot()
	if s == nil {
		return nil // closed meanwhile
	}
	begun := time.Now()
	err := errors.Join(s.Senders(ctx, maxLoadedSenders, a.history.Load), s.Close())
	if err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "reading the sender history failed: it stays unknown until a restart", "error", err)
	}
	if err == nil {
		a.history.Loaded()
		a.log.InfoContext(ctx, "sender history read", "took", time.Since(begun))
	}
	return nil
}

// stateMetrics shows what is in the spool, the database and the quarantine.
func (a *App) stateMetrics() {
	a.metrics.Gauge("outrider_spool_queued", "Entries in the queue.", func() float64 { return float64(a.spool.Stats().Queued) })
	a.metrics.Gauge("outrider_revisits_waiting", "Messages that wait for another look.", func() float64 { return float64(a.spool.Stats().Revisits) })
	a.metrics.Gauge("outrider_spool_facts", "Facts not yet in the database.", func() float64 { return float64(a.spool.Stats().Facts) })
	a.metrics.Gauge("outrider_database_up", "1 while the database is in use, 0 while it is down.", func() float64 {
		if fault, _ := a.db.State(); fault != "" {
			return 0
		}
		return 1
	})
	a.metrics.Gauge("outrider_clock_settled", "0 after a jump of the clock, while nothing is deleted or returned for its age.", func() float64 {
		if a.clock.Settled() {
			return 1
		}
		return 0
	})
	a.metrics.Gauge("outrider_quarantine_missing_bodies", "Quarantined messages whose body is gone.", func() float64 { return float64(a.shipper.MissingBodies()) })
}
