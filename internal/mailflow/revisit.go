package mailflow

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"outrider/internal/spool"
)

// Pace of later re-evaluations. Those that may take long wait in a lane of their own, so that a heap
// of scanned pages, or of mail from name servers that are silent, does not hold up those that only
// waits for a registry.
const (
	quickLookers = 2
	slowLookers  = 2
	revisitBatch = 16 // claimed together
	revisitShare = 8  // the part of the memory for judging that a lane may take: one in eight
)

// revisitWaits are the pauses after the first re-evaluation, which comes at once, and the others.
var revisitWaits = [...]time.Duration{10 * time.Minute, 2 * time.Hour}

// maxRevisits is how often a message is looked at again.
const maxRevisits = 1 + len(revisitWaits)

// nextRevisit returns when the re-evaluation after the nth is due.
func nextRevisit(now time.Time, n int) time.Time {
	return now.Add(revisitWaits[min(n, len(revisitWaits))-1])
}

// Revisit judges messages again whose verdict lacked what may be had by now, until ctx
// ends, and waits for the re-evaluations under way. What has changed is recorded, and nothing is
// done about it.
func (f *Flow) Revisit(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { f.newLane(false, quickLookers).run(ctx) })
	wg.Go(func() { f.newLane(true, slowLookers).run(ctx) })
	wg.Wait()
	return nil
}

// lane runs the slow re-evaluations, or the others.
type lane struct {
	flow   *Flow
	slow   bool
	slots  chan struct{}
	share  int64               // bytes in memory
	memory *semaphore.Weighted // keeps re-evaluations from queueing for the memory of all
	wg     sync.WaitGroup
}

func (f *Flow) newLane(slow bool, workers int) *lane {
	share := max(f.capacity/revisitShare, 1)
	return &lane{flow: f, slow: slow, slots: make(chan struct{}, workers), share: share, memory: semaphore.NewWeighted(share)}
}

// run runs re-evaluations until ctx ends, and waits for those under way.
func (r *lane) run(ctx context.Context) {
	f := r.flow
	defer r.wg.Wait()
	for ctx.Err() == nil {
		if f.mute(ctx) {
			pause(ctx, f.settings.Load().FirstRetry)
			continue
		}
		rows, err := f.spool.Revisits(r.slow, f.clock.Now(), revisitBatch)
		if err != nil {
			f.log.ErrorContext(ctx, "reading scheduled re-evaluations failed", "error", err)
			pause(ctx, min(f.settings.Load().FirstRetry, idle))
		}
		if !r.start(ctx, rows) {
			return
		}
		if len(rows) == 0 {
			f.sleepUntil(ctx, func() (time.Time, bool) { return f.spool.NextRevisit(r.slow) }, f.scheduled(r.slow))
		}
	}
}

// start begins the re-evaluations. It returns false, and lets go of the rest, when ctx ends.
func (r *lane) start(ctx context.Context, rows []spool.Revisit) bool {
	for i := range rows {
		row := &rows[i]
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			for k := range rows[i:] {
				r.flow.spool.Release(rows[i+k].ID)
			}
			return false
		}
		r.wg.Go(func() {
			defer func() { <-r.slots }()
			defer r.contain(ctx, row)
			r.visit(ctx, row)
		})
	}
	return true
}

// contain ends a panic of one re-evaluation. What has begun comes again by its time, as often as
// any re-evaluation does; what has not stays claimed until the next start.
func (r *lane) contain(ctx context.Context, row *spool.Revisit) {
	if p := recover(); p != nil {
		r.flow.log.ErrorContext(ctx, "re-evaluation failed: internal error", "message_id", row.MessageID, "panic", p, "stack", string(debug.Stack()))
	}
}

// visit looks at one message and records what that gave.
func (r *lane) visit(ctx context.Context, row *spool.Revisit) {
	f := r.flow
	k := f.load(row)
	if k == nil || row.Attempts >= maxRevisits {
		// Switched off, of a domain that is gone, or cut off by a crash in its last re-evaluation.
		f.mark(ctx, row, spool.Batch{Revisited: []string{row.ID}})
		return
	}
	r.yield(ctx)
	give, err := r.take(ctx, row.Body.Size)
	if err != nil {
		f.spool.Release(row.ID) // the server stops
		return
	}
	defer give()
	if !f.begin(ctx, row) {
		return
	}
	raw, err := f.spool.Content(row.Body).Bytes()
	if err != nil {
		f.log.ErrorContext(ctx, "reading a message for re-evaluation failed", "message_id", row.MessageID, "error", err)
		return // it comes again by its time
	}
	err = f.judge.again(ctx, k, raw)
	if ctx.Err() != nil {
		// The server stops: the re-evaluation has not been.
		row.Attempts--
		row.Next = f.clock.Now()
		f.mark(ctx, row, spool.Batch{Again: []spool.Revisit{*row}, Lazy: true})
		return
	}
	if err != nil {
		f.log.ErrorContext(ctx, "re-evaluation failed", "message_id", row.MessageID, "error", err)
	}
	f.finish(ctx, k, err)
}

// How a re-evaluation lets mail under way go first: it begins when that leaves a processor free, as often
// as so many in a row, more often where the re-evaluation may take long, and in any case in the end.
const (
	calmEvery    = 50 * time.Millisecond
	calmQuick    = 2
	calmSlow     = 20
	calmAtLatest = 5 * time.Minute
)

// yield waits until the machine has time for a re-evaluation.
func (r *lane) yield(ctx context.Context) {
	calm, wanted := 0, calmQuick
	if r.slow {
		wanted = calmSlow
	}
	for end := time.Now().Add(calmAtLatest); ctx.Err() == nil && time.Now().Before(end); {
		if int(r.flow.judging.Load()) >= runtime.GOMAXPROCS(0) {
			calm = 0
		} else if calm++; calm == wanted {
			return
		}
		pause(ctx, calmEvery)
	}
}

// take waits for memory as judging on the way does. A re-evaluation counts as no more than the share
// of its lane, which it then has alone, so that it holds up mail under way for a moment
// only.
func (r *lane) take(ctx context.Context, size int64) (give func(), err error) {
	weight := min(4*size, r.share)
	if err := r.memory.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	if err := r.flow.memory.Acquire(ctx, weight); err != nil {
		r.memory.Release(weight)
		return nil, err
	}
	return func() {
		r.flow.memory.Release(weight)
		r.memory.Release(weight)
	}, nil
}

// begin counts the re-evaluation before anything can go wrong in it, so that a message which ends
// the process does not end every later one at its start.
func (f *Flow) begin(ctx context.Context, row *spool.Revisit) bool {
	row.Attempts++
	row.Next = nextRevisit(f.clock.Now(), row.Attempts)
	return f.mark(ctx, row, spool.Batch{Again: []spool.Revisit{*row}, Lazy: true})
}

// mark records where a re-evaluation is. One that cannot be recorded is as it was before: the
// pause keeps a failing disk from seeing it over and over.
func (f *Flow) mark(ctx context.Context, row *spool.Revisit, o spool.Batch) bool {
	cctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := f.spool.Commit(cctx, o); err != nil {
		f.log.ErrorContext(ctx, "recording a re-evaluation failed", "message_id", row.MessageID, "error", err)
		pause(ctx, f.settings.Load().FirstRetry)
		f.spool.Release(row.ID)
		return false
	}
	if len(o.Facts) > 0 {
		signal(f.fresh)
	}
	return true
}
