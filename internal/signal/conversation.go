package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// conversation counts for mail that answers and quotes, with the matching header fields.
// Its weight is small, since anybody can imitate it.
func conversation() Signal {
	return Signal{
		ID: "conversation", Name: "Part of a conversation", Class: verdict.ClassPhish, Weight: -1, Since: "0.1",
		Why: "The message answers another one and quotes it.",
		Find: func(e *evidence.Evidence) []Match {
			if !e.IsReply() {
				return nil
			}
			return one(Match{Portion: verdict.PortionHeader, Field: "In-Reply-To", Value: e.Message.Header().Get("In-Reply-To")})
		},
	}
}
