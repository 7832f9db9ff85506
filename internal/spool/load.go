package spool

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

func (s *Spool) loadIntents() error {
	return s.scan([]byte{keyIntent}, end(keyIntent), func(_, v []byte) (bool, error) {
		var i Intent
		err := json.Unmarshal(v, &i)
		s.interred = append(s.interred, i)
		return true, err
	})
}

func (s *Spool) loadEntries() error {
	return s.scan([]byte{keyEntry}, end(keyEntry), func(_, v []byte) (bool, error) {
		b, err := bodyOf(v)
		s.stats.Queued++
		s.refer(b)
		return true, err
	})
}

func (s *Spool) loadHeld() error {
	return s.scan([]byte{keyHeld}, end(keyHeld), func(_, v []byte) (bool, error) {
		b, err := bodyOf(v)
		s.stats.Held++
		s.refer(b)
		return true, err
	})
}

// bodyOf returns the body of an entry or a held message. It is the last member of the row, as
// Commit writes it, so that reading hundreds of thousands of rows at start decodes little of
// each. No string can contain the text looked for, since JSON escapes its quotes.
func bodyOf(v []byte) (Body, error) {
	const member = `,"body":{`
	var row struct{ Body Body }
	if i := bytes.LastIndex(v, []byte(member)); i >= 0 && bytes.HasSuffix(v, []byte("}}")) {
		inner := v[i+len(member)-1 : len(v)-1]
		if bytes.IndexByte(inner, '}') == len(inner)-1 && json.Unmarshal(inner, &row.Body) == nil && row.Body.ID != "" {
			return row.Body, nil
		}
	}
	err := json.Unmarshal(v, &row)
	return row.Body, err
}

func (s *Spool) loadRevisits() error {
	return s.scan([]byte{keyLook}, end(keyLook), func(_, v []byte) (bool, error) {
		var row struct {
			Body   Body
			Weight int64
		}
		err := json.Unmarshal(v, &row)
		s.stats.Revisits++
		s.stats.RevisitBytes += row.Weight
		s.refer(row.Body)
		return true, err
	})
}

// refer counts a reference found by Open.
func (s *Spool) refer(b Body) {
	r := s.bodies[b.ID]
	if r == nil {
		r = &bodyRefs{body: b}
		s.bodies[b.ID] = r
		s.stats.Bytes += b.Size
	}
	r.refs++
}

// countFacts counts the facts that no store has seen; they have no gap.
func (s *Spool) countFacts() error {
	s.acked = s.seq
	err := s.scan([]byte{keyFact}, end(keyFact), func(k, _ []byte) (bool, error) {
		first, err := readFact(k)
		s.acked = min(s.seq, first-1)
		return false, err
	})
	s.stats.Facts = int(s.seq - s.acked)
	return err
}

// readFact returns the number in the key of a fact.
func readFact(k []byte) (uint64, error) {
	if len(k) != 9 {
		return 0, fmt.Errorf("reading fact key %x: %w", k, errCorrupt)
	}
	return binary.BigEndian.Uint64(k[1:]), nil
}
