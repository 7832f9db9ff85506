package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"outrider/internal/config"
	"outrider/internal/dns"
	"outrider/internal/relay"
	"outrider/internal/tenant"
)

type checkCmd struct {
	NoDNS bool `name:"no-dns" help:"Skip DNS records."`
}

// discard is the logger of commands that report in their own way.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// checker prints findings and counts what is wrong.
type checker struct {
	c      *cli
	failed int
}

func (k *checker) ok(what, format string, args ...any) {
	k.c.printf("ok    %-34s %s\n", what, fmt.Sprintf(format, args...))
}

func (k *checker) warn(what, advice, format string, args ...any) {
	k.c.printf("warn  %-34s %s\n%41s%s\n", what, fmt.Sprintf(format, args...), "", advice)
}

func (k *checker) fail(what, advice, format string, args ...any) {
	k.failed++
	k.c.printf("FAIL  %-34s %s\n%41s%s\n", what, fmt.Sprintf(format, args...), "", advice)
}

// Run checks everything and fails when something would keep mail from flowing.
func (cc *checkCmd) Run(c *cli) error {
	k := &checker{c: c}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	dir, err := tenant.New(&cfg)
	if err != nil {
		return err
	}
	k.configuration(&cfg)
	k.certificate(&cfg)
	k.dataDir(&cfg)
	k.clamav(&cfg)
	var resolver *dns.Client
	if !cc.NoDNS {
		if resolver, err = newResolver(&cfg); err != nil {
			k.warn("dns", "Set dns.servers.", "%v", err)
		}
	}
	k.sealer(resolver, &cfg)
	if resolver != nil {
		k.filter(resolver.For(nil))
	}
	client := relay.New(relayConfig(&cfg, resolver, discard()))
	for _, t := range dir.Tenants() {
		for _, d := range t.Domains {
			k.nextHop(client, d)
			if resolver != nil {
				s := resolver.For(nil)
				k.records(s, d, cfg.Hostname)
				k.logo(s, logos(s, cfg.Relay.AllowPrivateMX), d.Name)
			}
		}
	}
	if err := errors.Join(client.Close(), resolver.Close()); err != nil {
		return err
	}
	if k.failed > 0 {
		return fmt.Errorf("checking: %d problems would keep mail from flowing", k.failed)
	}
	return nil
}

// expirySoon is when a certificate should have been renewed.
const expirySoon = 14 * 24 * time.Hour

func (k *checker) certificate(c *config.Config) {
	if c.TLS.Off {
		k.warn("certificate", "Remove tls.off, so that senders can encrypt.", "STARTTLS is switched off")
		return
	}
	if c.TLS.Cert == "" {
		k.warn("certificate", "Name tls.cert and tls.key, so that senders who verify can deliver (MTA-STS).", "self-signed, made at first start")
		return
	}
	pair, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
	if err != nil {
		k.fail("certificate", "Correct tls.cert and tls.key: PEM files that belong together, which the user that runs Outrider can read.", "%v", err)
		return
	}
	cert := pair.Leaf
	switch {
	case time.Now().Before(cert.NotBefore):
		k.fail("certificate", "Look at the clock of this machine, or wait.", "valid from %s on", cert.NotBefore.Format(time.DateOnly))
	case time.Now().After(cert.NotAfter):
		k.fail("certificate", "Renew it; Outrider reads the files again when they change.", "expired on %s", cert.NotAfter.Format(time.DateOnly))
	case time.Until(cert.NotAfter) < expirySoon:
		k.warn("certificate", "Renew it; Outrider reads the files again when they change.", "expires on %s", cert.NotAfter.Format(time.DateOnly))
	case cert.VerifyHostname(c.Hostname) != nil:
		k.warn("certificate", "Senders who verify expect the name of the MX record.", "does not name %s", c.Hostname)
	default:
		k.ok("certificate", "%s until %s", c.Hostname, cert.NotAfter.Format(time.DateOnly))
	}
}

// sealer looks for the public key of the ARC sealer.
func (k *checker) sealer(resolver *dns.Client, c *config.Config) {
	sealer, err := newSealer(c)
	switch {
	case err != nil:
		k.fail("arc seal", "Correct auth.seal.", "%v", err)
		return
	case sealer == nil || resolver == nil:
		return
	}
	name, text, err := sealer.Record()
	if err != nil {
		k.fail("arc seal", "Correct auth.seal.", "%v", err)
		return
	}
	found, err := resolver.For(nil).LookupTXT(k.c.ctx, name)
	if err != nil || len(found) != 1 || keyOf(found[0]) != keyOf(text) {
		k.warn("arc seal", "Publish as TXT: "+text, "%s does not hold the public key", name)
		return
	}
	k.ok("arc seal", "%s", name)
}

// keyOf returns the key of a record, without white space.
func keyOf(record string) string {
	_, key, _ := strings.Cut(record, "p=")
	key, _, _ = strings.Cut(key, ";")
	return strings.Join(strings.Fields(key), "")
}

// configuration looks for settings that can be read and cannot work.
func (k *checker) configuration(c *config.Config) {
	_, err := newSignals(c)
	if err = errors.Join(err, c.Loops()); err != nil {
		k.fail("configuration", "Outrider does not start with it.", "%v", err)
		return
	}
	k.ok("configuration", "%d tenants", len(c.Tenants))
}

// dataDir tells whether the directory can be written, without writing.
func (k *checker) dataDir(c *config.Config) {
	if err := canWrite(c.DataDir); err != nil {
		k.fail("data directory", "Give the user that runs Outrider write access.", "%v", err)
		return
	}
	k.ok("data directory", "%s can be written", c.DataDir)
}

