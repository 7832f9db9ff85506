package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"outrider/internal/attachment"
	"outrider/internal/mailflow"
)

// workerName is the sub-command of the processes that open attachments. They get no
// environment, so that the name is all that tells them what they are.
const workerName = "worker"

type workerCmd struct{}

// Run reads files from standard input and writes what is in them, confined, until the
// input ends.
func (workerCmd) Run() error {
	if err := attachment.Serve(os.Stdin, os.Stdout); err != nil {
		return fmt.Errorf("opening attachments: %w", err)
	}
	return nil
}

// newWorkers returns the pool of processes that open attachments. They start when they
// are needed.
func newWorkers(log *slog.Logger) (*attachment.Pool, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the own program: %w", err)
	}
	return attachment.NewPool(attachment.PoolConfig{Command: []string{self, workerName}, Log: log}), nil
}

// opener adapts a pool to what judging asks of it. What could not be opened says so.
func opener(pool *attachment.Pool, log *slog.Logger) mailflow.Opener {
	return func(ctx context.Context, in attachment.Input) *attachment.Report {
		report, err := pool.Inspect(ctx, in)
		if err != nil {
			log.WarnContext(ctx, "attachment was not opened", "error", err)
			return attachment.Unopened(in, err.Error())
		}
		return report
	}
}
