package test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"time"
)

// patience is how long clients wait for a reply: longer than every timeout that the
// gateway is configured with.
const patience = 60 * time.Second

// client is an SMTP client that says exactly what it is told.
type client struct {
	conn net.Conn
	tp   *textproto.Reader
}

// said is a reply.
type said struct {
	code int
	text string
}

func (s said) String() string { return fmt.Sprintf("%d %s", s.code, s.text) }

// refusedError is a reply that ends a session before it has begun.
type refusedError struct{ reply said }

func (e *refusedError) Error() string { return "server said " + e.reply.String() }

// dial connects, reads the greeting and sends EHLO.
func dial(ctx context.Context, addr string) (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, tp: textproto.NewReader(bufio.NewReader(conn))}
	for _, line := range []string{"", "EHLO client.example\r\n"} {
		r, err := c.ask(line)
		if err == nil && r.code/100 != 2 {
			err = &refusedError{r}
		}
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return c, nil
}

// ask writes octets, if any, and reads one reply.
func (c *client) ask(octets string) (said, error) {
	if err := c.write(octets); err != nil {
		return said{}, err
	}
	return c.reply()
}

func (c *client) write(octets string) error {
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	_, err := c.conn.Write([]byte(octets))
	return err
}

func (c *client) reply() (said, error) {
	code, text, err := c.tp.ReadResponse(0)
	return said{code, text}, err
}

// startTLS goes on in TLS, without looking at the certificate.
func (c *client) startTLS() error {
	if r, err := c.ask("STARTTLS\r\n"); err != nil || r.code != 220 {
		return fmt.Errorf("asking for TLS: %s: %w", r, err)
	}
	conn := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	c.conn, c.tp = conn, textproto.NewReader(bufio.NewReader(conn))
	r, err := c.ask("EHLO client.example\r\n")
	if err == nil && r.code != 250 {
		err = fmt.Errorf("server said %s", r)
	}
	return err
}

// close ends the connection without ado.
func (c *client) close() { _ = c.conn.Close() }

// outcome is what became of one transaction.
type outcome struct {
	rcpts map[string]said // reply to each RCPT
	final said            // to the message, or to the command that ended the transaction
}

// acked returns the recipients for whom the server has taken responsibility.
func (o *outcome) acked() []string {
	var out []string
	for r, s := range o.rcpts {
		if s.code/100 == 2 && o.final.code/100 == 2 {
			out = append(out, r)
		}
	}
	return out
}

// send runs one pipelined transaction. params follow MAIL FROM.
func (c *client) send(from, params string, rcpts []string, body string) (*outcome, error) {
	o := &outcome{rcpts: map[string]said{}}
	var b strings.Builder
	fmt.Fprintf(&b, "MAIL FROM:<%s>%s\r\n", from, params)
	for _, r := range rcpts {
		fmt.Fprintf(&b, "RCPT TO:<%s>\r\n", r)
	}
	b.WriteString("DATA\r\n")
	if err := c.write(b.String()); err != nil {
		return nil, err
	}
	mail, err := c.reply()
	if err != nil {
		return nil, err
	}
	for _, r := range rcpts {
		if o.rcpts[r], err = c.reply(); err != nil {
			return nil, err
		}
	}
	if o.final, err = c.reply(); err != nil {
		return nil, err
	}
	if o.final.code != 354 {
		o.final = firstRefusal(mail, rcpts, o)
		return o, nil
	}
	o.final, err = c.ask(stuffed(body) + ".\r\n")
	return o, err
}

// firstRefusal returns the reply that says why there is no transaction.
func firstRefusal(mail said, rcpts []string, o *outcome) said {
	if mail.code/100 != 2 {
		return mail
	}
	for _, r := range rcpts {
		if o.rcpts[r].code/100 != 2 {
			return o.rcpts[r]
		}
	}
	return o.final
}

// stuffed doubles the dots that begin a line.
func stuffed(body string) string {
	s := strings.ReplaceAll(body, "\r\n.", "\r\n..")
	if strings.HasPrefix(s, ".") {
		s = "." + s
	}
	return s
}
