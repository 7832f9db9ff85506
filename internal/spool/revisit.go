package spool

import (
	"errors"
	"fmt"
	"time"

	"outrider/internal/message"
)

func (s *Spool) revisit(id string) (Revisit, error) {
	var r Revisit
	err := s.row(key(keyLook, id), &r)
	return r, err
}

// lane is the kind of key that orders slow revisits, or the others.
func lane(slow bool) byte {
	if slow {
		return keySlow
	}
	return keyWhen
}

// dueKey is where the revisit is in its order.
func (r *Revisit) dueKey() []byte { return dueKey(lane(r.Slow), r.Next, r.ID) }

// Revisits claims at most limit revisits whose time has come, slow ones or the others, the
// longest waiting first, as Due does with entries.
func (s *Spool) Revisits(slow bool, now time.Time, limit int) ([]Revisit, error) {
	return claim(s, lane(slow), now, limit, func(id string) (Revisit, time.Time, error) {
		r, err := s.revisit(id)
		if err == nil && r.Slow != slow {
			err = fmt.Errorf("reading %q: row stands in the wrong order: %w", id, errCorrupt)
		}
		return r, r.Next, err
	})
}

// NextRevisit returns when the first unclaimed revisit is due, of the slow ones or of the
// others; false when there is none.
func (s *Spool) NextRevisit(slow bool) (time.Time, bool) { return s.nextDue(lane(slow)) }

// revisited ends re-evaluations.
func (c *change) revisited() error {
	for _, id := range c.o.Revisited {
		old, err := c.s.revisit(id)
		if err != nil {
			return err
		}
		c.refs[old.Body.ID]--
		c.stats.Revisits--
		c.stats.RevisitBytes -= old.Weight
		if err := errors.Join(c.batch.Delete(key(keyLook, id), nil), c.batch.Delete(old.dueKey(), nil)); err != nil {
			return err
		}
	}
	return nil
}

// again schedules re-evaluations another time.
func (c *change) again() error {
	for i := range c.o.Again {
		r := c.o.Again[i]
		old, err := c.s.revisit(r.ID)
		if err != nil {
			return err
		}
		r.Body = old.Body
		c.stats.RevisitBytes -= old.Weight
		if err := c.batch.Delete(old.dueKey(), nil); err != nil {
			return err //nolint:wrapcheck // by build
		}
		if err := c.setRevisit(&r); err != nil {
			return err
		}
	}
	return nil
}

// revisit takes in new re-evaluations.
func (c *change) revisit(bodies map[Content]staged) error {
	for i := range c.o.Revisit {
		r := &c.o.Revisit[i]
		if r.ID == "" {
			r.ID = string(message.NewID(time.Now()))
		}
		if err := c.refer(&r.Body, r.Content, bodies); err != nil {
			return err
		}
		if err := c.setRevisit(r); err != nil {
			return err
		}
		c.stats.Revisits++
	}
	return nil
}

func (c *change) setRevisit(r *Revisit) error {
	r.Weight = r.Body.Size + int64(len(r.Meta))
	c.stats.RevisitBytes += r.Weight
	if err := c.set(key(keyLook, r.ID), r); err != nil {
		return err
	}
	return c.batch.Set(r.dueKey(), nil, nil) //nolint:wrapcheck // by build
}
