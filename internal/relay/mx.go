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

	"outrider/internal/address"
	"outrider/internal/dns"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

// Errors of hosts named by the DNS or the sender that are not dialled.
var (
	errNotAName = errors.New("not a host name")
	errInternal = errors.New("address is not of the public network")
)

// mxTargets returns the addresses that accept mail for a domain, in the order in which to
// try them.
//
// The owner of the domain, or the author of the recipient's address, controls the result.
// So names are only treated as host names here, whatever they mean in a route, and
// addresses that only this machine or its network can reach are refused.
func (r *Relay) mxTargets(ctx context.Context, route tenant.Route, port int) ([]target, error) {
	if strings.HasPrefix(route.Domain, "[") {
		return r.literalTarget(route.Domain, port)
	}
	hosts, secure, err := r.mxHosts(ctx, route.Domain)
	if err != nil {
		return nil, err
	}
	g := r.guardFor(route, secure)
	var ts []target
	var why error
	for _, h := range hosts {
		t, err := r.mxAddresses(ctx, g, h, port)
		ts = append(ts, t...)
		// A temporary failure is preferred to a permanent one.
		if why == nil || smtp.ReplyFor(why).Class() == 5 {
			why = cmp.Or(err, why)
		}
		if len(ts) >= maxTargets {
			break
		}
	}
	if len(ts) > 0 {
		return ts, nil
	}
	return nil, why
}

// mxHosts returns the hosts that accept mail for a domain, and whether DNSSEC authenticates
// their names. RFC 5321, Section 5.1: by preference, equal ones in random order.
func (r *Relay) mxHosts(ctx context.Context, domain string) (hosts []string, secure bool, err error) {
	if r.cfg.Resolver == nil {
		return nil, false, fail(replyRoute, "no resolver for the MX of %s", domain)
	}
	mxs, secure, err := r.lookupMX(ctx, domain)
	if err != nil && !notFound(err) {
		return nil, false, fail(replyDNS, "looking up MX of %s: %w", domain, err)
	}
	if len(mxs) == 0 {
		// RFC 5321, Section 5.1: the implicit MX. Its name is the domain itself, which
		// needs no proof.
		return []string{domain}, true, nil
	}
	if len(mxs) == 1 && strings.Trim(mxs[0].Host, ".") == "" {
		return nil, false, fail(replyNullMX, "null MX at %s", domain)
	}
	mxs = slices.Clone(mxs[:min(len(mxs), maxMX)])
	rand.Shuffle(len(mxs), func(i, j int) { mxs[i], mxs[j] = mxs[j], mxs[i] }) //nolint:gosec // spreads load, hides nothing
	slices.SortStableFunc(mxs, func(a, b *net.MX) int { return cmp.Compare(a.Pref, b.Pref) })
	mxs = r.preferredToUs(mxs)
	if len(mxs) == 0 {
		return nil, false, fail(replyLoop, "this host is the best MX of %s", domain)
	}
	for _, mx := range mxs {
		hosts = append(hosts, strings.TrimSuffix(mx.Host, "."))
	}
	return hosts, secure, nil
}

func (r *Relay) lookupMX(ctx context.Context, domain string) ([]*net.MX, bool, error) {
	if r.cfg.Secure != nil {
		return r.cfg.Secure.LookupSecureMX(ctx, domain) //nolint:wrapcheck // mxHosts names the action
	}
	mxs, err := r.cfg.Resolver.LookupMX(ctx, domain)
	return mxs, false, err //nolint:wrapcheck // mxHosts names the action
}

// lookupHost resolves the name of a host to at least one address.
func (r *Relay) lookupHost(ctx context.Context, name string) (dns.Host, error) {
	if r.cfg.Secure == nil {
		addrs, err := r.lookup(ctx, name)
		return dns.Host{Addrs: addrs, Canonical: name}, err
	}
	host, err := r.cfg.Secure.LookupSecureHost(ctx, name)
	return host, hostError(name, len(host.Addrs), err)
}

// preferredToUs truncates the list at our own name. RFC 5321, Section 5.1: only hosts with a
// better preference than ours may be tried, to avoid mail loops.
func (r *Relay) preferredToUs(mxs []*net.MX) []*net.MX {
	i := slices.IndexFunc(mxs, func(mx *net.MX) bool {
		return strings.EqualFold(strings.TrimSuffix(mx.Host, "."), r.cfg.Hostname)
	})
	if i < 0 {
		return mxs
	}
	ours := mxs[i].Pref
	return slices.DeleteFunc(mxs, func(mx *net.MX) bool { return mx.Pref >= ours })
}

// mxAddresses resolves one host of an MX record, and adds the demand of the domain on the
// connection.
func (r *Relay) mxAddresses(ctx context.Context, g *guard, host string, port int) ([]target, error) {
	if !isHostName(host) {
		r.log.Warn("mail host refused the connection", "host", host, "error", errNotAName)
		return nil, fail(replyNoRoute, "mail host %q: %w", host, errNotAName)
	}
	found, err := r.lookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	var ts []target
	for _, a := range found.Addrs {
		if !r.mayDial(a) {
			r.log.Warn("mail host refused the connection", "host", host, "addr", a.String(), "error", errInternal)
			continue
		}
		if len(ts) < maxAddrs {
			ts = append(ts, tcpTarget(host, a, port))
		}
	}
	if len(ts) == 0 {
		return nil, fail(replyNoRoute, "mail host %s: %w", host, errInternal)
	}
	return g.apply(ctx, ts, host, found, port)
}

// literalTarget returns the address in a domain literal: "[192.0.2.1]" or
// "[IPv6:2001:db8::1]". RFC 5321, Section 4.1.3.
func (r *Relay) literalTarget(domain string, port int) ([]target, error) {
	text, closed := strings.CutSuffix(domain[1:], "]")
	if len(text) > 5 && strings.EqualFold(text[:5], "IPv6:") {
		text = text[5:]
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || !closed || addr.Zone() != "" {
		return nil, fail(replyBadRcpt, "domain %q: malformed address literal", domain)
	}
	if !r.mayDial(addr) {
		r.log.Warn("mail host refused the connection", "host", domain, "addr", addr.String(), "error", errInternal)
		return nil, fail(replyNoRoute, "domain %s: %w", domain, errInternal)
	}
	return []target{tcpTarget(addr.String(), addr, port)}, nil
}

func tcpTarget(name string, addr netip.Addr, port int) target {
	return target{name: name, network: "tcp", addr: net.JoinHostPort(addr.String(), strconv.Itoa(port))}
}

// isHostName reports whether s can only be a host name: without a port or scheme, and no
// address. Labels beyond ASCII are left to the resolver.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	label := ""
	for label = range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.ContainsFunc(label, notInLabel) {
			return false
		}
	}
	// RFC 3696, Section 2: no top-level domain is all digits, so this is an address.
	return !digits(label)
}

func notInLabel(r rune) bool {
	letter := 'a' <= r|0x20 && r|0x20 <= 'z'
	return !letter && (r < '0' || r > '9') && r != '-' && r != '_' && r < 0x80
}

// mayDial reports whether an address chosen by a stranger may be connected to.
func (r *Relay) mayDial(a netip.Addr) bool { return r.cfg.AllowPrivateMX || address.IsPublic(a) }
