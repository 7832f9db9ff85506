package relay

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

var errNoCertificates = errors.New("no certificates")

// requiresTLS reports whether the sender's REQUIRETLS binds the way to the target. A
// socket of this machine is no network.
func requiresTLS(e *smtp.Envelope, t target) bool { return e.RequireTLS && t.network != "unix" }

// tlsMode returns how much the delivery insists on TLS. RFC 8689, Section 4.2.1:
// REQUIRETLS wants a certificate that was verified.
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
		// Without verification TLS still keeps out those who only listen, and the
		// alternative would be clear text.
		InsecureSkipVerify: mode != tenant.TLSVerified, //nolint:gosec // see above
	}
	if mode == tenant.TLSVerified && route.CAFile != "" {
		roots, err := r.authorities(route.CAFile)
		if err != nil {
			return nil, fail(replyRoute, "route %s: %w", route.Key(), err)
		}
		cfg.RootCAs = roots
	}
	return cfg, nil
}

// authorities reads a CAFile once.
func (r *Relay) authorities(file string) (*x509.CertPool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.roots[file]; p != nil {
		return p, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading authorities: %w", err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading authorities from %s: %w", file, errNoCertificates)
	}
	r.roots[file] = p
	return p, nil
}
