package smtpd

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// Sizes of one connection's buffers and lines, in octets.
const (
	readBuffer  = 16 << 10 // a usual message in one read
	writeBuffer = 4 << 10  // replies to a pipelined envelope

	// RFC 5321, Section 4.5.3.1.4: 512, to which SIZE, BODY, SMTPUTF8 and the
	// parameters of DSN add about 1100.
	maxCommandLine = 2048

	// maxFlood is how much of an over-long command line is read to find its end.
	maxFlood = 1 << 20
)

// Times that need no configuration.
const (
	lingerTime  = time.Second     // for a client to take the last reply before the connection closes
	stopGrace   = 5 * time.Second // for the last reply when the server stops hard
	lingerBytes = 64 << 10        // read in that time at most
)

// Errors of reading from the client.
var (
	errTimeout  = errors.New("client is too slow")
	errDraining = errors.New("server is shutting down")
	errLongLine = errors.New("command line too long")
	errFlood    = errors.New("client floods the server")
	errBareLF   = errors.New("command line ends in bare LF")
)

// conn is the transport of one session: buffers, deadlines, and the hook by which the
// server wakes it at shutdown. Only drain and stop may be called by other goroutines.
type conn struct {
	raw  net.Conn // as accepted; deadlines are set here
	nc   net.Conn // raw, or PROXY header or TLS on top of it
	br   *bufio.Reader
	bw   *bufio.Writer
	load *load

	wait  time.Duration // allowed for the command being read
	data  bool          // a message is being read
	start time.Time     // when the command or message was waited for, and from the first octet of a message on, when that came
	got   int64         // octets read of the message

	mu       sync.Mutex // guards the rest
	idle     bool       // between transactions: shutdown need not wait
	draining bool       // no new transactions
	stopped  bool       // no more reads at all
	armed    time.Time  // deadline of the last read
}

// buffers go from one session to the next.
type buffers struct {
	br *bufio.Reader
	bw *bufio.Writer
}

func newBuffers() any {
	return &buffers{bufio.NewReaderSize(nil, readBuffer), bufio.NewWriterSize(nil, writeBuffer)}
}

// newConn returns the transport over an accepted connection. It has the buffers until
// release.
func newConn(raw net.Conn, l *load, b *buffers) *conn {
	c := &conn{raw: raw, nc: raw, load: l, br: b.br, bw: b.bw}
	c.br.Reset(c)
	c.bw.Reset(writer{c})
	return c
}

// release returns the buffers, without anything of the session in them.
func (c *conn) release() *buffers {
	c.br.Reset(nil)
	c.bw.Reset(nil)
	return &buffers{c.br, c.bw}
}

// Read reads from the client for the read buffer. It first sends what waits in the
// write buffer, and so replies go out exactly when the session has nothing else to do.
func (c *conn) Read(p []byte) (int, error) {
	if err := c.bw.Flush(); err != nil {
		return 0, fmt.Errorf("sending replies: %w", err)
	}
	if err := c.armRead(c.deadline); err != nil {
		return 0, err
	}
	n, err := c.nc.Read(p)
	if c.data && c.got == 0 {
		c.start = time.Now()
	}
	c.got += int64(n)
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		err = c.expired()
	}
	return n, err
}

// writer is the side of conn that its write buffer writes to.
type writer struct{ c *conn }

// Write sends p within the time for replies.
func (w writer) Write(p []byte) (int, error) {
	w.c.mu.Lock()
	if !w.c.stopped {
		_ = w.c.raw.SetWriteDeadline(time.Now().Add(w.c.load.normal.Write)) // the write reports what is wrong
	}
	w.c.mu.Unlock()
	return w.c.nc.Write(p) //nolint:wrapcheck // sticky in the write buffer
}

// deadline returns the time until which the next read may take.
func (c *conn) deadline(now time.Time) time.Time {
	if c.data {
		return c.load.data(c.start, now, c.got)
	}
	if c.start.IsZero() {
		c.start = now
	}
	return c.load.command(c.start, c.wait)
}

// armRead sets the deadline of the next read, unless the server ends the session. It computes
// the deadline with the lock held, so that the beginning of stress mode either is part of it or
// comes later and calls hurry.
func (c *conn) armRead(deadline func(now time.Time) time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped || c.draining && c.idle {
		return errDraining
	}
	c.armed = deadline(time.Now())
	return c.raw.SetReadDeadline(c.armed) //nolint:wrapcheck // the connection is broken
}

// hurry brings the deadline of a read that has begun forward to that of stress mode.
func (c *conn) hurry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	end := time.Now().Add(c.load.short.Command)
	if c.stopped || c.draining || !end.Before(c.armed) {
		return
	}
	c.armed = end
	_ = c.raw.SetReadDeadline(end) // a broken connection ends by itself
}

