package signal

import (
	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// lookalikeDomain finds domains that imitate one that the tenant owns or trades with, in
// From, Reply-To and links. Domains that the tenant knows pass.
func lookalikeDomain() Signal {
	return Signal{
		ID: "lookalike-domain", Name: "Look-alike of a trusted domain", Class: verdict.ClassPhish, Weight: 8, Since: "0.1",
		Why: "The domain %s is made to be taken for %s: %s.",
		Find: func(e *evidence.Evidence) []Match {
			targets := trustedDomains(e)
			for _, c := range claims(e) {
				if m, ok := imitation(c, targets); ok {
					return one(m)
				}
			}
			return nil
		},
	}
}

// claim is one domain that readers see, and its place.
type claim struct {
	domain  string
	portion verdict.Portion
	field   string
}

// maxClaims bounds the domains compared; a message needs one.
const maxClaims = 50

func claims(e *evidence.Evidence) []claim {
	var out []claim
	for _, d := range e.AuthorDomains() {
		out = append(out, claim{d, verdict.PortionHeader, "From"})
	}
	for _, a := range e.ReplyTo() {
		out = append(out, claim{a.Domain, verdict.PortionHeader, "Reply-To"})
	}
	last := ""
	for _, u := range e.Links() {
		if u.Org() != "" && u.Host != last && len(out) < maxClaims {
			out = append(out, claim{u.Host, verdict.PortionLink, ""})
			last = u.Host
		}
	}
	return out
}

func trustedDomains(e *evidence.Evidence) []string {
	if e.Tenant == nil {
		return nil
	}
	var out []string
	for _, d := range e.Tenant.Domains {
		out = append(out, d.Name)
	}
	for _, p := range e.Tenant.Partners {
		out = append(out, p.Domain)
	}
	return out
}

func imitation(c claim, targets []string) (Match, bool) {
	for _, t := range targets {
		if address.Within(c.domain, t) || address.SameOrganization(c.domain, t) {
			return Match{}, false
		}
	}
	for _, t := range targets {
		if how, ok := observable.Imitates(c.domain, t); ok {
			return Match{Portion: c.portion, Field: c.field, Value: c.domain, Args: []any{c.domain, t, how}}, true
		}
	}
	return Match{}, false
}
