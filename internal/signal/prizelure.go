package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// prizeLure finds prizes, vouchers and rewarded surveys, with a link. Shops send such mail
// to customers: links to the sender's own proved domain count little.
func prizeLure() Signal {
	return Signal{
		ID: "prize-lure", Name: "Prize or reward", Class: verdict.ClassSpam, Weight: 2, Since: "0.1",
		Why: "The text promises a prize or reward: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if !hasLure(e) || e.IsReply() {
				return nil
			}
			m := wording(e, topicPrize, 0.3, 1.8)
			if len(m) > 0 && e.AuthorProved() && linksToAuthor(e) {
				m[0].Times *= 0.3
			}
			return m
		},
	}
}
