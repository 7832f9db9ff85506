package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"outrider/internal/config"
)

// becomeOwner makes a command that root runs act as the owner of the data directory, so that the
// gateway can read and replace what the command writes. It cannot be undone. The database needs
// none of it: SQLite gives its files to the owner of the database.
func becomeOwner(cfg *config.Config) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(cfg.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for the owner of %s: %w", cfg.DataDir, err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	err = errors.Join(syscall.Setgroups(nil), syscall.Setgid(int(owner.Gid)), syscall.Setuid(int(owner.Uid)))
	if err != nil {
		return fmt.Errorf("becoming the owner of %s (uid %d): %w", cfg.DataDir, owner.Uid, err)
	}
	return nil
}

// private takes the rights of others from what Outrider keeps in its data directory: an older version,
// a restored backup or a copy may have given them. Other files there are not touched.
func private(dir string, log *slog.Logger) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the data directory: %w", err)
	}
	var changed []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !isState(e.Name()) || info.Mode().Perm()&0o077 == 0 || info.Mode().Type()&^fs.ModeDir != 0 {
			continue
		}
		if err := os.Chmod(filepath.Join(dir, e.Name()), info.Mode().Perm()&0o700); err != nil {
			return fmt.Errorf("making %s private: %w", e.Name(), err)
		}
		changed = append(changed, e.Name())
	}
	if len(changed) > 0 {
		log.Warn("data directory had files readable by others; permissions corrected", "files", strings.Join(changed, ", "))
	}
	return nil
}

// isState reports whether a name in the data directory is one of those that Outrider writes.
func isState(name string) bool {
	switch name {
	case "spool", "blobs", "capture", "rules", "tls", "edge.id", "signing.key":
		return true
	}
	return strings.HasPrefix(name, "outrider.db")
}
