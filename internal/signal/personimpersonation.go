package signal

import (
	"slices"
	"strings"

	"outrider/internal/evidence"
	"outrider/internal/message"
	"outrider/internal/observable"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// personImpersonation finds the name of a registered person on a foreign address. The
// name is found in any order of its words, with initials, and in look-alike letters;
// the person's own addresses and proved mail of the own domain pass.
func personImpersonation() Signal {
	return Signal{
		ID: "person-impersonation", Name: "Name of a colleague on a foreign address", Class: verdict.ClassBEC, Weight: 8.5, Since: "0.1",
		Why: "The name shown is that of %s, but the address %s is not theirs.",
		Find: func(e *evidence.Evidence) []Match {
			if e.Tenant == nil {
				return nil
			}
			for _, a := range e.Authors() {
				for i := range e.Tenant.People {
					p := &e.Tenant.People[i]
					if usesName(e, a, p) {
						return one(Match{
							Portion: verdict.PortionHeader, Field: "From", Value: a.Name + " <" + a.Address() + ">", Args: []any{p.Name, a.Address()},
						})
					}
				}
			}
			return nil
		},
	}
}

func usesName(e *evidence.Evidence, a message.Mailbox, p *tenant.Person) bool {
	if slices.Contains(p.Addresses, strings.ToLower(a.Address())) {
		return false // whether that address is proved is the business of other signals
	}
	if ownDomain(e, a.Domain) && (e.AuthorProved() || e.FromInside()) {
		return false // a namesake, or another address of the person
	}
	return sameName(a.Name, p.Name)
}

// sameName reports whether shown has all words of name, in any order and look-alike
// letters. One word but the family name may be an initial, and titles may stand around.
func sameName(shown, name string) bool {
	have, want := nameWords(shown), nameWords(name)
	if len(want) < 2 || len(have) < 2 || len(have) > len(want)+2 {
		return false
	}
	initials := 0
	for n, w := range want {
		if i := slices.Index(have, w); i >= 0 {
			have = slices.Delete(have, i, i+1)
			continue
		}
		i := slices.Index(have, w[:1])
		if i < 0 || n == len(want)-1 {
			return false
		}
		have = slices.Delete(have, i, i+1)
		initials++
	}
	return initials <= 1
}

// nameWords returns the words of a name as skeletons; an address in the name is none
// of them.
func nameWords(s string) []string {
	if i := strings.IndexAny(s, "(<["); i > 0 {
		s = s[:i]
	}
	return strings.Fields(observable.Skeleton(strings.TrimSpace(strings.Map(func(c rune) rune {
		if strings.ContainsRune(",.-_'\"|/", c) {
			return ' '
		}
		return c
	}, s))))
}
