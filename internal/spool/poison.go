package spool

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pauses that keep the store's background work, which retries at once and for ever,
// from spinning.
const (
	pauseWhenFull     = 100 * time.Millisecond
	pauseWhenPoisoned = time.Second
)

// errDiscarded is what a file that only pretends answers when asked about itself.
var errDiscarded = errors.New("file was discarded after a storage failure")

// poisonGuard records the first storage failure that leaves the content of the disk in doubt.
// From then on the spool is poisoned: nothing is written any more until a restart.
type poisonGuard struct {
	log     *slog.Logger
	mu      sync.Mutex
	err     error         // first failure, or nil; guarded by mu
	stall   *stall        // told when the disk is full
	closing chan struct{} // closed when the spool closes
}

// poison records the first failure.
func (f *poisonGuard) poison(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
		f.log.Error("spool failed: no mail is accepted until a restart", "error", err)
	}
}

// Err returns the failure that poisoned the spool, or nil.
func (f *poisonGuard) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// poisoned reports whether there was such a failure.
func (f *poisonGuard) poisoned() bool { return f.Err() != nil }

// pause waits for d or until the spool closes.
func (f *poisonGuard) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-f.closing:
	}
}

// pauseIfFull notes a full disk and gives it time to change.
func (f *poisonGuard) pauseIfFull(err error) {
	if isFull(err) {
		f.stall.sawFull()
		f.pause(pauseWhenFull)
	}
}

// isFull reports whether err says that there is no space, which says nothing about
// the bytes that were written before.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// guardFS is the file system between the store and the disk. Pebble stops the process when its
// log cannot be written, and its error paths panic with locks held; so guardFS tells
// it that all is well, poisons the spool, and lets nothing reach the disk any more.
// Writers get the failure from the poison guard, never a success.
type guardFS struct {
	vfs.FS
	guard *poisonGuard
}

var _ vfs.FS = (*guardFS)(nil)

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// Unwrap returns the file system below.
func (g *guardFS) Unwrap() vfs.FS { return g.FS }

// Create creates a file; a log pretends to be created once the spool is poisoned.
func (g *guardFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.create(name, func() (vfs.File, error) {
		f, err := g.FS.Create(name, c)
		if err == nil && isLog(name) {
			fillLog(f)
		}
		return f, err //nolint:wrapcheck // the store re-evaluations at its own errors
	})
}

// fillLog writes zeros where the log will come to stand. A log that grows makes every
// fsync write the file's size as well, which takes the file system's own journal; one
// that has its size costs a third less. The store reads zeros as the end of the log.
// Space that is refused here does no harm: the log then grows as it is written.
func fillLog(f vfs.File) {
	zeros := make([]byte, logFillStep)
	for off := int64(0); off < memTableSize; off += logFillStep {
		if _, err := f.WriteAt(zeros, off); err != nil {
			return
		}
	}
}

// ReuseForWrite is Create with the file of an old log.
func (g *guardFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.create(name, func() (vfs.File, error) { return g.FS.ReuseForWrite(old, name, c) })
}

func (g *guardFS) create(name string, open func() (vfs.File, error)) (vfs.File, error) {
	gf := &guardFile{guard: g.guard, lies: isLog(name)}
	if err := g.guard.Err(); err != nil {
		if gf.lies {
			return gf, nil
		}
		g.guard.pause(pauseWhenPoisoned)
		return nil, fmt.Errorf("creating %s after a storage failure: %w", name, err)
	}
	f, err := open()
	if err == nil {
		gf.File = f
		return gf, nil
	}
	if gf.lies {
		g.guard.poison(fmt.Errorf("creating log: %w", err))
		return gf, nil
	}
	g.guard.pauseIfFull(err)
	return nil, err //nolint:wrapcheck // the store re-evaluations at its own errors
}

// OpenReadWrite opens a file for writing.
func (g *guardFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return g.create(name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c, o...) })
}

// OpenDir opens a directory, whose fsync is part of every promise.
func (g *guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err //nolint:wrapcheck // the store re-evaluations at its own errors
	}
	return &guardFile{File: f, guard: g.guard, lies: true}, nil
}

// Link, Remove, RemoveAll and Rename do nothing once the spool is poisoned, so that what
// the restart will read stays as it is.
func (g *guardFS) Link(from, to string) error {
	return g.change(func() error { return g.FS.Link(from, to) })
}

// Remove removes a file.
func (g *guardFS) Remove(name string) error {
	return g.change(func() error { return g.FS.Remove(name) })
}

