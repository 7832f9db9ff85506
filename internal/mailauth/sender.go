package mailauth

import (
	"net/netip"
	"strings"

	"outrider/internal/message"
	"outrider/internal/tenant"
)

// TrueSender is the host that handed the message to the first gateway that the tenant
// trusts.
type TrueSender struct {
	Addr netip.Addr // invalid if unknown
	Helo string
	Hops int // number of Received fields above it; 0: the connecting host
}

// FindSender returns the true sender of a message that r.Peer handed to us for d.
//
// Each step relies on the host below it, so look-back continues only while that host is
// trusted: the connecting address first, then the address in each Received field. A forged
// Received field below the gateways is never reached.
func FindSender(r *message.Received, m *message.Message, d *tenant.Domain) TrueSender {
	s := TrueSender{Addr: r.Peer.Addr, Helo: r.Peer.Helo}
	if d == nil || d.LookbackHops == 0 {
		return s
	}
	for _, hop := range m.Hops() {
		if s.Hops == d.LookbackHops || !d.TrustsHop(s.Addr) {
			break
		}
		addr, err := netip.ParseAddr(cleanLiteral(hop.FromAddr))
		if err != nil {
			return TrueSender{Helo: hop.From, Hops: s.Hops}
		}
		s = TrueSender{Addr: addr.Unmap(), Helo: hop.From, Hops: s.Hops + 1}
	}
	return s
}

// cleanLiteral strips brackets and the IPv6 tag from an address literal.
func cleanLiteral(s string) string {
	s = strings.Trim(s, "[]")
	if len(s) > 5 && strings.EqualFold(s[:5], "IPv6:") {
		s = s[5:]
	}
	return s
}
