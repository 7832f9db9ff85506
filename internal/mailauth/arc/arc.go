// Package arc validates and extends the Authenticated Received Chain of a message.
//
// A list or forwarder that changes a message breaks its DKIM signature and its SPF. With
// ARC each hop records its results (ARC-Authentication-Results), signs the outgoing message
// (ARC-Message-Signature) and seals all sets so far (ARC-Seal). A chain that passes proves
// who wrote which set and that none was removed from the middle; it does not prove that a
// sealer is honest, so trust is decided by the caller.
//
// Standards: RFC 8617 (ARC), RFC 8601 (result names), RFC 6376 and RFC 8301 (signatures, by
// package dkim).
//
// Divergences: a chain that a temporary DNS error or the budget left unfinished is "fail"
// with Temporary set, since RFC 8617 has no "temperror". An ARC-Message-Signature whose l=
// leaves body unsigned fails.
//
// Limits: 50 sets, as in RFC 8617, with results of at most 32 KiB; each checked seal and
// message signature counts against the budget.
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

// Why is the reason why a chain did not pass, including those of package dkim.
type Why string

// The reasons of ARC itself. The empty Why goes with None and Pass.
const (
	WhyInstance   Why = "instance"    // i= is missing, malformed or above 50
	WhyDuplicate  Why = "duplicate"   // two fields of one kind and instance
	WhyIncomplete Why = "incomplete"  // a set lacks a field, or an instance is missing
	WhyCV         Why = "cv"          // cv= does not fit the instance
	WhySealedFail Why = "sealed-fail" // a sealer found the chain broken
	WhyBudget     Why = "budget"      // the chain exceeds the budget of the message
)

// Set is the set of one sealer. Strings come from the message.
type Set struct {
	Instance int    `json:"instance"`
	Domain   string `json:"domain"`   // d= of the seal, in normal form
	Selector string `json:"selector"` // s= of the seal
	CV       string `json:"cv"`       // result of the sealer: "none", "pass" or "fail"
	Signer   string `json:"signer"`   // d= of the message signature

	AuthServID string           `json:"authserv_id"` // host that wrote the results
	Text       string           `json:"text"`        // the results as written, without i=
	Results    []authres.Result `json:"-"`           // the well-formed results

	Sealed   bool     `json:"sealed"`   // the seal was verified
	SealKey  dkim.Key `json:"seal_key"` // zero if not checked
	Unbroken bool     `json:"unbroken"` // the message signature was verified
	Why      Why      `json:"why,omitempty"`
}

// Chain is the chain of a message.
type Chain struct {
	Result    Result `json:"result"`
	Why       Why    `json:"why,omitempty"`
	Detail    string `json:"detail,omitempty"` // reason for display
	At        int    `json:"at,omitempty"`     // instance that broke the chain, or 0
	Temporary bool   `json:"temporary"`        // may be validated later

	Sets []Set `json:"sets"` // newest first; the parsed ones if the chain fails
	// OldestPass is the oldest instance whose message signature still verifies, 0 if all
	// do, and -1 if the newest does not or the chain failed. RFC 8617, Section 5.2: the
	// message has not been changed since that hop.
	OldestPass int `json:"oldest_pass"`

	highest int // highest instance, including malformed sets
	fields  []set
	message *dkim.Message
}

// Sealers lists the sealing domains, newest first.
func (c *Chain) Sealers() []string {
	out := make([]string, 0, len(c.Sets))
	for i := range c.Sets {
		out = append(out, c.Sets[i].Domain)
	}
	return out
}
