package signal

import (
	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// drawnCode finds QR codes that the text draws with characters or table cells, which
// picture filters miss. Codes that lead to the sender's own site, and codes that are no
// links, pass.
func drawnCode() Signal {
	return Signal{
		ID: "drawn-code", Name: "QR code drawn without a picture", Class: verdict.ClassPhish, Weight: 6, Since: "0.3",
		Why: "The message draws a QR code that leads to %s, so that no link can be seen.",
		Find: func(e *evidence.Evidence) []Match {
			for _, u := range e.Links() {
				if u.Place == observable.PlaceCode && (!e.AuthorProved() || !address.SameOrganization(u.Host, e.Author().Domain)) {
					return one(Match{Portion: verdict.PortionLink, Value: u.Raw, Args: []any{u.Host}})
				}
			}
			return nil
		},
	}
}
