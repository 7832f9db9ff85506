package store_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider/internal/event"
	"outrider/internal/history"
	"outrider/internal/quarantine"
	"outrider/internal/smtp"
	"outrider/internal/store"
	"outrider/internal/verdict"
)

var day = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "with space & sign.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// life returns the facts of one delivered message, numbered from seq.
func life(tenant, id string, seq uint64) []event.Event {
	rcpt := []smtp.Recipient{{Address: "x@example.org"}}
	es := []event.Event{
		event.New(event.Received, tenant, id, day, rcpt, event.ReceivedDetail{From: "a@b.example", HeaderFrom: "A@b.example", Subject: "s"}),
		event.New(event.Judged, tenant, id, day, rcpt, event.JudgedDetail{Verdict: verdict.Verdict{Disposition: verdict.Bulk, Score: 0.25}}),
		event.New(event.Placed, tenant, id, day, rcpt, event.DeliveryDetail{Reply: "250 ok", Host: "mx", Known: "A@b.example"}),
	}
	for i := range es {
		es[i].Edge, es[i].EdgeSeq = "edge", seq+uint64(i)
	}
	return es
}

func record(t *testing.T, db *store.DB, es []event.Event, held ...quarantine.Item) {
	t.Helper()
	if err := db.Record(t.Context(), es, held); err != nil {
		t.Fatal(err)
	}
}

func TestSequencesHaveNoGapsAndShippingTwiceStoresOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	a, b := life("a", "m1", 1), life("b", "m2", 4)
	record(t, db, append(slices.Clone(a), b...))
	record(t, db, append(slices.Clone(a[1:]), life("a", "m3", 7)...)) // the first facts come again
	record(t, db, life("a", "m3", 7))
	for tenant, n := range map[string]int{"a": 6, "b": 3} {
		es, err := db.Events(t.Context(), tenant, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(es) != n {
			t.Errorf("tenant %s has %d events, want %d", tenant, len(es), n)
		}
		for i, e := range es {
			if e.Seq != int64(i+1) {
				t.Errorf("tenant %s: event %d has number %d", tenant, i+1, e.Seq)
			}
		}
	}
}

func TestMessageShowsItsPresentState(t *testing.T) {
	t.Parallel()
	db := open(t)
	record(t, db, life("a", "m1", 1))
	m, err := db.Message(t.Context(), "m1")
	if err != nil {
		t.Fatal(err)
	}
	if m.Verdict.Disposition != verdict.Bulk || m.Subject != "s" || len(m.Deliveries) != 1 || m.Deliveries[0].Status != "placed" {
		t.Errorf("got %+v", m)
	}
	if _, err := db.Message(t.Context(), "none"); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("got %v for a message that is not there", err)
	}
	for name, f := range map[string]store.MessageFilter{
		"by tenant": {Tenant: "a"}, "by disposition": {Disposition: "BULK"}, "by author": {Sender: "b.example"}, "by recipient": {Recipient: "x@example.org"},
		"by author in other letters": {Sender: "B.Example"}, "by recipient in other letters": {Recipient: "X@EXAMPLE.org"},
	} {
		f.Limit = 10
		if list, err := db.Messages(t.Context(), f); err != nil || len(list) != 1 {
			t.Errorf("%s: %d messages, %v", name, len(list), err)
		}
	}
	if list, _ := db.Messages(t.Context(), store.MessageFilter{Since: day.Add(time.Hour), Limit: 10}); len(list) != 0 {
		t.Error("a message older than asked for was listed")
	}
}

// heldLife returns the facts of a message that was held, released and delivered, and its item.
func heldLife(id string, seq uint64, why verdict.Reason) ([]event.Event, quarantine.Item) {
	rcpt := []smtp.Recipient{{Address: "x@example.org"}}
	detail := event.HeldDetail{Held: "h-" + id, Disposition: verdict.Malicious, Reason: &why}
	es := life("a", id, seq)[:2]
	es = append(es, event.New(event.Quarantined, "a", id, day, rcpt, detail),
		event.New(event.Released, "a", id, day.Add(time.Minute), rcpt, detail),
		event.New(event.Placed, "a", id, day.Add(time.Hour), rcpt, event.DeliveryDetail{Reply: "250 ok", Host: "mx"}))
	for i := range es {
		es[i].Edge, es[i].EdgeSeq = "edge", seq+uint64(i)
	}
	return es, quarantine.Item{ID: "h-" + id, Tenant: "a", MessageID: id, Disposition: verdict.Malicious, Reason: why, Blob: "b-" + id, At: day}
}

