package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"outrider/internal/quarantine"
)

// What goes together in one transaction: at most $2 rows of a kind that are older
// than $1. The last statement of a list says whether there may be more.
const (
	oldHeld = `SELECT id FROM held WHERE at < $1 AND state IN ('` +
		string(quarantine.Released) + `', '` + string(quarantine.Deleted) + `', '` + string(quarantine.Expired) + `') LIMIT $2`
	pruneHeld = `DELETE FROM held WHERE id IN (` + oldHeld + `)`

	// A message that is held still may yet be released, and must be there to be shown.
	oldMessages = `SELECT id FROM messages WHERE at < $1 AND NOT EXISTS (SELECT 1 FROM held WHERE held.message_id = messages.id AND held.state IN ('` +
		string(quarantine.Held) + `', '` + string(quarantine.ReleaseAsked) + `', '` + string(quarantine.DeleteAsked) + `')) ORDER BY at, id LIMIT $2`
	pruneDeliveriesOf = `DELETE FROM deliveries WHERE message_id IN (` + oldMessages + `)`
	pruneMessages     = `DELETE FROM messages WHERE id IN (` + oldMessages + `)`

	// Refused before it was a message, or tried again after the message was pruned.
	pruneDeliveries = `DELETE FROM deliveries WHERE (message_id, recipient) IN (SELECT message_id, recipient FROM deliveries
		WHERE at < $1 AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.id = deliveries.message_id) ORDER BY at LIMIT $2)`

	pruneSenders = `DELETE FROM senders WHERE (tenant, sender) IN (SELECT tenant, sender FROM senders WHERE seen < $1 ORDER BY seen LIMIT $2)`

	// Only the first numbers of a tenant ($3) go, up to the first that is young enough,
	// so that those that stay have no gap whatever order they came in.
	pruneEvents = `DELETE FROM events WHERE tenant = $3 AND seq < (SELECT COALESCE(MIN(CASE WHEN at >= $1 THEN seq END), MAX(seq) + 1)
		FROM (SELECT seq, at FROM events WHERE tenant = $3 ORDER BY seq LIMIT $2) AS oldest)`
)

// Prune deletes what is older than before: messages with their deliveries, events, held
// messages that were released, deleted or have expired, and senders not heard of since.
// It returns how many rows went. Each transaction takes at most limit rows of a kind, so
// that recording goes on between them.
//
// The numbers of events go on as if nothing had been deleted. What still is held, or was
// asked to be released or deleted, stays with its message. SQLite uses the room again,
// but its file does not shrink.
func (d *DB) Prune(ctx context.Context, before time.Time, limit int) (int64, error) {
	limit = max(limit, 1)
	var total int64
	for _, queries := range [][]string{{pruneHeld}, {pruneDeliveriesOf, pruneMessages}, {pruneDeliveries}, {pruneSenders}} {
		n, err := d.drain(ctx, queries, limit, micros(before), limit)
		if total += n; err != nil {
			return total, err
		}
	}
	tenants, err := d.tenants(ctx)
	if err != nil {
		return total, err
	}
	for _, tenant := range tenants {
		n, err := d.drain(ctx, []string{pruneEvents}, limit, micros(before), limit, tenant)
		if total += n; err != nil {
			return total, err
		}
	}
	return total, nil
}

// drain runs the statements, in one transaction each time, until the last of them finds
// fewer than limit rows.
func (d *DB) drain(ctx context.Context, queries []string, limit int, args ...any) (total int64, err error) {
	for {
		var rows, last int64
		err := d.inTx(ctx, func(tx *sql.Tx) (err error) {
			rows, last, err = execAll(ctx, tx, queries, args)
			return err
		})
		if err != nil {
			return total, err
		}
		if total += rows; last < int64(limit) {
			return total, nil
		}
	}
}

// execAll runs the statements and returns how many rows all of them and the last of them
// have changed.
func execAll(ctx context.Context, tx *sql.Tx, queries []string, args []any) (all, last int64, err error) {
	for _, q := range queries {
		res, err := tx.ExecContext(ctx, q, args...)
		if err != nil {
			return all, last, fmt.Errorf("pruning with %.60q: %w", q, err)
		}
		if last, err = res.RowsAffected(); err != nil {
			return all, last, fmt.Errorf("pruning with %.60q: %w", q, err)
		}
		all += last
	}
	return all, last, nil
}

// tenants lists all who ever had an event.
func (d *DB) tenants(ctx context.Context) ([]string, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT tenant FROM sequences ORDER BY tenant`)
	if err != nil {
		return nil, fmt.Errorf("listing tenants: %w", err)
	}
	tenants, err := collect(rows, func(row scanner) (tenant string, err error) {
		err = row.Scan(&tenant)
		return tenant, err
	})
	if err != nil {
		return nil, fmt.Errorf("listing tenants: %w", err)
	}
	return tenants, nil
}
