package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"outrider/internal/durable"
)

// Names beside the database while it is rebuilt. What is complete is renamed to rebuilt, so
// that a crash is continued and not begun anew.
const (
	unfinishedSuffix = ".unfinished"
	rebuiltSuffix    = ".rebuilt"
)

// sqliteFiles are the suffixes of the files that make one database.
var sqliteFiles = [...]string{"", "-wal", "-shm", "-journal"}

var (
	errFileGone     = errors.New("the file was deleted")
	errFileReplaced = errors.New("another file was put in its place")
	errLogReplaced  = errors.New("its write-ahead log was deleted or replaced")
	errNoFile       = errors.New("the file is not there, though events were recorded in it")
	errRecently     = errors.New("it was rebuilt a moment ago")
	errEvents       = errors.New("events that had been recorded are missing")
	errRestored     = errors.New("it was restored from a backup")
	errOwner        = errors.New("it belongs to another installation")
)

// identity is how the files of an open database are recognised.
type identity struct{ db, wal os.FileInfo }

func identify(path string) (identity, error) {
	db, err := os.Stat(path)
	if err != nil {
		return identity{}, fmt.Errorf("looking at the database: %w", err)
	}
	wal, err := os.Stat(path + "-wal")
	if err != nil {
		return identity{}, fmt.Errorf("looking at the database: %w", err)
	}
	return identity{db: db, wal: wal}, nil
}

// look compares the files with those that were opened. A file that cannot be looked at says
// nothing.
func (l *Live) look(h *handle) (Fault, error) {
	db, err := os.Stat(l.c.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Replaced, errFileGone
	case err == nil && !os.SameFile(db, h.files.db):
		return Replaced, errFileReplaced
	}
	if wal, werr := os.Stat(l.c.Path + "-wal"); errors.Is(werr, fs.ErrNotExist) || werr == nil && !os.SameFile(wal, h.files.wal) {
		return Replaced, errLogReplaced
	}
	if err == nil && db.Size() < h.size {
		h.size = db.Size()
		h.checkNow() // SQLite never shortens the file: somebody has cut it
	} else if err == nil {
		h.size = db.Size()
	}
	return "", nil
}

// try opens the database. What takes long, or changes more than the schema, is done only in
// full.
func (l *Live) try(ctx context.Context, full bool) {
	db, fault, err := l.open(ctx)
	switch {
	case db != nil && fault == "":
		l.publish(ctx, db)
	case !full:
		if db != nil {
			err = errors.Join(err, db.Close())
		}
		l.down(nil, fault, err)
	case db != nil:
		l.adopt(ctx, db, fault, err)
	case fault.rebuilds():
		l.rebuild(ctx, fault, err)
	default:
		l.down(nil, fault, err)
	}
}

// open opens the database and says what is wrong with it. One that lacks events, or is of
// another installation, is open all the same.
func (l *Live) open(ctx context.Context) (*DB, Fault, error) {
	if l.pending.fault != "" {
		return nil, l.pending.fault, l.pending.err
	}
	if err := continueInstall(l.c.Path); err != nil {
		return nil, Unusable, err
	}
	info, err := os.Stat(l.c.Path)
	if err == nil && info.Size() > 0 {
		err = probe(ctx, l.c.Path)
	} else if err == nil || errors.Is(err, fs.ErrNotExist) {
		if err = l.virgin(ctx); err != nil {
			return nil, Missing, err
		}
	}
	var db *DB
	if err == nil {
		db, err = OpenSQLite(ctx, l.c.Path)
	}
	if err != nil {
		return nil, orUnusable(faultOf(err)), err
	}
	fault, err := l.judge(ctx, db)
	if err != nil && fault == "" {
		return nil, orUnusable(faultOf(err)), errors.Join(err, db.Close())
	}
	return db, fault, err
}

func orUnusable(f Fault) Fault {
	if f == "" {
		return Unusable
	}
	return f
}

// virgin returns nil when nothing says that there was a database before.
func (l *Live) virgin(ctx context.Context) error {
	if l.c.Acked() > 0 {
		return errNoFile
	}
	found := errors.New("held mail has sidecars")
	_, err := l.c.Sidecars.Sidecars(ctx, func(*sidecar) error { return found })
	return err
}

// probe finds out whether the file is a database that can be written to now.
func probe(ctx context.Context, path string) error {
	db, err := open(path, fmt.Sprintf("_txlock=immediate&_pragma=busy_timeout(%d)", lockedFor), 1)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err == nil {
		err = tx.Rollback()
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("opening database %s: %w", path, err)
	}
	return nil
}

