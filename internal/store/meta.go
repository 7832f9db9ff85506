package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Names in the table meta.
const (
	metaOwner    = "owner"    // id of the installation that the database belongs to
	metaFloor    = "floor"    // first event number of a tenant that has none yet
	metaSince    = "since"    // microseconds: bodies of held mail from before may be unknown
	metaSidecars = "sidecars" // "1": every held message has its sidecar
)

const (
	setMeta = `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
	setEdge = `INSERT INTO edges (edge, seq) VALUES ($1, $2) ON CONFLICT (edge) DO UPDATE SET
		seq = CASE WHEN excluded.seq > edges.seq THEN excluded.seq ELSE edges.seq END`
)

// OwnerRestored is the owner of a database that was restored from a backup, until the next start
// has compared it with the disk.
const OwnerRestored = "restored"

// meta returns a single value, or "".
func (d *DB) meta(ctx context.Context, name string) (string, error) {
	var v string
	err := d.read.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, name).Scan(&v)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("reading %s of the database: %w", name, err)
	}
	return v, nil
}

func (d *DB) setMeta(ctx context.Context, name, value string) error {
	if _, err := d.write.ExecContext(ctx, setMeta, name, value); err != nil {
		return fmt.Errorf("storing %s of the database: %w", name, err)
	}
	return nil
}

// Owner returns the id of the installation that the database belongs to, or "" before the
// first start with it.
func (d *DB) Owner(ctx context.Context) (string, error) { return d.meta(ctx, metaOwner) }

// SetOwner gives the database to an installation.
func (d *DB) SetOwner(ctx context.Context, edge string) error {
	return d.setMeta(ctx, metaOwner, edge)
}

// Recorded returns the number of the last event of an edge that was recorded, or 0.
func (d *DB) Recorded(ctx context.Context, edge string) (uint64, error) {
	var seq int64
	err := d.read.QueryRowContext(ctx, `SELECT seq FROM edges WHERE edge = $1`, edge).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("reading the progress of edge %s: %w", edge, err)
	}
	return uint64(max(seq, 0)), nil
}

// seedRecorded notes the progress of an edge in a database of a version that did not.
func (d *DB) seedRecorded(ctx context.Context, edge string) error {
	var seq int64
	err := d.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(edge_seq), 0) FROM events WHERE edge = $1`, edge).Scan(&seq)
	if err != nil {
		return fmt.Errorf("reading the progress of edge %s: %w", edge, err)
	}
	return d.setRecorded(ctx, edge, uint64(max(seq, 0)))
}

// setRecorded says that the events of an edge up to a number are recorded or lost.
func (d *DB) setRecorded(ctx context.Context, edge string, seq uint64) error {
	if _, err := d.write.ExecContext(ctx, setEdge, edge, seq); err != nil {
		return fmt.Errorf("storing the progress of edge %s: %w", edge, err)
	}
	return nil
}

// skipNumbers makes the events of every tenant go on after a number. No tenant has had more
// events than all edges together, so that a number which was given out before is not given
// out again, and readers of events see a gap where some were lost.
func (d *DB) skipNumbers(ctx context.Context, last uint64) error {
	return d.inTx(ctx, func(tx *sql.Tx) error {
		next := int64(last) + 1
		if _, err := tx.ExecContext(ctx, `UPDATE sequences SET next = $1 WHERE next < $1`, next); err != nil {
			return fmt.Errorf("raising event numbers: %w", err)
		}
		if _, err := tx.ExecContext(ctx, setMeta, metaFloor, strconv.FormatInt(next, 10)); err != nil {
			return fmt.Errorf("raising event numbers: %w", err)
		}
		return nil
	})
}

// BlobsSince returns from when on every body of held mail is known to the database or has a
// sidecar; zero: all are. Older bodies are left alone: a database that was lost may have
// listed them.
func (d *DB) BlobsSince(ctx context.Context) (time.Time, error) {
	v, err := d.meta(ctx, metaSince)
	if err != nil || v == "" {
		return time.Time{}, err
	}
	us, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading %s of the database: %w", metaSince, err)
	}
	return fromMicros(us), nil
}
