package mailauth

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"

	"blitiri.com.ar/go/spf"
	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-msgauth/dmarc"

	"outrider/internal/address"
	"outrider/internal/budget"
	"outrider/internal/message"
	"outrider/internal/tenant"
)

// Resolver answers the questions of SPF, DKIM and DMARC, with errors as the standard
// library's resolver gives them. dns.Session is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Verify authenticates a message that our own edge received for d, which may be nil.
// What DNS does not answer before ctx ends is "temperror".
func Verify(ctx context.Context, r *message.Received, m *message.Message, d *tenant.Domain, dns Resolver, b *budget.Budget) Results {
	sender := FindSender(r, m, d)
	res := Results{Source: SourceEdge, Client: sender.Addr, Hops: sender.Hops}
	author := authorDomain(m)
	policy := dmarcRecord{}
	var wg sync.WaitGroup
	wg.Go(func() {
		res.SPF = SPF{Result: TempError, Why: "a defect of ours"}
		contain(func() { res.SPF = checkSPF(ctx, sender, r.Envelope.From, dns) })
	})
	wg.Go(func() {
		policy = dmarcRecord{result: TempError, why: "a defect of ours"}
		contain(func() { policy = lookupDMARC(ctx, author, dns) })
	})
	res.DKIM = checkDKIM(ctx, m, dns, b)
	wg.Wait()
	res.DMARC = policy.evaluate(author, &res)
	return res
}

// contain runs f and ends its panic: a message that finds a defect in a library must
// not end the process. The caller has set what holds then.
func contain(f func()) {
	defer func() { _ = recover() }()
	f()
}

// checkSPF evaluates SPF for the reverse-path, or for HELO where that is null.
// RFC 7208, Section 2.4: the null reverse-path is postmaster at the HELO domain.
func checkSPF(ctx context.Context, s TrueSender, from string, dns Resolver) SPF {
	out := SPF{Result: None, Domain: normal(domainOf(from))}
	if from == "" {
		out.Helo, out.Domain = true, normal(s.Helo)
		from = "postmaster@" + s.Helo
	}
	if !s.Addr.IsValid() {
		out.Why = "the sender's address is unknown"
		return out
	}
	result, err := spf.CheckHostWithSender(net.IP(s.Addr.AsSlice()), s.Helo, from, spf.WithContext(ctx), spf.WithResolver(dns))
	out.Result = Result(result)
	if err != nil && !errors.Is(err, spf.ErrNoResult) {
		out.Why = err.Error()
	}
	return out
}

// checkDKIM checks the signatures of m on its raw bytes, as many as the budget allows.
func checkDKIM(ctx context.Context, m *message.Message, dns Resolver, b *budget.Budget) []DKIM {
	n := len(m.Header().All("DKIM-Signature"))
	if n == 0 {
		return nil
	}
	checks := 0
	for checks < n && b.Spend(budget.Signatures, 1) {
		checks++
	}
	if checks == 0 {
		return []DKIM{{Result: TempError, Why: "no budget left for signatures"}}
	}
	options := dkim.VerifyOptions{
		MaxVerifications: checks,
		LookupTXT:        func(name string) ([]string, error) { return dns.LookupTXT(ctx, name) },
	}
	vs, err := dkim.VerifyWithOptions(bytes.NewReader(m.Raw), &options)
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return []DKIM{{Result: PermError, Why: err.Error()}}
	}
	out := make([]DKIM, 0, len(vs))
	for _, v := range vs {
		out = append(out, dkimResult(v))
	}
	return out
}

func dkimResult(v *dkim.Verification) DKIM {
	d := DKIM{Result: Pass, Domain: normal(v.Domain), Ident: v.Identifier, Keys: len(v.HeaderKeys)}
	if v.Err == nil {
		return d
	}
	d.Why = v.Err.Error()
	switch {
	case dkim.IsTempFail(v.Err):
		d.Result = TempError
	case dkim.IsPermFail(v.Err):
		d.Result = PermError
	default:
		d.Result = Fail
	}
	return d
}

