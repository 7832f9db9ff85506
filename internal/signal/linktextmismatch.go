package signal

import (
	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// linkTextMismatch finds links that show one domain and lead to another. Mailing services
// do so for tracking: a link to the sender's organization passes, and a proved sender that
// shows its own domain counts little.
func linkTextMismatch() Signal {
	return Signal{
		ID: "link-text-mismatch", Name: "Link leads elsewhere than it shows", Class: verdict.ClassPhish, Weight: 3, Since: "0.1",
		Why: "A link shows %s but leads to %s.",
		Find: func(e *evidence.Evidence) []Match {
			for _, u := range e.Links() {
				if u.Place != observable.PlaceAnchor {
					continue
				}
				shown := observable.ShownDomain(u.Text)
				if shown == "" || leadsThere(e, &u, shown) {
					continue
				}
				times := 1.0
				if e.AuthorProved() && address.SameOrganization(shown, e.Author().Domain) {
					times = 0.1
				}
				return one(Match{Portion: verdict.PortionLink, Value: u.Text + " -> " + u.Raw, Args: []any{shown, u.Host}, Times: times})
			}
			return nil
		},
	}
}

// leadsThere reports whether the link leads to the domain that it shows, or to its sender.
func leadsThere(e *evidence.Evidence, u *observable.URL, shown string) bool {
	if u.IP.IsValid() {
		return false
	}
	author := e.Author().Domain
	return address.SameOrganization(u.Host, shown) || observable.Brand(u.Host) == observable.Brand(shown) ||
		address.SameOrganization(u.Host, author) && !isFreemail(author) && !isBrandDomain(shown) || isRewriter(u.Host)
}

// isRewriter reports whether a host belongs to a gateway that rewrites links.
func isRewriter(host string) bool {
	for _, d := range [...]string{"safelinks.protection.outlook.com", "urldefense.com", "urldefense.proofpoint.com", "linkprotect.cudasvc.com", "mimecast.com", "mimecastprotect.com", "secure-web.cisco.com"} {
		if address.Within(host, d) {
			return true
		}
	}
	return false
}
