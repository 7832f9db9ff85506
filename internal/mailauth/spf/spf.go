// Package spf evaluates whether an address may send mail for a domain.
//
// The owner of a domain publishes in DNS which hosts send its mail: a list of terms that
// are tried from left to right until one matches the address. Terms may require further
// lookups, so the standard bounds their number, and so does this package.
//
// Standards: RFC 7208 (SPF).
//
// Divergences: the record of a domain is checked as a whole before its first term is tried,
// as Section 4.6 requires and many receivers do not.
package spf

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Result is the outcome. RFC 7208, Section 2.6.
type Result string

// The outcomes.
const (
	None      Result = "none"
	Neutral   Result = "neutral"
	Pass      Result = "pass"
	Fail      Result = "fail"
	SoftFail  Result = "softfail"
	TempError Result = "temperror"
	PermError Result = "permerror"
)

// Limits of one check. RFC 7208, Section 4.6.4.
const (
	maxTerms = 10 // terms with lookups
	maxVoid  = 2  // void lookups
	maxHosts = 10 // of one MX or PTR answer
)

// Resolver resolves queries. A name or type that does not exist is a *net.DNSError with
// IsNotFound; other errors are temporary.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Query is the client and the identity to check.
type Query struct {
	Addr   netip.Addr // of the client
	Domain string     // of the checked identity
	Sender string     // local@domain; the local part is optional
	Helo   string
	Host   string    // checking host, for explanations; "" means "unknown"
	At     time.Time // for explanations
}

// Outcome is the result and its reason.
type Outcome struct {
	Result      Result
	Term        string // the deciding term, as written, or "" for the default
	Domain      string // domain of the deciding record
	Explanation string // of the domain for "fail", or ""
	Why         string // reason of an error
	Asked       int    // number of terms with lookups
}

// Evaluate checks the query: the function check_host of RFC 7208, Section 4.
func Evaluate(ctx context.Context, r Resolver, q Query) Outcome {
	q.Addr = q.Addr.Unmap().WithZone("")
	if at := strings.LastIndexByte(q.Sender, '@'); at <= 0 {
		q.Sender = "postmaster@" + q.Sender[at+1:] // RFC 7208, Section 4.3
	}
	c := &check{ctx: ctx, dns: r, query: q}
	return c.host(q.Domain, true)
}

// check is the state of one evaluation.
type check struct {
	ctx   context.Context //nolint:containedctx // lives as long as one call
	dns   Resolver
	query Query
	asked int
	void  int

	names     []string // validated names of the address, for ptr and %{p}
	haveNames bool
	nameless  bool // the address has no name
}

// Errors that end a check. Errors that wrap errPerm are permanent; all others are
// temporary.
var (
	errPerm  = errors.New("permanent error")
	errMany  = fmt.Errorf("%w: more than %d terms ask", errPerm, maxTerms)
	errVoid  = fmt.Errorf("%w: more than %d questions have no answer", errPerm, maxVoid)
	errHosts = fmt.Errorf("%w: more than %d mail hosts", errPerm, maxHosts)
)

func (c *check) failed(domain string, err error) Outcome {
	o := Outcome{Result: TempError, Domain: domain, Why: err.Error(), Asked: c.asked}
	if errors.Is(err, errPerm) {
		o.Result = PermError
	}
	return o
}

// host evaluates the record of a domain. Only the first domain, or one that it redirects
// to, supplies the explanation.
func (c *check) host(domain string, explain bool) Outcome {
	if !isDomain(domain) {
		return Outcome{Result: None, Domain: domain, Why: "no domain name", Asked: c.asked}
	}
	text, err := c.record(domain)
	if err != nil {
		return c.failed(domain, err)
	}
	if text == "" {
		return Outcome{Result: None, Domain: domain, Asked: c.asked}
	}
	rec, err := parse(text)
	if err != nil {
		return c.failed(domain, err)
	}
	for i := range rec.directives {
		d := &rec.directives[i]
		match, err := c.matches(d, domain)
		if err != nil {
			return c.failed(domain, fmt.Errorf("%s: %w", d.text, err))
		}
		if match {
			o := Outcome{Result: d.result, Term: d.text, Domain: domain, Asked: c.asked}
			if o.Result == Fail && explain && rec.exp != "" {
				o.Explanation = c.explanation(rec.exp, domain)
			}
			return o
		}
	}
	if rec.redirect == "" {
		return Outcome{Result: Neutral, Domain: domain, Asked: c.asked}
	}
	return c.redirect(rec.redirect, domain, explain)
}

// redirect continues with another domain's record. RFC 7208, Section 6.1.
func (c *check) redirect(spec, domain string, explain bool) Outcome {
	target, err := c.target(spec, domain)
	if err == nil {
		err = c.ask()
	}
	if err != nil {
		return c.failed(domain, err)
	}
	o := c.host(target, explain)
	if o.Result == None {
		o.Result, o.Why = PermError, "redirect to "+target+", which has no record"
	}
	return o
}

// record returns the SPF record of a domain, or "". RFC 7208, Section 4.5.
func (c *check) record(domain string) (string, error) {
	texts, err := c.dns.LookupTXT(c.ctx, domain)
	if err != nil {
		if notFound(err) {
			return "", nil
		}
		return "", fmt.Errorf("looking up spf record of %s: %w", domain, err)
	}
	var found string
	for _, t := range texts {
		if len(t) < len(version) || !strings.EqualFold(t[:len(version)], version) || len(t) > len(version) && t[len(version)] != ' ' {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("%w: %s has several records", errPerm, domain)
		}
		found = t
	}
	return found, nil
}

const version = "v=spf1"

// ask counts a term with lookups.
func (c *check) ask() error {
	if c.asked++; c.asked > maxTerms {
		return errMany
	}
	return nil
}

// empty counts a void lookup.
func (c *check) empty() error {
	if c.void++; c.void > maxVoid {
		return errVoid
	}
	return nil
}

func notFound(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound
}

// isDomain reports whether s can have a record. RFC 7208, Section 4.3.
func isDomain(s string) bool { return isName(s) && strings.Contains(strings.TrimSuffix(s, "."), ".") }

// isName reports whether s can be looked up.
func isName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > maxName {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

// maxName is the longest domain name in text. RFC 1035, Section 2.3.4.
const maxName = 253
