package history_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"outrider/internal/history"
	"outrider/internal/verdict"
)

const (
	hours = time.Hour
	days  = 24 * time.Hour
)

// now is when the messages of the tests come: at the begin of a slot of four hours.
var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// ago is one observation of ann@example.org.
type ago struct {
	what history.What
	d    time.Duration // before now
	n    int           // times; 1 when 0
}

// aged returns a memory of many days, in which somebody else wrote and was written to.
func aged(observations ...ago) *history.Memory {
	m := history.New()
	begin := now.Add(-500 * days)
	m.Observe("a", history.Observation{At: begin, What: history.Wanted, Author: "x@other.example", Sent: []string{"y@other.example"}})
	observe(m, observations...)
	return m
}

func observe(m *history.Memory, observations ...ago) {
	for _, l := range observations {
		observation := history.Observation{At: now.Add(-l.d), What: l.what, Author: "ann@example.org", ReplyTo: "desk@reply.example"}
		if l.what == history.Sent {
			observation = history.Observation{At: observation.At, Sent: []string{"ann@example.org"}}
		}
		for range max(l.n, 1) {
			m.Observe("a", observation)
		}
	}
}

func show[T any](p *T) string {
	if p == nil {
		return "null"
	}
	return fmt.Sprint(*p)
}

func sketch(p history.Profile) string {
	return fmt.Sprintf("%s sol=%s ben=%s bad=%s fail=%s known=%s first=%s last=%s in=%s out=%s", p.Prevalence, show(p.Solicited), show(p.Benign), show(p.Unwanted),
		show(p.AuthFailed), show(p.DaysKnown), show(p.FirstContact), show(p.LastContact), show(p.LastInbound), show(p.LastOutbound))
}

func TestProfileOfASender(t *testing.T) {
	t.Parallel()
	const w, u, d, f, b, s = history.Wanted, history.Unwanted, history.Doubtful, history.Failed, history.Benign, history.Sent
	for _, tt := range []struct {
		name         string
		observations []ago
		want         string
	}{
		{"a stranger", nil, "new sol=false ben=false bad=false fail=false known=0 first=null last=null in=null out=null"},
		{"a message seven hours ago", []ago{{w, 7 * hours, 1}}, "new sol=false ben=false bad=false fail=false known=0 first=0 last=0 in=0 out=null"},
		{"a message twelve hours ago", []ago{{w, 12 * hours, 1}}, "outlier sol=false ben=false bad=false fail=false known=0 first=0 last=0 in=0 out=null"},
		{"two messages", []ago{{w, 3 * days, 1}, {w, 9 * days, 1}}, "outlier sol=false ben=false bad=false fail=false known=9 first=9 last=3 in=3 out=null"},
		{"many on one day", []ago{{w, 3 * days, 100}}, "outlier sol=false ben=false bad=false fail=false known=3 first=3 last=3 in=3 out=null"},
		{"three messages", []ago{{w, 3 * days, 2}, {w, 9 * days, 1}}, "rare sol=false ben=false bad=false fail=false known=9 first=9 last=3 in=3 out=null"},
		{"six messages", []ago{{w, 3 * days, 5}, {w, 9 * days, 1}}, "uncommon sol=false ben=false bad=false fail=false known=9 first=9 last=3 in=3 out=null"},
		{"twenty messages", []ago{{w, 3 * days, 19}, {w, 9 * days, 1}}, "uncommon sol=false ben=false bad=false fail=false known=9 first=9 last=3 in=3 out=null"},
		{"more", []ago{{w, 3 * days, 20}, {w, 9 * days, 1}}, "common sol=false ben=false bad=false fail=false known=9 first=9 last=3 in=3 out=null"},
		{"known long ago", []ago{{w, 100 * days, 50}}, "outlier sol=false ben=false bad=false fail=false known=100 first=100 last=100 in=100 out=null"},
		{"spam", []ago{{u, 3 * days, 1}}, "outlier sol=false ben=false bad=true fail=false known=3 first=3 last=3 in=3 out=null"},
		{"spam of this hour", []ago{{u, time.Minute, 1}}, "new sol=false ben=false bad=true fail=false known=0 first=0 last=0 in=0 out=null"},
		{"spam long ago", []ago{{u, 100 * days, 1}}, "outlier sol=false ben=false bad=false fail=false known=100 first=100 last=100 in=100 out=null"},
		{"in doubt", []ago{{d, 3 * days, 3}, {d, 5 * days, 1}}, "rare sol=false ben=false bad=false fail=false known=5 first=5 last=3 in=3 out=null"},
		{"disowned is no message of the sender", []ago{{f, 3 * days, 30}}, "new sol=false ben=false bad=false fail=true known=0 first=null last=null in=null out=null"},
		{"released", []ago{{u, 3 * days, 1}, {b, 2 * days, 1}}, "outlier sol=false ben=true bad=true fail=false known=3 first=3 last=3 in=3 out=null"},
		{"written to", []ago{{s, time.Minute, 1}}, "new sol=true ben=false bad=false fail=false known=0 first=0 last=0 in=null out=0"},
		{"written to a year ago", []ago{{s, 400 * days, 1}, {w, 2 * days, 1}}, "outlier sol=true ben=false bad=false fail=false known=400 first=400 last=2 in=2 out=400"},
		{"what came later", []ago{{w, -hours, 30}, {s, -days, 1}, {u, 0, 1}}, "new sol=false ben=false bad=false fail=false known=0 first=null last=null in=null out=null"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			view := aged(tt.observations...).View("a", now)
			for kind, key := range map[history.Kind]string{history.ByAddress: "Ann@Example.org", history.ByDomain: "mail.example.org"} {
				got, ok := view.Profile(kind, key)
				if !ok || sketch(got) != tt.want {
					t.Errorf("%s: got  %s\nwant %s", key, sketch(got), tt.want)
				}
			}
		})
	}
}