// The reason and the id of the held copy stay visible after the release.
func TestReasonsAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "o.db")
	db, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	es, item := heldLife("m1", 1, verdict.Reason{By: verdict.ByRule, ID: "r1", Name: "Fake bank"})
	record(t, db, es, item)
	m, err := db.Message(t.Context(), "m1")
	if err != nil {
		t.Fatal(err)
	}
	const want = "action set for rule Fake bank (r1)"
	if d := m.Deliveries[0]; d.Status != "placed" || d.Held != "h-m1" || d.Reason == nil || d.Reason.String() != want {
		t.Errorf("got %+v", d)
	}
	if i, err := db.HeldItem(t.Context(), "h-m1"); err != nil || i.Reason.String() != want {
		t.Errorf("got %+v, %v", i, err)
	}
	if i, err := db.HeldBody(t.Context(), "b-m1"); err != nil || i.ID != "h-m1" || !i.At.Equal(day) {
		t.Errorf("got %+v, %v", i, err)
	}
	if _, err := db.HeldBody(t.Context(), "none"); !errors.Is(err, quarantine.ErrUnknown) {
		t.Errorf("a body that is not held was found: %v", err)
	}
	raw, err := sql.Open("sqlite", "file:"+path) // a row of an earlier version
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), `UPDATE held SET reason = 'blocked:spam.example'`); err != nil {
		t.Fatal(err)
	}
	if i, err := db.HeldItem(t.Context(), "h-m1"); err != nil || i.Reason.String() != "block list entry spam.example" {
		t.Errorf("got %+v, %v", i, err)
	}
}

func TestListsAreCounted(t *testing.T) {
	t.Parallel()
	db := open(t)
	es, item := heldLife("m1", 1, verdict.Reason{By: verdict.ByExempt})
	record(t, db, es[:3], item)
	for i, id := range []string{"m2", "m3"} {
		record(t, db, life("a", id, 10+10*uint64(i)))
	}
	record(t, db, life("b", "m4", 50))
	for name, tc := range map[string]struct {
		f    store.MessageFilter
		want int
	}{
		"all": {store.MessageFilter{}, 4}, "a tenant": {store.MessageFilter{Tenant: "a"}, 3}, "a status": {store.MessageFilter{Status: "quarantined"}, 1},
		"too old": {store.MessageFilter{Since: day.Add(time.Hour)}, 0},
	} {
		if n, err := db.CountMessages(t.Context(), tc.f); err != nil || n != tc.want {
			t.Errorf("%s: %d messages, %v, want %d", name, n, err, tc.want)
		}
	}
	if n, err := db.CountHeld(t.Context(), quarantine.Filter{Tenant: "a", State: quarantine.Held}); err != nil || n != 1 {
		t.Errorf("%d held messages, %v", n, err)
	}
	if n, err := db.CountWithoutBody(t.Context(), day, "elsewhere"); err != nil || n != 3 {
		t.Errorf("%d messages without body, %v", n, err)
	}
	if n, err := db.CountWithoutBody(t.Context(), day, "mx"); err != nil || n != 0 {
		t.Errorf("%d messages without body, %v", n, err)
	}
}

func TestLatestEventsAreFound(t *testing.T) {
	t.Parallel()
	db := open(t)
	es, item := heldLife("m1", 1, verdict.Reason{By: verdict.ByExempt})
	record(t, db, append(es, life("b", "m2", 50)...), item)
	for name, tc := range map[string]struct {
		f           store.EventFilter
		want        string
		withoutThem int
	}{
		"the newest, in order": {store.EventFilter{Limit: 2}, "released placed", 8},
		"of a tenant":          {store.EventFilter{Tenant: "b", Limit: 9}, "received judged placed", 3},
		"of a message":         {store.EventFilter{MessageID: "m1", Limit: 2}, "released placed", 5},
		"of a kind":            {store.EventFilter{Kind: event.Judged, Limit: 9}, "judged judged", 2},
		"since a time":         {store.EventFilter{Since: day.Add(time.Minute), Limit: 9}, "released placed", 2},
	} {
		list, err := db.LatestEvents(t.Context(), tc.f)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range list {
			got = append(got, string(list[i].Kind))
			if !tc.f.Match(&list[i]) {
				t.Errorf("%s: %s does not match its filter", name, list[i].Kind)
			}
		}
		if n, err := db.CountEvents(t.Context(), tc.f); strings.Join(got, " ") != tc.want || n != tc.withoutThem || err != nil {
			t.Errorf("%s: %s of %d, %v, want %s of %d", name, got, n, err, tc.want, tc.withoutThem)
		}
	}
	if last, err := db.LastEvents(t.Context()); err != nil || last["a"] != 5 || last["b"] != 3 {
		t.Errorf("last numbers %v, %v", last, err)
	}
}

