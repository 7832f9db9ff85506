package history_test

import (
	"testing"
	"time"

	"outrider/internal/history"
)

// TestTrustNeedsDays holds that a sender becomes trusted by days or by an answer, and not
// by the number of messages.
func TestTrustNeedsDays(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	const author = "ann@sender.test"
	for name, tc := range map[string]struct {
		at      []time.Duration // of wanted messages of the proved author
		sent    bool
		days    int
		trusted bool
	}{
		"five in two seconds":         {at: []time.Duration{0, 1, 2, 3, 4}, days: 1},
		"fifty in one day":            {at: every(50, 10*time.Minute), days: 1},
		"two over midnight":           {at: []time.Duration{14 * time.Hour, 16 * time.Hour}, days: 2},
		"three days":                  {at: every(3, 24*time.Hour), days: 3, trusted: true},
		"three days with a gap":       {at: []time.Duration{0, 240 * time.Hour, 800 * time.Hour}, days: 3, trusted: true},
		"one, and an answer":          {at: []time.Duration{0}, sent: true, days: 1, trusted: true},
		"an answer to nothing":        {sent: true},
		"forty days, more than slots": {at: every(40, 24*time.Hour), days: 33, trusted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := history.New()
			for _, d := range tc.at {
				m.ObserveWanted("t", author, start.Add(d))
				m.Observe("t", history.Observation{At: start.Add(d), What: history.Wanted, Author: author})
			}
			if tc.sent {
				m.Observe("t", history.Observation{At: start, Sent: []string{author}})
			}
			c := m.Contact("t", author)
			if c.Address.Days != tc.days || c.Address.Trusted() != tc.trusted {
				t.Errorf("got %+v, trusted %v", c.Address, c.Address.Trusted())
			}
		})
	}
}

func every(n int, step time.Duration) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = time.Duration(i) * step
	}
	return out
}
