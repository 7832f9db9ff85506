package mailtest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// PostfixConfig says how a private Postfix is set up.
type PostfixConfig struct {
	Relay      string            // host:port that takes everything Postfix accepts; a Sink when ""
	Parameters map[string]string // further main.cf parameters
	CertFile   string            // certificate and key in one PEM file; offers STARTTLS when set
}

// Postfix is a private Postfix on loopback.
type Postfix struct {
	Addr string // host:port of its SMTP server
	Sink *Sink  // what Postfix delivered, or nil where PostfixConfig.Relay was set

	dir, command string
}

// StartPostfix starts a private Postfix with its own configuration, queue and log
// below the temporary directory of the test, and stops it when the test ends. It needs
// root, as Postfix does.
func StartPostfix(tb testing.TB, c PostfixConfig) *Postfix {
	tb.Helper()
	command := Need(tb, "postfix", "postfix")
	if os.Geteuid() != 0 {
		Missing(tb, "root, which postfix needs to start")
	}
	p := &Postfix{dir: postfixDir(tb), command: command, Addr: freeAddr(tb)}
	if c.Relay == "" {
		p.Sink = StartSink(tb, SinkConfig{})
		c.Relay = p.Sink.Addr
	}
	p.write(tb, "etc/main.cf", p.mainCF(c))
	p.write(tb, "etc/master.cf", p.masterCF())
	if out, err := p.run("start"); err != nil {
		tb.Fatalf("starting postfix: %v\n%s%s", err, out, p.Log())
	}
	tb.Cleanup(func() {
		if out, err := p.run("stop"); err != nil {
			tb.Errorf("stopping postfix: %v\n%s", err, out)
		}
	})
	p.await(tb)
	return p
}

// postfixDir makes a directory that the daemons of Postfix, which are not root, can
// reach. Directories of testing are closed to them.
func postfixDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "postfix-") //nolint:usetesting // TempDir is closed to the daemons
	if err != nil {
		tb.Fatalf("creating postfix directory: %v", err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, sub := range []string{"", "etc", "queue", "data"} {
		path := filepath.Join(dir, sub)
		if err := os.MkdirAll(path, 0o755); err != nil {
			tb.Fatalf("creating postfix directory: %v", err)
		}
		if err := os.Chmod(path, 0o755); err != nil {
			tb.Fatalf("opening postfix directory: %v", err)
		}
	}
	out, err := exec.CommandContext(context.Background(), "chown", "postfix", filepath.Join(dir, "data")).CombinedOutput()
	if err != nil {
		tb.Fatalf("giving data directory to postfix: %v\n%s", err, out)
	}
	return dir
}

// freeAddr returns an address on loopback that is free now.
func freeAddr(tb testing.TB) string {
	tb.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("looking for a free port: %v", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func (p *Postfix) write(tb testing.TB, name, text string) {
	tb.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
		tb.Fatalf("writing postfix configuration: %v", err)
	}
}

func (p *Postfix) mainCF(c PostfixConfig) string {
	host, port, _ := net.SplitHostPort(c.Relay)
	params := map[string]string{
		"compatibility_level":          "3.6",
		"queue_directory":              filepath.Join(p.dir, "queue"),
		"data_directory":               filepath.Join(p.dir, "data"),
		"maillog_file":                 filepath.Join(p.dir, "log"),
		"maillog_file_prefixes":        p.dir,
		"myhostname":                   "postfix.test",
		"mydestination":                "",
		"mynetworks":                   "127.0.0.0/8",
		"inet_interfaces":              "127.0.0.1",
		"inet_protocols":               "ipv4",
		"relayhost":                    "[" + host + "]:" + port,
		"smtpd_relay_restrictions":     "permit_mynetworks, reject",
		"smtpd_recipient_restrictions": "",
		"alias_maps":                   "",
		"alias_database":               "",
		"local_recipient_maps":         "",
		"notify_classes":               "",
		"smtp_tls_security_level":      "none",
		"smtp_address_preference":      "ipv4",
		"smtp_dns_support_level":       "disabled",
		"smtputf8_enable":              "yes",
		"always_add_missing_headers":   "no",
		"minimal_backoff_time":         "1s",
		"maximal_backoff_time":         "1s",
		"queue_run_delay":              "1s",
	}
	if c.CertFile != "" {
		params["smtpd_tls_security_level"], params["smtpd_tls_chain_files"] = "may", c.CertFile
	}
	for k, v := range c.Parameters {
		params[k] = v
	}
	var b strings.Builder
	for k, v := range params {
		fmt.Fprintf(&b, "%s = %s\n", k, v)
	}
	return b.String()
}

func (p *Postfix) masterCF() string {
	services := []string{
		p.Addr + " inet n - n - - smtpd",
		"pickup unix n - n 60 1 pickup",
		"cleanup unix n - n - 0 cleanup",
		"qmgr unix n - n 300 1 qmgr",
		"tlsmgr unix - - n 1000? 1 tlsmgr",
		"rewrite unix - - n - - trivial-rewrite",
		"bounce unix - - n - 0 bounce",
		"defer unix - - n - 0 bounce",
		"trace unix - - n - 0 bounce",
		"verify unix - - n - 1 verify",
		"flush unix n - n 1000? 0 flush",
		"proxymap unix - - n - - proxymap",
		"smtp unix - - n - - smtp",
		"relay unix - - n - - smtp",
		"showq unix n - n - - showq",
		"error unix - - n - - error",
		"retry unix - - n - - error",
		"discard unix - - n - - discard",
		"anvil unix - - n - 1 anvil",
		"scache unix - - n - 1 scache",
		"postlog unix-dgram n - n - 1 postlogd",
	}
	return strings.Join(services, "\n") + "\n"
}

func (p *Postfix) run(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.command, "-c", filepath.Join(p.dir, "etc"), command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("running postfix %s: %w", command, err)
	}
	return string(out), nil
}

// await waits for the greeting.
func (p *Postfix) await(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if p.greets(ctx) {
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("postfix does not answer at %s:\n%s", p.Addr, p.Log())
		case <-tick.C:
		}
	}
}

func (p *Postfix) greets(ctx context.Context) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", p.Addr)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	line, err := bufio.NewReader(conn).ReadString('\n')
	_, _ = conn.Write([]byte("QUIT\r\n"))
	return err == nil && strings.HasPrefix(line, "220 ")
}

// Log returns what Postfix has logged.
func (p *Postfix) Log() string {
	text, err := os.ReadFile(filepath.Join(p.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Queue returns the ids of the messages in the queue.
func (p *Postfix) Queue(tb testing.TB) []string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), Need(tb, "postqueue", "postfix"), "-c", filepath.Join(p.dir, "etc"), "-j")
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Fatalf("listing the postfix queue: %v\n%s", err, out)
	}
	var ids []string
	for line := range strings.Lines(string(out)) {
		if _, rest, ok := strings.Cut(line, `"queue_id": "`); ok {
			id, _, _ := strings.Cut(rest, `"`)
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
