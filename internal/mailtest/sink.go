package mailtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// SinkConfig says how a Sink behaves. The zero value accepts everything with the
// extensions of a common host.
type SinkConfig struct {
	Extensions []string                    // EHLO keywords; PIPELINING, 8BITMIME, SIZE, DSN and SMTPUTF8 when nil
	Reply      func(command string) string // reply to a command or to "." (end of data), or "" for the usual one
	TLS        *tls.Config                 // offers STARTTLS when set
	LMTP       bool                        // one reply per recipient after the message
	Lenient    bool                        // takes bare CR and LF around a dot for the end of data, as vulnerable hosts do
}

// Transaction is one message as a Sink saw it.
type Transaction struct {
	Conn  int      // number of the connection, from 1
	TLS   bool     // came over TLS
	From  string   // MAIL command, as sent
	Rcpts []string // accepted RCPT commands, as sent
	Raw   []byte   // everything after the reply to DATA, end of data included, dots not removed
}

// Body returns the message: without the end of data, dots removed.
func (t *Transaction) Body() []byte {
	body := bytes.TrimSuffix(append([]byte("\r\n"), t.Raw...), []byte(".\r\n"))
	return bytes.ReplaceAll(body, []byte("\r\n."), []byte("\r\n"))[2:]
}

// Sink is an SMTP server that records what it gets.
type Sink struct {
	Addr string // host:port on loopback, or "" for a sink that is only served by Serve

	cfg      SinkConfig
	listener net.Listener // or nil
	workers  sync.WaitGroup

	mu    sync.Mutex
	more  *sync.Cond
	conns map[net.Conn]struct{} // open ones; guarded by mu
	count int                   // connections so far; guarded by mu
	done  []Transaction         // guarded by mu
	lines []string              // every command; guarded by mu
}

// NewSink returns a sink without a listener; connections are handed to Serve.
func NewSink(c SinkConfig) *Sink {
	if c.Extensions == nil {
		c.Extensions = []string{"PIPELINING", "8BITMIME", "SIZE", "DSN", "SMTPUTF8"}
	}
	s := &Sink{cfg: c, conns: map[net.Conn]struct{}{}}
	s.more = sync.NewCond(&s.mu)
	return s
}

// StartSink returns a sink that listens on loopback until the test ends.
func StartSink(tb testing.TB, c SinkConfig) *Sink {
	tb.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listening on loopback: %v", err)
	}
	s := NewSink(c)
	s.Addr, s.listener = l.Addr().String(), l
	s.workers.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.workers.Go(func() { s.Serve(conn) })
		}
	})
	tb.Cleanup(s.Close)
	return s
}

// Close ends the listener and all connections, and waits.
func (s *Sink) Close() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
	s.mu.Lock()
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.workers.Wait()
}

// Transactions returns the messages so far.
func (s *Sink) Transactions() []Transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.done)
}

// Commands returns all commands so far, of all connections.
func (s *Sink) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// Connections returns how many connections there were.
func (s *Sink) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Wait returns the messages once there are n, or when ctx ends.
func (s *Sink) Wait(ctx context.Context, n int) []Transaction {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.more.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.done) < n && ctx.Err() == nil {
		s.more.Wait()
	}
	return slices.Clone(s.done)
}

// Serve speaks with one client until the connection ends.
func (s *Sink) Serve(conn net.Conn) {
	s.mu.Lock()
	s.conns[conn] = struct{}{}
	s.count++
	c := &sinkConn{s: s, conn: conn, br: bufio.NewReaderSize(conn, 64<<10), number: s.count}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
		_ = c.conn.Close()
	}()
	if !c.reply("", "220 sink.example ESMTP") {
		return
	}
	for {
		line, err := c.br.ReadString('\n')
		if err != nil || !c.command(strings.TrimRight(line, "\r\n")) {
			return
		}
	}
}

// sinkConn is one connection to a sink.
type sinkConn struct {
	s      *Sink
	conn   net.Conn
	br     *bufio.Reader
	number int
	tls    bool
	t      Transaction
}

// reply sends the scripted reply or the usual one, and reports whether to go on.
func (c *sinkConn) reply(command, usual string) bool {
	if c.s.cfg.Reply != nil {
		if r := c.s.cfg.Reply(command); r != "" {
			usual = r
		}
	}
	_, err := c.conn.Write([]byte(usual + "\r\n"))
	return err == nil && !strings.HasPrefix(usual, "421")
}

