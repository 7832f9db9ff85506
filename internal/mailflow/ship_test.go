package mailflow_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"outrider/internal/history"
	"outrider/internal/mailflow"
	"outrider/internal/quarantine"
	"outrider/internal/store/blob"
)

// sidecarsOf lists the held ids that have a sidecar, with the number of facts in each.
func sidecarsOf(t *testing.T, blobs *blob.Disk) map[string]int {
	t.Helper()
	out := map[string]int{}
	_, err := blobs.Sidecars(t.Context(), func(s *quarantine.Sidecar) error {
		out[s.Item.ID] = len(s.Facts)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// heldItems ships, and lists what is held with whether its body is there.
func heldItems(t *testing.T, b *bundle, s *mailflow.Shipper, box *quarantine.Box) []quarantine.Item {
	t.Helper()
	if err := s.Ship(t.Context()); err != nil {
		t.Fatal(err)
	}
	items, err := box.List(t.Context(), quarantine.Filter{State: quarantine.Held})
	if err != nil || b.spool.Stats().Facts != 0 {
		t.Fatalf("%v, %+v", err, b.spool.Stats())
	}
	return items
}

// TestHeldMailHasASidecarUntilItEnds also holds more facts than one batch, so that the facts of
// a message could be cut apart.
func TestHeldMailHasASidecarUntilItEnds(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	dir := t.TempDir()
	blobs, err := blob.NewDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, box := &mailflow.Shipper{Flow: b.flow, Store: b.db, Blobs: blobs}, quarantine.NewBox(b.db, blobs)
	const n = 340 // three facts each
	for i := range n {
		if _, err := b.process(mail("evil")+fmt.Sprint(i), "ann@elsewhere.example", "x@example.org"); err != nil {
			t.Fatal(err)
		}
	}
	items := heldItems(t, b, s, box)
	cars := sidecarsOf(t, blobs)
	for id, facts := range cars {
		if facts != 3 {
			t.Errorf("the sidecar of %s has %d facts", id, facts)
		}
	}
	if len(cars) != n || len(items) != 100 {
		t.Fatalf("%d sidecars, %d items", len(cars), len(items))
	}
	gone, kept := items[0], items[1]
	if err := os.Remove(filepath.Join(dir, gone.Blob[:2], gone.Blob)); err != nil {
		t.Fatal(err)
	}
	if i, err := box.Show(t.Context(), gone.ID); err != nil || !i.BodyMissing {
		t.Errorf("a missing body is not shown: %+v, %v", i, err)
	}
	for _, id := range []string{gone.ID, kept.ID} {
		if err := box.Release(t.Context(), id, "me"); err != nil {
			t.Fatal(err)
		}
	}
	b.serveQuarantine(s)
	b.until("the release", func() bool {
		a, _ := box.Show(t.Context(), gone.ID)
		b, _ := box.Show(t.Context(), kept.ID)
		return a.State == quarantine.Held && b.State == quarantine.Released
	})
	b.until("the count", func() bool { return s.MissingBodies() == 1 })
	if err := box.Delete(t.Context(), gone.ID, "me"); err != nil {
		t.Fatal(err)
	}
	b.until("the deletion", func() bool {
		i, _ := box.Show(t.Context(), gone.ID)
		return i.State == quarantine.Deleted
	})
	left := sidecarsOf(t, blobs)
	if len(left) != n-2 || left[gone.ID] != 0 || left[kept.ID] != 0 {
		t.Errorf("%d sidecars are left", len(left))
	}
}

// TestHistoryLearnsFromEventsOfAnEarlierProcess ships what a crash left in the spool.
func TestHistoryLearnsFromEventsOfAnEarlierProcess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after, last uint64
		learned     bool
	}{"all of it": {0, 100, true}, "in the database already": {100, 100, false}, "of this process": {0, 0, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			if _, err := b.process(mail("s"), "ann@elsewhere.example", "x@example.org"); err != nil {
				t.Fatal(err)
			}
			memory := history.NewLoading()
			next := mailflow.New(mailflow.Config{Settings: b.flow.Settings(), Judge: b.judge, Spool: b.spool, Relay: b.relay, History: memory, Memory: 1, Log: slog.New(slog.DiscardHandler)})
			blobs, err := blob.NewDisk(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			s := &mailflow.Shipper{Flow: next, Store: b.db, Blobs: blobs, Replay: func() (uint64, uint64) { return c.after, c.last }}
			// What is delivered is recorded a moment later than it is answered.
			b.until("the facts", func() bool { return s.Ship(t.Context()) == nil && b.kinds("a") != "" })
			if memory.View("a", time.Now()) != nil || memory.Contact("a", "ann@elsewhere.example").Known {
				t.Error("a memory that is being filled answers")
			}
			memory.Loaded()
			p, _ := memory.View("a", time.Now().Add(time.Hour)).Profile(history.ByAddress, "ann@elsewhere.example")
			if (p.LastInbound != nil) != c.learned {
				t.Errorf("learned: %v, want %v", p.LastInbound != nil, c.learned)
			}
		})
	}
}
