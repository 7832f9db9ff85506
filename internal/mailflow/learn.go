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

// learn remembers the author of a message that somebody has received. What was refused,
// deferred or held does not make its author known, and neither does an author who was not
// proved.
func (f *Flow) learn(l *inflight, p *placed) {
	if author := l.judged.Proved(); author != "" && len(p.replies) > 0 && f.history != nil {
		f.history.Learn(l.tenant.ID, author, l.received.At)
	}
}

// teach gives the memory what a judged message taught, whatever became of it.
func (f *Flow) teach(l *inflight) {
	if l.lesson != nil {
		f.history.Teach(l.tenant.ID, *l.lesson)
	}
}

// relearn gives the memory what facts of an earlier process taught that its database did not
// contain when the memory was filled from it.
func (s *Shipper) relearn(facts []event.Event) {
	if s.Replay == nil || s.Flow.history == nil {
		return
	}
	after, last := s.Replay()
	for i := range facts {
		if e := &facts[i]; e.EdgeSeq > after && e.EdgeSeq <= last {
			s.Flow.relearnFrom(e)
		}
	}
}

// relearnFrom does for one fact what the store does. A detail that cannot be read teaches nothing.
func (f *Flow) relearnFrom(e *event.Event) {
	var d struct {
		History *history.Lesson `json:"history"`
		Known   string          `json:"known"`
	}
	if json.Unmarshal(e.Detail, &d) != nil {
		return
	}
	if e.Kind == event.Placed && d.Known != "" {
		f.history.Learn(e.Tenant, d.Known, e.At)
	}
	if d.History != nil {
		f.history.Teach(e.Tenant, *d.History)
	}
}

// lessonOf returns what a judged message teaches about the people in it.
func lessonOf(l *inflight) history.Lesson {
	j := &l.judged
	out := history.Lesson{At: l.received.At, What: history.Judged(j.Verdict.Disposition, j.Auth.Disowned())}
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

// released returns what the release of a held message teaches: that a person wants mail of
// its author. Of a forged message it teaches nothing, for its author did not write it.
func released(i *quarantine.Item, now time.Time) *history.Lesson {
	author := readable(i.HeaderFrom)
	if author == "" || i.Disposition == verdict.Spoof {
		return nil
	}
	return &history.Lesson{At: now, What: history.Benign, Author: author}
}

// asText returns a lesson as it stands in a fact.
func asText(l *history.Lesson) json.RawMessage {
	if l == nil {
		return nil
	}
	raw, _ := json.Marshal(l) // plain strings
	return raw
}
