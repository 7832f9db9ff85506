package mailflow_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"outrider/internal/clock"
	"outrider/internal/mailflow"
	"outrider/internal/quarantine"
	"outrider/internal/store/blob"
)

const year = 365 * 24 * time.Hour

// passTime lets time pass by a clock that goes on steadily, in steps that are no jumps.
func (b *bundle) passTime(d time.Duration) {
	for range 10 {
		b.wall.Add(int64(d / 10))
		b.passed.Add(int64(d / 10))
	}
}

// jump sets the time of day forward, which is noticed at once.
func (b *bundle) jump(d time.Duration) {
	b.t.Helper()
	b.wall.Add(int64(d))
	if b.clock.Settled() {
		b.t.Error("the jump was not noticed")
	}
}

// TestClockSetForwardReturnsNoQueuedMail tries mail again by a clock that says that all of it
// has expired, and returns it only when that clock has gone on steadily.
func TestClockSetForwardReturnsNoQueuedMail(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c string) string {
		if strings.HasPrefix(c, "RCPT TO:<later@") {
			return "451 4.2.1 not now"
		}
		return ""
	})
	if _, err := b.process(mail("s"), "ann@elsewhere.example", "later@example.org"); err != nil {
		t.Fatal(err)
	}
	b.jump(year)
	b.run()
	attempts := func() int {
		es, err := b.spool.Queue("", 10)
		if err != nil || len(es) == 0 {
			return -1
		}
		return es[0].Attempts
	}
	b.until("several attempts", func() bool { return attempts() >= 4 || attempts() < 0 })
	if got := b.kinds("a"); strings.Contains(got, "bounced") {
		t.Errorf("returned at once: %s", got)
	}
	b.passTime(clock.Steady)
	b.until("the return", func() bool { return strings.Contains(b.kinds("a"), "bounced") })
}

// TestClockSetBackRetriesQueuedMail sends what was scheduled by a clock that was a day ahead.
func TestClockSetBackRetriesQueuedMail(t *testing.T) {
	t.Parallel()
	var open atomic.Bool
	b := setup(t, func(c string) string {
		if strings.HasPrefix(c, "RCPT TO:") && !open.Load() {
			return "451 4.2.1 not now"
		}
		return ""
	})
	s := *b.flow.Settings()
	s.FirstRetry = time.Hour
	b.flow.Configure(&s)
	b.wall.Add(int64(24 * time.Hour))
	if _, err := b.process(mail("s"), "ann@elsewhere.example", "x@example.org"); err != nil {
		t.Fatal(err)
	}
	b.wall.Store(0)
	open.Store(true)
	b.run()
	b.until("the delivery", func() bool { return strings.Contains(b.kinds("a"), "placed") })
}

// TestClockSetForwardDeletesNoHeldMail looks for expired mail by such a clock.
func TestClockSetForwardDeletesNoHeldMail(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	s := *b.flow.Settings()
	s.KeepFor = time.Hour
	b.flow.Configure(&s)
	blobs, err := blob.NewDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	box := quarantine.NewBox(b.db, blobs)
	state := func(id string) quarantine.State {
		i, _ := box.Show(t.Context(), id)
		return i.State
	}
	var ids []string
	first := &mailflow.Shipper{Flow: b.flow, Store: b.db, Blobs: blobs}
	for range 2 {
		if _, err := b.process(mail("evil"), "ann@elsewhere.example", "x@example.org"); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range heldItems(t, b, first, box) {
		ids = append(ids, i.ID)
	}
	b.jump(year)
	stop := b.serveQuarantine(first)
	if err := box.Delete(t.Context(), ids[0], "me"); err != nil {
		t.Fatal(err)
	}
	b.until("a whole round", func() bool { return state(ids[0]) == quarantine.Deleted })
	if err := box.Delete(t.Context(), ids[0], "me"); err == nil {
		t.Error("deleted twice")
	}
	if got := state(ids[1]); got != quarantine.Held {
		t.Errorf("held mail is %s", got)
	}
	if _, err := b.db.Message(t.Context(), itemOf(t, box, ids[0]).MessageID); err != nil {
		t.Errorf("the history was pruned: %v", err)
	}
	stop()
	b.passTime(clock.Steady)
	b.serveQuarantine(&mailflow.Shipper{Flow: b.flow, Store: b.db, Blobs: blobs})
	b.until("the end of its time", func() bool { return state(ids[1]) != quarantine.Held }) // expired, and soon pruned
}

func itemOf(t *testing.T, box *quarantine.Box, id string) quarantine.Item {
	t.Helper()
	i, err := box.Show(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return i
}
