package spool_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outrider/internal/event"
	"outrider/internal/message"
	"outrider/internal/smtp"
	"outrider/internal/spool"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func options(dir string) spool.Options {
	return spool.Options{Dir: dir, Edge: "edge-1", MinFreeBytes: 1, Log: slog.New(slog.DiscardHandler)}
}

func open(t *testing.T, o spool.Options) *spool.Spool {
	t.Helper()
	s, err := spool.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func reopen(t *testing.T, s *spool.Spool, o spool.Options) *spool.Spool {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, o)
}

func text(s string) *message.Body { return message.NewBody([]byte(s)) }

func entry(next time.Time, content spool.Content) spool.Entry {
	return spool.Entry{
		MessageID: "m1", Tenant: "t", RouteKey: "r", Content: content, Created: at, Next: next, Expires: at.Add(time.Hour),
		Envelope: smtp.Envelope{From: "a@a.example", Recipients: []smtp.Recipient{{Address: "b@b.example"}}},
	}
}

func fact(k event.Kind) event.Event {
	return event.Event{Kind: k, Tenant: "t", At: at, MessageID: "m1"}
}

func commit(t *testing.T, s *spool.Spool, o spool.Batch) {
	t.Helper()
	if err := s.Commit(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, s *spool.Spool, id message.ID) {
	t.Helper()
	a, err := s.Begin(spool.Intent{ID: id, Tenant: "t", At: at, Plan: json.RawMessage(`{"x":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func due(t *testing.T, s *spool.Spool, now time.Time) []spool.Entry {
	t.Helper()
	es, err := s.Due(now, 100)
	if err != nil {
		t.Fatal(err)
	}
	return es
}

func content(t *testing.T, s *spool.Spool, b spool.Body) string {
	t.Helper()
	var buf bytes.Buffer
	if n, err := s.Content(b).WriteTo(&buf); err != nil || n != b.Size {
		t.Fatalf("wrote %d of %d bytes: %v", n, b.Size, err)
	}
	return buf.String()
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	des, err := os.ReadDir(filepath.Join(dir, "bodies"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, de := range des {
		names = append(names, de.Name())
	}
	return names
}

func TestIntentWithoutOutcomeIsInterruptedAfterRestart(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s := open(t, o)
	begin(t, s, "m1")
	begin(t, s, "m2")
	commit(t, s, spool.Batch{ID: "m1"})
	if is, err := s.Interrupted(); err != nil || len(is) != 0 {
		t.Fatalf("live intents are listed: %v, %v", is, err)
	}
	s = reopen(t, s, o)
	is, err := s.Interrupted()
	if err != nil || len(is) != 1 || is[0].ID != "m2" || string(is[0].Plan) != `{"x":1}` {
		t.Fatalf("got %+v, %v", is, err)
	}
	commit(t, s, spool.Batch{ID: "m2", Facts: []event.Event{fact(event.Interrupted)}})
	if is, _ := s.Interrupted(); len(is) != 0 {
		t.Fatalf("ended intent is listed: %v", is)
	}
	s = reopen(t, s, o)
	if is, _ := s.Interrupted(); len(is) != 0 {
		t.Fatalf("ended intent came back: %v", is)
	}
}

func TestQueueSurvivesRestartInOrderOfTime(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.BodyFileThreshold = 100
	s := open(t, o)
	small, large := text("small\r\n"), text(strings.Repeat("large\r\n", 100))
	commit(t, s, spool.Batch{Queue: []spool.Entry{
		entry(at.Add(3*time.Minute), small), entry(at.Add(1*time.Minute), large), entry(at.Add(2*time.Minute), small),
	}})
	if got := len(files(t, o.Dir)); got != 1 {
		t.Fatalf("%d files, want 1: only the large body", got)
	}
	want := spool.Stats{Queued: 3, Bytes: small.Size() + large.Size()}
	if diff := cmp.Diff(want, s.Stats()); diff != "" {
		t.Fatal(diff)
	}
	s = reopen(t, s, o)
	if diff := cmp.Diff(want, s.Stats()); diff != "" {
		t.Fatal(diff)
	}
	if next, ok := s.NextDue(); !ok || !next.Equal(at.Add(time.Minute)) {
		t.Fatalf("next due %v, %v", next, ok)
	}
	if es := due(t, s, at); len(es) != 0 {
		t.Fatalf("due too early: %v", es)
	}
	es := due(t, s, at.Add(2*time.Minute))
	if len(es) != 2 || !es[0].Next.Equal(at.Add(time.Minute)) || !es[1].Next.Equal(at.Add(2*time.Minute)) {
		t.Fatalf("got %+v", es)
	}
	if got := content(t, s, es[0].Body); got != strings.Repeat("large\r\n", 100) {
		t.Errorf("large body differs: %d bytes", len(got))
	}
	if got := content(t, s, es[1].Body); got != "small\r\n" {
		t.Errorf("small body is %q", got)
	}
}

func TestClaimedEntryIsGivenOutOnce(t *testing.T) {
	t.Parallel()
	s := open(t, options(t.TempDir()))
	commit(t, s, spool.Batch{Queue: []spool.Entry{entry(at, text("x\r\n"))}})
	first := due(t, s, at)
	if len(first) != 1 || len(due(t, s, at)) != 0 {
		t.Fatal("claimed entry was given out again")
	}
	if _, ok := s.NextDue(); ok {
		t.Error("claimed entry counts as due")
	}
	s.Release(first[0].ID)
	if len(due(t, s, at)) != 1 {
		t.Error("released entry is not due")
	}
}

// dueRow is the key of a queue row: the time in microseconds, then the id.
func dueRow(t time.Time, id string) string {
	return "d" + string(binary.BigEndian.AppendUint64(nil, uint64(t.UnixMicro()))) + id
}

func TestBrokenRowsStopNobodyElse(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s := open(t, o)
	good := entry(at, text("x\r\n"))
	good.ID = "good"
	commit(t, s, spool.Batch{Queue: []spool.Entry{good}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := pebble.Open(filepath.Join(o.Dir, "journal"), &pebble.Options{FormatMajorVersion: pebble.FormatWALSyncChunks, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	before := at.Add(-time.Hour)
	for k, v := range map[string]string{
		"dshort":                  "", // not even a time
		dueRow(before, "none"):    "", // no entry
		dueRow(before, "twisted"): "",
		"qtwisted":                `{"id":"twisted","next":"soon"}`,
		dueRow(before, "good"):    "", // the entry says another time
	} {
		if err := db.Set([]byte(k), []byte(v), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	for round, want := range []int{1, 0, 0} {
		if es := due(t, s, at); len(es) != want || want == 1 && es[0].ID != "good" {
			t.Errorf("round %d: got %+v", round, es)
		}
		if n := s.Stats().Broken; n != 4 {
			t.Errorf("round %d: %d rows are broken, want 4", round, n)
		}
		if next, ok := s.NextDue(); ok {
			t.Errorf("round %d: a broken row counts as due at %s", round, next)
		}
	}
}

// quiet is the logger of a store that a test opens itself.
type quiet struct{}

func (quiet) Infof(string, ...any)         {}
func (quiet) Errorf(string, ...any)        {}
func (quiet) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

func TestAttemptMovesEntryAndRecordsFactsAtOnce(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.BodyFileThreshold = 10
	s := open(t, o)
	shared := text("a body of its own file\r\n")
	commit(t, s, spool.Batch{Queue: []spool.Entry{entry(at, shared), entry(at, shared)}})
	es := due(t, s, at)
	es[0].Next, es[0].Attempts, es[0].Body = at.Add(time.Hour), 1, spool.Body{}
	dsn := entry(at, text("dsn\r\n"))
	commit(t, s, spool.Batch{
		Requeue: es[:1], Done: []string{es[1].ID}, Queue: []spool.Entry{dsn},
		Facts: []event.Event{fact(event.Deferred), fact(event.Bounced)},
	})
	s = reopen(t, s, o)
	left := due(t, s, at.Add(time.Hour))
	if len(left) != 2 || left[1].ID != es[0].ID || left[1].Attempts != 1 {
		t.Fatalf("got %+v", left)
	}
	if got := content(t, s, left[1].Body); got != "a body of its own file\r\n" {
		t.Errorf("requeued entry lost its body: %q", got)
	}
	commit(t, s, spool.Batch{Done: []string{left[1].ID}})
	s = reopen(t, s, o)
	if fs := files(t, o.Dir); len(fs) != 0 {
		t.Errorf("files of ended entries remain: %v", fs)
	}
	if diff := cmp.Diff(spool.Stats{Queued: 1, Facts: 2, Bytes: 5}, s.Stats()); diff != "" {
		t.Error(diff)
	}
}

func TestOutcomeThatCannotHoldChangesNothing(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.BodyFileThreshold = 2
	s := open(t, o)
	commit(t, s, spool.Batch{Queue: []spool.Entry{entry(at, text("x\r\n"))}})
	id := due(t, s, at)[0].ID
	before := s.Stats()
	for name, bad := range map[string]spool.Batch{
		"an unknown entry is done":             {Done: []string{"nobody"}},
		"an unknown entry is requeued":         {Requeue: []spool.Entry{{ID: "nobody"}}},
		"an entry is done twice":               {Done: []string{id, id}},
		"an entry is done and requeued":        {Done: []string{id}, Requeue: []spool.Entry{{ID: id}}},
		"an unknown re-evaluation ends":        {Revisited: []string{"nobody"}},
		"an unknown re-evaluation is repeated": {Again: []spool.Revisit{{ID: "nobody"}}},
		"a re-evaluation of an unknown body":   {Revisit: []spool.Revisit{{Body: spool.Body{ID: "nobody"}}}},
		"a body is unknown":                    {Queue: []spool.Entry{{Body: spool.Body{ID: "nobody"}}}},
		"a content is shorter than it says":    {Queue: []spool.Entry{{Content: liar{text("abc\r\n")}}}},
	} {
		bad.Facts = []event.Event{fact(event.Placed)}
		bad.Hold = []spool.Held{{Content: text("held\r\n")}}
		if err := s.Commit(t.Context(), bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if diff := cmp.Diff(before, s.Stats()); diff != "" {
		t.Error(diff)
	}
	if fs := files(t, o.Dir); len(fs) != 1 {
		t.Errorf("refused outcomes left files: %v", fs)
	}
	commit(t, s, spool.Batch{Facts: []event.Event{fact(event.Placed)}})
	if fs, err := s.Facts(0, 10); err != nil || len(fs) != 1 || fs[0].EdgeSeq != 1 {
		t.Errorf("refused outcomes used numbers: %+v, %v", fs, err)
	}
}

// liar claims one byte more than it has.
type liar struct{ *message.Body }

func (l liar) Size() int64 { return l.Body.Size() + 1 }

func TestHeldMessageMovesToTheQueueWithItsBody(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s := open(t, o)
	commit(t, s, spool.Batch{Hold: []spool.Held{{MessageID: "m1", Tenant: "t", At: at, Content: text("held\r\n"), Meta: json.RawMessage(`[1]`)}}})
	s = reopen(t, s, o)
	hs, err := s.Held("", 10)
	if err != nil || len(hs) != 1 || string(hs[0].Meta) != "[1]" || content(t, s, hs[0].Body) != "held\r\n" {
		t.Fatalf("got %+v, %v", hs, err)
	}
	e := entry(at, nil)
	e.Body = hs[0].Body
	commit(t, s, spool.Batch{Queue: []spool.Entry{e}, DropHeld: []string{hs[0].ID, hs[0].ID}})
	if _, err := s.HeldByID(hs[0].ID); !errors.Is(err, spool.ErrUnknown) {
		t.Errorf("held message remains: %v", err)
	}
	es := due(t, s, at)
	if len(es) != 1 || content(t, s, es[0].Body) != "held\r\n" {
		t.Fatalf("got %+v", es)
	}
	if err := s.DropHeld(t.Context(), hs[0].ID); err != nil {
		t.Errorf("dropping twice: %v", err)
	}
}

func TestFactsAreNumberedWithoutGapOverRestarts(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s := open(t, o)
	commit(t, s, spool.Batch{Facts: []event.Event{fact(event.Received), fact(event.Judged)}})
	commit(t, s, spool.Batch{Facts: []event.Event{fact(event.Rejected)}, Lazy: true})
	if err := s.AckFacts(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s, o)
	commit(t, s, spool.Batch{Facts: []event.Event{fact(event.Placed)}})
	got, err := s.Facts(0, 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []event.Event{fact(event.Rejected), fact(event.Placed)}
	for i := range want {
		want[i].Edge, want[i].EdgeSeq = "edge-1", uint64(3+i)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := s.Stats().Facts; n != 2 {
		t.Errorf("counts %d facts, want 2", n)
	}
	if err := s.AckFacts(t.Context(), 99); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s, o)
	if got, _ := s.Facts(0, 10); len(got) != 0 || s.Stats().Facts != 0 {
		t.Errorf("acknowledged facts remain: %v", got)
	}
	commit(t, s, spool.Batch{Facts: []event.Event{fact(event.Placed)}})
	if got, _ := s.Facts(0, 10); len(got) != 1 || got[0].EdgeSeq != 5 {
		t.Errorf("numbering started over: %+v", got)
	}
}

func TestOpenRemovesFilesThatNoBatchNames(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.BodyFileThreshold = 1
	s := open(t, o)
	commit(t, s, spool.Batch{Queue: []spool.Entry{entry(at, text("kept\r\n"))}})
	kept := files(t, o.Dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"orphan", "half.tmp", kept[0] + ".tmp"} {
		if err := os.WriteFile(filepath.Join(o.Dir, "bodies", name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, o)
	if diff := cmp.Diff(kept, files(t, o.Dir)); diff != "" {
		t.Error(diff)
	}
	if es := due(t, s, at); len(es) != 1 || content(t, s, es[0].Body) != "kept\r\n" {
		t.Errorf("got %+v", es)
	}
}

func TestJournalBelongsToOneEdge(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	if err := open(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	o.Edge = "edge-2"
	if s, err := spool.Open(o); err == nil {
		t.Fatal("another edge may number facts here", s.Close())
	}
}

func TestClosedSpoolRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, options(t.TempDir()))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Begin(spool.Intent{ID: "m"}); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("begin: %v", err)
	}
	if err := s.Commit(context.Background(), spool.Batch{ID: "m"}); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("commit: %v", err)
	}
}

func TestEntryKeepsAllItsFields(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s := open(t, o)
	e := entry(at, text("x\r\n"))
	e.Domain, e.Attempts, e.LastReply, e.DelayNotified = "b.example", 3, "451 4.0.0 later", true
	e.Traits = message.Traits{EightBit: true, MaxLine: 80}
	q := []spool.Entry{e}
	commit(t, s, spool.Batch{Queue: q})
	got, err := reopen(t, s, o).Entry(q[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(q[0], got, cmpopts.IgnoreFields(spool.Entry{}, "Content")); diff != "" {
		t.Error(diff)
	}
}

// TestClockThatIsSetBackDelaysNothing schedules by a clock that is a day ahead.
func TestClockThatIsSetBackDelaysNothing(t *testing.T) {
	t.Parallel()
	s := open(t, options(t.TempDir()))
	ahead := at.Add(24 * time.Hour)
	q := []spool.Entry{entry(ahead.Add(time.Minute), text("retried soon")), entry(ahead.Add(-19*time.Hour), text("waits still")), entry(at, text("due"))}
	v := []spool.Revisit{{MessageID: "m1", Tenant: "t", At: ahead, Next: ahead.Add(10 * time.Minute), Content: text("x")}}
	commit(t, s, spool.Batch{Queue: q, Revisit: v})
	es, err := s.Due(at, 10)
	if err != nil || len(es) != 2 || es[0].ID != q[2].ID || es[1].ID != q[0].ID {
		t.Errorf("due: %+v, %v", es, err)
	}
	if vs, err := s.Revisits(false, at, 10); err != nil || len(vs) != 1 {
		t.Errorf("to be looked at: %+v, %v", vs, err)
	}
	if es, err := s.Due(at, 10); err != nil || len(es) != 0 {
		t.Errorf("given out twice: %+v, %v", es, err)
	}
}

// TestFactNumbersContinueBehindTheStore is a directory that was lost while its database was not.
func TestFactNumbersContinueBehindTheStore(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s := open(t, o)
	if err := errors.Join(s.Continue(t.Context(), 100), s.Continue(t.Context(), 50)); err != nil {
		t.Fatal(err)
	}
	commit(t, s, spool.Batch{Facts: []event.Event{fact(event.Placed)}})
	if err := s.Continue(t.Context(), 200); err != nil { // a fact waits: its number stays
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	facts, err := s.Facts(0, 10)
	acked, last := s.Numbers()
	if err != nil || len(facts) != 1 || facts[0].EdgeSeq != 101 || acked != 100 || last != 101 || s.Stats().Facts != 1 {
		t.Errorf("facts %+v, acknowledged %d of %d, %v", facts, acked, last, err)
	}
}
