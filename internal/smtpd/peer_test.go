package smtpd_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"

	"outrider/internal/mailtest"
	"outrider/internal/smtpd"
)

func TestGoSMTPClient(t *testing.T) {
	t.Parallel()
	cfg := smtpd.DefaultConfig("mx.example")
	cfg.TLS = testTLS(t)
	d := &desk{}
	addr := serveTCP(t, cfg, d)
	c, err := gosmtp.DialStartTLS(addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	body := "Subject: hello\r\n\r\n.dot\r\nümlaut\r\n"
	opts := &gosmtp.MailOptions{UTF8: true, RequireTLS: true, Return: gosmtp.DSNReturnHeaders, EnvelopeID: "id 1", Size: int64(len(body))}
	if err = c.Mail("ü@c.example", opts); err != nil {
		t.Fatal(err)
	}
	if err = c.Rcpt("bob@site.example", &gosmtp.RcptOptions{Notify: []gosmtp.DSNNotify{gosmtp.DSNNotifyNever}}); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, body)
	if err = w.Close(); err != nil {
		t.Fatal(err)
	}
	if err = c.Quit(); err != nil {
		t.Fatal(err)
	}
	m := d.messages()
	if len(m) != 1 || string(m[0].body) != body {
		t.Fatalf("messages are %+v", m)
	}
	env := m[0].Envelope
	if env.From != "ü@c.example" || !env.RequireTLS || env.Ret != "HDRS" || env.EnvID != "id+201" || env.Recipients[0].Notify != "NEVER" {
		t.Errorf("envelope is %+v", env)
	}
	if m[0].Peer.Protocol != "UTF8SMTPS" {
		t.Errorf("protocol is %s", m[0].Peer.Protocol)
	}
}

func TestSwaks(t *testing.T) {
	t.Parallel()
	swaks := mailtest.Need(t, "swaks", "swaks")
	d := &desk{}
	addr := serveTCP(t, smtpd.DefaultConfig("mx.example"), d)
	out, err := exec.CommandContext(t.Context(), swaks, "--server", addr, "--from", "ann@c.example", "--to", "bob@site.example,eve@site.example",
		"--helo", "c.example", "--pipeline", "--header", "Subject: from swaks", "--body", ".\n..\ntext").CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	m := d.messages()
	if len(m) != 1 || len(m[0].Envelope.Recipients) != 2 || !strings.Contains(string(m[0].body), "Subject: from swaks\r\n") ||
		!strings.Contains(string(m[0].body), "\r\n\r\n.\r\n..\r\ntext\r\n") {
		t.Errorf("messages are %+v:\n%s", m, out)
	}
}

func TestSMTPSource(t *testing.T) {
	t.Parallel()
	source := mailtest.Need(t, "smtp-source", "postfix")
	d := &desk{}
	addr := serveTCP(t, smtpd.DefaultConfig("mx.example"), d)
	const messages = "200"
	for _, args := range [][]string{{}, {"-d"}} {
		args = append(args, "-s", "5", "-m", messages, "-l", "10240", "-f", "ann@c.example", "-t", "bob@site.example", "inet:"+addr)
		if out, err := exec.CommandContext(t.Context(), source, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
	}
	m := d.messages()
	if len(m) != 400 {
		t.Fatalf("%d messages were taken", len(m))
	}
	for _, one := range m {
		if len(one.body) < 10_000 || !bytes.Equal(one.body[len(one.body)-20:], m[0].body[len(m[0].body)-20:]) {
			t.Fatalf("a message has %d octets", len(one.body))
		}
	}
}

func TestHalfClosedClientGetsItsReply(t *testing.T) {
	t.Parallel()
	d := &desk{}
	addr := serveTCP(t, smtpd.DefaultConfig("mx.example"), d)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "HELO c.example\r\nMAIL FROM:<ann@c.example>\r\nRCPT TO:<bob@site.example>\r\nDATA\r\nx\r\n.\r\n")
	if err = conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(conn)
	if err != nil || !strings.HasSuffix(string(said), "\r\n250 2.0.0 Taken\r\n") || len(d.messages()) != 1 {
		t.Errorf("server said %q, error %v, messages %d", said, err, len(d.messages()))
	}
}

// TestLastReplyArrives closes on a client that has sent much more: without lingering
// the kernel would drop our reply with the connection.
func TestLastReplyArrives(t *testing.T) {
	t.Parallel()
	addr := serveTCP(t, smtpd.DefaultConfig("mx.example"), &desk{})
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\n"+strings.Repeat("Header: value\r\n", 2000)+"\r\n")
	_ = conn.(*net.TCPConn).CloseWrite()
	said, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(said), "\r\n421 4.7.0") {
		t.Errorf("server said %q, error %v", said, err)
	}
}
