package dmarc

import (
	"context"
	"slices"
	"strings"

	"outrider/internal/address"
	"outrider/internal/mailauth/dkim"
)

// Bounds on a message: each domain can cost a walk of eight queries.
const (
	maxAuthors = 5  // honest mail has one; a meeting of organizations has two
	maxProofs  = 20 // authenticated domains that are compared
)

// Evaluator evaluates DMARC.
type Evaluator struct {
	Resolver Resolver
	// PublicSuffix uses the public suffix list for organizational domains instead of the
	// tree walk.
	PublicSuffix bool
}

// Evaluate evaluates DMARC for a message. Queries unanswered when ctx ends cause
// "temperror".
func (e *Evaluator) Evaluate(ctx context.Context, in Input) *Evaluation {
	s := &session{dns: e.Resolver, walk: !e.PublicSuffix, answers: map[string]answer{}, orgs: map[string]string{}}
	out := &Evaluation{Authors: len(in.Authors)}
	in.DKIM = in.DKIM[:min(len(in.DKIM), maxProofs)]
	if len(in.Authors) == 0 {
		out.Outcome = Outcome{Result: dkim.None, Why: WhyNoAuthor, Detail: "From has no domain"}
		return out
	}
	out.Skipped = max(0, len(in.Authors)-maxAuthors)
	for _, author := range in.Authors[:len(in.Authors)-out.Skipped] {
		out.Outcomes = append(out.Outcomes, s.evaluate(ctx, author, in))
	}
	// RFC 9989, Section 10.5: several author domains can circumvent policies, so the worst
	// outcome counts.
	out.Outcome = slices.MaxFunc(out.Outcomes, func(a, b Outcome) int { return severity(&a) - severity(&b) })
	return out
}

// severity orders outcomes: a fail by its policy, then errors, then no policy, then a pass.
func severity(o *Outcome) int {
	switch o.Result {
	case dkim.Fail:
		return 10 + slices.Index([]Disposition{NoAction, Quarantine, Reject}, o.Apply)
	case dkim.TempError:
		return 5
	case dkim.PermError:
		return 4
	case dkim.None:
		return 3
	default:
		return 0
	}
}

func (s *session) evaluate(ctx context.Context, author string, in Input) Outcome {
	o := Outcome{Author: author}
	if strings.HasPrefix(author, "[") {
		o.Result, o.Why, o.Detail = dkim.None, WhyNoAuthor, "the author has an address literal"
		return o
	}
	s.discover(ctx, &o)
	if o.FoundAt == "" {
		return o
	}
	own := o.FoundAt == author
	exists := own || o.Record.Nonexistent == "" || s.exists(ctx, author)
	o.Policy, o.Tag = o.Record.choose(own, exists)
	o.Apply = o.Record.lower(o.Policy)
	open := s.align(ctx, &o, in)
	switch {
	case len(o.Aligned) > 0:
		o.Result, o.Why, o.Detail = dkim.Pass, "", ""
	case open:
		o.Result, o.Why, o.Detail = dkim.TempError, WhyUnfinished, "spf or dkim of the author domain could not be finished"
	default:
		o.Result, o.Why, o.Detail = dkim.Fail, WhyUnaligned, "neither spf nor dkim proves "+author
	}
	return o
}

// discover finds the record that applies to the author domain. RFC 9989, Section 4.10.1:
// that of the author domain, else of its organizational domain, else of the public suffix
// above.
func (s *session) discover(ctx context.Context, o *Outcome) {
	a := s.ask(ctx, o.Author)
	switch {
	case a.err != nil:
		o.Result, o.Why, o.Detail = dkim.TempError, WhyDNS, a.err.Error()
		return
	case a.bad:
		o.Result, o.Why, o.Detail = dkim.PermError, WhyBadRecord, "the record of "+o.Author+" has no valid policy"
		return
	case a.ok:
		o.FoundAt, o.Record = o.Author, a.record
		return
	}
	o.Result, o.Why, o.Detail = dkim.None, WhyNoRecord, "there is no dmarc record"
	walk, err := s.above(ctx, o.Author)
	if err != nil {
		o.Result, o.Why, o.Detail = dkim.TempError, WhyDNS, err.Error()
		return
	}
	if len(walk) == 0 {
		return
	}
	o.Org = s.org(ctx, o.Author)
	at := walk[len(walk)-1]
	for _, f := range walk {
		if f.domain == o.Org {
			at = f
			break
		}
	}
	o.FoundAt, o.Record = at.domain, at.record
}

// above returns the records above a domain without a record.
func (s *session) above(ctx context.Context, author string) ([]found, error) {
	if s.walk {
		return s.climb(ctx, author)
	}
	org := address.Organizational(author)
	a := s.ask(ctx, org)
	if a.err != nil || !a.ok {
		return nil, a.err
	}
	return []found{{org, a.record}}, nil
}

// align lists the domains that align with the author domain, and reports whether an
// unfinished method may still align.
func (s *session) align(ctx context.Context, o *Outcome, in Input) (open bool) {
	check := func(m Method, p Proof, strict bool) {
		if p.Domain == "" || p.Result != dkim.Pass && p.Result != dkim.TempError || !s.aligned(ctx, o, p.Domain, strict) {
			return
		}
		if p.Result == dkim.TempError {
			open = true
			return
		}
		o.Aligned = append(o.Aligned, Alignment{Method: m, Domain: p.Domain, Strict: p.Domain == o.Author})
	}
	check(SPF, in.SPF, o.Record.StrictSPF)
	for _, p := range in.DKIM {
		check(DKIM, p, o.Record.StrictDKIM)
	}
	return open
}

// aligned compares an authenticated domain with the author's. RFC 9989, Section 4.10.2:
// equal domains and strict mode need no walk.
func (s *session) aligned(ctx context.Context, o *Outcome, domain string, strict bool) bool {
	if strict || domain == o.Author {
		return domain == o.Author
	}
	// Domains of one organization share at least the top label.
	if topLabel(domain) != topLabel(o.Author) {
		return false
	}
	if o.Org == "" {
		o.Org = s.org(ctx, o.Author)
	}
	return s.org(ctx, domain) == o.Org
}

func topLabel(domain string) string { return domain[strings.LastIndexByte(domain, '.')+1:] }
