package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"outrider/internal/history"
)

// Snapshot is the senders as they were at one moment, whatever is recorded meanwhile. Close
// must be called.
type Snapshot struct {
	tx *sql.Tx
	// Recorded is the number of the last event of the edge that the senders contain.
	Recorded uint64
}

// SnapshotSenders fixes the senders as they are now, with how far the events of an edge
// have been recorded.
func (d *DB) SnapshotSenders(ctx context.Context, edge string) (*Snapshot, error) {
	tx, err := d.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("fixing the senders: %w", err)
	}
	var seq int64
	err = tx.QueryRowContext(ctx, `SELECT seq FROM edges WHERE edge = $1`, edge).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, errors.Join(fmt.Errorf("fixing the senders: %w", err), tx.Rollback())
	}
	return &Snapshot{tx: tx, Recorded: uint64(max(seq, 0))}, nil
}

// Senders is DB.Senders of the snapshot.
func (s *Snapshot) Senders(ctx context.Context, limit int, f func(tenant, key string, r history.Record)) error {
	return senders(ctx, s.tx, limit, f)
}

// Close lets the snapshot go.
func (s *Snapshot) Close() error {
	if err := s.tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("closing the snapshot of senders: %w", err)
	}
	return nil
}
