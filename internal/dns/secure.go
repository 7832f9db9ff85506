package dns

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"strings"

	mdns "github.com/miekg/dns"
)

// TLSA is one certificate association of RFC 6698, Section 2.1.
type TLSA struct {
	Usage    uint8
	Selector uint8
	Matching uint8
	Data     []byte
}

// Host is the DNS data of a host name.
type Host struct {
	Addrs     []netip.Addr
	Canonical string // end of the alias chain, in lower case without final dot; the name itself if it is no alias
	Authentic bool   // all answers with addresses and their aliases were validated
	Alias     bool   // not authentic, but the name is an alias, which was validated
}

// LookupTLSA returns the TLSA records of name ("_25._tcp.mx.example.org"), and whether
// their answer was validated by DNSSEC. Absence is an error with IsNotFound, and may be
// authentic too.
func (s *Session) LookupTLSA(ctx context.Context, name string) ([]TLSA, bool, error) {
	a, err := s.ask(ctx, name, mdns.TypeTLSA)
	if err != nil {
		return nil, a.authentic, err
	}
	var out []TLSA
	for _, rr := range a.records {
		t, ok := rr.(*mdns.TLSA)
		if !ok {
			continue
		}
		data, err := hex.DecodeString(t.Certificate)
		if err != nil {
			continue // the library itself wrote this text, from the wire
		}
		out = append(out, TLSA{Usage: t.Usage, Selector: t.Selector, Matching: t.MatchingType, Data: data})
	}
	out, err = nonEmpty(out, name)
	return out, a.authentic, err
}

// LookupSecureMX is LookupMX, and also reports whether DNSSEC validated the answer.
func (s *Session) LookupSecureMX(ctx context.Context, name string) ([]*net.MX, bool, error) {
	a, err := s.ask(ctx, name, mdns.TypeMX)
	if err != nil {
		return nil, a.authentic, err
	}
	var out []*net.MX
	for _, rr := range a.records {
		if m, ok := rr.(*mdns.MX); ok {
			out = append(out, &net.MX{Host: m.Mx, Pref: m.Preference})
		}
	}
	out, err = nonEmpty(out, name)
	return out, a.authentic, err
}

// LookupSecureHost is LookupHost, and also reports the DNSSEC status of the answer.
func (s *Session) LookupSecureHost(ctx context.Context, host string) (Host, error) {
	out := Host{Canonical: normal(host), Authentic: true}
	var errs []error
	for _, qtype := range []uint16{mdns.TypeA, mdns.TypeAAAA} {
		a, err := s.ask(ctx, host, qtype)
		errs = append(errs, temporary(err))
		if addrs := addresses(a.records); len(addrs) > 0 {
			out.Addrs = append(out.Addrs, addrs...)
			out.Canonical = canonical(host, a.records)
			out.Authentic = out.Authentic && a.authentic
		}
	}
	if len(out.Addrs) > 0 {
		out.Alias = !out.Authentic && out.Canonical != normal(host) && s.Authentic(ctx, host, "CNAME")
		return out, nil
	}
	if err := errors.Join(errs...); err != nil {
		return Host{}, err
	}
	return Host{}, &net.DNSError{Err: "no such record", Name: host, IsNotFound: true}
}

// addresses returns the addresses among the records.
func addresses(records []mdns.RR) []netip.Addr {
	var out []netip.Addr
	for _, rr := range records[:min(len(records), maxRecords)] {
		var ip net.IP
		switch r := rr.(type) {
		case *mdns.A:
			ip = r.A
		case *mdns.AAAA:
			ip = r.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			out = append(out, a.Unmap())
		}
	}
	return out
}

// maxChain bounds the aliases that are followed; resolvers have a similar limit.
const maxChain = 16

// canonical follows the aliases of an answer from host to their end.
func canonical(host string, records []mdns.RR) string {
	aliases := map[string]string{}
	for _, rr := range records[:min(len(records), maxRecords)] {
		if c, ok := rr.(*mdns.CNAME); ok {
			aliases[normal(c.Hdr.Name)] = normal(c.Target)
		}
	}
	name := normal(host)
	for range maxChain {
		target, ok := aliases[name]
		if !ok {
			break
		}
		name = target
	}
	return name
}

func normal(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
