// Package bimi finds the logo that a domain publishes for display beside its mail, and
// determines whether it may be shown.
//
// With Brand Indicators for Message Identification, a domain that has DMARC at enforcement
// publishes the URL of its logo in a TXT record, and may add an evidence document: a
// certificate in which an authority certifies that the logo is a mark of the domain's owner
// (VMC for registered marks, CMC for others). The logo is SVG, a format that can carry
// scripts and load other files, so only its harmless profile Tiny PS is accepted.
//
// Standards: draft-brand-indicators-for-message-identification (record, discovery,
// results), draft-svg-tiny-ps-abrotman (SVG Tiny PS), RFC 3709 and RFC 9399 (logotype
// extension), RFC 8601 (results), RFC 5280 (certificates).
//
// Divergences: an SVG file may only contain the drawing elements of Tiny PS, and no style
// attribute or processing instruction. A hash in an evidence document may have been
// computed before or after compression, since issuers do both.
//
// Limits: a logo has at most 32 KiB, decompressed; an evidence document 256 KiB and 10
// certificates. Revocation and certificate transparency are not checked.
package bimi

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"outrider/internal/address"
	"outrider/internal/egress"
	"outrider/internal/mailauth/dmarc"
)

// Status is the result as in Authentication-Results.
type Status string

// The outcomes.
const (
	Pass      Status = "pass"      // the logo may be shown
	None      Status = "none"      // the domain has no record
	Fail      Status = "fail"      // record, logo or evidence is unusable
	Declined  Status = "declined"  // the domain opts out
	Skipped   Status = "skipped"   // the mail is not eligible, or the logo cannot be judged here
	TempError Status = "temperror" // a temporary failure
)

// Result is the logo of a domain, with its status.
type Result struct {
	Status   Status `json:"status"`
	Domain   string `json:"domain"` // domain of the record, or the author domain
	Selector string `json:"selector"`
	Record   Record `json:"record,omitzero"`
	Evidence Status `json:"evidence,omitempty"` // Pass, Fail, TempError, None without evidence, or Skipped without trusted authorities
	Mark     string `json:"mark,omitempty"`     // subject of the evidence document
	Logo     []byte `json:"logo,omitempty"`     // SVG, decompressed; only with Pass
	Why      string `json:"why,omitempty"`      // reason unless Pass
}

// Eligible reports whether a domain may show a logo: DMARC has passed, and its policy is
// enforced for all mail of the domain and its subdomains, not in testing. RFC 9989 has
// dropped the percentage of mail (pct).
func Eligible(dmarcPass bool, o *dmarc.Outcome) bool {
	enforced := func(d dmarc.Disposition) bool { return d == dmarc.Quarantine || d == dmarc.Reject }
	r := &o.Record
	return dmarcPass && enforced(o.Policy) && enforced(r.Policy) && (r.Subdomain == "" || enforced(r.Subdomain)) && !r.Testing
}

// Resolver looks up TXT records; dns.Session fits. A name that does not exist is a
// *net.DNSError with IsNotFound.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Fetcher fetches logos and evidence; egress.Client fits.
type Fetcher interface {
	Get(ctx context.Context, url string, o egress.Options) (*egress.Response, error)
}

// Config configures a Checker.
type Config struct {
	Resolver        Resolver
	Fetcher         Fetcher
	Roots           *x509.CertPool // authorities for evidence; nil: evidence is ignored
	RequireEvidence bool           // a logo without valid evidence fails
}

// Checker checks logos. It is safe for concurrent use.
type Checker struct{ cfg Config }

// New returns a checker.
func New(c Config) *Checker { return &Checker{cfg: c} }

// Errors of unusable published data.
var (
	errRecords = errors.New("more than one bimi record")
	errTrust   = errors.New("the logo is only in the certificate, and no authority is trusted")
)

