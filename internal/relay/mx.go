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

	"outrider/internal/smtp"
)

// Errors of hosts that the DNS or the sender named, and that are not dialled.
var (
	errNotAName = errors.New("not a host name")
	errInternal = errors.New("address is not of the public network")
)

// mxTargets returns the addresses that take mail for a domain, in the order in which to
// try them.
//
// Whoever owns the domain, or writes the recipient's address, chooses what comes out.
// So names are nothing but names here, whatever they mean in a route, and addresses
// that only this machine or its network can reach are refused.
func (r *Relay) mxTargets(ctx context.Context, domain string, port int) ([]target, error) {
	if strings.HasPrefix(domain, "[") {
		return r.literalTarget(domain, port)
	}
	hosts, err := r.mxHosts(ctx, domain)
	if err != nil {
		return nil, err
	}
	var ts []target
	var why error
	for _, h := range hosts {
		t, err := r.mxAddresses(ctx, h, port)
		ts = append(ts, t...)
		// A host that may come back is a better reason than one that never will.
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

// mxHosts returns the hosts that take mail for a domain.
// RFC 5321, Section 5.1: by preference, equal ones in random order.
func (r *Relay) mxHosts(ctx context.Context, domain string) ([]string, error) {
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

// mxAddresses resolves one host that an MX record names.
func (r *Relay) mxAddresses(ctx context.Context, host string, port int) ([]target, error) {
	if !isHostName(host) {
		r.log.Warn("mail host refused", "host", host, "error", errNotAName)
		return nil, fail(replyNoRoute, "mail host %q: %w", host, errNotAName)
	}
	addrs, err := r.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var ts []target
	for _, a := range addrs {
		if !r.mayDial(a) {
			r.log.Warn("mail host refused", "host", host, "addr", a.String(), "error", errInternal)
			continue
		}
		if len(ts) < maxAddrs {
			ts = append(ts, tcpTarget(host, a, port))
		}
	}
	if len(ts) == 0 {
		return nil, fail(replyNoRoute, "mail host %s: %w", host, errInternal)
	}
	return ts, nil
}

// literalTarget returns the address that stands for a domain: "[192.0.2.1]" or
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
		r.log.Warn("mail host refused", "host", domain, "addr", addr.String(), "error", errInternal)
		return nil, fail(replyNoRoute, "domain %s: %w", domain, errInternal)
	}
	return []target{tcpTarget(addr.String(), addr, port)}, nil
}

func tcpTarget(name string, addr netip.Addr, port int) target {
	return target{name: name, network: "tcp", addr: net.JoinHostPort(addr.String(), strconv.Itoa(port))}
}

// isHostName reports whether s can only be the name of a host: it has no port and no
// scheme, and is no address. Labels beyond ASCII are left to the resolver.
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

// mayDial reports whether an address that a stranger chose may be connected to.
func (r *Relay) mayDial(a netip.Addr) bool { return r.cfg.AllowPrivateMX || isPublic(a) }

// Networks that no public host has, beyond those that netip knows.
var internalNets = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),      // RFC 1122, Section 3.2.1.3: this network
	netip.MustParsePrefix("100.64.0.0/10"),  // RFC 6598: behind a carrier's address translation
	netip.MustParsePrefix("240.0.0.0/4"),    // RFC 1112, Section 4: reserved, and broadcast
	netip.MustParsePrefix("::/96"),          // RFC 4291, Section 2.5.5.1: IPv4-compatible
	netip.MustParsePrefix("64:ff9b:1::/48"), // RFC 8215: local translation to IPv4
	netip.MustParsePrefix("fec0::/10"),      // RFC 3879: site-local
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052, Section 2.1
	sixTo4 = netip.MustParsePrefix("2002::/16")    // RFC 3056, Section 2
)

// isPublic reports whether an address belongs to the public network. An IPv6 address
// that carries an IPv4 address is what that is.
func isPublic(a netip.Addr) bool {
	a = a.Unmap()
	b := a.As16()
	switch {
	case nat64.Contains(a):
		a = netip.AddrFrom4([4]byte(b[12:]))
	case sixTo4.Contains(a):
		a = netip.AddrFrom4([4]byte(b[2:6]))
	}
	// IsGlobalUnicast leaves out loopback, link-local, multicast and unspecified.
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	return !slices.ContainsFunc(internalNets, func(p netip.Prefix) bool { return p.Contains(a) })
}
