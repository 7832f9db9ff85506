package tenant_test

import (
	"net/netip"
	"testing"

	"outrider/internal/config"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

const organisation = `
tenants:
  - id: a
    domains:
      - name: Bücher.example
        route: {hosts: [mail.example.org, "10.0.0.1:2525", "::1"], port: 26, tls: verified}
        ip_restrictions: [192.0.2.0/24, "2001:db8::/32"]
        policy: {actions: {SPAM: reject}}
      - name: example.org
        route: {type: lmtp, hosts: ["unix:/run/lmtp"]}
        recipients: list
        recipient_list: [Ann]
    people: [{name: Ann, addresses: [Ann@Example.org]}]
    partners: [{domain: partner.example, require_tls: true, except: [old.partner.example]}]
    trusted: [{sender: 192.0.2.7}, {sender: "@friend.example"}]
    policy: {actions: {SPAM: quarantine, BULK: quarantine}}
`

func directory(t *testing.T, text string) (*tenant.Directory, error) {
	t.Helper()
	c, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tenant.New(&c)
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	dir, err := directory(t, organisation)
	if err != nil {
		t.Fatal(err)
	}
	d := dir.Domain("xn--bcher-kva.example")
	if d == nil || d.Tenant.ID != "a" || dir.Tenant("a") != d.Tenant || dir.Tenant("b") != nil {
		t.Fatalf("the domain is not found by its normal form: %+v", d)
	}
	want := []string{"mail.example.org:26", "10.0.0.1:2525", "[::1]:26"}
	for i, h := range d.Route.Hosts {
		if h != want[i] {
			t.Errorf("host %s, want %s", h, want[i])
		}
	}
	if d.Policy.Actions[verdict.Spam] != tenant.ActionReject || d.Policy.Actions[verdict.Bulk] != tenant.ActionQuarantine || d.Policy.Actions[verdict.None] != tenant.ActionDeliver {
		t.Errorf("policies are not merged: %v", d.Policy.Actions)
	}
	for ip, may := range map[string]bool{"192.0.2.200": true, "::ffff:192.0.2.1": true, "2001:db8::1": true, "198.51.100.1": false} {
		if d.MayConnect(netip.MustParseAddr(ip)) != may {
			t.Errorf("%s may send: %v", ip, !may)
		}
	}
	lmtp := dir.Domain("example.org")
	if lmtp.Route.Port != 24 || lmtp.Route.Hosts[0] != "unix:/run/lmtp" || !lmtp.RecipientList["ann"] || !lmtp.MayConnect(netip.MustParseAddr("::1")) {
		t.Errorf("got %+v", lmtp)
	}
	if d.Route.Key() == lmtp.Route.Key() {
		t.Error("different routes have one key")
	}
}

func TestPartnersAndOwnership(t *testing.T) {
	t.Parallel()
	dir, err := directory(t, organisation)
	if err != nil {
		t.Fatal(err)
	}
	a := dir.Tenant("a")
	for domain, tls := range map[string]bool{"partner.example": true, "mail.partner.example": true, "old.partner.example": false, "x.old.partner.example": false, "other.example": false} {
		if a.Partner(domain).DemandsTLS(domain) != tls {
			t.Errorf("%s demands TLS: %v", domain, !tls)
		}
	}
	if !a.Owns("sub.example.org") || a.Owns("notexample.org") {
		t.Error("ownership does not follow the labels")
	}
	if a.People[0].Addresses[0] != "ann@example.org" {
		t.Errorf("got %v", a.People)
	}
}

func TestSendersMatch(t *testing.T) {
	t.Parallel()
	dir, err := directory(t, organisation)
	if err != nil {
		t.Fatal(err)
	}
	network, domain := dir.Tenant("a").Trusted[0].Sender, dir.Tenant("a").Trusted[1].Sender
	if !network.Match(netip.MustParseAddr("::ffff:192.0.2.7")) || network.Match(netip.Addr{}) || network.Match(netip.MustParseAddr("192.0.2.8")) {
		t.Error("a network matches wrongly")
	}
	if !domain.Match(netip.Addr{}, "x@sub.friend.example") || domain.Match(netip.Addr{}, "x@notfriend.example", "friend.example") {
		t.Error("a domain matches wrongly")
	}
}

func TestWhatValidationCannotSeeIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"one domain in two spellings": "tenants: [{id: a, domains: [{name: bücher.example, route: {hosts: [x]}}, {name: xn--bcher-kva.example, route: {hosts: [x]}}]}]",
		"a partner that is no domain": "tenants: [{id: a, domains: [{name: a.example, route: {hosts: [x]}}], partners: [{domain: 'a..b'}]}]",
		"a sender that is nothing":    "tenants: [{id: a, domains: [{name: a.example, route: {hosts: [x]}}], blocked: [{sender: 'a b@c'}]}]",
	} {
		if _, err := directory(t, text); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
