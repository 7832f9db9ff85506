package smtpd_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"

	"outrider/internal/message"
	"outrider/internal/smtp"
	"outrider/internal/smtpd"
)

// sink is a handler that reads each message and forgets it.
type sink struct{}

func (sink) Connect(context.Context, *smtpd.Session) error             { return nil }
func (sink) Mail(context.Context, *smtpd.Session, smtp.Envelope) error { return nil }
func (sink) Rcpt(context.Context, *smtpd.Session, smtp.Recipient) error {
	return nil
}

func (sink) Data(_ context.Context, _ *smtpd.Session, m *message.Received) (smtp.Reply, error) {
	raw, err := m.Body.Bytes()
	if err != nil || len(raw) == 0 {
		return smtp.Reply{}, fmt.Errorf("reading body of %d octets: %w", len(raw), err)
	}
	return smtp.Reply{Code: 250, Enhanced: "2.0.0", Text: "OK"}, nil
}

// peerSink does the same for go-smtp.
type peerSink struct{}

func (peerSink) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return peerSink{}, nil }
func (peerSink) Reset()                                          {}
func (peerSink) Logout() error                                   { return nil }
func (peerSink) Mail(string, *gosmtp.MailOptions) error          { return nil }
func (peerSink) Rcpt(string, *gosmtp.RcptOptions) error          { return nil }
func (peerSink) Data(r io.Reader) error {
	_, err := io.ReadAll(r)
	return err //nolint:wrapcheck // go-smtp knows its own errors
}

// servePeer runs go-smtp on loopback.
func servePeer(b *testing.B) string {
	b.Helper()
	ln, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := gosmtp.NewServer(peerSink{})
	server.Domain, server.MaxMessageBytes = "mx.example", 64<<20
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(ln) // ends with the benchmark
	}()
	b.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return ln.Addr().String()
}

// benchBody returns a message of about size octets with ordinary lines.
func benchBody(size int) []byte {
	text := "From: Ann <ann@c.example>\r\nSubject: benchmark\r\n\r\n"
	line := strings.Repeat("0123456789", 7) + "\r\n"
	return []byte(text + strings.Repeat(line, (size-len(text))/len(line)) + ".\r\n")
}

// expectCodes reads one reply for each code.
func expectCodes(r *bufio.Reader, codes ...string) error {
	for _, code := range codes {
		line, err := r.ReadSlice('\n')
		for err == nil && len(line) > 3 && line[3] == '-' {
			line, err = r.ReadSlice('\n')
		}
		if err != nil || !bytes.HasPrefix(line, []byte(code)) {
			return fmt.Errorf("got %q, want %s: %w", line, code, err)
		}
	}
	return nil
}

// pump sends messages over one connection, the envelope in one write and the text in
// another, as a pipelining client does, for as long as more says so.
func pump(addr string, body []byte, more func() bool) error {
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, "EHLO c.example\r\n") // the reply tells
	if err = expectCodes(r, "220", "250"); err != nil {
		return err
	}
	envelope := []byte("MAIL FROM:<ann@c.example>\r\nRCPT TO:<bob@site.example>\r\nDATA\r\n")
	for more() {
		_, _ = conn.Write(envelope) // the replies tell
		if err = expectCodes(r, "250", "250", "354"); err != nil {
			return err
		}
		_, _ = conn.Write(body)
		if err = expectCodes(r, "250"); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkReceive takes messages over loopback beside go-smtp under the same client.
func BenchmarkReceive(b *testing.B) {
	cfg := smtpd.DefaultConfig("mx.example")
	cfg.MaxMessagesPerConn = 1 << 30
	for _, size := range []int{1 << 10, 10 << 10, 1 << 20} {
		body := benchBody(size)
		for _, server := range []string{"outrider", "go-smtp"} {
			b.Run(fmt.Sprintf("%s/%dKiB", server, size>>10), func(b *testing.B) {
				var addr string
				if server == "outrider" {
					addr = serveTCP(b, cfg, sink{})
				} else {
					addr = servePeer(b)
				}
				b.SetBytes(int64(len(body)))
				b.SetParallelism(4)
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					if err := pump(addr, body, pb.Next); err != nil {
						b.Error(err)
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
			})
		}
	}
}

// BenchmarkReadDots reads data without a network.
func BenchmarkReadDots(b *testing.B) {
	cfg := smtpd.DefaultConfig("mx.example")
	body := benchBody(10 << 10)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if r := smtpd.ReadDots(cfg, [][]byte{body}); !r.Done {
			b.Fatal("end was not found")
		}
	}
}
