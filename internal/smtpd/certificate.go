package smtpd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"outrider/internal/durable"
)

// checkEvery is how often, at most, certificate files are looked at.
const checkEvery = 10 * time.Second

// selfSignedFor is how long a self-signed certificate is valid: it is not renewed.
const selfSignedFor = 10 * 365 * 24 * time.Hour

// Certificate is a certificate in files that may be renewed at any time. Handshakes
// look at the files now and then and take what is new; a new pair that does not load
// leaves the old one in use. It is safe for concurrent use.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex // guards the rest
	pair    *tls.Certificate
	stamp   string    // of the files that were tried last
	checked time.Time // when the files were looked at
}

// LoadCertificate loads a certificate chain and its key from PEM files.
func LoadCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log}
	stamp, err := c.fileStamp()
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("loading certificate %s: %w", certFile, err)
	}
	c.pair, c.stamp, c.checked = &pair, stamp, time.Now()
	return c, nil
}

// TLSConfig returns a configuration for servers that always presents the certificate
// as it is in the files.
func (c *Certificate) TLSConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.Get}
}

// Get returns the certificate, as tls.Config.GetCertificate.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.checked) >= checkEvery {
		c.checked = now
		c.renew()
	}
	return c.pair, nil
}

// renew loads the files if they have changed. c.mu is held.
func (c *Certificate) renew() {
	stamp, err := c.fileStamp()
	if err == nil && stamp == c.stamp {
		return
	}
	var pair tls.Certificate
	if err == nil {
		c.stamp = stamp
		pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile)
	}
	if err != nil {
		c.log.Warn("reloading the certificate failed", slog.String("file", c.certFile), slog.Any("error", err))
		return
	}
	c.pair = &pair
	c.log.Info("certificate reloaded", slog.String("file", c.certFile))
}

// fileStamp returns a text that differs when one of the files has changed.
func (c *Certificate) fileStamp() (string, error) {
	var stamp strings.Builder
	for _, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return "", fmt.Errorf("looking for certificate: %w", err)
		}
		_, _ = fmt.Fprintf(&stamp, "%d:%d ", info.ModTime().UnixNano(), info.Size())
	}
	return stamp.String(), nil
}

// EnsureSelfSigned returns the files of a certificate in dir, which it makes for
// hostname if there is none yet: opportunistic TLS protects against listeners with any
// certificate. The key is readable by its owner only.
func EnsureSelfSigned(dir, hostname string) (certFile, keyFile string, err error) {
	certFile, keyFile = filepath.Join(dir, "self-signed.crt"), filepath.Join(dir, "self-signed.key")
	if _, err = tls.LoadX509KeyPair(certFile, keyFile); err == nil {
		return certFile, keyFile, nil
	}
	// Half a pair is what a crash between two writes leaves; anything unreadable is
	// for the operator to see.
	if !errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("loading self-signed certificate: %w", err)
	}
	cert, key, err := selfSigned(hostname)
	if err != nil {
		return "", "", err
	}
	if err = os.MkdirAll(dir, 0o700); err != nil {
		return "", "", fmt.Errorf("creating directory for certificates: %w", err)
	}
	if err = durable.Clean(dir); err != nil {
		return "", "", fmt.Errorf("storing certificate: %w", err)
	}
	if err = writePEM(keyFile, "PRIVATE KEY", key, 0o600); err != nil {
		return "", "", err
	}
	return certFile, keyFile, writePEM(certFile, "CERTIFICATE", cert, 0o644)
}

// selfSigned makes a certificate and its key, both in DER.
func selfSigned(hostname string) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generating key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, fmt.Errorf("generating serial number: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: hostname},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedFor), // clocks differ
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(hostname); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{hostname}
	}
	if cert, err = x509.CreateCertificate(rand.Reader, template, template, private.Public(), private); err != nil {
		return nil, nil, fmt.Errorf("signing certificate: %w", err)
	}
	if key, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return nil, nil, fmt.Errorf("encoding key: %w", err)
	}
	return cert, key, nil
}

// writePEM replaces a file by one PEM block.
func writePEM(name, kind string, der []byte, mode os.FileMode) error {
	if err := durable.Write(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		return fmt.Errorf("storing certificate: %w", err)
	}
	return nil
}
