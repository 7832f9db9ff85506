package signal

import (
	"strings"

	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// throwawayLink finds links to domains as attackers register them: endings where
// abuse is common, labels of random letters, brands inside foreign domains. Links to
// the sender's own organization pass.
func throwawayLink() Signal {
	return Signal{
		ID: "throwaway-link", Name: "Link to a throw-away domain", Class: verdict.ClassPhish, Weight: 1.5, Since: "0.1",
		Why: "A link leads to %s, which has the form of a throw-away domain.",
		Find: func(e *evidence.Evidence) []Match {
			best, times := "", 0.0
			seen := map[string]bool{}
			for i, u := range e.Links() {
				if i == maxClaims {
					break
				}
				if seen[u.Host] {
					continue
				}
				seen[u.Host] = true
				if u.Org() == "" || address.SameOrganization(u.Host, e.Author().Domain) || isRewriter(u.Host) {
					continue
				}
				if t := throwAway(u.Host); t > times {
					best, times = u.Host, t
				}
			}
			if times == 0 {
				return nil
			}
			return one(Match{Portion: verdict.PortionLink, Value: best, Args: []any{best}, Times: times})
		},
	}
}

func throwAway(host string) float64 {
	times := 0.0
	if lists().suffixes[host[strings.LastIndexByte(host, '.')+1:]] {
		times++
	}
	if looksRandom(observable.Brand(host)) {
		times += 0.7
	}
	if strings.Count(observable.Brand(host), "-") >= 2 {
		times += 0.7
	}
	if isBrandDomain(host) || listed(lists().hosting, host) || listed(lists().shorteners, host) {
		return 0
	}
	if brandIn(strings.NewReplacer(".", " ", "-", " ").Replace(host), host) != "" {
		times++
	}
	return min(times, 2)
}
