package signal

import (
	"slices"

	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// credentialLure finds the wording of credential theft together with a link or a file:
// expiring accounts, failed payments, waiting documents and parcels. Conversations pass; so
// does wording without a link or file. From a proved sender whose links all lead to its own
// organisation it is expected and counts little.
func credentialLure() Signal {
	return Signal{
		ID: "credential-lure", Name: "Wording that lures to a login", Class: verdict.ClassPhish, Weight: 2.5, Since: "0.1",
		Why: "The text presses you to act on an account or delivery: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if !hasLure(e) || e.IsReply() {
				return nil
			}
			found := wording(e, topicCredential, 0.6, 1.8)
			if len(found) > 0 && staysHome(e) {
				found[0].Times *= homeShare
			}
			return found
		},
	}
}

// homeShare weighs wording that customers expect.
const homeShare = 0.25

// staysHome reports whether all links lead to the proved sender's own organisation, or
// another domain of the same brand. A message that greets without a name, names another
// brand, or comes from a throw-away domain does not qualify.
func staysHome(e *evidence.Evidence) bool {
	d := e.Author().Domain
	if !e.AuthorProved() || d == "" || isFreemail(d) || len(e.Links()) == 0 || listed(lists().hosting, d) || throwAway(d) > 0 ||
		len(phrases(e, topicGreeting)) > 0 || slices.ContainsFunc(e.Files(), func(f *evidence.File) bool { return f.Page() != nil }) {
		return false
	}
	if foreignBrand(e.Author().Name, d) != nil || foreignBrand(e.Subject(), d) != nil {
		return false
	}
	return !slices.ContainsFunc(e.Links(), func(u observable.URL) bool { return u.Place != observable.PlaceImage && !atHome(&u, d) })
}

// atHome reports whether a link leads to the organisation of a domain, or to the brand that
// owns it.
func atHome(u *observable.URL, domain string) bool {
	if u.Org() == "" {
		return false
	}
	if address.SameOrganization(u.Host, domain) || isRewriter(u.Host) {
		return true
	}
	for i := range lists().brands {
		if b := &lists().brands[i]; b.owns(domain) && b.owns(u.Host) {
			return true
		}
	}
	return false
}