func TestDeliveredMailIsFound(t *testing.T) {
	t.Parallel()
	db := open(t)
	es := life("a", "m1", 1)
	record(t, db, es[:2])
	for _, want := range []bool{false, true} {
		if was, err := db.Delivered(t.Context(), "X@example.org"); err != nil || was != want {
			t.Errorf("delivered: %v, %v, want %v", was, err, want)
		}
		record(t, db, es[2:])
	}
	if was, err := db.Delivered(t.Context(), "y@example.org"); err != nil || was {
		t.Errorf("delivered to somebody else: %v, %v", was, err)
	}
}

func TestSendersOfWantedMailAreRemembered(t *testing.T) {
	t.Parallel()
	db := open(t)
	record(t, db, life("a", "m1", 1))
	record(t, db, life("a", "m2", 4))
	got := map[string]int{}
	err := db.Senders(t.Context(), 10, func(tenant, key string, r history.Record) {
		s := r.Sender()
		got[tenant+" "+key] = s.Messages
		if !s.First.Equal(day) {
			t.Errorf("%s first wrote at %s", key, s.First)
		}
	})
	if err != nil || got["a a@b.example"] != 2 || got["a @b.example"] != 2 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestBatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	es := life("a", "m1", 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Record(ctx, es, nil); err == nil {
		t.Fatal("a batch was stored that was called off")
	}
	if got, _ := db.Events(t.Context(), "a", 0, 10); len(got) != 0 {
		t.Errorf("%d events of a broken batch were stored", len(got))
	}
	record(t, db, life("a", "m1", 1))
	if got, _ := db.Events(t.Context(), "a", 0, 10); len(got) != 3 || got[0].Seq != 1 {
		t.Errorf("numbers were lost with the broken batch: %+v", got)
	}
}

func TestFactThatCannotBeReadHoldsUpNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	es := life("a", "m1", 1)
	es[1].Detail = []byte("{")
	record(t, db, es)
	if got, _ := db.Events(t.Context(), "a", 0, 10); len(got) != 3 {
		t.Errorf("%d of 3 events were stored", len(got))
	}
}

func held(id string) quarantine.Item {
	return quarantine.Item{
		ID: id, Tenant: "a", MessageID: "m1", Envelope: smtp.Envelope{From: "a@b.example", Recipients: []smtp.Recipient{{Address: "x@example.org"}}},
		Disposition: verdict.Malicious, Blob: "b", At: day, Expires: day.Add(time.Hour), State: quarantine.Held,
	}
}

func TestQuarantineMovesForwardOnly(t *testing.T) {
	t.Parallel()
	db := open(t)
	record(t, db, nil, held("h1"))
	record(t, db, nil, held("h1"))
	box := quarantine.NewBox(db, nil)
	items, err := box.List(t.Context(), quarantine.Filter{State: quarantine.Held})
	if err != nil || len(items) != 1 || items[0].Envelope.Recipients[0].Address != "x@example.org" {
		t.Fatalf("got %+v, %v", items, err)
	}
	if err := box.Release(t.Context(), "h1", "me"); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func(context.Context, string, string) error{"release": box.Release, "delete": box.Delete} {
		if err := do(t.Context(), "h1", "me"); !errors.Is(err, quarantine.ErrState) || !strings.Contains(err.Error(), "h1: held message is no longer held: its state is release-asked") {
			t.Errorf("%s after a release was asked for: %v", name, err)
		}
		if err := do(t.Context(), "h2", "me"); !errors.Is(err, quarantine.ErrUnknown) {
			t.Errorf("%s of nothing: %v", name, err)
		}
	}
	released := event.New(event.Released, "a", "m1", day, items[0].Envelope.Recipients, event.HeldDetail{Held: "h1"})
	released.Edge, released.EdgeSeq = "edge", 9
	record(t, db, []event.Event{released})
	if item, err := box.Show(t.Context(), "h1"); err != nil || item.State != quarantine.Released || item.AskedBy != "me" {
		t.Errorf("got %+v, %v", item, err)
	}
	if used, err := db.BlobInUse(t.Context(), "b"); err != nil || used {
		t.Errorf("the body of a released message counts as used (%v)", err)
	}
}

