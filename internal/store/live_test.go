package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"outrider/internal/event"
	"outrider/internal/history"
	"outrider/internal/mailtest"
	"outrider/internal/quarantine"
	"outrider/internal/store"
	"outrider/internal/store/blob"
)

// gateway is what a running gateway does with its database.
type gateway struct {
	t     *testing.T
	path  string
	blobs *blob.Disk
	acked atomic.Uint64
	room  error
	live  *store.Live
	stop  func()
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	dir := t.TempDir()
	blobs, err := blob.NewDisk(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, path: filepath.Join(dir, "o.db"), blobs: blobs}
	g.start()
	t.Cleanup(func() { g.stop() })
	return g
}

func (g *gateway) start() {
	g.t.Helper()
	g.live = store.NewLive(store.LiveConfig{
		Path: g.path, Edge: "edge", Acked: g.acked.Load, Room: func(int64) error { return g.room }, Sidecars: g.blobs, Log: slog.New(slog.DiscardHandler),
	})
	g.live.Open(g.t.Context())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.live.Run(ctx) }()
	g.stop = func() {
		cancel()
		if err := errors.Join(<-done, g.live.Close()); err != nil {
			g.t.Error(err)
		}
		g.stop = func() {}
	}
}

// deliver records delivered messages, the first with this number.
func (g *gateway) deliver(first, n int) {
	g.t.Helper()
	var es []event.Event
	for i := range n {
		es = append(es, life("a", fmt.Sprintf("m%06d", first+i), g.acked.Load()+uint64(len(es))+1)...)
	}
	g.record(es)
}

func (g *gateway) record(es []event.Event, items ...quarantine.Item) {
	g.t.Helper()
	g.wait("the database", func() bool { return g.live.Record(g.t.Context(), es, items) == nil })
	g.acked.Store(es[len(es)-1].EdgeSeq)
}

type text string

func (s text) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, string(s))
	return int64(n), err
}

// hold quarantines a message as the shipper does.
func (g *gateway) hold(id string) quarantine.Item {
	g.t.Helper()
	sum, err := g.blobs.Put(g.t.Context(), text("body of "+id))
	if err != nil {
		g.t.Fatal(err)
	}
	i := held(id)
	i.MessageID, i.Blob, i.Subject = "msg-"+id, sum, "subject of "+id
	es := life("a", i.MessageID, g.acked.Load()+1)
	es[2] = event.New(event.Quarantined, "a", i.MessageID, day, i.Envelope.Recipients, event.HeldDetail{Held: id})
	es[2].Edge, es[2].EdgeSeq = "edge", es[1].EdgeSeq+1
	if err := g.blobs.PutSidecar(g.t.Context(), quarantine.NewSidecar(&i, es)); err != nil {
		g.t.Fatal(err)
	}
	g.record(es, i)
	return i
}

// release ends a held message as the shipper does.
func (g *gateway) release(i quarantine.Item) {
	g.t.Helper()
	e := event.New(event.Released, "a", i.MessageID, day, i.Envelope.Recipients, event.HeldDetail{Held: i.ID})
	e.Edge, e.EdgeSeq = "edge", g.acked.Load()+1
	g.record([]event.Event{e})
	if err := errors.Join(g.blobs.DeleteSidecar(g.t.Context(), i.Blob, i.ID), g.blobs.Delete(g.t.Context(), i.Blob)); err != nil {
		g.t.Fatal(err)
	}
}

// wait waits until ok is true, and logs the state of the database if that is in vain.
func (g *gateway) wait(what string, ok func() bool) {
	g.t.Helper()
	defer func() {
		if g.t.Failed() {
			fault, why := g.live.State()
			g.t.Logf("after waiting for %s the database is %q: %s", what, fault, why)
		}
	}()
	mailtest.Until(g.t, what, ok)
}

// listed returns the ids of the messages that are held.
func (g *gateway) listed() string {
	g.t.Helper()
	var ids []string
	g.wait("the quarantine", func() bool {
		items, err := g.live.HeldItems(g.t.Context(), quarantine.Filter{State: quarantine.Held, Limit: 100})
		ids = nil
		for i := range items {
			ids = append([]string{items[i].ID}, ids...)
		}
		return err == nil
	})
	return strings.Join(ids, " ")
}

