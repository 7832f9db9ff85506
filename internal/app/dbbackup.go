package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"outrider/internal/durable"
	"outrider/internal/quarantine"
	"outrider/internal/store"
	"outrider/internal/store/blob"
)

// manifestName is the file that makes a directory a backup. It is written last.
const manifestName = "manifest.json"

// manifest lists what is in a backup.
type manifest struct {
	Version int            `json:"version"` // of the format: 1
	Created time.Time      `json:"created"`
	Program string         `json:"program"`
	Held    int            `json:"held"`
	Missing []string       `json:"missing"` // held messages whose body could not be read
	Files   []manifestFile `json:"files"`
}

type manifestFile struct {
	Path   string `json:"path"` // relative, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

type dbBackupCmd struct {
	Dir string `arg:"" type:"path" help:"Directory to create. It must not exist."`
}

// Run writes the backup.
func (b *dbBackupCmd) Run(c *cli) error {
	db, blobs, _, err := c.stateOnDisk()
	if err != nil {
		return err
	}
	w := backup{c: c, dir: b.Dir, from: db, blobs: blobs, manifest: manifest{Version: 1, Created: time.Now().UTC(), Program: Version(), Missing: []string{}}}
	if err := errors.Join(w.write(), db.Close()); err != nil {
		return fmt.Errorf("backing up to %s: %w", b.Dir, err)
	}
	c.printf("%s: %d held messages, %d files\n", b.Dir, w.manifest.Held, len(w.manifest.Files))
	for _, id := range w.manifest.Missing {
		c.printf("warning: the body of held message %s could not be read and is not in the backup\n", id)
	}
	return nil
}

// backup is one run.
type backup struct {
	c        *cli
	dir      string
	from     *store.DB
	blobs    *blob.Disk
	to       *blob.Disk
	manifest manifest
}

func (b *backup) write() error {
	if err := os.MkdirAll(filepath.Dir(b.dir), 0o700); err != nil {
		return fmt.Errorf("creating the directory: %w", err)
	}
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		return fmt.Errorf("creating the directory: %w", err)
	}
	path := filepath.Join(b.dir, "outrider.db")
	if err := b.from.CopyTo(b.c.ctx, path); err != nil {
		return err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("making the copy private: %w", err)
	}
	var err error
	if b.to, err = blob.NewDisk(filepath.Join(b.dir, "blobs")); err != nil {
		return err
	}
	snapshot, err := store.OpenSQLite(b.c.ctx, path)
	if err != nil {
		return err
	}
	err = snapshot.HeldInUse(b.c.ctx, func(i *quarantine.Item) error { return b.held(snapshot, i) })
	if err = errors.Join(err, snapshot.IntegrityCheck(b.c.ctx), snapshot.Close()); err != nil {
		return err
	}
	return b.seal()
}

// held copies one held message. Its body may be gone because it ended after the database was
// copied: then the copy says so too.
func (b *backup) held(snapshot *store.DB, i *quarantine.Item) error {
	err := copyBody(b.c, b.blobs, b.to, i)
	if err == nil {
		events, err := snapshot.EventsOf(b.c.ctx, i.MessageID)
		if err != nil {
			return err
		}
		b.manifest.Held++
		return b.to.PutSidecar(b.c.ctx, quarantine.NewSidecar(i, events))
	}
	now, herr := b.from.HeldItem(b.c.ctx, i.ID)
	if herr != nil {
		return errors.Join(err, herr)
	}
	if !now.State.InUse() {
		_, err := snapshot.MoveHeld(b.c.ctx, i.ID, i.State, now.State, now.AskedBy)
		return err
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, blob.ErrCorrupt) && i.Blob != "" {
		return err
	}
	b.manifest.Missing = append(b.manifest.Missing, i.ID)
	return nil
}

// copyBody copies the bytes of a held message, which are compared with their hash.
func copyBody(c *cli, from, to *blob.Disk, i *quarantine.Item) error {
	if has, err := to.Has(i.Blob); err != nil || has {
		return err
	}
	r, err := from.Open(c.ctx, i.Blob)
	if err != nil {
		return err
	}
	_, err = to.Put(c.ctx, reader{r})
	return errors.Join(err, r.Close())
}

// reader writes what it reads.
type reader struct{ io.Reader }

// WriteTo writes all bytes to w.
func (r reader) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, r.Reader) }

// seal writes the manifest.
func (b *backup) seal() error {
	err := filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(b.dir, path)
		if err != nil {
			return err //nolint:wrapcheck // below
		}
		f, err := checksum(path)
		f.Path = filepath.ToSlash(rel)
		b.manifest.Files = append(b.manifest.Files, f)
		return errors.Join(err, durable.Sync(path))
	})
	if err != nil {
		return fmt.Errorf("listing the files: %w", err)
	}
	raw, err := json.MarshalIndent(&b.manifest, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	return durable.Write(filepath.Join(b.dir, manifestName), append(raw, '\n'), 0o600)
}

// checksum returns size and hash of a file.
func checksum(path string) (manifestFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return manifestFile{}, fmt.Errorf("reading %s: %w", path, err)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return manifestFile{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return manifestFile{Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
