// Outrider is a self-hosted email-security platform.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"outrider/internal/app"
)

func main() {
	syscall.Umask(0o077) // mail, keys and what is known of people are for the user that runs Outrider
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := app.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
