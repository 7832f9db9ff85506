// Package dmarc evaluates DMARC for received messages.
//
// DMARC ties the visible domain, the one in From, to a domain that SPF or DKIM
// authenticated. The owner of the domain publishes a policy record with the requested
// handling of mail that fails. The applicable record, and whether two domains belong to one
// organization, are determined by walking up the DNS tree from a domain.
//
// Standards: RFC 9989 (DMARC).
//
// Divergences: a message with several author domains is outside DMARC; here each is
// evaluated and the worst outcome counts. A domain exists for np= when it has an A, AAAA or
// MX record, since the resolver does not distinguish an empty answer from a missing name.
// With Walk off, organizational domains come from the public suffix list, as in RFC 7489. A
// walk that a temporary error cut short falls back on that list for alignment.
//
// Limits: a record has at most 4 KiB and 64 tags, a walk eight queries, a message five
// author domains and twenty authenticated domains.
package dmarc

import (
	"context"
	"net"

	"outrider/internal/mailauth/dkim"
)

// Resolver resolves DNS queries, with errors as from the standard library's resolver.
// dns.Session is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}

// Disposition is the handling that the owner of a domain requests for mail that fails.
type Disposition string

// The dispositions of RFC 9989, Section 4.7.
const (
	NoAction   Disposition = "none"
	Quarantine Disposition = "quarantine"
	Reject     Disposition = "reject"
)

// Proof is a domain checked by SPF or DKIM, with the result. Domain is in normal form.
type Proof struct {
	Domain string
	Result dkim.Result // as in RFC 8601; only "pass" and "temperror" matter
}

// Input holds the author domains and authentication results of a message.
type Input struct {
	Authors []string // distinct author domains of From in normal form
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

// Alignment is an author domain authenticated by a method.
type Alignment struct {
	Method Method `json:"method"`
	Domain string `json:"domain"` // authenticated domain
	Strict bool   `json:"strict"` // both domains are equal
}

// Why is the reason for a result other than pass.
type Why string

// The reasons. The empty Why goes with a pass.
const (
	WhyNoAuthor   Why = "no-author"  // From has no domain
	WhyNoRecord   Why = "no-record"  // there is no policy
	WhyBadRecord  Why = "bad-record" // the record has no valid p= and no address for reports
	WhyDNS        Why = "dns"        // a query failed
	WhyUnaligned  Why = "unaligned"  // no aligned domain passed
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

	// Policy is the owner's policy for this author domain, and Tag its source: "p", "sp" or
	// "np". Apply is the same, lowered by t=y.
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
