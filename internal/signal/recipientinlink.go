package signal

import (
	"encoding/base64"
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// recipientInLink finds links that contain the recipient's address, plain or in base64,
// which phishing pages use to fill in the form. Unsubscribe links contain it too and pass.
func recipientInLink() Signal {
	return Signal{
		ID: "recipient-in-link", Name: "Link carries your address", Class: verdict.ClassPhish, Weight: 2, Since: "0.1",
		Why: "A link to %s carries your e-mail address, as pages that steal passwords want it.",
		Find: func(e *evidence.Evidence) []Match {
			recipients := e.Recipients()
			for _, u := range e.Links() {
				if u.Place == observable.PlaceText && len(e.Pages()) == 0 || isLeave(&u) {
					continue
				}
				target := strings.ToLower(u.Path + "?" + u.Query + "#" + u.Fragment)
				if carries(target, u.Path+" "+u.Query+" "+u.Fragment, recipients) {
					return one(Match{Portion: verdict.PortionLink, Value: u.Raw, Args: []any{u.Host}})
				}
			}
			return nil
		},
	}
}

// maxRecipientsCompared bounds the comparisons per link.
const maxRecipientsCompared = 5

func carries(lower, raw string, recipients []string) bool {
	for _, r := range recipients[:min(len(recipients), maxRecipientsCompared)] {
		if !strings.Contains(r, "@") {
			continue
		}
		encoded := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(r)), "=")
		if strings.Contains(lower, r) || strings.Contains(lower, strings.Replace(r, "@", "%40", 1)) || len(encoded) > 8 && strings.Contains(raw, encoded[:len(encoded)-2]) {
			return true
		}
	}
	return false
}

// isLeave reports whether a link unsubscribes from a list or changes its settings.
func isLeave(u *observable.URL) bool {
	s := strings.ToLower(u.Host + u.Path + u.Query + u.Text)
	for _, w := range [...]string{"unsub", "optout", "opt-out", "abmeld", "abbestell", "preferenc", "remove", "options", "mailman", "listinfo", "desinscri", "desabonn", "baja", "descadastr", "cancel"} {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