// files lists the files of the database and those that were moved aside, by the word in their name.
func (g *gateway) aside() string {
	g.t.Helper()
	names, err := filepath.Glob(g.path + ".*")
	if err != nil {
		g.t.Fatal(err)
	}
	var words []string
	for _, n := range names {
		word, _, _ := strings.Cut(strings.TrimPrefix(n, g.path+"."), "-")
		if !strings.HasSuffix(n, "-wal") && !strings.HasSuffix(n, "-shm") {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// query asks the database file of a stopped gateway.
func (g *gateway) query(query string) (n int) {
	g.t.Helper()
	raw, err := sql.Open("sqlite", "file:"+g.path)
	if err == nil {
		err = errors.Join(raw.QueryRowContext(g.t.Context(), query).Scan(&n), raw.Close())
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}

func (g *gateway) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// scribble overwrites pages of a file, each counted from 0.
func (g *gateway) scribble(from, to int) {
	g.t.Helper()
	f, err := os.OpenFile(g.path, os.O_WRONLY, 0)
	g.must(err)
	for p := from; p < to; p++ {
		_, err := f.WriteAt([]byte(strings.Repeat("\xa5", 4096)), int64(p)*4096)
		g.must(err)
	}
	g.must(f.Close())
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDatabaseFaultsAtStart breaks the file while the gateway is stopped. Held mail is listed
// afterwards whatever happened, what was released stays released, and event numbers are
// never given twice.
func TestDatabaseFaultsAtStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage   func(g *gateway)
		aside    string
		messages int // at least, of the 700 that were delivered
	}{
		"nothing":        {damage: func(*gateway) {}, messages: 700},
		"damaged pages":  {damage: func(g *gateway) { g.scribble(60, 75) }, aside: "damaged", messages: 400},
		"header damaged": {damage: func(g *gateway) { g.scribble(0, 1) }, aside: "damaged"},
		"truncated": {damage: func(g *gateway) {
			info, err := os.Stat(g.path)
			g.must(err)
			g.must(os.Truncate(g.path, info.Size()/2))
		}, aside: "damaged", messages: 200},
		"not a database": {damage: func(g *gateway) { g.must(os.WriteFile(g.path, []byte(strings.Repeat("no database ", 1000)), 0o600)) }, aside: "damaged"},
		"empty":          {damage: func(g *gateway) { g.must(os.Truncate(g.path, 0)) }, aside: "missing"},
		"missing":        {damage: func(g *gateway) { g.must(os.Remove(g.path)) }},
		"older":          {damage: func(g *gateway) { copyFile(g.t, g.path+"-older", g.path) }, messages: 699},
		"of another installation": {damage: func(g *gateway) {
			raw, err := sql.Open("sqlite", "file:"+g.path)
			g.must(err)
			_, err = raw.ExecContext(g.t.Context(), `UPDATE meta SET value = 'other' WHERE name = 'owner'`)
			g.must(errors.Join(err, raw.Close()))
		}, messages: 700},
		"crash between moving aside and installing": {damage: func(g *gateway) { g.must(os.Rename(g.path, g.path+".rebuilt")) }, messages: 700},
		"crash before the old one was moved aside":  {damage: func(g *gateway) { g.must(os.WriteFile(g.path+".rebuilt", []byte("x"), 0o600)) }, messages: 700},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			h1, h2 := g.hold("h1"), g.hold("h2")
			g.deliver(0, 699)
			// From then on a missing sidecar means that the message has ended.
			g.wait("sidecars of all held mail", func() bool { return g.query(`SELECT count(*) FROM meta WHERE name = 'sidecars'`) == 1 })
			g.stop()
			copyFile(t, g.path, g.path+"-older")
			g.start()
			g.release(h1)
			g.hold("h3")
			g.deliver(699, 1)
			g.stop()
			c.damage(g)
			g.start()
			g.wait("the fault to be ended", func() bool {
				_, why := g.live.State()
				return why == "" && (g.aside() == c.aside || strings.HasPrefix(name, "crash"))
			})
			// An older file is brought up to date after it was opened.
			g.wait("the quarantine of the last stop", func() bool { return g.listed() == "h2 h3" })
			box := quarantine.NewBox(liveBox{g.live}, g.blobs)
			if i, err := box.Show(t.Context(), "h2"); err != nil || i.Subject != h2.Subject || i.Blob != h2.Blob || !i.At.Equal(h2.At) ||
				len(i.Envelope.Recipients) != 1 || i.BodyMissing || i.Disposition != h2.Disposition {
				t.Errorf("h2 is %+v, %v", i, err)
			}
			g.deliver(5000, 1)
			g.stop()
			if got := g.aside(); got != c.aside {
				t.Errorf("moved aside: %q, want %q", got, c.aside)
			}
			if n := g.query(`SELECT COUNT(*) FROM messages WHERE id LIKE 'm0%'`); n < c.messages+1 {
				t.Errorf("%d messages are left of 701, want at least %d", n, c.messages+1)
			}
			if n := g.query(`SELECT COUNT(*) FROM messages WHERE id = 'msg-h2' AND disposition = 'BULK'`); n != 1 {
				t.Error("the verdict of a held message is lost")
			}
			if n := g.query(`SELECT seq FROM events WHERE message_id = 'm005000' ORDER BY seq LIMIT 1`); n <= 2109 {
				t.Errorf("number %d was given to an event twice", n)
			}
		})
	}
}

// liveBox reads single rows, which the gateway has no need to.
type liveBox struct{ *store.Live }

func (l liveBox) HeldItem(ctx context.Context, id string) (quarantine.Item, error) {
	items, err := l.HeldItems(ctx, quarantine.Filter{Limit: 100})
	for i := range items {
		if items[i].ID == id {
			return items[i], nil
		}
	}
	return quarantine.Item{}, errors.Join(err, quarantine.ErrUnknown)
}

func (l liveBox) CountHeld(ctx context.Context, f quarantine.Filter) (int, error) {
	items, err := l.HeldItems(ctx, f)
	return len(items), err
}

// TestDatabaseFaultsWhileRunning does it below a running gateway, which loses nothing that its
// open file still has.
func TestDatabaseFaultsWhileRunning(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage   func(g *gateway)
		aside    string
		messages int
	}{
		"deleted": {damage: func(g *gateway) {
			g.must(errors.Join(os.Remove(g.path), os.Remove(g.path+"-wal"), os.Remove(g.path+"-shm")))
		}, messages: 400},
		"replaced by an older copy": {damage: func(g *gateway) {
			copyFile(g.t, g.path+"-older", g.path+"-copy")
			g.must(os.Rename(g.path+"-copy", g.path))
		}, aside: "replaced", messages: 400},
		"log deleted":   {damage: func(g *gateway) { g.must(os.Remove(g.path + "-wal")) }, aside: "replaced", messages: 400},
		"damaged pages": {damage: func(g *gateway) { g.scribble(40, 50) }, aside: "damaged", messages: 200},
		"cut":           {damage: func(g *gateway) { g.must(os.Truncate(g.path, 50*4096)) }, aside: "damaged", messages: 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			// The gateway may write the file anew before the test has deleted the log of the old
			// one: then this is the log of the new file, which is moved aside for that.
			aside := func() string {
				if got := g.aside(); name != "deleted" || got != "replaced" {
					return got
				}
				return ""
			}
			g.hold("h1")
			g.deliver(0, 300)
			g.stop()
			copyFile(t, g.path, g.path+"-older")
			g.start()
			g.hold("h2")
			g.deliver(300, 99)
			c.damage(g)
			if name == "damaged pages" {
				g.stop() // pages in memory hide it; the check at the next start finds it
				g.start()
				g.wait("the damage to be found", func() bool { return g.aside() != "" })
			} else {
				g.wait("the file to be put right", func() bool {
					items, err := g.live.HeldItems(t.Context(), quarantine.Filter{Limit: 100})
					other, serr := os.Stat(g.path)
					return err == nil && len(items) == 2 && serr == nil && other.Size() > 60*4096 && aside() == c.aside
				})
			}
			g.hold("h3")
			g.deliver(399, 1)
			if got := g.listed(); got != "h1 h2 h3" {
				t.Errorf("held: %q", got)
			}
			g.stop()
			if got := aside(); got != c.aside {
				t.Errorf("moved aside: %q, want %q", got, c.aside)
			}
			if n := g.query(`SELECT COUNT(*) FROM messages WHERE id LIKE 'm0%'`); n < c.messages {
				t.Errorf("%d messages are left of 400, want at least %d", n, c.messages)
			}
			if n := g.query(`SELECT COUNT(*) FROM pragma_quick_check WHERE quick_check <> 'ok'`); n != 0 {
				t.Error("the database is damaged")
			}
		})
	}
}

