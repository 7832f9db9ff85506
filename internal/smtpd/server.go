package smtpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"

	"outrider/internal/message"
	"outrider/internal/smtp"
)

// Handler decides about mail. Its methods are called in order of the protocol from the
// goroutine of the session. An error is answered as smtp.ReplyFor says: one that is no
// *smtp.Error becomes 451, and one with code 421 also ends the session. A panic is
// contained: the command is answered with 451 and the session ends.
type Handler interface {
	// Connect decides whether the client is welcome. It is called again after XCLIENT,
	// with the facts that this gave.
	Connect(ctx context.Context, s *Session) error
	// Mail decides about a sender. The envelope has no recipients yet.
	Mail(ctx context.Context, s *Session, env smtp.Envelope) error
	// Rcpt decides about one recipient; the envelope so far is s.Envelope.
	Rcpt(ctx context.Context, s *Session, rcpt smtp.Recipient) error
	// Data takes a message. Its reply is what the client is told; a 2xx reply makes
	// the message ours. The body is closed when Data returns. ctx ends when the server
	// stops and can wait no longer, not when the client goes away: a message that came
	// to its end is handled once.
	Data(ctx context.Context, s *Session, m *message.Received) (smtp.Reply, error)
}

// Server is an SMTP server. It is safe for concurrent use.
type Server struct {
	cfg     Config
	handler Handler
	log     *slog.Logger
	observe Observer
	memory  *message.Memory
	buffers sync.Pool // of *buffers
	load    *load
}

// errStopped is the cause with which the context of handlers ends.
var errStopped = errors.New("server stopped")

// maxAcceptDelay bounds the wait after a failed Accept, for example for want of file
// descriptors.
const maxAcceptDelay = time.Second

// New returns a server that asks h about mail.
func New(cfg Config, h Handler, log *slog.Logger, o Observer) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, handler: h, log: log, observe: o.withDefaults(), memory: message.NewMemory(cfg.Memory),
		buffers: sync.Pool{New: newBuffers},
	}
	s.load = newLoad(&s.cfg, s.stressChanged)
	return s
}

// stressChanged reports the begin and the end of stress mode.
func (s *Server) stressChanged(stress bool, open int) {
	s.observe.Stress(stress)
	taken := []any{slog.Int("connections", open), slog.Int("max_connections", s.cfg.MaxConns)}
	if stress {
		s.log.Warn("stress mode begins: most connections are in use; time-outs are shorter and each address gets fewer connections", taken...)
		return
	}
	s.log.Warn("stress mode ends", taken...)
}

// workerIdle is how long a worker waits for the next session before it ends.
const workerIdle = time.Second

// sessions are those of one listener.
type sessions struct {
	wg sync.WaitGroup
	// A session goes to a worker that has ended one, where there is any: a new goroutine
	// would grow its stack again, which costs a message of one connection a twentieth.
	next chan func()
	over chan struct{}      // closed when no session comes any more
	mu   sync.Mutex         // guards set
	set  map[*conn]struct{} // those that have not ended
}

// Serve accepts connections from ln until ctx ends or ln fails, and closes ln. At the
// end of ctx sessions without a transaction are told 421 at once; the others may finish
// what they began, for at most Timeouts.Drain. Serve returns when all sessions have
// ended, with nil if ctx asked for it. It may be called for several listeners, which
// then share the limits.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	// Sessions outlive ctx while they drain.
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	live := &sessions{set: make(map[*conn]struct{}), next: make(chan func()), over: make(chan struct{})}
	err := s.acceptAll(ctx, work, ln, live)
	close(live.over)
	s.drain(live, cancel)
	return err
}

