package signal

import (
	"slices"
	"strings"

	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/message"
	"outrider/internal/observable"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// Shares for the name of a colleague that has an honest explanation, or is not an exact
// match.
const (
	namesakeShare = 0.3
	typoShare     = 0.3 // without a demand
	demandShare   = 0.8 // a typo, or a name only in the signature, with a demand
)

// personImpersonation finds the name of a registered person on a foreign address. It
// matches any order of words, initials, one wrong letter, and look-alike letters; a name
// only in the signature counts if the text demands money or a favour.
//
// The person's own addresses and proved mail of the own domain pass. So do services that
// write on behalf of their users, proved by DMARC. Proved namesakes of another
// organization, and unlisted services, count little if they demand nothing.
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
					if m := impersonates(e, &a, &e.Tenant.People[i]); m != nil {
						return m
					}
				}
			}
			return signsAsColleague(e)
		},
	}
}

func impersonates(e *evidence.Evidence, a *message.Mailbox, p *tenant.Person) []Match {
	if isTheirs(e, a, p) {
		return nil
	}
	var times float64
	switch {
	case sameName(a.Name, p.Name):
		if times = nameShare(e, a); times == 0 {
			return nil
		}
	case nearName(a.Name, p.Name, shortestTypo):
		if times = typoShare; demands(e) {
			times = demandShare
		}
	case nearName(a.Name, p.Name, shortestDemand) && demands(e):
		times = demandShare
	default:
		return nil
	}
	return one(Match{
		Portion: verdict.PortionHeader, Field: "From", Value: a.Name + " <" + a.Address() + ">", Args: []any{p.Name, a.Address()}, Times: times,
	})
}

// isTheirs reports whether an address is the person's own, or a possible one in an own
// domain.
func isTheirs(e *evidence.Evidence, a *message.Mailbox, p *tenant.Person) bool {
	if slices.Contains(p.Addresses, strings.ToLower(a.Address())) {
		return true // other signals check whether that address is proved
	}
	return ownDomain(e, a.Domain) && (e.AuthorProved() || e.FromInside()) // a namesake, or another address of the person
}

// nameShare returns the weight of the name on an address: none for a service that writes
// for its users, little for a proved namesake or an unknown service without a demand.
func nameShare(e *evidence.Evidence, a *message.Mailbox) float64 {
	service := strings.TrimSpace(observable.Words(serviceIn(a.Name)))
	claimed := strings.ReplaceAll(service, " ", "")
	if claimed != "" && isListAddress(e, a) && !demands(e) {
		return namesakeShare // lists write in the name of members whose DMARC policy forbids it
	}
	if !e.AuthorProved() || isFreemail(a.Domain) {
		return 1
	}
	if isService(a.Domain) && foreignBrand(serviceIn(a.Name), a.Domain) == nil {
		return 0
	}
	fits := len(claimed) >= 3 && !isServiceName(claimed) &&
		(strings.Contains(strings.ReplaceAll(observable.Brand(a.Domain), "-", ""), claimed) || foreignBrand(service, a.Domain) == nil && onlyNotifies(e))
	if (fits || service == "" && e.IsReply()) && !demands(e) {
		return namesakeShare
	}
	return 1
}

// isListAddress reports whether an address belongs to the mailing list of the message. RFC
// 2919 and RFC 2369.
func isListAddress(e *evidence.Evidence, a *message.Mailbox) bool {
	if !throughList(e) || !e.ListHostProved() {
		return false
	}
	h, address := e.Message.Header(), strings.ToLower(a.Address())
	id := strings.ToLower(h.Get("List-Id"))
	return strings.Contains(strings.ToLower(h.Get("List-Post")), "mailto:"+address) || strings.Contains(id, "<"+strings.Replace(address, "@", ".", 1)+">")
}

// onlyNotifies reports whether the message is a plain notice of a service: all links lead
// to the service, and it asks for no sign-in.
func onlyNotifies(e *evidence.Evidence) bool {
	return staysHome(e) && len(wording(e, topicCredential, 0.3, 1.8)) == 0
}

