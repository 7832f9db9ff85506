package signal

import (
	"cmp"
	"maps"
	"slices"

	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// stolenBrand finds the three parts of a phishing message together: it uses a brand,
// presses the reader to act, and links to a host outside of the brand and of its sender.
// Each part occurs in honest mail, so the combination counts more than the sum. Proved mail
// that links to its own sender passes, such as that of resellers; so do proved lists and
// conversations.
func stolenBrand() Signal {
	return Signal{
		ID: "stolen-brand", Name: "Login lure in the name of a brand", Class: verdict.ClassPhish, Weight: 3.5, Since: "0.1",
		Why: "The message speaks as %s, but its link leads to %s, which belongs to somebody else.",
		Find: func(e *evidence.Evidence) []Match {
			a := e.Author()
			if a.Domain == "" || e.IsReply() || throughList(e) && e.ListHostProved() || e.AuthorKnown() || e.AuthorProved() && linksToAuthor(e) {
				return nil
			}
			named := foreignBrand(a.Name, a.Domain)
			b := cmp.Or(named, foreignBrand(e.Subject(), a.Domain))
			if b == nil {
				return nil
			}
			times := 1.0
			if len(wording(e, topicCredential, 0.6, 1.8)) == 0 {
				times = 0.6 // the name alone is pressure if no link leads to the brand
			}
			link, toBrand := leadsAway(e, b)
			if link == nil || times < 1 && (named == nil || toBrand) {
				return nil
			}
			return one(Match{Portion: verdict.PortionLink, Value: link.Raw, Args: []any{b.name, link.Host}, Times: times})
		},
	}
}

// leadsAway returns the first link to a host outside of the brand, or nil, and whether
// there is another.
func leadsAway(e *evidence.Evidence, b *brand) (away *observable.URL, toBrand bool) {
	links := e.Links()
	for i := range links[:min(len(links), maxClaims)] {
		switch u := &links[i]; {
		case b.owns(u.Host):
			toBrand = true
		case away == nil && !isRewriter(u.Host):
			away = u
		}
	}
	return away, toBrand
}

// foreignBrand returns the brand in text that the domain does not belong to, or nil.
func foreignBrand(text, domain string) *brand {
	for _, words := range []string{observable.Words(text), observable.Words(plainLookalikes(text))} {
		for _, i := range slices.Sorted(maps.Keys(lists().brandWords.Find(words))) {
			if b := &lists().brands[i]; !b.owns(domain) {
				return b
			}
		}
	}
	return nil
}