// acceptAll starts a session per connection until ctx ends or ln fails.
func (s *Server) acceptAll(ctx, work context.Context, ln net.Listener, live *sessions) error {
	var closer sync.WaitGroup
	defer closer.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	closer.Go(func() {
		<-ctx.Done()
		_ = ln.Close() // it accepts no more either way
	})
	var delay time.Duration
	for {
		raw, err := ln.Accept()
		switch {
		case err == nil:
			delay = 0
			s.start(work, raw, live)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accepting connections: %w", err)
		default:
			delay = min(max(2*delay, 5*time.Millisecond), maxAcceptDelay)
			s.log.WarnContext(ctx, "accepting a connection failed", slog.Any("error", err), slog.Duration("retry_in", delay))
			wait(ctx, delay)
		}
	}
}

// wait returns after d or at the end of ctx.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// start runs the session of a new connection.
func (s *Server) start(ctx context.Context, raw net.Conn, live *sessions) {
	b, _ := s.buffers.Get().(*buffers)
	c := newConn(raw, s.load, b)
	live.mu.Lock()
	live.set[c] = struct{}{}
	live.mu.Unlock()
	live.run(func() {
		defer func() {
			live.mu.Lock()
			delete(live.set, c)
			live.mu.Unlock()
			_ = raw.Close() // nothing is left to report it to
			s.buffers.Put(c.release())
		}()
		s.serve(ctx, c)
	})
}

// run runs a session on a worker.
func (l *sessions) run(session func()) {
	select {
	case l.next <- session:
	default:
		l.wg.Go(func() { l.worker(session) })
	}
}

// worker runs sessions until none comes for a while.
func (l *sessions) worker(session func()) {
	idle := time.NewTimer(workerIdle)
	defer idle.Stop()
	for {
		session()
		idle.Reset(workerIdle)
		select {
		case session = <-l.next:
		case <-idle.C:
			return
		case <-l.over:
			return
		}
	}
}

// drain ends all sessions and returns when they have ended.
func (s *Server) drain(live *sessions, cancel context.CancelCauseFunc) {
	live.each((*conn).drain)
	ended := make(chan struct{})
	go func() {
		live.wg.Wait()
		close(ended)
	}()
	limit := time.NewTimer(s.cfg.Timeouts.Drain)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
		cancel(errStopped)
		live.each((*conn).stop)
		<-ended
	}
}

// each calls f for all sessions that have not ended.
func (l *sessions) each(f func(*conn)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.set {
		f(c)
	}
}

// serve admits one connection and runs its session.
func (s *Server) serve(ctx context.Context, c *conn) {
	client, ok := s.identify(c)
	if !ok {
		s.observe.Refused(RefusedProxy)
		return
	}
	trusted := contains(s.cfg.XClientFrom, client.Addr())
	limited := !trusted && !contains(s.cfg.Gateways, client.Addr())
	why, ok := s.load.admit(c, client.Addr(), limited)
	if !ok {
		s.observe.Refused(why)
		writeReply(c.bw, smtp.Reply{Code: 421, Enhanced: "4.7.0", Text: "Too many connections, please try again later"}, false)
		_ = c.bw.Flush() // the client has been turned away in any case
		return
	}
	defer s.load.release(c, client.Addr(), limited)
	began := time.Now()
	s.observe.Opened()
	session := newSession(s, c, client, trusted)
	session.run(ctx)
	s.observe.Closed(session.end, time.Since(began))
}

// identify returns the address of the client. A connection from one of the networks
// in ProxyFrom must name it in a PROXY header; from elsewhere such a header is nothing
// but a strange command.
func (s *Server) identify(c *conn) (netip.AddrPort, bool) {
	peer := addrPort(c.raw.RemoteAddr())
	if !contains(s.cfg.ProxyFrom, peer.Addr()) {
		return peer, true
	}
	p := proxyproto.NewConn(c.raw, proxyproto.WithPolicy(proxyproto.REQUIRE),
		proxyproto.SetReadHeaderTimeout(s.cfg.Timeouts.ProxyHeader))
	if p.ProxyHeader() == nil {
		return peer, false
	}
	c.nc = p
	// Without addresses in the header (LOCAL, UNKNOWN) this is the proxy itself.
	return addrPort(p.RemoteAddr()), true
}

// addrPort returns the address of a, invalid if it is not an IP address.
func addrPort(a net.Addr) netip.AddrPort {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
