// Package clock reads the time of day, and says when work that destroys by age may not trust it.
//
// A clock that was set forward makes everything old at once: held mail would be deleted, queued mail
// returned and history pruned. So the time of day is compared with the time that has passed, and
// with when the process was last known to run; after a jump forward it counts as unsettled
// until it has gone on steadily for a while. The package imports nothing of Outrider.
package clock

import (
	"log/slog"
	"sync"
	"time"
)

// What a jump is, and how long the time must go on steadily after one. A machine that was off
// for longer than that looks the same as a clock that was set forward.
const (
	Tolerance = time.Hour
	Steady    = time.Hour
)

// Config says where the time comes from.
type Config struct {
	Wall    func() time.Time     // time of day; time.Now when nil
	Elapsed func() time.Duration // time passed, which nothing sets; since New when nil
	Seen    time.Time            // when the process was last known to run; zero: never
	Log     *slog.Logger
}

// Clock is the time of day. It is safe for concurrent use. A nil Clock is the system's, always
// settled.
type Clock struct {
	c Config

	mu     sync.Mutex
	at     time.Time     // time of day at the last reading; guarded by mu
	passed time.Duration // the same as time passed; guarded by mu
	until  time.Duration // unsettled until so much time has passed; guarded by mu
}

// New returns a clock, and compares it with when the process was last known to run.
func New(c Config) *Clock {
	if c.Wall == nil {
		c.Wall = time.Now
	}
	if c.Elapsed == nil {
		start := time.Now()
		c.Elapsed = func() time.Duration { return time.Since(start) }
	}
	k := &Clock{c: c, at: c.Seen, passed: c.Elapsed()}
	if c.Seen.IsZero() {
		k.at = c.Wall()
	}
	k.Settled()
	return k
}

// Now returns the time of day.
func (k *Clock) Now() time.Time {
	if k == nil {
		return time.Now()
	}
	return k.c.Wall()
}

// Settled reports whether what is old by the time of day may be destroyed. It must be called
// more often than once per Tolerance, since it is what notices a jump.
func (k *Clock) Settled() bool {
	if k == nil {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// Without its monotonic reading, Sub compares the times of day.
	now, passed := k.c.Wall().Round(0), k.c.Elapsed()
	jump := now.Sub(k.at.Round(0)) - (passed - k.passed)
	k.at, k.passed = now, passed
	switch {
	case jump > Tolerance:
		k.until = passed + Steady
		k.c.Log.Error("clock moved forward, or the host was off: nothing is deleted or returned for its age until the clock has gone on steadily",
			"by", jump.Round(time.Second), "now", now, "steady_for", Steady)
	case jump < -Tolerance:
		k.until = 0 // less is old than before
		k.c.Log.Error("clock moved back: mail that was scheduled by the old time is tried now", "by", -jump.Round(time.Second), "now", now)
	}
	return passed >= k.until
}
