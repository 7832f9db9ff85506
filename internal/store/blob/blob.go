// Package blob keeps bodies by the SHA-256 of their bytes: equal bodies are kept once,
// and what is read back is checked against its name.
//
// A blob is on stable storage when Put returns: the file is synced before it gets its
// name, and the directory after. Beside the body of a held message is a sidecar with
// what the quarantine lists about it, so that the list can be rebuilt from these files.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"

	"outrider/internal/durable"
)

// ErrCorrupt says that stored bytes no longer match their name.
var ErrCorrupt = errors.New("stored bytes do not match their hash")

// tmpPrefix starts the names of files that Put has not finished.
const tmpPrefix = "put-"

// Disk keeps blobs in files below one directory.
type Disk struct {
	dir string
	mu  sync.Mutex // held while a blob gets its name, and while Sweep decides about one
}

// NewDisk returns a store in dir, which is made when missing.
func NewDisk(dir string) (*Disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating blob directory: %w", err)
	}
	return &Disk{dir: dir}, nil
}

// path returns where a blob is, or an error for anything that is not a SHA-256 in hex.
func (d *Disk) path(id string) (string, error) {
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != sha256.Size {
		return "", fmt.Errorf("naming blob %q: not a SHA-256", id)
	}
	return filepath.Join(d.dir, id[:2], id), nil
}

// Put stores the bytes of r and returns their SHA-256 in hex. A blob that exists is
// not written again.
func (d *Disk) Put(_ context.Context, r io.WriterTo) (id string, err error) {
	tmp, err := os.CreateTemp(d.dir, tmpPrefix+"*")
	if err != nil {
		return "", fmt.Errorf("creating blob: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tmp.Close(), os.Remove(tmp.Name()))
		}
	}()
	sum := sha256.New()
	if _, err := r.WriteTo(io.MultiWriter(tmp, sum)); err != nil {
		return "", fmt.Errorf("writing blob: %w", err)
	}
	if err := tmp.Sync(); err != nil {
		return "", fmt.Errorf("syncing blob: %w", err)
	}
	id = hex.EncodeToString(sum.Sum(nil))
	path, err := d.path(id)
	if err != nil {
		return "", err
	}
	if err := d.place(tmp, path); err != nil {
		return "", err
	}
	return id, nil
}

// place gives the synced file its name and makes the name durable.
func (d *Disk) place(tmp *os.File, path string) error {
	shard := filepath.Dir(path)
	if err := os.MkdirAll(shard, 0o700); err != nil {
		return fmt.Errorf("creating blob shard: %w", err)
	}
	if err := d.rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("naming blob: %w", err)
	}
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("closing blob: %w", err)
	}
	return errors.Join(durable.Sync(shard), durable.Sync(d.dir))
}

func (d *Disk) rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return os.Rename(from, to)
}

// Open returns a reader of the blob. Reading its end fails with ErrCorrupt when the
// bytes do not match.
func (d *Disk) Open(_ context.Context, id string) (io.ReadCloser, error) {
	path, err := d.path(id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening blob: %w", err)
	}
	return &checked{file: f, sum: sha256.New(), want: id}, nil
}

// Has reports whether the blob is there.
func (d *Disk) Has(id string) (bool, error) {
	path, err := d.path(id)
	if err != nil {
		return false, nil //nolint:nilerr // what was lost before it had a name
	}
	_, err = os.Lstat(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, fmt.Errorf("looking for blob: %w", err)
	}
	return err == nil, nil
}

// Delete removes the blob. A missing one is no error.
func (d *Disk) Delete(_ context.Context, id string) error {
	path, err := d.path(id)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing blob: %w", err)
	}
	return nil
}

type checked struct {
	file *os.File
	sum  hash.Hash
	want string
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	c.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(c.sum.Sum(nil)) != c.want {
		return n, fmt.Errorf("reading blob %s: %w", c.want, ErrCorrupt)
	}
	return n, err
}

// Close closes the file.
func (c *checked) Close() error { return c.file.Close() }

// Check reads the blob to its end and returns its size; ErrCorrupt where the bytes do not match
// its name.
func (d *Disk) Check(ctx context.Context, id string) (size int64, err error) {
	r, err := d.Open(ctx, id)
	if err != nil {
		return 0, err
	}
	size, err = io.Copy(io.Discard, r)
	return size, errors.Join(err, r.Close())
}