func TestProfileOfWhereRepliesGo(t *testing.T) {
	t.Parallel()
	m := aged(ago{history.Wanted, 3 * days, 30}, ago{history.Unwanted, 9 * days, 1})
	view := m.View("a", now)
	p, ok := view.Profile(history.ByReplyTo, "DESK@reply.example")
	if !ok || p.Prevalence != history.PrevalenceCommon || !*p.Unwanted || *p.Solicited {
		t.Errorf("got %s", sketch(p))
	}
	if p, _ := view.Profile(history.ByAddress, "desk@reply.example"); p.Prevalence != history.PrevalenceNew {
		t.Errorf("an address for replies counts as an author: %s", sketch(p))
	}
	m.Observe("a", history.Observation{At: now.Add(-hours), Sent: []string{"desk@reply.example"}})
	if p, _ := view.Profile(history.ByReplyTo, "desk@reply.example"); !*p.Solicited {
		t.Errorf("written to, and not solicited: %s", sketch(p))
	}
}

func TestYoungMemorySaysOnlyWhatIsCertain(t *testing.T) {
	t.Parallel()
	m := history.New()
	view := m.View("a", now)
	if p, ok := view.Profile(history.ByAddress, "ann@example.org"); !ok || sketch(p) != "unknown sol=null ben=null bad=null fail=null known=null first=null last=null in=null out=null" {
		t.Errorf("an empty memory says %s", sketch(p))
	}
	observe(m, ago{history.Unwanted, 5 * days, 1}, ago{history.Wanted, 3 * days, 1})
	if p, _ := view.Profile(history.ByAddress, "ann@example.org"); sketch(p) != "unknown sol=null ben=null bad=true fail=null known=null first=5 last=3 in=3 out=null" {
		t.Errorf("a young memory says %s", sketch(p))
	}
	observe(m, ago{history.Wanted, 2 * days, 30})
	if p, _ := view.Profile(history.ByAddress, "ann@example.org"); p.Prevalence != history.PrevalenceCommon {
		t.Errorf("thirty messages are %s", p.Prevalence)
	}
	for l := history.SenderEmails; l <= history.RecipientDomains; l++ {
		if view.Knows(l) {
			t.Errorf("a young memory knows list %d", l)
		}
	}
	m.Observe("a", history.Observation{At: now.Add(-history.Young), What: history.Wanted, Author: "x@other.example"})
	if !view.Knows(history.SenderEmails) || view.Knows(history.RecipientEmails) {
		t.Error("senders are not known, or recipients are, of whom there are none")
	}
}

