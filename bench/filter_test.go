package bench

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"outrider/internal/mailtest"
)

// filterSessions is how many connections the mail comes over.
const filterSessions = 20

// rspamdConfig is Debian's configuration as a milter, without the modules that need
// Redis or DNS, which Outrider has not either in this comparison, and without actions
// that refuse mail. What is asked of DNS still is answered at once: there is no such name.
const rspamdConfig = `
.include "$CONFDIR/common.conf"
options {
  filters = "chartable,regexp";
  pidfile = "{{DIR}}/rspamd.pid";
  dns { nameserver = ["{{DNS}}"]; timeout = 1s; retransmits = 1; }
}
logging { type = "file"; filename = "{{DIR}}/log"; level = "error"; }
worker "rspamd_proxy" {
  bind_socket = "{{SOCKET}} mode=0666";
  milter = yes;
  timeout = 120s;
  count = {{COUNT}};
  upstream "local" { default = yes; self_scan = yes; }
}
actions { reject = 1000000; add_header = null; greylist = null; rewrite_subject = null; }
rbl { enabled = false; } surbl { enabled = false; } spf { enabled = false; } dkim { enabled = false; }
dmarc { enabled = false; } arc { enabled = false; } asn { enabled = false; } mx_check { enabled = false; }
greylist { enabled = false; } ratelimit { enabled = false; } replies { enabled = false; } neural { enabled = false; }
fuzzy_check { enabled = false; } history_redis { enabled = false; } dkim_signing { enabled = false; }
url_redirector { enabled = false; } bayes { enabled = false; }
`

// BenchmarkFilter sends the mail of .data/mail/dev through Outrider with all signals and the
// public feed of rules, with signals alone, and through Postfix with Rspamd as a milter on a UNIX
// socket, which is its faster way.
func BenchmarkFilter(b *testing.B) {
	mails := corpus(b)
	b.Run("Outrider", func(b *testing.B) {
		next := startSink(b)
		feeds := [][2]string{{"lists", "../.data/sublime/sublime-lists"}, {"public", "../.data/sublime/sublime-rules"}}
		filterRuns(b, startOutrider(b, next.addr, true, feeds...).addr, next, mails)
	})
	b.Run("Outrider without rules", func(b *testing.B) {
		next := startSink(b)
		filterRuns(b, startOutrider(b, next.addr, true).addr, next, mails)
	})
	b.Run("Postfix and Rspamd", func(b *testing.B) {
		next, milter := startSink(b), startRspamd(b)
		addr := startPostfix(b, next.addr, map[string]string{"smtpd_milters": "unix:" + milter, "milter_default_action": "tempfail"})
		filterRuns(b, addr, next, mails)
	})
}

// corpus returns the mail as it is sent. What no host takes is left out: NUL, and more
// than Postfix's limit.
func corpus(b *testing.B) [][]byte {
	b.Helper()
	const dir = "../.data/mail/dev"
	if _, err := os.Stat(dir); err != nil {
		mailtest.Missing(b, "the shared mail (make data)")
	}
	var out [][]byte
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil && len(raw) < 10_000_000 && !bytes.Contains(raw, []byte{0}) {
			out = append(out, wire(raw))
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

func startRspamd(b *testing.B) string {
	b.Helper()
	program := mailtest.Need(b, "rspamd", "rspamd")
	dir := openDir(b)
	socket := filepath.Join(dir, "milter")
	conf := filepath.Join(dir, "rspamd.conf")
	text := strings.NewReplacer("{{DIR}}", dir, "{{SOCKET}}", socket, "{{COUNT}}", "2", "{{DNS}}", mailtest.StartZone(b, "").Addr).Replace(rspamdConfig)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, "-f", "-c", conf, "-u", "_rspamd", "-g", "_rspamd")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // says how it was stopped
		if b.Failed() {
			b.Logf("rspamd: %s", said.String())
		}
	})
	awaitOn(b, "unix", socket)
	return socket
}

// openDir makes a directory that daemons can reach which are not root.
func openDir(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("", "rspamd-") //nolint:usetesting // TempDir is closed to the daemons
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	if out, err := exec.Command("chown", "_rspamd", dir).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	return dir
}

// filterRuns measures the corpus once per iteration.
func filterRuns(b *testing.B, addr string, next *sink, mails [][]byte) {
	b.Helper()
	for b.Loop() {
		before, began := next.taken.Load(), time.Now()
		accepted := flood(b, addr, filterSessions, mails)
		ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
		tick := time.NewTicker(5 * time.Millisecond)
		for next.taken.Load()-before < accepted && ctx.Err() == nil {
			<-tick.C
		}
		tick.Stop()
		cancel()
		if n := next.taken.Load() - before; n != accepted || accepted < int64(len(mails)*9/10) {
			b.Fatalf("of %d messages %d were accepted and %d arrived", len(mails), accepted, n)
		}
		b.ReportMetric(float64(accepted)/time.Since(began).Seconds(), "msgs/s")
	}
}

// flood sends all messages over so many sessions, and returns how many were accepted.
func flood(b *testing.B, addr string, sessions int, mails [][]byte) int64 {
	b.Helper()
	var accepted atomic.Int64
	todo := make(chan []byte)
	var work sync.WaitGroup
	for range sessions {
		work.Go(func() {
			s, err := dial(addr)
			if err != nil {
				b.Error(err)
			}
			for m := range todo {
				if err != nil {
					continue
				}
				var code int
				if code, err = s.send(m); err != nil {
					b.Error(err)
				}
				if code == 250 {
					accepted.Add(1)
				}
			}
			if s != nil {
				_ = s.conn.Close()
			}
		})
	}
	for _, m := range mails {
		todo <- m
	}
	close(todo)
	work.Wait()
	return accepted.Load()
}
