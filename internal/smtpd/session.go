package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"outrider/internal/message"
	"outrider/internal/smtp"
)

// maxJunk bounds commands such as NOOP and RSET between two messages. Proper clients
// send one or two; what goes beyond counts as an error.
const maxJunk = 100

// refusedWait is how long a client that is not welcome may take to send QUIT.
const refusedWait = 30 * time.Second

// Session is one client's connection, as handlers see it. It must be used only within
// the methods of Handler and by their goroutine.
type Session struct {
	State       any // for the handler, kept for the whole session
	Transaction any // for the handler, nil again before each MAIL

	id     message.ID
	srv    *Server
	c      *conn
	client netip.AddrPort // after PROXY and XCLIENT
	name   string         // reverse name from XCLIENT, or ""

	helo    string
	esmtp   bool // greeted with EHLO
	trusted bool // may use XCLIENT
	tls     *tls.ConnectionState

	tx       *transaction // or nil
	mails    int          // transactions begun
	errs     int
	junk     int
	violated []Violation
	verb     string // of the command being answered
	barred   bool   // told at the greeting to go away
	end      End    // "" while the session goes on
}

// newSession returns the session of a client.
func newSession(srv *Server, c *conn, client netip.AddrPort, trusted bool) *Session {
	return &Session{id: message.NewID(time.Now()), srv: srv, c: c, client: client, trusted: trusted}
}

// ID names the session in logs.
func (s *Session) ID() string { return string(s.id) }

// Client returns the address and port of the client, after PROXY and XCLIENT.
func (s *Session) Client() netip.AddrPort { return s.client }

// Peer returns what is known of the client so far.
func (s *Session) Peer() message.Peer {
	p := message.Peer{Addr: s.client.Addr(), Name: s.name, Helo: s.helo, Protocol: s.protocol()}
	if s.tls != nil {
		p.TLSVersion = strings.ReplaceAll(tls.VersionName(s.tls.Version), " ", "")
		p.TLSCipher = tls.CipherSuiteName(s.tls.CipherSuite)
	}
	return p
}

// TLS returns the state of the connection's TLS, or nil on clear text.
func (s *Session) TLS() *tls.ConnectionState { return s.tls }

// Envelope returns the envelope of the transaction so far. It must not be changed.
func (s *Session) Envelope() smtp.Envelope {
	if s.tx == nil {
		return smtp.Envelope{}
	}
	return s.tx.env
}

// DeclaredSize returns the SIZE that MAIL announced, or 0.
func (s *Session) DeclaredSize() int64 {
	if s.tx == nil {
		return 0
	}
	return s.tx.size
}

// Violations lists what the client did and should not have, in order.
func (s *Session) Violations() []Violation { return slices.Clone(s.violated) }

// protocol returns the transmission type.
// RFC 3848 and RFC 6531, Section 4.3: names of the mail transmission types.
func (s *Session) protocol() string {
	p := "SMTP"
	switch {
	case !s.esmtp:
		return p
	case s.tx != nil && s.tx.env.UTF8:
		p = "UTF8SMTP"
	default:
		p = "ESMTP"
	}
	if s.tls != nil {
		p += "S"
	}
	return p
}

// run greets the client and answers its commands until the session ends.
func (s *Session) run(ctx context.Context) {
	defer s.close()
	defer s.contain(ctx)
	s.c.setIdle(true)
	s.verb = "CONNECT"
	s.greet(ctx)
	wait := s.srv.cfg.Timeouts.Greeting
	for s.end == "" {
		if s.barred {
			wait = refusedWait
		}
		s.next(ctx, wait)
		wait = s.srv.cfg.Timeouts.Command
	}
}

// close frees what the session holds and sends what waits.
func (s *Session) close() {
	s.resetTransaction()
	if s.end == EndGone || s.end == EndTLS {
		return
	}
	// A lost reply to a message was reported when it was written.
	_ = s.c.bw.Flush()
	s.c.closeTLS()
	if s.end != EndQuit {
		s.c.linger()
	}
}

