package history_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"outrider/internal/history"
)

var day = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestContactIsLearned(t *testing.T) {
	t.Parallel()
	m := history.New()
	if c := m.Contact("a", "Ann@Mail.Example.org"); !c.First() || !c.FirstDomain() {
		t.Errorf("a stranger is %+v", c)
	}
	m.ObserveWanted("a", "ann@mail.example.org", day)
	m.ObserveWanted("a", "bob@example.org", day.Add(time.Hour))
	c := m.Contact("a", "ann@MAIL.example.org")
	if c.First() || c.Address.Messages != 1 || c.Domain.Messages != 2 || !c.Domain.First.Equal(day) {
		t.Errorf("got %+v", c)
	}
	if !m.Contact("b", "ann@mail.example.org").First() {
		t.Error("one tenant knows the contacts of another")
	}
	if c := m.Contact("a", "new@example.org"); !c.First() || c.FirstDomain() {
		t.Errorf("a new address of a known domain is %+v", c)
	}
}

func TestWithoutMemoryNothingIsKnown(t *testing.T) {
	t.Parallel()
	var m *history.Memory
	if c := m.Contact("a", "ann@example.org"); c.Known || c.First() {
		t.Errorf("got %+v", c)
	}
	if c := history.New().Contact("a", "not an address"); c.Known {
		t.Errorf("got %+v", c)
	}
}

func TestLoadedSendersAreKnown(t *testing.T) {
	t.Parallel()
	m := history.New()
	m.Load("a", "ann@example.org", history.Record{First: day.UnixMicro(), Last: day.UnixMicro(), Messages: 7})
	if c := m.Contact("a", "ann@example.org"); c.Address.Messages != 7 {
		t.Errorf("got %+v", c)
	}
}

func BenchmarkContact(b *testing.B) {
	m := history.New()
	for i := range 100_000 {
		m.ObserveWanted("a", fmt.Sprintf("u%d@example.org", i), day)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Contact("a", "u500@example.org")
	}
}

func TestManyLearnAndAskAtOnce(t *testing.T) {
	t.Parallel()
	m := history.New()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			who := fmt.Sprintf("u%d@example.org", i%2)
			for n := range 200 {
				at := day.Add(time.Duration(n) * time.Hour)
				m.Observe("a", history.Observation{At: at, What: history.Wanted, Author: who, Sent: []string{"x@other.example"}})
				m.ObserveWanted("a", who, at)
				m.View("a", at).Profile(history.ByDomain, "example.org")
				m.View("a", at).Has(history.RecipientDomains, "other.example")
				m.Contact("a", who)
			}
		})
	}
	wg.Wait()
	if c := m.Contact("a", "u0@example.org"); c.Address.Messages != 800 || c.Domain.Messages != 1600 {
		t.Errorf("got %+v", c)
	}
}

// TestLoadingAddsToWhatWasLearnedMeanwhile fills a memory in both orders.
func TestLoadingAddsToWhatWasLearnedMeanwhile(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	stored := func(m *history.Memory) {
		var r history.Record
		for i := range 3 {
			r.Observe(history.Known, day.AddDate(0, 0, i))
			r.Observe(history.Wanted, day.AddDate(0, 0, i))
		}
		m.Load("a", "ann@elsewhere.example", r)
	}
	live := func(m *history.Memory) {
		m.ObserveWanted("a", "ann@elsewhere.example", day.AddDate(0, 0, 9))
		m.Observe("a", history.Observation{At: day.AddDate(0, 0, 9), What: history.Wanted, Author: "ann@elsewhere.example"})
	}
	for name, steps := range map[string][]func(*history.Memory){"loaded first": {stored, live}, "learned first": {live, stored}} {
		m := history.NewLoading()
		for _, step := range steps {
			step(m)
		}
		if c := m.Contact("a", "ann@elsewhere.example"); c.Known {
			t.Errorf("%s: a memory that is being filled answers", name)
		}
		m.Loaded()
		c := m.Contact("a", "ann@elsewhere.example").Address
		p, ok := m.View("a", day.AddDate(0, 0, 20)).Profile(history.ByAddress, "ann@elsewhere.example")
		if c.Messages != 4 || !c.First.Equal(day) || !c.Last.Equal(day.AddDate(0, 0, 9)) || !ok || p.Prevalence != history.PrevalenceRare {
			t.Errorf("%s: %+v, %+v", name, c, p)
		}
	}
}