// serviceIn returns the service in a display name: "Ann Lee (Tracker)", "Ann Lee via
// Tracker".
func serviceIn(name string) string {
	lower := strings.ToLower(name)
	for _, via := range []string{" via ", " über ", " through "} {
		if i := strings.LastIndex(lower, via); i >= 0 && i+len(via) <= len(name) {
			return strings.Trim(name[i+len(via):], " ()[]")
		}
	}
	if i := strings.LastIndexAny(name, "(["); i > 0 {
		return strings.Trim(strings.TrimPrefix(strings.Trim(name[i:], " ()[]"), "via "), " ")
	}
	return ""
}

// isService reports whether a domain belongs to a service that writes on behalf of its
// users.
func isService(domain string) bool {
	return listed(lists().services, domain) || listed(lists().services, observable.Brand(domain)+".*")
}

// isServiceName reports whether a word is the name of a listed service; other domains that
// contain the word imitate it.
func isServiceName(word string) bool {
	for d := range lists().services {
		if observable.Brand(strings.TrimSuffix(d, ".*")+".com") == word || observable.Brand(d) == word {
			return true
		}
	}
	return false
}

// maxSigners bounds the lines of a text that are searched for a name.
const maxSigners = 40

// signsAsColleague finds a demand from outside signed with a colleague's name.
func signsAsColleague(e *evidence.Evidence) []Match {
	author := e.Author()
	if e.ColleagueProved() || len(e.Tenant.People) == 0 || !demands(e) {
		return nil
	}
	body := e.Texts()[0].Text
	if len(body) > maxFavour {
		return nil
	}
	lines := strings.Split(body, "\n")
	for _, line := range lines[max(0, len(lines)-maxSigners):] {
		for i := range e.Tenant.People {
			p := &e.Tenant.People[i]
			if !isTheirs(e, &author, p) && sameName(strings.Trim(line, " -–—,."), p.Name) && !address.SameOrganization(author.Domain, domainOf(p)) {
				return one(Match{Portion: verdict.PortionBody, Value: line, Args: []any{p.Name, author.Address()}, Times: demandShare})
			}
		}
	}
	return nil
}

// domainOf returns the domain of a person's first address, or "".
func domainOf(p *tenant.Person) string {
	if len(p.Addresses) == 0 {
		return ""
	}
	_, domain, _ := strings.Cut(p.Addresses[0], "@")
	return domain
}

// sameName reports whether shown has all words of name, in any order and with look-alike
// letters. One word other than the family name may be an initial, and titles may surround
// the name.
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

// The minimum lengths of a word to match with one wrong letter: shorter names differ from
// many others in one letter. A missing or doubled letter matches from a lower length if the
// text makes a demand.
const (
	shortestTypo   = 5
	shortestDemand = 4
)

// nearName reports whether shown differs from name in one letter of one word, or is name as
// one word. Words from shortestTypo bytes may have any letter wrong, shorter ones from
// shortest bytes one letter more or fewer.
func nearName(shown, name string, shortest int) bool {
	have, want := nameWords(shown), nameWords(name)
	if len(want) < 2 || len(have) == 0 {
		return false
	}
	if len(have) == 1 {
		return len(have[0]) >= 2*shortestTypo && have[0] == strings.Join(want, "")
	}
	if len(have) != len(want) {
		return false
	}
	off := 0
	for _, w := range want {
		i := slices.IndexFunc(have, func(h string) bool { return h == w || nearWord(h, w, shortest) })
		if i < 0 {
			return false
		}
		if have[i] != w {
			off++
		}
		have = slices.Delete(have, i, i+1)
	}
	return off == 1
}

// nearWord reports whether a word of a name has one wrong letter.
func nearWord(have, want string, shortest int) bool {
	return len(want) >= shortest && (len(want) >= shortestTypo || len(have) != len(want)) && observable.OneEdit(have, want)
}

// nameWords returns the words of a name as skeletons, without addresses.
func nameWords(s string) []string {
	if i := strings.IndexAny(s, "(<["); i > 0 {
		s = s[:i]
	}
	if i := strings.LastIndex(strings.ToLower(s), " via "); i > 0 {
		s = s[:i]
	}
	return strings.Fields(observable.Skeleton(strings.TrimSpace(strings.Map(func(c rune) rune {
		if strings.ContainsRune(",.-_'\"|/", c) {
			return ' '
		}
		return c
	}, s))))
}
