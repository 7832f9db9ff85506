package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"outrider/internal/config"
	"outrider/internal/quarantine"
	"outrider/internal/store"
	"outrider/internal/store/blob"
)

type dbCmd struct {
	Verify  dbVerifyCmd  `cmd:"" help:"Check the database and the bodies of quarantined mail. Exit code 1 when something is wrong."`
	Backup  dbBackupCmd  `cmd:"" help:"Copy database and quarantine to a new directory, also while the gateway runs."`
	Restore dbRestoreCmd `cmd:"" help:"Put a backup in place. The gateway must be stopped."`
}

// stateOnDisk is what the commands work on: the database, opened to read, and the bodies.
func (c *cli) stateOnDisk() (*store.DB, *blob.Disk, config.Config, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, nil, cfg, err
	}
	if err := becomeOwner(&cfg); err != nil {
		return nil, nil, cfg, err
	}
	if _, err := os.Stat(databasePath(&cfg)); err != nil {
		return nil, nil, cfg, fmt.Errorf("opening the database: %w", err)
	}
	blobs, err := blob.NewDisk(blobPath(&cfg))
	if err != nil {
		return nil, nil, cfg, err
	}
	db, err := store.OpenReader(databasePath(&cfg))
	return db, blobs, cfg, err
}

type dbVerifyCmd struct {
	Quick  bool   `help:"Do not read the bodies, only look whether they are there."`
	Format string `enum:"text,json" default:"text" help:"text or json."`
}

// dbReport is what verify prints.
type dbReport struct {
	Path     string      `json:"path"`
	OK       bool        `json:"ok"`
	Schema   int64       `json:"schema"`
	Known    int64       `json:"schema_known"`
	Held     int         `json:"held"`
	Bodies   int         `json:"bodies"`
	Sidecars int         `json:"sidecars"`
	Problems []dbProblem `json:"problems"`
	Aside    []string    `json:"moved_aside"` // databases that were replaced or damaged
}

// dbProblem is one thing that is wrong.
type dbProblem struct {
	Kind string `json:"kind"`
	What string `json:"what"` // id of the held message, body, or file
	Text string `json:"text"`
}

// Run checks and prints.
func (v *dbVerifyCmd) Run(c *cli) error {
	db, blobs, cfg, err := c.stateOnDisk()
	if err != nil {
		return err
	}
	r := verifier{c: c, db: db, blobs: blobs, quick: v.Quick}
	r.report.Path, r.report.Problems, r.report.Aside = databasePath(&cfg), []dbProblem{}, movedAside(databasePath(&cfg))
	r.database(cfg.DataDir)
	r.quarantine()
	if err := db.Close(); err != nil {
		return err
	}
	r.report.OK = len(r.report.Problems) == 0
	if err := r.print(v.Format); err != nil {
		return err
	}
	if !r.report.OK {
		return ExitError(1)
	}
	return nil
}

// movedAside lists what Outrider has moved aside when it rebuilt the database.
func movedAside(path string) []string {
	names, _ := filepath.Glob(path + ".*") // the pattern is fixed
	out := []string{}
	for _, n := range names {
		if !strings.HasSuffix(n, "-wal") && !strings.HasSuffix(n, "-shm") {
			out = append(out, filepath.Base(n))
		}
	}
	return out
}

// verifier is one run of verify.
type verifier struct {
	c      *cli
	db     *store.DB
	blobs  *blob.Disk
	quick  bool
	report dbReport
}

func (v *verifier) problem(kind, what, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, dbProblem{Kind: kind, What: what, Text: fmt.Sprintf(format, args...)})
}

// database checks the file itself.
func (v *verifier) database(dir string) {
	ctx := v.c.ctx
	var err error
	if v.report.Schema, v.report.Known, err = v.db.Version(ctx); err != nil {
		v.problem("unreadable", v.report.Path, "%v", err)
		return
	}
	if v.report.Schema > v.report.Known {
		v.problem("newer-schema", v.report.Path, "schema %d, this program knows %d", v.report.Schema, v.report.Known)
	}
	if err := v.db.IntegrityCheck(ctx); err != nil {
		v.problem("damaged", v.report.Path, "%v", err)
	}
	edge, err := os.ReadFile(filepath.Join(dir, "edge.id"))
	if owner, oerr := v.db.Owner(ctx); err == nil && oerr == nil && owner != "" && owner != store.OwnerRestored && owner != strings.TrimSpace(string(edge)) {
		v.problem("foreign", v.report.Path, "belongs to installation %s, not %s", owner, strings.TrimSpace(string(edge)))
	}
}

