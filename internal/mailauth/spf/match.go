package spf

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// matches reports whether a directive matches. RFC 7208, Section 5.
func (c *check) matches(d *directive, domain string) (bool, error) {
	switch d.kind {
	case "all":
		return true, nil
	case "ip4", "ip6":
		return d.net.Contains(c.query.Addr), nil
	}
	if err := c.ask(); err != nil {
		return false, err
	}
	target := domain
	if d.spec != "" {
		var err error
		if target, err = c.target(d.spec, domain); err != nil {
			return false, err
		}
	}
	switch d.kind {
	case "include":
		return c.include(target)
	case "a":
		addrs, err := c.some(c.addresses(target, c.query.Addr.Is6()))
		return c.within(addrs, d), err
	case "mx":
		return c.mx(target, d)
	case "ptr":
		return c.ptr(target)
	default: // exists: RFC 7208, Section 5.7: the record is A, for any address family
		addrs, err := c.some(c.addresses(target, false))
		return len(addrs) > 0, err
	}
}

// include evaluates another record. RFC 7208, Section 5.2: only its pass is a match; its
// errors also count.
func (c *check) include(target string) (bool, error) {
	switch o := c.host(target, false); o.Result {
	case Pass:
		return true, nil
	case TempError:
		return false, fmt.Errorf("including %s: %s", target, o.Why)
	case PermError:
		return false, fmt.Errorf("%w: including %s: %s", errPerm, target, o.Why)
	case None:
		return false, fmt.Errorf("%w: including %s, which has no record", errPerm, target)
	default:
		return false, nil
	}
}

// some counts an answer without addresses as void.
func (c *check) some(addrs []netip.Addr, err error) ([]netip.Addr, error) {
	if err == nil && len(addrs) == 0 {
		err = c.empty()
	}
	return addrs, err
}

// addresses returns the addresses of a name in one family.
func (c *check) addresses(name string, six bool) ([]netip.Addr, error) {
	if !isName(name) {
		return nil, nil
	}
	answer, err := c.dns.LookupIPAddr(c.ctx, name)
	if err != nil && !notFound(err) {
		return nil, fmt.Errorf("looking up host %s: %w", name, err)
	}
	return family(answer, six), nil
}

func family(answer []net.IPAddr, six bool) []netip.Addr {
	var out []netip.Addr
	for _, a := range answer {
		if ip, ok := netip.AddrFromSlice(a.IP); ok && ip.Unmap().Is6() == six {
			out = append(out, ip.Unmap())
		}
	}
	return out
}

// within reports whether the client is in the network around one of the addresses.
func (c *check) within(addrs []netip.Addr, d *directive) bool {
	bits := d.bits4
	if c.query.Addr.Is6() {
		bits = d.bits6
	}
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool {
		p, err := a.Prefix(bits)
		return err == nil && p.Contains(c.query.Addr)
	})
}

// mx matches the addresses of the mail hosts. RFC 7208, Section 5.4. A host without an
// address is a defect of one record among several, and no void lookup.
func (c *check) mx(target string, d *directive) (bool, error) {
	if !isName(target) {
		return false, c.empty()
	}
	hosts, err := c.dns.LookupMX(c.ctx, target)
	if err != nil && !notFound(err) {
		return false, fmt.Errorf("looking up mx of %s: %w", target, err)
	}
	if len(hosts) == 0 {
		return false, c.empty()
	}
	if len(hosts) > maxHosts {
		return false, errHosts
	}
	for _, h := range hosts {
		addrs, err := c.addresses(strings.TrimSuffix(h.Host, "."), c.query.Addr.Is6())
		if err != nil {
			return false, err
		}
		if c.within(addrs, d) {
			return true, nil
		}
	}
	return false, nil
}

// ptr matches the validated names of the client. RFC 7208, Section 5.5: errors are no
// match, not errors, and an address without names is a void lookup.
func (c *check) ptr(target string) (bool, error) {
	names := c.validated()
	if c.nameless {
		return false, c.empty()
	}
	target = strings.ToLower(strings.TrimSuffix(target, "."))
	return slices.ContainsFunc(names, func(n string) bool { return n == target || strings.HasSuffix(n, "."+target) }), nil
}

// validated returns the names of the address that resolve to it, in lower case. Names
// beyond the first ten are ignored.
func (c *check) validated() []string {
	if c.haveNames {
		return c.names
	}
	c.haveNames = true
	names, err := c.dns.LookupAddr(c.ctx, c.query.Addr.String())
	if err != nil {
		c.nameless = notFound(err)
		return nil
	}
	for _, n := range names[:min(len(names), maxHosts)] {
		n = strings.ToLower(strings.TrimSuffix(n, "."))
		if !isName(n) {
			continue
		}
		answer, err := c.dns.LookupIPAddr(c.ctx, n)
		if err == nil && slices.Contains(family(answer, c.query.Addr.Is6()), c.query.Addr) {
			c.names = append(c.names, n)
		}
	}
	return c.names
}

// explanation returns the domain's text for a fail, or "". RFC 7208, Section 6.2: errors
// here do not change the result.
func (c *check) explanation(spec, domain string) string {
	name, err := c.target(spec, domain)
	if err != nil || !isName(name) {
		return ""
	}
	texts, err := c.dns.LookupTXT(c.ctx, name)
	if err != nil || len(texts) != 1 || checkMacro(texts[0], true) != nil {
		return ""
	}
	out := c.expand(texts[0], domain)
	if strings.ContainsFunc(out, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return out[:min(len(out), maxExplanation)]
}

// maxExplanation bounds the explanation that a stranger supplies.
const maxExplanation = 500
