package spool_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"outrider/internal/event"
	"outrider/internal/message"
	"outrider/internal/spool"
)

// BenchmarkBeginCommit measures the whole durable cost of one message: the intent and
// the outcome, each on stable storage before the next step, with three facts.
func BenchmarkBeginCommit(b *testing.B) {
	for _, writers := range []int{1, 16, 128} {
		for name, body := range map[string]spool.Content{"delivered": nil, "queued-20KiB": message.NewBody(noise(20 << 10))} {
			b.Run(fmt.Sprintf("%s/writers=%d", name, writers), func(b *testing.B) {
				s, err := spool.Open(options(b.TempDir()))
				if err != nil {
					b.Fatal(err)
				}
				var left atomic.Int64
				left.Store(int64(b.N))
				done := make(chan error, writers)
				b.ResetTimer()
				for range writers {
					go func() { done <- work(b, s, body, &left) }()
				}
				for range writers {
					if err := <-done; err != nil {
						b.Error(err)
					}
				}
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
				if err := s.Close(); err != nil {
					b.Error(err)
				}
			})
		}
	}
}

func work(b *testing.B, s *spool.Spool, body spool.Content, left *atomic.Int64) error {
	b.Helper()
	for left.Add(-1) >= 0 {
		id := message.NewID(time.Now())
		a, err := s.Begin(spool.Intent{ID: id, Tenant: "t", At: at, Envelope: entry(at, nil).Envelope})
		if err != nil {
			return err
		}
		if err := a.Wait(b.Context()); err != nil {
			return err
		}
		o := spool.Batch{ID: id, Facts: []event.Event{fact(event.Received), fact(event.Judged), fact(event.Placed)}}
		if body != nil {
			o.Queue = []spool.Entry{entry(at, body)}
		}
		if err := s.Commit(b.Context(), o); err != nil {
			return err
		}
	}
	return nil
}