func TestExpiredMailIsFound(t *testing.T) {
	t.Parallel()
	db := open(t)
	record(t, db, nil, held("h1"))
	for at, want := range map[time.Time]int{day: 0, day.Add(time.Hour): 1} {
		if got, err := db.HeldExpired(t.Context(), at, 10); err != nil || len(got) != want {
			t.Errorf("at %s: %d expired, %v", at, len(got), err)
		}
	}
}

func TestDatabaseSurvivesAnotherOpening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "o.db")
	for i := range 2 {
		db, err := store.OpenSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		record(t, db, life("a", "m1", 1))
		if es, err := db.Events(t.Context(), "a", 0, 10); err != nil || len(es) != 3 {
			t.Errorf("opening %d: %d events, %v", i+1, len(es), err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLaterVerdictReplacesTheFirst proves that a message shows what was thought of it last,
// in whatever order the facts are shipped again, and that a later re-evaluation is recorded for the senders.
func TestLaterVerdictReplacesTheFirst(t *testing.T) {
	t.Parallel()
	db := open(t)
	es := life("a", "m1", 1)
	es[1] = event.New(event.Judged, "a", "m1", day, nil, event.JudgedDetail{Verdict: verdict.Verdict{Disposition: verdict.Bulk}, Auth: []byte(`{"source":"edge"}`)})
	look := func(seq uint64, d event.RejudgedDetail) event.Event {
		e := event.New(event.Rejudged, "a", "m1", day.Add(time.Hour), nil, d)
		e.Edge, e.EdgeSeq = "edge", seq
		return e
	}
	es[1].Edge, es[1].EdgeSeq = "edge", 2
	observation := []byte(`{"at":"2026-11-01T12:00:00Z","what":"unwanted","author":"a@b.example"}`)
	es = append(es, look(4, event.RejudgedDetail{
		Verdict: verdict.Verdict{Disposition: verdict.Malicious, Score: 0.9, Findings: []verdict.Finding{{ID: "young"}}}, Before: verdict.Bulk, Attempt: 1, History: observation,
	}))
	record(t, db, es)
	record(t, db, es[:2]) // shipped again
	show := func(want verdict.Disposition, auth string) {
		t.Helper()
		m, err := db.Message(t.Context(), "m1")
		if err != nil || m.Verdict.Disposition != want || string(m.Auth) != auth || m.Deliveries[0].Status != "placed" {
			t.Errorf("got %+v, %v", m, err)
		}
	}
	show(verdict.Malicious, `{"source":"edge"}`)
	record(t, db, []event.Event{look(5, event.RejudgedDetail{Verdict: verdict.Verdict{Disposition: verdict.Spam}, Before: verdict.Malicious, Auth: []byte(`{"source":"header"}`)})})
	show(verdict.Spam, `{"source":"header"}`)
	if list, err := db.Messages(t.Context(), store.MessageFilter{Disposition: "SPAM", Limit: 10}); err != nil || len(list) != 1 {
		t.Errorf("%d messages are spam, %v", len(list), err)
	}
	events, err := db.EventsOf(t.Context(), "m1")
	if err != nil || len(events) != 5 || events[4].Kind != event.Rejudged {
		t.Errorf("got %d events, %v", len(events), err)
	}
	memory := history.New()
	if err := db.Senders(t.Context(), 10, memory.Load); err != nil {
		t.Fatal(err)
	}
	if p, _ := memory.View("a", day.Add(9*24*time.Hour)).Profile(history.ByAddress, "a@b.example"); p.Unwanted == nil || !*p.Unwanted {
		t.Error("the observation of the re-evaluation was not recorded")
	}
}
