package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// extortion finds threats to publish what a camera supposedly recorded, or to attack,
// unless bitcoin is paid. Reports about such threats lack most of the words and pass.
func extortion() Signal {
	return Signal{
		ID: "extortion", Name: "Extortion", Class: verdict.ClassBEC, Weight: 5, Since: "0.1",
		Why: "The sender threatens you and wants money: %s.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReply() {
				return nil
			}
			return wording(e, topicExtortion, 2.2, 4)
		},
	}
}
