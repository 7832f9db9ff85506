package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
)

// maxAddrs bounds the addresses of one host that are tried.
const maxAddrs = 4

// dial connects to addr, host:port, if allowed. The proxy is the operator's choice and may
// have any address.
func (c *Client) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if c.cfg.Proxy != nil {
		if !c.proxied(addr) {
			return nil, fmt.Errorf("%w: %s is not the proxy", ErrAddress, addr)
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr) //nolint:wrapcheck // Get names the action
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	if err := c.checkPort(port); err != nil {
		return nil, err
	}
	addrs, err := c.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Control: c.control}
	var errs []error
	for _, a := range addrs[:min(len(addrs), maxAddrs)] {
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(a, port))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// lookup returns the addresses of a host, or the host itself if the system resolves it.
func (c *Client) lookup(ctx context.Context, host string) ([]string, error) {
	if _, err := netip.ParseAddr(host); err == nil || c.cfg.Resolver == nil {
		return []string{host}, nil
	}
	addrs, err := c.cfg.Resolver.LookupHost(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("looking up host %s: %w", host, err)
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return out, nil
}

// control checks the address that is about to be connected to, after name resolution is
// complete.
func (c *Client) control(_, addr string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAddress, err)
	}
	return c.checkAddr(ap.Addr())
}

func (c *Client) checkAddr(a netip.Addr) error {
	if c.cfg.AllowPrivate || c.public(a) {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrAddress, a)
}

func (c *Client) checkPort(port string) error {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || !slices.Contains(c.cfg.Ports, uint16(n)) {
		return fmt.Errorf("%w: port %s", ErrAddress, port)
	}
	return nil
}
