package mailtest

import (
	"context"
	"testing"
	"time"
)

// untilAtMost bounds Until. Programs that read pictures take their time on a busy machine.
const untilAtMost = 2 * time.Minute

// Until checks ok every few milliseconds until it is true, and ends the test when that takes too long.
func Until(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), untilAtMost)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			tb.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}
