package spool_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outrider/internal/event"
	"outrider/internal/spool"
)

func look(next time.Time, content spool.Content) spool.Revisit {
	return spool.Revisit{MessageID: "m1", Tenant: "t", At: at, Next: next, Meta: json.RawMessage(`{"why":["x"]}`), Content: content}
}

func looks(t *testing.T, s *spool.Spool, now time.Time) []spool.Revisit {
	t.Helper()
	vs, err := s.Revisits(false, now, 100)
	if err != nil {
		t.Fatal(err)
	}
	return vs
}

func TestLooksSurviveRestartInOrderOfTime(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.BodyFileThreshold = 100
	s := open(t, o)
	small, large := text("small\r\n"), text(strings.Repeat("large\r\n", 100))
	owed := []spool.Revisit{look(at.Add(2*time.Minute), small), look(at.Add(time.Minute), large)}
	commit(t, s, spool.Batch{Revisit: owed, Lazy: true})
	want := spool.Stats{Revisits: 2, RevisitBytes: small.Size() + large.Size() + int64(2*len(`{"why":["x"]}`)), Bytes: small.Size() + large.Size()}
	if diff := cmp.Diff(want, s.Stats()); diff != "" {
		t.Fatal(diff)
	}
	s = reopen(t, s, o)
	if diff := cmp.Diff(want, s.Stats()); diff != "" {
		t.Fatal(diff)
	}
	if next, ok := s.NextRevisit(false); !ok || !next.Equal(at.Add(time.Minute)) {
		t.Fatalf("next look %v, %v", next, ok)
	}
	if _, ok := s.NextDue(); ok || len(looks(t, s, at)) != 0 {
		t.Fatal("a re-evaluation is due too early, or counts as an entry")
	}
	got := looks(t, s, at.Add(2*time.Minute))
	if diff := cmp.Diff([]spool.Revisit{owed[1], owed[0]}, got, cmpopts.IgnoreFields(spool.Revisit{}, "Content")); diff != "" {
		t.Fatal(diff)
	}
	if content(t, s, got[0].Body) != strings.Repeat("large\r\n", 100) || content(t, s, got[1].Body) != "small\r\n" {
		t.Error("bodies differ")
	}
	if _, ok := s.NextRevisit(false); ok || len(looks(t, s, at.Add(time.Hour))) != 0 {
		t.Error("claimed re-evaluations were given out again")
	}
	s.Release(got[0].ID)
	if again := looks(t, s, at.Add(time.Hour)); len(again) != 1 || again[0].ID != got[0].ID {
		t.Errorf("got %+v", again)
	}
}

func TestLookEndsOrComesAgainWithItsFacts(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.BodyFileThreshold = 10
	s := open(t, o)
	commit(t, s, spool.Batch{Revisit: []spool.Revisit{look(at, text("a body of its own file\r\n")), look(at, text("another such body\r\n"))}})
	vs := looks(t, s, at)
	vs[0].Next, vs[0].Attempts, vs[0].Body, vs[0].Meta = at.Add(time.Hour), 1, spool.Body{}, json.RawMessage(`[1]`)
	commit(t, s, spool.Batch{Again: vs[:1], Revisited: []string{vs[1].ID}, Facts: []event.Event{fact(event.Rejudged)}})
	s = reopen(t, s, o)
	if st := s.Stats(); st.Revisits != 1 || st.RevisitBytes != st.Bytes+3 {
		t.Errorf("counts are %+v", st)
	}
	left := looks(t, s, at.Add(time.Hour))
	if len(left) != 1 || left[0].ID != vs[0].ID || left[0].Attempts != 1 || string(left[0].Meta) != "[1]" {
		t.Fatalf("got %+v", left)
	}
	if got := content(t, s, left[0].Body); !strings.Contains(got, "body") || len(files(t, o.Dir)) != 1 {
		t.Errorf("body %q, files %v", got, files(t, o.Dir))
	}
	commit(t, s, spool.Batch{Revisited: []string{left[0].ID}})
	s = reopen(t, s, o)
	if diff := cmp.Diff(spool.Stats{Facts: 1}, s.Stats()); diff != "" || len(files(t, o.Dir)) != 0 {
		t.Errorf("%s, files %v", diff, files(t, o.Dir))
	}
}

func TestSlowLooksWaitApart(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s := open(t, o)
	slow := look(at, text("slow\r\n"))
	slow.Slow = true
	commit(t, s, spool.Batch{Revisit: []spool.Revisit{slow, look(at.Add(time.Minute), text("quick\r\n"))}})
	s = reopen(t, s, o)
	if next, ok := s.NextRevisit(true); !ok || !next.Equal(at) {
		t.Errorf("the next slow re-evaluation is due at %s, %v", next, ok)
	}
	if next, ok := s.NextRevisit(false); !ok || !next.Equal(at.Add(time.Minute)) {
		t.Errorf("the next look is due at %s, %v", next, ok)
	}
	later := at.Add(time.Hour)
	quick, vs := looks(t, s, later), slowLooks(t, s, later)
	if len(quick) != 1 || len(vs) != 1 || content(t, s, vs[0].Body) != "slow\r\n" {
		t.Fatalf("got %+v and %+v", quick, vs)
	}
	vs[0].Slow = false
	commit(t, s, spool.Batch{Again: vs, Revisited: []string{quick[0].ID}})
	if len(slowLooks(t, s, later)) != 0 || len(looks(t, s, later)) != 1 {
		t.Error("a re-evaluation that is slow no more waits among the slow ones")
	}
}

