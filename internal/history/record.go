package history

import (
	"math"
	"slices"
	"time"
)

// What is one kind of observation about a name in a message.
type What string

// The kinds of observations.
const (
	Known    What = "known"    // wanted, of a proved author, and received by somebody
	Wanted   What = "wanted"   // judged as wanted
	Doubtful What = "doubtful" // judged as suspicious or forged, or not judged at all
	Unwanted What = "unwanted" // judged as malicious or spam
	Failed   What = "failed"   // disowned by the domain of the author: DMARC says fail
	Benign   What = "benign"   // released from quarantine by a person
	Sent     What = "sent"     // the tenant wrote to the name
)

// Bounds of a record.
const (
	slotLength = 4 * time.Hour
	maxSlots   = 32  // apart from each other; older ones are added up
	maxCount   = 255 // of one kind in a slot; more is no other answer
)

// Slot counts the observations of four hours.
type Slot struct {
	At       uint32 `json:"at"` // slots of four hours since 1970
	Wanted   uint8  `json:"w,omitempty"`
	Doubtful uint8  `json:"d,omitempty"`
	Unwanted uint8  `json:"u,omitempty"`
	Failed   uint8  `json:"f,omitempty"`
	Benign   uint8  `json:"b,omitempty"`
	Sent     uint8  `json:"s,omitempty"`
}

// Record is all that is remembered under one key. Times are microseconds since 1970, and 0
// is never. It does not depend on the order of the observations.
type Record struct {
	First    int64  `json:"-"`                   // wanted message of the proved author
	Last     int64  `json:"-"`                   // the same
	Messages int    `json:"-"`                   // the same
	FirstIn  int64  `json:"first_in,omitempty"`  // message that its domain does not disown
	LastIn   int64  `json:"last_in,omitempty"`   // the same
	FirstOut int64  `json:"first_out,omitempty"` // message to it
	LastOut  int64  `json:"last_out,omitempty"`  // the same
	Slots    []Slot `json:"slots,omitempty"`     // in order of time, at most maxSlots
	Folded   bool   `json:"folded,omitempty"`    // the first slot holds all that was before it too
}

// Sender returns what is known of the proved sender. A nil record knows nothing.
func (r *Record) Sender() Sender {
	if r == nil || r.First == 0 {
		return Sender{}
	}
	return Sender{
		First: time.UnixMicro(r.First).UTC(), Last: time.UnixMicro(r.Last).UTC(), Messages: r.Messages, Days: r.days(), Written: r.FirstOut != 0,
	}
}

// days counts the days on which wanted messages came between the first and the last of the
// proved author. A folded slot counts as one day.
func (r *Record) days() int {
	const perDay = uint32(24 * time.Hour / slotLength)
	from, to := slotOf(time.UnixMicro(r.First))/perDay, slotOf(time.UnixMicro(r.Last))/perDay
	n, last := 1, from
	for i := range r.Slots {
		if day := r.Slots[i].At / perDay; r.Slots[i].Wanted > 0 && day > last && day <= to {
			n, last = n+1, day
		}
	}
	if last < to {
		n++ // the last message counts, also where its slot is folded
	}
	return n
}

// Observe adds one observation of a message at a time.
func (r *Record) Observe(what What, at time.Time) {
	us := at.UnixMicro()
	switch what {
	case Known:
		r.First, r.Last = earlier(r.First, us), max(r.Last, us)
		r.Messages++
		return // the slots count it as Wanted
	case Wanted, Doubtful, Unwanted:
		r.FirstIn, r.LastIn = earlier(r.FirstIn, us), max(r.LastIn, us)
	case Sent:
		r.FirstOut, r.LastOut = earlier(r.FirstOut, us), max(r.LastOut, us)
	case Failed, Benign:
	}
	s := Slot{At: slotOf(at)}
	if n := s.of(what); n != nil {
		*n = 1
		r.add(s)
	}
}

// of returns the counter of a kind, or nil where there is none.
func (s *Slot) of(what What) *uint8 {
	switch what {
	case Wanted:
		return &s.Wanted
	case Doubtful:
		return &s.Doubtful
	case Unwanted:
		return &s.Unwanted
	case Failed:
		return &s.Failed
	case Benign:
		return &s.Benign
	case Sent:
		return &s.Sent
	case Known:
	}
	return nil
}

