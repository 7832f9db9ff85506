package blob

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"outrider/internal/durable"
)

// sweepAge is how old a file must be for Sweep to take it: between Put and the record
// that refers to the blob lies one batch, which takes seconds.
const sweepAge = time.Hour

// Sweep removes what crashes have left over: unfinished files, and blobs without a sidecar
// that inUse says nothing refers to. Files younger than an hour are left alone, those
// from before since, of which inUse cannot know, and everything that is not ours. An error
// of inUse ends it.
func (d *Disk) Sweep(ctx context.Context, since time.Time, inUse func(id string) (bool, error)) error {
	s := sweeper{d: d, since: since, before: time.Now().Add(-sweepAge), inUse: inUse}
	top, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("sweeping blobs: %w", err)
	}
	for _, e := range top {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("sweeping blobs: %w", err)
		}
		switch {
		case e.Type().IsRegular() && strings.HasPrefix(e.Name(), tmpPrefix):
			err = s.unfinished(filepath.Join(d.dir, e.Name()))
		case e.IsDir():
			err = s.shard(ctx, e.Name())
		}
		if err != nil {
			return fmt.Errorf("sweeping blobs: %w", err)
		}
	}
	return nil
}

// sweeper is one call of Sweep.
type sweeper struct {
	d      *Disk
	since  time.Time // blobs from before are left alone
	before time.Time // files changed since are left alone
	inUse  func(id string) (bool, error)
}

// shard sweeps the blobs of one directory.
func (s *sweeper) shard(ctx context.Context, name string) error {
	files, err := os.ReadDir(filepath.Join(s.d.dir, name))
	if err != nil {
		return err //nolint:wrapcheck // by Sweep
	}
	described := described(files)
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err //nolint:wrapcheck // by Sweep
		}
		if described[f.Name()] {
			continue
		}
		if err := s.file(filepath.Join(s.d.dir, name, f.Name()), f); err != nil {
			return err
		}
	}
	return nil
}

// described returns the blobs that have a sidecar.
func described(files []os.DirEntry) map[string]bool {
	out := make(map[string]bool)
	for _, f := range files {
		if id, _, ok := sidecarName(f.Name()); ok {
			out[id] = true
		}
	}
	return out
}

// file sweeps one file, if it is ours.
func (s *sweeper) file(path string, f os.DirEntry) error {
	if strings.HasPrefix(f.Name(), durable.Unfinished) && f.Type().IsRegular() {
		return s.unfinished(path)
	}
	if own, err := s.d.path(f.Name()); err != nil || own != path {
		return nil //nolint:nilerr // not one of ours
	}
	return s.blob(f.Name(), path)
}

// blob removes one blob that is not in use. Nothing is put meanwhile: a body that comes
// again makes its file young, or makes it anew.
func (s *sweeper) blob(id, path string) error {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if old, err := s.isOld(path); err != nil || !old || s.predates(path) {
		return err
	}
	used, err := s.inUse(id)
	if err != nil {
		return fmt.Errorf("asking for blob %s: %w", id, err)
	}
	if used {
		return nil
	}
	return remove(path)
}

func (s *sweeper) isOld(path string) (bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil // deleted meanwhile
	}
	if err != nil {
		return false, err //nolint:wrapcheck // by Sweep
	}
	return info.Mode().IsRegular() && info.ModTime().Before(s.before), nil
}

// predates reports whether a file is from before anything could be known about it.
func (s *sweeper) predates(path string) bool {
	info, err := os.Lstat(path)
	return err != nil || info.ModTime().Before(s.since)
}

// unfinished removes a file that Put has not finished, if it is old.
func (s *sweeper) unfinished(path string) error {
	if old, err := s.isOld(path); err != nil || !old {
		return err
	}
	return remove(path)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err //nolint:wrapcheck // by Sweep
	}
	return nil
}

// Old reports whether a blob is there for longer than the record of it can take.
func (d *Disk) Old(id string) (bool, error) {
	path, err := d.path(id)
	if err != nil {
		return false, err
	}
	s := sweeper{before: time.Now().Add(-sweepAge)}
	return s.isOld(path)
}
