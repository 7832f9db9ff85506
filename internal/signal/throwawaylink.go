package signal

import (
	"strings"

	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// throwawayLink finds links to domains of the kind that attackers register: endings with
// much abuse, labels of random letters, brands inside foreign domains. Links to the
// sender's own organization pass.
func throwawayLink() Signal {
	return Signal{
		ID: "throwaway-link", Name: "Link to a throw-away domain", Class: verdict.ClassPhish, Weight: 1.5, Since: "0.1",
		Why: "A link leads to %s, which looks like a site that is used for a short time and thrown away.",
		Find: func(e *evidence.Evidence) []Match {
			best, times := "", 0.0
			for _, host := range foreignHosts(e) {
				if t := throwAway(host); t > times {
					best, times = host, t
				}
			}
			if times == 0 {
				return nil
			}
			return one(Match{Portion: verdict.PortionLink, Value: best, Args: []any{best}, Times: times})
		},
	}
}

// foreignHosts returns the distinct hosts of the first links, without those of the sender's
// organization and of services that rewrite links.
func foreignHosts(e *evidence.Evidence) []string {
	var out []string
	seen := map[string]bool{}
	links := e.Links()
	for i := range links[:min(len(links), maxClaims)] {
		u := &links[i]
		if seen[u.Host] {
			continue
		}
		seen[u.Host] = true
		if u.Org() != "" && !address.SameOrganization(u.Host, e.Author().Domain) && !isRewriter(u.Host) {
			out = append(out, u.Host)
		}
	}
	return out
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