// authorDomain returns the one domain of the From field, or "".
// RFC 9989, Section 5.3.1: mail with several author domains is outside DMARC.
func authorDomain(m *message.Message) string {
	domain := ""
	for _, mb := range m.Header().Mailboxes("From") {
		switch {
		case mb.Domain == "" || mb.Domain == domain:
		case domain == "":
			domain = mb.Domain
		default:
			return ""
		}
	}
	return domain
}

// dmarcRecord is the policy record that applies to an author domain.
type dmarcRecord struct {
	record *dmarc.Record // or nil
	org    bool          // found at the organizational domain
	result Result        // None or TempError where record is nil
	why    string
}

// lookupDMARC finds the policy at the author domain or its organizational domain.
func lookupDMARC(ctx context.Context, author string, dns Resolver) dmarcRecord {
	if author == "" || strings.HasPrefix(author, "[") {
		return dmarcRecord{result: None, why: "no single author domain"}
	}
	names := []string{author}
	if org := address.Organizational(author); org != author {
		names = append(names, org)
	}
	for i, name := range names {
		txts, err := dns.LookupTXT(ctx, "_dmarc."+name)
		if e, ok := errors.AsType[*net.DNSError](err); err != nil && (!ok || !e.IsNotFound) {
			return dmarcRecord{result: TempError, why: err.Error()}
		}
		if rec := parseDMARC(txts); rec != nil {
			return dmarcRecord{record: rec, org: i > 0}
		}
	}
	return dmarcRecord{result: None, why: "no dmarc record"}
}

// parseDMARC returns the policy among the TXT records.
// RFC 9989, Section 4.10: several DMARC records count as none.
func parseDMARC(txts []string) *dmarc.Record {
	var found *dmarc.Record
	for _, txt := range txts {
		if !strings.HasPrefix(strings.TrimSpace(txt), "v=DMARC1") {
			continue
		}
		rec, err := dmarc.Parse(txt)
		if err != nil {
			continue
		}
		if found != nil {
			return nil
		}
		found = rec
	}
	return found
}

// evaluate decides DMARC from the identifiers that SPF and DKIM proved.
func (d dmarcRecord) evaluate(author string, res *Results) DMARC {
	out := DMARC{Result: d.result, Domain: author, Why: d.why}
	if d.record == nil {
		return out
	}
	out.Policy = string(d.record.Policy)
	if d.org && d.record.SubdomainPolicy != "" {
		out.Policy = string(d.record.SubdomainPolicy)
	}
	out.Result = Fail
	if res.SPF.Result == Pass && !res.SPF.Helo && aligned(res.SPF.Domain, author, d.record.SPFAlignment) {
		out.Result, out.Aligned = Pass, "spf"
	}
	for _, s := range res.DKIM {
		if s.Result == Pass && aligned(s.Domain, author, d.record.DKIMAlignment) {
			out.Result, out.Aligned = Pass, "dkim"
		}
	}
	if out.Result == Fail && d.open(author, res) {
		out.Result, out.Why = TempError, "spf or dkim could not be finished"
	}
	return out
}

// open reports whether a method that was not finished may still pass for the author. A
// method that speaks of another domain cannot: a sender who breaks the DNS of his own
// domain gains nothing.
// RFC 9989, Section 5.3.5: the outcome of a temporary error is the receiver's choice.
func (d dmarcRecord) open(author string, res *Results) bool {
	if res.SPF.Result == TempError && !res.SPF.Helo && aligned(res.SPF.Domain, author, d.record.SPFAlignment) {
		return true
	}
	for _, s := range res.DKIM {
		if s.Result == TempError && aligned(s.Domain, author, d.record.DKIMAlignment) {
			return true
		}
	}
	return false
}

func aligned(domain, author string, mode dmarc.AlignmentMode) bool {
	if mode == dmarc.AlignmentStrict {
		return domain == author
	}
	return address.SameOrganization(domain, author)
}
