package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outrider/internal/event"
	"outrider/internal/history"
	"outrider/internal/quarantine"
	"outrider/internal/smtp"
	"outrider/internal/store"
)

// shifted moves events in time.
func shifted(es []event.Event, by time.Duration) []event.Event {
	for i := range es {
		es[i].At = es[i].At.Add(by)
	}
	return es
}

func prune(t *testing.T, db *store.DB, before time.Time, limit int) int64 {
	t.Helper()
	n, err := db.Prune(t.Context(), before, limit)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// seqs returns the numbers of the events of a tenant.
func seqs(t *testing.T, db *store.DB, tenant string) string {
	t.Helper()
	es, err := db.Events(t.Context(), tenant, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(es))
	for i, e := range es {
		out[i] = fmt.Sprint(e.Seq)
	}
	return strings.Join(out, " ")
}

func TestPruneTakesWhatIsOldAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 1, 2, 3, 1000} {
		t.Run(fmt.Sprintf("%d at a time", limit), func(t *testing.T) {
			t.Parallel()
			db := open(t)
			record(t, db, life("a", "old1", 1))
			record(t, db, life("b", "old2", 4))
			record(t, db, life("a", "old3", 7))
			record(t, db, shifted(life("a", "new", 10), time.Hour))
			// 3 messages with a delivery and 3 events each, and the address and domain that only b knew.
			if n := prune(t, db, day.Add(time.Hour), limit); n != 3+3+9+2 {
				t.Errorf("pruned %d rows", n)
			}
			list, err := db.Messages(t.Context(), store.MessageFilter{Limit: 10})
			if err != nil || len(list) != 1 || list[0].ID != "new" || len(list[0].Deliveries) != 1 {
				t.Errorf("messages left: %+v, %v", list, err)
			}
			if a, b := seqs(t, db, "a"), seqs(t, db, "b"); a != "7 8 9" || b != "" {
				t.Errorf("numbers left: %q and %q", a, b)
			}
			record(t, db, shifted(life("b", "next", 13), time.Hour))
			if b := seqs(t, db, "b"); b != "4 5 6" {
				t.Errorf("numbers do not go on: %q", b)
			}
			senders := map[string]bool{}
			if err := db.Senders(t.Context(), 10, func(tenant, key string, _ history.Record) { senders[tenant+" "+key] = true }); err != nil {
				t.Fatal(err)
			}
			if len(senders) != 4 || !senders["a a@b.example"] {
				t.Errorf("senders left: %v", senders)
			}
			if n := prune(t, db, day.Add(time.Hour), limit); n != 0 {
				t.Errorf("pruned %d rows that are not old", n)
			}
		})
	}
}

func TestPruneLeavesNoGapBetweenEvents(t *testing.T) {
	t.Parallel()
	db := open(t)
	record(t, db, life("a", "m1", 1))
	record(t, db, shifted(life("a", "m2", 4), time.Hour))
	record(t, db, life("a", "late", 7)) // an edge that was away for long
	prune(t, db, day.Add(time.Minute), 2)
	if got := seqs(t, db, "a"); got != "4 5 6 7 8 9" {
		t.Errorf("numbers left: %q", got)
	}
}

func TestPruneKeepsWhatIsHeld(t *testing.T) {
	t.Parallel()
	states := []quarantine.State{
		quarantine.Held, quarantine.ReleaseAsked, quarantine.DeleteAsked, quarantine.Released, quarantine.Deleted, quarantine.Expired,
	}
	db := open(t)
	for i, s := range states {
		id := string(s)
		h := held(id)
		h.MessageID = "m-" + id
		record(t, db, life("a", h.MessageID, uint64(1+3*i)), h)
		if s != quarantine.Held {
			if ok, err := db.MoveHeld(t.Context(), id, quarantine.Held, s, "me"); err != nil || !ok {
				t.Fatalf("moving to %s: %t, %v", s, ok, err)
			}
		}
	}
	prune(t, db, day.Add(time.Hour), 1)
	for i, s := range states {
		_, held := db.HeldItem(t.Context(), string(s))
		_, message := db.Message(t.Context(), "m-"+string(s))
		if i < 3 && (held != nil || message != nil) {
			t.Errorf("%s: item %v, message %v", s, held, message)
		}
		if i >= 3 && (!errors.Is(held, quarantine.ErrUnknown) || !errors.Is(message, store.ErrUnknown)) {
			t.Errorf("%s: item %v, message %v", s, held, message)
		}
	}
}

func TestPruneFindsDeliveriesWithoutMessage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "o.db")
	db, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	rcpt := []smtp.Recipient{{Address: "x@example.org"}, {Address: "y@example.org"}}
	refused := event.New(event.Refused, "a", "never", day, rcpt, event.DeliveryDetail{Reply: "550 no"})
	refused.Edge, refused.EdgeSeq = "edge", 1
	record(t, db, append(life("a", "m1", 2), refused))
	prune(t, db, day.Add(time.Hour), 1)
	raw, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	var n int
	if err := raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM deliveries`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d deliveries are left, %v", n, err)
	}
}

func TestPruneEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db := open(t)
	record(t, db, life("a", "m1", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Prune(ctx, day.Add(time.Hour), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := db.Message(t.Context(), "m1"); err != nil {
		t.Error(err)
	}
}
