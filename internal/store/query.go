package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
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
	Recipient string    `json:"recipient"`
	Status    string    `json:"status"` // an event.Kind
	Reply     string    `json:"reply"`
	Host      string    `json:"host"`
	At        time.Time `json:"at"`
}

// MessageFilter selects messages.
type MessageFilter struct {
	Tenant      string // or "" for all
	Disposition string // or ""
	Sender      string // part of the author's address in any case, or ""
	Recipient   string // an address in any case, or ""
	Since       time.Time
	Limit       int
}

// Messages lists messages, the newest first.
func (d *DB) Messages(ctx context.Context, f MessageFilter) ([]Message, error) {
	rows, err := d.read.QueryContext(ctx, messageColumns+`
		WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR disposition = $2) AND ($3 = '' OR instr(lower(header_from), lower($3)) > 0)
		AND ($4 = '' OR id IN (SELECT message_id FROM deliveries WHERE lower(recipient) = lower($4))) AND at >= $5
		ORDER BY at DESC, id DESC LIMIT $6`, f.Tenant, f.Disposition, f.Sender, f.Recipient, micros(f.Since), max(f.Limit, 1))
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
	rows, err := d.read.QueryContext(ctx, `SELECT recipient, status, reply, host, at FROM deliveries WHERE message_id = $1 ORDER BY recipient`, id)
	if err != nil {
		return nil, fmt.Errorf("listing deliveries: %w", err)
	}
	return collect(rows, func(row scanner) (Delivery, error) {
		var x Delivery
		var at int64
		err := row.Scan(&x.Recipient, &x.Status, &x.Reply, &x.Host, &at)
		x.At = fromMicros(at)
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

// Events lists the events of a tenant behind a sequence number, in order.
func (d *DB) Events(ctx context.Context, tenant string, after int64, limit int) ([]event.Event, error) {
	return d.events(ctx, `WHERE tenant = $1 AND seq > $2 ORDER BY seq LIMIT $3`, tenant, after, limit)
}

// EventsOf lists the events of one message in order.
func (d *DB) EventsOf(ctx context.Context, messageID string) ([]event.Event, error) {
	return d.events(ctx, `WHERE message_id = $1 ORDER BY tenant, seq`, messageID)
}

func (d *DB) events(ctx context.Context, where string, args ...any) ([]event.Event, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT tenant, seq, edge, edge_seq, kind, at, message_id, recipients, detail FROM events `+where, args...) //nolint:gosec // where is one of two constants
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

const heldColumns = `SELECT id, tenant, message_id, envelope, traits, disposition, override, header_from, subject, size, blob, at, expires, state, asked_by FROM held`

func scanHeld(row scanner) (quarantine.Item, error) {
	var i quarantine.Item
	var envelope, traits, disposition, state string
	var at, expires int64
	if err := row.Scan(&i.ID, &i.Tenant, &i.MessageID, &envelope, &traits, &disposition, &i.Override,
		&i.HeaderFrom, &i.Subject, &i.Size, &i.Blob, &at, &expires, &state, &i.AskedBy); err != nil {
		return i, err
	}
	i.At, i.Expires, i.State = fromMicros(at), fromMicros(expires), quarantine.State(state)
	return i, errors.Join(i.Disposition.UnmarshalText([]byte(disposition)),
		json.Unmarshal([]byte(envelope), &i.Envelope), json.Unmarshal([]byte(traits), &i.Traits))
}

// HeldItems lists held messages, the newest first.
func (d *DB) HeldItems(ctx context.Context, f quarantine.Filter) ([]quarantine.Item, error) {
	rows, err := d.read.QueryContext(ctx, heldColumns+` WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR state = $2) ORDER BY at DESC, id DESC LIMIT $3`,
		f.Tenant, string(f.State), f.Limit)
	if err != nil {
		return nil, fmt.Errorf("listing held messages: %w", err)
	}
	return collect(rows, scanHeld)
}

// HeldItem returns one held message, or quarantine.ErrUnknown.
func (d *DB) HeldItem(ctx context.Context, id string) (quarantine.Item, error) {
	i, err := scanHeld(d.read.QueryRowContext(ctx, heldColumns+` WHERE id = $1`, id))
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
