package signal

import (
	"slices"
	"strings"

	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// hostedPage finds links to hosts where anybody can publish a page within minutes. It is
// weak alone; mail of the host itself passes.
func hostedPage() Signal {
	return Signal{
		ID: "hosted-page", Name: "Link to a free web host", Class: verdict.ClassPhish, Weight: 1.5, Since: "0.1",
		Why: "A link leads to %s, where anybody can publish a page.",
		Find: func(e *evidence.Evidence) []Match {
			for _, u := range e.Links() {
				if listed(lists().hosting, u.Host) && !belongs(u.Host, e.Author().Domain) {
					return one(Match{Portion: verdict.PortionLink, Value: u.Raw, Args: []any{u.Host}})
				}
			}
			return nil
		},
	}
}

// belongs reports whether a page is the author's: it has the author's domain, or the
// author's name.
func belongs(host, author string) bool {
	if author == "" {
		return false
	}
	label, _, _ := strings.Cut(host, ".")
	return address.SameOrganization(host, author) || address.Within(author, address.Organizational(host)) ||
		slices.Contains(strings.Split(author, "."), label)
}