func TestNobodyToAsk(t *testing.T) {
	t.Parallel()
	var none *history.Memory
	view := none.View("a", now)
	if _, ok := view.Profile(history.ByAddress, "ann@example.org"); ok || view.Knows(history.SenderEmails) || view.Has(history.SenderEmails, "ann@example.org") || view.Len(history.SenderEmails) != 0 {
		t.Error("no memory knows something")
	}
	none.Observe("a", history.Observation{At: now, What: history.Wanted, Author: "ann@example.org"})
	view = aged().View("a", now)
	for kind, key := range map[history.Kind]string{history.ByAddress: "no address", history.ByDomain: "a..b", history.ByReplyTo: ""} {
		if _, ok := view.Profile(kind, key); ok {
			t.Errorf("there is a profile of %q", key)
		}
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	m := aged(ago{history.Wanted, 2 * days, 1})
	m.Observe("a", history.Observation{At: now.Add(-2 * days), What: history.Unwanted, Author: "bad@spam.example"})
	m.Observe("a", history.Observation{At: now.Add(-hours), What: history.Wanted, Author: "fresh@fresh.example", Sent: []string{"to@sent.example"}})
	m.Observe("a", history.Observation{At: now, Sent: []string{"late@late.example"}})
	view := m.View("a", now)
	for _, tt := range []struct {
		list history.List
		text string
		want bool
	}{
		{history.SenderEmails, "ANN@example.org", true},
		{history.SenderEmails, "bob@example.org", false},
		{history.SenderEmails, "bad@spam.example", false},
		{history.SenderEmails, "fresh@fresh.example", false},
		{history.SenderEmails, "desk@reply.example", false},
		{history.SenderEmails, ">desk@reply.example", false},
		{history.SenderDomains, "example.org", true},
		{history.SenderDomains, "mail.Example.org", true},
		{history.SenderDomains, "spam.example", false},
		{history.SenderDomains, "", false},
		{history.RecipientEmails, "to@sent.example", true},
		{history.RecipientEmails, "ann@example.org", false},
		{history.RecipientDomains, "sent.example", true},
		{history.RecipientDomains, "late.example", false},
	} {
		if got := view.Has(tt.list, tt.text); got != tt.want {
			t.Errorf("list %d has %q: %v", tt.list, tt.text, got)
		}
	}
	for l, want := range map[history.List]int{history.SenderEmails: 2, history.SenderDomains: 2, history.RecipientEmails: 2, history.RecipientDomains: 2} {
		if got := view.Len(l); got != want {
			t.Errorf("list %d has %d names, want %d", l, got, want)
		}
	}
	if other := m.View("b", now); other.Has(history.SenderEmails, "ann@example.org") || other.Len(history.SenderEmails) != 0 {
		t.Error("one tenant knows the contacts of another")
	}
}

func TestWhatADispositionTeaches(t *testing.T) {
	t.Parallel()
	for d := verdict.None; d < verdict.NumDispositions; d++ {
		want := map[verdict.Disposition]history.What{
			verdict.Spam: history.Unwanted, verdict.Malicious: history.Unwanted, verdict.MaliciousBEC: history.Unwanted,
			verdict.Spoof: history.Doubtful, verdict.Suspicious: history.Doubtful, verdict.Unknown: history.Doubtful,
		}[d]
		if want == "" {
			want = history.Wanted
		}
		if got := history.Judged(d, false); got != want {
			t.Errorf("%s gives %s", d, got)
		}
		if got := history.Judged(d, true); got != history.Failed {
			t.Errorf("%s, disowned, gives %s", d, got)
		}
	}
}

func TestUnwantedMailDoesNotMakeKnown(t *testing.T) {
	t.Parallel()
	m := aged(ago{history.Unwanted, 3 * days, 5}, ago{history.Wanted, 2 * days, 5}, ago{history.Sent, days, 1})
	if c := m.Contact("a", "ann@example.org"); !c.First() || !c.FirstDomain() {
		t.Errorf("got %+v", c)
	}
	m.ObserveWanted("a", "ann@example.org", now)
	if c := m.Contact("a", "ann@example.org"); c.First() || c.Address.Messages != 1 {
		t.Errorf("got %+v", c)
	}
}

// observations draws the observations of one address in a year.
func observations(t *rapid.T) []ago {
	what := rapid.SampledFrom([]history.What{history.Known, history.Wanted, history.Doubtful, history.Unwanted, history.Failed, history.Benign, history.Sent})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ago {
		return ago{what: what.Draw(t, "what"), d: time.Duration(rapid.IntRange(-30*24*60, 365*24*60).Draw(t, "minutes")) * time.Minute, n: rapid.IntRange(1, 4).Draw(t, "n")}
	}), 0, 80).Draw(t, "observations")
}

func TestOrderOfLearningDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := observations(t)
		learn := func(list []ago) (r history.Record) {
			for _, l := range list {
				for range l.n {
					r.Observe(l.what, now.Add(-l.d))
				}
			}
			return r
		}
		want := learn(list)
		if got := learn(rapid.Permutation(list).Draw(t, "order")); !cmp.Equal(got, want) {
			t.Fatalf("another order gives another record: %s", cmp.Diff(want, got))
		}
		if len(want.Slots) > 32 || !slices.IsSortedFunc(want.Slots, func(a, b history.Slot) int { return int(a.At) - int(b.At) }) {
			t.Fatalf("slots are %v", want.Slots)
		}
	})
}

func TestNothingIsKnownBeforeTheFirstContact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := observations(t)
		m := aged(list...)
		first := slices.MinFunc(append(list, ago{d: -400 * days}), func(a, b ago) int { return int(b.d - a.d) })
		// The slot of the first contact is as close as anybody looks.
		at := now.Add(-first.d).Truncate(4 * hours).Add(-time.Duration(rapid.IntRange(0, 60*24).Draw(t, "before")) * time.Minute)
		p, ok := m.View("a", at).Profile(history.ByAddress, "ann@example.org")
		if !ok || p.Prevalence != history.PrevalenceNew || *p.DaysKnown != 0 || p.FirstContact != nil || p.LastContact != nil || *p.Solicited || *p.Benign || *p.Unwanted || *p.AuthFailed {
			t.Fatalf("before the first contact: %s", sketch(p))
		}
	})
}

func TestMemoryIsBoundedAndKeepsThoseItKnows(t *testing.T) {
	t.Parallel()
	const limit = 100
	m := history.NewWithLimit(limit)
	for i := range limit / 4 {
		m.ObserveWanted("a", fmt.Sprintf("friend%d@known%d.example", i, i), day)
	}
	for i := range 20 * limit {
		m.Observe("a", history.Observation{At: day.Add(time.Duration(i) * hours), What: history.Unwanted, Author: fmt.Sprintf("u%d@d%d.example", i, i)})
	}
	if n := m.Records("a"); n > limit {
		t.Errorf("%d records", n)
	}
	kept := 0
	for i := range limit / 4 {
		if !m.Contact("a", fmt.Sprintf("friend%d@known%d.example", i, i)).First() {
			kept++
		}
	}
	if kept < limit/4 {
		t.Errorf("a flood of strangers left %d of %d friends", kept, limit/4)
	}
}

func BenchmarkProfile(b *testing.B) {
	m := aged()
	for i := range 100_000 {
		m.Observe("a", history.Observation{At: now.Add(-time.Duration(i) * time.Minute), What: history.Wanted, Author: fmt.Sprintf("u%d@example.org", i)})
	}
	view := m.View("a", now)
	for name, key := range map[string]string{"few": "u5000@example.org", "none": "nobody@elsewhere.example"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				view.Profile(history.ByAddress, key)
			}
		})
	}
	b.Run("full", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			view.Profile(history.ByDomain, "example.org")
		}
	})
}

func BenchmarkTeach(b *testing.B) {
	m := aged()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		m.Observe("a", history.Observation{At: now, What: history.Wanted, Author: fmt.Sprintf("u%d@example.org", i)})
	}
}
