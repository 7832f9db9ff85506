package mailflow

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	"outrider/internal/event"
	"outrider/internal/smtp"
)

// Bounds of what a line says: a message may name a thousand recipients and have a long subject.
const (
	maxLogText = 300 // bytes of one value
	maxLogIDs  = 5   // held ids of one message
)

// logMessage writes the one line that says what became of a message when its sender was answered.
func (f *Flow) logMessage(ctx context.Context, l *inflight, took time.Duration, reply smtp.Reply, err error) {
	if !f.log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	r := l.received
	attrs := []slog.Attr{slog.String("message_id", string(r.ID)), slog.String("session", r.Session)}
	if l.tenant != nil {
		attrs = append(attrs, slog.String("tenant", l.tenant.ID))
	}
	if r.Peer.Addr.IsValid() {
		attrs = append(attrs, slog.String("client", r.Peer.Addr.String()))
	}
	attrs = append(attrs, slog.String("from", brief(r.Envelope.From)))
	attrs = append(attrs, recipientAttrs(addresses(r.Envelope.Recipients), len(r.Envelope.Recipients))...)
	attrs = append(attrs, judgedAttrs(l)...)
	attrs = append(attrs, outcomeAttrs(l)...)
	if err != nil {
		reply = smtp.ReplyFor(err)
		attrs = append(attrs, slog.String("error", brief(err.Error())))
	}
	attrs = append(attrs, slog.Int("reply", reply.Code), slog.Int64("duration_ms", took.Milliseconds()))
	f.log.LogAttrs(ctx, slog.LevelInfo, "message", attrs...)
}

// judgedAttrs says what the message is and what was decided about it.
func judgedAttrs(l *inflight) []slog.Attr {
	attrs := []slog.Attr{slog.Int64("size", l.received.Body.Size())}
	if len(l.facts) == 0 {
		return attrs // it was not read
	}
	var d event.ReceivedDetail
	_ = json.Unmarshal(l.facts[0].Detail, &d) // the first fact is that of receipt
	attrs = append(attrs, slog.String("author", brief(d.HeaderFrom)), slog.String("message_id_field", brief(d.MessageID)))
	if l.settings.Engine != nil {
		v := &l.judged.Verdict
		attrs = append(attrs, slog.String("disposition", v.Disposition.String()), slog.Float64("score", round(v.Score)), slog.Int64("evaluation_ms", l.judged.Took.Milliseconds()))
	}
	var actions, reasons, skipped []string
	for i := range l.copies {
		d := &l.copies[i].Decision
		actions, reasons, skipped = append(actions, string(d.Action)), append(reasons, d.Reason.String()), append(skipped, d.Skipped...)
	}
	if len(actions) > 0 {
		attrs = append(attrs, slog.String("action", joined(actions)), slog.String("reason", brief(joined(reasons))))
	}
	if len(skipped) > 0 {
		attrs = append(attrs, slog.String("skipped", brief(joined(skipped))))
	}
	return attrs
}

