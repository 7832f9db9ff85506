//go:build !linux

package mailtest

import (
	"testing"
	"time"
)

// started is an origin of time; only differences count.
var started = time.Now()

// threadTime returns the time that has passed: threads are measured on Linux only.
func threadTime(testing.TB) time.Duration { return time.Since(started) }
