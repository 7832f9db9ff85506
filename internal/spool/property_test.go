package spool_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"outrider/internal/event"
	"outrider/internal/spool"
)

// model is what the spool should hold.
type model struct {
	entries map[string]string // id to content
	next    map[string]int    // id to minutes after at
	claimed map[string]bool
	facts   uint64
	acked   uint64
}

// TestQueueBehavesLikeItsModel runs random outcomes, claims and restarts against the
// spool and a map.
func TestQueueBehavesLikeItsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "spool-") //nolint:usetesting // rapid has no TempDir
		if err != nil {
			t.Fatal(err)
		}
		o := options(dir)
		o.BodyFileThreshold = 64
		r := &run{o: o, m: model{entries: map[string]string{}, next: map[string]int{}, claimed: map[string]bool{}}}
		r.open(t)
		defer func() {
			if err := r.s.Close(); err != nil {
				t.Error(err)
			}
			_ = os.RemoveAll(dir)
		}()
		t.Repeat(map[string]func(*rapid.T){
			"queue": r.queue, "due": r.due, "end": r.end, "requeue": r.requeue, "ack": r.ack, "restart": r.restart, "": r.check,
		})
	})
}

type run struct {
	o spool.Options
	s *spool.Spool
	m model
}

func (r *run) open(t *rapid.T) {
	s, err := spool.Open(r.o)
	if err != nil {
		t.Fatal(err)
	}
	r.s = s
}

func (r *run) restart(t *rapid.T) {
	if err := r.s.Close(); err != nil {
		t.Fatal(err)
	}
	r.open(t)
	clear(r.m.claimed)
}

func (r *run) commit(t *rapid.T, o spool.Outcome) {
	o.Facts = slices.Repeat([]event.Event{fact(event.Placed)}, rapid.IntRange(0, 3).Draw(t, "facts"))
	if err := r.s.Commit(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	r.m.facts += uint64(len(o.Facts))
}

func minutes(n int) time.Time { return at.Add(time.Duration(n) * time.Minute) }

func (r *run) queue(t *rapid.T) {
	content := strings.Repeat("x", rapid.IntRange(0, 128).Draw(t, "size"))
	shared := text(content)
	n := rapid.IntRange(0, 9).Draw(t, "next")
	q := []spool.Entry{entry(minutes(n), shared), entry(minutes(n+1), shared)}
	r.commit(t, spool.Outcome{Queue: q})
	for i := range q {
		r.m.entries[q[i].ID], r.m.next[q[i].ID] = content, n+i
	}
}

func (r *run) due(t *rapid.T) {
	n := rapid.IntRange(0, 10).Draw(t, "now")
	es, err := r.s.Due(minutes(n), 3)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for id, next := range r.m.next {
		if next <= n && !r.m.claimed[id] {
			want++
		}
	}
	if len(es) != min(want, 3) {
		t.Fatalf("%d entries due, want %d", len(es), min(want, 3))
	}
	for i := range es {
		id := es[i].ID
		if r.m.claimed[id] || r.m.next[id] > n || i > 0 && es[i].Next.Before(es[i-1].Next) {
			t.Fatalf("entry %s must not be due here", id)
		}
		r.m.claimed[id] = true
	}
}

func (r *run) pick(t *rapid.T) (string, bool) {
	ids := make([]string, 0, len(r.m.entries))
	for id := range r.m.entries {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return "", false
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(t, "id"), true
}

func (r *run) end(t *rapid.T) {
	id, ok := r.pick(t)
	if !ok {
		t.Skip("nothing is queued")
	}
	r.commit(t, spool.Outcome{Done: []string{id}})
	delete(r.m.entries, id)
	delete(r.m.next, id)
	delete(r.m.claimed, id)
}

func (r *run) requeue(t *rapid.T) {
	id, ok := r.pick(t)
	if !ok {
		t.Skip("nothing is queued")
	}
	n := rapid.IntRange(0, 9).Draw(t, "next")
	e := entry(minutes(n), nil)
	e.ID = id
	r.commit(t, spool.Outcome{Requeue: []spool.Entry{e}})
	r.m.next[id] = n
	delete(r.m.claimed, id)
}

func (r *run) ack(t *rapid.T) {
	n := rapid.Uint64Range(0, r.m.facts).Draw(t, "through")
	if err := r.s.AckFacts(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	r.m.acked = max(r.m.acked, n)
}

// check compares everything that can be seen.
func (r *run) check(t *rapid.T) {
	es, err := r.s.Queue("", 1000)
	if err != nil || len(es) != len(r.m.entries) {
		t.Fatalf("%d entries, want %d: %v", len(es), len(r.m.entries), err)
	}
	for i := range es {
		got, err := r.s.Content(es[i].Body).Bytes()
		if err != nil || string(got) != r.m.entries[es[i].ID] || !es[i].Next.Equal(minutes(r.m.next[es[i].ID])) {
			t.Fatalf("entry %+v, want %d bytes at minute %d: %v", es[i], len(r.m.entries[es[i].ID]), r.m.next[es[i].ID], err)
		}
	}
	facts, err := r.s.Facts(0, 1000)
	if err != nil || uint64(len(facts)) != r.m.facts-r.m.acked {
		t.Fatalf("%d facts, want %d to %d: %v", len(facts), r.m.acked, r.m.facts, err)
	}
	for i := range facts {
		if facts[i].EdgeSeq != r.m.acked+uint64(i)+1 {
			t.Fatal(fmt.Sprint("gap before fact ", facts[i].EdgeSeq))
		}
	}
	if st := r.s.Stats(); st.Queued != len(es) || st.Facts != len(facts) {
		t.Fatalf("counts are %+v", st)
	}
}
