package signal

import (
	"strings"

	"outrider/internal/address"
	"outrider/internal/evidence"
	"outrider/internal/observable"
	"outrider/internal/verdict"
)

// hiddenLink finds links through a shortener or an open redirect of a large site, or with a
// user name that looks like a domain. Services that shorten links to themselves pass.
func hiddenLink() Signal {
	return Signal{
		ID: "hidden-link", Name: "Link that hides where it leads", Class: verdict.ClassPhish, Weight: 1.5, Since: "0.1",
		Why: "A link goes through %s, which hides where it leads.",
		Find: func(e *evidence.Evidence) []Match {
			for _, u := range e.Links() {
				var times float64
				switch {
				case strings.Contains(u.User, ".") && !strings.Contains(u.User, ":"):
					times = 2
				case listed(lists().shorteners, u.Host) && len(u.Path) > 1 && !address.Within(e.Author().Domain, u.Host):
					times = 1
				case isRedirect(u.Host, u.Path, u.Query):
					times = 1
				default:
					continue
				}
				if u.Place == observable.PlaceText {
					times *= 0.6 // people paste such links themselves
				}
				return one(Match{Portion: verdict.PortionLink, Value: u.Raw, Args: []any{u.Host}, Times: times})
			}
			return nil
		},
	}
}

// isRedirect recognises redirects to arbitrary targets.
func isRedirect(host, path, query string) bool {
	switch {
	case (strings.HasPrefix(host, "www.google.") || strings.HasPrefix(host, "google.")) && (strings.HasPrefix(path, "/url") || strings.HasPrefix(path, "/amp")):
		return true
	case host == "www.bing.com" && strings.HasPrefix(path, "/ck/"), host == "l.facebook.com", host == "l.instagram.com":
		return true
	case host == "adclick.g.doubleclick.net", host == "googleads.g.doubleclick.net", host == "ad.doubleclick.net":
		return strings.Contains(query+path, "http")
	}
	return false
}
