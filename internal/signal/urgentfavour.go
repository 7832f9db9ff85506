package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// urgentFavour finds the opening of executive fraud: a short message that asks for a
// favour, for secrecy or for gift cards, or rules out a call. Long texts and texts with
// links pass.
func urgentFavour() Signal {
	return Signal{
		ID: "urgent-favour", Name: "Urgent favour in secret", Class: verdict.ClassBEC, Weight: 3, Since: "0.1",
		Why: "The sender wants an urgent favour and discourages a call: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if len(e.Links()) > 1 || e.Message.Header().Has("List-Unsubscribe") {
				return nil
			}
			return wordingIn(e, topicFavour, 1.6, 3.4, isShort)
		},
	}
}

// maxFavour is the longest text, in bytes, of a request for a favour from a colleague.
const maxFavour = 2000
