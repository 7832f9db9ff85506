package relay_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider/internal/mailtest"
	"outrider/internal/message"
	"outrider/internal/relay"
	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newRelay(tb testing.TB) *relay.Relay {
	tb.Helper()
	r := relay.New(relay.Config{Hostname: "out.example", Log: slog.New(slog.DiscardHandler)})
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

func routeTo(tb testing.TB, addr string) tenant.Route {
	tb.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		tb.Fatal(err)
	}
	p, err := strconv.Atoi(port)
	if err != nil {
		tb.Fatal(err)
	}
	return tenant.Route{Transport: tenant.TransportSMTP, Hosts: []string{host}, Port: p, TLS: tenant.TLSNone}
}

func job(content string) relay.Job {
	return relay.Job{
		Envelope: smtp.Envelope{From: "a@a.example", Recipients: []smtp.Recipient{{Address: "b@b.example"}}},
		Content:  message.NewBody([]byte(content)),
	}
}

// smuggled is what each case of the matrix puts after its would-be end of data.
const smuggled = "MAIL FROM:<evil@evil.example>\r\nRCPT TO:<victim@b.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"

// matrix lists contents that some host has taken for the end of data.
func matrix() []string {
	ends := []string{"\r\n", "\n", "\r", "\r\r", "\r\r\n", "\n\r", "\x00\r\n", "\r\x00\n", "\r\n\x00", "\x00", "\n\n", "\r\n\r"}
	var cases []string
	for _, before := range ends {
		for _, after := range ends {
			cases = append(cases, before+"."+after)
		}
	}
	return cases
}

func isCanonical(s string) bool {
	rest := strings.ReplaceAll(s, "\r\n", "")
	return !strings.ContainsAny(rest, "\r\n\x00")
}

// smuggle sends every case of the matrix and returns how many were sent; the others
// must have failed for what they are.
func smuggle(t *testing.T, addr string) int {
	t.Helper()
	r := newRelay(t)
	sent := 0
	for i, c := range matrix() {
		content := fmt.Sprintf("Subject: case %d\r\nX-Case: %d\r\n\r\nfirst%s%s", i, i, c, smuggled)
		res := r.Deliver(t.Context(), routeTo(t, addr), job(content), nil)[0]
		switch {
		case isCanonical(content) && res.Status == relay.Delivered:
			sent++
		case isCanonical(content) || res.Status != relay.Failed || res.Reply.Enhanced != "5.6.0":
			t.Errorf("case %q: %s %s", c, res.Status, res.Reply)
		}
	}
	return sent
}

func assertNothingSmuggled(t *testing.T, got []mailtest.Transaction, sent int) {
	t.Helper()
	if len(got) != sent || sent == 0 {
		t.Errorf("%d messages arrived, %d were sent", len(got), sent)
	}
	for _, tr := range got {
		if strings.Contains(tr.From, "evil") || bytes.HasPrefix(tr.Raw, []byte("Subject: smuggled")) {
			t.Errorf("smuggled: %s", tr.From)
		}
		if !bytes.Contains(tr.Body(), []byte("Subject: smuggled\r\n\r\nx\r\n.\r\n")) {
			t.Errorf("the first message was cut: %q", tr.Raw)
		}
	}
}

func TestNothingIsSmuggledToAStrictHost(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	sent := smuggle(t, sink.Addr)
	assertNothingSmuggled(t, sink.Transactions(), sent)
}

func TestNothingIsSmuggledToALenientHost(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{Lenient: true})
	sent := smuggle(t, sink.Addr)
	assertNothingSmuggled(t, sink.Transactions(), sent)
}

func TestNothingIsSmuggledToPostfix(t *testing.T) {
	t.Parallel()
	p := mailtest.StartPostfix(t, mailtest.PostfixConfig{})
	sent := smuggle(t, p.Addr)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p.Sink.Wait(ctx, sent)
	for i, tr := range p.Sink.Transactions() {
		if strings.Contains(tr.From, "evil") {
			t.Errorf("smuggled: message %d %s", i, tr.From)
		}
	}
	if n := len(p.Sink.Transactions()); n != sent || len(p.Queue(t)) != 0 {
		t.Errorf("%d messages arrived, %d were sent, in the queue: %v\n%s", n, sent, p.Queue(t), p.Log())
	}
}

