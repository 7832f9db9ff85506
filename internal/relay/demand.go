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

// How the certificate of a host was verified.
const (
	VerifiedDANE = "dane"    // its TLSA records (RFC 7672)
	VerifiedSTS  = "mta-sts" // a trusted authority, for a host in the MTA-STS policy of the domain (RFC 8461)
	VerifiedPKIX = "pkix"    // a trusted authority, as required by the route or the sender
)

var (
	errNoTLS     = errors.New("host does not offer tls")
	errNotListed = errors.New("host is not in the mta-sts policy of the domain")
)

// demand is the security that a domain owner requires of the connection to one of its
// hosts. A nil demand requires nothing.
type demand struct {
	host  string      // in normal form
	names []string    // acceptable for a certificate below a trust anchor; the first is that of the TLSA records
	tlsa  []dns.TLSA  // usable records
	dane  bool        // TLSA records exist, usable or not
	sts   mtasts.Mode // of the policy, unless DANE overrides it
}

// key distinguishes connections made under different demands.
func (d *demand) key() string {
	return fmt.Sprintf("|%s|%t|%s|%x", d.host, d.dane, d.sts, sha256.Sum256(fmt.Append(nil, d.names, d.tlsa)))
}

// mode combines the demand with the mode of the route. RFC 7672, Section 2.2: unusable TLSA
// records still require TLS, with any certificate.
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

// verifiedBy returns how a successful handshake in the mode verified the host.
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

// configure configures a handshake for the demand. cfg is that of the route in the mode.
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

// observe logs failures that an enforced policy would cause.
func (d *demand) observe(log *slog.Logger, err error) {
	if d != nil && d.sts == mtasts.ModeTesting && err != nil {
		log.Warn("MTA-STS policy not met (testing mode)", "host", d.host, "error", err)
	}
}

// guard determines the demands of one domain on its hosts.
type guard struct {
	r      *Relay
	domain string // in normal form
	secure bool   // DNSSEC authenticates the host names
	asked  bool   // policy is set
	policy mtasts.Policy
}

// guardFor returns the guard of a route by MX, or nil if DANE and MTA-STS do not apply:
// without TLS, and if the operator has configured authorities or a name for the domain.
func (r *Relay) guardFor(route tenant.Route, secure bool) *guard {
	own := route.TLS == tenant.TLSVerified && (route.CAFile != "" || route.Name != "")
	if r.cfg.Secure == nil && r.cfg.Policies == nil || route.Transport == tenant.TransportLMTP || route.TLS == tenant.TLSNone || own {
		return nil
	}
	return &guard{r: r, domain: normal(route.Domain), secure: secure}
}

// normal returns the normal form of a domain, or the input if it has none.
func normal(domain string) string {
	d, err := address.Domain(domain)
	if err != nil {
		return domain
	}
	return d
}

// apply adds the demand of the domain to the targets of one host. An error means that the
// host must not be used now.
func (g *guard) apply(ctx context.Context, ts []target, host string, found dns.Host, port int) ([]target, error) {
	if g == nil {
		return ts, nil
	}
	d := &demand{host: normal(host)}
	if err := g.lookupDANE(ctx, d, found, port); err != nil {
		return nil, err
	}
	trusted := g.secure
	// RFC 8461, Section 2: DANE takes precedence, and a policy must not override it.
	if len(d.tlsa) == 0 {
		named, err := g.lookupSTS(ctx, d)
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

// lookupSTS looks up the policy of the domain, and reports whether it lists the host. RFC
// 8461, Section 5: under an enforced policy no other host may be used.
func (g *guard) lookupSTS(ctx context.Context, d *demand) (bool, error) {
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

// sts returns the policy of the domain, looked up once.
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

// lookupDANE looks up the TLSA records of a host. If they may exist and the lookup fails, the
// host must not be used, since an attacker could cause the failure. RFC 7672, Section
// 2.2.2: the records are at the end of the aliases if DNSSEC authenticates all of them, and
// otherwise at the name itself if it authenticates that.
func (g *guard) lookupDANE(ctx context.Context, d *demand, found dns.Host, port int) error {
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
			// RFC 7672, Section 3.2.2: DNSSEC authenticates the chain from the domain to
			// the host.
			d.names = []string{base, cmp.Or(g.domain, base)}
			return nil
		}
	}
	return nil
}
