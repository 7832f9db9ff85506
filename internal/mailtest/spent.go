package mailtest

import (
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
	growth     = 4                     // how much larger the second input is
	slack      = 3                     // how much more than in step the time may grow
	negligible = 40 * time.Millisecond // what is too short to compare
)

// Linear fails the test when the time of f grows faster than its input. f gets a size, and
// reads an input of about so many bytes; the first size is that of the smaller input.
func Linear(tb testing.TB, size int, f func(size int)) {
	tb.Helper()
	small := min(Spent(tb, func() { f(size) }), Spent(tb, func() { f(size) }))
	large := Spent(tb, func() { f(growth * size) })
	if large > negligible && large > growth*slack*small {
		large = min(large, Spent(tb, func() { f(growth * size) }))
	}
	if large > negligible && large > growth*slack*small {
		tb.Errorf("%d bytes take %v, %d bytes %v", size, small, growth*size, large)
	}
}