func TestPostfixTakesMailOverTLS(t *testing.T) {
	t.Parallel()
	cert, ca := certificate(t, "mx.example")
	p := mailtest.StartPostfix(t, mailtest.PostfixConfig{CertFile: cert})
	route := routeTo(t, p.Addr)
	route.TLS, route.Name, route.CAFile = tenant.TLSVerified, "mx.example", ca
	r := newRelay(t)
	for i := range 3 {
		j := job(fmt.Sprintf("Subject: %d\r\n\r\n.dot\r\n", i))
		j.Envelope.Recipients = append(j.Envelope.Recipients, smtp.Recipient{Address: "c@c.example", Notify: "NEVER"})
		for _, res := range r.Deliver(t.Context(), route, j, nil) {
			if res.Status != relay.Delivered || !strings.HasPrefix(res.TLS, "TLS1.3 TLS_") || res.Host != "127.0.0.1" {
				t.Errorf("got %+v\n%s", res, p.Log())
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := p.Sink.Wait(ctx, 3)
	if len(got) != 3 || len(got[0].Rcpts) != 2 || !bytes.HasSuffix(got[0].Body(), []byte("\r\n\r\n.dot\r\n")) {
		t.Errorf("got %+v\n%s", got, p.Log())
	}
	reply, err := r.Verify(t.Context(), route, "", smtp.Recipient{Address: "b@b.example"})
	if err != nil || reply.Code != 250 {
		t.Errorf("verify: %v, %v", reply, err)
	}
	probe, err := r.Probe(t.Context(), route)
	if err != nil || !probe.Verified || probe.TLS == "" || !strings.Contains(strings.Join(probe.Extensions, ","), "PIPELINING") {
		t.Errorf("probe: %+v, %v", probe, err)
	}
}

// certificate writes a certificate with its key, and the authority's, to files.
func certificate(t *testing.T, name string) (chain, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	chain, ca = filepath.Join(t.TempDir(), "chain.pem"), filepath.Join(t.TempDir(), "ca.pem")
	if err := errors.Join(os.WriteFile(chain, append(keyPEM, certPEM...), 0o600), os.WriteFile(ca, certPEM, 0o600)); err != nil {
		t.Fatal(err)
	}
	return chain, ca
}

func TestTLSModes(t *testing.T) {
	t.Parallel()
	chain, ca := certificate(t, "mx.example")
	pair, err := tls.LoadX509KeyPair(chain, chain)
	if err != nil {
		t.Fatal(err)
	}
	withTLS := mailtest.StartSink(t, mailtest.SinkConfig{
		TLS:        &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		Extensions: []string{"PIPELINING", "REQUIRETLS"},
	})
	for name, c := range map[string]struct {
		route      tenant.Route
		requireTLS bool
		want       string
		tls        bool
	}{
		"none stays in the clear":             {route: tenant.Route{TLS: tenant.TLSNone}, want: "250 2.0.0"},
		"opportunistic takes any certificate": {route: tenant.Route{}, want: "250 2.0.0", tls: true},
		"required takes any certificate":      {route: tenant.Route{TLS: tenant.TLSRequired}, want: "250 2.0.0", tls: true},
		"verified with the right name":        {route: tenant.Route{TLS: tenant.TLSVerified, Name: "mx.example", CAFile: ca}, want: "250 2.0.0", tls: true},
		"verified with a wrong name":          {route: tenant.Route{TLS: tenant.TLSVerified, Name: "other.example", CAFile: ca}, want: "451 4.7.5"},
		"verified with an unknown authority":  {route: tenant.Route{TLS: tenant.TLSVerified, Name: "mx.example"}, want: "451 4.7.5"},
		"verified with a missing file":        {route: tenant.Route{TLS: tenant.TLSVerified, CAFile: "nowhere.pem"}, want: "451 4.3.5"},
		"the sender requires TLS and gets it": {route: tenant.Route{Name: "mx.example", CAFile: ca}, requireTLS: true, want: "250 2.0.0", tls: true},
		"the sender requires TLS, wrong name": {route: tenant.Route{CAFile: ca}, requireTLS: true, want: "550 5.7.30"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			route := routeTo(t, withTLS.Addr)
			route.TLS, route.Name, route.CAFile = c.route.TLS, c.route.Name, c.route.CAFile
			j := job("Subject: x\r\n\r\n")
			j.Envelope.RequireTLS = c.requireTLS
			r := newRelay(t)
			for range 2 { // the second comes from the pool
				res := r.Deliver(t.Context(), route, j, nil)[0]
				if !strings.HasPrefix(res.Reply.String(), c.want) || (res.TLS != "") != c.tls {
					t.Errorf("got %s over %q", res.Reply, res.TLS)
				}
			}
		})
	}
	t.Cleanup(func() {
		for _, cmd := range withTLS.Commands() {
			if strings.HasSuffix(cmd, "REQUIRETLS") {
				return
			}
		}
		t.Error("REQUIRETLS was not passed on")
	})
}

func TestSMTPSinkOfPostfixTakesAllSizes(t *testing.T) {
	t.Parallel()
	program := mailtest.Need(t, "smtp-sink", "postfix")
	dir, err := os.MkdirTemp("", "sink-") //nolint:usetesting // the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, mode := range []string{"smtp", "lmtp"} {
		path := filepath.Join(dir, mode)
		args := []string{"-u", "root", "unix:" + path, "10"}
		if mode == "lmtp" {
			args = append([]string{"-L"}, args...)
		}
		cmd := exec.CommandContext(t.Context(), program, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		awaitSocket(t, path)
		route := tenant.Route{Transport: tenant.Transport(mode), Hosts: []string{"unix:" + path}, TLS: tenant.TLSNone}
		r := newRelay(t)
		for _, size := range []int{0, 1, 1000, 32 << 10, 5 << 20} {
			j := job("Subject: x\r\n\r\n" + strings.Repeat(".0123456789\r\n", size/13))
			for i := range 300 { // several groups of commands
				j.Envelope.Recipients = append(j.Envelope.Recipients, smtp.Recipient{Address: fmt.Sprintf("r%d@b.example", i)})
			}
			for _, res := range r.Deliver(t.Context(), route, j, nil) {
				if res.Status != relay.Delivered || res.Host != "localhost" {
					t.Fatalf("%s, %d bytes: %+v", mode, size, res)
				}
			}
		}
	}
}

func awaitSocket(t *testing.T, path string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		var d net.Dialer
		if conn, err := d.DialContext(t.Context(), "unix", path); err == nil {
			_ = conn.Close()
			return
		}
		<-tick.C
	}
	t.Fatalf("nobody listens at %s", path)
}

func TestMaildirKeepsTheMessage(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "Maildir")
	r := newRelay(t)
	route := tenant.Route{Transport: tenant.TransportMaildir, Path: dir}
	j := job("Subject: x\r\n\r\n.dot\r\n")
	j.Envelope.Recipients = append(j.Envelope.Recipients, smtp.Recipient{Address: "c@c.example"})
	for _, res := range r.Deliver(t.Context(), route, j, func(context.Context) error { return nil }) {
		if res.Status != relay.Delivered || res.Host != relay.HostMaildir {
			t.Errorf("got %+v", res)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "new", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var all string
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all += string(raw)
	}
	for _, rcpt := range []string{"b@b.example", "c@c.example"} {
		want := "Return-Path: <a@a.example>\r\nDelivered-To: " + rcpt + "\r\nSubject: x\r\n\r\n.dot\r\n"
		if !strings.Contains(all, want) {
			t.Errorf("no file for %s in %q", rcpt, all)
		}
	}
	refuse := func(context.Context) error { return errors.New("journal is broken") }
	if res := r.Deliver(t.Context(), route, j, refuse); res[0].Status != relay.Deferred || res[0].Host != "" {
		t.Errorf("without journal: %+v", res[0])
	}
	if res := r.Deliver(t.Context(), route, job("a\nb\r\n"), nil); res[0].Reply.Enhanced != "5.6.0" {
		t.Errorf("bare LF: %+v", res[0])
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", "*")); len(left) != 2 {
		t.Errorf("files remain: %v", left)
	}
}

func TestNobodyIsLeftWithoutAResult(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	j := job("Subject: x\r\n\r\n")
	j.Envelope.Recipients = append(j.Envelope.Recipients, smtp.Recipient{Address: "c@c.example"})
	for _, res := range r.Forget(j) {
		if res.Status != relay.Deferred || res.Reply.Class() != 4 || res.Host != "" || res.At.IsZero() {
			t.Errorf("got %+v", res)
		}
	}
}

// TestManyDeliveriesShareConnections runs more deliveries than connections are allowed.
func TestManyDeliveriesShareConnections(t *testing.T) {
	t.Parallel()
	sink := mailtest.StartSink(t, mailtest.SinkConfig{})
	r := relay.New(relay.Config{Hostname: "out.example", MaxOpen: 4, MaxIdle: 4, Log: slog.New(slog.DiscardHandler)})
	defer func() { _ = r.Close() }()
	done := make(chan relay.Result)
	for range 16 {
		go func() {
			for range 25 {
				done <- r.Deliver(t.Context(), routeTo(t, sink.Addr), job("Subject: x\r\n\r\n"), nil)[0]
			}
		}()
	}
	for range 16 * 25 {
		if res := <-done; res.Status != relay.Delivered {
			t.Errorf("got %+v", res)
		}
	}
	if n := sink.Connections(); n > 8 || len(sink.Transactions()) != 400 {
		t.Errorf("%d messages over %d connections", len(sink.Transactions()), n)
	}
}

func BenchmarkDeliver(b *testing.B) {
	addr := discard(b)
	for _, size := range []int{4 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			r := newRelay(b)
			j := job(strings.Repeat(strings.Repeat("x", 74)+"\r\n", size/76))
			route := routeTo(b, addr)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if res := r.Deliver(b.Context(), route, j, nil)[0]; res.Status != relay.Delivered {
					b.Fatal(res)
				}
			}
		})
	}
}

// discard starts a next hop that reads messages as fast as it can.
func discard(b *testing.B) string {
	b.Helper()
	program := mailtest.Need(b, "smtp-sink", "postfix")
	var lc net.ListenConfig
	l, err := lc.Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	cmd := exec.Command(program, "-u", "root", "inet:"+addr, "100")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		var d net.Dialer
		if conn, err := d.DialContext(b.Context(), "tcp", addr); err == nil {
			_ = conn.Close()
			return addr
		}
		<-tick.C
	}
	b.Fatal("smtp-sink does not start")
	return ""
}
