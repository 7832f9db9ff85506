package smtpd_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"outrider/internal/smtpd"
)

// TestLargeMessageIsRefusedWhileTheDiskFills answers 452 to what does not fit, and takes what is
// small, with DATA and BDAT.
func TestLargeMessageIsRefusedWhileTheDiskFills(t *testing.T) {
	t.Parallel()
	cfg := smtpd.DefaultConfig("mx.example")
	cfg.CaptureDir = t.TempDir()
	var room atomic.Int64
	room.Store(2 << 20)
	cfg.Room = func(n int64) error {
		if room.Add(-n) < 0 {
			return errors.New("full")
		}
		return nil
	}
	s := start(t, cfg, &desk{})
	c := s.dial(t, "192.0.2.1:4000")
	c.expect("220")
	c.say("EHLO client.example")
	line := strings.Repeat("x", 70) + "\r\n"
	for _, m := range []struct {
		bytes int
		want  string
	}{{1 << 20, "250"}, {3 << 20, "452 4.3.1"}, {1000, "250"}} {
		c.say("MAIL FROM:<a@client.example>")
		c.say("RCPT TO:<x@example.org>")
		c.say("DATA")
		c.send("Subject: s\r\n\r\n" + strings.Repeat(line, m.bytes/len(line)))
		if got := c.say("."); !strings.HasPrefix(got, m.want) {
			t.Errorf("%d bytes: %s, want %s", m.bytes, got, m.want)
		}
	}
	if n := len(s.desk.messages()); n != 2 {
		t.Errorf("%d messages were taken", n)
	}
}
