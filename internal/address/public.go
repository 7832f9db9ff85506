package address

import (
	"net/netip"
	"slices"
)

// Networks without public hosts, in addition to those in netip.
var internalNets = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),      // RFC 1122, Section 3.2.1.3: this network
	netip.MustParsePrefix("100.64.0.0/10"),  // RFC 6598: carrier-grade NAT
	netip.MustParsePrefix("240.0.0.0/4"),    // RFC 1112, Section 4: reserved, and broadcast
	netip.MustParsePrefix("::/96"),          // RFC 4291, Section 2.5.5.1: IPv4-compatible
	netip.MustParsePrefix("64:ff9b:1::/48"), // RFC 8215: local translation to IPv4
	netip.MustParsePrefix("fec0::/10"),      // RFC 3879: site-local
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052, Section 2.1
	sixTo4 = netip.MustParsePrefix("2002::/16")    // RFC 3056, Section 2
)

// IsPublic reports whether an address belongs to the public Internet, so that strangers may
// cause connections to it. An IPv6 address with an embedded IPv4 address is classified by
// the latter.
func IsPublic(a netip.Addr) bool {
	if !a.IsValid() {
		return false
	}
	a = a.Unmap()
	b := a.As16()
	switch {
	case nat64.Contains(a):
		a = netip.AddrFrom4([4]byte(b[12:]))
	case sixTo4.Contains(a):
		a = netip.AddrFrom4([4]byte(b[2:6]))
	}
	// IsGlobalUnicast excludes loopback, link-local, multicast and unspecified.
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Zone() != "" {
		return false
	}
	return !slices.ContainsFunc(internalNets, func(p netip.Prefix) bool { return p.Contains(a) })
}
