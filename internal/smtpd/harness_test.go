package smtpd_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outrider/internal/message"
	"outrider/internal/smtp"
	"outrider/internal/smtpd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// taken is a message that a desk took.
type taken struct {
	message.Received
	body       []byte
	violations []smtpd.Violation
	session    sessionFacts
}

// sessionFacts are what a session told its handler beside the message.
type sessionFacts struct {
	Client string
	Size   int64
	TLS    bool
	Seen   int // recipients that were in the envelope when the last one came
}

// desk is a handler that takes every message and remembers it. Local parts of
// addresses steer it: reject, defer, busy, panic, and for Data the same after "data-".
type desk struct {
	connect func(*smtpd.Session) error
	onData  func(context.Context) error // before a message is taken, or nil

	mu    sync.Mutex
	taken []taken
	peers []message.Peer // at Connect
}

// verdict returns what an address asks for.
func verdict(address, prefix string) error {
	local, _, _ := strings.Cut(address, "@")
	what, ok := strings.CutPrefix(local, prefix)
	if !ok {
		return nil
	}
	switch what {
	case "reject":
		return &smtp.Error{Code: 550, Enhanced: "5.7.1", Text: "Not wanted\r\n250 injected", Err: errors.New("private")}
	case "defer":
		return errors.New("private cause")
	case "busy":
		return &smtp.Error{Code: 421, Enhanced: "4.3.0", Text: "Busy"}
	case "panic":
		panic("asked for by " + address)
	}
	return nil
}

func (d *desk) Connect(_ context.Context, s *smtpd.Session) error {
	d.mu.Lock()
	d.peers = append(d.peers, s.Peer())
	d.mu.Unlock()
	if d.connect == nil {
		return nil
	}
	return d.connect(s)
}

func (d *desk) Mail(_ context.Context, s *smtpd.Session, env smtp.Envelope) error {
	if s.Transaction != nil {
		return errors.New("transaction state of the last message is left")
	}
	s.Transaction = &sessionFacts{Client: s.Client().String(), Size: s.DeclaredSize(), TLS: s.TLS() != nil}
	return verdict(env.From, "")
}

func (d *desk) Rcpt(_ context.Context, s *smtpd.Session, rcpt smtp.Recipient) error {
	facts, ok := s.Transaction.(*sessionFacts)
	if !ok {
		return errors.New("transaction state is lost")
	}
	facts.Seen = len(s.Envelope().Recipients)
	return verdict(rcpt.Address, "")
}

func (d *desk) Data(ctx context.Context, s *smtpd.Session, m *message.Received) (smtp.Reply, error) {
	if d.onData != nil {
		if err := d.onData(ctx); err != nil {
			return smtp.Reply{}, err
		}
	}
	first := m.Envelope.Recipients[0].Address
	if err := verdict(first, "data-"); err != nil {
		return smtp.Reply{}, err
	}
	if strings.HasPrefix(first, "data-odd@") {
		return smtp.Reply{Code: 354, Text: "Odd"}, nil
	}
	raw, err := m.Body.Bytes()
	if err != nil {
		return smtp.Reply{}, fmt.Errorf("reading body: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	facts, _ := s.Transaction.(*sessionFacts) // set in Mail
	d.taken = append(d.taken, taken{Received: *m, body: bytes.Clone(raw), violations: s.Violations(), session: *facts})
	return smtp.Reply{Code: 250, Enhanced: "2.0.0", Text: "Taken"}, nil
}

// messages returns what was taken so far.
func (d *desk) messages() []taken {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]taken(nil), d.taken...)
}

// ledger is an observer that remembers.
type ledger struct {
	mu         sync.Mutex
	ends       []smtpd.End
	refused    []smtpd.Refusal
	violations []smtpd.Violation
	codes      []int
	stress     []bool
	lost       int
	opened     int
}

func (l *ledger) observer() smtpd.Observer {
	locked := func(f func()) {
		l.mu.Lock()
		defer l.mu.Unlock()
		f()
	}
	return smtpd.Observer{
		Opened:    func() { locked(func() { l.opened++ }) },
		Closed:    func(e smtpd.End, _ time.Duration) { locked(func() { l.ends = append(l.ends, e) }) },
		Refused:   func(r smtpd.Refusal) { locked(func() { l.refused = append(l.refused, r) }) },
		Message:   func(_ int64, code int) { locked(func() { l.codes = append(l.codes, code) }) },
		Stress:    func(on bool) { locked(func() { l.stress = append(l.stress, on) }) },
		ReplyLost: func(int) { locked(func() { l.lost++ }) },
		Violated:  func(v smtpd.Violation) { locked(func() { l.violations = append(l.violations, v) }) },
	}
}