// Check looks up the logo of an author domain that is Eligible. selector names the record.
func (c *Checker) Check(ctx context.Context, domain, selector string) Result {
	res := Result{Domain: domain, Selector: selector, Evidence: None}
	var err error
	if res.Domain, err = address.Domain(domain); err != nil || !isSelector(selector) {
		return res.because(Fail, fmt.Errorf("%w: selector %.40q, domain %.40q", ErrRecord, selector, domain))
	}
	found, err := c.discover(ctx, &res)
	switch {
	case err != nil:
		return res.failed(err)
	case !found:
		return res.because(None, nil)
	case res.Record.Location == "" && res.Record.Authority == "":
		return res.because(Declined, nil)
	}
	logo, err := c.logo(ctx, &res)
	if errors.Is(err, errTrust) {
		return res.because(Skipped, err)
	}
	if err != nil {
		return res.failed(err)
	}
	if c.cfg.RequireEvidence && res.Evidence != Pass {
		return res.because(Fail, fmt.Errorf("%w: it is required", ErrEvidence))
	}
	res.Status, res.Logo = Pass, logo
	return res
}

func (r Result) because(s Status, err error) Result {
	r.Status = s
	if err != nil {
		r.Why = err.Error()
	}
	return r
}

// failed distinguishes temporary from permanent errors.
func (r Result) failed(err error) Result {
	if e, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err); ok && e.Temporary() {
		return r.because(TempError, err)
	}
	return r.because(Fail, err)
}

// discover finds the record of the domain, or that of its organizational domain.
func (c *Checker) discover(ctx context.Context, res *Result) (bool, error) {
	domains := []string{res.Domain, address.Organizational(res.Domain)}
	for _, domain := range slices.Compact(domains) {
		txt, err := c.record(ctx, res.Selector+"._bimi."+domain)
		if err != nil {
			return false, err
		}
		if txt != "" {
			res.Domain = domain
			res.Record, err = ParseRecord(txt)
			return err == nil, err
		}
	}
	return false, nil
}

// record returns the text of the record at a name, or "".
func (c *Checker) record(ctx context.Context, name string) (string, error) {
	txts, err := c.cfg.Resolver.LookupTXT(ctx, name)
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking up bimi record %s: %w", name, err)
	}
	txts = slices.DeleteFunc(slices.Clone(txts), func(t string) bool { return !IsRecord(t) })
	if len(txts) > 1 {
		return "", fmt.Errorf("looking up bimi record %s: %w", name, errRecords)
	}
	return strings.Join(txts, ""), nil
}

// logo fetches the logo and, if there are evidence and trusted authorities, checks the
// evidence.
func (c *Checker) logo(ctx context.Context, res *Result) ([]byte, error) {
	var raw, logo []byte
	if res.Record.Location != "" {
		resp, err := c.cfg.Fetcher.Get(ctx, res.Record.Location, egress.Options{HTTPSOnly: true, MediaTypes: []string{"image/svg+xml"}, MaxBody: maxLogo})
		if err != nil {
			return nil, fmt.Errorf("fetching logo: %w", err)
		}
		raw = resp.Body
		if logo, err = unpack(raw); err != nil {
			return nil, err
		}
	}
	if res.Record.Authority != "" {
		var err error
		if logo, err = c.prove(ctx, res, raw, logo); err != nil {
			return nil, err
		}
	}
	return logo, CheckSVG(logo)
}

// prove checks the evidence for a logo, and returns the logo, which may be in the evidence
// alone. raw is the logo as fetched.
func (c *Checker) prove(ctx context.Context, res *Result, raw, logo []byte) ([]byte, error) {
	if c.cfg.Roots == nil {
		res.Evidence = Skipped
		if logo == nil {
			return nil, errTrust
		}
		return logo, nil
	}
	res.Evidence = Fail
	resp, err := c.cfg.Fetcher.Get(ctx, res.Record.Authority, egress.Options{HTTPSOnly: true, MaxBody: maxEvidence})
	if err != nil {
		if e, ok := errors.AsType[*egress.Error](err); ok && e.Temporary() {
			res.Evidence = TempError
		}
		return nil, fmt.Errorf("fetching evidence: %w", err)
	}
	e, err := ParseEvidence(resp.Body)
	if err != nil {
		return nil, err
	}
	if err := e.Verify(c.cfg.Roots, res.Domain, res.Selector, time.Now()); err != nil {
		return nil, err
	}
	if logo == nil {
		logo, raw = e.Logo, e.embedded
	}
	if err := e.Covers(raw, logo); err != nil {
		return nil, err
	}
	res.Evidence, res.Mark = Pass, e.Subject()
	return logo, nil
}
