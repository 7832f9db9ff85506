package spool

import (
	"slices"

	"outrider/internal/event"
)

// recentBytes bounds the facts that are kept in memory for the shipper, by what their
// rows take in the journal.
const recentBytes = 8 << 20

// recent is the end of the facts, without a gap, as the journal has them. The shipper
// follows the sessions closely, so it seldom has to read from the journal, where it
// would wade through what was deleted a moment ago. Spool.mu guards it.
type recent struct {
	facts []event.Event
	sizes []int // of their rows
	bytes int
}

// add appends facts whose rows have these sizes. Beyond the bound it forgets the older
// half at once, since moving the rest has its price.
func (r *recent) add(facts []event.Event, rows [][]byte) {
	r.facts = append(r.facts, facts...)
	for _, row := range rows {
		r.sizes = append(r.sizes, len(row))
		r.bytes += len(row)
	}
	if r.bytes > recentBytes {
		r.drop((len(r.facts) + 1) / 2)
	}
}

// drop forgets the first n facts.
func (r *recent) drop(n int) {
	for _, size := range r.sizes[:n] {
		r.bytes -= size
	}
	r.facts, r.sizes = slices.Delete(r.facts, 0, n), slices.Delete(r.sizes, 0, n)
}

// through forgets the facts up to a number.
func (r *recent) through(seq uint64) {
	if len(r.facts) > 0 && r.facts[0].EdgeSeq <= seq {
		r.drop(int(min(seq-r.facts[0].EdgeSeq+1, uint64(len(r.facts)))))
	}
}

// between returns at most limit facts after the number after and up to last; false
// where the first of them is in the journal only.
func (r *recent) between(after, last uint64, limit int) ([]event.Event, bool) {
	if len(r.facts) == 0 || r.facts[0].EdgeSeq > after+1 {
		return nil, false
	}
	if last <= after {
		return nil, true
	}
	from := after + 1 - r.facts[0].EdgeSeq
	n := min(last-after, uint64(limit))
	if from+n > uint64(len(r.facts)) {
		return nil, false
	}
	return slices.Clone(r.facts[from : from+n]), true
}
