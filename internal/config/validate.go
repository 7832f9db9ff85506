package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// checker collects every mistake, so that one run shows them all.
type checker struct{ errs []error }

func (c *checker) fail(where, hint, what string, args ...any) {
	c.errs = append(c.errs, &Error{Where: where, What: fmt.Sprintf(what, args...), Hint: hint})
}

func (c *checker) oneOf(where, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.fail(where, "Use one of: "+strings.Join(allowed, ", ")+".", "%q is not known", value)
	}
}

func (c *checker) networks(where string, list []string) {
	for i, s := range list {
		if _, err := ParseNetwork(s); err != nil {
			c.fail(fmt.Sprintf("%s[%d]", where, i), "Use an address or a network such as 192.0.2.0/24.", "%v", err)
		}
	}
}

func (c *checker) positive(where string, n int64) {
	if n <= 0 {
		c.fail(where, "", "must be greater than zero")
	}
}

// ParseNetwork reads a network in CIDR form or one address.
func ParseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("reading network %q: %w", s, err)
	}
	return p.Masked(), nil
}

// Validate reports everything that is wrong with the configuration, or nil.
func (c *Config) Validate() error {
	var k checker
	c.checkEdge(&k)
	c.checkRest(&k)
	if len(c.Tenants) == 0 {
		k.fail("tenants", "List at least one tenant with one domain.", "nothing to protect")
	}
	ids, domains := map[string]bool{}, map[string]string{}
	for i := range c.Tenants {
		c.Tenants[i].check(&k, fmt.Sprintf("tenants[%d]", i), ids, domains)
	}
	return errors.Join(k.errs...)
}

func (c *Config) checkEdge(k *checker) {
	if len(c.Listen.SMTP) == 0 {
		k.fail("listen.smtp", "", "no address to receive mail on")
	}
	for i, a := range c.Listen.SMTP {
		if _, _, err := net.SplitHostPort(a); err != nil {
			k.fail(fmt.Sprintf("listen.smtp[%d]", i), "Use host:port, such as 0.0.0.0:25.", "%v", err)
		}
	}
	if c.Listen.HTTP != "" {
		if _, _, err := net.SplitHostPort(c.Listen.HTTP); err != nil {
			k.fail("listen.http", "Use host:port, such as 127.0.0.1:8025.", "%v", err)
		}
	}
	k.oneOf("smtp.bare_newlines", c.SMTP.BareNewlines, "reject", "normalise")
	k.trusted("smtp.proxy_from", c.SMTP.ProxyFrom)
	k.trusted("smtp.xclient_from", c.SMTP.XClientFrom)
	k.positive("smtp.max_size", int64(c.SMTP.MaxSize))
	k.positive("smtp.max_recipients", int64(c.SMTP.MaxRecipients))
	k.positive("smtp.max_messages", int64(c.SMTP.MaxMessages))
	k.positive("smtp.max_connections", int64(c.SMTP.MaxConnections))
	k.positive("smtp.max_connections_per_address", int64(c.SMTP.MaxConnectionsPerAddress))
	k.positive("smtp.max_connections_per_network", int64(c.SMTP.MaxConnectionsPerNetwork))
	k.positive("smtp.memory", int64(c.SMTP.Memory))
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		k.fail("tls", "Give both, or none for a self-signed certificate.", "cert and key belong together")
	}
}

func (c *Config) checkRest(k *checker) {
	if strings.ContainsAny(c.Hostname, " \t\r\n@;") {
		k.fail("hostname", "", "%q is not a host name", c.Hostname)
	}
	if c.DataDir == "" {
		k.fail("data_dir", "", "must not be empty")
	}
	if s := c.Auth.Seal; s != (Seal{}) && (s.Domain == "" || s.Selector == "" || s.Key == "") {
		k.fail("auth.seal", "Give domain, selector and key, or none of them.", "something is missing")
	}
	k.oneOf("detection.on_failure", c.Detection.OnFailure, "deliver", "defer")
	if a := c.Rules.MaxInvalidPercent; a < 0 || a > 100 {
		k.fail("rules.max_invalid_percent", "Use a number from 0 to 100.", "%d is not a percentage", a)
	}
	k.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	k.oneOf("log.format", c.Log.Format, "text", "json")
	c.checkKeep(k)
	k.positive("relay.connect_timeout", int64(c.Relay.ConnectTimeout))
	k.positive("relay.reply_timeout", int64(c.Relay.ReplyTimeout))
	k.positive("relay.final_timeout", int64(c.Relay.FinalTimeout))
	k.positive("smtp.command_timeout", int64(c.SMTP.CommandTimeout))
	k.positive("smtp.data_timeout", int64(c.SMTP.DataTimeout))
	k.positive("detection.deadline", int64(c.Detection.Deadline))
	k.positive("relay.first_retry", int64(c.Relay.FirstRetry))
	k.positive("relay.retry_for", int64(c.Relay.RetryFor))
	k.positive("relay.max_hops", int64(c.Relay.MaxHops))
	k.positive("relay.max_connections_per_route", int64(c.Relay.MaxConnectionsPerRoute))
	if c.Spool.MinFree < minSpoolFree {
		k.fail("spool.min_free", "The journal needs that much to write down what it has accepted.", "%s is less than %s", c.Spool.MinFree, minSpoolFree)
	}
	k.positive("dns.timeout", int64(c.DNS.Timeout))
	c.Relay.Outbound.check(k, "relay.outbound")
	if c.Detection.Memory < 2*c.SMTP.MaxSize {
		k.fail("detection.memory", "Raise it, or lower smtp.max_size.", "%s is less than twice smtp.max_size (%s)", c.Detection.Memory, c.SMTP.MaxSize)
	}
}