// judge compares the database with what is known of it outside. A database without an owner is
// new, or was written by a version that did not know owners.
func (l *Live) judge(ctx context.Context, db *DB) (Fault, error) {
	owner, err := db.Owner(ctx)
	if err != nil {
		return "", err
	}
	if owner == "" {
		if err := db.seedRecorded(ctx, l.c.Edge); err != nil {
			return "", err
		}
	}
	recorded, err := db.Recorded(ctx, l.c.Edge)
	acked := l.c.Acked()
	switch {
	case err != nil:
		return "", err
	case owner == OwnerRestored:
		return Older, errRestored
	case owner != "" && owner != l.c.Edge:
		return Foreign, fmt.Errorf("owner %s, this installation is %s: %w", owner, l.c.Edge, errOwner)
	case recorded < acked:
		return Older, fmt.Errorf("events %d to %d: %w", recorded+1, acked, errEvents)
	case owner == "":
		return "", db.SetOwner(ctx, l.c.Edge)
	}
	return "", nil
}

// adopt takes a database into use that somebody put in place of the last one, after adding
// what is known from elsewhere.
func (l *Live) adopt(ctx context.Context, db *DB, fault Fault, cause error) {
	l.down(nil, fault, cause)
	found, err := l.settle(ctx, db)
	if err != nil {
		l.down(nil, orUnusable(faultOf(err)), errors.Join(err, db.Close()))
		return
	}
	l.c.Log.Error("database was replaced: held mail was added from its sidecars, and event numbers skip those that are missing",
		"fault", fault, "error", cause, "held_added", found.added, "held_ended", found.ended)
	l.rebuiltAs(fault)
	l.publish(ctx, db)
}

func (l *Live) rebuiltAs(fault Fault) {
	if l.c.Rebuilt != nil {
		l.c.Rebuilt(fault)
	}
}

// repair ends a fault of the open database.
func (l *Live) repair(ctx context.Context, s suspicion) {
	if !l.isOpen(s.h) {
		return // of a database that is closed already
	}
	l.down(s.h, s.fault, s.err)
	if s.fault == Replaced {
		// What is open still has everything, and loses it with the process: the end waits for this.
		err := l.copyOut(context.WithoutCancel(ctx), s.h)
		if err == nil {
			l.rebuiltAs(s.fault)
			l.try(ctx, true)
			return
		}
		l.c.Log.Error("copying the open database failed", "error", err)
	}
	if err := s.h.db.Close(); err != nil {
		l.c.Log.Warn("closing the database failed", "error", err)
	}
	if s.fault == Replaced {
		l.try(ctx, true) // whatever is at the path now
		return
	}
	l.rebuild(ctx, s.fault, s.err)
}

// copyOut writes the content of an open database, whose file was deleted or replaced, to a
// new file and puts that in place.
func (l *Live) copyOut(ctx context.Context, h *handle) error {
	unfinished := l.c.Path + unfinishedSuffix
	if err := removeSet(unfinished); err != nil {
		return err
	}
	if err := h.db.CopyTo(ctx, unfinished); err != nil {
		return err
	}
	if err := complete(l.c.Path); err != nil {
		return err
	}
	// SQLite removes a log by its name when it closes: what others put there goes aside first.
	name, err := moveAside(l.c.Path, Replaced, h.files.wal)
	if err == nil {
		err = h.db.Close()
	}
	if err == nil {
		err = install(l.c.Path)
	}
	if err != nil {
		return fmt.Errorf("putting the copy of the database in place: %w", err)
	}
	l.c.Log.Error("database was written anew from memory and log; nothing is lost", "moved_aside", name)
	return nil
}

// rebuild moves the database aside and builds a new one from what can be read of it and from
// the sidecars of held mail. Facts that were not recorded yet wait in the spool.
func (l *Live) rebuild(ctx context.Context, fault Fault, cause error) {
	l.pending.fault, l.pending.err = fault, cause
	err := l.mayRebuild()
	if err != nil {
		l.down(nil, fault, errors.Join(cause, err))
		return
	}
	l.down(nil, fault, cause)
	begun := time.Now()
	salvaged, found, err := l.build(ctx)
	name := ""
	if err == nil {
		name, err = moveAside(l.c.Path, fault, nil)
	}
	if err == nil {
		err = install(l.c.Path)
	}
	if err != nil {
		if ctx.Err() == nil {
			l.down(nil, fault, errors.Join(cause, err))
		}
		return
	}
	l.pending.fault, l.pending.err, l.rebuiltAt = "", nil, time.Now()
	l.c.Log.Error("database was rebuilt", "fault", fault, "moved_aside", name, "rows", salvaged.Rows, "unreadable_ranges", salvaged.Unreadable,
		"held_added", found.added, "held_ended", found.ended, "took", time.Since(begun))
	l.rebuiltAs(fault)
	l.try(ctx, true)
}

