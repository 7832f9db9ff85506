package mailtest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Dovecot is a private Dovecot on loopback that takes mail by LMTP.
type Dovecot struct {
	Addr string // host:port of its LMTP server
	dir  string
}

const dovecotConf = `
protocols = lmtp
listen = 127.0.0.1
base_dir = {{DIR}}/run
state_dir = {{DIR}}/state
log_path = {{DIR}}/log
ssl = no
mail_location = maildir:{{DIR}}/mail/%u
first_valid_uid = 1
mail_uid = mail
mail_gid = mail
auth_username_format = %Ln
passdb {
  driver = passwd-file
  args = {{DIR}}/users
}
userdb {
  driver = passwd-file
  args = {{DIR}}/users
  default_fields = uid=mail gid=mail home={{DIR}}/mail/%u
}
service lmtp {
  inet_listener lmtp {
    port = {{PORT}}
  }
}
`

// StartDovecot starts a private Dovecot with the mailboxes of some users, and stops it when
// the test ends. It needs root, as Dovecot does.
func StartDovecot(tb testing.TB, users ...string) *Dovecot {
	tb.Helper()
	command := Need(tb, "dovecot", "dovecot-lmtpd")
	if os.Geteuid() != 0 {
		Missing(tb, "root, which dovecot needs to start")
	}
	dir, err := os.MkdirTemp("", "dovecot-") //nolint:usetesting // TempDir is closed to the daemons
	if err != nil {
		tb.Fatalf("creating dovecot directory: %v", err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &Dovecot{Addr: freeAddr(tb), dir: dir}
	_, port, _ := net.SplitHostPort(d.Addr)
	var list strings.Builder
	for _, u := range users {
		list.WriteString(u + ":{PLAIN}x::::::\n")
	}
	d.prepare(tb, strings.NewReplacer("{{DIR}}", dir, "{{PORT}}", port).Replace(dovecotConf), list.String())
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), command, "-F", "-c", filepath.Join(dir, "conf"))
	if err := cmd.Start(); err != nil {
		tb.Fatalf("starting dovecot: %v", err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // it was told to end
	})
	d.await(tb)
	return d
}

func (d *Dovecot) prepare(tb testing.TB, conf, users string) {
	tb.Helper()
	mail := filepath.Join(d.dir, "mail")
	for name, text := range map[string]string{"conf": conf, "users": users} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o644); err != nil {
			tb.Fatalf("writing dovecot configuration: %v", err)
		}
	}
	if err := os.Mkdir(mail, 0o755); err != nil {
		tb.Fatalf("creating mail directory: %v", err)
	}
	if err := os.Chmod(d.dir, 0o755); err != nil {
		tb.Fatalf("opening dovecot directory: %v", err)
	}
	if out, err := exec.CommandContext(tb.Context(), "chown", "mail:mail", mail).CombinedOutput(); err != nil {
		tb.Fatalf("giving the mail directory to dovecot: %v\n%s", err, out)
	}
}

// await returns once the server takes connections.
func (d *Dovecot) await(tb testing.TB) {
	tb.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if conn, err := net.Dial("tcp", d.Addr); err == nil {
			_ = conn.Close()
			return
		}
		<-tick.C
	}
	log, _ := os.ReadFile(filepath.Join(d.dir, "log"))
	tb.Fatalf("dovecot does not answer\n%s", log)
}

// Mail returns the messages in the mailbox of a user.
func (d *Dovecot) Mail(tb testing.TB, user string) [][]byte {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(d.dir, "mail", user, "new", "*"))
	if err != nil {
		tb.Fatal(err)
	}
	var out [][]byte
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, raw)
	}
	return out
}
