package relay

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"outrider/internal/tenant"
)

// Bounds of a route, so that one delivery ends.
const (
	maxTargets = 12 // addresses tried per delivery
	maxAddrs   = 3  // addresses tried per host name
	maxMX      = 50 // MX records looked at
)

// target is one address of a next hop.
type target struct {
	name    string // as configured or from the MX record: what certificates and results name
	network string // "tcp" or "unix"
	addr    string
}

// targets lists the addresses of the route in the order in which to try them: that
// of the route, but those that failed a short while ago last.
func (r *Relay) targets(ctx context.Context, route tenant.Route) ([]target, error) {
	hosts := route.Hosts
	if len(hosts) == 0 {
		var err error
		if hosts, err = r.mxHosts(ctx, route.Domain); err != nil {
			return nil, err
		}
	}
	port := cmp.Or(route.Port, 25)
	if route.Transport == tenant.TransportLMTP {
		port = cmp.Or(route.Port, 24)
	}
	var ts []target
	var lastErr error
	for _, h := range hosts {
		t, err := r.addresses(ctx, h, port)
		ts, lastErr = append(ts, t...), cmp.Or(lastErr, err)
		if len(ts) >= maxTargets {
			break
		}
	}
	if len(ts) == 0 {
		return nil, cmp.Or(lastErr, fail(replyRoute, "route %s names no host", route.Key()))
	}
	return r.health.order(ts), nil
}

// addresses resolves one host.
func (r *Relay) addresses(ctx context.Context, host string, port int) ([]target, error) {
	if path, ok := strings.CutPrefix(host, "unix:"); ok {
		return []target{{name: "localhost", network: "unix", addr: path}}, nil
	}
	p := strconv.Itoa(port)
	if h, own, err := net.SplitHostPort(host); err == nil {
		host, p = h, own // a host of the route may have a port of its own
	}
	name := strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(strings.TrimPrefix(name, "IPv6:")); err == nil || r.cfg.Resolver == nil {
		name = strings.TrimPrefix(name, "IPv6:")
		return []target{{name: name, network: "tcp", addr: net.JoinHostPort(name, p)}}, nil
	}
	addrs, err := r.cfg.Resolver.LookupHost(ctx, name)
	if err != nil || len(addrs) == 0 {
		if notFound(err) || err == nil {
			return nil, fail(replyNoDomain, "host %s has no address: %w", name, cmp.Or(err, errNotFound))
		}
		return nil, fail(replyDNS, "looking up host %s: %w", name, err)
	}
	var ts []target
	for _, a := range addrs[:min(len(addrs), maxAddrs)] {
		ts = append(ts, target{name: name, network: "tcp", addr: net.JoinHostPort(a.String(), p)})
	}
	return ts, nil
}

var errNotFound = errors.New("not found")

func notFound(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound
}

// mxHosts returns the hosts that take mail for a domain.
// RFC 5321, Section 5.1: by preference, equal ones in random order.
func (r *Relay) mxHosts(ctx context.Context, domain string) ([]string, error) {
	if strings.HasPrefix(domain, "[") {
		return []string{domain}, nil
	}
	if r.cfg.Resolver == nil {
		return nil, fail(replyRoute, "no resolver for the MX of %s", domain)
	}
	mxs, err := r.cfg.Resolver.LookupMX(ctx, domain)
	if err != nil && !notFound(err) {
		return nil, fail(replyDNS, "looking up MX of %s: %w", domain, err)
	}
	if len(mxs) == 0 {
		return []string{domain}, nil // RFC 5321, Section 5.1: the implicit MX
	}
	if len(mxs) == 1 && strings.Trim(mxs[0].Host, ".") == "" {
		return nil, fail(replyNullMX, "null MX at %s", domain)
	}
	mxs = slices.Clone(mxs[:min(len(mxs), maxMX)])
	rand.Shuffle(len(mxs), func(i, j int) { mxs[i], mxs[j] = mxs[j], mxs[i] }) //nolint:gosec // spreads load, hides nothing
	slices.SortStableFunc(mxs, func(a, b *net.MX) int { return cmp.Compare(a.Pref, b.Pref) })
	mxs = r.beforeUs(mxs)
	if len(mxs) == 0 {
		return nil, fail(replyLoop, "this host is the best MX of %s", domain)
	}
	hosts := make([]string, 0, len(mxs))
	for _, mx := range mxs {
		hosts = append(hosts, strings.TrimSuffix(mx.Host, "."))
	}
	return hosts, nil
}

// beforeUs cuts the list where we stand in it ourselves.
// RFC 5321, Section 5.1: only hosts that are preferred to us may be tried, or mail
// would loop.
func (r *Relay) beforeUs(mxs []*net.MX) []*net.MX {
	i := slices.IndexFunc(mxs, func(mx *net.MX) bool {
		return strings.EqualFold(strings.TrimSuffix(mx.Host, "."), r.cfg.Hostname)
	})
	if i < 0 {
		return mxs
	}
	ours := mxs[i].Pref
	return slices.DeleteFunc(mxs, func(mx *net.MX) bool { return mx.Pref >= ours })
}
