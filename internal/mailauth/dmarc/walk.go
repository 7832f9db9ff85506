package dmarc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"outrider/internal/address"
)

// maxLabels is the number of labels from which a walk skips labels. RFC 9989, Section 4.10:
// at most eight queries for one walk.
const maxLabels = 8

// found is a record and its name.
type found struct {
	domain string
	record Record
}

// answer is the result for one name.
type answer struct {
	record Record
	ok     bool  // there is one usable record
	bad    bool  // the one record is malformed
	err    error // a temporary error
}

// session caches the answers for one message: the walks of several domains share most of
// their names.
type session struct {
	dns     Resolver
	walk    bool
	answers map[string]answer
	orgs    map[string]string
}

// ask returns the record at a domain.
func (s *session) ask(ctx context.Context, domain string) answer {
	if a, ok := s.answers[domain]; ok {
		return a
	}
	a := s.query(ctx, domain)
	s.answers[domain] = a
	return a
}

func (s *session) query(ctx context.Context, domain string) answer {
	txts, err := s.dns.LookupTXT(ctx, "_dmarc."+domain)
	if err != nil {
		if notFound(err) {
			return answer{}
		}
		return answer{err: fmt.Errorf("looking up dmarc record for %s: %w", domain, err)}
	}
	var texts []string
	for _, txt := range txts {
		if IsRecord(txt) {
			texts = append(texts, txt)
		}
	}
	// RFC 9989, Section 4.10: several policy records at one name are all discarded.
	if len(texts) != 1 {
		return answer{}
	}
	r, err := ParseRecord(texts[0])
	return answer{record: r, ok: err == nil, bad: err != nil}
}

func notFound(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound
}

// climb walks up from a domain and returns the records found, longest name first, up to the
// first that ends the walk.
func (s *session) climb(ctx context.Context, start string) ([]found, error) {
	var out []found
	for at := start; at != ""; at = parent(at) {
		a := s.ask(ctx, at)
		if a.err != nil {
			return out, a.err
		}
		if !a.ok {
			continue
		}
		out = append(out, found{at, a.record})
		if a.record.PSD == 'n' || a.record.PSD == 'y' && at != start {
			break
		}
	}
	return out, nil
}

// parent returns the next name of a walk. RFC 9989, Section 4.10: from eight labels on,
// continue with the last seven.
func parent(domain string) string {
	if n := strings.Count(domain, ".") + 1; n >= maxLabels {
		for ; n >= maxLabels; n-- {
			_, domain, _ = strings.Cut(domain, ".")
		}
		return domain
	}
	_, rest, _ := strings.Cut(domain, ".")
	return rest
}

// organizational selects the organizational domain among the records of a walk.
// RFC 9989, Section 4.10.2.
func organizational(start string, walk []found) string {
	for _, f := range walk {
		switch {
		case f.record.PSD == 'n':
			return f.domain
		case f.record.PSD == 'y' && f.domain != start:
			return below(start, f.domain)
		}
	}
	if len(walk) > 0 {
		return walk[len(walk)-1].domain
	}
	return start
}

// below returns the ancestor of domain one label below parent.
func below(domain, parent string) string {
	head := strings.TrimSuffix(domain, "."+parent)
	return head[strings.LastIndexByte(head, '.')+1:] + "." + parent
}

// org returns the organizational domain of a domain.
func (s *session) org(ctx context.Context, domain string) string {
	if !s.walk {
		return address.Organizational(domain)
	}
	if o, ok := s.orgs[domain]; ok {
		return o
	}
	walk, err := s.climb(ctx, domain)
	o := organizational(domain, walk)
	if err != nil {
		o = address.Organizational(domain)
	}
	s.orgs[domain] = o
	return o
}

// exists reports whether a domain has an address or accepts mail. A failed query counts as
// yes: np= is the stricter policy.
func (s *session) exists(ctx context.Context, domain string) bool {
	if ips, err := s.dns.LookupIPAddr(ctx, domain); err == nil && len(ips) > 0 || err != nil && !notFound(err) {
		return true
	}
	mxs, err := s.dns.LookupMX(ctx, domain)
	return err == nil && len(mxs) > 0 || err != nil && !notFound(err)
}
