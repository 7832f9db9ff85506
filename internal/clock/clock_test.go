package clock_test

import (
	"log/slog"
	"testing"
	"time"

	"outrider/internal/clock"
)

// TestClockIsUnsettledAfterAJumpForward moves the time of day and the time passed apart.
func TestClockIsUnsettledAfterAJumpForward(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	type step struct {
		passed, wall time.Duration // by how much each moves on
		settled      bool
	}
	for name, c := range map[string]struct {
		off   time.Duration // how long before the start the process was last known to run; 0: never
		steps []step
	}{
		"steady":                       {0, []step{{0, 0, true}, {time.Minute, time.Minute, true}, {30 * time.Minute, 30 * time.Minute, true}}},
		"a little":                     {0, []step{{time.Minute, 50 * time.Minute, true}}},
		"a year":                       {0, []step{{time.Minute, year, false}, {59 * time.Minute, 59 * time.Minute, false}, {time.Minute, time.Minute, true}, {time.Hour, time.Hour, true}}},
		"twice":                        {0, []step{{time.Minute, year, false}, {59 * time.Minute, year, false}, {59 * time.Minute, 59 * time.Minute, false}, {time.Minute, time.Minute, true}}},
		"corrected":                    {0, []step{{time.Minute, year, false}, {time.Minute, -year, true}}},
		"back":                         {0, []step{{time.Minute, -24 * time.Hour, true}, {time.Minute, time.Minute, true}}},
		"restart":                      {time.Minute, []step{{0, 0, true}}},
		"off for a week":               {7 * 24 * time.Hour, []step{{0, 0, false}, {time.Hour, time.Hour, true}}},
		"set forward while it was off": {year, []step{{time.Minute, time.Minute, false}, {time.Minute, -year, true}}},
		"set back while it was off":    {-24 * time.Hour, []step{{0, 0, true}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wall, passed := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), time.Duration(0)
			config := clock.Config{Wall: func() time.Time { return wall }, Elapsed: func() time.Duration { return passed }, Log: slog.New(slog.DiscardHandler)}
			if c.off != 0 {
				config.Seen = wall.Add(-c.off)
			}
			k := clock.New(config)
			for i, s := range c.steps {
				wall, passed = wall.Add(s.wall), passed+s.passed
				if got := k.Settled(); got != s.settled || !k.Now().Equal(wall) {
					t.Errorf("step %d: settled %v, want %v", i, got, s.settled)
				}
			}
		})
	}
}

func TestNilClockIsTheSystems(t *testing.T) {
	t.Parallel()
	var k *clock.Clock
	if !k.Settled() || time.Since(k.Now()) > time.Hour {
		t.Error("a nil clock does not go")
	}
}
