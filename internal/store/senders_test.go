package store_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"outrider/internal/event"
	"outrider/internal/history"
	"outrider/internal/store"
	"outrider/internal/verdict"
)

func senders(t *testing.T, db *store.DB, limit int) map[string]history.Record {
	t.Helper()
	out := map[string]history.Record{}
	err := db.Senders(t.Context(), limit, func(tenant, key string, r history.Record) { out[tenant+" "+key] = r })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// judged returns a fact that carries an observation.
func judged(seq uint64, l history.Observation) event.Event {
	raw, _ := json.Marshal(l)
	e := event.New(event.Judged, "a", fmt.Sprint("m", seq), day, nil, event.JudgedDetail{Verdict: verdict.Verdict{Disposition: verdict.Spam}, History: raw})
	e.Edge, e.EdgeSeq = "edge", seq
	return e
}

// some returns observations about a few people.
func some(n int) []history.Observation {
	rng := rand.New(rand.NewPCG(1, 2))
	kinds := []history.What{history.Wanted, history.Unwanted, history.Doubtful, history.Failed, history.Benign}
	var out []history.Observation
	for range n {
		l := history.Observation{
			At: day.Add(time.Duration(rng.IntN(400*24*60)) * time.Minute), What: kinds[rng.IntN(len(kinds))],
			Author: fmt.Sprintf("u%d@d%d.example", rng.IntN(3), rng.IntN(3)),
		}
		if rng.IntN(3) == 0 {
			l.ReplyTo, l.Sent = "r@d1.example", []string{"u1@d1.example", "x@d2.example"}
		}
		out = append(out, l)
	}
	return out
}

func TestStoreLearnsWhatMemoryLearns(t *testing.T) {
	t.Parallel()
	db, memory := open(t), map[string]*history.Record{}
	var facts []event.Event
	for i, l := range some(300) {
		facts = append(facts, judged(uint64(i+1), l))
		l.Each(func(key string, what history.What) {
			if memory["a "+key] == nil {
				memory["a "+key] = &history.Record{}
			}
			memory["a "+key].Observe(what, l.At)
		})
	}
	for batch := range slices.Chunk(facts, 7) {
		record(t, db, slices.Clone(batch))
		record(t, db, slices.Clone(batch)) // shipped twice
	}
	want := map[string]history.Record{}
	for key, r := range memory {
		want[key] = *r
	}
	if got := senders(t, db, 1000); !cmp.Equal(got, want) {
		t.Errorf("the store remembers something else: %s", cmp.Diff(want, got))
	}
}

func TestReleaseTeaches(t *testing.T) {
	t.Parallel()
	db := open(t)
	raw, _ := json.Marshal(history.Observation{At: day, What: history.Benign, Author: "ann@example.org"})
	e := event.New(event.Released, "a", "m", day, nil, event.HeldDetail{Held: "h", History: raw})
	e.Edge, e.EdgeSeq = "edge", 1
	record(t, db, []event.Event{e})
	r := senders(t, db, 10)["a ann@example.org"]
	if !r.Familiar() || len(r.Slots) != 1 || r.Slots[0].Benign != 1 || r.FirstIn != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestUnreadableLessonsTeachNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	for i, detail := range []string{`{"history":1}`, `{"history":{"author":7}}`, `{"history":{"author":"no address","what":"wanted"}}`, `{"history":{"author":"a@b.example","what":"else"}}`} {
		e := judged(uint64(i+1), history.Observation{})
		e.Detail = json.RawMessage(detail)
		record(t, db, []event.Event{e})
	}
	if got := senders(t, db, 10); len(got) != 0 {
		t.Errorf("learned %v", got)
	}
}

func TestThoseWhoAreKnownAreReadFirst(t *testing.T) {
	t.Parallel()
	db := open(t)
	record(t, db, []event.Event{
		judged(1, history.Observation{At: day, Sent: []string{"friend@old.example"}}),
		judged(2, history.Observation{At: day.Add(time.Hour), What: history.Unwanted, Author: "u@spam.example"}),
		judged(3, history.Observation{At: day.Add(2 * time.Hour), What: history.Wanted, Author: "u@fresh.example"}),
	})
	for limit, want := range map[int]string{
		2: "a @old.example a friend@old.example",
		4: "a @fresh.example a @old.example a friend@old.example a u@fresh.example",
	} {
		var keys []string
		for key := range senders(t, db, limit) {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("the first %d are %s", limit, got)
		}
	}
}

func TestStrangersArePruned(t *testing.T) {
	t.Parallel()
	db := open(t)
	record(t, db, []event.Event{
		judged(1, history.Observation{At: day, What: history.Unwanted, Author: "u@old.example"}),
		judged(2, history.Observation{At: day.Add(48 * time.Hour), Sent: []string{"u@new.example"}}),
	})
	prune(t, db, day.Add(24*time.Hour), 10)
	if got := senders(t, db, 10); len(got) != 2 || got["a u@new.example"].FirstOut == 0 {
		t.Errorf("left are %v", got)
	}
}

// before returns the path of a database as version 2 made it, with two senders.
func before(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "old.db")
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `INSERT INTO senders (tenant, sender, first, last, messages) VALUES ('a', 'ann@example.org', $1, $2, 30), ('a', 'bob@example.org', $1, $1, 1)`,
		day.UnixMicro(), day.Add(40*24*time.Hour).UnixMicro())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSendersOfEarlierVersionsStayKnown(t *testing.T) {
	t.Parallel()
	db, err := store.OpenSQLite(t.Context(), before(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	m := history.New()
	if err := db.Senders(t.Context(), 10, m.Load); err != nil {
		t.Fatal(err)
	}
	later := day.Add(60 * 24 * time.Hour)
	if c := m.Contact("a", "ann@example.org"); c.Address.Messages != 30 || !c.Address.First.Equal(day) {
		t.Errorf("got %+v", c)
	}
	for who, want := range map[string]history.Prevalence{"ann@example.org": history.PrevalenceCommon, "bob@example.org": history.PrevalenceOutlier, "new@example.org": history.PrevalenceNew} {
		if p, ok := m.View("a", later).Profile(history.ByAddress, who); !ok || p.Prevalence != want {
			t.Errorf("%s is %s", who, p.Prevalence)
		}
	}
	// What is observed from now on is added.
	e := judged(1, history.Observation{At: later, What: history.Unwanted, Author: "ann@example.org"})
	record(t, db, []event.Event{e})
	if r := senders(t, db, 10)["a ann@example.org"]; r.Messages != 30 || r.FirstIn != day.UnixMicro() || len(r.Slots) != 3 {
		t.Errorf("got %+v", r)
	}
}

func TestMigrationGoesBack(t *testing.T) {
	t.Parallel()
	path := before(t)
	db, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	record(t, db, []event.Event{judged(1, history.Observation{At: day, What: history.Unwanted, Author: "u@spam.example"})})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	p, err := goose.NewProvider(goose.DialectSQLite3, raw, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM senders WHERE last >= first`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d senders left, %v", n, err)
	}
}