// expired says why a read met its deadline.
func (c *conn) expired() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped || c.draining && c.idle {
		return errDraining
	}
	return errTimeout
}

// setIdle says whether a transaction is under way, and reports whether the session
// should go on.
func (c *conn) setIdle(idle bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = idle
	return !c.stopped && (!c.draining || !idle)
}

// drain ends the session as soon as no transaction is under way.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	if c.idle {
		_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // a broken connection ends by itself
	}
}

// stop ends the session now; a last reply may still go out.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	_ = c.raw.SetReadDeadline(time.Unix(1, 0))
	_ = c.raw.SetWriteDeadline(time.Now().Add(stopGrace))
}

// readLine returns the next command line without CRLF, valid until the next read.
func (c *conn) readLine(wait time.Duration) ([]byte, error) {
	c.data, c.wait, c.start = false, wait, time.Time{}
	line, err := c.br.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, c.skipLine()
	case err != nil:
		return nil, err //nolint:wrapcheck // io.EOF must stay itself
	case len(line) < 2 || line[len(line)-2] != '\r':
		return nil, errBareLF
	case len(line) > maxCommandLine:
		return nil, errLongLine
	}
	return line[:len(line)-2], nil
}

// skipLine reads to the end of a line that does not fit the buffer.
func (c *conn) skipLine() error {
	for n := 0; n < maxFlood; {
		part, err := c.br.ReadSlice('\n')
		n += len(part)
		if err == nil {
			return errLongLine
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err //nolint:wrapcheck // io.EOF must stay itself
		}
	}
	return errFlood
}

// beginData starts the clocks of a message.
func (c *conn) beginData() { c.data, c.start, c.got = true, time.Now(), 0 }

// readData reads a message of DATA to its end. limit bounds the octets read.
func (c *conn) readData(body *content, limit int64) error {
	c.beginData()
	var dots dotReader
	for body.raw <= limit {
		p, err := c.peek()
		if err != nil {
			return err
		}
		used, done := dots.read(p, body)
		_, _ = c.br.Discard(used) // within what is buffered
		if done {
			return nil
		}
	}
	return errFlood
}

// readChunk reads n octets of BDAT into body, or drops them when body is nil.
func (c *conn) readChunk(n int64, body *content) error {
	c.beginData()
	for n > 0 {
		p, err := c.peek()
		if err != nil {
			return err
		}
		p = p[:min(n, int64(len(p)))]
		if body != nil {
			body.write(p)
		}
		_, _ = c.br.Discard(len(p)) // within what is buffered
		n -= int64(len(p))
	}
	return nil
}

// peek returns everything that is buffered, and waits for something where nothing is.
func (c *conn) peek() ([]byte, error) {
	if _, err := c.br.Peek(1); err != nil {
		return nil, err //nolint:wrapcheck // io.EOF must stay itself
	}
	return c.br.Peek(c.br.Buffered()) //nolint:wrapcheck // never fails
}

// silent waits for d and reports whether the client kept silent.
func (c *conn) silent(d time.Duration) (bool, error) {
	c.data, c.wait, c.start = false, d, time.Time{}
	_, err := c.br.Peek(1)
	if errors.Is(err, errTimeout) {
		return true, nil
	}
	return false, err //nolint:wrapcheck // io.EOF must stay itself
}

// startTLS makes the connection a TLS connection. Nothing must be buffered.
func (c *conn) startTLS(ctx context.Context, cfg *tls.Config) (*tls.ConnectionState, error) {
	if err := c.bw.Flush(); err != nil {
		return nil, fmt.Errorf("answering STARTTLS: %w", err)
	}
	if err := c.armRead(func(now time.Time) time.Time { return now.Add(c.load.normal.Handshake) }); err != nil {
		return nil, err
	}
	tc := tls.Server(c.nc, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("tls handshake: %w", err)
	}
	c.nc = tc
	state := tc.ConnectionState()
	return &state, nil
}

// closeTLS says goodbye to TLS, so that the client knows that nothing was cut off.
func (c *conn) closeTLS() {
	if tc, ok := c.nc.(*tls.Conn); ok {
		_ = tc.CloseWrite() // the session is over in any case
	}
}

// linger gives the client a moment to take the last reply: closing a socket with
// unread input resets the connection, and the reply would be lost with it.
func (c *conn) linger() {
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok || c.bw.Flush() != nil || half.CloseWrite() != nil {
		return
	}
	c.mu.Lock()
	_ = c.raw.SetReadDeadline(time.Now().Add(lingerTime))
	c.mu.Unlock()
	var scrap [4 << 10]byte
	for n := 0; n < lingerBytes; {
		m, err := c.raw.Read(scrap[:])
		if err != nil {
			return
		}
		n += m
	}
}