// quarantine compares the list of held mail with the disk, in both directions.
func (v *verifier) quarantine() {
	listed := make(map[string]bool) // blobs
	described := make(map[string]string)
	unreadable, err := v.blobs.Sidecars(v.c.ctx, func(s *quarantine.Sidecar) error {
		described[s.Item.ID] = s.Item.Blob
		return nil
	})
	v.report.Sidecars = len(described)
	if err != nil || unreadable > 0 {
		v.problem("sidecar-unreadable", "", "%d sidecars of held mail cannot be read: %v", unreadable, err)
	}
	err = v.db.HeldInUse(v.c.ctx, func(i *quarantine.Item) error {
		v.report.Held++
		listed[i.Blob] = true
		v.held(i, described)
		delete(described, i.ID)
		return nil
	})
	if err != nil {
		v.problem("unreadable", v.report.Path, "%v", err)
		return // nothing can be said of the other direction
	}
	for id, blob := range described {
		listed[blob] = true
		if v.unlisted(id) {
			v.problem("not-listed", id, "held on disk, body %s, and not in the database", blob)
		}
	}
	v.orphans(listed)
}

// held checks one message. What has ended since it was listed is no problem.
func (v *verifier) held(i *quarantine.Item, described map[string]string) {
	kind, err := v.body(i)
	if _, ok := described[i.ID]; kind == "" && !ok {
		kind, err = "sidecar-missing", errors.New("nothing on disk could bring it back without the database")
	}
	if kind == "" {
		return
	}
	if now, herr := v.db.HeldItem(v.c.ctx, i.ID); herr == nil && !now.State.InUse() {
		return
	}
	v.problem(kind, i.ID, "body %s: %v", i.Blob, err)
}

var errBodyGone = errors.New("the file is not there")

// body returns what is wrong with the body of a message.
func (v *verifier) body(i *quarantine.Item) (kind string, err error) {
	has, err := v.blobs.Has(i.Blob)
	switch {
	case err != nil:
		return "body-unreadable", err
	case !has:
		return "body-missing", errBodyGone
	case v.quick:
		return "", nil
	}
	n, err := v.blobs.Check(v.c.ctx, i.Blob)
	switch {
	case err != nil:
		return "body-damaged", err
	case n != i.Size:
		return "body-damaged", fmt.Errorf("%d bytes instead of %d", n, i.Size)
	}
	return "", nil
}

// unlisted reports whether the database says nothing of a message, or that it has ended.
func (v *verifier) unlisted(id string) bool {
	i, err := v.db.HeldItem(v.c.ctx, id)
	return err != nil || !i.State.InUse()
}

// orphans finds bodies that nothing names and that the gateway would have removed by now.
func (v *verifier) orphans(listed map[string]bool) {
	err := v.blobs.Blobs(v.c.ctx, func(id string) error {
		v.report.Bodies++
		if listed[id] {
			return nil
		}
		old, err := v.blobs.Old(id)
		if err != nil || !old {
			return err
		}
		if used, err := v.db.BlobInUse(v.c.ctx, id); err != nil || used {
			return err
		}
		v.problem("orphan-body", id, "no held message has this body")
		return nil
	})
	if err != nil {
		v.problem("body-unreadable", "", "%v", err)
	}
}

func (v *verifier) print(format string) error {
	r := &v.report
	if format == "json" {
		if err := json.NewEncoder(v.c.out).Encode(r); err != nil {
			return fmt.Errorf("writing the result: %w", err)
		}
		return nil
	}
	v.c.printf("%s: schema %d, %d held messages, %d bodies, %d sidecars\n", r.Path, r.Schema, r.Held, r.Bodies, r.Sidecars)
	for _, name := range r.Aside {
		v.c.printf("note: %s was moved aside when the database was rebuilt; delete it when you do not need it\n", name)
	}
	for _, p := range r.Problems {
		v.c.printf("%s %s: %s\n", p.Kind, p.What, p.Text)
	}
	if r.OK {
		v.c.printf("ok\n")
	}
	return nil
}
