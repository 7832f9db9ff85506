// Package arc validates and extends the Authenticated Received Chain of a message.
//
// A list or forwarder that changes a message breaks its DKIM signature and its SPF. With
// ARC each hop writes down what it found (ARC-Authentication-Results), signs the message
// as it leaves (ARC-Message-Signature) and seals all sets so far (ARC-Seal). A chain that
// passes proves who wrote which set and that none was removed from the middle; it proves
// nothing about whether a sealer tells the truth, so trust is the caller's question.
//
// Standards: RFC 8617 (ARC), RFC 8601 (the words for results), RFC 6376 and RFC 8301
// (signatures, by package dkim).
//
// Divergences: a chain that a temporary DNS error or the budget left unfinished is
// "fail" with Temporary set, since RFC 8617 knows no "temperror". An
// ARC-Message-Signature whose l= leaves body unsigned fails.
//
// Limits: 50 sets, as RFC 8617 says, with results of at most 32 KiB, of which each seal and each message signature
// checked is paid for from the budget.
package arc

import (
	"outrider/internal/mailauth/authres"
	"outrider/internal/mailauth/dkim"
)

// Result is the state of a chain.
type Result string

// The states of RFC 8617, Section 4.4.
const (
	None Result = "none"
	Pass Result = "pass"
	Fail Result = "fail"
)

// Why says why a chain did not pass. Reasons of package dkim stand for themselves.
type Why string

// The reasons of ARC itself. The empty Why goes with None and Pass.
const (
	WhyInstance   Why = "instance"    // i= is missing, malformed or above 50
	WhyDuplicate  Why = "duplicate"   // two fields of one kind and instance
	WhyIncomplete Why = "incomplete"  // a set lacks a field, or an instance is missing
	WhyCV         Why = "cv"          // cv= does not fit the instance
	WhySealedFail Why = "sealed-fail" // a sealer found the chain broken already
	WhyBudget     Why = "budget"      // the chain is longer than the message may cost
)

// Set is what one sealer added. Strings come from the message.
type Set struct {
	Instance int    `json:"instance"`
	Domain   string `json:"domain"`   // d= of the seal, in normal form
	Selector string `json:"selector"` // s= of the seal
	CV       string `json:"cv"`       // what the sealer found: "none", "pass" or "fail"
	Signer   string `json:"signer"`   // d= of the message signature

	AuthServID string           `json:"authserv_id"` // who wrote the results
	Text       string           `json:"text"`        // the results as they stand, without i=
	Results    []authres.Result `json:"-"`           // the results that are well-formed

	Sealed   bool     `json:"sealed"`   // the seal was checked and holds
	SealKey  dkim.Key `json:"seal_key"` // zero where it was not checked
	Unbroken bool     `json:"unbroken"` // the message signature was checked and still holds
	Why      Why      `json:"why,omitempty"`
}

// Chain is the chain of a message.
type Chain struct {
	Result    Result `json:"result"`
	Why       Why    `json:"why,omitempty"`
	Detail    string `json:"detail,omitempty"` // the same for people
	At        int    `json:"at,omitempty"`     // instance that broke the chain, or 0
	Temporary bool   `json:"temporary"`        // may be validated later

	Sets []Set `json:"sets"` // newest first; what could be parsed where the chain fails
	// OldestPass is the oldest instance whose message signature still holds, 0 where
	// every one does, and -1 where the newest does not hold or the chain failed.
	// RFC 8617, Section 5.2: the message has not been changed since that hop.
	OldestPass int `json:"oldest_pass"`

	highest int // instance seen, malformed sets included
	fields  []set
	message *dkim.Message
}

// Sealers lists the domains that sealed, newest first.
func (c *Chain) Sealers() []string {
	out := make([]string, 0, len(c.Sets))
	for i := range c.Sets {
		out = append(out, c.Sets[i].Domain)
	}
	return out
}
