package relay

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"outrider/internal/tenant"
)

// Bounds of a route, so that one delivery ends.
const (
	maxTargets = 12 // addresses tried per delivery
	maxAddrs   = 3  // addresses tried per host name
	maxMX      = 50 // examined MX records
)

// target is one address of a next hop.
type target struct {
	name    string // as configured or from the MX record: used for certificates and results
	network string // "tcp" or "unix"
	addr    string

	demand    *demand // DANE or MTA-STS requirements for the connection, or nil
	untrusted bool    // the name comes from unauthenticated DNS
}

// targets lists the addresses of the route in the order in which to try them: that of the
// route, with recently failed ones last.
func (r *Relay) targets(ctx context.Context, route tenant.Route) ([]target, error) {
	port := cmp.Or(route.Port, 25)
	if route.Transport == tenant.TransportLMTP {
		port = cmp.Or(route.Port, 24)
	}
	var ts []target
	var err error
	if len(route.Hosts) == 0 {
		ts, err = r.mxTargets(ctx, route, port)
	} else {
		ts, err = r.routeTargets(ctx, route.Hosts, port)
	}
	if err != nil {
		return nil, err
	}
	return r.health.order(ts), nil
}

// routeTargets returns the addresses of the configured hosts.
func (r *Relay) routeTargets(ctx context.Context, hosts []string, port int) ([]target, error) {
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
		return nil, lastErr
	}
	return ts, nil
}

// addresses resolves one host as written in a route: a socket, an address or a name, the
// latter two with or without a port.
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
	addrs, err := r.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	var ts []target
	for _, a := range addrs[:min(len(addrs), maxAddrs)] {
		ts = append(ts, target{name: name, network: "tcp", addr: net.JoinHostPort(a.String(), p)})
	}
	return ts, nil
}

// lookup returns the addresses of a name, at least one.
func (r *Relay) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	addrs, err := r.cfg.Resolver.LookupHost(ctx, name)
	return addrs, hostError(name, len(addrs), err)
}

// hostError returns the error of a lookup that found n addresses.
func hostError(name string, n int, err error) error {
	if err != nil && !notFound(err) {
		return fail(replyDNS, "looking up host %s: %w", name, err)
	}
	if n == 0 {
		return fail(replyNoDomain, "host %s has no address: %w", name, cmp.Or(err, errNotFound))
	}
	return nil
}

var errNotFound = errors.New("not found")

func notFound(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound
}