func (c *sinkConn) command(line string) bool {
	c.s.mu.Lock()
	c.s.lines = append(c.s.lines, line)
	c.s.mu.Unlock()
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	switch verb {
	case "EHLO", "LHLO", "HELO":
		return c.reply(line, c.hello(verb))
	case "STARTTLS":
		return c.startTLS(line)
	case "MAIL":
		c.t = Transaction{Conn: c.number, TLS: c.tls, From: line}
		return c.reply(line, "250 2.1.0 Ok")
	case "RCPT":
		return c.rcpt(line)
	case "DATA":
		return c.data(line)
	case "QUIT":
		c.reply(line, "221 2.0.0 Bye")
		return false
	case "RSET", "NOOP":
		c.t = Transaction{}
		return c.reply(line, "250 2.0.0 Ok")
	default:
		return c.reply(line, "500 5.5.1 Unknown command")
	}
}

func (c *sinkConn) hello(verb string) string {
	ext := c.s.cfg.Extensions
	if verb == "HELO" {
		return "250 sink.example"
	}
	if c.s.cfg.TLS != nil && !c.tls {
		ext = append(slices.Clone(ext), "STARTTLS")
	}
	lines := append([]string{"sink.example"}, ext...)
	for i := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		lines[i] = "250" + sep + lines[i]
	}
	return strings.Join(lines, "\r\n")
}

func (c *sinkConn) startTLS(line string) bool {
	if c.s.cfg.TLS == nil || c.tls {
		return c.reply(line, "502 5.5.1 No TLS here")
	}
	if !c.reply(line, "220 2.0.0 Go on") {
		return false
	}
	conn := tls.Server(c.conn, c.s.cfg.TLS)
	if err := conn.HandshakeContext(context.Background()); err != nil {
		return false
	}
	c.conn, c.br, c.tls = conn, bufio.NewReaderSize(conn, 64<<10), true
	return true
}

func (c *sinkConn) rcpt(line string) bool {
	usual := "250 2.1.5 Ok"
	if c.s.cfg.Reply != nil {
		if r := c.s.cfg.Reply(line); r != "" {
			usual = r
		}
	}
	if strings.HasPrefix(usual, "2") {
		c.t.Rcpts = append(c.t.Rcpts, line)
	}
	_, err := c.conn.Write([]byte(usual + "\r\n"))
	return err == nil && !strings.HasPrefix(usual, "421")
}

func (c *sinkConn) data(line string) bool {
	if len(c.t.Rcpts) == 0 {
		return c.reply(line, "554 5.5.1 No valid recipients")
	}
	if !c.reply(line, "354 Go on") {
		return false
	}
	if err := c.message(); err != nil {
		return false
	}
	c.s.mu.Lock()
	c.s.done = append(c.s.done, c.t)
	c.s.more.Broadcast()
	c.s.mu.Unlock()
	n := 1
	if c.s.cfg.LMTP {
		n = len(c.t.Rcpts)
	}
	c.t = Transaction{}
	for range n {
		if !c.reply(".", "250 2.0.0 Taken") {
			return false
		}
	}
	return true
}

// message reads up to the end of data.
func (c *sinkConn) message() error {
	raw := []byte("\r\n") // so that the end of an empty message is found
	for {
		b, err := c.br.ReadByte()
		if err != nil {
			return errors.Join(errors.New("reading message"), err)
		}
		raw = append(raw, b)
		if c.ended(raw) {
			c.t.Raw = raw[2:]
			return nil
		}
	}
}

// lenientEnds are what vulnerable hosts have taken for the end of data.
var lenientEnds = []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\n.\r"}

func (c *sinkConn) ended(raw []byte) bool {
	if bytes.HasSuffix(raw, []byte("\r\n.\r\n")) {
		return true
	}
	if !c.s.cfg.Lenient {
		return false
	}
	for _, e := range lenientEnds {
		if bytes.HasSuffix(raw, []byte(e)) {
			// "\r\n.\r" is on its way to the regular end when LF follows.
			next, err := c.br.Peek(1)
			if !strings.HasSuffix(e, "\r") || err != nil || next[0] != '\n' {
				return true
			}
		}
	}
	return false
}
