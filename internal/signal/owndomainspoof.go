package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// ownDomainSpoof finds mail that claims to be from the tenant's own domain but comes
// from outside without proof. Mail of the own servers passes.
func ownDomainSpoof() Signal {
	return Signal{
		ID: "own-domain-spoof", Name: "Own domain used from outside", Class: verdict.ClassSpoof, Weight: 7, Since: "0.1",
		Why: "The message claims to come from %s, your own domain, but was sent from outside without proof.",
		Find: func(e *evidence.Evidence) []Match {
			if !e.AuthChecked() || e.FromInside() || undecided(e) || e.ListHostProved() {
				return nil
			}
			for _, a := range e.Authors() {
				if ownDomain(e, a.Domain) && !e.Auth.AlignedPass(a.Domain) {
					return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: a.Address(), Args: []any{a.Domain}})
				}
			}
			return nil
		},
	}
}
