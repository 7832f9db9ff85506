package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"outrider/internal/event"
	"outrider/internal/quarantine"
)

type sidecar = quarantine.Sidecar

// restoreBatch is how many held messages are added in one transaction.
const restoreBatch = 200

// endedBefore is who is said to have ended a message whose end this database has not seen.
const endedBefore = "outrider: ended before the database was restored"

// reconciled says what became of held mail when the database was compared with the disk.
type reconciled struct{ added, ended int }

// settle brings a database that may lack events to what is known outside of it: it gets its
// owner, event numbers go on after all that were given out, and the quarantine is that of
// the sidecars.
func (l *Live) settle(ctx context.Context, db *DB) (found reconciled, err error) {
	acked := l.c.Acked()
	complete, err := db.meta(ctx, metaSidecars)
	if err == nil && complete == "" {
		err = db.setMeta(ctx, metaSince, strconv.FormatInt(micros(time.Now()), 10))
	}
	if err == nil {
		err = errors.Join(db.setRecorded(ctx, l.c.Edge, acked), db.skipNumbers(ctx, acked))
	}
	if err == nil {
		found, err = l.reconcile(ctx, db, complete != "")
	}
	if err == nil {
		err = db.SetOwner(ctx, l.c.Edge) // last: a crash before begins anew
	}
	return found, err
}

// reconcile adds held messages that have a sidecar, and ends those that have none any more.
// Without complete sidecars, a missing one says nothing.
func (l *Live) reconcile(ctx context.Context, db *DB, complete bool) (found reconciled, err error) {
	held, blobs := make(map[string]bool), make(map[string]bool)
	var batch []sidecar
	add := func() error {
		n, err := db.restore(ctx, batch)
		found.added += n
		batch = batch[:0]
		return err
	}
	unreadable, err := l.c.Sidecars.Sidecars(ctx, func(s *sidecar) error {
		held[s.Item.ID], blobs[s.Item.Blob] = true, true
		if batch = append(batch, *s); len(batch) < restoreBatch {
			return nil
		}
		return add()
	})
	if err == nil {
		err = add()
	}
	if err != nil {
		return found, fmt.Errorf("rebuilding the quarantine: %w", err)
	}
	if unreadable > 0 {
		l.c.Log.Error("sidecars of held mail could not be read", "count", unreadable)
	}
	if !complete {
		return found, nil
	}
	err = db.HeldInUse(ctx, func(i *quarantine.Item) error {
		if held[i.ID] {
			return nil
		}
		// The body of a message that has ended may stay, for another that has the same.
		if has, err := l.c.Sidecars.Has(i.Blob); err != nil || has && !blobs[i.Blob] {
			return err
		}
		found.ended++
		_, err := db.MoveHeld(ctx, i.ID, i.State, quarantine.Deleted, endedBefore)
		return err
	})
	return found, err
}

// restore adds held messages with the events of their messages. It returns how many were
// not there.
func (d *DB) restore(ctx context.Context, sidecars []sidecar) (added int, err error) {
	err = d.inTx(ctx, func(tx *sql.Tx) error {
		r := newRecorder(ctx, tx)
		defer r.close()
		for i := range sidecars {
			if r.restore(&sidecars[i]) {
				added++
			}
		}
		r.sequences()
		r.writeSenders()
		return r.err
	})
	return added, err
}

// restore adds one held message, and reports whether it was not there.
func (r *recorder) restore(s *sidecar) bool {
	added := r.hold(&s.Item)
	for i := range s.Facts {
		if e := &s.Facts[i]; e.Kind == event.Received && r.received(e) {
			r.verdictOf(s.Facts)
		}
	}
	for i := range s.Facts {
		r.event(&s.Facts[i])
	}
	return added
}

// verdictOf sets the verdict of a message whose row was lost though its events were not.
func (r *recorder) verdictOf(facts []event.Event) {
	for i := range facts {
		if e := &facts[i]; e.Kind == event.Judged {
			var d event.JudgedDetail
			r.detail(e, &d)
			r.verdict(e, &d.Verdict, jsonOr(d.Auth, "{}"))
		}
	}
}

func jsonOr(raw json.RawMessage, otherwise string) string {
	if len(raw) == 0 {
		return otherwise
	}
	return string(raw)
}

// fillSidecars writes the sidecars of messages that were held before there were any.
func (l *Live) fillSidecars(ctx context.Context, db *DB) error {
	if done, err := db.meta(ctx, metaSidecars); err != nil || done != "" {
		return err
	}
	err := db.HeldInUse(ctx, func(i *quarantine.Item) error { return l.fillSidecar(ctx, db, i) })
	if err != nil {
		return fmt.Errorf("writing sidecars of held mail: %w", err)
	}
	return db.setMeta(ctx, metaSidecars, "1")
}

func (l *Live) fillSidecar(ctx context.Context, db *DB, i *quarantine.Item) error {
	if has, err := l.c.Sidecars.Has(i.Blob); err != nil || !has {
		return err // without its body there is nothing to rebuild
	}
	events, err := db.EventsOf(ctx, i.MessageID)
	if err != nil {
		return err
	}
	if err := l.c.Sidecars.PutSidecar(ctx, quarantine.NewSidecar(i, events)); err != nil {
		return err
	}
	// It may have ended meanwhile: its end removes the sidecar before or after it was written.
	now, err := db.HeldItem(ctx, i.ID)
	if err == nil && !now.State.InUse() {
		return l.c.Sidecars.DeleteSidecar(ctx, i.Blob, i.ID)
	}
	return err
}
