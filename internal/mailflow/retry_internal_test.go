package mailflow

import (
	"testing"
	"testing/synctest"
	"time"

	"outrider/internal/relay"
)

func TestNoRouteTakesAllWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newRouteLimiter()
		for route, limit := range map[string]int{"smtp:a": workers / 2, outbound: workers / 4} {
			for n := range limit {
				if !s.await(t.Context(), route) {
					t.Fatalf("%s got %d workers, want %d", route, n, limit)
				}
			}
			if s.await(t.Context(), route) {
				t.Errorf("%s got more than its share", route)
			}
			s.give(route)
			if !s.await(t.Context(), route) {
				t.Errorf("%s did not get back what it gave", route)
			}
		}
	})
}

func TestOutageIsWhatNobodyAnswers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, tc := range map[string]struct {
		results []relay.Result
		down    bool
	}{
		"nobody answered":              {[]relay.Result{{Status: relay.Deferred}}, true},
		"the next hop deferred":        {[]relay.Result{{Status: relay.Deferred, Host: "mx"}}, false},
		"a success without a host":     {[]relay.Result{{Status: relay.Delivered}}, false},
		"a message that is too large":  {[]relay.Result{{Status: relay.Failed}}, false},
		"one of several was delivered": {[]relay.Result{{Status: relay.Deferred}, {Status: relay.Delivered}}, false},
	} {
		h := newRouteHealth()
		h.saw("r", tc.results, now, time.Minute)
		if _, down := h.downUntil("r", now.Add(time.Second), time.Minute); down != tc.down {
			t.Errorf("%s: down %v", name, down)
		}
	}
}

func TestPausesGrowToAnEnd(t *testing.T) {
	t.Parallel()
	s := &Settings{FirstRetry: time.Minute}
	now := time.Now()
	for n, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 5: 16 * time.Minute, 9: longestRetry, 1000: longestRetry} {
		got := s.nextAttempt(now, n).Sub(now)
		if got < want*8/10 || got > want*12/10 {
			t.Errorf("the pause after %d attempts is %s, want about %s", n, got, want)
		}
	}
}
