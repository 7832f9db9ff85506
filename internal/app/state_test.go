package app_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider/internal/mailtest"
)

// metric reports whether the metrics have a line.
func (b *bundle) metric(line string) bool {
	b.t.Helper()
	_, text := get(b.t, "http://"+b.http+"/metrics")
	return strings.Contains(text, "\n"+line+"\n")
}

// TestMailFlowsWhileTheDatabaseIsLocked starts the gateway below the lock of another process.
func TestMailFlowsWhileTheDatabaseIsLocked(t *testing.T) {
	t.Parallel()
	b := start(t)
	ids := b.hold(1)
	b.mustStop()
	other, err := sql.Open("sqlite", "file:"+filepath.Join(b.dir, "data", "outrider.db")+"?_pragma=locking_mode(EXCLUSIVE)&_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	other.SetMaxOpenConns(1)
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b.again()
	if _, text := get(t, "http://"+b.http+"/readyz"); !strings.Contains(text, "database: down (locked") {
		t.Errorf("readyz says %q", text)
	}
	if !b.metric("outrider_database_up 0") {
		t.Error("the metric says that the database is up")
	}
	send(t, b, "blocked.example")
	mailtest.Until(t, "events in the spool", func() bool { return b.metric("outrider_spool_facts 3") })
	if err := errors.Join(tx.Rollback(), other.Close()); err != nil {
		t.Fatal(err)
	}
	mailtest.Until(t, "the database", func() bool { return b.metric("outrider_database_up 1") && b.metric("outrider_spool_facts 0") })
	if held := b.held(); len(held) != 2 || held[0] != ids[0] {
		t.Errorf("held: %v", held)
	}
}

// TestLostDatabaseIsRebuiltFromDisk replaces it with garbage while the gateway is stopped, and
// deletes it while it runs.
func TestLostDatabaseIsRebuiltFromDisk(t *testing.T) {
	t.Parallel()
	b := start(t)
	ids := b.hold(3)
	b.must("quarantine", "release", ids[0])
	b.mustStop()
	path := filepath.Join(b.dir, "data", "outrider.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("garbage ", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.again()
	mailtest.Until(t, "the rebuilt database", func() bool {
		return b.metric(`outrider_database_rebuilds_total{fault="damaged"} 1`) && b.metric("outrider_database_up 1")
	})
	if got := b.held(); !slices.Equal(got, ids[1:]) {
		t.Errorf("held: %v, want %v", got, ids[1:])
	}
	if out := b.must("quarantine", "show", ids[1]); !strings.Contains(out, "block list entry blocked.example") {
		t.Errorf("the verdict of a held message is lost:\n%s", out)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil {
			t.Fatal(err)
		}
	}
	mailtest.Until(t, "the copy", func() bool {
		return b.metric(`outrider_database_rebuilds_total{fault="replaced"} 1`) && b.metric("outrider_database_up 1")
	})
	if out := b.must("quarantine", "release", ids[1]); !strings.Contains(out, "released") {
		t.Errorf("release says %s", out)
	}
	if found := b.verify(); len(found) != 0 {
		t.Errorf("verify finds %v", found)
	}
}

// TestClockIsComparedWithTheLastSignOfLife starts a year after the gateway ran last.
func TestClockIsComparedWithTheLastSignOfLife(t *testing.T) {
	t.Parallel()
	b := start(t)
	mailtest.Until(t, "the metrics", func() bool { return b.metric("outrider_clock_settled 1") })
	b.mustStop()
	then := time.Now().AddDate(-1, 0, 0)
	lock := filepath.Join(b.dir, "data", "lock")
	if err := os.Chtimes(lock, then, then); err != nil {
		t.Fatal(err)
	}
	b.again()
	if !b.metric("outrider_clock_settled 0") {
		t.Error("the clock is trusted at once")
	}
	mailtest.Until(t, "a sign of life", func() bool {
		info, err := os.Stat(lock)
		return err == nil && time.Since(info.ModTime()) < time.Hour
	})
}

// send gives the gateway one message by SMTP.
func send(t *testing.T, b *bundle, domain string) {
	t.Helper()
	raw, err := os.ReadFile(b.config)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), `smtp: ["`)
	addr, _, _ := strings.Cut(rest, `"`)
	c, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	w, err := func() (io.WriteCloser, error) {
		if err := errors.Join(c.Mail("ann@"+domain), c.Rcpt("x@example.org")); err != nil {
			return nil, err
		}
		return c.Data()
	}()
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, strings.ReplaceAll(fmt.Sprintf(message, domain), "\n", "\r\n"))
	if err := errors.Join(err, w.Close(), c.Quit()); err != nil {
		t.Fatal(err)
	}
}
