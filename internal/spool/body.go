package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"outrider/internal/message"
)

// tmpSuffix marks files that no batch may name yet.
const tmpSuffix = ".tmp"

// staged is a body that is about to be named by a batch.
type staged struct {
	body Body
	raw  []byte // content for the store, or nil for a file that is durable already
}

// stage brings the distinct contents of an outcome to where they will stay. Contents
// are told apart by identity: the same value queued for two routes is stored once.
func (s *Spool) stage(o *Batch) (map[Content]staged, error) {
	bodies := map[Content]staged{}
	add := func(c Content) error {
		if _, ok := bodies[c]; ok || c == nil {
			return nil
		}
		st, err := s.stageOne(c)
		if err == nil {
			bodies[c] = st
		}
		return err
	}
	var errs []error
	for i := range o.Queue {
		errs = append(errs, add(o.Queue[i].Content))
	}
	for i := range o.Hold {
		errs = append(errs, add(o.Hold[i].Content))
	}
	for i := range o.Revisit {
		errs = append(errs, add(o.Revisit[i].Content))
	}
	if err := errors.Join(errs...); err != nil {
		s.unstage(bodies)
		return nil, err
	}
	return bodies, nil
}

func (s *Spool) stageOne(c Content) (staged, error) {
	st := staged{body: Body{ID: string(message.NewID(time.Now())), Size: c.Size()}}
	if st.body.Size > s.opts.BodyFileThreshold {
		st.body.File = true
		return st, s.stageFile(st.body, c)
	}
	var buf bytes.Buffer
	buf.Grow(int(st.body.Size))
	if n, err := c.WriteTo(&buf); err != nil || n != st.body.Size || int64(buf.Len()) != n {
		return staged{}, fmt.Errorf("reading message for the spool: %w", cmpErr(err, errSize))
	}
	st.raw = buf.Bytes()
	return st, nil
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// stageFile writes the body to a file that is on stable storage when it returns.
func (s *Spool) stageFile(b Body, c Content) error {
	final := s.bodyPath(b.ID)
	tmp := final + tmpSuffix
	err := s.writeFile(tmp, b.Size, c)
	if err == nil {
		err = s.fs.Rename(tmp, final)
	}
	if err == nil {
		err = s.syncDir(s.bodyDir())
	}
	if err == nil {
		return nil
	}
	s.removeFiles([]string{tmp, final})
	err = fmt.Errorf("writing message file: %w", err)
	if isFull(err) {
		return full(err)
	}
	return err
}

func (s *Spool) writeFile(path string, size int64, c Content) error {
	f, err := s.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("creating: %w", err)
	}
	// The store's files may scribble over what they write, so that the content
	// passes through a buffer of ours.
	n, err := c.WriteTo(struct{ io.Writer }{&scratchWriter{f: f}})
	if err == nil && n != size {
		err = errSize
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// scratchWriter copies what it writes, since a vfs.File may change the bytes it is
// given.
type scratchWriter struct {
	f   vfs.File
	buf []byte
}

// Write writes p.
func (w *scratchWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), 64<<10)
		w.buf = append(w.buf[:0], p[:n]...)
		if _, err := w.f.Write(w.buf); err != nil {
			return written, fmt.Errorf("writing: %w", err)
		}
		written += n
		p = p[n:]
	}
	return written, nil
}

// unstage removes files that no batch names after all.
func (s *Spool) unstage(bodies map[Content]staged) {
	for _, st := range bodies {
		if st.body.File {
			s.removeFiles([]string{s.bodyPath(st.body.ID)})
		}
	}
}

// removeFiles removes files that nothing names. What cannot be removed now is removed
// by the next Open.
func (s *Spool) removeFiles(paths []string) {
	for _, p := range paths {
		if err := s.fs.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.log.Warn("removing a spool file failed", "path", p, "error", err)
		}
	}
}

func (s *Spool) journalDir() string { return filepath.Join(s.opts.Dir, "journal") }

func (s *Spool) bodyDir() string { return filepath.Join(s.opts.Dir, "bodies") }

func (s *Spool) bodyPath(id string) string { return filepath.Join(s.bodyDir(), id) }

// syncDir makes the names in a directory durable.
func (s *Spool) syncDir(dir string) error {
	d, err := s.fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("opening directory %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close(), s.guard.Err()); err != nil {
		return fmt.Errorf("syncing directory %s: %w", dir, err)
	}
	return nil
}

// sweepFiles removes files that no row names: a crash came between the file and its
// batch, or between a batch and the removal.
func (s *Spool) sweepFiles() error {
	names, err := s.fs.List(s.bodyDir())
	if err != nil {
		return fmt.Errorf("listing message files: %w", err)
	}
	for _, name := range names {
		if r := s.bodies[strings.TrimSuffix(name, tmpSuffix)]; r != nil && r.body.File && !strings.HasSuffix(name, tmpSuffix) {
			continue
		}
		s.removeFiles([]string{s.bodyPath(name)})
	}
	return nil
}

// Stored is the content of a spooled body. It streams from a file or the store each
// time it is written, and holds nothing open between.
type Stored struct {
	s    *Spool
	body Body
}

var _ Content = (*Stored)(nil)

// Content returns the bytes of the body of an entry, a held message or a revisit. They
// can be read until the last of those that share the body has ended.
func (s *Spool) Content(b Body) *Stored { return &Stored{s: s, body: b} }

// Size returns the number of bytes.
func (c *Stored) Size() int64 { return c.body.Size }

// WriteTo writes all bytes to w.
func (c *Stored) WriteTo(w io.Writer) (int64, error) {
	if c.body.File {
		return c.fromFile(w)
	}
	v, closer, err := c.s.db.Get(key(keyBody, c.body.ID))
	if errors.Is(err, pebble.ErrNotFound) {
		err = ErrUnknown
	}
	if err != nil {
		return 0, fmt.Errorf("reading spooled message: %w", err)
	}
	n, err := w.Write(v)
	return int64(n), errors.Join(err, closer.Close())
}

func (c *Stored) fromFile(w io.Writer) (int64, error) {
	f, err := c.s.fs.Open(c.s.bodyPath(c.body.ID))
	if err != nil {
		return 0, fmt.Errorf("reading spooled message: %w", err)
	}
	n, err := io.Copy(w, io.NewSectionReader(f, 0, c.body.Size))
	if err == nil && n != c.body.Size {
		err = io.ErrUnexpectedEOF
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return n, fmt.Errorf("reading spooled message: %w", err)
	}
	return n, nil
}

// Bytes returns all bytes in memory.
func (c *Stored) Bytes() ([]byte, error) {
	var buf bytes.Buffer
	_, err := c.WriteTo(&buf)
	return buf.Bytes(), err
}
