//go:build !linux

package ocr

import (
	"errors"
	"os/exec"
	"time"
)

func attach(*exec.Cmd) func() { return func() {} }

// bound fails: only Linux has the required limits.
func bound(int, int64, time.Duration) error { return errors.New("reading text needs Linux") }
