package test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is an Outrider that runs as a program of its own, and can be killed.
type process struct {
	smtp, http string // addresses, the same at every start
	dir        string // of configuration, log and data
	data       string

	mu  sync.Mutex
	cmd *exec.Cmd // or nil; guarded by mu
}

// newProcess prepares a program whose configuration is text, with {{SMTP}}, {{HTTP}}
// and {{DATA}} filled in. It is not started yet.
func newProcess(t *testing.T, data, text string) *process {
	t.Helper()
	p := &process{smtp: quietAddr(t), http: quietAddr(t), dir: t.TempDir(), data: data}
	text = strings.NewReplacer("{{SMTP}}", p.smtp, "{{HTTP}}", p.http, "{{DATA}}", data).Replace(text)
	if err := os.WriteFile(p.config(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.end(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("end of the log:\n%s", p.logTail())
		}
	})
	return p
}

func (p *process) config() string { return filepath.Join(p.dir, "outrider.yaml") }

// quietAddr returns an address whose port the kernel gives to nobody who asks for just
// any port, so that it is free again after each kill.
func quietAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.IntN(20_000)))
		l, err := net.Listen("tcp", addr)
		if err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no free port between 10000 and 30000")
	return ""
}

// start runs the program until end, and returns once it takes connections.
func (p *process) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(os.Args[0], "serve", "-c", p.config())
	cmd.Env = append(os.Environ(), runEnv+"=1")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting outrider: %w", err)
	}
	p.mu.Lock()
	p.cmd = cmd
	p.mu.Unlock()
	return until(ctx, func() error {
		conn, err := net.Dial("tcp", p.smtp)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// end sends the signal, waits for the end of the program, and returns how it ended.
func (p *process) end(sig syscall.Signal) error {
	p.mu.Lock()
	cmd := p.cmd
	p.cmd = nil
	p.mu.Unlock()
	if cmd == nil {
		return nil
	}
	return errors.Join(cmd.Process.Signal(sig), cmd.Wait())
}

// restart kills the program and starts it again.
func (p *process) restart(ctx context.Context) error {
	var exit *exec.ExitError
	if err := p.end(syscall.SIGKILL); !errors.As(err, &exit) {
		return fmt.Errorf("the program had ended before it was killed: %w", err)
	}
	return p.start(ctx)
}

func (p *process) logTail() string {
	text, err := os.ReadFile(filepath.Join(p.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-8000):])
}

// gauge returns the value of one metric without labels.
func (p *process) gauge(ctx context.Context, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.http+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	for sc := bufio.NewScanner(resp.Body); sc.Scan(); {
		if v, ok := strings.CutPrefix(sc.Text(), name+" "); ok {
			return strconv.ParseFloat(v, 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// drained returns nil when no mail and no fact waits in the spool.
func (p *process) drained(ctx context.Context) error {
	for _, name := range []string{"outrider_spool_queued", "outrider_spool_facts"} {
		n, err := p.gauge(ctx, name)
		if err != nil {
			return err
		}
		if n != 0 {
			return fmt.Errorf("%s is %g", name, n)
		}
	}
	return nil
}

// until tries until it succeeds, and returns the last error when ctx ends first.
func until(ctx context.Context, try func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// eventually fails the test when the condition does not hold in time.
func eventually(t *testing.T, patience time.Duration, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := until(ctx, try); err != nil {
		t.Fatal(err)
	}
}

// pause waits for d or the end of ctx: the moments of kills are random.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
