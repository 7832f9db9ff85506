package tenant

import (
	"fmt"
	"strings"
)

// Transport says how a route hands mail over.
type Transport string

// The transports of a route.
const (
	TransportSMTP    Transport = "smtp"
	TransportLMTP    Transport = "lmtp"    // RFC 2033: one reply per recipient after the message
	TransportMaildir Transport = "maildir" // files below a directory of this machine
)

// TLSMode says how much a route insists on TLS.
type TLSMode string

// The TLS modes of a route, weakest first.
const (
	TLSNone          TLSMode = "none"          // never
	TLSOpportunistic TLSMode = "opportunistic" // when offered, any certificate
	TLSRequired      TLSMode = "required"      // any certificate
	TLSVerified      TLSMode = "verified"      // certificate must be valid for the host name
)

// Route says where mail for a domain goes next.
type Route struct {
	Transport Transport
	Hosts     []string // host names or addresses, each with a port of its own or without, tried in order; empty: look up the MX of Domain
	Domain    string   // whose MX to look up when Hosts is empty: the domain of the recipients when ""
	Port      int      // TCP port; 25 for SMTP and 24 for LMTP when 0
	TLS       TLSMode  // TLSOpportunistic when ""
	Name      string   // name to verify the certificate against instead of the host name, or ""
	CAFile    string   // PEM file of the authorities to trust instead of the system's, or ""
	Path      string   // directory, for TransportMaildir
}

// Key names the route so that equal routes share connections and health.
func (r Route) Key() string {
	if r.Transport == TransportMaildir {
		return "maildir:" + r.Path
	}
	hosts := strings.Join(r.Hosts, ",")
	if hosts == "" {
		hosts = "mx=" + r.Domain
	}
	return fmt.Sprintf("%s:%s:%d/%s/%s/%s", r.Transport, hosts, r.Port, r.TLS, r.Name, r.CAFile)
}
