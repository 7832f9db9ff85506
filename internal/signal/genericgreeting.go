package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// genericGreeting finds greetings without a name. Firms address their customers by name; it
// is weak alone.
func genericGreeting() Signal {
	return Signal{
		ID: "generic-greeting", Name: "Greeting without a name", Class: verdict.ClassPhish, Weight: 0.8, Since: "0.1",
		Why: "The sender does not know your name: %s.",
		Find: func(e *evidence.Evidence) []Match {
			found := phrases(e, topicGreeting)
			if len(found) == 0 || e.IsReply() {
				return nil
			}
			return one(Match{Portion: verdict.PortionBody, Value: quoted(found), Args: []any{quoted(found)}})
		},
	}
}
