package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"outrider/internal/event"
	"outrider/internal/message"
	"outrider/internal/smtp"
	"outrider/internal/spool"
)

// breakable is a real file system whose operations of one kind fail while on.
type breakable struct {
	on   atomic.Bool
	hit  atomic.Int64
	kind func(errorfs.Op) bool
	err  error
}

func (b *breakable) String() string { return "breakable" }

func (b *breakable) MaybeError(op errorfs.Op) error {
	if !b.on.Load() || !b.kind(op) {
		return nil
	}
	b.hit.Add(1)
	return b.err
}

func onLog(kinds ...errorfs.OpKind) func(errorfs.Op) bool {
	return on(func(path string) bool { return strings.HasSuffix(path, ".log") }, kinds...)
}

func on(path func(string) bool, kinds ...errorfs.OpKind) func(errorfs.Op) bool {
	return func(op errorfs.Op) bool {
		for _, k := range kinds {
			if op.Kind == k {
				return path(op.Path)
			}
		}
		return false
	}
}

func code(err error) int {
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		return e.Code
	}
	return 0
}

func TestFailureOfTheLogIsToldAndNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	syncs := []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}
	for name, b := range map[string]*breakable{
		"sync fails":              {kind: onLog(syncs...), err: syscall.EIO},
		"sync finds a full disk":  {kind: onLog(syncs...), err: syscall.ENOSPC},
		"write fails":             {kind: onLog(errorfs.OpFileWrite), err: syscall.EIO},
		"write finds a full disk": {kind: onLog(errorfs.OpFileWrite), err: syscall.ENOSPC},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t.TempDir())
			o.FS = errorfs.Wrap(vfs.Default, b)
			s := open(t, o)
			commit(t, s, spool.Batch{Facts: []event.Event{fact(event.Placed)}})
			b.on.Store(true)
			acked := hammer(t, s)
			if b.hit.Load() == 0 {
				t.Fatal("nothing was broken")
			}
			if len(acked) != 0 {
				t.Errorf("acknowledged on a broken disk: %v", acked)
			}
			b.on.Store(false) // the disk seems well again, and must not be believed
			assertPoisoned(t, s)
			if err := s.Close(); code(err) != 421 {
				t.Errorf("close hides the failure: %v", err)
			}
			s = open(t, options(o.Dir))
			commit(t, s, spool.Batch{Facts: []event.Event{fact(event.Judged)}})
			assertGapless(t, s, event.Placed, event.Judged)
		})
	}
}

// hammer commits from several writers until the spool refuses all, and returns what
// was acknowledged.
func hammer(t *testing.T, s *spool.Spool) []string {
	t.Helper()
	var mu sync.Mutex
	var acked []string
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				id := fmt.Sprintf("w%d-%d", w, i)
				o := spool.Batch{Queue: []spool.Entry{entry(at, text(strings.Repeat(id, 1000)))}}
				if s.Commit(t.Context(), o) == nil {
					mu.Lock()
					acked = append(acked, id)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return acked
}

func assertPoisoned(t *testing.T, s *spool.Spool) {
	t.Helper()
	if err := s.Healthy(t.Context()); code(err) != 421 {
		t.Errorf("healthy says %v", err)
	}
	if _, err := s.Begin(spool.Intent{ID: "m"}); code(err) != 421 {
		t.Errorf("begin says %v", err)
	}
	if err := s.Commit(t.Context(), spool.Batch{ID: "m"}); code(err) != 421 {
		t.Errorf("commit says %v", err)
	}
	if err := s.Commit(t.Context(), spool.Batch{ID: "m", Lazy: true}); code(err) != 421 {
		t.Errorf("lazy commit says %v", err)
	}
}

func assertGapless(t *testing.T, s *spool.Spool, kinds ...event.Kind) {
	t.Helper()
	fs, err := s.Facts(0, 100)
	if err != nil || len(fs) != len(kinds) {
		t.Fatalf("%d facts, want %d: %v", len(fs), len(kinds), err)
	}
	for i, f := range fs {
		if f.EdgeSeq != uint64(i+1) || f.Kind != kinds[i] {
			t.Errorf("fact %d is %d %s", i+1, f.EdgeSeq, f.Kind)
		}
	}
}

// TestLogThatCannotRotatePoisons fills more than one memtable, so that the log that
// cannot be closed or created is met in the middle of a commit.
func TestLogThatCannotRotatePoisons(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*breakable{
		"next log cannot be created":    {kind: onLog(errorfs.OpCreate, errorfs.OpReuseForWrite), err: syscall.ENOSPC},
		"directory cannot be synced":    {kind: on(func(p string) bool { return strings.HasSuffix(p, "journal") }, errorfs.OpFileSync), err: syscall.EIO},
		"manifest cannot be written":    {kind: on(isManifest, errorfs.OpFileWrite), err: syscall.ENOSPC},
		"manifest cannot be synced":     {kind: on(isManifest, errorfs.OpFileSync), err: syscall.EIO},
		"table cannot be synced by EIO": {kind: on(isTable, errorfs.OpFileSync, errorfs.OpFileSyncData), err: syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t.TempDir())
			o.FS = errorfs.Wrap(vfs.Default, b)
			s := open(t, o)
			b.on.Store(true)
			big := message.NewBody(bytes.Repeat([]byte("0123456789abcde\n"), 2<<10)) // 32 KiB
			var ids []string
			for range 2000 {
				q := []spool.Entry{entry(at, big)}
				if err := s.Commit(t.Context(), spool.Batch{Queue: q}); err != nil {
					break
				}
				ids = append(ids, q[0].ID)
				if len(ids) > 8 {
					commitOrPoison(t, s, ids[len(ids)-8])
				}
			}
			assertPoisoned(t, s)
			if err := s.Close(); code(err) != 421 {
				t.Errorf("close hides the failure: %v", err)
			}
			s = open(t, options(o.Dir))
			es, err := s.Queue("", 3000)
			if err != nil || len(ids) == 0 || len(es) < min(7, len(ids)) {
				t.Fatalf("%d of %d entries survive, %v", len(es), len(ids), err)
			}
			for _, e := range es {
				if content(t, s, e.Body) != string(must(big.Bytes())) {
					t.Errorf("body of %s differs", e.ID)
				}
			}
			last := es[len(es)-1].ID
			if last < ids[len(ids)-1] {
				t.Errorf("last acknowledged entry %s is lost, last is %s", ids[len(ids)-1], last)
			}
		})
	}
}

