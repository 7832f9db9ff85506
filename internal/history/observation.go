package history

import (
	"time"

	"outrider/internal/verdict"
)

// MaxSent bounds the recipients of one message that are recorded.
// RFC 5321, Section 4.5.3.1.8: 100 is what every server must take.
const MaxSent = 100

// Observation is what one message adds to the history of senders. It is part of the events of
// the message, so that the store records what the memory records.
type Observation struct {
	At      time.Time `json:"at"`                 // when the message came, or was released
	What    What      `json:"what,omitempty"`     // about its author and the address for replies
	Author  string    `json:"author,omitempty"`   // address, or "" with no author or several
	ReplyTo string    `json:"reply_to,omitempty"` // first address that replies go to, where the message names one
	Sent    []string  `json:"sent,omitempty"`     // addresses outside that a proved author of the tenant wrote to
}

// Judged returns what a disposition means for the history of an author. Disowned says that the domain
// of the author disowns the message: then it tells nothing of the author but that somebody
// used the name.
func Judged(d verdict.Disposition, disowned bool) What {
	switch {
	case disowned:
		return Failed
	case d == verdict.Spam || d == verdict.Malicious || d == verdict.MaliciousBEC:
		return Unwanted
	case d == verdict.Unknown || d > verdict.Bulk:
		return Doubtful
	default:
		return Wanted
	}
}

// Each calls f for every key that the observation is about, once for each thing observed.
// Malformed addresses and unknown things are skipped.
func (l *Observation) Each(f func(key string, what What)) {
	counted := new(Slot).of(l.What) != nil
	if keys, ok := Keys(l.Author); ok && counted {
		f(keys[0], l.What)
		f(keys[1], l.What)
	}
	if keys, ok := Keys(l.ReplyTo); ok && counted {
		f(replyKey(keys[0]), l.What)
	}
	seen := make(map[string]bool)
	for _, addr := range l.Sent[:min(len(l.Sent), MaxSent)] {
		keys, ok := Keys(addr)
		if !ok {
			continue
		}
		for _, k := range keys {
			if !seen[k] {
				seen[k] = true
				f(k, Sent)
			}
		}
	}
}
