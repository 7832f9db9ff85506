package smtpd_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"outrider/internal/smtpd"
)

func TestEnsureSelfSigned(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	certFile, keyFile, err := smtpd.EnsureSelfSigned(dir, "mx.example")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	leaf := pair.Leaf
	if err := leaf.VerifyHostname("mx.example"); err != nil {
		t.Error(err)
	}
	if leaf.PublicKeyAlgorithm != x509.ECDSA || time.Until(leaf.NotAfter) < 9*365*24*time.Hour {
		t.Errorf("certificate has %v and ends %v", leaf.PublicKeyAlgorithm, leaf.NotAfter)
	}
	info, err := os.Stat(keyFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key has mode %v, error %v", info.Mode(), err)
	}
	before := readFile(t, certFile)
	if _, _, err = smtpd.EnsureSelfSigned(dir, "other.example"); err != nil {
		t.Fatal(err)
	}
	if after := readFile(t, certFile); !bytes.Equal(after, before) {
		t.Error("an existing certificate was replaced")
	}
	if err = os.WriteFile(certFile, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err = smtpd.EnsureSelfSigned(dir, "mx.example"); err == nil {
		t.Error("a broken certificate was passed over in silence")
	}
}

func TestEnsureSelfSignedCompletesHalfAPair(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, _, err := smtpd.EnsureSelfSigned(dir, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	if err = os.Remove(certFile); err != nil {
		t.Fatal(err)
	}
	certFile, keyFile, err := smtpd.EnsureSelfSigned(dir, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil || pair.Leaf.VerifyHostname("192.0.2.1") != nil {
		t.Errorf("certificate for an address: %v", err)
	}
}

// serial returns the serial number of the certificate in use.
func serial(t *testing.T, c *smtpd.Certificate) string {
	t.Helper()
	pair, err := c.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf.SerialNumber.String()
}

// readFile returns the content of a file.
func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// copyFile copies a file and makes sure that its time differs.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, readFile(t, from), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(to, time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
}

func TestCertificateFollowsItsFiles(t *testing.T) {
	t.Parallel()
	certFile, keyFile, err := smtpd.EnsureSelfSigned(t.TempDir(), "mx.example")
	if err != nil {
		t.Fatal(err)
	}
	newCert, newKey, err := smtpd.EnsureSelfSigned(t.TempDir(), "mx.example")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		c, err := smtpd.LoadCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		old := serial(t, c)
		copyFile(t, newCert, certFile) // without its key: not a pair
		if serial(t, c) != old {
			t.Error("files were looked at too early")
		}
		<-time.After(smtpd.CheckEvery)
		if serial(t, c) != old {
			t.Error("half a pair was taken")
		}
		copyFile(t, newKey, keyFile)
		<-time.After(smtpd.CheckEvery)
		renewed := serial(t, c)
		if renewed == old {
			t.Error("the new pair was not taken")
		}
		if err := os.Remove(certFile); err != nil {
			t.Fatal(err)
		}
		<-time.After(smtpd.CheckEvery)
		if serial(t, c) != renewed {
			t.Error("a missing file took the certificate away")
		}
	})
}

func TestTLSIsPostQuantumByDefault(t *testing.T) {
	t.Parallel()
	cfg := smtpd.DefaultConfig("mx.example")
	cfg.TLS = testTLS(t)
	addr := serveTCP(t, cfg, &desk{})
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, conn: conn}
	t.Cleanup(func() { _ = c.conn.Close() })
	c.read()
	c.expect("220")
	c.send("STARTTLS\r\n")
	c.expect("220 2.0.0")
	c.startTLS()
	state := c.conn.(*tls.Conn).ConnectionState()
	if state.CurveID != tls.X25519MLKEM768 || state.Version != tls.VersionTLS13 {
		t.Errorf("negotiated %v with %v", tls.VersionName(state.Version), state.CurveID)
	}
}

// serveTCP runs a server on loopback until the test ends and returns its address.
func serveTCP(tb testing.TB, cfg smtpd.Config, h smtpd.Handler) string {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	server := smtpd.New(cfg, h, slog.New(slog.DiscardHandler), smtpd.Observer{})
	go func() { served <- server.Serve(ctx, ln) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			tb.Errorf("Serve returned %v", err)
		}
	})
	return ln.Addr().String()
}
