package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// This file rejects settings that are valid YAML but can never work, or are never intended.

// maxNesting bounds the levels of a configuration: it has seven. The reader of YAML calls
// itself for each one.
const maxNesting = 60

// tooDeep reports whether a YAML text may have more than maxNesting levels. It counts brackets in
// quoted text too, of which no setting has so many.
func tooDeep(data []byte) bool {
	flow := 0
	for line := range strings.Lines(string(data)) {
		text := strings.TrimLeft(line, " \t-?")
		if levels := (len(line) - len(text)); levels > 4*maxNesting && strings.TrimSpace(text) != "" {
			return true
		}
		for _, c := range []byte(text) {
			switch c {
			case '[', '{':
				flow++
			case ']', '}':
				flow = max(0, flow-1)
			}
			if flow > maxNesting {
				return true
			}
		}
	}
	return false
}

// trusted is networks for those whose word is believed.
func (c *checker) trusted(where string, list []string) {
	c.networks(where, list)
	for i, s := range list {
		if p, err := ParseNetwork(s); err == nil && p.Bits() == 0 {
			c.fail(fmt.Sprintf("%s[%d]", where, i), "Name the networks of your own hosts.", "%s trusts all hosts", s)
		}
	}
}

// sender checks an entry of a list of senders.
func (c *checker) sender(where, s string) {
	switch name, star := strings.CutPrefix(strings.TrimPrefix(s, "*@"), "*."); {
	case s == "":
		c.fail(where, "", "must not be empty")
	case s == "*" || s == "*@*" || s == "*@" || s == "*.":
		c.fail(where, "Use policy for what holds for all mail.", "%q matches all senders", s)
	case star || name != s:
		c.fail(where, fmt.Sprintf("Write %q: a domain covers its addresses and its subdomains.", name), "%q has a wildcard", s)
	case strings.Contains(s, "*"):
		c.fail(where, "Use an address, a domain or a network.", "%q has a wildcard", s)
	default:
		if p, err := ParseNetwork(s); err == nil && p.Bits() == 0 {
			c.fail(where, "Use policy for what holds for all mail.", "%q matches all senders", s)
		}
	}
}

// domain checks the name of a domain.
func (c *checker) domain(where, name string) {
	switch {
	case name == "" || strings.ContainsAny(name, " @/"):
		c.fail(where, "", "%q is not a domain", name)
	case strings.Contains(name, "*"):
		c.fail(where, "List each domain: mail is accepted only for those that are named.", "%q has a wildcard", name)
	}
}

// shortestKeep is how long people have at least to look at held mail.
const shortestKeep = Duration(time.Hour)

func (c *Config) checkKeep(k *checker) {
	if keep := c.Quarantine.Keep; keep < shortestKeep {
		k.fail("quarantine.keep", "Use 30d, for instance.", "%s is less than %s: quarantined mail would be deleted before it can be reviewed", keep, shortestKeep)
	}
	if keep := c.Retention.Keep; keep != 0 && keep < c.Quarantine.Keep {
		k.fail("retention.keep", "Raise it, or use 0 to keep everything.", "%s is less than quarantine.keep (%s)", keep, c.Quarantine.Keep)
	}
}

// hosts checks the next hops of a route.
func (r *Route) hosts(k *checker, where string) {
	for i, h := range r.Hosts {
		at := fmt.Sprintf("%s.hosts[%d]", where, i)
		if strings.HasPrefix(h, "unix:") {
			if r.Type != "lmtp" || h == "unix:" {
				k.fail(at, "Use type lmtp and unix:/path/of/the/socket.", "%q is not the address of an SMTP server", h)
			}
			continue
		}
		host, port := r.endpoint(h)
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			k.fail(at, "Use host or host:port.", "%q is not a port", port)
			continue
		}
		if host == "" || strings.ContainsAny(host, " /@*\t") {
			k.fail(at, "Use host or host:port.", "%q names no host", h)
		}
	}
}

// Loops reports next hops that are this gateway itself. Only who receives mail needs to know: other
// commands read the configuration without it.
func (c *Config) Loops() error {
	var k checker
	c.loop(&k, "relay.outbound", &c.Relay.Outbound)
	for i := range c.Tenants {
		for n := range c.Tenants[i].Domains {
			c.loop(&k, fmt.Sprintf("tenants[%d].domains[%d].route", i, n), &c.Tenants[i].Domains[n].Route)
		}
	}
	return errors.Join(k.errs...)
}

func (c *Config) loop(k *checker, where string, r *Route) {
	for i, h := range r.Hosts {
		host, port := r.endpoint(h)
		if l := c.ownListener(host, port); l != "" {
			k.fail(fmt.Sprintf("%s.hosts[%d]", where, i), "Name the mail server that Outrider delivers to.", "%s leads back to Outrider itself, which listens on %s", h, l)
		}
	}
}

// endpoint returns host and port of a next hop.
func (r *Route) endpoint(h string) (host, port string) {
	if host, port, err := net.SplitHostPort(h); err == nil {
		return host, port
	}
	port = strconv.Itoa(r.Port)
	switch {
	case r.Port == 0 && r.Type == "lmtp":
		port = "24"
	case r.Port == 0:
		port = "25"
	}
	return strings.Trim(h, "[]"), port
}

// ownListener returns the address on which Outrider itself listens under a host and port, or "".
func (c *Config) ownListener(host, port string) string {
	for _, l := range c.Listen.SMTP {
		if at, p, err := net.SplitHostPort(l); err == nil && p == port && c.isOwn(host, at) {
			return l
		}
	}
	return ""
}

// isOwn reports whether a connection to a host reaches a listener of this machine.
func (c *Config) isOwn(host, listener string) bool {
	if strings.EqualFold(host, listener) {
		return true
	}
	to, named := netip.ParseAddr(host)
	on, _ := netip.ParseAddr(listener)
	here := strings.EqualFold(host, "localhost") || named == nil && to.IsUnspecified()
	switch {
	case to.IsValid() && to == on:
		return true
	case listener == "" || on.IsUnspecified(): // everywhere
		return here || strings.EqualFold(host, c.Hostname) || to.IsLoopback()
	default: // the own name may lead to another address of this machine, where another server listens
		return (here || to.IsLoopback() && !on.IsValid()) && (on.IsLoopback() || strings.EqualFold(listener, "localhost"))
	}
}
