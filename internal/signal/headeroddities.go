package signal

import (
	"time"

	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// headerOddities finds faults that proper mail programs never make: no Message-ID, no date,
// a date days ahead, no From. Small programs are careless, so it is weak alone. RFC 5322,
// Section 3.6: Date and From are required, Message-ID should be present.
func headerOddities() Signal {
	return Signal{
		ID: "header-oddities", Name: "Careless header", Class: verdict.ClassSpam, Weight: 0.8, Since: "0.1",
		Why: "The message was not written with an ordinary mail program: %s.",
		Find: func(e *evidence.Evidence) []Match {
			h := e.Message.Header()
			var what string
			switch date, ok := e.Message.Date(); {
			case !h.Has("From"):
				what = "it names no sender"
			case !h.Has("Message-ID"):
				what = "it lacks the number that mail programs give every message"
			case !ok:
				what = "it has no readable date"
			case ok && !e.Received.At.IsZero() && date.After(e.Received.At.Add(48*time.Hour)):
				what = "it is dated in the future"
			default:
				return nil
			}
			return one(Match{Portion: verdict.PortionHeader, Value: what, Args: []any{what}})
		},
	}
}