// mayRebuild returns why a rebuild has to wait, if it does.
func (l *Live) mayRebuild() error {
	if !l.rebuiltAt.IsZero() && time.Since(l.rebuiltAt) < rebuildPause {
		return errRecently
	}
	var size int64
	for _, suffix := range sqliteFiles {
		if info, err := os.Stat(l.c.Path + suffix); err == nil {
			size += info.Size()
		}
	}
	if err := l.c.Room(2 * size); err != nil { // the copy and its log
		return fmt.Errorf("rebuilding it takes %d bytes: %w", 2*size, err)
	}
	return nil
}

// build writes a complete database beside the old one.
func (l *Live) build(ctx context.Context) (s Salvaged, found reconciled, err error) {
	unfinished := l.c.Path + unfinishedSuffix
	if err := removeSet(unfinished); err != nil {
		return s, found, err
	}
	db, err := OpenSQLite(ctx, unfinished)
	if err != nil {
		return s, found, err
	}
	if info, serr := os.Stat(l.c.Path); serr == nil && info.Size() > 0 {
		s, err = db.salvage(ctx, l.c.Path)
	}
	if err == nil {
		found, err = l.settle(ctx, db)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return s, found, err
	}
	return s, found, complete(l.c.Path)
}

// complete marks a new database, which is closed, as complete.
func complete(path string) error {
	unfinished := path + unfinishedSuffix
	if err := durable.Sync(unfinished); err != nil {
		return err
	}
	if err := os.Rename(unfinished, path+rebuiltSuffix); err != nil {
		return fmt.Errorf("naming the new database: %w", err)
	}
	return durable.Sync(filepath.Dir(path))
}

// moveAside gives the files of the database another name, which is returned. A log that is
// the given file belongs to an open database and stays.
func moveAside(path string, fault Fault, but os.FileInfo) (string, error) {
	aside := fmt.Sprintf("%s.%s-%s", path, fault, time.Now().UTC().Format("20060102T150405.000"))
	moved := ""
	for _, suffix := range sqliteFiles {
		info, err := os.Stat(path + suffix)
		if errors.Is(err, fs.ErrNotExist) || err == nil && but != nil && (suffix == "-shm" || os.SameFile(info, but)) {
			continue
		}
		if err == nil {
			err = os.Rename(path+suffix, aside+suffix)
		}
		if err != nil {
			return "", fmt.Errorf("moving the database aside: %w", err)
		}
		moved = filepath.Base(aside)
	}
	return moved, durable.Sync(filepath.Dir(path))
}

// install gives the complete new database the name of the old one, which was moved aside.
func install(path string) error {
	for _, suffix := range sqliteFiles[1:] {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the log of the old database: %w", err)
		}
	}
	if err := os.Rename(path+rebuiltSuffix, path); err != nil {
		return fmt.Errorf("naming the new database: %w", err)
	}
	return durable.Sync(filepath.Dir(path))
}

// Unfinished is the name under which a database is prepared that Install puts in place.
func Unfinished(path string) string { return path + unfinishedSuffix }

// Install puts the database that was prepared under the name Unfinished, and is closed, in
// place of the one at path, which gets another name that is returned. Neither may be open.
func Install(path string) (aside string, err error) {
	if err = complete(path); err == nil {
		aside, err = moveAside(path, Replaced, nil)
	}
	if err == nil {
		err = install(path)
	}
	return aside, err
}

// continueInstall ends what a crash cut short: a complete new database gets its name when
// the old one was moved aside, and is built again otherwise.
func continueInstall(path string) error {
	if err := removeSet(path + unfinishedSuffix); err != nil {
		return err
	}
	rebuilt := path + rebuiltSuffix
	if _, err := os.Stat(rebuilt); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return install(path)
	}
	return removeSet(rebuilt)
}

// removeSet removes the files of a database that was not finished.
func removeSet(path string) error {
	for _, suffix := range sqliteFiles {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing what is unfinished: %w", err)
		}
	}
	return nil
}
