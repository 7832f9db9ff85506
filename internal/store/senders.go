package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"outrider/internal/event"
	"outrider/internal/history"
)

// senderKey names one row of senders.
type senderKey struct{ tenant, key string }

// observeKnown records the author of a message that was received.
func (r *recorder) observeKnown(e *event.Event, author string) {
	keys, ok := history.Keys(author)
	if !ok {
		return
	}
	for _, k := range keys {
		r.add(senderKey{e.Tenant, k}, history.Known, e.At)
	}
}

// observe records the observation of an event. A malformed one is skipped.
func (r *recorder) observe(e *event.Event, raw json.RawMessage) {
	var l history.Observation
	if len(raw) == 0 || json.Unmarshal(raw, &l) != nil {
		return
	}
	l.Each(func(key string, what history.What) { r.add(senderKey{e.Tenant, key}, what, l.At) })
}

// add adds an observation to a row that is written back at the end of the batch.
func (r *recorder) add(k senderKey, what history.What, at time.Time) {
	rec, ok := r.senders[k]
	if !ok {
		rec = r.sender(k)
		r.senders[k] = rec
	}
	if rec != nil {
		rec.Observe(what, at)
	}
}

const senderColumns = `SELECT tenant, sender, first, last, messages, detail FROM senders`

// sender reads one row; it is empty where there is none, and nil after an error.
func (r *recorder) sender(k senderKey) *history.Record {
	s := r.stmt(senderColumns + ` WHERE tenant = $1 AND sender = $2`) //nolint:sqlclosecheck // close closes all
	if r.err != nil {
		return nil
	}
	row, err := scanSender(s.QueryRowContext(r.ctx, k.tenant, k.key))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		r.err = fmt.Errorf("looking for sender %q: %w", k.key, err)
		return nil
	}
	return &row.record
}

// writeSenders writes back the rows that were changed.
func (r *recorder) writeSenders() {
	for k, rec := range r.senders {
		if rec == nil {
			continue
		}
		familiar := 0
		if rec.Familiar() {
			familiar = 1
		}
		r.exec("storing a sender", `INSERT INTO senders (tenant, sender, first, last, messages, seen, familiar, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (tenant, sender) DO UPDATE SET first = excluded.first, last = excluded.last, messages = excluded.messages,
			seen = excluded.seen, familiar = excluded.familiar, detail = excluded.detail`,
			k.tenant, k.key, rec.First, rec.Last, rec.Messages, micros(rec.Seen()), familiar, text(rec))
	}
}

// senderRow is one row as it is read.
type senderRow struct {
	senderKey

	record history.Record
}

func scanSender(row scanner) (senderRow, error) {
	var out senderRow
	var detail string
	rec := &out.record
	if err := row.Scan(&out.tenant, &out.key, &rec.First, &rec.Last, &rec.Messages, &detail); err != nil {
		return out, err
	}
	// A detail that cannot be read is as good as none: the sender is known still.
	if json.Unmarshal([]byte(detail), rec) != nil {
		*rec = history.Record{First: rec.First, Last: rec.Last, Messages: rec.Messages}
	}
	rec.Upgrade()
	return out, nil
}

// Senders calls f for at most limit senders of each tenant: those who are known or were
// written to first, then strangers, each the most recent first.
func (d *DB) Senders(ctx context.Context, limit int, f func(tenant, key string, r history.Record)) error {
	return senders(ctx, d.read, limit, f)
}

// querier is a pool of connections or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func senders(ctx context.Context, q querier, limit int, f func(tenant, key string, r history.Record)) error {
	rows, err := q.QueryContext(ctx, `SELECT DISTINCT tenant FROM senders ORDER BY tenant`)
	if err != nil {
		return fmt.Errorf("listing tenants of senders: %w", err)
	}
	tenants, err := collect(rows, func(row scanner) (tenant string, err error) {
		err = row.Scan(&tenant)
		return tenant, err
	})
	if err != nil {
		return fmt.Errorf("listing tenants of senders: %w", err)
	}
	for _, tenant := range tenants {
		if err := sendersOf(ctx, q, tenant, limit, f); err != nil {
			return err
		}
	}
	return nil
}

func sendersOf(ctx context.Context, q querier, tenant string, limit int, f func(tenant, key string, r history.Record)) error {
	for _, familiar := range []int{1, 0} {
		rows, err := q.QueryContext(ctx, senderColumns+` WHERE tenant = $1 AND familiar = $2 ORDER BY seen DESC LIMIT $3`, tenant, familiar, limit)
		if err != nil {
			return fmt.Errorf("listing senders: %w", err)
		}
		seen, err := collect(rows, func(row scanner) (struct{}, error) {
			s, err := scanSender(row)
			if err == nil {
				f(s.tenant, s.key, s.record)
			}
			return struct{}{}, err
		})
		if err != nil {
			return fmt.Errorf("listing senders: %w", err)
		}
		limit -= len(seen)
	}
	return nil
}
