package relay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"outrider/internal/durable"
	"outrider/internal/message"
	"outrider/internal/smtp"
)

var replyMaildir = smtp.Reply{Code: 250, Enhanced: "2.0.0", Text: "Delivered to Maildir"}

// toMaildir writes one file per recipient.
func (d *delivery) toMaildir(ctx context.Context) {
	if d.commit != nil {
		if err := d.commit(ctx); err != nil {
			d.settleAll(temporary(err), nil)
			return
		}
	}
	for _, i := range append([]int(nil), d.open...) {
		reply := replyMaildir
		if err := d.deliverFile(d.job.Envelope.Recipients[i].Address); err != nil {
			d.r.log.Error("delivery to Maildir failed", "path", d.route.Path, "error", err)
			reply = replyContent
			if errors.Is(err, errCanonical) {
				reply = replyCanonical
			}
		}
		d.settle(i, reply, nil)
		if reply == replyMaildir {
			d.results[i].Host = HostMaildir
		}
	}
}

// deliverFile writes one copy: into tmp, synced, moved to new, and the directory synced, so
// that a reader sees the whole file or none, even after a crash.
func (d *delivery) deliverFile(rcpt string) error {
	if err := d.r.makeMaildir(d.route.Path); err != nil {
		return fmt.Errorf("creating maildir: %w", err)
	}
	// The id has 80 random bits, so that hosts and processes need not be distinguished.
	name := fmt.Sprintf("%d.%s.%s", d.at.Unix(), message.NewID(d.at), strings.ReplaceAll(d.r.cfg.Hostname, "/", "_"))
	tmp, final := filepath.Join(d.route.Path, "tmp", name), filepath.Join(d.route.Path, "new", name)
	err := d.writeFile(tmp, rcpt)
	if err == nil {
		err = os.Rename(tmp, final)
	}
	if err != nil {
		_ = os.Remove(tmp)
		return fmt.Errorf("writing message file: %w", err)
	}
	return durable.Sync(filepath.Dir(final))
}

// makeMaildir creates missing directories. Deliveries do this one at a time, so that none
// uses a directory whose name is not on stable storage yet.
func (r *Relay) makeMaildir(path string) error {
	r.maildirs.Lock()
	defer r.maildirs.Unlock()
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := makeDir(filepath.Join(path, sub), durable.Sync); err != nil {
			return err
		}
	}
	return nil
}

// makeDir creates a directory and its parents, and syncs the name of each that it created:
// a synced file is lost if its directory is not synced.
func makeDir(path string, sync func(dir string) error) error {
	err := os.Mkdir(path, 0o700)
	if parent := filepath.Dir(path); errors.Is(err, os.ErrNotExist) && parent != path {
		if err := makeDir(parent, sync); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o700)
	}
	switch {
	case errors.Is(err, os.ErrExist):
		return nil
	case err != nil:
		return err //nolint:wrapcheck // by deliverFile
	default:
		return sync(filepath.Dir(path))
	}
}

func (d *delivery) writeFile(path, rcpt string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("creating: %w", err)
	}
	bw := bufio.NewWriterSize(f, writeBuffer)
	// RFC 5321, Section 4.4: the final host records the reverse-path.
	_, _ = fmt.Fprintf(bw, "Return-Path: <%s>\r\nDelivered-To: %s\r\n", d.job.Envelope.From, rcpt) // Flush returns the error
	_, err = d.job.Content.WriteTo(&lineChecker{w: bw})
	if err == nil {
		err = bw.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// lineChecker passes canonical content through, without dot-stuffing.
type lineChecker struct {
	w *bufio.Writer
	d dataWriter
}

// Write writes p.
func (l *lineChecker) Write(p []byte) (int, error) {
	if !l.d.canonical(p) {
		return 0, errCanonical
	}
	if len(p) > 0 {
		l.d.last = p[len(p)-1]
	}
	return l.w.Write(p) //nolint:wrapcheck // by writeFile
}
