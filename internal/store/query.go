package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"outrider/internal/event"
	"outrider/internal/quarantine"
	"outrider/internal/verdict"
)

var _ quarantine.Store = (*DB)(nil)

// ErrUnknown says that there is no such row.
var ErrUnknown = errors.New("not found")

// Message is what the store knows of one message.
type Message struct {
	ID         string          `json:"id"`
	Tenant     string          `json:"tenant"`
	At         time.Time       `json:"at"`
	From       string          `json:"from"`
	HeaderFrom string          `json:"header_from"`
	FromName   string          `json:"from_name"`
	Subject    string          `json:"subject"`
	FieldID    string          `json:"message_id_field"`
	Client     string          `json:"client"`
	Size       int64           `json:"size"`
	Verdict    verdict.Verdict `json:"verdict"`
	Auth       json.RawMessage `json:"auth"`
	Deliveries []Delivery      `json:"deliveries"`
}

// Delivery is where a message stands for one recipient.
type Delivery struct {
	Recipient string          `json:"recipient"`
	Status    string          `json:"status"` // an event.Kind
	Reply     string          `json:"reply"`
	Host      string          `json:"host"`
	Held      string          `json:"held,omitempty"`   // id of the held message, also after its release
	Reason    *verdict.Reason `json:"reason,omitempty"` // why policy held or rejected the message
	At        time.Time       `json:"at"`
}

// MessageFilter selects messages.
type MessageFilter struct {
	Tenant      string // or "" for all
	Disposition string // or ""
	Status      string // of one recipient at least, an event.Kind; or ""
	Sender      string // part of the author's address in any case, or ""
	Recipient   string // an address in any case, or ""
	Since       time.Time
	Limit       int
}

// where returns the condition of the filter and its arguments.
func (f *MessageFilter) where() (string, []any) {
	return ` WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR disposition = $2) AND ($3 = '' OR instr(lower(header_from), lower($3)) > 0)
		AND ($4 = '' OR id IN (SELECT message_id FROM deliveries WHERE lower(recipient) = lower($4)))
		AND ($5 = '' OR EXISTS (SELECT 1 FROM deliveries WHERE message_id = messages.id AND status = $5)) AND at >= $6`,
		[]any{f.Tenant, f.Disposition, f.Sender, f.Recipient, f.Status, micros(f.Since)}
}

// Messages lists messages, the newest first.
func (d *DB) Messages(ctx context.Context, f MessageFilter) ([]Message, error) {
	where, args := f.where()
	rows, err := d.read.QueryContext(ctx, messageColumns+where+` ORDER BY at DESC, id DESC LIMIT $7`, append(args, max(f.Limit, 1))...)
	if err != nil {
		return nil, fmt.Errorf("listing messages: %w", err)
	}
	out, err := collect(rows, scanMessage)
	if err != nil {
		return nil, fmt.Errorf("listing messages: %w", err)
	}
	for i := range out {
		if out[i].Deliveries, err = d.deliveries(ctx, out[i].ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// CountMessages counts the messages that Messages would list without a limit.
func (d *DB) CountMessages(ctx context.Context, f MessageFilter) (int, error) {
	where, args := f.where()
	return d.count(ctx, "messages", `SELECT COUNT(*) FROM messages`+where, args...)
}

// CountWithoutBody counts the messages since a time of which Outrider keeps no body: those that it
// does not hold and that went to another host than keeper.
func (d *DB) CountWithoutBody(ctx context.Context, since time.Time, keeper string) (int, error) {
	return d.count(ctx, "messages without body", `SELECT COUNT(*) FROM messages WHERE at >= $1
		AND NOT EXISTS (SELECT 1 FROM held WHERE held.message_id = messages.id AND held.state IN ($2, $3, $4))
		AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.message_id = messages.id AND deliveries.host = $5)`,
		micros(since), string(quarantine.Held), string(quarantine.ReleaseAsked), string(quarantine.DeleteAsked), keeper)
}

func (d *DB) count(ctx context.Context, what, query string, args ...any) (n int, err error) {
	if err := d.read.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting %s: %w", what, err)
	}
	return n, nil
}

// Delivered reports whether mail was ever delivered to an address, in any case of letters.
func (d *DB) Delivered(ctx context.Context, recipient string) (bool, error) {
	var found bool
	err := d.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM deliveries WHERE lower(recipient) = lower($1) AND status = $2)`,
		recipient, string(event.Placed)).Scan(&found)
	if err != nil {
		return false, fmt.Errorf("looking for mail delivered to %s: %w", recipient, err)
	}
	return found, nil
}

const messageColumns = `SELECT id, tenant, at, mail_from, header_from, from_name, subject, field_id, client, size, verdict, auth FROM messages`

// Message returns one message, or ErrUnknown.
func (d *DB) Message(ctx context.Context, id string) (Message, error) {
	m, err := scanMessage(d.read.QueryRowContext(ctx, messageColumns+` WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Message{}, fmt.Errorf("looking for message %s: %w", id, ErrUnknown)
	}
	if err != nil {
		return Message{}, fmt.Errorf("looking for message %s: %w", id, err)
	}
	m.Deliveries, err = d.deliveries(ctx, id)
	return m, err
}

