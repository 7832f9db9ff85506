//go:build !linux

package attachment

import (
	"errors"
	"syscall"
)

// confine fails: only Linux has the required limits.
func confine(Setup) error { return errors.New("workers need Linux") }

func isolated() *syscall.SysProcAttr { return nil }
