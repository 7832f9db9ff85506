package pdf_test

import (
	"syscall"
	"testing"
	"time"
)

// processorTime returns what this thread has worked. Tests that compare it must lock
// their goroutine to the thread.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
