package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// procurement finds requests for quotation and orders from strangers, which precede theft
// of goods on credit or a harmful attachment. Honest buyers write the same, so it is weak
// alone; proved mail of known senders passes.
func procurement() Signal {
	return Signal{
		ID: "stranger-order", Name: "Order or quotation from a stranger", Class: verdict.ClassBEC, Weight: 1.5, Since: "0.1",
		Why: "A sender you have not dealt with asks for a quotation or sends an order: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReply() || e.AuthorKnown() || e.Tenant != nil && e.Tenant.Partner(e.Author().Domain) != nil {
				return nil
			}
			return wording(e, topicProcurement, 1.2, 3)
		},
	}
}
