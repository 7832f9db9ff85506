package ocr

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attach makes the program die with this process, and returns a function to call after its
// end: the kernel refers to the thread that started it, which must live as long.
func attach(cmd *exec.Cmd) func() {
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return runtime.UnlockOSThread
}

// bound limits what a process may use.
func bound(pid int, memory int64, wall time.Duration) error {
	for resource, most := range map[int]uint64{
		unix.RLIMIT_AS:    uint64(memory),
		unix.RLIMIT_CPU:   uint64(wall/time.Second) + 1,
		unix.RLIMIT_FSIZE: 0,
		unix.RLIMIT_CORE:  0,
	} {
		if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: most, Max: most}, nil); err != nil {
			return fmt.Errorf("limiting resource %d of the program: %w", resource, err)
		}
	}
	return nil
}
