package signal

import (
	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// replyToDiffers finds a Reply-To that leaves the sender's organization for a free mailbox,
// which is typical of fraud. Lists, and companies that receive replies at a service under
// their own domain, pass.
func replyToDiffers() Signal {
	return Signal{
		ID: "reply-to-differs", Name: "Replies go to a free mailbox elsewhere", Class: verdict.ClassBEC, Weight: 2.5, Since: "0.1",
		Why: "The message comes from %s, but replies go to %s.",
		Find: func(e *evidence.Evidence) []Match {
			author := e.Author()
			if author.Domain == "" || throughList(e) {
				return nil
			}
			for _, r := range e.ReplyTo() {
				if r.Domain == "" || address.SameOrganization(r.Domain, author.Domain) && (r.Local == author.Local || !isFreemail(r.Domain)) {
					continue
				}
				if isFreemail(r.Domain) {
					return one(Match{Portion: verdict.PortionHeader, Field: "Reply-To", Value: r.Address(), Args: []any{author.Address(), r.Address()}})
				}
			}
			return nil
		},
	}
}
