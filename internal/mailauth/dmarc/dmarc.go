// Package dmarc evaluates DMARC for received messages.
//
// DMARC ties the domain that a reader sees, the one in From, to a domain that SPF or DKIM
// proved. The owner of the domain publishes a policy record that says what receivers
// should do with mail that fails. Which record applies, and whether two domains belong to
// one organization, is found by walking up the DNS tree from a domain.
//
// Standards: RFC 9989 (DMARC).
//
// Divergences: a message with several author domains is outside DMARC; here each is
// evaluated and the worst outcome counts. A domain exists for np= when it has an A, AAAA
// or MX record, since the resolver does not tell an empty answer from a missing name.
// With Walk off, organizational domains come from the public suffix list, as in RFC 7489.
// A walk that a temporary error cut short falls back on that list for alignment.
//
// Limits: a record has at most 4 KiB and 64 tags, a walk eight questions, a message five
// author domains and twenty proved domains.
package dmarc

import (
	"context"
	"net"

	"outrider/internal/mailauth/dkim"
)

// Resolver answers the questions, with errors as the standard library's resolver gives
// them. dns.Session is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}

// Disposition is what the owner of a domain wants done with mail that fails.
type Disposition string

// The dispositions of RFC 9989, Section 4.7.
const (
	NoAction   Disposition = "none"
	Quarantine Disposition = "quarantine"
	Reject     Disposition = "reject"
)

// Proof is a domain that SPF or DKIM looked at, and the outcome. Domain is in normal form.
type Proof struct {
	Domain string
	Result dkim.Result // words of RFC 8601; what counts are "pass" and "temperror"
}

// Input is what a message shows and what was proved about it.
type Input struct {
	Authors []string // author domains of From in normal form, each once
	SPF     Proof    // of the reverse-path; zero for a null one, since HELO does not count
	DKIM    []Proof
}

// Method is a way of authentication.
type Method string

// The methods that DMARC builds on.
const (
	SPF  Method = "spf"
	DKIM Method = "dkim"
)

// Alignment is an author domain proved by a method.
type Alignment struct {
	Method Method `json:"method"`
	Domain string `json:"domain"` // that was proved
	Strict bool   `json:"strict"` // both domains are the same
}

// Why says why the result is not a pass.
type Why string

// The reasons. The empty Why goes with a pass.
const (
	WhyNoAuthor   Why = "no-author"  // From has no domain
	WhyNoRecord   Why = "no-record"  // there is no policy
	WhyBadRecord  Why = "bad-record" // the record has no valid p= and no address for reports
	WhyDNS        Why = "dns"        // a question was not answered
	WhyUnaligned  Why = "unaligned"  // nothing proves the author domain
	WhyUnfinished Why = "unfinished" // SPF or DKIM of the author may still pass
)

// Outcome is the outcome for one author domain.
type Outcome struct {
	Result  dkim.Result `json:"result"` // none, pass, fail, temperror or permerror
	Why     Why         `json:"why,omitempty"`
	Detail  string      `json:"detail,omitempty"`
	Author  string      `json:"author"`
	Org     string      `json:"org"`      // organizational domain of the author, or "" where not needed
	FoundAt string      `json:"found_at"` // domain whose record applies, or ""
	Record  Record      `json:"record"`

	// Policy is what the owner wants for this author domain, and Tag where it is: "p",
	// "sp" or "np". Apply is the same, lowered by t=y.
	Policy  Disposition `json:"policy,omitempty"`
	Tag     string      `json:"tag,omitempty"`
	Apply   Disposition `json:"apply,omitempty"`
	Aligned []Alignment `json:"aligned"`
}

// Evaluation is the outcome for a message.
type Evaluation struct {
	Outcome            // the worst one
	Authors  int       `json:"authors"` // author domains
	Outcomes []Outcome `json:"outcomes"`
	Skipped  int       `json:"skipped"` // author domains beyond the bound
}
