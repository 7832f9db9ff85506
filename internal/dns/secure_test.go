package dns_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outrider/internal/dns"
	"outrider/internal/mailtest"
)

const signedZone = `
example.org. 300 IN MX 10 mx.example.org.
mx.example.org. 300 IN A 192.0.2.1
mx.example.org. 300 IN AAAA 2001:db8::1
_25._tcp.mx.example.org. 300 IN TLSA 3 1 1 AABBcc
_25._tcp.mx.example.org. 300 IN TLSA 2 0 2 00
_25._tcp.alias.example.org. 300 IN CNAME _25._tcp.mx.example.org.
alias.example.org. 300 IN CNAME Second.Example.org.
second.example.org. 300 IN CNAME mx.example.org.
outside.example.org. 300 IN CNAME mx.unsigned.example.
unsigned.example. 300 IN MX 10 mx.unsigned.example.
mx.unsigned.example. 300 IN A 192.0.2.2
_25._tcp.mx.unsigned.example. 300 IN TLSA 3 1 1 00
mixed.example.org. 300 IN A 192.0.2.3
insecure unsigned.example
insecure mx.unsigned.example
insecure _25._tcp.mx.unsigned.example
bogus mixed.example.org AAAA
bogus broken.example.org
`

func signed(t *testing.T) *dns.Session {
	t.Helper()
	z := mailtest.StartSignedZone(t, signedZone)
	c, err := dns.New(dns.Config{Servers: []string{z.Addr}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.For(nil)
}

func TestLookupTLSA(t *testing.T) {
	t.Parallel()
	s := signed(t)
	both := []dns.TLSA{{3, 1, 1, []byte{0xaa, 0xbb, 0xcc}}, {2, 0, 2, []byte{0}}}
	for name, tc := range map[string]struct {
		want                []dns.TLSA
		authentic           bool
		notFound, temporary bool
	}{
		"_25._tcp.mx.example.org":      {want: both, authentic: true},
		"_25._tcp.alias.example.org":   {want: both, authentic: true},
		"_25._tcp.mx.unsigned.example": {want: []dns.TLSA{{3, 1, 1, []byte{0}}}},
		"_25._tcp.none.example.org":    {authentic: true, notFound: true},
		"mx.example.org":               {authentic: true, notFound: true},
		"broken.example.org":           {temporary: true},
	} {
		got, authentic, err := s.LookupTLSA(t.Context(), name)
		e, _ := errors.AsType[*net.DNSError](err)
		if !gocmp.Equal(got, tc.want) || authentic != tc.authentic {
			t.Errorf("%s: %v, authentic %t, %v", name, got, authentic, err)
		}
		if (err != nil) != (tc.want == nil) || e != nil && (e.IsNotFound != tc.notFound || e.IsTemporary != tc.temporary) {
			t.Errorf("%s: %#v", name, err)
		}
	}
}

func TestLookupSecureMX(t *testing.T) {
	t.Parallel()
	s := signed(t)
	for name, tc := range map[string]struct{ host, authentic bool }{
		"example.org":        {true, true},
		"unsigned.example":   {true, false},
		"mx.example.org":     {false, true},
		"broken.example.org": {false, false},
	} {
		got, authentic, err := s.LookupSecureMX(t.Context(), name)
		if len(got) == 1 != tc.host || (err == nil) != tc.host || authentic != tc.authentic {
			t.Errorf("%s: %v, authentic %t, %v", name, got, authentic, err)
		}
	}
}

func TestLookupSecureHost(t *testing.T) {
	t.Parallel()
	s := signed(t)
	addrs := func(list ...string) (out []netip.Addr) {
		for _, a := range list {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	both := addrs("192.0.2.1", "2001:db8::1")
	for name, want := range map[string]dns.Host{
		"MX.example.org.":     {both, "mx.example.org", true, false},
		"alias.example.org":   {both, "mx.example.org", true, false},
		"outside.example.org": {addrs("192.0.2.2"), "mx.unsigned.example", false, true},
		"mx.unsigned.example": {addrs("192.0.2.2"), "mx.unsigned.example", false, false},
		"mixed.example.org":   {addrs("192.0.2.3"), "mixed.example.org", true, false},
		"none.example.org":    {},
		"example.org":         {},
		"broken.example.org":  {},
	} {
		got, err := s.LookupSecureHost(t.Context(), name)
		if !gocmp.Equal(got, want, cmpopts.EquateComparable(netip.Addr{})) || (err == nil) != (want.Addrs != nil) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		plain, _ := s.LookupHost(t.Context(), name)
		if !slices.Equal(plain, got.Addrs) {
			t.Errorf("%s: LookupHost says %v", name, plain)
		}
		if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound == strings.HasPrefix(name, "broken") {
			t.Errorf("%s: %#v", name, err)
		}
	}
}
