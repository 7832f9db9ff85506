package signal

import (
	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// hostedPage finds links to hosts where anybody can publish a page within minutes. It
// says little alone; mail of the host itself passes.
func hostedPage() Signal {
	return Signal{
		ID: "hosted-page", Name: "Link to a free web host", Class: verdict.ClassPhish, Weight: 1.5, Since: "0.1",
		Why: "A link leads to %s, where anybody can publish a page.",
		Find: func(e *evidence.Evidence) []Match {
			for _, u := range e.Links() {
				if listed(lists().hosting, u.Host) && !address.SameOrganization(u.Host, e.Author().Domain) && !address.Within(e.Author().Domain, address.Organizational(u.Host)) {
					return one(Match{Portion: verdict.PortionLink, Value: u.Raw, Args: []any{u.Host}})
				}
			}
			return nil
		},
	}
}
