package signal

import (
	"strings"

	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/message"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// nameShowsAddress finds display names that contain another address or domain than the
// sender's: phones show only the name, or the name of a group. Addresses of the same
// organization, and "via" rewriting by lists, pass.
func nameShowsAddress() Signal {
	return Signal{
		ID: "name-shows-address", Name: "Name shows another address", Class: verdict.ClassSpoof, Weight: 3, Since: "0.1",
		Why: "The name shows %s, but the message was sent by %s.",
		Find: func(e *evidence.Evidence) []Match {
			if throughList(e) && e.ListHostProved() {
				return nil
			}
			for _, a := range e.Authors() {
				if shown := shownIn(a.Name + " " + a.Group); shown != "" && a.Domain != "" && foreign(shown, a) {
					return one(Match{Portion: verdict.PortionHeader, Field: "From", Value: a.Name + a.Group + " <" + a.Address() + ">", Args: []any{shown, a.Address()}})
				}
			}
			return nil
		},
	}
}

// shownIn returns the address or domain in a display name, or "".
func shownIn(name string) string {
	for word := range strings.FieldsSeq(name) {
		word = strings.Trim(word, `"'()<>[],;:`)
		if local, domain, ok := strings.Cut(word, "@"); ok && local != "" {
			if d, err := address.Domain(domain); err == nil && strings.Contains(d, ".") {
				return d // after an "@" any name looks like a domain
			}
			word = domain
		}
		if d := observable.ShownDomain(word); d != "" {
			return d
		}
	}
	return ""
}

func foreign(shown string, a message.Mailbox) bool {
	return !address.SameOrganization(shown, a.Domain) && observable.Brand(shown) != observable.Brand(a.Domain)
}
