package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"outrider/internal/mailtest"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

// oneMX is a resolver for which each domain has one MX with one address. A domain
// without MX is its own.
type oneMX struct{ host, addr string }

func (o oneMX) LookupMX(_ context.Context, domain string) ([]*net.MX, error) {
	if o.host == "" {
		return nil, &net.DNSError{Err: "no such host", Name: domain, IsNotFound: true}
	}
	return []*net.MX{{Host: o.host, Pref: 10}}, nil
}

func (o oneMX) LookupHost(_ context.Context, host string) ([]netip.Addr, error) {
	addr, err := netip.ParseAddr(o.addr)
	if err != nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{addr}, nil
}

// dialled returns the addresses that a delivery to rcpt connects to, its result, and the
// log.
func dialled(t *testing.T, dns relay.Resolver, route tenant.Route, rcpt string) (dials []string, res relay.Result, log string) {
	t.Helper()
	var out bytes.Buffer
	r := relay.New(relay.Config{
		Hostname: "out.example", Resolver: dns, Log: slog.New(slog.NewTextHandler(&out, nil)),
		Dial: func(_ context.Context, network, addr string) (net.Conn, error) {
			dials = append(dials, network+" "+addr)
			return nil, errRefused
		},
	})
	defer func() { _ = r.Close() }()
	j := job("Subject: x\r\n\r\n")
	j.Envelope.Recipients = []smtp.Recipient{{Address: rcpt}}
	return dials, r.Deliver(t.Context(), route, j, nil)[0], out.String()
}

func TestNamesOfStrangersAreNoRouteSyntax(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		dns        oneMX
		rcpt, want string
	}{
		"a socket":                   {oneMX{"unix:/run/control.sock.", "192.0.2.1"}, "b@b.example", ""},
		"a port":                     {oneMX{"mx.b.example:6379.", "192.0.2.1"}, "b@b.example", ""},
		"an address":                 {oneMX{"192.0.2.1.", "192.0.2.1"}, "b@b.example", ""},
		"an address in brackets":     {oneMX{"[192.0.2.1].", "192.0.2.1"}, "b@b.example", ""},
		"an IPv6 address":            {oneMX{"2001:db8::1.", "192.0.2.1"}, "b@b.example", ""},
		"an empty label":             {oneMX{"mx..b.example.", "192.0.2.1"}, "b@b.example", ""},
		"a socket as domain":         {oneMX{"", "192.0.2.1"}, "b@unix:/run/control.sock", ""},
		"a port in the domain":       {oneMX{"", "192.0.2.1"}, "b@b.example:6379", ""},
		"an address as domain":       {oneMX{"", "192.0.2.1"}, "b@192.0.2.1", ""},
		"a port behind a literal":    {oneMX{"", "192.0.2.1"}, "b@[192.0.2.1]:6379", ""},
		"a socket in a literal":      {oneMX{"", "192.0.2.1"}, "b@[unix:/run/control.sock]", ""},
		"a plain name":               {oneMX{"mx_1.b.example.", "192.0.2.1"}, "b@b.example", "tcp 192.0.2.1:25"},
		"a name beyond ASCII":        {oneMX{"", "192.0.2.1"}, "b@bücher.example", "tcp 192.0.2.1:25"},
		"a literal":                  {oneMX{}, "b@[192.0.2.1]", "tcp 192.0.2.1:25"},
		"an IPv6 literal":            {oneMX{}, "b@[IPv6:2001:db8::1]", "tcp [2001:db8::1]:25"},
		"an IPv6 literal with zone":  {oneMX{}, "b@[IPv6:2001:db8::1%eth0]", ""},
		"a host without any address": {oneMX{"mx.b.example.", ""}, "b@b.example", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dials, res, _ := dialled(t, tc.dns, tenant.Route{}, tc.rcpt)
			if got := strings.Join(dials, ", "); got != tc.want {
				t.Errorf("dialled %q, want %q", got, tc.want)
			}
			if tc.want == "" && (res.Status != relay.Failed || res.Host != "") {
				t.Errorf("got %+v", res)
			}
		})
	}
}

func TestStrangersCannotPointInside(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{
		"127.0.0.1", "127.9.9.9", "10.0.0.5", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "0.1.2.3", "100.64.0.1",
		"224.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "fec0::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.5", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
	} {
		t.Run(addr, func(t *testing.T) {
			t.Parallel()
			literal := "b@[" + addr + "]"
			if strings.Contains(addr, ":") {
				literal = "b@[IPv6:" + addr + "]"
			}
			for _, rcpt := range []string{"b@b.example", literal} {
				dials, res, log := dialled(t, oneMX{"mx.b.example.", addr}, tenant.Route{}, rcpt)
				if len(dials) > 0 || res.Status != relay.Failed || res.Reply.Enhanced != "5.4.4" {
					t.Errorf("%s: dialled %v, %+v", rcpt, dials, res)
				}
				if !strings.Contains(log, "mail host refused the connection") {
					t.Errorf("%s: not in the log: %s", rcpt, log)
				}
			}
			dials, _, _ := dialled(t, oneMX{"", addr}, tenant.Route{Hosts: []string{"next.example"}}, "b@b.example")
			if len(dials) != 1 {
				t.Errorf("a host of the route was dialled %d times", len(dials))
			}
		})
	}
}

// mixed is a domain with a host inside, one outside, and one that cannot be looked up.
type mixed struct{ outside bool }

func (m mixed) LookupMX(context.Context, string) ([]*net.MX, error) {
	mxs := []*net.MX{{Host: "inside.example.", Pref: 1}, {Host: "slow.example.", Pref: 2}}
	if m.outside {
		mxs = append(mxs, &net.MX{Host: "outside.example.", Pref: 3})
	}
	return mxs, nil
}

func (mixed) LookupHost(_ context.Context, host string) ([]netip.Addr, error) {
	switch host {
	case "inside.example":
		return []netip.Addr{netip.MustParseAddr("10.0.0.5")}, nil
	case "outside.example":
		return []netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("192.0.2.1")}, nil
	default:
		return nil, &net.DNSError{Err: "timeout", Name: host, IsTimeout: true}
	}
}

func TestOtherHostsOfTheDomainAreTried(t *testing.T) {
	t.Parallel()
	if dials, _, _ := dialled(t, mixed{outside: true}, tenant.Route{}, "b@b.example"); fmt.Sprint(dials) != "[tcp 192.0.2.1:25]" {
		t.Errorf("dialled %v", dials)
	}
	dials, res, _ := dialled(t, mixed{}, tenant.Route{}, "b@b.example")
	if len(dials) != 0 || res.Status != relay.Deferred || res.Reply.Enhanced != "4.4.3" {
		t.Errorf("dialled %v, got %+v", dials, res)
	}
}

func TestPrivateMXMayBeAllowed(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	route := routeTo(t, sink.Addr)
	route.Hosts = nil
	r := relay.New(relay.Config{
		Hostname: "out.example", Resolver: oneMX{"mx.b.example.", "127.0.0.1"}, AllowPrivateMX: true, Log: slog.New(slog.DiscardHandler),
	})
	defer func() { _ = r.Close() }()
	if res := r.Deliver(t.Context(), route, job("Subject: x\r\n\r\n"), nil)[0]; res.Status != relay.Delivered || res.Host != "mx.b.example" {
		t.Errorf("got %+v", res)
	}
}
