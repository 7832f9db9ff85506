package signal

import (
	"cmp"

	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// dmarcFailed finds mail that its own domain asks receivers to refuse. Lists break
// signatures honestly; mail through a list whose host is proved counts little. RFC 9989,
// Section 5.3: the owner of the author domain publishes the policy.
func dmarcFailed() Signal {
	return Signal{
		ID: "dmarc-failed", Name: "Sender disowned by its domain", Class: verdict.ClassSpoof, Weight: 6, Since: "0.1",
		Why: "The domain %s says that mail like this does not come from it.",
		Find: func(e *evidence.Evidence) []Match {
			d := &e.Auth.DMARC
			if !e.Auth.Disowned() || d.Domain == "" || e.FromInside() && ownDomain(e, d.Domain) {
				return nil
			}
			times := map[string]float64{"reject": 1, "quarantine": 0.8, "none": 0.25, "": 0.25}[cmp.Or(d.Apply, d.Policy)]
			if e.ListHostProved() {
				times *= 0.1
			}
			return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: d.Domain, Args: []any{d.Domain}, Times: times})
		},
	}
}

// ownDomain reports whether the domain is one of the tenant's.
func ownDomain(e *evidence.Evidence, domain string) bool {
	return e.Tenant != nil && e.Tenant.Owns(domain)
}
