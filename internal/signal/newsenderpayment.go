package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// newSenderPayment finds payment wording in the first message from an address. Known
// senders, and offline judgement without history, pass.
func newSenderPayment() Signal {
	return Signal{
		ID: "new-sender-payment", Name: "Stranger speaks of payment", Class: verdict.ClassBEC, Weight: 1.5, Since: "0.1",
		Why: "This sender never wrote before and speaks of payment: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if !e.Contact.First() || ownDomain(e, e.Author().Domain) {
				return nil
			}
			found := append(append([]string{}, phrases(e, topicPayment)...), phrases(e, topicPayroll)...)
			times := worded(found, 1.2, 3)
			if times <= 0 {
				return nil
			}
			return one(Match{Portion: verdict.PortionBody, Value: quoted(found), Args: []any{quoted(found)}, Times: min(times, 1)})
		},
	}
}
