package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"outrider/internal/attachment"
	"outrider/internal/attachment/clamav"
	"outrider/internal/attachment/ocr"
	"outrider/internal/attachment/page"
	"outrider/internal/attachment/yara"
	"outrider/internal/config"
	"outrider/internal/mailflow"
	"outrider/internal/rule/feed"
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

// newWorkers returns the pool of processes that open attachments. One starts at once.
func newWorkers(c *config.Config, active *feed.Active, deep bool, log *slog.Logger) (*attachment.Pool, error) {
	pc, err := workerConfig(c, active, log)
	if err != nil {
		return nil, err
	}
	if deep {
		pc = deepConfig(pc, c, log)
	}
	return warmPool(pc, log), nil
}

// warmPool returns a pool with a worker that starts while the rest of Outrider does.
func warmPool(pc attachment.PoolConfig, log *slog.Logger) *attachment.Pool {
	p := attachment.NewPool(pc)
	if err := p.Warm(context.Background()); err != nil {
		log.Warn("starting the first attachment worker failed", "error", err)
	}
	return p
}

// workerConfig says how attachments are opened, with the tools that the configuration names.
func workerConfig(c *config.Config, active *feed.Active, log *slog.Logger) (attachment.PoolConfig, error) {
	self, err := os.Executable()
	if err != nil {
		return attachment.PoolConfig{}, fmt.Errorf("finding the path of this program: %w", err)
	}
	pc := attachment.PoolConfig{Command: []string{self, workerName}, Log: log, Limits: attachment.DefaultLimits()}
	if pc.Setup.Rules, err = gatherRules(c.Attachments.Rules, log); err != nil {
		return pc, err
	}
	if both := pc.Setup.Rules + patterns(active); both != pc.Setup.Rules {
		if _, err := yara.Compile(both); err != nil {
			log.Warn("skipping the YARA rules of the active feeds", "error", err)
		} else {
			pc.Setup.Rules = both
		}
	}
	return pc, nil
}

// deepConfig makes of pc one that draws the pages of documents and reads text in pictures
// as well, which takes seconds and is for those who can wait. Where text cannot be read,
// pages are drawn all the same.
func deepConfig(pc attachment.PoolConfig, c *config.Config, log *slog.Logger) attachment.PoolConfig {
	pages := page.DefaultLimits()
	pc.Idle = deepIdle
	pc.Size, pc.Limits.Wall, pc.Setup.Pages, pc.Setup.Text = 1, deepWall, &pages, &ocr.Config{Languages: c.Attachments.Languages}
	if _, err := ocr.Open(context.Background(), *pc.Setup.Text); err != nil {
		log.Warn("OCR not available", "error", err)
		pc.Setup.Text = nil
	}
	return pc
}

// deepWall bounds the deep inspection of one file; a worker that has drawn keeps hundreds of
// megabytes, and ends deepIdle after the last one.
const (
	deepWall = 60 * time.Second
	deepIdle = 2 * time.Minute
)

// gatherRules reads the YARA rules of some directories. Those that are not understood are
// logged: one rule must not cost the others.
func gatherRules(dirs []string, log *slog.Logger) (string, error) {
	var all strings.Builder
	for _, dir := range dirs {
		if _, err := os.Stat(dir); err != nil {
			return "", fmt.Errorf("reading attachments.rules: %w", err)
		}
		source, err := yara.Gather(os.DirFS(dir))
		if err != nil {
			log.Warn("skipping YARA rules", "directory", dir, "error", err)
		}
		all.WriteString(source)
	}
	if all.Len() == 0 {
		return "", nil
	}
	if _, err := yara.Compile(all.String()); err != nil {
		return "", fmt.Errorf("reading attachments.rules together: %w", err)
	}
	return all.String(), nil
}

// opener adapts a pool to what judging asks of it. What could not be opened says so.
func opener(pool *attachment.Pool, log *slog.Logger) mailflow.Opener {
	return func(ctx context.Context, ins []attachment.Input) []*attachment.Report {
		reports, err := pool.InspectAll(ctx, ins)
		if err == nil {
			return reports
		}
		log.WarnContext(ctx, "attachments not inspected", "files", len(ins), "error", err)
		reports = make([]*attachment.Report, len(ins))
		for i := range ins {
			reports[i] = attachment.Unopened(ins[i], err.Error())
		}
		return reports
	}
}

// newClamAV returns the client of the clamd that the configuration names, or nil.
func newClamAV(c *config.Config) *clamav.Client {
	address := c.Attachments.ClamAV
	if address == "" {
		return nil
	}
	cc := clamav.Config{Network: "tcp", Address: address}
	if strings.HasPrefix(address, "/") {
		cc.Network = "unix"
	}
	return clamav.New(cc)
}

// scanner adapts clamd to what judging asks of it. A file that is too large for it is one
// that it knows nothing about.
func scanner(client *clamav.Client, log *slog.Logger) mailflow.Scanner {
	if client == nil {
		return nil
	}
	return func(ctx context.Context, data []byte) (string, error) {
		name, err := client.Scan(ctx, data)
		if errors.Is(err, clamav.ErrTooLarge) {
			return "", nil
		}
		if err != nil {
			log.WarnContext(ctx, "clamd not available", "error", err)
		}
		return name, err //nolint:wrapcheck // it names the action
	}
}
