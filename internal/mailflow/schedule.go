package mailflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"outrider/internal/history"
	"outrider/internal/mailauth"
	"outrider/internal/message"
	"outrider/internal/smtp"
	"outrider/internal/spool"
	"outrider/internal/verdict"
)

// Bounds on the messages that wait for another re-evaluation, all tenants together.
const (
	maxOwed      = 10_000
	maxOwedBytes = 256 << 20
)

// scheduleTimeout bounds the wait for the spool to take a look in. The sender waits meanwhile,
// and its mail needs no re-evaluation.
const scheduleTimeout = 2 * time.Second

var errCrowded = &smtp.Error{Code: 452, Enhanced: "4.3.1", Text: "Too many messages wait to be judged again"}

// pending travels with a message that waits for another re-evaluation: all that it takes to judge it as
// if it had just come.
type pending struct {
	Source   message.Source   `json:"road"`
	Envelope smtp.Envelope    `json:"envelope"`
	Peer     message.Peer     `json:"peer"`
	Traits   message.Traits   `json:"traits"`
	Auth     mailauth.Results `json:"auth"`
	Contact  history.Contact  `json:"contact"` // as it was: the message must not make its own author known
	Verdict  verdict.Verdict  `json:"verdict"` // the last that counts
	Missing  MissingEvidence  `json:"lack"`
	Drawn    bool             `json:"drawn,omitempty"` // files were opened deeply, and are from then on
}

// schedule schedules a message for another re-evaluation, after the append that answered for it:
// whatever fails here is counted, and touches neither the mail nor the reply.
func (f *Flow) schedule(ctx context.Context, l *inflight, p *placed) {
	if !l.settings.Revisit || !l.judged.Missing.any() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), scheduleTimeout)
	defer cancel()
	if err := f.recordRevisit(ctx, l, p); err != nil {
		f.observe.Skipped()
		level := slog.LevelWarn
		if _, full := errors.AsType[*smtp.Error](err); full {
			level = slog.LevelDebug // the metric counts it; no line per message is needed
		}
		f.log.Log(ctx, level, "message is not looked at again", "message_id", l.received.ID, "why", l.judged.Missing.why(), "error", err)
		return
	}
	signal(f.scheduled(l.judged.Missing.slow()))
}

// recordRevisit writes the row, which shares the body of the message where that is held. The
// error is an *smtp.Error where there is no room.
func (f *Flow) recordRevisit(ctx context.Context, l *inflight, p *placed) error {
	r := l.received
	meta, err := json.Marshal(pending{
		Source: r.Source, Envelope: r.Envelope, Peer: r.Peer, Traits: r.Traits,
		Auth: l.judged.Auth, Contact: l.judged.Contact, Verdict: l.judged.Verdict, Missing: l.judged.Missing,
	})
	if err != nil {
		return fmt.Errorf("encoding the pending re-evaluation: %w", err)
	}
	if err := f.spool.Healthy(ctx); err != nil {
		return err
	}
	weight := r.Body.Size() + int64(len(meta))
	if !f.backlog.take(f.spool.Stats, weight) {
		return errCrowded
	}
	defer f.backlog.give(weight)
	row := spool.Revisit{MessageID: r.ID, Tenant: l.tenant.ID, At: r.At, Next: f.clock.Now(), Slow: l.judged.Missing.slow(), Meta: meta, Content: r.Body}
	if len(p.batch.Hold) > 0 {
		shared := row
		shared.Body, shared.Content = p.batch.Hold[0].Body, nil
		err := f.spool.Commit(ctx, spool.Batch{Revisit: []spool.Revisit{shared}, Lazy: true})
		if !errors.Is(err, spool.ErrUnknown) { // the shipper may have moved it already
			return err
		}
	}
	return f.spool.Commit(ctx, spool.Batch{Revisit: []spool.Revisit{row}, Lazy: true})
}

// scheduled returns what tells a lane of new re-evaluations.
func (f *Flow) scheduled(slow bool) chan struct{} {
	if slow {
		return f.owing[1]
	}
	return f.owing[0]
}

// backlog counts the re-evaluations that are being scheduled, which the spool does not count yet. It
// is safe for concurrent use.
type backlog struct {
	mu    sync.Mutex
	rows  int   // guarded by mu
	bytes int64 // guarded by mu
}

// take reports whether there is room for one more, beside what waits, and takes it.
func (d *backlog) take(waiting func() spool.Stats, weight int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := waiting()
	if s.Revisits+d.rows >= maxOwed || s.RevisitBytes+d.bytes+weight > maxOwedBytes {
		return false
	}
	d.rows++
	d.bytes += weight
	return true
}

func (d *backlog) give(weight int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows--
	d.bytes -= weight
}
