// Package quarantine holds mail that policy keeps from its recipients, and lets it go.
//
// A held message waits with its original bytes, its envelope and its verdict until an
// operator releases or deletes it, or until it expires. Its state only moves forward:
// held, then release or deletion asked for, then released, deleted or expired; what
// was asked for is carried out by the running gateway, so that it is recorded like
// every other fact and happens once.
package quarantine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"outrider/internal/event"
	"outrider/internal/message"
	"outrider/internal/smtp"
	"outrider/internal/verdict"
)

// State is where a held message is.
type State string

// The states of a held message.
const (
	Held         State = "held"
	ReleaseAsked State = "release-asked"
	DeleteAsked  State = "delete-asked"
	Released     State = "released"
	Deleted      State = "deleted"
	Expired      State = "expired"
)

// States lists the states in order.
func States() []State { return []State{Held, ReleaseAsked, DeleteAsked, Released, Deleted, Expired} }

// MaxList is how many rows one listing may ask for.
const MaxList = 100_000

const defaultListSize = 100

// Errors of the box.
var (
	ErrUnknown = errors.New("no such held message")
	ErrState   = errors.New("held message is no longer held")
)

// Item is one held message.
type Item struct {
	ID          string              `json:"id"`
	Tenant      string              `json:"tenant"`
	MessageID   string              `json:"message_id"` // Outrider's id of the message
	Envelope    smtp.Envelope       `json:"envelope"`
	Traits      message.Traits      `json:"traits"`
	Disposition verdict.Disposition `json:"disposition"`
	Reason      verdict.Reason      `json:"reason"` // why it is held
	HeaderFrom  string              `json:"header_from"`
	Subject     string              `json:"subject"`
	Size        int64               `json:"size"`
	Blob        string              `json:"blob"` // SHA-256 of the original bytes, in hex
	At          time.Time           `json:"at"`
	Expires     time.Time           `json:"expires"`
	State       State               `json:"state"`
	AskedBy     string              `json:"asked_by,omitempty"`
	Trace       message.Patch       `json:"trace,omitempty"`        // what makes of the original bytes what leaves on release
	BodyMissing bool                `json:"body_missing,omitempty"` // its bytes are gone: it can be deleted, not released; filled in by Box
}

// Sidecar is what is kept on disk beside the body of a held message, so that the quarantine
// can be rebuilt without the database. It is removed when the message is released, deleted
// or has expired.
type Sidecar struct {
	Item  Item          `json:"item"`
	Facts []event.Event `json:"facts"` // Received, Judged and Quarantined of the message
}

// NewSidecar returns what is kept beside the body of a message, of whose events some are
// given.
func NewSidecar(i *Item, events []event.Event) *Sidecar {
	s := &Sidecar{Item: *i}
	for _, e := range events {
		if e.MessageID != i.MessageID || e.Kind != event.Received && e.Kind != event.Judged && e.Kind != event.Quarantined {
			continue
		}
		s.Facts = append(s.Facts, e)
	}
	return s
}

// Filter selects held messages.
type Filter struct {
	Tenant string // or "" for all
	State  State  // or "" for all
	Limit  int    // 100 when 0
}

// Store keeps held messages.
type Store interface {
	// HeldItems lists the newest first.
	HeldItems(ctx context.Context, f Filter) ([]Item, error)
	// CountHeld counts what HeldItems would list without a limit.
	CountHeld(ctx context.Context, f Filter) (int, error)
	// HeldItem returns one, or ErrUnknown.
	HeldItem(ctx context.Context, id string) (Item, error)
	// MoveHeld sets the state if it is from still, and reports whether it was.
	MoveHeld(ctx context.Context, id string, from, to State, by string) (bool, error)
}

// Bodies gives out the original bytes of held messages.
type Bodies interface {
	Open(ctx context.Context, blob string) (io.ReadCloser, error)
	// Has reports whether the bytes are there.
	Has(blob string) (bool, error)
}

// Box is the quarantine as operators see it.
type Box struct {
	store  Store
	bodies Bodies
}

// NewBox returns the box over its store.
func NewBox(s Store, b Bodies) *Box { return &Box{store: s, bodies: b} }

// List returns held messages, the newest first.
func (b *Box) List(ctx context.Context, f Filter) ([]Item, error) {
	if f.Limit <= 0 {
		f.Limit = defaultListSize
	}
	f.Limit = min(f.Limit, MaxList)
	items, err := b.store.HeldItems(ctx, f)
	if err != nil {
		return items, err
	}
	for i := range items {
		if err := b.look(&items[i]); err != nil {
			return items, err
		}
	}
	return items, nil
}

// Count counts what List would return without a limit.
func (b *Box) Count(ctx context.Context, f Filter) (int, error) { return b.store.CountHeld(ctx, f) }

// Show returns one held message.
func (b *Box) Show(ctx context.Context, id string) (Item, error) {
	i, err := b.store.HeldItem(ctx, id)
	if err != nil {
		return i, err
	}
	return i, b.look(&i)
}

// InUse reports whether the body of a message in this state is still needed.
func (s State) InUse() bool { return s == Held || s == ReleaseAsked || s == DeleteAsked }

// look notes whether the body of a message that is held still is there.
func (b *Box) look(i *Item) error {
	if b.bodies == nil || !i.State.InUse() {
		return nil
	}
	has, err := b.bodies.Has(i.Blob)
	if err != nil {
		return fmt.Errorf("looking for the body of held message %s: %w", i.ID, err)
	}
	i.BodyMissing = !has
	return nil
}

// Body opens the original bytes of a held message.
func (b *Box) Body(ctx context.Context, id string) (io.ReadCloser, error) {
	item, err := b.store.HeldItem(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("opening held message %s: %w", id, err)
	}
	return b.bodies.Open(ctx, item.Blob)
}

// Release asks for the release of a held message; the running gateway carries it out.
func (b *Box) Release(ctx context.Context, id, by string) error {
	return b.ask(ctx, id, ReleaseAsked, by)
}

// Delete asks for the removal of a held message; the running gateway carries it out.
func (b *Box) Delete(ctx context.Context, id, by string) error {
	return b.ask(ctx, id, DeleteAsked, by)
}

func (b *Box) ask(ctx context.Context, id string, to State, by string) error {
	moved, err := b.store.MoveHeld(ctx, id, Held, to, by)
	if err != nil || moved {
		return err
	}
	item, err := b.store.HeldItem(ctx, id)
	if err != nil {
		return err
	}
	action := "releasing"
	if to == DeleteAsked {
		action = "deleting"
	}
	return fmt.Errorf("%s %s: %w: its state is %s", action, id, ErrState, item.State)
}
