package spool

import (
	"encoding/json"
	"io"
	"time"

	"outrider/internal/event"
	"outrider/internal/message"
	"outrider/internal/smtp"
)

// Content is the bytes of a message. It may be written several times.
type Content interface {
	io.WriterTo
	Size() int64
}

// Intent says that a session is about to place a message.
type Intent struct {
	ID       message.ID      `json:"id"`
	Tenant   string          `json:"tenant"`
	At       time.Time       `json:"at"`
	Envelope smtp.Envelope   `json:"envelope"`
	Plan     json.RawMessage `json:"plan,omitempty"`
}

// Batch is one atomic change of the spool. Every field may be empty.
type Batch struct {
	ID       message.ID    // whose intent ends, or ""
	Queue    []Entry       // new entries; Content set, or Body of something that is spooled
	Requeue  []Entry       // entries that replace the one with their ID, whose body they keep
	Done     []string      // ids of entries that end
	Hold     []Held        // new held messages; Content set, or Body of something that is spooled
	DropHeld []string      // ids of held messages that end; unknown ones are ignored
	Facts    []event.Event // Edge and EdgeSeq are filled in by Commit
	Lazy     bool          // do not wait for the fsync, which follows within lazyDelay: for what no reply depends on

	Revisit   []Revisit // new pending re-evaluations; Content set, or Body of something that is spooled
	Again     []Revisit // re-evaluations that replace the one with their ID, whose body they keep
	Revisited []string  // ids of re-evaluations that end
}

// Body names the bytes of a message in the spool.
type Body struct {
	ID   string `json:"id"`
	Size int64  `json:"size"`
	File bool   `json:"file,omitempty"` // in a file of its own, not in the store
}

// Entry is one message on its way to one route.
type Entry struct {
	ID            string         `json:"id"` // filled in by Commit when ""
	MessageID     message.ID     `json:"message_id"`
	Tenant        string         `json:"tenant"`
	RouteKey      string         `json:"route_key"`        // names the route or domain that it waits for
	Domain        string         `json:"domain,omitempty"` // domain of the recipients, to find the route again
	Envelope      smtp.Envelope  `json:"envelope"`         // only recipients that are still open
	Traits        message.Traits `json:"traits"`
	Created       time.Time      `json:"created"`
	Next          time.Time      `json:"next"`    // when to try next
	Expires       time.Time      `json:"expires"` // when to give up
	Attempts      int            `json:"attempts"`
	LastReply     string         `json:"last_reply,omitempty"`
	DelayNotified bool           `json:"delay_notified,omitempty"` // the sender was told of the delay
	Body          Body           `json:"body"`                     // filled in by Commit from Content
	Content       Content        `json:"-"`                        // input of Commit only
}

// Held is one quarantined message whose body waits here until the shipper has moved
// it to the store.
type Held struct {
	ID        string          `json:"id"` // filled in by Commit when ""
	MessageID message.ID      `json:"message_id"`
	Tenant    string          `json:"tenant"`
	At        time.Time       `json:"at"`
	Envelope  smtp.Envelope   `json:"envelope"`
	Traits    message.Traits  `json:"traits"`
	Meta      json.RawMessage `json:"meta,omitempty"`
	Body      Body            `json:"body"` // filled in by Commit from Content
	Content   Content         `json:"-"`    // input of Commit only
}

// Revisit is one message that waits for another re-evaluation, whose body waits here for it.
type Revisit struct {
	ID        string          `json:"id"` // filled in by Commit when ""
	MessageID message.ID      `json:"message_id"`
	Tenant    string          `json:"tenant"`
	At        time.Time       `json:"at"`             // when the message came
	Next      time.Time       `json:"next"`           // when to look next
	Attempts  int             `json:"attempts"`       // re-evaluations that have begun
	Slow      bool            `json:"slow,omitempty"` // it takes long, and waits apart from those that do not
	Meta      json.RawMessage `json:"meta,omitempty"` // what it takes to look again
	Weight    int64           `json:"weight"`         // bytes of body and meta; filled in by Commit
	Body      Body            `json:"body"`           // filled in by Commit from Content
	Content   Content         `json:"-"`              // input of Commit only
}

// Stats says how much is in the spool.
type Stats struct {
	Queued       int   // entries
	Held         int   // held messages
	Revisits     int   // pending re-evaluations
	RevisitBytes int64 // their weights, with shared bodies counted for each
	Facts        int   // facts that were not acknowledged
	Bytes        int64 // bytes of bodies
	Broken       int   // rows that Due or Revisits could not read since Open
}
