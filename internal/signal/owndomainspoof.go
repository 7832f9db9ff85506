package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// ownDomainSpoof finds mail that claims the tenant's own domain but comes from outside
// without proof. Mail of the own servers passes.
func ownDomainSpoof() Signal {
	return Signal{
		ID: "own-domain-spoof", Name: "Own domain used from outside", Class: verdict.ClassSpoof, Weight: 7, Since: "0.1",
		Why: "The message claims to come from %s, your own domain, but was sent from outside without proof.",
		Find: func(e *evidence.Evidence) []Match {
			if !e.AuthChecked() || e.FromInside() || undecided(e) || e.ListHostProved() {
				return nil
			}
			for _, d := range e.AuthorDomains() {
				if ownDomain(e, d) && !e.Auth.AlignedPass(d) {
					return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: e.Message.Header().Text("From"), Args: []any{d}})
				}
			}
			return nil
		},
	}
}
