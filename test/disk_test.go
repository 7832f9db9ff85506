package test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"outrider/internal/mailtest"
)

// smallDisk mounts a file system with so many bytes until the test ends.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	if os.Geteuid() != 0 {
		mailtest.Missing(t, "root, to mount a small file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		mailtest.Missing(t, fmt.Sprintf("permission to mount a small file system: %v", err))
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return dir
}

// disk is one run with a disk that fills up.
type disk struct {
	torture
	mu    sync.Mutex
	codes map[int]int // replies to connections and transactions; guarded by mu
}

// TestFullDisk fills the disk with deferred mail, then takes its last byte away, then
// gives the space back. Acknowledged mail must survive; nothing is acknowledged
// without room; senders hear temporary replies only.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 400<<20)
	sink := startLedger(t)
	sink.closed.Store(true)
	sink.healthy.Store(true)
	p := newProcess(t, filepath.Join(dir, "data"), strings.ReplaceAll(tortureConfig, "{{SINK}}", sink.addr))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := p.start(ctx); err != nil {
		t.Fatal(err)
	}
	d := &disk{torture: torture{p: p, sink: sink}, codes: map[int]int{}}
	d.flood(ctx, 4, 200)
	t.Logf("disk nearly full: %d messages acknowledged, replies %v", len(d.letters), d.codes)
	if len(d.letters) < 50 || d.codes[452]+d.codes[421] == 0 {
		t.Fatalf("%d messages and replies %v: the disk was not filled", len(d.letters), d.codes)
	}

	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	before := len(d.letters)
	d.flood(ctx, 2, 20)
	pause(ctx, 2*time.Second) // retries meet the full disk
	d.flood(ctx, 2, 20)
	if n := len(d.letters) - before; n > 0 {
		t.Errorf("%d messages were acknowledged on a full disk", n)
	}
	for code := range d.codes {
		if code != 250 && code != 452 && code != 421 {
			t.Errorf("%d replies were %d", d.codes[code], code)
		}
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	sink.closed.Store(false)
	d.recover(ctx, t)
	d.account(t, 1)
}

// flood sends letters of a megabyte from several clients at once, until each has been
// refused so many times. Acknowledged ones are added to the letters.
func (d *disk) flood(ctx context.Context, clients, refusals int) {
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			for n := 0; n < refusals && ctx.Err() == nil; {
				if !d.one(ctx) {
					n++
				}
			}
		})
	}
	work.Wait()
}

// one sends one letter over its own connection, and reports whether it was taken.
func (d *disk) one(ctx context.Context) bool {
	d.mu.Lock()
	l := newLetter(len(d.letters) + d.codes[452] + d.codes[421])
	d.mu.Unlock()
	l.id, l.from, l.size = fmt.Sprintf("%s-%p", l.id, l), "ann@sender.example", 1<<20
	o, err := d.transaction(ctx, l)
	if err != nil {
		d.resent.Add(1)
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.codes[o.final.code]++
	if l.acked = o.acked(); len(l.acked) == 0 {
		return false
	}
	d.letters = append(d.letters, l)
	return true
}

func (d *disk) transaction(ctx context.Context, l *letter) (*outcome, error) {
	c, err := dial(ctx, d.p.smtp)
	if refused, ok := errors.AsType[*refusedError](err); ok {
		return &outcome{final: refused.reply}, nil
	}
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.send(l.from, "", l.rcpts, l.text())
}

// fill writes until the file system has no byte left.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}

// recover waits until mail is taken and the queue is empty. A spool whose log met the
// full disk says 421 until a restart, by design; the restart is the operator's.
func (d *disk) recover(ctx context.Context, t *testing.T) {
	t.Helper()
	quick, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	taken := func() error {
		if !d.one(ctx) {
			return fmt.Errorf("mail is still refused: %v", d.codes)
		}
		return nil
	}
	if err := until(quick, taken); err != nil {
		t.Logf("restarting: %v", err)
		if err := d.p.end(syscall.SIGTERM); err != nil {
			t.Logf("stopping after the disk was full: %v", err)
		}
		if err := errors.Join(d.p.start(ctx), until(ctx, taken)); err != nil {
			t.Fatal(err)
		}
	}
	if err := until(ctx, func() error { return d.p.drained(ctx) }); err != nil {
		t.Fatalf("the queue does not drain: %v", err)
	}
	if err := d.p.end(syscall.SIGTERM); err != nil {
		t.Errorf("stopping: %v", err)
	}
	t.Logf("recovered: %d messages acknowledged in all", len(d.letters))
}
