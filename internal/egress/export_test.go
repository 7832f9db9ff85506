package egress

import "net/netip"

// NewWithPublic returns a client for which the addresses that public accepts are those of
// the public network.
func NewWithPublic(c Config, public func(netip.Addr) bool) *Client {
	client := New(c)
	client.public = public
	return client
}
