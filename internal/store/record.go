package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"outrider/internal/event"
	"outrider/internal/history"
	"outrider/internal/quarantine"
	"outrider/internal/verdict"
)

// Record stores a batch of events and what follows from them, and the held messages
// that the batch speaks of, in one transaction. Events that are stored already change
// nothing.
func (d *DB) Record(ctx context.Context, events []event.Event, held []quarantine.Item) error {
	return d.inTx(ctx, func(tx *sql.Tx) error {
		r := newRecorder(ctx, tx)
		defer r.close()
		for i := range held {
			r.hold(&held[i])
		}
		for i := range events {
			r.event(&events[i])
		}
		r.sequences()
		r.edges(events)
		r.writeSenders()
		return r.err
	})
}

func newRecorder(ctx context.Context, tx *sql.Tx) *recorder {
	return &recorder{ctx: ctx, tx: tx, stmts: make(map[string]*sql.Stmt), next: make(map[string]int64), senders: make(map[senderKey]*history.Record)}
}

// recorder writes one batch; after the first error it does nothing more.
type recorder struct {
	ctx     context.Context //nolint:containedctx // lives for one batch
	tx      *sql.Tx
	stmts   map[string]*sql.Stmt
	next    map[string]int64              // the next number by tenant, as far as it was asked for
	senders map[senderKey]*history.Record // that the batch observes, as they will be
	err     error
}

func (r *recorder) close() {
	for _, s := range r.stmts {
		_ = s.Close()
	}
}

func (r *recorder) stmt(query string) *sql.Stmt {
	if s, ok := r.stmts[query]; ok {
		return s
	}
	s, err := r.tx.PrepareContext(r.ctx, query)
	if err != nil {
		r.err = cmp.Or(r.err, fmt.Errorf("preparing %.60q: %w", query, err))
		return nil
	}
	r.stmts[query] = s
	return s
}

// exec runs a statement and reports whether it changed anything.
func (r *recorder) exec(action, query string, args ...any) bool {
	s := r.stmt(query) //nolint:sqlclosecheck // close closes all
	if r.err != nil {
		return false
	}
	res, err := s.ExecContext(r.ctx, args...)
	if err != nil {
		r.err = fmt.Errorf("%s: %w", action, err)
		return false
	}
	n, err := res.RowsAffected()
	if err != nil {
		r.err = fmt.Errorf("%s: %w", action, err)
	}
	return n > 0
}

// row runs a query of one row and reports whether there was one.
func (r *recorder) row(dest any, query string, args ...any) bool {
	s := r.stmt(query) //nolint:sqlclosecheck // close closes all
	if r.err != nil {
		return false
	}
	err := s.QueryRowContext(r.ctx, args...).Scan(dest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		r.err = fmt.Errorf("asking %.60q: %w", query, err)
	}
	return err == nil
}

// event gives the event its number and stores it.
func (r *recorder) event(e *event.Event) {
	seq := r.number(e.Tenant)
	if !r.exec("storing an event", `INSERT INTO events (tenant, seq, edge, edge_seq, kind, at, message_id, recipients, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (edge, edge_seq) DO NOTHING`,
		e.Tenant, seq, e.Edge, e.EdgeSeq, string(e.Kind), micros(e.At), e.MessageID, text(e.Recipients), string(e.Detail)) {
		return // stored before: the number stays free
	}
	r.next[e.Tenant] = seq + 1
	r.effect(e)
}

// number returns the next number of the tenant.
func (r *recorder) number(tenant string) int64 {
	if n, ok := r.next[tenant]; ok {
		return n
	}
	n := int64(1)
	r.row(&n, `INSERT INTO sequences (tenant, next) VALUES ($1, COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = $2), 1))
		ON CONFLICT (tenant) DO UPDATE SET next = sequences.next RETURNING next`, tenant, metaFloor)
	return n
}

// edges notes how far the events of each edge have been recorded.
func (r *recorder) edges(events []event.Event) {
	last := make(map[string]uint64)
	for i := range events {
		last[events[i].Edge] = max(last[events[i].Edge], events[i].EdgeSeq)
	}
	for edge, seq := range last {
		r.exec("storing the progress of an edge", setEdge, edge, seq)
	}
}

// sequences writes back the numbers that were given out.
func (r *recorder) sequences() {
	for tenant, n := range r.next {
		r.exec("storing a sequence", `UPDATE sequences SET next = $1 WHERE tenant = $2`, n, tenant)
	}
}

