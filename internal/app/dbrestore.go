package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"outrider/internal/config"
	"outrider/internal/quarantine"
	"outrider/internal/store"
	"outrider/internal/store/blob"
)

type dbRestoreCmd struct {
	Dir string `arg:"" type:"path" help:"Directory that \"outrider db backup\" has written."`
}

var (
	errManifest   = errors.New("not a complete backup")
	errNotAsSaved = errors.New("the file is not what was backed up")
)

// Run verifies the backup and puts it in place. Mail in the spool is not touched.
func (r *dbRestoreCmd) Run(c *cli) (err error) {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if err := readManifest(r.Dir); err != nil {
		return fmt.Errorf("verifying %s: %w", r.Dir, err)
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("creating data directory: %w", err)
	}
	if err := becomeOwner(&cfg); err != nil {
		return err
	}
	lock, err := lockDir(cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	p := restore{c: c, dir: r.Dir, cfg: &cfg}
	if err := p.run(); err != nil {
		return fmt.Errorf("restoring %s: %w", r.Dir, err)
	}
	return nil
}

// readManifest compares every file of a backup with its manifest.
func readManifest(dir string) error {
	raw, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return fmt.Errorf("%w: %w", errManifest, err)
	}
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil || m.Version != 1 {
		return fmt.Errorf("reading %s of version %d: %w", manifestName, m.Version, errors.Join(errManifest, err))
	}
	found := false
	for _, f := range m.Files {
		path := filepath.FromSlash(f.Path)
		if !filepath.IsLocal(path) {
			return fmt.Errorf("reading %s: path %q leaves the directory: %w", manifestName, f.Path, errManifest)
		}
		got, err := checksum(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		if got.Size != f.Size || got.SHA256 != f.SHA256 {
			return fmt.Errorf("comparing %s: %w", f.Path, errNotAsSaved)
		}
		found = found || f.Path == "outrider.db"
	}
	if !found {
		return fmt.Errorf("looking for outrider.db: %w", errManifest)
	}
	return nil
}

// restore is one run.
type restore struct {
	c            *cli
	dir          string
	cfg          *config.Config
	from, to     *blob.Disk
	now          *store.DB // what is replaced, or nil where it cannot be read
	held, ended  int
	withoutBytes int
}

func (r *restore) run() (err error) {
	path := databasePath(r.cfg)
	prepared := store.Unfinished(path)
	if r.from, err = blob.NewDisk(filepath.Join(r.dir, "blobs")); err != nil {
		return err
	}
	if r.to, err = blob.NewDisk(blobPath(r.cfg)); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} { // of a restore that was cut short
		if err := os.Remove(prepared + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing what is unfinished: %w", err)
		}
	}
	if err := copyPrivate(filepath.Join(r.dir, "outrider.db"), prepared); err != nil {
		return err
	}
	if r.now, err = readable(r.c, path); err != nil {
		return err
	}
	err = r.prepare(prepared)
	if r.now != nil {
		err = errors.Join(err, r.now.Close())
	}
	if err != nil {
		return err
	}
	aside, err := store.Install(path)
	if err != nil {
		return err
	}
	r.c.printf("restored %s: %d held messages; %d that were in the backup have ended since\n", path, r.held, r.ended)
	if r.withoutBytes > 0 {
		r.c.printf("warning: %d held messages have no body in the backup\n", r.withoutBytes)
	}
	if aside != "" {
		r.c.printf("the database that was there is now %s\n", filepath.Join(r.cfg.DataDir, aside))
	}
	r.c.printf("start the gateway: it adds what is held on disk and delivers what is in the spool\n")
	return nil
}

// readable opens the database that is to be replaced, or returns nil where it is gone or
// damaged.
func readable(c *cli, path string) (*store.DB, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nil is the database that cannot be asked
	}
	db, err := store.OpenReader(path)
	if err != nil {
		return nil, err
	}
	if err := db.QuickCheck(c.ctx); err != nil {
		c.printf("warning: the database that is replaced is damaged: messages that have ended since the backup may be held again\n")
		return nil, db.Close()
	}
	return db, nil
}

// prepare brings the copy up to date and its bodies to where they are read.
func (r *restore) prepare(path string) error {
	db, err := store.OpenSQLite(r.c.ctx, path)
	if err != nil {
		return err
	}
	err = db.IntegrityCheck(r.c.ctx)
	if err == nil {
		err = db.HeldInUse(r.c.ctx, func(i *quarantine.Item) error { return r.message(db, i) })
	}
	if err == nil {
		err = db.SetOwner(r.c.ctx, store.OwnerRestored)
	}
	return errors.Join(err, db.Close())
}

// message restores one held message, unless the database that is replaced says that it has ended.
func (r *restore) message(db *store.DB, i *quarantine.Item) error {
	if r.now != nil {
		if now, err := r.now.HeldItem(r.c.ctx, i.ID); err == nil && !now.State.InUse() {
			r.ended++
			_, err := db.MoveHeld(r.c.ctx, i.ID, i.State, now.State, now.AskedBy)
			return err
		}
	}
	r.held++
	err := copyBody(r.c, r.from, r.to, i)
	if errors.Is(err, fs.ErrNotExist) || err != nil && i.Blob == "" {
		r.withoutBytes++
		return nil
	}
	if err != nil {
		return err
	}
	events, err := db.EventsOf(r.c.ctx, i.MessageID)
	if err != nil {
		return err
	}
	return r.to.PutSidecar(r.c.ctx, quarantine.NewSidecar(i, events))
}

// copyPrivate copies a file that only its owner may read.
func copyPrivate(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = io.Copy(out, in)
		err = errors.Join(err, out.Sync(), out.Close())
	}
	if err := errors.Join(err, in.Close()); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return nil
}
