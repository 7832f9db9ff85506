package signal

import (
	"strconv"

	"outrider/internal/evidence"
	"outrider/internal/mailauth"
	"outrider/internal/verdict"
)

// knownSender speaks for mail whose author domain is proved and whose address has sent
// wanted mail before. Without proof anybody could claim the history.
func knownSender() Signal {
	return Signal{
		ID: "known-sender", Name: "Known sender with proof", Class: verdict.ClassPhish, Weight: -2, Since: "0.1",
		Why: "The sender is proved and has sent %s wanted messages before.",
		Find: func(e *evidence.Evidence) []Match {
			n := e.Contact.Address.Messages
			if n == 0 || e.Auth.DMARC.Result != mailauth.Pass && !e.AuthorProved() {
				return nil
			}
			times := 0.5
			if n >= 3 {
				times = 1
			}
			return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: e.Author().Address(), Args: []any{strconv.Itoa(n)}, Times: times})
		},
	}
}