func slowLooks(t *testing.T, s *spool.Spool, now time.Time) []spool.Revisit {
	t.Helper()
	vs, err := s.Revisits(true, now, 100)
	if err != nil {
		t.Fatal(err)
	}
	return vs
}

func TestLookSharesTheBodyOfAHeldMessage(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.BodyFileThreshold = 1
	s := open(t, o)
	held := []spool.Held{{MessageID: "m1", Tenant: "t", At: at, Content: text("held\r\n")}}
	commit(t, s, spool.Batch{Hold: held})
	v := look(at, nil)
	v.Body = held[0].Body
	commit(t, s, spool.Batch{Revisit: []spool.Revisit{v}, Lazy: true})
	if n := s.Stats().Bytes; n != held[0].Body.Size || len(files(t, o.Dir)) != 1 {
		t.Errorf("%d bytes in %v, want one body", n, files(t, o.Dir))
	}
	if err := s.DropHeld(t.Context(), held[0].ID); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s, o)
	vs := looks(t, s, at)
	if len(vs) != 1 || content(t, s, vs[0].Body) != "held\r\n" {
		t.Fatalf("got %+v", vs)
	}
	if err := s.Commit(t.Context(), spool.Batch{Revisit: []spool.Revisit{{Body: spool.Body{ID: "gone"}}}}); !errors.Is(err, spool.ErrUnknown) {
		t.Errorf("a body that is gone: %v", err)
	}
	commit(t, s, spool.Batch{Revisited: []string{vs[0].ID}})
	s = reopen(t, s, o)
	if diff := cmp.Diff(spool.Stats{}, s.Stats()); diff != "" || len(files(t, o.Dir)) != 0 {
		t.Errorf("%s, files %v", diff, files(t, o.Dir))
	}
}

func TestBrokenLooksStopNobodyElse(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s := open(t, o)
	good := look(at, text("x\r\n"))
	good.ID = "good"
	commit(t, s, spool.Batch{Revisit: []spool.Revisit{good}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := pebble.Open(filepath.Join(o.Dir, "journal"), &pebble.Options{FormatMajorVersion: pebble.FormatWALSyncChunks, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	before := at.Add(-time.Hour)
	for k, v := range map[string]string{
		"wshort":                           "",
		"w" + dueRow(before, "none")[1:]:   "",
		"w" + dueRow(before, "good")[1:]:   "", // the row says another time
		"w" + dueRow(before, "broken")[1:]: "",
		"rbroken":                          `{"id":"broken","next":1}`,
		"s" + dueRow(at, "good")[1:]:       "", // it is not slow
	} {
		if err := db.Set([]byte(k), []byte(v), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	slow := slowLooks(t, s, at)
	if vs := looks(t, s, at); len(slow) != 0 || len(vs) != 1 || vs[0].ID != "good" || s.Stats().Broken != 5 {
		t.Errorf("got %+v, %d broken", vs, s.Stats().Broken)
	}
}

// smallDisk has a given number of bytes free.
type smallDisk struct {
	vfs.FS

	free uint64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free, TotalBytes: 1 << 40}, nil
}

// TestLooksNeverKeepMailOut proves that they end before the reserve of mail begins, and
// that those which wait can end at any time.
func TestLooksNeverKeepMailOut(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		free       uint64 // of a reserve of 100 MiB
		look, mail bool
	}{
		"room for all":  {free: 201 << 20, look: true, mail: true},
		"room for mail": {free: 199 << 20, mail: true},
		"no room":       {free: 49 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t.TempDir())
			waiting := spool.Batch{Revisit: []spool.Revisit{look(at, text("x\r\n"))}}
			s := open(t, o)
			commit(t, s, waiting)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			o.MinFreeBytes, o.FS = 100<<20, &smallDisk{vfs.Default, tc.free}
			s = open(t, o)
			if err := s.Commit(t.Context(), spool.Batch{Revisit: []spool.Revisit{look(at, text("y\r\n"))}, Lazy: true}); (err == nil) != tc.look || err != nil && code(err) != 452 {
				t.Errorf("a look: %v", err)
			}
			if err := s.Commit(t.Context(), spool.Batch{Queue: []spool.Entry{entry(at, text("z\r\n"))}}); (err == nil) != tc.mail {
				t.Errorf("mail: %v", err)
			}
			for _, v := range looks(t, s, at) {
				commit(t, s, spool.Batch{Revisited: []string{v.ID}})
			}
			if st := s.Stats(); st.Revisits != 0 || st.RevisitBytes != 0 {
				t.Errorf("got %+v", st)
			}
		})
	}
}
