package signal

import (
	"strconv"

	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// severalAuthors finds a From field with several entries and no Sender: DMARC does not
// apply to such mail, and people see the first entry, which need not be an address.
// Mail of several authors that names its sender passes.
// RFC 5322, Section 3.6.2: with several authors there must be a Sender field.
func severalAuthors() Signal {
	return Signal{
		ID: "several-authors", Name: "Several senders in From", Class: verdict.ClassSpam, Weight: 2.5, Since: "0.1",
		Why: "The message names %s senders, so that its origin cannot be checked.",
		Find: func(e *evidence.Evidence) []Match {
			h := e.Message.Header()
			n := len(e.Authors())
			if n < 2 || h.Has("Sender") || throughList(e) {
				return nil
			}
			return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: h.Text("From"), Args: []any{strconv.Itoa(n)}})
		},
	}
}
