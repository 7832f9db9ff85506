package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// paymentChange finds new bank details and pressure to pay. A text that announces a changed
// account counts from any sender and in any conversation: attackers take over accounts of
// suppliers for this purpose. Other wording of payment counts in mail from a free mailbox,
// a stranger or without proof. Invoices with unchanged details pass.
func paymentChange() Signal {
	return Signal{
		ID: "payment-change", Name: "New bank details", Class: verdict.ClassBEC, Weight: 3, Since: "0.1",
		Why: "The message wants money sent to new bank details: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if m := newAccount(e); m != nil {
				return m
			}
			author := e.Author().Domain
			known := e.AuthorProved() && !isFreemail(author) && !e.Contact.FirstDomain()
			if known || ownDomain(e, author) && e.FromInside() {
				return nil
			}
			return wording(e, topicPayment, 1.8, 4)
		},
	}
}

// newAccount returns the match of a text that asks for payment to a different account. The
// same from a proved colleague about the own organisation is no fraud from outside.
func newAccount(e *evidence.Evidence) []Match {
	if e.ColleagueProved() {
		return nil
	}
	m := wordingIn(e, topicAccount, 0.3, 0.9, func(t *evidence.Text) bool { return !t.Hidden })
	if len(m) > 0 {
		m[0].Times = 2 + m[0].Times/2
	}
	return m
}
