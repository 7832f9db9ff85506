// Package store keeps Outrider's state in SQL: events, messages, held mail, senders.
//
// The database is never on the path of a message: edges record to their spool, and a
// shipper moves facts here in batches. Shipping a batch twice stores it once, since
// every event is named by its edge and that edge's own sequence; here it gets the next
// number of its tenant, without gaps.
//
// The SQL is the common subset of SQLite and PostgreSQL; times are integers in
// microseconds, JSON is text.
//
// Limits: only SQLite is opened so far. A batch that is shipped again after Prune has
// deleted its events is stored again.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// readers is how many queries run beside the writer.
const readers = 4

// DB is the database. It is safe for concurrent use.
type DB struct {
	write *sql.DB // one connection: SQLite has one writer
	read  *sql.DB
}

// ErrNewer says that a newer version of Outrider has written the database.
var ErrNewer = errors.New("the database has the schema of a newer version of Outrider")

// OpenSQLite opens or creates the database file and brings it to the newest schema.
func OpenSQLite(ctx context.Context, path string) (*DB, error) {
	// synchronous=FULL: what Record acknowledged is removed from the spool. The log is merged at
	// 32 MB, since index pages that are written again and again are merged once.
	write, err := open(path, "_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=wal_autocheckpoint(8000)", 1)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, write); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := open(path, "_pragma=busy_timeout(10000)&_pragma=query_only(1)", readers)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return &DB{write: write, read: read}, nil
}

// OpenReader opens a database that exists to read it, whatever its schema.
func OpenReader(path string) (*DB, error) {
	db, err := open(path, "_pragma=busy_timeout(10000)", readers)
	if err != nil {
		return nil, err
	}
	return &DB{write: db, read: db}, nil
}

// Version returns the version of the schema, and the newest that this program knows.
func (d *DB) Version(ctx context.Context) (version, known int64, err error) {
	if err := d.read.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version`).Scan(&version); err != nil {
		return 0, 0, fmt.Errorf("reading the version of the database: %w", err)
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	return version, int64(len(names)), err
}

func open(path, options string, conns int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+options)
	if err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir)
	if err != nil {
		return fmt.Errorf("preparing migrations: %w", err)
	}
	current, known, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("reading the version of the database: %w", err)
	}
	if current > known {
		return fmt.Errorf("reading the version of the database: %d, this program knows %d: %w", current, known, ErrNewer)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	return nil
}

// Close closes all connections.
func (d *DB) Close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// inTx runs f in one transaction.
func (d *DB) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
