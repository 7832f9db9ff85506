package signal

import (
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// unreadableAuthor finds a From field with something in it, but no address with a domain that
// could be checked: some clients show what is written there all the same. Lists and reports, of
// which old programs leave the address out, pass.
// RFC 5322, Section 3.6.2: From holds one mailbox or several.
func unreadableAuthor() Signal {
	return Signal{
		ID: "unreadable-author", Name: "Sender without a readable address", Class: verdict.ClassSpoof, Weight: 6, Since: "0.3",
		Why: "The sender is written in a way that nobody can check: %s.",
		Find: func(e *evidence.Evidence) []Match {
			h := e.Message.Header()
			if !h.Has("From") || h.Text("From") == "" || e.IsReport() || throughList(e) {
				return nil
			}
			for _, a := range e.Authors() {
				if a.Domain != "" {
					return nil
				}
			}
			return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: h.Text("From"), Args: []any{h.Text("From")}})
		},
	}
}
