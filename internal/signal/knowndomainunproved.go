package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/mailauth"
	"outrider/internal/verdict"
)

// knownDomainUnproved finds unauthenticated mail from providers and brands that
// authenticate all their mail. Mailing lists may break signatures, so their mail passes.
func knownDomainUnproved() Signal {
	return Signal{
		ID: "known-domain-unproved", Name: "Well-known sender without proof", Class: verdict.ClassSpoof, Weight: 2, Since: "0.1",
		Why: "Mail from %s is always signed or sent from known servers, but this message is not.",
		Find: func(e *evidence.Evidence) []Match {
			domain := e.Author().Domain
			if domain == "" || !e.AuthChecked() || e.AuthorProved() || undecided(e) || e.FromInside() || throughList(e) {
				return nil
			}
			if !isFreemail(domain) && !isBrandDomain(domain) {
				return nil
			}
			return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: domain, Args: []any{domain}})
		},
	}
}

// undecided reports whether a check did not finish, so that the mail may be authentic.
func undecided(e *evidence.Evidence) bool {
	return len(e.Auth.Degraded()) > 0 || e.Auth.SPF.Result == mailauth.TempError
}

// throughList reports whether the message came through a mailing list.
func throughList(e *evidence.Evidence) bool {
	h := e.Message.Header()
	return h.Has("List-Id") || h.Has("List-Post")
}

func isBrandDomain(domain string) bool {
	for i := range lists().brands {
		if lists().brands[i].owns(domain) {
			return true
		}
	}
	return false
}