// commitOrPoison ends an entry on a spool that may be poisoned at any moment.
func commitOrPoison(t *testing.T, s *spool.Spool, id string) {
	t.Helper()
	if err := s.Commit(t.Context(), spool.Batch{Done: []string{id}}); err != nil && code(err) != 421 {
		t.Error(err)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func isManifest(p string) bool { return strings.Contains(filepath.Base(p), "MANIFEST") }

func isTable(p string) bool { return strings.HasSuffix(p, ".sst") }

func TestBodyFileOnAFullDiskIsRefusedWithoutPoison(t *testing.T) {
	t.Parallel()
	b := &breakable{kind: on(func(p string) bool { return strings.HasSuffix(p, ".tmp") }, errorfs.OpFileWrite), err: syscall.ENOSPC}
	o := options(t.TempDir())
	o.BodyFileThreshold, o.FS = 1, errorfs.Wrap(vfs.Default, b)
	s := open(t, o)
	b.on.Store(true)
	err := s.Commit(t.Context(), spool.Batch{Queue: []spool.Entry{entry(at, text("x\r\n"))}, Facts: []event.Event{fact(event.Deferred)}})
	if code(err) != 452 {
		t.Fatalf("got %v", err)
	}
	if fs := files(t, o.Dir); len(fs) != 0 {
		t.Errorf("files remain: %v", fs)
	}
	b.on.Store(false)
	commit(t, s, spool.Batch{Queue: []spool.Entry{entry(at, text("x\r\n"))}, Facts: []event.Event{fact(event.Deferred)}})
	assertGapless(t, s, event.Deferred)
}

// TestFullDisk runs the spool on a small file system until nothing fits any more.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=320m"); err != nil {
		if os.Getenv("OUTRIDER_NO_SKIP") == "1" {
			t.Fatalf("mounting a small file system: %v", err)
		}
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	for name, reserve := range map[string]int64{"with a reserve": 160 << 20, "without a reserve": 1} {
		t.Run(name, func(t *testing.T) {
			o := options(filepath.Join(dir, fmt.Sprint(reserve)))
			o.MinFreeBytes = reserve
			fillUp(t, o)
			if err := os.RemoveAll(o.Dir); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// fillUp queues until the spool refuses, and checks after a restart that everything
// acknowledged is there.
func fillUp(t *testing.T, o spool.Options) {
	t.Helper()
	s := open(t, o)
	body := message.NewBody(noise(200 << 10))
	acked := map[string]bool{}
	var refusal error
	for range 50_000 {
		q := []spool.Entry{entry(at, body)}
		if refusal = s.Commit(t.Context(), spool.Batch{Queue: q}); refusal != nil {
			break
		}
		acked[q[0].ID] = true
	}
	if c := code(refusal); c != 452 && (c != 421 || o.MinFreeBytes > 1) {
		t.Fatalf("after %d messages: %v", len(acked), refusal)
	}
	closeErr := s.Close()
	if closeErr != nil && code(closeErr) != 421 {
		t.Fatal(closeErr)
	}
	if o.MinFreeBytes == 1 {
		if err := syscall.Mount("", filepath.Dir(o.Dir), "", syscall.MS_REMOUNT, "size=640m"); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, o)
	es, err := s.Queue("", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		delete(acked, e.ID)
		if c := content(t, s, e.Body); len(c) != 200<<10 {
			t.Errorf("body of %s has %d bytes", e.ID, len(c))
		}
	}
	if len(acked) != 0 {
		t.Errorf("%d acknowledged messages are lost", len(acked))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// noise returns bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}
