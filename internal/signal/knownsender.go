package signal

import (
	"strconv"

	"outrider/internal/evidence"
	"outrider/internal/mailauth"
	"outrider/internal/verdict"
)

// knownSender counts for mail of one author who passed DMARC and whose address has sent
// several wanted messages. Without proof anybody could claim that history, one harmless
// message is no history, and no history excuses new payment details.
func knownSender() Signal {
	return Signal{
		ID: "known-sender", Name: "Known sender with proof", Class: verdict.ClassPhish, Weight: -2, Since: "0.1",
		Why: "The sender is proved and has sent %s wanted messages before.",
		Find: func(e *evidence.Evidence) []Match {
			n := e.Contact.Address.Messages
			if !e.AuthorKnown() || e.Auth.DMARC.Result != mailauth.Pass || !e.AuthorProved() || newAccount(e) != nil {
				return nil
			}
			return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: e.Author().Address(), Args: []any{strconv.Itoa(n)}})
		},
	}
}
