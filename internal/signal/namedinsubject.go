package signal

import (
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// namedInSubject finds the recipient's own address in the subject, which bulk senders
// insert to seem personal. Answers and delivery reports pass.
func namedInSubject() Signal {
	return Signal{
		ID: "named-in-subject", Name: "Your address in the subject", Class: verdict.ClassPhish, Weight: 1.5, Since: "0.1",
		Why: "The subject was filled in with your address %s by a machine.",
		Find: func(e *evidence.Evidence) []Match {
			if e.IsReport() || e.Message.Header().Has("In-Reply-To") || throughList(e) {
				return nil
			}
			subject := strings.ToLower(e.Subject())
			recipients := e.Recipients()
			for _, r := range recipients[:min(len(recipients), maxRecipientsCompared)] {
				if strings.Contains(r, "@") && strings.Contains(subject, r) && r != strings.ToLower(e.Author().Address()) {
					return one(Match{Portion: verdict.PortionHeader, Field: "Subject", Value: e.Subject(), Args: []any{r}})
				}
			}
			return nil
		},
	}
}
