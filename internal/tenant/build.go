package tenant

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"outrider/internal/address"
	"outrider/internal/config"
	"outrider/internal/verdict"
)

// New builds the directory that c describes.
func New(c *config.Config) (*Directory, error) {
	d := &Directory{domains: make(map[string]*Domain)}
	for i := range c.Tenants {
		t, err := newTenant(&c.Tenants[i])
		if err != nil {
			return nil, fmt.Errorf("building tenant %s: %w", c.Tenants[i].ID, err)
		}
		d.tenants = append(d.tenants, t)
		for _, dom := range t.Domains {
			if d.domains[dom.Name] != nil {
				return nil, fmt.Errorf("building tenant %s: domain %s is listed twice", t.ID, dom.Name)
			}
			d.domains[dom.Name] = dom
		}
	}
	return d, nil
}

func newTenant(c *config.Tenant) (*Tenant, error) {
	t := &Tenant{ID: c.ID, Name: c.Name, Exempt: make(map[string]bool)}
	for i := range c.Domains {
		dom, err := newDomain(t, c, &c.Domains[i])
		if err != nil {
			return nil, fmt.Errorf("domain %s: %w", c.Domains[i].Name, err)
		}
		t.Domains = append(t.Domains, dom)
	}
	for _, p := range c.People {
		person := Person{Name: p.Name}
		for _, a := range p.Addresses {
			person.Addresses = append(person.Addresses, key(a))
		}
		t.People = append(t.People, person)
	}
	for _, a := range c.Exempt {
		t.Exempt[key(a)] = true
	}
	return t, t.addSenders(c)
}

// key returns the comparison form of an address that may have any spelling.
func key(s string) string {
	if a, err := address.ParsePath(strings.TrimSpace(s), true); err == nil {
		return a.Key()
	}
	return strings.ToLower(strings.TrimSpace(s))
}

func (t *Tenant) addSenders(c *config.Tenant) error {
	for _, p := range c.Partners {
		partner, err := newPartner(&p)
		if err != nil {
			return fmt.Errorf("partner %s: %w", p.Domain, err)
		}
		t.Partners = append(t.Partners, partner)
	}
	for _, s := range c.Trusted {
		trusted, err := newTrusted(&s)
		if err != nil {
			return fmt.Errorf("trusted sender %s: %w", s.Sender, err)
		}
		t.Trusted = append(t.Trusted, trusted)
	}
	for _, s := range c.Blocked {
		sender, err := parseSender(s.Sender)
		if err != nil {
			return fmt.Errorf("blocked sender: %w", err)
		}
		t.Blocked = append(t.Blocked, Blocked{Sender: sender, Note: s.Note})
	}
	return nil
}

func newPartner(c *config.Partner) (p Partner, err error) {
	p.RequireTLS = c.RequireTLS
	if p.Domain, err = address.Domain(c.Domain); err != nil {
		return p, err
	}
	for _, e := range c.Except {
		sub, err := address.Domain(e)
		if err != nil {
			return p, err
		}
		p.Except = append(p.Except, sub)
	}
	return p, nil
}

func newTrusted(c *config.Trusted) (t Trusted, err error) {
	t = Trusted{AcceptOnly: c.Accept, Unverified: c.Unverified, Note: c.Note}
	if t.Sender, err = parseSender(c.Sender); err != nil {
		return t, err
	}
	if c.Expires != "" {
		if t.Expires, err = time.Parse(time.DateOnly, c.Expires); err != nil {
			return t, fmt.Errorf("reading the day it expires: %w", err)
		}
	}
	return t, nil
}

// parseSender reads an address, a domain or a network.
func parseSender(s string) (Sender, error) {
	s = strings.TrimSpace(s)
	if p, err := config.ParseNetwork(s); err == nil {
		return Sender{Network: p}, nil
	}
	if strings.Contains(strings.TrimPrefix(s, "@"), "@") {
		a, err := address.ParsePath(s, true)
		if err != nil {
			return Sender{}, fmt.Errorf("reading sender %q: %w", s, err)
		}
		return Sender{Address: a.Key()}, nil
	}
	d, err := address.Domain(strings.TrimPrefix(s, "@"))
	if err != nil {
		return Sender{}, fmt.Errorf("reading sender %q: %w", s, err)
	}
	return Sender{Domain: d}, nil
}

func newDomain(t *Tenant, ct *config.Tenant, c *config.Domain) (*Domain, error) {
	name, err := address.Domain(c.Name)
	if err != nil {
		return nil, err
	}
	d := &Domain{
		Name: name, Tenant: t, LookbackHops: c.LookbackHops, RequireTLS: c.RequireTLS,
		Check: CheckNone, RecipientList: make(map[string]bool),
	}
	if c.Recipients != "" {
		d.Check = RecipientCheck(c.Recipients)
	}
	for _, l := range c.RecipientList {
		d.RecipientList[strings.ToLower(l)] = true
	}
	if d.TrustedHops, err = networks(c.TrustedHops); err != nil {
		return nil, err
	}
	if d.AllowFrom, err = networks(c.AllowFrom); err != nil {
		return nil, err
	}
	d.Route = NewRoute(&c.Route)
	d.Policy.merge(config.DefaultPolicy())
	d.Policy.merge(ct.Policy)
	d.Policy.merge(c.Policy)
	return d, nil
}

func networks(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := config.ParseNetwork(s)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// NewRoute builds a route; every default is filled in.
func NewRoute(c *config.Route) Route {
	r := Route{
		Transport: Transport(c.Type), Domain: strings.ToLower(c.MX), Port: c.Port,
		TLS: TLSMode(c.TLS), Name: c.Name, CAFile: c.CA, Path: c.Path,
	}
	if r.Transport == "" {
		r.Transport = TransportSMTP
	}
	if r.TLS == "" {
		r.TLS = TLSOpportunistic
	}
	if r.Port == 0 {
		r.Port = 25
		if r.Transport == TransportLMTP {
			r.Port = 24
		}
	}
	if r.Path != "" {
		r.Path = filepath.Clean(r.Path)
	}
	for _, h := range c.Hosts {
		if _, _, err := net.SplitHostPort(h); err != nil && !strings.HasPrefix(h, "unix:") {
			h = net.JoinHostPort(strings.Trim(h, "[]"), strconv.Itoa(r.Port))
		}
		r.Hosts = append(r.Hosts, h)
	}
	return r
}

// merge overrides p with every setting that c makes.
func (p *Policy) merge(c config.Policy) {
	for name, a := range c.Actions {
		p.set(name, func(d verdict.Disposition) { p.Actions[d] = Action(a) })
	}
	for name, s := range c.SubjectTag {
		p.set(name, func(d verdict.Disposition) { p.SubjectTag[d] = s })
	}
	for name, s := range c.Banner {
		p.set(name, func(d verdict.Disposition) { p.Banner[d] = s })
	}
	for name, s := range c.Labels {
		p.set(name, func(d verdict.Disposition) { p.Labels[d] = s })
	}
	if c.External != nil {
		p.External = *c.External
	}
	if c.Headers != nil {
		p.Headers = *c.Headers
	}
}

// set calls f with the disposition called name; validation has refused other names.
func (p *Policy) set(name string, f func(verdict.Disposition)) {
	if d, err := verdict.ParseDisposition(name); err == nil {
		f(d)
	}
}
