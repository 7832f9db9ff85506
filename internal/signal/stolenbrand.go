package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// stolenBrand finds the three parts of a phishing message together: it speaks as a
// brand, presses the reader to act on an account, and leads to a host that belongs to
// the brand no more than its sender does. Each part stands in honest mail; so the sum
// of the parts says less than that they meet. Proved mail that leads to its own sender
// passes, as that of resellers does; so do lists and conversations.
func stolenBrand() Signal {
	return Signal{
		ID: "stolen-brand", Name: "Login lure in the name of a brand", Class: verdict.ClassPhish, Weight: 2.5, Since: "0.1",
		Why: "The message speaks as %s and presses you to act, but its link leads to %s.",
		Find: func(e *evidence.Evidence) []Match {
			a := e.Author()
			if a.Domain == "" || e.IsReply() || throughList(e) || e.AuthorKnown() || e.AuthorProved() && linksToAuthor(e) {
				return nil
			}
			b := foreignBrand(a.Name+" \n "+e.Subject(), a.Domain)
			if b == nil || len(wording(e, topicCredential, 0.6, 1.8)) == 0 {
				return nil
			}
			for i, u := range e.Links() {
				if i == maxClaims {
					break
				}
				if !b.owns(u.Host) && !isRewriter(u.Host) {
					return one(Match{Portion: verdict.PortionLink, Value: u.Raw, Args: []any{b.name, u.Host}})
				}
			}
			return nil
		},
	}
}

// foreignBrand returns the brand that text names and that the domain does not belong
// to, or nil.
func foreignBrand(text, domain string) *brand {
	for _, words := range []string{observable.Words(text), observable.Words(plainLookalikes(text))} {
		for i, hits := range lists().brandWords.Find(words) {
			if b := &lists().brands[i]; len(hits) > 0 && !b.owns(domain) {
				return b
			}
		}
	}
	return nil
}