// TestLockedDatabaseIsUsedWhenTheLockIsGone holds the lock of another process at start.
func TestLockedDatabaseIsUsedWhenTheLockIsGone(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.hold("h1")
	g.stop()
	other, err := sql.Open("sqlite", "file:"+g.path+"?_pragma=locking_mode(EXCLUSIVE)&_txlock=exclusive")
	g.must(err)
	other.SetMaxOpenConns(1)
	tx, err := other.BeginTx(t.Context(), nil)
	g.must(err)
	g.start()
	if fault, _ := g.live.State(); fault != store.Locked {
		t.Errorf("the fault is %q", fault)
	}
	if err := g.live.Record(t.Context(), life("a", "m", 100), nil); !errors.Is(err, store.ErrDown) {
		t.Errorf("recording answers %v", err)
	}
	g.must(errors.Join(tx.Rollback(), other.Close()))
	if got := g.listed(); got != "h1" || g.aside() != "" {
		t.Errorf("held %q, moved aside %q", got, g.aside())
	}
}

// TestNewerSchemaIsMovedAside keeps what a newer version has written, and works with a copy.
func TestNewerSchemaIsMovedAside(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.hold("h1")
	g.stop()
	raw, err := sql.Open("sqlite", "file:"+g.path)
	g.must(err)
	for _, q := range []string{`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`, `ALTER TABLE messages RENAME COLUMN subject TO topic`} {
		_, err := raw.ExecContext(t.Context(), q)
		g.must(err)
	}
	g.must(raw.Close())
	if _, err := store.OpenSQLite(t.Context(), g.path); !errors.Is(err, store.ErrNewer) {
		t.Errorf("a command opens it: %v", err)
	}
	g.start()
	if got := g.listed(); got != "h1" {
		t.Errorf("held: %q", got)
	}
	g.stop()
	if n := g.query(`SELECT COUNT(*) FROM messages WHERE header_from = 'A@b.example'`); n != 1 || g.aside() != "newer" {
		t.Errorf("%d messages, moved aside %q", n, g.aside())
	}
}

