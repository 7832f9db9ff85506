// Package durable replaces files so that a reader, a crash and a loss of power leave the old
// content or the new, never a part of one.
//
// The package imports nothing of Outrider.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Unfinished begins the names of what is being written. A crash leaves it behind.
const Unfinished = "unfinished-"

// Write replaces a file, or makes it: once it returns without an error, the file has this
// content and these permissions, after a loss of power too. With an error the file is what
// it was, unless it is the directory that could not be synced. Writers of the same file do not
// mix; the last one wins. A symbolic link is replaced, not followed.
func Write(path string, content []byte, mode fs.FileMode) error {
	if err := replace(path, content, mode); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return Sync(filepath.Dir(path))
}

// replace writes beside the file and then gives the new one its name. Its permissions stand
// before: who may not read the one may not read the other for a moment.
func replace(path string, content []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), Unfinished)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Sync makes durable what a file contains, or what was created, renamed or removed in a
// directory.
func Sync(path string) error {
	f, err := os.Open(path)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("syncing %s: %w", path, err)
	}
	return nil
}

// Clean removes what a crash has left unfinished in a directory, files and directories. It is
// for callers that know that no other process writes there now.
func Clean(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("removing unfinished files: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), Unfinished) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("removing unfinished files: %w", err)
		}
	}
	return nil
}
