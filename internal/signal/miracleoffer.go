package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// miracleOffer finds the typical goods of mass mail: cures, potency, dates, free energy,
// insurance. A single word is not enough.
func miracleOffer() Signal {
	return Signal{
		ID: "miracle-offer", Name: "Miracle offer", Class: verdict.ClassSpam, Weight: 2.5, Since: "0.1",
		Why: "The text sells what unwanted advertising sells: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReply() {
				return nil
			}
			return wording(e, topicMiracle, 0.7, 1.7)
		},
	}
}