// clamav asks clamd for its version, where one is configured.
func (k *checker) clamav(c *config.Config) {
	client := newClamAV(c)
	if client == nil {
		return
	}
	v, err := client.Version(k.c.ctx)
	switch {
	case err != nil:
		k.warn("clamav", "Attachments are evaluated without it. Check attachments.clamav, and that clamd is running.", "%v", err)
	case v.Database == 0:
		k.warn("clamav", "Run freshclam.", "%s has no daily signatures", v.Engine)
	default:
		k.ok("clamav", "%s, signatures %d of %s", v.Engine, v.Database, v.Date.Format(time.DateOnly))
	}
}

// canWrite tells whether this user may write into a directory, or make it where it is missing.
func canWrite(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if up := filepath.Dir(filepath.Clean(dir)); up != dir {
			return canWrite(up)
		}
	}
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("writing to %s: %w", dir, err)
	}
	return nil
}

func (k *checker) nextHop(client *relay.Relay, d *tenant.Domain) {
	what := "next hop of " + d.Name
	if d.Route.Transport == tenant.TransportMaildir {
		if err := canWrite(d.Route.Path); err != nil {
			k.fail(what, "Give the user that runs Outrider write access.", "%v", err)
			return
		}
		k.ok(what, "Maildir %s", d.Route.Path)
		return
	}
	p, err := client.Probe(k.c.ctx, d.Route)
	if err != nil {
		k.fail(what, "Mail for the domain would wait in the spool. Check route, firewall and TLS.", "%v", err)
		return
	}
	k.ok(what, "%s (%s), %s", p.Host, p.Addr, describeTLS(&p))
	if d.Route.Transport == tenant.TransportSMTP && !offers(&p, "8BITMIME") {
		k.warn(what, "Old hosts may damage such mail.", "does not offer 8BITMIME")
	}
	if d.Route.Transport == tenant.TransportSMTP && !offers(&p, "SMTPUTF8") {
		k.warn(what, "Mail with internationalised addresses will be returned to its senders.", "does not offer SMTPUTF8")
	}
}

// records looks at what the world reads about the domain.
func (k *checker) records(s *dns.Session, d *tenant.Domain, host string) {
	if mx, err := s.LookupMX(k.c.ctx, d.Name); err != nil {
		k.warn("MX of "+d.Name, "Point the MX of the domain to "+host+" to receive its mail.", "%v", err)
	} else if !names(mx, host) {
		k.warn("MX of "+d.Name, "Hosts named here that are not behind Outrider can be used to get around it.", "%s is not among %s", host, list(mx))
	} else {
		k.ok("MX of "+d.Name, "%s", list(mx))
	}
	k.policy(s, "SPF of "+d.Name, d.Name, "v=spf1", "Publish one that ends in -all or ~all.", func(txt string) string {
		if strings.Contains(txt, "+all") || strings.Contains(txt, "?all") {
			return "It lets everybody send in the name of the domain: end it in -all or ~all."
		}
		return ""
	})
	k.policy(s, "DMARC of "+d.Name, "_dmarc."+d.Name, "v=DMARC1", `Publish "v=DMARC1; p=none; rua=mailto:…", read the reports, then move to p=reject.`, func(txt string) string {
		if strings.Contains(strings.ReplaceAll(txt, " ", ""), "p=none") {
			return "p=none asks no receiver to reject forged mail: move to p=quarantine and p=reject."
		}
		return ""
	})
}

func (k *checker) policy(s *dns.Session, what, name, version, missing string, advise func(string) string) {
	txts, err := s.LookupTXT(k.c.ctx, name)
	if e, ok := errors.AsType[*net.DNSError](err); err != nil && (!ok || !e.IsNotFound) {
		k.warn(what, "The answer is unknown; try again.", "%v", err)
		return
	}
	var found []string
	for _, t := range txts {
		if strings.HasPrefix(strings.ToLower(t), strings.ToLower(version)) {
			found = append(found, t)
		}
	}
	switch {
	case len(found) == 0:
		k.warn(what, missing, "no record")
	case len(found) > 1:
		k.warn(what, "Receivers treat several records as none or as an error: keep one.", "%d records", len(found))
	case advise(found[0]) != "":
		k.warn(what, advise(found[0]), "%s", clip(found[0], 120))
	default:
		k.ok(what, "%s", clip(found[0], 120))
	}
}

func names(mx []*net.MX, host string) bool {
	for _, m := range mx {
		if strings.EqualFold(strings.TrimSuffix(m.Host, "."), host) {
			return true
		}
	}
	return false
}

func list(mx []*net.MX) string {
	var out []string
	for _, m := range mx {
		out = append(out, clip(strings.TrimSuffix(m.Host, "."), 80))
	}
	return strings.Join(out, ", ")
}

// describeTLS says how safe the way to a next hop is.
func describeTLS(p *relay.Probe) string {
	switch {
	case p.TLSError != "":
		return "TLS is offered and does not work: " + p.TLSError
	case p.TLS == "":
		return "clear text"
	case p.Verified:
		return p.TLS + ", certificate valid"
	default:
		return p.TLS + ", certificate not valid: " + p.VerifyErr
	}
}

// offers reports whether the next hop named an extension.
func offers(p *relay.Probe, keyword string) bool {
	for _, e := range p.Extensions {
		if name, _, _ := strings.Cut(e, " "); strings.EqualFold(name, keyword) {
			return true
		}
	}
	return false
}
