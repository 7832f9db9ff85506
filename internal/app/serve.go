package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"syscall"
	"unicode"

	"outrider/internal/config"
	"outrider/internal/telemetry"
)

type serveCmd struct {
	Roles   []string `help:"Roles of this process: edge (receive and deliver)." default:"edge" enum:"edge" sep:","`
	Profile string   `help:"Write a CPU profile to this file until shutdown." type:"path"`
}

// Run serves until it is told to stop. SIGHUP reads the configuration again.
func (s *serveCmd) Run(c *cli) (err error) {
	if s.Profile != "" {
		stop, err := profile(s.Profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	log, err := telemetry.NewLogger(c.errOut, cfg.Log.Level, cfg.Log.Format)
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // before anything opens: a start must survive it
	defer signal.Stop(hup)
	collectSeldom(&cfg)
	a, err := New(c.ctx, cfg, log)
	if err != nil {
		return err
	}
	addrs, err := a.Listen(c.ctx)
	if err != nil {
		return errors.Join(err, a.close())
	}
	c.welcome(&cfg, addrs)
	watch, stop := context.WithCancel(c.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.reloadOn(watch, hup, a)
	}()
	err = a.Run(c.ctx)
	stop()
	<-done
	return err
}

// Memory of a gateway at rest is small, and so is that of a scan, so that collecting at twice that would collect
// every few hundred messages. It collects at four times, and more often again from the
// point where large mail takes its share.
const (
	collectPercent = 300
	collectAlways  = 128 << 20 // beside the messages under judgement
)

// collectSeldom trades memory that is not needed for time, unless the operator has
// chosen otherwise by Go's own variables.
func collectSeldom(cfg *config.Config) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(max(int64(cfg.Detection.Memory), 2*collectAlways) + collectAlways)
	}
}

// reloadOn applies the configuration again on each signal. A broken file changes
// nothing.
func (c *cli) reloadOn(ctx context.Context, hup <-chan os.Signal, a *App) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		}
		cfg, err := c.load()
		if err == nil {
			err = a.Reload(ctx, cfg)
		}
		if err != nil {
			a.log.ErrorContext(ctx, "reloading the configuration failed, the old one stays active", "error", err)
			continue
		}
		a.log.InfoContext(ctx, "configuration reloaded")
	}
}

// welcome says where everything is and what to try next.
func (c *cli) welcome(cfg *config.Config, addrs []net.Addr) {
	c.printf("Outrider %s\n", Version())
	for _, t := range cfg.Tenants {
		for _, d := range t.Domains {
			c.printf("  protects  %s -> %s\n", d.Name, describeRoute(&d.Route))
		}
	}
	for _, a := range addrs {
		c.printf("  receives  smtp://%s\n", a)
	}
	if cfg.Listen.HTTP != "" {
		c.printf("  reports   http://%s/metrics  /healthz  /readyz\n", cfg.Listen.HTTP)
	}
	c.printf("  keeps     %s\n\n", cfg.DataDir)
	c.printf("Try next, in another terminal:\n")
	self := c.program()
	if c.builtIn() {
		c.printf("  %s inject samples        send the sample messages through this gateway\n", self)
	} else { // real mailboxes must not receive samples of attacks
		c.printf("  %s check                 look at certificates, next hops and DNS records\n", self)
	}
	c.printf("  %s messages list         see what happened to each message, and why (messages show ID)\n", self)
	c.printf("  %s quarantine list       see what is held (quarantine release ID lets it go)\n\n", self)
}

// program returns the words that a command to copy begins with: this program and the configuration that was named.
func (c *cli) program() string {
	if c.path == "" {
		return quoted(os.Args[0])
	}
	return quoted(os.Args[0]) + " -c " + quoted(c.path)
}

// quoted returns a word of a command line as a shell takes it.
func quoted(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("/._-+=:@%,", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

func describeRoute(r *config.Route) string {
	switch {
	case r.Type == "maildir":
		return "maildir " + r.Path
	case len(r.Hosts) > 0:
		return fmt.Sprint(r.Hosts)
	default:
		return "MX of " + r.MX
	}
}

// profile writes a CPU profile to path until stop is called.
func profile(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("writing the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("profiling: %w", errors.Join(err, f.Close()))
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a profile cut short says so when it is read
	}, nil
}
