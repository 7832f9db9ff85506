package smtpd_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"outrider/internal/smtpd"
)

// ends are what other servers have taken for line ends.
var ends = map[string]string{
	"nothing": "", "CRLF": "\r\n", "CR": "\r", "LF": "\n", "LFCR": "\n\r", "CRCRLF": "\r\r\n", "CRCR": "\r\r", "LFLF": "\n\n",
	"CRLFNUL": "\r\n\x00", "NULCRLF": "\x00\r\n", "CRNULLF": "\r\x00\n", "NUL": "\x00", "CRLFSPACE": "\r\n ", "SPACECRLF": " \r\n",
	"VT": "\v", "FF": "\f", "NEL": "\u0085", "LS": "\u2028",
}

// TestSmuggling puts every pair of would-be line ends around a dot, and an attacker's
// transaction after it. Only where the octets are CRLF "." CRLF may the first message
// end there; everywhere else the attacker's commands are text of the first message.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	for policy, cfg := range policies() {
		for nameBefore, before := range ends {
			for nameAfter, after := range ends {
				for dots := 1; dots <= 2; dots++ {
					name := fmt.Sprintf("%s/%s_%d_dots_%s", policy, nameBefore, dots, nameAfter)
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							smuggle(t, cfg, "text"+before+strings.Repeat(".", dots)+after)
						})
					})
				}
			}
		}
	}
}

// smuggle sends text and an attacker's transaction as one message.
func smuggle(t *testing.T, cfg smtpd.Config, text string) {
	t.Helper()
	s := start(t, cfg, &desk{})
	c := s.dial(t, "192.0.2.1:40000")
	c.expect("220")
	c.send("EHLO c.example\r\n")
	c.reply()
	c.send("MAIL FROM:<ann@c.example>\r\nRCPT TO:<bob@site.example>\r\nDATA\r\n")
	c.expect("250", "250", "354")
	c.send(text + "MAIL FROM:<evil@c.example>\r\nRCPT TO:<bob@site.example>\r\nDATA\r\nevil\r\n.\r\nQUIT\r\n")
	var said []string
	for line := c.line(); line != "EOF"; line = c.line() {
		said = append(said, line)
	}
	taken := s.desk.messages()
	if first, _, _ := strings.Cut(text, "\r\n.\r\n"); cfg.BareNewlines == smtpd.RejectBare && hasBare([]byte(first)) {
		// Nothing that was sent with such a message is carried out.
		if len(said) != 1 || !strings.HasPrefix(said[0], "550 5.6.11") || len(taken) > 0 {
			t.Errorf("%d messages were taken, and the server said %q", len(taken), said)
		}
		return
	}
	if strings.Contains(text, "\r\n.\r\n") {
		// What follows is not text: it is commands, good or bad ones.
		if len(said) < 3 || len(taken) > 0 && strings.Contains(string(taken[0].body), "MAIL") {
			t.Errorf("the true end of data was not seen: %q", said)
		}
		return
	}
	if len(said) != 2 || len(taken) > 1 {
		t.Fatalf("%d messages were taken, and the server said %q", len(taken), said)
	}
	if strings.HasPrefix(said[0], "550 5.6.11") {
		t.Errorf("server said %q", said[0])
	}
	for _, m := range taken {
		checkSafe(t, m)
	}
}

// checkSafe makes sure that a message means the same to the next server, however this
// reads line ends.
func checkSafe(t *testing.T, m taken) {
	t.Helper()
	if m.Envelope.From != "ann@c.example" || hasBare(m.body) {
		t.Errorf("message of %s is %q", m.Envelope.From, m.body)
	}
	sent := strings.ReplaceAll("\r\n"+string(m.body), "\r\n.", "\r\n..")
	if strings.Contains(sent, "\r\n.\r\n") {
		t.Errorf("message ends early when it is sent on: %q", sent)
	}
}
