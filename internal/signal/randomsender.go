package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// randomSender finds machine-made local parts: many digits, or alternating letters and
// digits. Bounce and notification addresses of services look alike, so it is weak alone.
func randomSender() Signal {
	return Signal{
		ID: "random-sender", Name: "Machine-made sender address", Class: verdict.ClassSpam, Weight: 1, Since: "0.1",
		Why: "The sender's address %s looks as if a machine had made it up.",
		Find: func(e *evidence.Evidence) []Match {
			a := e.Author()
			local, _, _ := strings.Cut(strings.ToLower(a.Local), "+")
			if len(local) < 8 || a.Domain == "" {
				return nil
			}
			digits := 0
			for i := range len(local) {
				if local[i] >= '0' && local[i] <= '9' {
					digits++
				}
			}
			if digits < 5 && !looksRandom(local) {
				return nil
			}
			return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: a.Address(), Args: []any{a.Address()}})
		},
	}
}
