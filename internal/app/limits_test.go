package app_test

import (
	"bytes"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"outrider/internal/app"
	"outrider/internal/config"
)

func TestFileLimitIsComparedWithTheConfiguration(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte("smtp: {max_connections: 900}\nrelay: {max_connections_per_route: 10}\ntenants: [{id: a, domains: [{name: example.org, route: {hosts: [\"192.0.2.1\"]}}, {name: example.net, route: {hosts: [\"192.0.2.1\"]}}]}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	const need = 2*900 + 3*10 + 512
	for limit, loud := range map[uint64]bool{1024: true, need - 1: true, need: false, 1 << 20: false} {
		var out bytes.Buffer
		app.TellFileLimit(limit, &c, slog.New(slog.NewTextHandler(&out, nil)))
		if got := strings.Contains(out.String(), "level=ERROR") && strings.Contains(out.String(), "needed=2342"); got != loud {
			t.Errorf("at a limit of %d the log is %q", limit, out.String())
		}
	}
}

func TestFileLimitIsRaised(t *testing.T) {
	t.Parallel()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max - 1
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	if err := app.RaiseFileLimit(&c, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur != limit.Max {
		t.Errorf("the limit is %d of %d, %v", limit.Cur, limit.Max, err)
	}
}
