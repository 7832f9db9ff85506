package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"outrider/internal/smtp"
	"outrider/internal/tenant"
)

// Buffers of a session, in bytes. Commands are sent in groups that fit into one write, so
// that full buffers cannot deadlock both sides.
const (
	readBuffer   = 4 << 10
	writeBuffer  = 32 << 10
	commandGroup = 2 << 10
)

// aLongTimeAgo is a deadline that interrupts pending I/O.
var aLongTimeAgo = time.Unix(1, 0)

// session is one connection to a next hop. One goroutine uses it at a time.
type session struct {
	r        *Relay
	target   target
	conn     net.Conn
	br       *bufio.Reader
	bw       *bufio.Writer
	ext      map[string]string // EHLO keywords in upper case and their parameters
	greeting string
	tls      string // version and cipher suite, or ""
	verified string // how the certificate was verified, or ""
	lmtp     bool
	messages int             // previous transactions
	key      string          // of the pool
	ctx      context.Context //nolint:containedctx // of the delivery that uses the session now
	stop     func() bool     // ends the watch on ctx

	watched chan error // result of the pool's watch, when idle
}

func (s *session) has(ext string) bool {
	_, ok := s.ext[ext]
	return ok
}

// bind makes ctx interrupt I/O on the connection until unbind.
func (s *session) bind(ctx context.Context) {
	s.ctx = ctx
	s.stop = context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(aLongTimeAgo) })
}

func (s *session) unbind() {
	s.stop()
	s.ctx = nil
}

// limit sets the deadline of the next stage.
func (s *session) limit(d time.Duration) error {
	at := time.Now().Add(d)
	if until, ok := s.ctx.Deadline(); ok && until.Before(at) {
		at = until
	}
	if err := s.conn.SetDeadline(at); err != nil {
		return fmt.Errorf("setting deadline: %w", err)
	}
	// The watch of bind may have fired before the deadline was set.
	if s.ctx.Err() != nil {
		return fmt.Errorf("waiting for next hop: %w", context.Cause(s.ctx))
	}
	return nil
}

// reply reads one reply within the time of its stage. A 421 is an error: the host
// closes the connection.
func (s *session) reply(stage string, d time.Duration) (smtp.Reply, error) {
	// Buffered data needs no deadline; for half a reply, that of the previous stage still
	// applies.
	if s.br.Buffered() == 0 {
		if err := s.limit(d); err != nil {
			return smtp.Reply{}, fail(replyLost, "reading reply to %s: %w", stage, err)
		}
	}
	r, err := readReply(s.br)
	switch {
	case errors.Is(err, errReply) || errors.Is(err, errReplySize):
		return r, fail(replyGarbage, "reading reply to %s: %w", stage, err)
	case err != nil:
		return r, fail(replyLost, "reading reply to %s: %w", stage, err)
	case r.Code == 421:
		return r, r.Err()
	}
	return r, nil
}

// send queues one command line.
func (s *session) send(line string) { _, _ = s.bw.WriteString(line + "\r\n") } // flush returns the error

func (s *session) flush() error {
	if err := s.limit(s.r.cfg.Timeouts.Command); err != nil {
		return fail(replyLost, "sending commands: %w", err)
	}
	if err := s.bw.Flush(); err != nil {
		return fail(replyLost, "sending commands: %w", err)
	}
	return nil
}

// cmd sends one command and reads its reply.
func (s *session) cmd(line string) (smtp.Reply, error) {
	s.send(line)
	if err := s.flush(); err != nil {
		return smtp.Reply{}, err
	}
	verb, _, _ := strings.Cut(line, " ")
	return s.reply(verb, s.r.cfg.Timeouts.Command)
}

// quit sends QUIT and closes the connection without waiting for the reply.
func (s *session) quit() {
	_ = s.conn.SetDeadline(time.Now().Add(time.Second))
	s.send("QUIT")
	_ = s.bw.Flush()
	_ = s.conn.Close()
}

// attach switches the session to conn.
func (s *session) attach(conn net.Conn) {
	s.conn = conn
	s.br, s.bw = bufio.NewReaderSize(conn, readBuffer), bufio.NewWriterSize(conn, writeBuffer)
}

// dial opens a session that is ready for MAIL. If TLS is opportunistic and the handshake
// fails, it starts again without TLS.
func (r *Relay) dial(ctx context.Context, route tenant.Route, t target, requireTLS bool) (*session, error) {
	mode := t.demand.mode(tlsMode(route, requireTLS))
	s, err := r.open(ctx, route, t, mode)
	if _, ok := errors.AsType[*handshakeError](err); ok && mode == tenant.TLSOpportunistic {
		r.log.Info("continuing without tls", "host", t.name, "error", err)
		s, err = r.open(ctx, route, t, tenant.TLSNone)
	}
	return s, err
}

