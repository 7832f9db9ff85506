package spool

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"outrider/internal/smtp"
)

// freeFor is how long a reading of the free space holds.
const freeFor = time.Second

var errNoRoom = errors.New("not enough free disk space")

// writeFactor is how often the store may write a body before it is gone: to the log,
// to a table, and once more when tables are merged.
const writeFactor = 3

// freeSpace caches the answer of the file system.
type freeSpace struct {
	mu    sync.Mutex
	at    time.Time // guarded by mu
	bytes uint64    // guarded by mu
}

// room returns nil when at least need bytes are free, and a 452 *smtp.Error otherwise.
func (s *Spool) room(need int64) error {
	free, err := s.freeBytes()
	if err == nil && free < uint64(max(need, 0)) {
		err = fmt.Errorf("%d bytes free in %s: %w", free, s.opts.Dir, errNoRoom)
	}
	if err == nil {
		return nil
	}
	return full(err)
}

// Room returns nil when the disk has room for so many more bytes beside the reserve, and a
// 452 *smtp.Error otherwise.
func (s *Spool) Room(bytes int64) error { return s.room(s.opts.MinFreeBytes + bytes) }

// Reserve is Room for bytes that are written outside of the spool at once: they count until the
// free space is read again.
func (s *Spool) Reserve(bytes int64) error {
	if err := s.Room(bytes); err != nil {
		return err
	}
	s.free.take(bytes)
	return nil
}

// full returns what clients are told when the disk is full.
func full(err error) error {
	return &smtp.Error{Code: 452, Enhanced: "4.3.1", Text: "Insufficient system storage", Err: err}
}

func (s *Spool) freeBytes() (uint64, error) {
	s.free.mu.Lock()
	defer s.free.mu.Unlock()
	if time.Since(s.free.at) < freeFor {
		return s.free.bytes, nil
	}
	usage, err := s.opts.FS.GetDiskUsage(s.opts.Dir)
	if err != nil {
		return 0, fmt.Errorf("reading free space of %s: %w", s.opts.Dir, err)
	}
	s.free.at, s.free.bytes = time.Now(), usage.AvailBytes
	return usage.AvailBytes, nil
}

// take counts bytes that are about to be written against the last reading, so that a
// burst within freeFor does not overrun the reserve.
func (f *freeSpace) take(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bytes -= min(f.bytes, uint64(max(bytes, 0)))
}
