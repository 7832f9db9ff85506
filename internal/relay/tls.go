package relay

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

var errNoCertificates = errors.New("no certificates")

// requiresTLS reports whether the sender's REQUIRETLS applies to the target. A local socket
// is no network.
func requiresTLS(e *smtp.Envelope, t target) bool { return e.RequireTLS && t.network != "unix" }

// tlsMode returns the TLS requirement of the delivery. RFC 8689, Section 4.2.1: REQUIRETLS
// requires a verified certificate.
func tlsMode(route tenant.Route, requireTLS bool) tenant.TLSMode {
	if requireTLS {
		return tenant.TLSVerified
	}
	return cmp.Or(route.TLS, tenant.TLSOpportunistic)
}

func (r *Relay) tlsConfig(route tenant.Route, t target, mode tenant.TLSMode) (*tls.Config, error) {
	cfg := &tls.Config{
		ServerName: cmp.Or(route.Name, t.name),
		MinVersion: tls.VersionTLS12,
		// Unverified TLS still stops passive eavesdropping, and the alternative is clear
		// text.
		InsecureSkipVerify: mode != tenant.TLSVerified, //nolint:gosec // see above
	}
	if (mode == tenant.TLSVerified || t.demand != nil) && route.CAFile != "" {
		roots, err := r.authorities(route.CAFile)
		if err != nil {
			return nil, fail(replyRoute, "route %s: %w", route.Key(), err)
		}
		cfg.RootCAs = roots
	}
	t.demand.configure(cfg, mode, r.log)
	return cfg, nil
}

// checkEvery is the interval between checks of a CAFile, so that not every handshake checks
// it.
const checkEvery = 10 * time.Second

// authority is a CAFile as last read.
type authority struct {
	pool    *x509.CertPool
	changed time.Time // modification time of the file
	size    int64
	checked time.Time
}

// authorities returns the content of a CAFile, reloaded on change. If the file becomes
// unreadable, the old content stays: operators replace files in steps.
func (r *Relay) authorities(file string) (*x509.CertPool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, now := r.roots[file], time.Now()
	if a == nil {
		a = &authority{}
	} else if now.Sub(a.checked) < checkEvery {
		return a.pool, nil
	}
	a.checked = now
	if err := a.renew(file); err != nil {
		if a.pool == nil {
			return nil, err
		}
		r.log.Warn("reloading certificate authorities failed", "file", file, "error", err)
	}
	r.roots[file] = a
	return a.pool, nil
}

// renew reads the file if it has changed.
func (a *authority) renew(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("reading authorities: %w", err)
	}
	if a.pool != nil && info.ModTime().Equal(a.changed) && info.Size() == a.size {
		return nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading authorities: %w", err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		return fmt.Errorf("reading authorities from %s: %w", file, errNoCertificates)
	}
	a.pool, a.changed, a.size = p, info.ModTime(), info.Size()
	return nil
}