func (r *Relay) open(ctx context.Context, route tenant.Route, t target, mode tenant.TLSMode) (*session, error) {
	dialCtx, cancel := context.WithTimeout(ctx, r.cfg.Timeouts.Connect)
	defer cancel()
	conn, err := r.cfg.Dial(dialCtx, t.network, t.addr)
	if err != nil {
		return nil, fail(replyNoHost, "connecting to %s: %w", t.addr, err)
	}
	s := &session{r: r, target: t, lmtp: route.Transport == tenant.TransportLMTP}
	s.attach(conn)
	s.bind(ctx)
	defer s.unbind()
	if err := s.start(route, mode); err != nil {
		_ = s.conn.Close()
		return nil, err
	}
	return s, nil
}

// start runs the session from the greeting until MAIL may be sent.
func (s *session) start(route tenant.Route, mode tenant.TLSMode) error {
	greeting, err := s.reply("greeting", s.r.cfg.Timeouts.Greeting)
	if err != nil {
		return err
	}
	if greeting.Code != 220 {
		return refused(greeting)
	}
	s.greeting = greeting.Text
	if err := s.hello(); err != nil {
		return err
	}
	if mode == tenant.TLSNone {
		return nil
	}
	if err := s.startTLS(route, mode); err != nil || s.tls == "" {
		return err
	}
	// RFC 3207, Section 4.2: knowledge from before TLS must be discarded.
	return s.hello()
}

// refused returns the reply as an error, for any class.
func refused(r smtp.Reply) error {
	if err := r.Err(); err != nil {
		return err //nolint:wrapcheck // a reply
	}
	return fail(replyGarbage, "unexpected reply %s", r)
}

// hello sends EHLO. RFC 5321, Section 4.1.1.1: a host without EHLO gets HELO.
func (s *session) hello() error {
	verb := "EHLO"
	if s.lmtp {
		verb = "LHLO"
	}
	s.ext = map[string]string{}
	r, err := s.cmd(verb + " " + s.r.cfg.Hostname)
	if err != nil {
		return err
	}
	if r.Class() == 5 && !s.lmtp {
		if r, err = s.cmd("HELO " + s.r.cfg.Hostname); err != nil {
			return err
		}
		if r.Code != 250 {
			return refused(r)
		}
		return nil
	}
	if r.Code != 250 {
		return refused(r)
	}
	lines := strings.Split(r.Text, "\n")
	for _, line := range lines[1:] {
		name, params, _ := strings.Cut(line, " ")
		s.ext[strings.ToUpper(name)] = params
	}
	return nil
}

// maxSize returns the size that the host announced, or 0 for no limit.
func (s *session) maxSize() int64 {
	n, err := strconv.ParseInt(s.ext["SIZE"], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// handshakeError is a failure of TLS itself, after STARTTLS was accepted.
type handshakeError struct{ err error }

// Error returns the cause.
func (e *handshakeError) Error() string { return fmt.Sprintf("tls handshake: %v", e.err) }

// Unwrap returns the cause.
func (e *handshakeError) Unwrap() error { return e.err }

func (s *session) startTLS(route tenant.Route, mode tenant.TLSMode) error {
	must := mode != tenant.TLSOpportunistic
	if !s.has("STARTTLS") {
		if must {
			return fail(replyTLS, "%s does not offer STARTTLS", s.target.name)
		}
		s.target.demand.observe(s.r.log, errNoTLS)
		return nil
	}
	r, err := s.cmd("STARTTLS")
	if err != nil {
		return err
	}
	if r.Code != 220 {
		if must {
			return fail(replyTLS, "%s refuses STARTTLS: %s", s.target.name, r)
		}
		s.target.demand.observe(s.r.log, errNoTLS)
		return nil
	}
	if s.br.Buffered() > 0 {
		// Plain text after the reply would be read as if received through TLS.
		return fail(replyGarbage, "%s sends plain text after STARTTLS", s.target.name)
	}
	return s.handshake(route, mode)
}

func (s *session) handshake(route tenant.Route, mode tenant.TLSMode) error {
	cfg, err := s.r.tlsConfig(route, s.target, mode)
	if err != nil {
		return err
	}
	conn := tls.Client(s.conn, cfg)
	// A host may hang up after its reply before the deadline is set: that is a failed
	// handshake as well.
	err = s.limit(s.r.cfg.Timeouts.Connect)
	if err == nil {
		err = conn.HandshakeContext(s.ctx)
	}
	if err != nil {
		return fail(replyTLS, "with %s: %w", s.target.name, &handshakeError{err})
	}
	state := conn.ConnectionState()
	s.tls = describeTLS(&state)
	s.verified = s.target.demand.verifiedBy(mode)
	s.attach(conn)
	return nil
}

func describeTLS(state *tls.ConnectionState) string {
	return strings.ReplaceAll(tls.VersionName(state.Version), " ", "") + " " + tls.CipherSuiteName(state.CipherSuite)
}
