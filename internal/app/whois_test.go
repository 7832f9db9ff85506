package app_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"outrider/internal/app"
	"outrider/internal/rdap"
)

// TestRegistriesThatCannotBeReached proves that nobody waits for them, and that they are waited
// for again once one answers, or some time has passed.
func TestRegistriesThatCannotBeReached(t *testing.T) {
	t.Parallel()
	unreachable := fmt.Errorf("asking: %w", errors.New("no route to host"))
	for name, tt := range map[string]struct {
		last error
		wait time.Duration
		lost bool
	}{
		"one answers":               {nil, 0, false},
		"one has no answer":         {fmt.Errorf("reading: %w", rdap.ErrAnswer), 0, false},
		"one wants to be alone":     {rdap.ErrBusy, 0, true},
		"one more fails":            {unreachable, 0, true},
		"none was asked for long":   {unreachable, 11 * time.Minute, false},
		"one failed not long after": {unreachable, 9 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var r app.Reach
				for i := range 10 {
					if r.Lost("b.example") {
						t.Fatalf("lost after %d failures", i)
					}
					r.Note("a.example", unreachable)
				}
				r.Note("a.example", tt.last)
				time.Sleep(tt.wait) //nolint:forbidigo // the clock of the bubble
				if r.Lost("b.example") != tt.lost || r.Lost("b.test") {
					t.Errorf("lost: %v, another: %v", r.Lost("b.example"), r.Lost("b.test"))
				}
			})
		})
	}
}
