package test

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"outrider/internal/app"
)

// runEnv makes the test binary be the outrider program, so that tests can kill it.
const runEnv = "OUTRIDER_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runEnv) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := app.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
