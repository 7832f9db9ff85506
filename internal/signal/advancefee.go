package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// advanceFee finds the pretexts of advance-fee fraud: inheritances, lotteries, donations,
// loans and orphaned millions. It requires many of its words, since each occurs in honest
// mail; answers in a conversation pass.
func advanceFee() Signal {
	return Signal{
		ID: "advance-fee", Name: "Money from a stranger", Class: verdict.ClassBEC, Weight: 3, Since: "0.1",
		Why: "The text promises a large sum of money, as fraudsters do: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReply() {
				return nil
			}
			return wording(e, topicAdvance, 1.1, 3.0)
		},
	}
}