// scanner is a row of either kind.
type scanner interface{ Scan(dest ...any) error }

func scanMessage(row scanner) (Message, error) {
	var m Message
	var at int64
	var v, auth string
	if err := row.Scan(&m.ID, &m.Tenant, &at, &m.From, &m.HeaderFrom, &m.FromName, &m.Subject, &m.FieldID, &m.Client, &m.Size, &v, &auth); err != nil {
		return m, err
	}
	m.At, m.Auth = fromMicros(at), json.RawMessage(auth)
	return m, json.Unmarshal([]byte(v), &m.Verdict)
}

func (d *DB) deliveries(ctx context.Context, id string) ([]Delivery, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT recipient, status, reply, host, held, reason, at FROM deliveries WHERE message_id = $1 ORDER BY recipient`, id)
	if err != nil {
		return nil, fmt.Errorf("listing deliveries: %w", err)
	}
	return collect(rows, func(row scanner) (Delivery, error) {
		var x Delivery
		var at int64
		var reason string
		if err := row.Scan(&x.Recipient, &x.Status, &x.Reply, &x.Host, &x.Held, &reason, &at); err != nil {
			return x, err
		}
		x.At = fromMicros(at)
		if reason == "" {
			return x, nil
		}
		r, err := verdict.ParseReason(reason)
		x.Reason = &r
		return x, err
	})
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(scanner) (T, error)) (out []T, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// EventFilter selects events. Empty fields select all.
type EventFilter struct {
	Tenant    string
	MessageID string
	Kind      event.Kind
	Since     time.Time
	Limit     int
}

// Match reports whether an event is selected.
func (f *EventFilter) Match(e *event.Event) bool {
	return (f.Tenant == "" || f.Tenant == e.Tenant) && (f.MessageID == "" || f.MessageID == e.MessageID) &&
		(f.Kind == "" || f.Kind == e.Kind) && !e.At.Before(f.Since)
}

// where returns the condition of the filter and its arguments.
func (f *EventFilter) where() (string, []any) {
	args := []any{f.Tenant, string(f.Kind), micros(f.Since)}
	where := `WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR kind = $2) AND at >= $3`
	if f.MessageID != "" { // a condition of its own, so that the index of messages is used
		where, args = where+` AND message_id = $4`, append(args, f.MessageID)
	}
	return where, args
}

// LatestEvents lists the newest events that the filter selects, the oldest of them first.
func (d *DB) LatestEvents(ctx context.Context, f EventFilter) ([]event.Event, error) {
	where, args := f.where()
	out, err := d.events(ctx, fmt.Sprintf("%s ORDER BY at DESC, tenant DESC, seq DESC LIMIT %d", where, max(f.Limit, 1)), args...)
	slices.Reverse(out)
	return out, err
}

// CountEvents counts the events that LatestEvents would list without a limit.
func (d *DB) CountEvents(ctx context.Context, f EventFilter) (int, error) {
	where, args := f.where()
	return d.count(ctx, "events", `SELECT COUNT(*) FROM events `+where, args...)
}

// LastEvents returns the number of the last event of each tenant.
func (d *DB) LastEvents(ctx context.Context) (map[string]int64, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT tenant, next FROM sequences`)
	if err != nil {
		return nil, fmt.Errorf("listing tenants with events: %w", err)
	}
	last := make(map[string]int64)
	_, err = collect(rows, func(row scanner) (string, error) {
		var tenant string
		var next int64
		err := row.Scan(&tenant, &next)
		last[tenant] = next - 1
		return tenant, err
	})
	return last, err
}

