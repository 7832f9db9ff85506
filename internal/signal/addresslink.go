package signal

import (
	"strconv"

	"outrider/internal/evidence"
	"outrider/internal/verdict"
)

// addressLink finds links to a bare IP address or an unusual port: a machine without a
// name, often a compromised one. Links to private networks, common among developers, pass.
func addressLink() Signal {
	return Signal{
		ID: "address-link", Name: "Link to a bare address", Class: verdict.ClassPhish, Weight: 3, Since: "0.1",
		Why: "A link leads to %s, a machine without a proper name.",
		Find: func(e *evidence.Evidence) []Match {
			for _, u := range e.Links() {
				odd := u.Port != 0 && u.Port != 8080 && u.Port != 8443
				public := u.IP.IsValid() && !u.IP.IsPrivate() && !u.IP.IsLoopback() && !u.IP.IsLinkLocalUnicast() && !u.IP.IsUnspecified()
				if u.IP.IsValid() && !public || !u.IP.IsValid() && (!odd || u.Host == "localhost") {
					continue
				}
				times, where := 1.0, u.Host
				switch {
				case !public:
					times, where = 0.3, u.Host+":"+strconv.Itoa(u.Port)
				case u.Numeric:
					times = 2
				}
				return one(Match{Portion: verdict.PortionLink, Value: u.Raw, Args: []any{where}, Times: times})
			}
			return nil
		},
	}
}
