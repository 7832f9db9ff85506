package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// removalOffer finds advertising that offers removal in its text but lacks the
// List-Unsubscribe field of honest mailers.
func removalOffer() Signal {
	return Signal{
		ID: "removal-offer", Name: "Advertising without a proper way out", Class: verdict.ClassSpam, Weight: 1.5, Since: "0.1",
		Why: "The text offers to take you off a list, as unwanted advertising does: %s.",
		Find: func(e *evidence.Evidence) []Match {
			h := e.Message.Header()
			if h.Has("List-Unsubscribe") || e.IsReply() {
				return nil
			}
			found := phrases(e, topicRemoval)
			if len(found) == 0 || len(e.Links()) == 0 {
				return nil
			}
			times := 1.0
			if e.AuthorProved() && linksToAuthor(e) {
				times = 0.3
			}
			return one(Match{Portion: verdict.PortionBody, Value: quoted(found), Args: []any{quoted(found)}, Times: times})
		},
	}
}
