package mailflow

import (
	"context"
	"encoding/json"
	"slices"
	"sync/atomic"
	"time"

	"outrider/internal/attachment"
	"outrider/internal/event"
	"outrider/internal/evidence"
	"outrider/internal/history"
	"outrider/internal/message"
	"outrider/internal/rdap"
	"outrider/internal/spool"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// Time that one re-evaluation may take, and the parts of it that are for the slow. What they leave
// open is asked as on the way, so that a message cannot use up the time of the detectors.
const (
	wallTimeout  = 4 * time.Minute
	deepTimeout  = 2 * time.Minute // drawing pages and reading pictures
	whoisTimeout = time.Minute     // waiting for registries
)

// revisit is one message that is judged again.
type revisit struct {
	row      *spool.Revisit
	inflight *inflight
	domain   *tenant.Domain
	pending  *pending
}

// load prepares a re-evaluation from a row, with the message as it was when it came; nil if no tenant
// wants it judged any more.
func (f *Flow) load(row *spool.Revisit) *revisit {
	s := f.settings.Load()
	var d pending
	if !s.Revisit || s.Engine == nil || json.Unmarshal(row.Meta, &d) != nil {
		return nil
	}
	r := &message.Received{ID: row.MessageID, Source: d.Source, Envelope: d.Envelope, Peer: d.Peer, At: row.At, Traits: d.Traits}
	dom, err := domainOf(s.Directory, r)
	if err != nil || dom.Tenant.ID != row.Tenant {
		return nil
	}
	return &revisit{row: row, domain: dom, pending: &d, inflight: &inflight{settings: s, received: r, tenant: dom.Tenant}}
}

// again judges a message that came earlier, and takes its time. Authentication is asked for
// again only where it had no answer: keys may have changed since.
func (g *Judge) again(ctx context.Context, k *revisit, raw []byte) (err error) {
	d, l := k.pending, k.inflight
	now := pass{limits: g.Limits, open: g.Later.Open, whois: g.Whois, contact: &d.Contact}
	now.limits.Wall = wallTimeout
	if !d.Missing.needsAuth() {
		now.auth = &d.Auth
	}
	var cut atomic.Bool
	if d.Drawn = d.Drawn || g.Later.Deep != nil && d.Missing.deep(); d.Drawn && g.Later.Deep != nil {
		dctx, stop := context.WithTimeout(ctx, deepTimeout)
		defer stop()
		now.open, now.draws, now.reads = g.openDeep(dctx, &cut), true, g.Later.DeepText
	}
	if g.Later.Whois != nil {
		actx, stop := context.WithTimeout(ctx, whoisTimeout)
		defer stop()
		now.whois = g.whoisUntil(actx)
	}
	l.received.Body = message.NewBody(raw)
	l.judged, err = g.judge(ctx, l.settings, l.received, raw, k.domain, &now)
	if j := &l.judged; cut.Load() && j.Verdict.Disposition != verdict.Malicious && !slices.Contains(j.Verdict.Degraded, stageFiles) {
		j.Verdict.Degraded, j.Missing.Late = append(j.Verdict.Degraded, stageFiles), append(j.Missing.Late, stageFiles)
	}
	return err
}

// openDeep opens files deeply until ctx ends, and as on the way where that comes to no end,
// so that nothing is known less well than before. cut is set where it was needed.
func (g *Judge) openDeep(ctx context.Context, cut *atomic.Bool) Opener {
	return func(all context.Context, ins []attachment.Input) []*attachment.Report {
		reports := g.Later.Deep(ctx, ins)
		if g.Later.Open == nil || !slices.ContainsFunc(reports, (*attachment.Report).Unfinished) {
			return reports
		}
		cut.Store(true)
		for i, plain := range g.Later.Open(all, ins) {
			// What was drawn in time counts, where all else was read.
			if r := reports[i]; r.Unfinished() && (!r.Has(attachment.NoteWall) || len(r.Files) < len(plain.Files)) {
				reports[i] = plain
			}
		}
		return reports
	}
}

// whoisUntil waits for registries until ctx ends.
func (g *Judge) whoisUntil(ctx context.Context) evidence.Whois {
	return func(all context.Context, domain string) *rdap.Registration {
		if r := g.Later.Whois(ctx, domain); r != nil || g.Whois == nil {
			return r
		}
		return g.Whois(all, domain)
	}
}

// finish records what a re-evaluation changed, and whether there will be another.
func (f *Flow) finish(ctx context.Context, k *revisit, failed error) {
	row, d, j := k.row, k.pending, &k.inflight.judged
	before, changed, detail := d.Verdict.Disposition, false, event.RejudgedDetail{Attempt: row.Attempts, Why: d.Missing.why()}
	var observation *history.Observation
	kept := failed != nil || d.lost(j)
	if kept {
		j.Verdict, j.Auth = d.Verdict, d.Auth
	} else {
		if d.Missing.needsAuth() {
			detail.Auth, _ = json.Marshal(j.Auth)
		}
		changed, observation = d.changed(&j.Verdict), d.observation(k.inflight)
		d.Verdict, d.Auth, d.Missing = j.Verdict, j.Auth, j.Missing
	}
	last := failed != nil || !d.Missing.any() || row.Attempts == maxRevisits
	var o spool.Batch
	if last {
		o.Revisited = []string{row.ID}
	} else {
		row.Meta, _ = json.Marshal(d) // it was read from JSON
		row.Slow = d.Drawn || d.Missing.slow()
		o.Again = []spool.Revisit{*row}
	}
	if changed || last {
		detail.History = asText(observation)
		o.Facts = []event.Event{k.fact(before, &detail)}
	}
	if f.mark(ctx, row, o) && len(o.Facts) > 0 {
		f.logActions(ctx, o.Facts)
		f.notify(k, before, observation)
	}
}

// fact completes a detail with the verdict that holds, and what policy makes of it.
func (k *revisit) fact(before verdict.Disposition, d *event.RejudgedDetail) event.Event {
	j := &k.inflight.judged
	d.Verdict, d.Before, d.Micros = j.Verdict, before, j.Took.Microseconds()
	d.Decisions, _ = json.Marshal(decide(k.inflight))
	return event.New(event.Rejudged, k.row.Tenant, string(k.row.MessageID), time.Now(), k.inflight.received.Envelope.Recipients, d)
}

// notify counts how a verdict changed, and records what it says about the sender.
func (f *Flow) notify(k *revisit, before verdict.Disposition, observation *history.Observation) {
	if observation != nil {
		f.history.Observe(k.row.Tenant, *observation)
	}
	switch after := k.pending.Verdict.Disposition; {
	case after > before:
		f.observe.Rejudged("worse")
	case after < before:
		f.observe.Rejudged("better")
	default:
		f.observe.Rejudged("same")
	}
}

// lost reports whether a judgement lacks what an earlier one had, for want of time or of an
// answer. It does not count then. What is late and took nothing away does no such harm:
// otherwise a file that cannot be drawn would keep its message from being judged again.
func (d *pending) lost(j *Judgement) bool {
	late := slices.DeleteFunc(slices.Clone(j.Missing.Late), func(s string) bool { return slices.Contains(d.Missing.Late, s) })
	if slices.ContainsFunc(late, isDetector) {
		return true
	}
	return slices.ContainsFunc(d.Verdict.Findings, func(f verdict.Finding) bool {
		open := slices.ContainsFunc(j.Verdict.Undecided, func(u verdict.Undecided) bool { return u.ID == f.ID })
		return !j.Verdict.Has(f.ID) && (open || len(late) > 0)
	})
}

// changed reports whether a verdict says another thing than the last that counted.
func (d *pending) changed(v *verdict.Verdict) bool {
	same := func(a, b verdict.Undecided) bool { return a.ID == b.ID && slices.Equal(a.Waits, b.Waits) }
	return d.Verdict.Disposition != v.Disposition || !slices.Equal(d.Verdict.Findings, v.Findings) ||
		!slices.EqualFunc(d.Verdict.Undecided, v.Undecided, same)
}

// observation returns what a new verdict adds to the last: that the message is unwanted.
// It is added to the earlier observation, since nothing is taken back.
func (d *pending) observation(l *inflight) *history.Observation {
	out := observationOf(l)
	if out.What != history.Unwanted || history.Judged(d.Verdict.Disposition, d.Auth.Disowned()) == history.Unwanted {
		return nil
	}
	out.Sent = nil // observed before
	return &out
}
