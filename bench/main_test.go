package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"outrider/internal/mailtest"
)

// quietAddr returns an address on loopback whose port nobody gets who asks for just
// any port.
func quietAddr(b *testing.B) string {
	b.Helper()
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.IntN(20_000)))
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	b.Fatal("no free port")
	return ""
}

// await returns once addr takes connections.
func await(b *testing.B, addr string) {
	b.Helper()
	awaitOn(b, "tcp", addr)
}

// awaitOn is await for an address of any network.
func awaitOn(b *testing.B, network, addr string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial(network, addr); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			b.Fatalf("nobody listens at %s", addr)
		case <-tick.C:
		}
	}
}

// gatewayConfig takes mail for one domain. {{DETECTION}} switches the judgement.
const gatewayConfig = `
hostname: outrider.example.net
data_dir: {{DATA}}
listen: {smtp: ["{{SMTP}}"], http: ""}
smtp: {max_messages: 1000000, max_connections: 1000, max_connections_per_address: 1000}
dns: {off: true}
log: {level: warn}
detection: {off: {{OFF}}}
tenants:
  - id: site
    name: Site
    domains: [{name: site.example, route: {type: smtp, hosts: ["{{NEXT}}"], tls: none}}]
    policy: {actions: {BULK: deliver, SPAM: deliver, SUSPICIOUS: deliver, SPOOF: deliver, MALICIOUS: deliver, MALICIOUS-BEC: deliver}}
`

// recipient is whom all benchmarks write to.
const recipient = "bob@site.example"

// gateway is an Outrider that runs as a program.
type gateway struct {
	addr string
	cmd  *exec.Cmd
}

// startOutrider starts the program of OUTRIDER_BENCH_PROGRAM until the benchmark ends, with the
// rules of the feeds, which are directories by name.
func startOutrider(b *testing.B, next string, detection bool, feeds ...[2]string) *gateway {
	b.Helper()
	program := os.Getenv("OUTRIDER_BENCH_PROGRAM")
	if program == "" {
		b.Skip("OUTRIDER_BENCH_PROGRAM names no program; run make bench")
	}
	dir, addr := b.TempDir(), quietAddr(b)
	text := strings.NewReplacer("{{DATA}}", filepath.Join(dir, "data"), "{{SMTP}}", addr, "{{NEXT}}", next,
		"{{OFF}}", strconv.FormatBool(!detection)).Replace(gatewayConfig)
	path := filepath.Join(dir, "outrider.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, f := range feeds {
		if out, err := exec.Command(program, "rules", "pull", "-c", path, "--activate", "--name", f[0], f[1]).CombinedOutput(); err != nil {
			b.Fatalf("activating %s: %v\n%s", f[0], err, out)
		}
	}
	args := []string{"serve", "-c", path}
	if to := os.Getenv("OUTRIDER_BENCH_PROFILE"); to != "" {
		args = append(args, "--profile", to)
	}
	cmd := exec.Command(program, args...)
	var said bytes.Buffer // a line of it among the figures would spoil them
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	g := &gateway{addr: addr, cmd: cmd}
	b.Cleanup(func() {
		if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
			b.Errorf("stopping outrider: %v", err)
		}
		if b.Failed() {
			b.Log(said.String())
		}
	})
	await(b, addr)
	return g
}

// peakMemory returns the most memory that the program has had resident, in bytes.
func (g *gateway) peakMemory(b *testing.B) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n << 10
}

// startPostfix starts a Postfix with Debian's defaults apart from paths and ports, and
// without its limit of 100 processes.
func startPostfix(b *testing.B, next string, parameters map[string]string) string {
	b.Helper()
	p := map[string]string{"default_process_limit": "1000"}
	for k, v := range parameters {
		p[k] = v
	}
	return mailtest.StartPostfix(b, mailtest.PostfixConfig{Relay: next, Parameters: p}).Addr
}

// countingSink is Postfix's smtp-sink, which ends itself after so many messages.
type countingSink struct{ cmd *exec.Cmd }

func startCountingSink(b *testing.B, addr string, messages int) *countingSink {
	b.Helper()
	cmd := exec.Command(mailtest.Need(b, "smtp-sink", "postfix"), "-u", "postfix", "-M", strconv.Itoa(messages), addr, "1000")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	await(b, addr)
	return &countingSink{cmd}
}

// wait returns when the sink has all messages.
func (s *countingSink) wait(b *testing.B) {
	b.Helper()
	stop := time.AfterFunc(5*time.Minute, func() { _ = s.cmd.Process.Kill() })
	defer stop.Stop()
	if err := s.cmd.Wait(); err != nil {
		b.Fatalf("the sink did not get all messages: %v", err)
	}
}
