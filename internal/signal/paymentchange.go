package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// paymentChange finds new bank details and pressure to pay in mail from a free
// mailbox, a stranger or without proof. Proved mail of known senders and invoices with
// unchanged details pass.
func paymentChange() Signal {
	return Signal{
		ID: "payment-change", Name: "New bank details", Class: verdict.ClassBEC, Weight: 3, Since: "0.1",
		Why: "The message wants money sent to new bank details: %s.",
		Find: func(e *evidence.Evidence) []Match {
			author := e.Author().Domain
			known := e.AuthorProved() && !isFreemail(author) && !e.Contact.FirstDomain()
			if known || ownDomain(e, author) && e.FromInside() {
				return nil
			}
			return wording(e, topicPayment, 1.8, 4)
		},
	}
}
