package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// unreadContent finds messages that exceed the limits of reading in size, depth or number
// of parts: content beyond a limit can be anything, and a message built to reach one is not
// clean. Long conversations and many style rules pass; content that was not read for lack
// of time is judged again.
func unreadContent() Signal {
	return Signal{
		ID: "unread-content", Name: "Not all could be checked", Class: verdict.ClassMalware, Weight: 1, Since: "0.3", Least: verdict.Suspicious,
		Why: "The message has more in it than could be checked.",
		Find: func(e *evidence.Evidence) []Match {
			unread := e.Unread()
			if len(unread) == 0 {
				return nil
			}
			what := strings.Join(unread, ", ")
			return one(Match{Portion: verdict.PortionStructure, Value: what})
		},
	}
}