// TestRebuildWaitsForRoom does not fill a disk that mail needs.
func TestRebuildWaitsForRoom(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.hold("h1")
	g.stop()
	g.scribble(0, 1)
	g.room = errors.New("no room")
	g.start()
	g.wait("the reason", func() bool { _, why := g.live.State(); return strings.Contains(why, "no room") })
	if g.aside() != "" {
		t.Error("the damaged database was touched")
	}
	g.stop()
	g.room = nil
	g.start()
	if got := g.listed(); got != "h1" {
		t.Errorf("held: %q", got)
	}
}

// TestSidecarsOfAnOlderVersionAreWritten upgrades a database whose held mail has none.
func TestSidecarsOfAnOlderVersionAreWritten(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	i := g.hold("h1")
	g.must(g.blobs.DeleteSidecar(t.Context(), i.Blob, i.ID))
	g.stop()
	raw, err := sql.Open("sqlite", "file:"+g.path)
	g.must(err)
	_, err = raw.ExecContext(t.Context(), `DELETE FROM meta; DELETE FROM edges`)
	g.must(errors.Join(err, raw.Close()))
	g.start()
	g.wait("the sidecar", func() bool {
		n := 0
		_, err := g.blobs.Sidecars(t.Context(), func(s *quarantine.Sidecar) error {
			if n++; s.Item.ID != "h1" || len(s.Facts) != 3 {
				t.Errorf("got %+v", s)
			}
			return nil
		})
		return err == nil && n == 1
	})
}

// TestSnapshotKnowsNothingOfLaterEvents reads the senders as they were at the opening.
func TestSnapshotKnowsNothingOfLaterEvents(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.record(life("a", "m1", 1))
	g.stop()
	g.start()
	g.wait("the opening", func() bool { _, why := g.live.State(); return why == "" })
	g.record(life("a", "m2", 4))
	s := g.live.TakeSnapshot()
	if s == nil || s.Recorded != 3 || g.live.RecordedAtOpening() != 3 {
		t.Fatalf("snapshot %+v", s)
	}
	messages := 0
	err := s.Senders(t.Context(), 10, func(_, key string, r history.Record) {
		if key == "a@b.example" {
			messages = r.Messages
		}
	})
	if err = errors.Join(err, s.Close()); err != nil || messages != 1 {
		t.Errorf("%d messages, %v", messages, err)
	}
	if g.live.TakeSnapshot() != nil {
		t.Error("the snapshot was given twice")
	}
}
