// Package event holds the facts of record: what happened to a message, when, and
// to which recipients.
//
// Facts are immutable. The edge writes them to its spool together with the state
// change that they describe; the shipper moves them to the store, which gives each
// tenant a sequence without gaps, so that a SIEM can prove that it has them all.
package event

import (
	"encoding/json"
	"time"
)

// Kind names what happened.
type Kind string

// The kinds of facts in the life of a message.
const (
	Received    Kind = "received"    // accepted by a receiving edge, not yet judged
	Judged      Kind = "judged"      // a verdict was reached
	Rejudged    Kind = "rejudged"    // a later look reached a verdict with more evidence
	Placed      Kind = "placed"      // the next hop or mailbox has taken responsibility
	Deferred    Kind = "deferred"    // the next hop could not take it; it is spooled and will be tried again
	Quarantined Kind = "quarantined" // held by policy
	Released    Kind = "released"    // let go from quarantine to its recipients
	Deleted     Kind = "deleted"     // removed from quarantine by an operator
	Expired     Kind = "expired"     // removed from quarantine by age
	Rejected    Kind = "rejected"    // refused with 5xx, by policy or by the next hop
	Refused     Kind = "refused"     // refused with 4xx: the sender keeps it
	Bounced     Kind = "bounced"     // given up after acceptance; the sender was told by a DSN, if it could be
	Interrupted Kind = "interrupted" // a crash cut the session off: the sender keeps it, or the next hop has it
)

// Kinds lists all kinds, in the order in which they happen.
func Kinds() []Kind {
	return []Kind{Received, Judged, Rejudged, Placed, Deferred, Quarantined, Released, Deleted, Expired, Rejected, Refused, Bounced, Interrupted}
}

// Event is one fact. Edge and EdgeSeq identify it for ever: shipping an event twice
// stores it once.
type Event struct {
	Edge       string          `json:"edge"`     // id of the edge that saw it
	EdgeSeq    uint64          `json:"edge_seq"` // rises by one per fact of the edge
	Tenant     string          `json:"tenant"`
	Seq        int64           `json:"seq,omitempty"` // per tenant and without gaps; 0 until stored
	Kind       Kind            `json:"kind"`
	At         time.Time       `json:"at"`
	MessageID  string          `json:"message_id"` // Outrider's id of the message, not the Message-ID field
	Recipients []string        `json:"recipients,omitempty"`
	Detail     json.RawMessage `json:"detail,omitempty"` // one of the Detail structs of this package, by Kind
}
