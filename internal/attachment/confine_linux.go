package attachment

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Bounds that the kernel holds for a worker.
const (
	addressSpace = 768 << 20 // on top of what Go reserved at the start, mostly unused: the collector holds 224 MiB, and frees late
	machineSpace = 1 << 30   // more where pages are drawn: the virtual machine, its memory grown by copying, and its compiled program
	programFiles = 24        // descriptors more where text is read: pipes to a program, and what it opens itself
	cpuSeconds   = 600       // over the life of a worker; the clock of the pool bounds one file
)

// confine gives up what a worker does not need: memory, further files, core dumps, new
// rights. It can still remove or rename what its user may. A worker that reads text needs a
// program, and so the right to open files, but not to write them.
func confine(s Setup) error {
	space := reserved() + addressSpace
	if s.Pages != nil {
		space += machineSpace
	}
	files := openFiles()
	if s.Text != nil {
		files += programFiles
	}
	if err := giveUpRights(); err != nil {
		return fmt.Errorf("giving up new privileges: %w", err)
	}
	for resource, most := range map[int]uint64{
		unix.RLIMIT_AS: space, unix.RLIMIT_CPU: cpuSeconds, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0,
		unix.RLIMIT_NOFILE: files,
	} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("limiting resource %d: %w", resource, err)
		}
	}
	return nil
}

// giveUpRights keeps every thread from gaining privileges: Go has started some already.
// A program with C in it, which ours is not, can do it for one thread only.
func giveUpRights() error {
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	switch errno {
	case 0:
		return nil
	case syscall.ENOTSUP:
		return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) //nolint:wrapcheck // by confine
	default:
		return errno
	}
}

// openFiles returns the number of descriptors that lets the process keep what it has open
// and open nothing more, whatever it has the right to.
func openFiles() uint64 {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 16 // without /proc
	}
	most := 0
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			most = max(most, n)
		}
	}
	return uint64(most) // the highest is the directory itself, which is closed again
}

// reserved returns the address space that the process has now, in bytes.
func reserved() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 2 << 30 // without /proc: more than Go reserves
	}
	pages, _, _ := strings.Cut(string(text), " ")
	n, err := strconv.ParseUint(pages, 10, 32)
	if err != nil {
		return 2 << 30
	}
	return n * uint64(os.Getpagesize())
}

// isolated returns the attributes of a process without network: a user namespace makes
// the network namespace possible without privileges.
func isolated() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 65534, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 65534, HostID: os.Getgid(), Size: 1}},
	}
}
