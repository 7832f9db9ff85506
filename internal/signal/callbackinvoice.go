package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// callbackInvoice finds invented invoices that want to be called: an amount, a
// subscription, and a telephone number, but no link to the sender's own site. Receipts
// of shops have such a link and pass.
func callbackInvoice() Signal {
	return Signal{
		ID: "callback-invoice", Name: "Invoice that wants a call", Class: verdict.ClassPhish, Weight: 5, Since: "0.1",
		Why: "The message speaks of a charge and wants you to call %s.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReply() || linksToAuthor(e) {
				return nil
			}
			times := worded(phrases(e, topicCallback), 2.5, 5)
			if times <= 0 {
				return nil
			}
			phones := observable.Phones(e.FreshText())
			if len(phones) == 0 {
				phones = observable.Phones(e.Subject())
			}
			if len(phones) == 0 {
				return nil
			}
			if isFreemail(e.Author().Domain) {
				times *= 1.3
			}
			return one(Match{Portion: verdict.PortionBody, Value: phones[0], Args: []any{phones[0]}, Times: times})
		},
	}
}

// linksToAuthor reports whether a link leads to the author's own organization, which
// is proved.
func linksToAuthor(e *evidence.Evidence) bool {
	d := e.Author().Domain
	if d == "" || isFreemail(d) {
		return false
	}
	for _, u := range e.Links() {
		if observable.Brand(u.Host) == observable.Brand(d) {
			return true
		}
	}
	return false
}
