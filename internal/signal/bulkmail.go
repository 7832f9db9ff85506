package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// bulkMail finds mail that declares itself as bulk mail in its header. Discussion lists, to
// which people can write back (List-Post), pass. RFC 2369 (List-Unsubscribe), RFC 8058
// (List-Unsubscribe-Post), RFC 2919 (List-Id).
func bulkMail() Signal {
	return Signal{
		ID: "bulk-mail", Name: "Newsletter or mass mail", Class: verdict.ClassBulk, Weight: 5, Since: "0.1",
		Why: "The message says of itself that it was sent to many people.",
		Find: func(e *evidence.Evidence) []Match {
			h := e.Message.Header()
			if h.Has("List-Post") && !strings.EqualFold(h.Get("List-Post"), "NO") {
				return nil
			}
			for _, name := range []string{"List-Unsubscribe", "Feedback-ID", "X-Campaign-ID"} {
				if h.Has(name) {
					return one(Match{Portion: verdict.PortionHeader, Field: name, Value: h.Get(name)})
				}
			}
			if p := strings.ToLower(h.Get("Precedence")); p == "bulk" || p == "junk" {
				return one(Match{Portion: verdict.PortionHeader, Field: "Precedence", Value: p})
			}
			return nil
		},
	}
}