// contain ends the session after a panic, and only the session.
func (s *Session) contain(ctx context.Context) {
	v := recover()
	if v == nil {
		return
	}
	s.srv.log.ErrorContext(ctx, "smtp session panicked", slog.String("session", s.ID()), slog.String("verb", s.verb),
		slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
	s.end = EndPanic
	s.reply(replyOurDefect)
}

// greet welcomes the client, or not.
func (s *Session) greet(ctx context.Context) {
	if delay := s.earlyTalkDelay(); delay > 0 {
		silent, err := s.c.silent(delay)
		if err != nil {
			s.broken(err)
			return
		}
		if !silent {
			s.srv.observe.Refused(RefusedEarly)
			s.reply(smtp.Reply{Code: 554, Text: "Wait for the greeting before you talk"})
			s.end = EndRefused
			return
		}
	}
	s.welcome(ctx)
}

// earlyTalkDelay returns how long this client must be silent first.
func (s *Session) earlyTalkDelay() time.Duration {
	if s.trusted || s.client.Addr().IsLoopback() {
		return 0
	}
	return s.srv.cfg.EarlyTalkDelay
}

// welcome asks the handler and sends the greeting.
//
// RFC 5321, Section 3.1: after 554 the client may still send QUIT, and anything else
// is answered with 503. RFC 7504, Section 3: 521 ends the session, as 421 does.
func (s *Session) welcome(ctx context.Context) {
	err := s.srv.handler.Connect(ctx, s)
	if err == nil {
		s.reply(smtp.Reply{Code: 220, Text: s.srv.cfg.Hostname + " " + s.srv.cfg.Banner})
		return
	}
	s.srv.observe.Refused(RefusedByPolicy)
	r := s.refuse(ctx, err)
	if s.end == "" && r.Code/100 == 5 && r.Code != 521 {
		s.barred = true
		return
	}
	s.end = EndRefused
}

// next reads and answers one command.
func (s *Session) next(ctx context.Context, wait time.Duration) {
	if !s.c.setIdle(s.tx == nil) {
		s.broken(errDraining)
		return
	}
	line, err := s.c.readLine(wait)
	if err != nil {
		s.verb = ""
		s.broken(err)
		return
	}
	verb, arg, ok := parseCommand(line)
	s.verb = verb
	switch {
	case verb == verbForeign:
		s.end = EndErrors
		s.reply(smtp.Reply{Code: 421, Enhanced: "4.7.0", Text: "This is an SMTP server, closing connection"})
	case !ok || verb == "":
		s.fail(replyUnknown)
	case s.barred && verb != "QUIT":
		s.fail(replyNoMailThere)
	default:
		s.dispatch(ctx, verb, arg)
	}
}

// dispatch answers a known command.
func (s *Session) dispatch(ctx context.Context, verb, arg string) {
	switch verb {
	case "EHLO", "HELO":
		s.hello(verb, arg)
	case "MAIL":
		s.mail(ctx, arg)
	case "RCPT":
		s.rcpt(ctx, arg)
	case "DATA":
		s.data(ctx, arg)
	case "BDAT":
		s.bdat(ctx, arg)
	case "STARTTLS":
		s.startTLS(ctx, arg)
	case "XCLIENT":
		s.xclient(ctx, arg)
	case "QUIT":
		s.quit(arg)
	case verbAbsent:
		s.fail(replyNotOffered)
	default:
		s.trifle(verb, arg)
	}
}

// trifle answers the commands that change nothing but a transaction.
func (s *Session) trifle(verb, arg string) {
	if s.tooMuchJunk() {
		return
	}
	switch {
	case verb == "NOOP":
		s.reply(replyOK)
	case verb == "HELP":
		s.reply(smtp.Reply{Code: 214, Enhanced: "2.0.0", Text: "See RFC 5321"})
	case verb == "VRFY" && arg == "":
		s.fail(replySyntax)
	case verb == "VRFY":
		// RFC 5321, Section 3.5.3: 252 where a server will not tell.
		s.reply(smtp.Reply{Code: 252, Enhanced: "2.5.0", Text: "Cannot verify, send mail and see"})
	case arg != "":
		s.fail(replyNoParams)
	default:
		s.resetTransaction()
		s.reply(replyOK)
	}
}

// tooMuchJunk counts a command that brings no message nearer, and refuses it when there
// have been too many since the last message.
func (s *Session) tooMuchJunk() bool {
	if s.junk++; s.junk <= maxJunk {
		return false
	}
	s.fail(smtp.Reply{Code: 503, Enhanced: "5.5.1", Text: "Too many commands without a message"})
	return true
}

// quit says goodbye.
func (s *Session) quit(arg string) {
	if arg != "" {
		s.fail(replyNoParams)
		return
	}
	s.end = EndQuit
	s.reply(smtp.Reply{Code: 221, Enhanced: "2.0.0", Text: "Bye"})
}

// reply answers the current command.
func (s *Session) reply(r smtp.Reply) {
	writeReply(s.c.bw, r, s.tx != nil && s.tx.env.UTF8)
	s.srv.observe.Replied(s.verb, r.Code)
}

// fail answers a command that breaks the protocol, and ends the session at too many.
func (s *Session) fail(r smtp.Reply) {
	if s.errs++; s.errs >= s.srv.cfg.MaxErrors {
		s.end = EndErrors
		r = replyErrors
	}
	s.reply(r)
}

// refuse answers with what the handler's error says, and returns that.
func (s *Session) refuse(ctx context.Context, err error) smtp.Reply {
	r := s.replyFor(ctx, err)
	if r.Code == 421 {
		s.end = EndRefused
	}
	s.reply(r)
	return r
}

// replyFor returns the reply for a handler's error, and logs the private cause.
func (s *Session) replyFor(ctx context.Context, err error) smtp.Reply {
	r := smtp.ReplyFor(err)
	if r.Code < 400 || r.Code > 599 {
		r = replyOurDefect
	}
	level := slog.LevelDebug
	if _, classified := errors.AsType[*smtp.Error](err); !classified {
		level = slog.LevelError
	}
	if s.srv.log.Enabled(ctx, level) {
		s.srv.log.LogAttrs(ctx, level, "smtp command refused", slog.String("session", s.ID()),
			slog.String("client", s.client.Addr().String()), slog.String("verb", s.verb),
			slog.Int("code", r.Code), slog.Any("error", err))
	}
	return r
}

// broken ends the session when nothing more can be read.
func (s *Session) broken(err error) {
	switch {
	case errors.Is(err, errDraining):
		s.end = EndDrain
		s.reply(replyShutdown)
	case errors.Is(err, errTimeout):
		s.end = EndTimeout
		s.reply(replyTimeout)
	case errors.Is(err, errLongLine):
		// RFC 5321, Section 4.5.3.1.9: 500 for a line that is too long.
		s.fail(smtp.Reply{Code: 500, Enhanced: "5.5.2", Text: "Line too long"})
	case errors.Is(err, errBareLF):
		s.end = EndErrors
		s.reply(smtp.Reply{Code: 500, Enhanced: "5.5.2", Text: "Lines must end in CRLF, closing connection"})
	case errors.Is(err, errFlood):
		s.end = EndErrors
		s.reply(replyErrors)
	default:
		s.end = EndGone
	}
}

// violate records a violation once.
func (s *Session) violate(v Violation) {
	if slices.Contains(s.violated, v) {
		return
	}
	s.violated = append(s.violated, v)
	s.srv.observe.Violated(v)
}

// resetTransaction forgets the transaction.
func (s *Session) resetTransaction() {
	if s.tx != nil && s.tx.chunks != nil {
		s.tx.chunks.discard()
	}
	s.tx, s.Transaction = nil, nil
}
