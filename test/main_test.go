package test

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"

	"outrider/internal/app"
)

// runEnv makes the test binary be the outrider program, so that tests can kill it.
const runEnv = "OUTRIDER_TEST_RUN"

func TestMain(m *testing.M) {
	// Workers that open attachments have no environment.
	if os.Getenv(runEnv) == "" && !slices.Equal(os.Args[1:], []string{"worker"}) {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := app.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
