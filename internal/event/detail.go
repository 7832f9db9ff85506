package event

import (
	"encoding/json"
	"fmt"
	"time"

	"outrider/internal/smtp"
	"outrider/internal/verdict"
)

// ReceivedDetail is the Detail of Received.
type ReceivedDetail struct {
	Source     string `json:"road"`
	From       string `json:"from"`        // reverse-path
	HeaderFrom string `json:"header_from"` // first author address
	FromName   string `json:"from_name,omitempty"`
	Subject    string `json:"subject"`
	MessageID  string `json:"message_id_field"` // the Message-ID field
	Client     string `json:"client"`           // connecting address
	Helo       string `json:"helo,omitempty"`
	Protocol   string `json:"protocol,omitempty"`
	TLS        string `json:"tls,omitempty"`
	Size       int64  `json:"size"`
}

// JudgedDetail is the Detail of Judged.
type JudgedDetail struct {
	Verdict   verdict.Verdict `json:"verdict"`
	Auth      json.RawMessage `json:"auth,omitempty"` // mailauth.Results
	Decisions json.RawMessage `json:"decisions,omitempty"`
	History   json.RawMessage `json:"history,omitempty"` // history.Observation
	Micros    int64           `json:"micros"`
}

// RejudgedDetail is the Detail of Rejudged. Nothing was done about it: the decisions are
// those that policy would make now.
type RejudgedDetail struct {
	Verdict   verdict.Verdict     `json:"verdict"`
	Before    verdict.Disposition `json:"before"`
	Auth      json.RawMessage     `json:"auth,omitempty"` // mailauth.Results, where they were asked for again
	Decisions json.RawMessage     `json:"decisions,omitempty"`
	Attempt   int                 `json:"attempt"` // which look it was, from 1
	Why       []string            `json:"why"`     // that there was another look
	Micros    int64               `json:"micros"`
	History   json.RawMessage     `json:"history,omitempty"` // history.Observation, if it differs from the one before
}

// DeliveryDetail is the Detail of Placed, Deferred, Rejected, Refused and Bounced.
type DeliveryDetail struct {
	Reply    string          `json:"reply"`
	Host     string          `json:"host,omitempty"`
	TLS      string          `json:"tls,omitempty"`
	Attempts int             `json:"attempts,omitempty"`
	Next     time.Time       `json:"next,omitzero"`    // of Deferred: when it is tried again
	DSN      bool            `json:"dsn,omitempty"`    // of Bounced: a notification was sent
	By       string          `json:"by,omitempty"`     // "policy" or "next-hop"
	Reason   *verdict.Reason `json:"reason,omitempty"` // of Rejected and Refused by policy
	Known    string          `json:"known,omitempty"`  // of Placed: the proved author, who is remembered from now on
}

// HeldDetail is the Detail of Quarantined, Released, Deleted and Expired.
type HeldDetail struct {
	Held        string              `json:"held"` // id of the held message
	Disposition verdict.Disposition `json:"disposition"`
	Reason      *verdict.Reason     `json:"reason,omitempty"` // why it was held
	Expires     time.Time           `json:"expires,omitzero"`
	By          string              `json:"by,omitempty"`      // who asked, of Released and Deleted
	Blob        string              `json:"blob,omitempty"`    // SHA-256 of the original bytes, of Released, Deleted and Expired
	History     json.RawMessage     `json:"history,omitempty"` // history.Observation of Released
}

// New returns a fact about recipients of one message.
func New(kind Kind, tenant, messageID string, at time.Time, recipients []smtp.Recipient, detail any) Event {
	e := Event{Tenant: tenant, Kind: kind, At: at, MessageID: messageID}
	for _, r := range recipients {
		e.Recipients = append(e.Recipients, r.Address)
	}
	raw, err := json.Marshal(detail)
	if err != nil {
		// The detail structs of this package hold nothing that cannot be written.
		panic(fmt.Sprintf("encoding detail of %s: %v", kind, err))
	}
	e.Detail = raw
	return e
}
