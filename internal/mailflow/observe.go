package mailflow

import (
	"encoding/json"
	"time"

	"outrider/internal/address"
	"outrider/internal/event"
	"outrider/internal/history"
	"outrider/internal/quarantine"
	"outrider/internal/tenant"
	"outrider/internal/verdict"
)

// observeDelivered records the author of a message that was delivered. What was refused,
// deferred or held does not make its author known, and neither does an author who was not
// proved.
func (f *Flow) observeDelivered(l *inflight, p *placed) {
	if author := l.judged.Proved(); author != "" && len(p.replies) > 0 && f.history != nil {
		f.history.ObserveWanted(l.tenant.ID, author, l.received.At)
	}
}

// observeJudged records the observation of a judged message, whether or not it was delivered.
func (f *Flow) observeJudged(l *inflight) {
	if l.observation != nil {
		f.history.Observe(l.tenant.ID, *l.observation)
	}
}

// replay records the observations of events of an earlier process that its database did not
// contain when the memory was filled from it.
func (s *Shipper) replay(facts []event.Event) {
	if s.Replay == nil || s.Flow.history == nil {
		return
	}
	after, last := s.Replay()
	for i := range facts {
		if e := &facts[i]; e.EdgeSeq > after && e.EdgeSeq <= last {
			s.Flow.replayFrom(e)
		}
	}
}

// replayFrom does for one fact what the store does. A malformed detail is skipped.
func (f *Flow) replayFrom(e *event.Event) {
	var d struct {
		History *history.Observation `json:"history"`
		Known   string               `json:"known"`
	}
	if json.Unmarshal(e.Detail, &d) != nil {
		return
	}
	if e.Kind == event.Placed && d.Known != "" {
		f.history.ObserveWanted(e.Tenant, d.Known, e.At)
	}
	if d.History != nil {
		f.history.Observe(e.Tenant, *d.History)
	}
}

// observationOf returns the observation of a judged message.
func observationOf(l *inflight) history.Observation {
	j := &l.judged
	out := history.Observation{At: l.received.At, What: history.Judged(j.Verdict.Disposition, j.Auth.Disowned())}
	if len(j.Authors) == 1 {
		out.Author = readable(j.Author)
	}
	if to := j.Message.Header().Mailboxes("Reply-To"); len(to) > 0 {
		out.ReplyTo = readable(to[0].Address())
	}
	if author, err := address.ParsePath(j.Proved(), true); err == nil && l.tenant.Owns(author.Domain) {
		out.Sent = foreign(l.tenant, addressees(l))
	}
	return out
}

// addressees lists whom a message is to, by its envelope and by its header.
func addressees(l *inflight) []string {
	var out []string
	for _, r := range l.received.Envelope.Recipients {
		out = append(out, r.Address)
	}
	for _, name := range []string{"To", "Cc"} {
		for _, m := range l.judged.Message.Header().Mailboxes(name) {
			out = append(out, m.Address())
		}
	}
	return out
}

// foreign returns the addresses that are not of the tenant, once each and at most history.MaxSent.
func foreign(t *tenant.Tenant, addrs []string) []string {
	var out []string
	seen := make(map[string]bool)
	for _, s := range addrs {
		a, err := address.ParsePath(s, true)
		if err != nil || a.IsZero() || t.Owns(a.Domain) || seen[a.Key()] {
			continue
		}
		seen[a.Key()] = true
		if out = append(out, a.Key()); len(out) == history.MaxSent {
			break
		}
	}
	return out
}

// readable returns the address in the form it is remembered in, or "" where it is none.
func readable(s string) string {
	keys, _ := history.Keys(s)
	return keys[0]
}

// released returns the observation of a release: that a person wants mail of the author. For a
// forged message it returns nil, since its author did not write it.
func released(i *quarantine.Item, now time.Time) *history.Observation {
	author := readable(i.HeaderFrom)
	if author == "" || i.Disposition == verdict.Spoof {
		return nil
	}
	return &history.Observation{At: now, What: history.Benign, Author: author}
}

// asText returns an observation as JSON for an event.
func asText(l *history.Observation) json.RawMessage {
	if l == nil {
		return nil
	}
	raw, _ := json.Marshal(l) // plain strings
	return raw
}
