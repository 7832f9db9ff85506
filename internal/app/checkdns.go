package app

import (
	"errors"
	"net"

	"outrider/internal/dns"
)

// filterTests are names that operators of filtering resolvers block for tests, and that other
// resolvers answer: those of Quad9, Cloudflare and Cisco Umbrella.
func filterTests() []string {
	return []string{"isitblocked.org", "malware.testcategory.com", "internetbadguys.com"}
}

// filterControl is a name that every resolver with a way to the Internet answers.
const filterControl = "example.com"

// filter tells whether the resolver hides names of a block list. With such a resolver, listed domains
// have no SPF, DKIM and DMARC records, and no error is returned.
func (k *checker) filter(s *dns.Session) {
	const what = "resolver"
	if _, err := s.LookupHost(k.c.ctx, filterControl); err != nil {
		k.warn(what, "Authentication needs the records of all senders: name other resolvers in dns.servers.", "does not find %s: %v", filterControl, err)
		return
	}
	for _, name := range filterTests() {
		addrs, err := s.LookupHost(k.c.ctx, name)
		missing, ok := errors.AsType[*net.DNSError](err)
		hidden := ok && missing.IsNotFound
		for _, a := range addrs {
			hidden = hidden || a.IsUnspecified() || a.IsLoopback() || a.IsPrivate()
		}
		if hidden {
			k.warn(what, "It hides the records of listed domains, so that their mail cannot be authenticated: set dns.servers to resolvers without a filter.",
				"filters names: %s is hidden", name)
			return
		}
	}
	k.ok(what, "does not filter names")
}
