package mailtest

import (
	"math"
	"runtime"
	"testing"
	"time"
)

// Spent runs f and returns the processor time of its thread. Unlike a clock, it does not
// count the time in which other programs run.
func Spent(tb testing.TB, f func()) time.Duration {
	tb.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := threadTime(tb)
	f()
	return threadTime(tb) - start
}

// Bounds of Linear.
const (
	growth     = 8                     // how much larger the second input is
	slack      = 3                     // how much more than in step the time may grow
	negligible = 40 * time.Millisecond // what is too short to compare
	rounds     = 10                    // how often a comparison is repeated before it fails
)

// Linear fails the test when the time of f grows faster than its input. f gets a size, and
// reads an input of about so many bytes; the first size is that of the smaller input.
// Work that grows with the square of the input takes 64 times as long for 8 times the input.
// A busy machine can only make a run slower, so that the fastest of several counts.
func Linear(tb testing.TB, size int, f func(size int)) {
	tb.Helper()
	small, large := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for range rounds {
		small = min(small, Spent(tb, func() { f(size) }))
		large = min(large, Spent(tb, func() { f(growth * size) }))
		if large <= max(negligible, growth*slack*small) {
			return
		}
	}
	tb.Errorf("%d bytes take %v, %d bytes %v", size, small, growth*size, large)
}
