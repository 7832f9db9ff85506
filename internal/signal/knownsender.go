package signal

import (
	"strconv"

	"outrider/internal/evidence"
	"outrider/internal/mailauth"
	"outrider/internal/verdict"
)

// knownSender speaks for mail whose author domain is proved and whose address is known
// by several wanted messages. Without proof anybody could claim the history, and one
// harmless message is none.
func knownSender() Signal {
	return Signal{
		ID: "known-sender", Name: "Known sender with proof", Class: verdict.ClassPhish, Weight: -2, Since: "0.1",
		Why: "The sender is proved and has sent %s wanted messages before.",
		Find: func(e *evidence.Evidence) []Match {
			n := e.Contact.Address.Messages
			if !e.AuthorKnown() || e.Auth.DMARC.Result != mailauth.Pass && !e.AuthorProved() {
				return nil
			}
			return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: e.Author().Address(), Args: []any{strconv.Itoa(n)}})
		},
	}
}
