package app

import (
	"fmt"
	"log/slog"
	"syscall"

	"outrider/internal/config"
)

// File descriptors of one process.
const (
	filesPerSession = 2   // the connection, and a message too large for memory
	filesOfStore    = 512 // spool (256 tables), database, workers, metrics, DNS and logs
)

// filesNeeded returns how many files the configured connections can have open at once.
func filesNeeded(c *config.Config) uint64 {
	routes := 1 // mail to senders
	for i := range c.Tenants {
		routes += len(c.Tenants[i].Domains)
	}
	return uint64(max(filesPerSession*c.SMTP.MaxConnections+routes*c.Relay.MaxConnectionsPerRoute+filesOfStore, 0))
}

// raiseFileLimit takes all file descriptors that the system gives to this process, and says
// when they are too few for the configuration: connections beyond are not accepted.
func raiseFileLimit(c *config.Config, log *slog.Logger) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("reading the limit of open files: %w", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			return fmt.Errorf("raising the limit of open files to %d: %w", limit.Max, err)
		}
	}
	tellFileLimit(limit.Cur, filesNeeded(c), c, log)
	return nil
}

func tellFileLimit(limit, need uint64, c *config.Config, log *slog.Logger) {
	if limit >= need {
		log.Debug("limit of open files", "limit", limit, "needed", need)
		return
	}
	log.Error("limit of open files is too low for the configured connections: raise it (LimitNOFILE of systemd, ulimit -n) or lower smtp.max_connections",
		"limit", limit, "needed", need, "max_connections", c.SMTP.MaxConnections, "max_connections_per_route", c.Relay.MaxConnectionsPerRoute)
}
