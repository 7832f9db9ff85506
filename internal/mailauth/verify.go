package mailauth

import (
	"cmp"
	"context"
	"net"
	"sync"
	"time"

	"outrider/internal/address"
	"outrider/internal/budget"
	"outrider/internal/mailauth/arc"
	"outrider/internal/mailauth/authres"
	"outrider/internal/mailauth/dkim"
	"outrider/internal/mailauth/dmarc"
	"outrider/internal/mailauth/spf"
	"outrider/internal/message"
	"outrider/internal/tenant"
)

// Resolver resolves the queries of SPF, DKIM and DMARC, with errors as from the standard
// library's resolver. dns.Session is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Verify authenticates a message that our own edge received for d, which may be nil. DNS
// queries unanswered when ctx ends cause "temperror". sealers lists the trusted ARC sealer
// domains.
func Verify(ctx context.Context, r *message.Received, m *message.Message, d *tenant.Domain, dns Resolver, b *budget.Budget, sealers ...string) Results {
	sender := FindSender(r, m, d)
	res := Results{Source: SourceEdge, Client: sender.Addr, Hops: sender.Hops}
	res.authors(m)
	authors := res.Authors
	memo := newMemo(dns)
	var wg sync.WaitGroup
	wg.Go(func() {
		res.SPF = SPF{Result: TempError, Why: "internal error"}
		contain(func() { res.SPF = checkSPF(ctx, sender, r.Envelope.From, dns) })
	})
	// The policies are looked up meanwhile, so that a sender's slow DNS does not use up
	// their time.
	wg.Go(func() { contain(func() { evaluate(ctx, memo, authors, &Results{}) }) })
	checked := false
	contain(func() {
		v := &dkim.Verifier{Resolver: dns}
		res.DKIM = checkDKIM(ctx, m, v, b)
		res.ARC, res.chain = checkARC(ctx, m, v, b, sealers)
		checked = true
	})
	wg.Wait()
	// Signatures that an internal error left unchecked might have passed.
	res.DMARC = DMARC{Result: TempError, Why: "internal error"}
	if checked {
		contain(func() { res.DMARC = evaluate(ctx, memo, authors, &res) })
	}
	return res
}

// contain runs f and recovers from a panic: a message that triggers a defect in a library
// must not end the process. The caller has preset the result for that case.
func contain(f func()) {
	defer func() { _ = recover() }()
	f()
}

// checkSPF evaluates SPF for the reverse-path, or for HELO if that is null. RFC 7208,
// Section 2.4: the null reverse-path is postmaster at the HELO domain.
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
	o := spf.Evaluate(ctx, dns, spf.Query{Addr: s.Addr, Domain: out.Domain, Sender: from, Helo: s.Helo, At: time.Now()})
	out.Result, out.Term, out.Why = Result(o.Result), o.Term, cmp.Or(o.Why, o.Explanation)
	return out
}

// checkDKIM verifies the signatures of m on its raw bytes, as many as the budget allows.
func checkDKIM(ctx context.Context, m *message.Message, v *dkim.Verifier, b *budget.Budget) []DKIM {
	if !m.Header().Has("DKIM-Signature") {
		return nil
	}
	found := v.Verify(ctx, m.Raw, b)
	out := make([]DKIM, 0, len(found.Signatures))
	for i := range found.Signatures {
		out = append(out, dkimResult(&found.Signatures[i]))
	}
	return out
}

func dkimResult(s *dkim.Signature) DKIM {
	d := DKIM{
		Result: Result(s.Result), Domain: normal(s.Domain), Ident: s.Identity, Selector: s.Selector, Algorithm: s.Algorithm,
		Keys: s.Fields, Bits: s.Key.Bits, Testing: s.Key.Testing, Unsigned: s.Unsigned,
	}
	if s.Result != dkim.Pass {
		d.Why = cmp.Or(s.Detail, string(s.Why))
	}
	if s.Why == dkim.WhyBudget {
		d.Result = Policy // a retry would end the same: an excess of signatures must not leave DMARC undecided
	}
	for _, c := range s.Coverage {
		switch {
		case c.Present > 0 && !c.Covered():
			d.Open = append(d.Open, c.Field)
		case c.Oversigned():
			d.Oversigned = append(d.Oversigned, c.Field)
		}
	}
	return d
}

// checkARC validates the chain of a forwarded message. A valid chain proves who handled the
// message, not that they are honest: their results count only if the newest sealer is one
// that the operator trusts. RFC 8617, Section 9.1.
func checkARC(ctx context.Context, m *message.Message, v *dkim.Verifier, b *budget.Budget, trusted []string) (ARC, *arc.Chain) {
	if !m.Header().Has("ARC-Seal") {
		return ARC{}, nil
	}
	chain := arc.Validate(ctx, m.Raw, v, b)
	out := ARC{Result: Result(chain.Result), Why: cmp.Or(chain.Detail, string(chain.Why)), Sealers: chain.Sealers()}
	if chain.Temporary {
		out.Result = TempError
	}
	if chain.Result != arc.Pass || len(chain.Sets) == 0 {
		return out, chain
	}
	newest := chain.Sets[0]
	for _, t := range trusted {
		out.Trusted = out.Trusted || address.Within(newest.Domain, t)
	}
	out.DMARC = sealedDMARC(newest.Results, m)
	return out, chain
}

// sealedDMARC returns the DMARC result of a sealer. It counts for the author that the
// sealer checked, and only if From has no other. A fail takes precedence over a pass.
func sealedDMARC(results []authres.Result, m *message.Message) Result {
	a := m.Authors()
	if len(a.Domains) != 1 || a.Nameless || len(m.Header().All("From")) != 1 {
		return ""
	}
	var out Result
	for i := range results {
		if r := &results[i]; r.Method == "dmarc" && normal(r.Prop("header.from")) == a.Domains[0] && (out == "" || result(r.Value) == Fail) {
			out = result(r.Value)
		}
	}
	return out
}

// evaluate evaluates DMARC with the identifiers that SPF and DKIM authenticated.
func evaluate(ctx context.Context, dns dmarc.Resolver, authors []string, res *Results) DMARC {
	if len(authors) == 0 {
		return DMARC{Result: None, Why: "no author domain"}
	}
	in := dmarc.Input{Authors: authors}
	if !res.SPF.Helo { // HELO authenticates a host, but no author
		in.SPF = dmarc.Proof{Domain: res.SPF.Domain, Result: dkim.Result(res.SPF.Result)}
	}
	for _, s := range res.DKIM {
		in.DKIM = append(in.DKIM, dmarc.Proof{Domain: s.Domain, Result: dkim.Result(s.Result)})
	}
	e := (&dmarc.Evaluator{Resolver: dns}).Evaluate(ctx, in)
	out := DMARC{
		Result: Result(e.Result), Domain: e.Author, Policy: string(e.Policy), Apply: string(e.Apply), Org: e.Org, FoundAt: e.FoundAt,
		Why: cmp.Or(e.Detail, string(e.Why)), Testing: e.Record.Testing,
	}
	for _, a := range e.Aligned {
		out.Aligned = string(a.Method)
	}
	if e.Skipped > 0 && (out.Result == Pass || out.Result == None) {
		// No honest message has so many author domains; the decisive one may come last.
		out.Result, out.Aligned, out.Why = Fail, "", "more author domains than are looked at"
	}
	return out
}