// effect updates the rows that show the present state of messages.
func (r *recorder) effect(e *event.Event) {
	switch e.Kind {
	case event.Received:
		r.received(e)
	case event.Judged:
		r.judged(e)
	case event.Rejudged:
		r.rejudged(e)
	case event.Placed, event.Deferred, event.Rejected, event.Refused, event.Bounced, event.Interrupted:
		r.delivery(e)
	case event.Quarantined, event.Released, event.Deleted, event.Expired:
		r.held(e)
	}
}

// detail reads the detail of an event. One that cannot be read leaves v empty: the
// event is stored as it is, since refusing it would hold up all that come after it.
func (r *recorder) detail(e *event.Event, v any) {
	_ = json.Unmarshal(e.Detail, v)
}

// received adds a message, and reports whether it was not there.
func (r *recorder) received(e *event.Event) bool {
	var d event.ReceivedDetail
	r.detail(e, &d)
	return r.exec("storing a message", `INSERT INTO messages (id, tenant, at, mail_from, header_from, from_name, subject, field_id, client, size)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING`,
		e.MessageID, e.Tenant, micros(e.At), d.From, d.HeaderFrom, d.FromName, d.Subject, d.MessageID, d.Client, d.Size)
}

func (r *recorder) judged(e *event.Event) {
	var d event.JudgedDetail
	r.detail(e, &d)
	r.verdict(e, &d.Verdict, cmp.Or(string(d.Auth), "{}"))
	r.observe(e, d.History)
}

// rejudged replaces the verdict, and what authentication found where that was asked again.
func (r *recorder) rejudged(e *event.Event) {
	var d event.RejudgedDetail
	r.detail(e, &d)
	r.verdict(e, &d.Verdict, string(d.Auth))
	r.observe(e, d.History)
}

// verdict makes v the verdict of a message. No auth leaves what is there.
func (r *recorder) verdict(e *event.Event, v *verdict.Verdict, auth string) {
	r.exec("storing a verdict", `UPDATE messages SET disposition = $1, score = $2, verdict = $3, auth = CASE WHEN $4 = '' THEN auth ELSE $4 END WHERE id = $5`,
		v.Disposition.String(), v.Score, text(v), auth, e.MessageID)
}

func (r *recorder) delivery(e *event.Event) {
	var d event.DeliveryDetail
	r.detail(e, &d)
	r.status(e, &Delivery{Reply: d.Reply, Host: d.Host}, d.Reason)
	r.observeKnown(e, d.Known)
}

// status stores what became of the message for the recipients of e. The held id and the reason of
// an earlier event stay until another one has its own.
func (r *recorder) status(e *event.Event, d *Delivery, why *verdict.Reason) {
	reason := ""
	if why != nil {
		reason = text(why)
	}
	for _, rcpt := range e.Recipients {
		r.exec("storing a delivery", `INSERT INTO deliveries (message_id, recipient, status, reply, host, held, reason, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (message_id, recipient) DO UPDATE SET status = excluded.status, reply = excluded.reply, host = excluded.host, at = excluded.at,
			held = CASE WHEN excluded.held = '' THEN deliveries.held ELSE excluded.held END,
			reason = CASE WHEN excluded.reason = '' THEN deliveries.reason ELSE excluded.reason END`,
			e.MessageID, rcpt, string(e.Kind), d.Reply, d.Host, d.Held, reason, micros(e.At))
	}
}

// held moves the state of a held message; Quarantined itself came with its item.
func (r *recorder) held(e *event.Event) {
	var d event.HeldDetail
	r.detail(e, &d)
	r.status(e, &Delivery{Reply: d.Disposition.String(), Held: d.Held}, d.Reason)
	if e.Kind == event.Quarantined {
		return
	}
	r.observe(e, d.History)
	r.exec("moving a held message", `UPDATE held SET state = $1 WHERE id = $2`, string(e.Kind), d.Held)
}

// hold adds a held message, and reports whether it was not there.
func (r *recorder) hold(i *quarantine.Item) bool {
	return r.exec("storing a held message", `INSERT INTO held (id, tenant, message_id, envelope, traits, disposition, reason, header_from, subject, size, blob, at, expires, state, trace)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (id) DO NOTHING`,
		i.ID, i.Tenant, i.MessageID, text(i.Envelope), text(i.Traits), i.Disposition.String(), text(i.Reason),
		i.HeaderFrom, i.Subject, i.Size, i.Blob, micros(i.At), micros(i.Expires), string(quarantine.Held), text(i.Trace))
}

// text returns v as JSON. The types stored hold nothing that cannot be written.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(raw)
}