func (t *Tenant) check(k *checker, at string, ids map[string]bool, domains map[string]string) {
	if t.ID == "" || strings.ContainsAny(t.ID, " /\t\r\n") {
		k.fail(at+".id", "", "%q is not an id", t.ID)
	}
	if ids[t.ID] {
		k.fail(at+".id", "", "%q is used twice", t.ID)
	}
	ids[t.ID] = true
	if len(t.Domains) == 0 {
		k.fail(at+".domains", "", "the tenant has no domain")
	}
	for i := range t.Domains {
		d := &t.Domains[i]
		where := fmt.Sprintf("%s.domains[%d]", at, i)
		d.check(k, where)
		if other, ok := domains[strings.ToLower(d.Name)]; ok {
			k.fail(where+".name", "", "%q is listed at %s already", d.Name, other)
		}
		domains[strings.ToLower(d.Name)] = where
	}
	t.checkSenders(k, at)
	t.Policy.check(k, at+".policy")
}

func (t *Tenant) checkSenders(k *checker, at string) {
	for i, p := range t.People {
		if strings.TrimSpace(p.Name) == "" || len(p.Addresses) == 0 {
			k.fail(fmt.Sprintf("%s.people[%d]", at, i), "", "needs a name and at least one address")
		}
	}
	for i, s := range t.Trusted {
		where := fmt.Sprintf("%s.trusted[%d]", at, i)
		k.sender(where+".sender", s.Sender)
		if _, err := time.Parse(time.DateOnly, s.Expires); s.Expires != "" && err != nil {
			k.fail(where+".expires", "Use a day such as 2026-12-31.", "%q is not a day", s.Expires)
		}
	}
	for i, s := range t.Blocked {
		k.sender(fmt.Sprintf("%s.blocked[%d].sender", at, i), s.Sender)
	}
}

func (d *Domain) check(k *checker, at string) {
	k.domain(at+".name", d.Name)
	if d.LookbackHops < 0 || d.LookbackHops > 20 {
		k.fail(at+".lookback_hops", "Use 0 when Outrider is the MX, 1 to 20 behind other gateways.", "%d is out of range", d.LookbackHops)
	}
	if d.LookbackHops > 0 && len(d.TrustedHops) == 0 {
		k.fail(at+".trusted_hops", "List the networks of the gateways in front of Outrider, or anyone could forge the path.", "look-back needs them")
	}
	k.trusted(at+".trusted_hops", d.TrustedHops)
	k.networks(at+".ip_restrictions", d.AllowFrom)
	k.oneOf(at+".recipients", d.Recipients, "", "none", "list", "ask")
	if d.Recipients == "list" && len(d.RecipientList) == 0 {
		k.fail(at+".recipient_list", "", "recipients: list needs it")
	}
	for i, l := range d.RecipientList {
		if strings.Contains(l, "@") {
			k.fail(fmt.Sprintf("%s.recipient_list[%d]", at, i), "List local parts only: the domain is that of the entry.", "%q has an @", l)
		}
	}
	d.Route.check(k, at+".route")
	if d.Route.Type != "maildir" && len(d.Route.Hosts) == 0 && d.Route.MX == "" {
		k.fail(at+".route", "Name the hosts of the mail server behind Outrider, or the domain (mx) whose MX they are.", "the domain's own MX would lead back here")
	}
	d.Policy.check(k, at+".policy")
}

func (r *Route) check(k *checker, at string) {
	k.oneOf(at+".type", r.Type, "", "smtp", "lmtp", "maildir")
	k.oneOf(at+".tls", r.TLS, "", "none", "opportunistic", "required", "verified")
	if r.Type == "maildir" && r.Path == "" {
		k.fail(at+".path", "", "type maildir needs a directory")
	}
	if r.Port < 0 || r.Port > 65535 {
		k.fail(at+".port", "", "%d is not a port", r.Port)
	}
	r.hosts(k, at)
}

// minSpoolFree is what the journal needs on a disk that is otherwise full: two
// memtables and their logs.
const minSpoolFree = Size(160 << 20)

var dispositions = []string{
	"MALICIOUS", "MALICIOUS-BEC", "SUSPICIOUS", "SPOOF", "SPAM", "BULK", "ENCRYPTED", "EXTERNAL", "UNKNOWN", "NONE",
}

func (p *Policy) check(k *checker, at string) {
	for d, a := range p.Actions {
		k.oneOf(at+".actions", d, dispositions...)
		k.oneOf(at+".actions."+d, a, "deliver", "quarantine", "reject", "defer")
	}
	for name, m := range map[string]map[string]string{"subject_tag": p.SubjectTag, "banner": p.Banner, "labels": p.Labels} {
		for d, text := range m {
			k.oneOf(at+"."+name, d, dispositions...)
			if strings.ContainsAny(text, "\x00\r") || name != "banner" && strings.Contains(text, "\n") {
				k.fail(at+"."+name+"."+d, "", "must not contain control characters")
			}
		}
	}
}
