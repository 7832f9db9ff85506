package app_test

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"outrider/internal/app"
	"outrider/internal/event"
	"outrider/internal/mailtest"
	"outrider/internal/store"
)

// What root's commands write belongs to whom the data directory belongs to.
func TestCommandsOfRootLeaveTheOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		mailtest.Missing(t, "the rights of root")
	}
	const owner = 65534
	a := newAuthor(t)
	data := filepath.Join(a.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, owner, owner); err != nil {
		t.Fatal(err)
	}
	open := func(path string, d fs.DirEntry, _ error) error {
		if d.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return os.Chmod(path, 0o644)
	}
	if err := filepath.WalkDir(a.dir, open); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(a.dir); dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) { // the owner must get there
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-c", a.config, "rules", "pull", "--name", "f", a.feed, "--activate")
	cmd.Env = append(os.Environ(), "OUTRIDER_TEST_COMMAND=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files := 0
	_ = filepath.WalkDir(data, func(path string, d fs.DirEntry, _ error) error {
		info, err := d.Info()
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := info.Sys().(*syscall.Stat_t); !ok || s.Uid != owner {
			t.Errorf("%s belongs to uid %d", path, s.Uid)
		}
		files++
		return nil
	})
	if files < 5 {
		t.Errorf("%d files were written", files)
	}
}

// What root's commands write beside the database belongs to its owner, by SQLite's own doing.
func TestDatabaseOpenedByRootKeepsItsOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		mailtest.Missing(t, "the rights of root")
	}
	const owner = 65534
	path := filepath.Join(t.TempDir(), "outrider.db")
	db, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, owner, owner); err != nil {
		t.Fatal(err)
	}
	if db, err = store.OpenSQLite(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Record(t.Context(), []event.Event{event.New(event.Received, "a", "m1", time.Now(), nil, event.ReceivedDetail{})}, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := info.Sys().(*syscall.Stat_t); !ok || s.Uid != owner {
			t.Errorf("%s belongs to uid %d", filepath.Base(name), s.Uid)
		}
	}
}

func TestFilesOfTheDataDirectoryBecomePrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"spool/x", "blobs/y", "outrider.db", "outrider.db-wal", "signing.key", "maildir/new/m", "notes.txt"} {
		path := write(t, filepath.Join(dir, name), "x")
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"spool", "blobs", "maildir"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	if err := app.Private(dir, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{
		"spool": 0o700, "blobs": 0o700, "outrider.db": 0o600, "outrider.db-wal": 0o600, "signing.key": 0o600, "maildir": 0o755, "notes.txt": 0o644,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
	if !strings.Contains(log.String(), "blobs, outrider.db, outrider.db-wal, signing.key, spool") {
		t.Errorf("the log says\n%s", log.String())
	}
}
