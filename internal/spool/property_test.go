package spool_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
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
	looks   map[string]string // the same of revisits
	next    map[string]int    // id of either to minutes after at
	bodies  map[string]spool.Body
	claimed map[string]bool
	slow    map[string]bool
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
		r := &run{o: o, m: model{
			entries: map[string]string{}, looks: map[string]string{}, next: map[string]int{}, bodies: map[string]spool.Body{}, claimed: map[string]bool{}, slow: map[string]bool{},
		}}
		r.open(t)
		defer func() {
			if err := r.s.Close(); err != nil {
				t.Error(err)
			}
			_ = os.RemoveAll(dir)
		}()
		t.Repeat(map[string]func(*rapid.T){
			"queue": r.queue, "due": r.due, "end": r.end, "requeue": r.requeue, "ack": r.ack, "restart": r.restart, "": r.check,
			"owe": r.owe, "look": r.look, "again": r.again, "looked": r.looked,
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
	_, want := r.checkBodies(t)
	if kept := r.files(t); len(kept) != len(want) {
		t.Fatalf("after a restart there are the files %v, want %v", kept, want)
	}
}

func (r *run) commit(t *rapid.T, o spool.Batch) {
	if !o.Lazy { // lazy facts show a moment later
		o.Facts = slices.Repeat([]event.Event{fact(event.Placed)}, rapid.IntRange(0, 3).Draw(t, "facts"))
	}
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
	r.commit(t, spool.Batch{Queue: q})
	for i := range q {
		r.m.entries[q[i].ID], r.m.next[q[i].ID], r.m.bodies[q[i].ID] = content, n+i, q[i].Body
	}
}

// owe takes in a revisit with a body of its own, or with that of an entry.
func (r *run) owe(t *rapid.T) {
	content := strings.Repeat("y", rapid.IntRange(0, 128).Draw(t, "size"))
	n := rapid.IntRange(0, 9).Draw(t, "next")
	v := spool.Revisit{MessageID: "m1", Tenant: "t", At: at, Next: minutes(n), Slow: rapid.Bool().Draw(t, "slow"), Content: text(content)}
	if id, ok := pick(t, r.m.entries); ok && rapid.Bool().Draw(t, "shared") {
		content, v.Body, v.Content = r.m.entries[id], r.m.bodies[id], nil
	}
	vs := []spool.Revisit{v}
	r.commit(t, spool.Batch{Revisit: vs, Lazy: rapid.Bool().Draw(t, "lazy")})
	r.m.looks[vs[0].ID], r.m.next[vs[0].ID], r.m.bodies[vs[0].ID], r.m.slow[vs[0].ID] = content, n, vs[0].Body, v.Slow
}

func (r *run) look(t *rapid.T) {
	n := rapid.IntRange(0, 10).Draw(t, "now")
	slow := rapid.Bool().Draw(t, "slow")
	vs, err := r.s.Revisits(slow, minutes(n), 3)
	if err != nil {
		t.Fatal(err)
	}
	ids, times := make([]string, len(vs)), make([]time.Time, len(vs))
	for i := range vs {
		ids[i], times[i] = vs[i].ID, vs[i].Next
	}
	rows := maps.Clone(r.m.looks)
	maps.DeleteFunc(rows, func(id, _ string) bool { return r.m.slow[id] != slow })
	r.claimed(t, rows, n, ids, times)
}

func (r *run) again(t *rapid.T) {
	id, ok := pick(t, r.m.looks)
	if !ok {
		t.Skip("no re-evaluation is scheduled")
	}
	n := rapid.IntRange(0, 9).Draw(t, "next")
	slow := rapid.Bool().Draw(t, "slow")
	r.commit(t, spool.Batch{Again: []spool.Revisit{{ID: id, Next: minutes(n), Attempts: 1, Slow: slow}}})
	r.m.next[id], r.m.slow[id] = n, slow
	delete(r.m.claimed, id)
}

func (r *run) looked(t *rapid.T) {
	id, ok := pick(t, r.m.looks)
	if !ok {
		t.Skip("no re-evaluation is scheduled")
	}
	r.commit(t, spool.Batch{Revisited: []string{id}})
	r.forget(r.m.looks, id)
}

func (r *run) forget(rows map[string]string, id string) {
	delete(rows, id)
	delete(r.m.next, id)
	delete(r.m.bodies, id)
	delete(r.m.claimed, id)
}

func (r *run) due(t *rapid.T) {
	n := rapid.IntRange(0, 10).Draw(t, "now")
	es, err := r.s.Due(minutes(n), 3)
	if err != nil {
		t.Fatal(err)
	}
	ids, times := make([]string, len(es)), make([]time.Time, len(es))
	for i := range es {
		ids[i], times[i] = es[i].ID, es[i].Next
	}
	r.claimed(t, r.m.entries, n, ids, times)
}

// claimed compares what was given out of some rows at minute n with what is due.
func (r *run) claimed(t *rapid.T, rows map[string]string, n int, ids []string, times []time.Time) {
	want := 0
	for id := range rows {
		if r.m.next[id] <= n && !r.m.claimed[id] {
			want++
		}
	}
	if len(ids) != min(want, 3) {
		t.Fatalf("%d rows due, want %d", len(ids), min(want, 3))
	}
	for i, id := range ids {
		if r.m.claimed[id] || r.m.next[id] > n || i > 0 && times[i].Before(times[i-1]) {
			t.Fatalf("row %s must not be due here", id)
		}
		r.m.claimed[id] = true
	}
}

func pick(t *rapid.T, rows map[string]string) (string, bool) {
	ids := make([]string, 0, len(rows))
	for id := range rows {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return "", false
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(t, "id"), true
}

func (r *run) end(t *rapid.T) {
	id, ok := pick(t, r.m.entries)
	if !ok {
		t.Skip("nothing is queued")
	}
	r.commit(t, spool.Batch{Done: []string{id}})
	r.forget(r.m.entries, id)
}

func (r *run) requeue(t *rapid.T) {
	id, ok := pick(t, r.m.entries)
	if !ok {
		t.Skip("nothing is queued")
	}
	n := rapid.IntRange(0, 9).Draw(t, "next")
	e := entry(minutes(n), nil)
	e.ID = id
	r.commit(t, spool.Batch{Requeue: []spool.Entry{e}})
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
	bytes, inFiles := r.checkBodies(t)
	if st := r.s.Stats(); st.Queued != len(es) || st.Revisits != len(r.m.looks) || st.RevisitBytes != r.owed() || st.Bytes != bytes {
		t.Fatalf("counts are %+v, want %d bytes", st, bytes)
	}
	// A file goes after the batch that drops it is durable, so that one may be left.
	if kept := r.files(t); !kept.has(inFiles) {
		t.Fatalf("files %v, want %v", kept, inFiles)
	}
	r.checkFacts(t)
}

// checkBodies reads every body that a row names, and returns their bytes and files.
func (r *run) checkBodies(t *rapid.T) (bytes int64, inFiles []string) {
	seen := map[string]bool{}
	for id, b := range r.m.bodies {
		want, ok := r.m.entries[id]
		if !ok {
			want = r.m.looks[id]
		}
		if got, err := r.s.Content(b).Bytes(); err != nil || string(got) != want {
			t.Fatalf("body of %s has %d bytes, want %d: %v", id, len(got), len(want), err)
		}
		if seen[b.ID] {
			continue
		}
		seen[b.ID] = true
		bytes += b.Size
		if b.File {
			inFiles = append(inFiles, b.ID)
		}
	}
	return bytes, inFiles
}

func (r *run) owed() (bytes int64) {
	for _, content := range r.m.looks {
		bytes += int64(len(content))
	}
	return bytes
}

// bodyFiles are the names of the files of bodies.
type bodyFiles []string

func (f bodyFiles) has(names []string) bool {
	for _, n := range names {
		if !slices.Contains(f, n) {
			return false
		}
	}
	return true
}

func (r *run) files(t *rapid.T) bodyFiles {
	des, err := os.ReadDir(filepath.Join(r.o.Dir, "bodies"))
	if err != nil {
		t.Fatal(err)
	}
	var names bodyFiles
	for _, de := range des {
		names = append(names, de.Name())
	}
	return names
}

func (r *run) checkFacts(t *rapid.T) {
	facts, err := r.s.Facts(0, 1000)
	if err != nil || uint64(len(facts)) != r.m.facts-r.m.acked {
		t.Fatalf("%d facts, want %d to %d: %v", len(facts), r.m.acked, r.m.facts, err)
	}
	for i := range facts {
		if facts[i].EdgeSeq != r.m.acked+uint64(i)+1 {
			t.Fatal(fmt.Sprint("gap before fact ", facts[i].EdgeSeq))
		}
	}
	if st := r.s.Stats(); st.Facts != len(facts) {
		t.Fatalf("counts are %+v", st)
	}
}