// joined lists each text once, in order.
func joined(texts []string) string {
	var out []string
	for _, t := range texts {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return strings.Join(out, "; ")
}

// outcomeAttrs counts the recipients by what became of their copy, and names held copies.
func outcomeAttrs(l *inflight) []slog.Attr {
	var attrs []slog.Attr
	for _, g := range byKind(l.facts) {
		if g.kind != event.Received && g.kind != event.Judged {
			attrs = append(attrs, slog.Int(string(g.kind), g.n))
		}
	}
	if len(l.held) > 0 {
		attrs = append(attrs, slog.String("held", strings.Join(l.held[:min(len(l.held), maxLogIDs)], " ")))
	}
	return attrs
}

// announce counts facts about accepted mail and logs them.
func (f *Flow) announce(ctx context.Context, facts []event.Event) {
	f.count(facts)
	f.logActions(ctx, facts)
}

func (f *Flow) count(facts []event.Event) {
	for _, g := range byKind(facts) {
		if g.kind != event.Received && g.kind != event.Judged {
			f.observe.Placed(g.kind, g.n)
		}
	}
}

// kindGroup is the facts of one kind about one message.
type kindGroup struct {
	kind  event.Kind
	first *event.Event
	n     int // recipients
}

// byKind groups facts, which are about one message, by their kind.
func byKind(facts []event.Event) []kindGroup {
	var out []kindGroup
	for i := range facts {
		e := &facts[i]
		at := slices.IndexFunc(out, func(g kindGroup) bool { return g.kind == e.Kind })
		if at < 0 {
			at = len(out)
			out = append(out, kindGroup{kind: e.Kind, first: e})
		}
		out[at].n += len(e.Recipients)
	}
	return out
}

// logActions writes one line per kind of what happened to a message after its sender was answered.
func (f *Flow) logActions(ctx context.Context, facts []event.Event) {
	for _, g := range byKind(facts) {
		e := g.first
		attrs := []slog.Attr{slog.String("action", string(g.kind)), slog.String("message_id", e.MessageID), slog.String("tenant", e.Tenant)}
		attrs = append(attrs, recipientAttrs(e.Recipients, g.n)...)
		more, level := detailAttrs(e)
		f.log.LogAttrs(ctx, level, "action", append(attrs, more...)...)
	}
}

// detailAttrs says what is particular to the kind of an event.
func detailAttrs(e *event.Event) ([]slog.Attr, slog.Level) {
	switch e.Kind {
	case event.Rejudged:
		return rejudgedAttrs(e)
	case event.Released, event.Deleted, event.Expired:
		var d event.HeldDetail
		_ = json.Unmarshal(e.Detail, &d) // written by this process
		attrs := []slog.Attr{slog.String("held", d.Held), slog.String("disposition", d.Disposition.String())}
		if d.Reason != nil {
			attrs = append(attrs, slog.String("reason", brief(d.Reason.String())))
		}
		return append(attrs, slog.String("by", d.By)), slog.LevelInfo
	default:
		var d event.DeliveryDetail
		_ = json.Unmarshal(e.Detail, &d) // written by this process
		attrs := []slog.Attr{slog.String("host", d.Host), slog.String("reply", brief(d.Reply)), slog.Int("attempts", d.Attempts)}
		if e.Kind == event.Deferred {
			attrs = append(attrs, slog.Time("next", d.Next))
		}
		if e.Kind == event.Bounced {
			attrs = append(attrs, slog.Bool("dsn", d.DSN))
		}
		return attrs, slog.LevelInfo
	}
}

// rejudgedAttrs compares a verdict with the one before: a worse one is a warning.
func rejudgedAttrs(e *event.Event) ([]slog.Attr, slog.Level) {
	var d event.RejudgedDetail
	_ = json.Unmarshal(e.Detail, &d) // written by this process
	after, level := d.Verdict.Disposition, slog.LevelInfo
	if after > d.Before {
		level = slog.LevelWarn
	}
	return []slog.Attr{
		slog.String("before", d.Before.String()), slog.String("disposition", after.String()), slog.Float64("score", round(d.Verdict.Score)),
		slog.Int("attempt", d.Attempt), slog.String("why", brief(strings.Join(d.Why, "; "))),
	}, level
}

// recipientAttrs counts the recipients and names the first.
func recipientAttrs(recipients []string, n int) []slog.Attr {
	attrs := []slog.Attr{slog.Int("recipients", n)}
	if len(recipients) > 0 {
		attrs = append(attrs, slog.String("rcpt", brief(recipients[0])))
	}
	return attrs
}

func addresses(rcpts []smtp.Recipient) []string {
	if len(rcpts) == 0 {
		return nil
	}
	return []string{rcpts[0].Address}
}

// brief cuts a value to maxLogText bytes.
func brief(s string) string {
	if len(s) <= maxLogText {
		return s
	}
	return strings.ToValidUTF8(s[:maxLogText], "") + "…"
}