// RemoveAll removes a tree.
func (g *guardFS) RemoveAll(name string) error {
	return g.change(func() error { return g.FS.RemoveAll(name) })
}

// Rename renames a file.
func (g *guardFS) Rename(from, to string) error {
	return g.change(func() error { return g.FS.Rename(from, to) })
}

// MkdirAll creates directories.
func (g *guardFS) MkdirAll(dir string, perm os.FileMode) error {
	return g.change(func() error { return g.FS.MkdirAll(dir, perm) })
}

func (g *guardFS) change(do func() error) error {
	if err := g.guard.Err(); err != nil {
		return fmt.Errorf("changing the disk after a storage failure: %w", err)
	}
	return do()
}

// guardFile is one open file of a guardFS.
type guardFile struct {
	vfs.File // or nil where a log only pretends to exist
	guard    *poisonGuard
	lies     bool // the store cannot bear an error: a log or a directory
}

// Write writes p.
func (g *guardFile) Write(p []byte) (int, error) {
	if err := g.guard.Err(); err != nil {
		return g.verdict(len(p), err)
	}
	n, err := g.File.Write(p)
	if err == nil {
		return n, nil
	}
	if g.lies {
		g.guard.poison(fmt.Errorf("writing log: %w", err))
		return len(p), nil
	}
	g.guard.pauseIfFull(err)
	return n, err //nolint:wrapcheck // the store re-evaluations at its own errors
}

func (g *guardFile) verdict(n int, err error) (int, error) {
	if g.lies {
		return n, nil
	}
	return 0, err
}

// sync runs one way of syncing. A failure leaves the content in doubt, unless the
// disk is full and the file is one that the store writes anew.
func (g *guardFile) sync(do func() error) error {
	if err := g.guard.Err(); err != nil {
		_, err = g.verdict(0, err)
		return err
	}
	err := do()
	if err == nil {
		return nil
	}
	if g.lies || !isFull(err) {
		g.guard.poison(fmt.Errorf("syncing: %w", err))
	}
	g.guard.pauseIfFull(err)
	_, err = g.verdict(0, err)
	return err
}

// Sync makes content and metadata durable.
func (g *guardFile) Sync() error { return g.sync(func() error { return g.File.Sync() }) }

// SyncData makes content durable.
func (g *guardFile) SyncData() error { return g.sync(func() error { return g.File.SyncData() }) }

// SyncTo starts to make a prefix durable.
func (g *guardFile) SyncTo(length int64) (full bool, err error) {
	err = g.sync(func() error {
		var err error
		full, err = g.File.SyncTo(length)
		return err //nolint:wrapcheck // looked at by sync
	})
	return full, err
}

// Preallocate reserves space, which may be refused without harm. A log has it already.
func (g *guardFile) Preallocate(offset, length int64) error {
	if g.File == nil || g.lies || g.guard.poisoned() {
		return nil
	}
	return g.File.Preallocate(offset, length) //nolint:wrapcheck // the store re-evaluations at its own errors
}

// Stat describes the file.
func (g *guardFile) Stat() (vfs.FileInfo, error) {
	if g.File == nil {
		return nil, errDiscarded
	}
	return g.File.Stat() //nolint:wrapcheck // the store re-evaluations at its own errors
}

// Fd returns the descriptor, for hints to the kernel.
func (g *guardFile) Fd() uintptr {
	if g.File == nil {
		return vfs.InvalidFd
	}
	return g.File.Fd()
}

// Close closes the file.
func (g *guardFile) Close() error {
	if g.File == nil {
		return nil
	}
	err := g.File.Close()
	if err != nil && g.lies {
		g.guard.poison(fmt.Errorf("closing log: %w", err))
		return nil
	}
	return err //nolint:wrapcheck // the store re-evaluations at its own errors
}

// storeLogger carries what the store says to the spool's log. What the store calls
// fatal poisons the spool instead of the process.
type storeLogger struct {
	log   *slog.Logger
	guard *poisonGuard
}

// Infof drops the store's chatter about flushes and compactions.
func (l storeLogger) Infof(string, ...any) {}

// Errorf logs an error of background work, which the store tries again.
func (l storeLogger) Errorf(format string, args ...any) {
	l.log.Error("spool store", "error", fmt.Sprintf(format, args...))
}

// Fatalf poisons the spool.
func (l storeLogger) Fatalf(format string, args ...any) {
	l.guard.poison(fmt.Errorf(format, args...)) //nolint:err113 // the store gives text only
}
