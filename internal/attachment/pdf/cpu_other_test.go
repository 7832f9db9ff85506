//go:build !linux

package pdf_test

import (
	"testing"
	"time"
)

var started = time.Now()

// processorTime returns the time that has passed: threads are measured on Linux only.
func processorTime(testing.TB) time.Duration { return time.Since(started) }
