package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"outrider/internal/config"
	"outrider/internal/dns"
	"outrider/internal/durable"
	"outrider/internal/mailflow"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/smtpd"
)

// newEdge builds the SMTP server.
func (a *App) newEdge(c *config.Config) (*smtpd.Server, error) {
	sc := smtpd.DefaultConfig(c.Hostname)
	sc.Banner = "ESMTP Outrider"
	sc.MaxSize, sc.MaxRecipients = int64(c.SMTP.MaxSize), c.SMTP.MaxRecipients
	sc.MaxMessagesPerConn, sc.MaxConns, sc.MaxConnsPerAddr = c.SMTP.MaxMessages, c.SMTP.MaxConnections, c.SMTP.MaxConnectionsPerAddress
	sc.MaxConnsPerNetwork, sc.Memory = c.SMTP.MaxConnectionsPerNetwork, int64(c.SMTP.Memory)
	sc.BareNewlines = smtpd.NewlinePolicy(c.SMTP.BareNewlines)
	sc.EarlyTalkDelay = c.SMTP.EarlyTalkDelay.D()
	sc.Timeouts.Command, sc.Timeouts.DataBlock, sc.Timeouts.Drain = c.SMTP.CommandTimeout.D(), c.SMTP.DataTimeout.D(), c.SMTP.DrainTimeout.D()
	sc.CaptureDir, sc.Room = filepath.Join(c.DataDir, "capture"), a.spool.Reserve
	if err := os.MkdirAll(sc.CaptureDir, 0o700); err != nil {
		return nil, fmt.Errorf("creating capture directory: %w", err)
	}
	sc.ProxyFrom, sc.XClientFrom = prefixes(c.SMTP.ProxyFrom), prefixes(c.SMTP.XClientFrom)
	for _, t := range c.Tenants {
		for _, d := range t.Domains {
			sc.Gateways = append(sc.Gateways, prefixes(d.TrustedHops)...)
		}
	}
	if !c.TLS.Off {
		var err error
		if sc.TLS, err = serverTLS(c, a.log); err != nil {
			return nil, err
		}
	}
	return smtpd.New(sc, edgeHandler{a}, a.log, smtpd.Observer{
		Opened: a.metrics.Sessions.Inc,
		Closed: func(why smtpd.End, _ time.Duration) {
			a.metrics.Sessions.Dec()
			a.metrics.Ended.WithLabelValues(string(why)).Inc()
		},
		Stress: func(on bool) {
			a.metrics.Stress.Set(0)
			if on {
				a.metrics.Stress.Set(1)
			}
		},
		Discarded: func(s *smtpd.Session, size int64, r smtp.Reply) {
			env := s.Envelope()
			a.log.InfoContext(context.Background(), "message refused", "session", s.ID(), "client", s.Client(), "from", env.From,
				"recipients", len(env.Recipients), "rcpt", firstRecipient(env), "size", size, "reply", r.String())
		},
		Refused: func(why smtpd.Refusal) { a.metrics.Refused.WithLabelValues(string(why)).Inc() },
		Message: func(size int64, code int) {
			a.metrics.Bytes.Add(float64(size))
			a.metrics.Replies.WithLabelValues(strconv.Itoa(code/100) + "xx").Inc()
		},
	}), nil
}

// prefixes parses networks that validation has read before.
func prefixes(list []string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		if p, err := config.ParseNetwork(s); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// serverTLS returns the certificate that the operator named, or a self-signed one.
func serverTLS(c *config.Config, log *slog.Logger) (*tls.Config, error) {
	cert, key := c.TLS.Cert, c.TLS.Key
	if cert == "" {
		var err error
		if cert, key, err = smtpd.EnsureSelfSigned(filepath.Join(c.DataDir, "tls"), c.Hostname); err != nil {
			return nil, fmt.Errorf("making a certificate: %w", err)
		}
	}
	source, err := smtpd.LoadCertificate(cert, key, log)
	if err != nil {
		return nil, fmt.Errorf("loading the certificate: %w", err)
	}
	return source.TLSConfig(), nil
}

func relayConfig(c *config.Config, resolver *dns.Client, log *slog.Logger) relay.Config {
	rc := relay.Config{Hostname: c.Hostname, Log: log, MaxOpen: c.Relay.MaxConnectionsPerRoute, Timeouts: relay.DefaultTimeouts(), AllowPrivateMX: c.Relay.AllowPrivateMX}
	rc.MaxIdle = rc.MaxOpen
	rc.Timeouts.Connect, rc.Timeouts.Command, rc.Timeouts.Final = c.Relay.ConnectTimeout.D(), c.Relay.ReplyTimeout.D(), c.Relay.FinalTimeout.D()
	if resolver != nil {
		rc.Resolver = resolver.For(nil)
	}
	return rc
}

// lockDir keeps a second process off the data directory. The system ends the lock with
// the process, however that ends.
func lockDir(dir string) (*dirLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("locking the data directory: another Outrider is using %s: %w\n  Stop it, or give this one its own data_dir", dir, err), f.Close())
	}
	return &dirLock{f}, nil
}

// dirLock is the lock of a data directory.
type dirLock struct{ *os.File }

// Close ends the lock. Closing the file alone would not, while a worker that is just starting
// still has a copy of its descriptor: flock(2) ends a lock with the last copy, or when asked to.
func (l *dirLock) Close() error {
	return errors.Join(syscall.Flock(int(l.Fd()), syscall.LOCK_UN), l.File.Close())
}

// identity returns the id of this edge, made at its first start. It names the edge's
// facts for ever, so it moves with the data directory.
func identity(dir string) (string, error) {
	raw, err := secret(filepath.Join(dir, "edge.id"), 8)
	return hex.EncodeToString(raw), err
}

func loadSigner(dir string) (*mailflow.Signer, error) {
	key, err := secret(filepath.Join(dir, "signing.key"), 32)
	if err != nil {
		return nil, err
	}
	return mailflow.NewSigner(key), nil
}

// secret reads n random bytes in hex from a file, which is made when missing. One that
// a crash left short at the very first start, before there is a spool, is made again;
// later a new secret would disown what the old one has named or signed.
func secret(path string, n int) ([]byte, error) {
	name := filepath.Base(path)
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	text = bytes.TrimSpace(text)
	if err == nil && (len(text) >= 2*n || exists(filepath.Join(filepath.Dir(path), "spool"))) {
		raw, err := hex.DecodeString(string(text))
		if err != nil || len(raw) != n {
			return nil, fmt.Errorf("reading %s: damaged, want %d bytes in hex\n  Restore %s from a backup", name, n, path)
		}
		return raw, nil
	}
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails, by its contract
	// The data directory is locked: what is unfinished there is of a start that was cut short.
	if err := durable.Clean(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return raw, durable.Write(path, []byte(hex.EncodeToString(raw)+"\n"), 0o600)
}

// exists reports whether there is such a file, or may be.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// firstRecipient returns the first recipient of a transaction, if it has one.
func firstRecipient(env smtp.Envelope) string {
	if len(env.Recipients) == 0 {
		return ""
	}
	return env.Recipients[0].Address
}
