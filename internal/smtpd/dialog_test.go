package smtpd_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"outrider/internal/smtpd"
)

// TestDialogs plays the dialogs of testdata/dialog, one session each, in virtual time.
//
//	set KEY VALUE    changes the configuration; must come first
//	from ADDR:PORT   is where the client comes from, 192.0.2.1:40000 without it
//	C: text          the client sends text and CRLF
//	C| text          the client sends text as it is
//	S: text          the server sends a line that begins with text, or closes (EOF)
//	wait 5m          time passes
//	starttls         the client shakes hands
//	hangup           the client closes
//	got WHAT JSON    compares the last message taken: body, envelope, traits, peer, session or violations
//	count N          messages taken
//	end WHY          how the session ended
//
// In client text \r, \n, \0, \xHH and \\ stand for octets and \{N:c} for N times c.
func TestDialogs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/dialog/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogs found: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d := &dialog{cfg: smtpd.DefaultConfig("mx.example"), from: "192.0.2.1:40000"}
			d.cfg.CaptureDir = t.TempDir()
			if strings.Contains(string(text), "set tls") {
				d.cfg.TLS = testTLS(t)
			}
			synctest.Test(t, func(t *testing.T) { d.play(t, string(text)) })
		})
	}
}

// dialog is one dialog being played.
type dialog struct {
	cfg  smtpd.Config
	from string

	t *testing.T
	s *setup
	c *client
}

// play plays a dialog.
func (d *dialog) play(t *testing.T, text string) {
	t.Helper()
	d.t = t
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		d.step(line)
		if t.Failed() {
			t.Fatalf("at line %d: %s", n, line)
		}
	}
}

// connect starts the server and the session.
func (d *dialog) connect() {
	if d.s != nil {
		return
	}
	d.s = start(d.t, d.cfg, &desk{connect: func(s *smtpd.Session) error {
		return verdict(s.Peer().Name+"@", "")
	}})
	d.c = d.s.dial(d.t, d.from)
}

// step plays one line.
func (d *dialog) step(line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "set":
		d.set(rest)
		return
	case "from":
		d.from = rest
		return
	}
	d.connect()
	switch word {
	case "C:":
		d.c.send(unescape(rest) + "\r\n")
	case "C|":
		d.c.send(unescape(rest))
	case "S:":
		if got := d.c.line(); !strings.HasPrefix(got, rest) {
			d.t.Errorf("server said %q", got)
		}
	case "wait":
		pass, err := time.ParseDuration(rest)
		if err != nil {
			d.t.Fatal(err)
		}
		<-time.After(pass)
	case "starttls":
		d.c.startTLS()
	case "hangup":
		_ = d.c.conn.Close()
	default:
		d.check(word, rest)
	}
}

// check compares what became of the messages and the session.
func (d *dialog) check(word, rest string) {
	synctest.Wait()
	switch word {
	case "got":
		d.compare(rest)
	case "count":
		if got := strconv.Itoa(len(d.s.desk.messages())); got != rest {
			d.t.Errorf("%s messages were taken", got)
		}
	case "end":
		d.s.ledger.read(func() {
			if len(d.s.ledger.ends) != 1 || string(d.s.ledger.ends[0]) != rest {
				d.t.Errorf("ends are %v", d.s.ledger.ends)
			}
		})
	default:
		d.t.Errorf("unknown word %q", word)
	}
}

// compare checks one aspect of the last message.
func (d *dialog) compare(rest string) {
	taken := d.s.desk.messages()
	if len(taken) == 0 {
		d.t.Error("no message was taken")
		return
	}
	m := taken[len(taken)-1]
	what, want, _ := strings.Cut(rest, " ")
	aspects := map[string]any{
		"body": string(m.body), "envelope": m.Envelope, "traits": m.Traits, "peer": m.Peer, "violations": m.violations,
		"session": m.session,
	}
	got, err := json.Marshal(aspects[what])
	if err != nil || aspects[what] == nil {
		d.t.Fatalf("encoding %s: %v", what, err)
	}
	if diff := cmp.Diff(normalJSON(d.t, want), normalJSON(d.t, string(got))); diff != "" {
		d.t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

// normalJSON decodes a JSON text for comparison.
func normalJSON(t *testing.T, s string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("reading %s: %v", s, err)
	}
	return v
}

// set changes the configuration.
func (d *dialog) set(rest string) {
	key, value, _ := strings.Cut(rest, " ")
	number, _ := strconv.Atoi(value)       // 0 where it is none
	pass, _ := time.ParseDuration(value)   // 0 where it is none
	network, _ := netip.ParsePrefix(value) // invalid where it is none
	switch key {
	case "bare":
		d.cfg.BareNewlines = smtpd.NewlinePolicy(value)
	case "nul":
		d.cfg.RejectNUL = value == "reject"
	case "8bit":
		d.cfg.Advertise8Bit = value == "on"
	case "utf8":
		d.cfg.AdvertiseUTF8 = value == "on"
	case "size":
		d.cfg.MaxSize = int64(number)
	case "line":
		d.cfg.MaxLine = number
	case "recipients":
		d.cfg.MaxRecipients = number
	case "messages":
		d.cfg.MaxMessagesPerConn = number
	case "errors":
		d.cfg.MaxErrors = number
	case "early":
		d.cfg.EarlyTalkDelay = pass
	case "proxy":
		d.cfg.ProxyFrom = append(d.cfg.ProxyFrom, network)
	case "xclient":
		d.cfg.XClientFrom = append(d.cfg.XClientFrom, network)
	case "capture":
		d.cfg.CaptureDir = value
	case "tls":
	default:
		d.t.Errorf("unknown setting %q", key)
	}
}

var repeated = regexp.MustCompile(`\\\{(\d+):(.)\}|\\x([0-9a-f]{2})|\\[rn0\\]`)

// unescape resolves the escapes of client text.
func unescape(s string) string {
	return repeated.ReplaceAllStringFunc(s, func(esc string) string {
		m := repeated.FindStringSubmatch(esc)
		switch {
		case m[1] != "":
			n, _ := strconv.Atoi(m[1]) // digits by the pattern
			return strings.Repeat(m[2], n)
		case m[3] != "":
			b, _ := strconv.ParseUint(m[3], 16, 8) // hex by the pattern
			return string([]byte{byte(b)})
		}
		return map[string]string{`\r`: "\r", `\n`: "\n", `\0`: "\x00", `\\`: `\`}[esc]
	})
}