// read calls f with the ledger locked.
func (l *ledger) read(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// memListener accepts connections from within the process, so that the time of a
// synctest bubble passes for both sides.
type memListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemListener() *memListener {
	return &memListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *memListener) Addr() net.Addr { return &net.TCPAddr{} }

// addressed is a connection that claims to come from an address.
type addressed struct {
	net.Conn
	addr net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.addr }

// dial connects as a client with the given address.
func (l *memListener) dial(from string) net.Conn {
	here, there := net.Pipe()
	addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))
	select {
	case l.conns <- addressed{Conn: there, addr: addr}:
	case <-l.done:
		_ = here.Close()
	}
	return here
}

// setup is a running server and what surrounds it.
type setup struct {
	t      *testing.T
	ln     *memListener
	desk   *desk
	ledger *ledger
	cancel context.CancelFunc
	served chan error // closed after the result of Serve
}

// start runs a server on a memory listener until the test ends.
func start(t *testing.T, cfg smtpd.Config, d *desk) *setup {
	t.Helper()
	s := &setup{t: t, ln: newMemListener(), desk: d, ledger: &ledger{}, served: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	server := smtpd.New(cfg, d, slog.New(slog.DiscardHandler), s.ledger.observer())
	go func() {
		s.served <- server.Serve(ctx, s.ln)
		close(s.served)
	}()
	t.Cleanup(func() {
		cancel()
		for range s.served {
			continue // unless the test has read the result
		}
	})
	return s
}

// client speaks lines. It reads all the time, so that a server without buffers in
// between can always write.
type client struct {
	t     *testing.T
	conn  net.Conn
	lines chan string
}

// dial returns a client of the server.
func (s *setup) dial(t *testing.T, from string) *client {
	t.Helper()
	c := &client{t: t, conn: s.ln.dial(from)}
	c.read()
	t.Cleanup(func() { _ = c.conn.Close() })
	return c
}

// read starts to collect lines from the connection.
func (c *client) read() {
	lines := make(chan string, 10_000)
	c.lines = lines
	conn := c.conn
	go func() {
		defer close(lines)
		r := bufio.NewReader(conn)
		for {
			line, err := r.ReadString('\n')
			if line != "" {
				lines <- line
			}
			// The answer to STARTTLS is the last line in clear text.
			if err != nil || strings.HasSuffix(line, "Go ahead\r\n") {
				return
			}
		}
	}()
}

// send writes text as it is.
func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Logf("sending %.60q: %v", text, err)
	}
}

// line returns the next line, or "EOF".
func (c *client) line() string {
	line, ok := <-c.lines
	if !ok {
		return "EOF"
	}
	if !strings.HasSuffix(line, "\r\n") {
		c.t.Errorf("line %q does not end in CRLF", line)
	}
	return strings.TrimSuffix(line, "\r\n")
}

// expect reads lines with the given beginnings.
func (c *client) expect(beginnings ...string) {
	c.t.Helper()
	for _, want := range beginnings {
		if got := c.line(); !strings.HasPrefix(got, want) {
			c.t.Fatalf("server said %q, want %q", got, want)
		}
	}
}

// reply reads one whole reply and returns its last line.
func (c *client) reply() string {
	c.t.Helper()
	for {
		line := c.line()
		if len(line) < 4 || line[3] != '-' {
			return line
		}
	}
}

// say sends one command and returns the last line of the reply.
func (c *client) say(format string, args ...any) string {
	c.t.Helper()
	c.send(fmt.Sprintf(format, args...) + "\r\n")
	return c.reply()
}

// startTLS changes to TLS after the server's answer to STARTTLS.
func (c *client) startTLS() {
	c.t.Helper()
	tc := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	if err := tc.HandshakeContext(c.t.Context()); err != nil {
		c.t.Fatalf("shaking hands: %v", err)
	}
	c.conn = tc
	c.read()
}

// testTLS returns a server configuration with a fresh certificate.
func testTLS(t *testing.T) *tls.Config {
	t.Helper()
	certFile, keyFile, err := smtpd.EnsureSelfSigned(t.TempDir(), "mx.example")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := smtpd.LoadCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return cert.TLSConfig()
}
