package app_test

import (
	"context"
	"os"
	"slices"
	"testing"

	"outrider/internal/app"
)

// TestMain lets the test binary be the worker that opens attachments.
func TestMain(m *testing.M) {
	if slices.Equal(os.Args[1:], []string{"worker"}) {
		os.Exit(app.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	if os.Getenv("OUTRIDER_TEST_COMMAND") != "" { // a command that changes its user has a process of its own
		os.Exit(app.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}