// Events lists the events of a tenant after a sequence number, in order.
func (d *DB) Events(ctx context.Context, tenant string, after int64, limit int) ([]event.Event, error) {
	return d.events(ctx, `WHERE tenant = $1 AND seq > $2 ORDER BY seq LIMIT $3`, tenant, after, limit)
}

// EventsOf lists the events of one message in order.
func (d *DB) EventsOf(ctx context.Context, messageID string) ([]event.Event, error) {
	return d.events(ctx, `WHERE message_id = $1 ORDER BY tenant, seq`, messageID)
}

func (d *DB) events(ctx context.Context, where string, args ...any) ([]event.Event, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT tenant, seq, edge, edge_seq, kind, at, message_id, recipients, detail FROM events `+where, args...) //nolint:gosec // where has no values
	if err != nil {
		return nil, fmt.Errorf("listing events: %w", err)
	}
	return collect(rows, func(row scanner) (event.Event, error) {
		var e event.Event
		var at int64
		var kind, recipients, detail string
		if err := row.Scan(&e.Tenant, &e.Seq, &e.Edge, &e.EdgeSeq, &kind, &at, &e.MessageID, &recipients, &detail); err != nil {
			return e, err
		}
		e.Kind, e.At, e.Detail = event.Kind(kind), fromMicros(at), json.RawMessage(detail)
		return e, json.Unmarshal([]byte(recipients), &e.Recipients)
	})
}

const heldColumns = `SELECT id, tenant, message_id, envelope, traits, disposition, reason, header_from, subject, size, blob, at, expires, state, asked_by, trace FROM held`

func scanHeld(row scanner) (quarantine.Item, error) {
	var i quarantine.Item
	var envelope, traits, disposition, reason, state, trace string
	var at, expires int64
	if err := row.Scan(&i.ID, &i.Tenant, &i.MessageID, &envelope, &traits, &disposition, &reason,
		&i.HeaderFrom, &i.Subject, &i.Size, &i.Blob, &at, &expires, &state, &i.AskedBy, &trace); err != nil {
		return i, err
	}
	i.At, i.Expires, i.State = fromMicros(at), fromMicros(expires), quarantine.State(state)
	why, err := verdict.ParseReason(reason)
	i.Reason = why
	return i, errors.Join(err, i.Disposition.UnmarshalText([]byte(disposition)),
		json.Unmarshal([]byte(envelope), &i.Envelope), json.Unmarshal([]byte(traits), &i.Traits), json.Unmarshal([]byte(trace), &i.Trace))
}

const heldWhere = ` WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR state = $2)`

// CountHeld counts the held messages that HeldItems would list without a limit.
func (d *DB) CountHeld(ctx context.Context, f quarantine.Filter) (int, error) {
	return d.count(ctx, "held messages", `SELECT COUNT(*) FROM held`+heldWhere, f.Tenant, string(f.State))
}

// HeldBody returns the held message with the body blob that was received last, or
// quarantine.ErrUnknown.
func (d *DB) HeldBody(ctx context.Context, blob string) (quarantine.Item, error) {
	return d.heldItem(ctx, ` WHERE blob = $1 ORDER BY at DESC LIMIT 1`, blob)
}

// HeldItems lists held messages, the newest first.
func (d *DB) HeldItems(ctx context.Context, f quarantine.Filter) ([]quarantine.Item, error) {
	rows, err := d.read.QueryContext(ctx, heldColumns+heldWhere+` ORDER BY at DESC, id DESC LIMIT $3`,
		f.Tenant, string(f.State), f.Limit)
	if err != nil {
		return nil, fmt.Errorf("listing held messages: %w", err)
	}
	return collect(rows, scanHeld)
}

// HeldItem returns one held message, or quarantine.ErrUnknown.
func (d *DB) HeldItem(ctx context.Context, id string) (quarantine.Item, error) {
	return d.heldItem(ctx, ` WHERE id = $1`, id)
}

func (d *DB) heldItem(ctx context.Context, where, id string) (quarantine.Item, error) {
	i, err := scanHeld(d.read.QueryRowContext(ctx, heldColumns+where, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = quarantine.ErrUnknown
	}
	if err != nil {
		return i, fmt.Errorf("looking for held message %s: %w", id, err)
	}
	return i, nil
}

// HeldExpired lists messages that are held still though their time is over.
func (d *DB) HeldExpired(ctx context.Context, now time.Time, limit int) ([]quarantine.Item, error) {
	rows, err := d.read.QueryContext(ctx, heldColumns+` WHERE state = $1 AND expires <= $2 ORDER BY expires LIMIT $3`,
		string(quarantine.Held), micros(now), limit)
	if err != nil {
		return nil, fmt.Errorf("listing expired messages: %w", err)
	}
	return collect(rows, scanHeld)
}

// HeldInUse calls f for every message whose body is still needed.
func (d *DB) HeldInUse(ctx context.Context, f func(*quarantine.Item) error) error {
	after := ""
	for {
		rows, err := d.read.QueryContext(ctx, heldColumns+` WHERE state IN ($1, $2, $3) AND id > $4 ORDER BY id LIMIT $5`,
			string(quarantine.Held), string(quarantine.ReleaseAsked), string(quarantine.DeleteAsked), after, heldPage)
		if err != nil {
			return fmt.Errorf("listing held messages: %w", err)
		}
		items, err := collect(rows, scanHeld)
		if err != nil {
			return fmt.Errorf("listing held messages: %w", err)
		}
		for i := range items {
			if err := f(&items[i]); err != nil {
				return err
			}
		}
		if len(items) < heldPage {
			return nil
		}
		after = items[len(items)-1].ID
	}
}

// heldPage is how many held messages are read together.
const heldPage = 500

// MoveHeld sets the state of a held message if it is from still.
func (d *DB) MoveHeld(ctx context.Context, id string, from, to quarantine.State, by string) (bool, error) {
	res, err := d.write.ExecContext(ctx, `UPDATE held SET state = $1, asked_by = $2 WHERE id = $3 AND state = $4`, string(to), by, id, string(from))
	if err != nil {
		return false, fmt.Errorf("moving held message %s to %s: %w", id, to, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("moving held message %s to %s: %w", id, to, err)
	}
	return n == 1, nil
}

// BlobInUse reports whether a message that can still be released has the blob.
func (d *DB) BlobInUse(ctx context.Context, blob string) (bool, error) {
	var n int
	err := d.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM held WHERE blob = $1 AND state IN ($2, $3, $4)`, blob,
		string(quarantine.Held), string(quarantine.ReleaseAsked), string(quarantine.DeleteAsked)).Scan(&n)
	if err != nil {
		return true, fmt.Errorf("asking who uses blob %s: %w", blob, err)
	}
	return n > 0, nil
}
