package history_test

import (
	"fmt"
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
	m.Learn("a", "ann@mail.example.org", day)
	m.Learn("a", "bob@example.org", day.Add(time.Hour))
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
		m.Learn("a", fmt.Sprintf("u%d@example.org", i), day)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Contact("a", "u500@example.org")
	}
}
