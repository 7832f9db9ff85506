package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// tradeSpam finds cold offers of goods and courses: manufacturers, freight, training. Known
// senders, partners and conversations pass.
func tradeSpam() Signal {
	return Signal{
		ID: "trade-spam", Name: "Cold offer of goods", Class: verdict.ClassSpam, Weight: 2.5, Since: "0.1",
		Why: "A stranger offers goods or courses: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReply() || e.AuthorKnown() || e.Tenant != nil && e.Tenant.Partner(e.Author().Domain) != nil {
				return nil
			}
			return wording(e, topicTrade, 1.2, 3.2)
		},
	}
}
