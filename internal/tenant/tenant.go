// Package tenant knows the organisations that Outrider protects: their domains,
// people, partners, routes and policy settings.
//
// A Directory is an immutable snapshot made from the configuration; a reload builds
// a new one and swaps it, so that one message is judged under one configuration.
// Domains are keyed by their normal form, so an internationalised name is found by
// either spelling.
package tenant

import (
	"net/netip"
	"strings"
	"time"

	"outrider/internal/address"
	"outrider/internal/verdict"
)

// Action is what happens to a message.
type Action string

// The actions, mildest first.
const (
	ActionDeliver    Action = "deliver"
	ActionQuarantine Action = "quarantine"
	ActionReject     Action = "reject"
	ActionDefer      Action = "defer"
)

// RecipientCheck says how the recipients of a domain are checked.
type RecipientCheck string

// The recipient checks.
const (
	CheckNone RecipientCheck = "none" // the next hop says no after DATA, if it does
	CheckList RecipientCheck = "list" // only those listed
	CheckAsk  RecipientCheck = "ask"  // by RCPT at the next hop, remembered
)

// Tenant is one organisation.
type Tenant struct {
	ID       string
	Name     string
	Domains  []*Domain
	People   []Person
	Partners []Partner
	Trusted  []Trusted
	Blocked  []Blocked
	Exempt   map[string]bool // recipient keys (address.Address.Key) that get everything
}

// Domain is one protected domain.
type Domain struct {
	Name          string // normal form
	Tenant        *Tenant
	Route         Route
	LookbackHops  int
	TrustedHops   []netip.Prefix
	AllowFrom     []netip.Prefix // empty: everybody
	RequireTLS    bool
	Check         RecipientCheck
	RecipientList map[string]bool // lower-case local parts
	Policy        Policy
}

// Person is someone whose name attackers may use.
type Person struct {
	Name      string
	Addresses []string // keys (address.Address.Key)
}

// Partner is an organisation that the tenant trades with.
type Partner struct {
	Domain     string
	RequireTLS bool
	Except     []string
}

// Sender matches senders by address, domain (subdomains included) or network.
type Sender struct {
	Address string       // key, or ""
	Domain  string       // normal form, or ""
	Network netip.Prefix // or the zero prefix
}

// String returns the sender as configured.
func (s Sender) String() string {
	switch {
	case s.Address != "":
		return s.Address
	case s.Domain != "":
		return s.Domain
	default:
		return s.Network.String()
	}
}

// Match reports whether one of the addresses or the connecting address is the sender.
func (s Sender) Match(ip netip.Addr, keys ...string) bool {
	if s.Network.IsValid() {
		return ip.IsValid() && s.Network.Contains(ip.Unmap())
	}
	for _, key := range keys {
		if s.Address != "" && key == s.Address {
			return true
		}
		if _, domain, ok := strings.Cut(key, "@"); ok && s.Domain != "" && address.Within(domain, s.Domain) {
			return true
		}
	}
	return false
}

// Trusted is a sender whose mail is let through.
type Trusted struct {
	Sender
	AcceptOnly bool      // exempt from SPAM, SPOOF and BULK only
	Unverified bool      // honoured without authentication
	Expires    time.Time // zero: never
	Note       string
}

// Blocked is a sender whose mail is malicious by definition.
type Blocked struct {
	Sender
	Note string
}

// Policy says what happens to each disposition.
type Policy struct {
	Actions    [verdict.NumDispositions]Action
	SubjectTag [verdict.NumDispositions]string
	Banner     [verdict.NumDispositions]string
	Labels     [verdict.NumDispositions]string
	External   bool
	Headers    bool
}

// Directory is an immutable snapshot of all tenants. It is safe for concurrent use.
type Directory struct {
	tenants []*Tenant
	domains map[string]*Domain
}

// Tenants lists the tenants in the order of the configuration.
func (d *Directory) Tenants() []*Tenant { return d.tenants }

// Tenant returns the tenant with the given id, or nil.
func (d *Directory) Tenant(id string) *Tenant {
	for _, t := range d.tenants {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// Domain returns the protected domain with the given normal form, or nil.
func (d *Directory) Domain(name string) *Domain { return d.domains[name] }

// Owns reports whether the domain is one of the tenant's, or below one.
func (t *Tenant) Owns(domain string) bool {
	for _, d := range t.Domains {
		if address.Within(domain, d.Name) {
			return true
		}
	}
	return false
}

// Partner returns the partner to whom the domain belongs, or nil.
func (t *Tenant) Partner(domain string) *Partner {
	for i := range t.Partners {
		if address.Within(domain, t.Partners[i].Domain) {
			return &t.Partners[i]
		}
	}
	return nil
}

// DemandsTLS reports whether mail from the domain must have come over TLS.
func (p *Partner) DemandsTLS(domain string) bool {
	if p == nil || !p.RequireTLS {
		return false
	}
	for _, e := range p.Except {
		if address.Within(domain, e) {
			return false
		}
	}
	return true
}

// MayConnect reports whether ip may send to the domain.
func (d *Domain) MayConnect(ip netip.Addr) bool {
	return len(d.AllowFrom) == 0 || contains(d.AllowFrom, ip)
}

// TrustsHop reports whether ip is a gateway in front of Outrider.
func (d *Domain) TrustsHop(ip netip.Addr) bool { return contains(d.TrustedHops, ip) }

func contains(list []netip.Prefix, ip netip.Addr) bool {
	ip = ip.Unmap()
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
