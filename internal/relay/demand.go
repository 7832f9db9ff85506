package relay

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"outrider/internal/address"
	"outrider/internal/dns"
	"outrider/internal/mtasts"
	"outrider/internal/tenant"
)

// What the certificate of a host was verified by.
const (
	VerifiedDANE = "dane"    // its TLSA records (RFC 7672)
	VerifiedSTS  = "mta-sts" // a trusted authority, for a host that the policy of the domain names (RFC 8461)
	VerifiedPKIX = "pkix"    // a trusted authority, since the route or the sender asked for it
)

var (
	errNoTLS     = errors.New("host does not offer tls")
	errNotListed = errors.New("host is not in the mta-sts policy of the domain")
)

// demand is what the owner of a domain asks of the connection to one of its hosts. A nil
// demand asks nothing.
type demand struct {
	host  string      // in normal form
	names []string    // those that a certificate below a trust anchor may have; the first is that of the TLSA records
	tlsa  []dns.TLSA  // those that can be used
	dane  bool        // there are TLSA records, be they of use or not
	sts   mtasts.Mode // of a policy, where DANE does not replace it
}

// key tells apart the connections made under different demands.
func (d *demand) key() string {
	return fmt.Sprintf("|%s|%t|%s|%x", d.host, d.dane, d.sts, sha256.Sum256(fmt.Append(nil, d.names, d.tlsa)))
}

// mode returns what the demand makes of the mode of the route.
// RFC 7672, Section 2.2: TLSA records of no use still ask for TLS, with any certificate.
func (d *demand) mode(m tenant.TLSMode) tenant.TLSMode {
	switch {
	case d == nil || m == tenant.TLSNone || m == tenant.TLSVerified:
		return m
	case d.sts == mtasts.ModeEnforce:
		return tenant.TLSVerified
	case d.dane:
		return tenant.TLSRequired
	default:
		return m
	}
}

// verifiedBy names what a handshake that succeeded in the mode has verified.
func (d *demand) verifiedBy(m tenant.TLSMode) string {
	switch {
	case d != nil && len(d.tlsa) > 0:
		return VerifiedDANE
	case m != tenant.TLSVerified:
		return ""
	case d != nil && d.sts == mtasts.ModeEnforce:
		return VerifiedSTS
	default:
		return VerifiedPKIX
	}
}

// configure makes a handshake meet the demand. cfg is that of the route in the mode.
func (d *demand) configure(cfg *tls.Config, m tenant.TLSMode, log *slog.Logger) {
	switch {
	case d == nil:
	case len(d.tlsa) > 0:
		cfg.ServerName = d.names[0] // RFC 7672, Section 8.1
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = d.verifyDANE
	case d.sts == mtasts.ModeTesting && m != tenant.TLSVerified:
		name, roots := cfg.ServerName, cfg.RootCAs
		cfg.VerifyConnection = func(cs tls.ConnectionState) error {
			d.observe(log, verifyPKIX(cs, name, roots))
			return nil
		}
	}
}

// observe logs what would have failed if the policy were enforced.
func (d *demand) observe(log *slog.Logger, err error) {
	if d != nil && d.sts == mtasts.ModeTesting && err != nil {
		log.Warn("MTA-STS policy not met (testing mode)", "host", d.host, "error", err)
	}
}

// guard finds out what one domain demands of its hosts.
type guard struct {
	r      *Relay
	domain string // in normal form
	secure bool   // DNSSEC vouches for the names of the hosts
	asked  bool   // policy is known
	policy mtasts.Policy
}

// guardFor returns the guard of a route that goes by MX, or nil where DANE and MTA-STS
// have no say: without TLS, and where the operator has agreed with the domain on
// authorities or on a name.
func (r *Relay) guardFor(route tenant.Route, secure bool) *guard {
	own := route.TLS == tenant.TLSVerified && (route.CAFile != "" || route.Name != "")
	if r.cfg.Secure == nil && r.cfg.Policies == nil || route.Transport == tenant.TransportLMTP || route.TLS == tenant.TLSNone || own {
		return nil
	}
	return &guard{r: r, domain: normal(route.Domain), secure: secure}
}

// normal returns the normal form of a domain, or what was given where it has none.
func normal(domain string) string {
	d, err := address.Domain(domain)
	if err != nil {
		return domain
	}
	return d
}

// apply adds the demand of the domain to the targets of one host. An error says that the
// host must not be used now.
func (g *guard) apply(ctx context.Context, ts []target, host string, found dns.Host, port int) ([]target, error) {
	if g == nil {
		return ts, nil
	}
	d := &demand{host: normal(host)}
	if err := g.askDANE(ctx, d, found, port); err != nil {
		return nil, err
	}
	trusted := g.secure
	// RFC 8461, Section 2: DANE goes first, and a policy must not override it.
	if len(d.tlsa) == 0 {
		named, err := g.askSTS(ctx, d)
		if err != nil {
			return nil, err
		}
		trusted = trusted || named
	}
	for i := range ts {
		ts[i].untrusted = !trusted
		if d.dane || d.sts != "" {
			ts[i].demand = d
		}
	}
	return ts, nil
}

// askSTS looks at the policy of the domain, and reports whether it names the host.
// RFC 8461, Section 5: where it is enforced, no other host may be used.
func (g *guard) askSTS(ctx context.Context, d *demand) (bool, error) {
	p := g.sts(ctx)
	if p.Mode != mtasts.ModeEnforce && p.Mode != mtasts.ModeTesting {
		return false, nil
	}
	d.sts = p.Mode
	if p.Match(d.host) {
		return true, nil
	}
	if p.Mode == mtasts.ModeEnforce {
		return false, fail(replyTLS, "mail host %s of %s: %w", d.host, g.domain, errNotListed)
	}
	d.observe(g.r.log, errNotListed)
	return false, nil
}

// sts returns the policy of the domain, asked for once.
func (g *guard) sts(ctx context.Context) mtasts.Policy {
	if g.asked || g.r.cfg.Policies == nil {
		return g.policy
	}
	g.asked = true
	var err error
	if g.policy, err = g.r.cfg.Policies.Policy(ctx, g.domain); err != nil {
		g.r.log.Warn("MTA-STS policy unknown", "domain", g.domain, "error", err)
		g.policy = mtasts.Policy{}
	}
	return g.policy
}

// askDANE looks up the TLSA records of a host. Where they may exist and cannot be looked
// up, the host must not be used: that is what an attacker would want.
// RFC 7672, Section 2.2.2: the records stand at the end of the aliases if DNSSEC vouches
// for all of them, and otherwise at the name itself if it vouches for that.
func (g *guard) askDANE(ctx context.Context, d *demand, found dns.Host, port int) error {
	if !g.secure || g.r.cfg.Secure == nil {
		return nil
	}
	var bases []string
	if found.Authentic {
		bases = append(bases, found.Canonical)
	}
	if found.Authentic || found.Alias {
		bases = append(bases, d.host)
	}
	for _, base := range slices.Compact(bases) {
		records, authentic, err := g.r.cfg.Secure.LookupTLSA(ctx, fmt.Sprintf("_%d._tcp.%s", port, base))
		if err != nil && !notFound(err) {
			return fail(replyDNS, "looking up tlsa records of %s: %w", base, err)
		}
		if err == nil && authentic {
			d.dane, d.tlsa = true, usable(records)
			// RFC 7672, Section 3.2.2: DNSSEC vouches for the way from the domain to the host.
			d.names = []string{base, cmp.Or(g.domain, base)}
			return nil
		}
	}
	return nil
}