// add counts into the slot of the time, and folds the oldest two into one where there are
// too many. What is older than a folded slot is folded into it as well.
func (r *Record) add(s Slot) {
	i, found := slices.BinarySearchFunc(r.Slots, s.At, func(s Slot, at uint32) int { return int(s.At) - int(at) })
	if found {
		r.Slots[i].plus(s)
		return
	}
	if i == 0 && r.Folded {
		r.Slots[0].plus(s)
		return
	}
	r.Slots = slices.Insert(r.Slots, i, s)
	if len(r.Slots) > maxSlots {
		r.Slots[1].plus(r.Slots[0])
		r.Slots = slices.Delete(r.Slots, 0, 1)
		r.Folded = true
	}
}

// merge adds the observations of other messages from another record.
func (r *Record) merge(o *Record) {
	r.First, r.Last, r.Messages = earlier(r.First, o.First), max(r.Last, o.Last), r.Messages+o.Messages
	r.FirstIn, r.LastIn = earlier(r.FirstIn, o.FirstIn), max(r.LastIn, o.LastIn)
	r.FirstOut, r.LastOut = earlier(r.FirstOut, o.FirstOut), max(r.LastOut, o.LastOut)
	for _, s := range o.Slots {
		r.add(s)
	}
	r.Folded = r.Folded || o.Folded
}

// plus adds the counts of another slot.
func (s *Slot) plus(o Slot) {
	for _, what := range []What{Wanted, Doubtful, Unwanted, Failed, Benign, Sent} {
		n, m := s.of(what), o.of(what)
		*n = uint8(min(int(*n)+int(*m), maxCount))
	}
}

// in returns the messages of the slot that came in and were not disowned.
func (s *Slot) in() int { return int(s.Wanted) + int(s.Doubtful) + int(s.Unwanted) }

// until returns the slots up to one, both times in slots since 1970. Of a folded slot that
// reaches beyond it all is counted: the record was full of messages at that time.
func (r *Record) until(last uint32) []Slot {
	n, found := slices.BinarySearchFunc(r.Slots, last, func(s Slot, at uint32) int { return int(s.At) - int(at) })
	if found {
		n++
	}
	if n == 0 && r.Folded && r.begin() <= last {
		n = 1
	}
	return r.Slots[:n]
}

// begin returns the slot of the first message both ways.
func (r *Record) begin() uint32 {
	first := earlier(earlier(r.FirstIn, r.FirstOut), r.First)
	if first == 0 {
		return math.MaxUint32
	}
	return slotOf(time.UnixMicro(first))
}

// Seen returns the time of the last observation, to four hours.
func (r *Record) Seen() time.Time {
	last := max(r.Last, r.LastIn, r.LastOut)
	if n := len(r.Slots); n > 0 {
		last = max(last, int64(r.Slots[n-1].At)*slotLength.Microseconds())
	}
	return time.UnixMicro(last).UTC()
}

// Familiar reports whether the name is more than one that strangers used: it is known, the
// tenant wrote to it, or a person let its mail go.
func (r *Record) Familiar() bool {
	return r.Messages > 0 || r.FirstOut > 0 || slices.ContainsFunc(r.Slots, func(s Slot) bool { return s.Benign > 0 })
}

// Upgrade fills in what records of earlier versions lack, which counted wanted messages
// of proved authors alone: the first of them is put at its time, and all others at the
// time of the last.
func (r *Record) Upgrade() {
	if r.First == 0 || r.FirstIn != 0 {
		return
	}
	r.FirstIn, r.LastIn = r.First, r.Last
	r.add(Slot{At: slotOf(time.UnixMicro(r.First)), Wanted: 1})
	if r.Messages > 1 {
		r.add(Slot{At: slotOf(time.UnixMicro(r.Last)), Wanted: uint8(min(r.Messages-1, maxCount))})
	}
}

// slotOf returns the slot of a time; times before 1970 are in the first.
func slotOf(t time.Time) uint32 {
	return uint32(min(max(t.Unix(), 0)/int64(slotLength/time.Second), math.MaxUint32))
}

// earlier returns the earlier of two times, of which 0 is never.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
