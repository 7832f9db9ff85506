package attachment

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Bounds that the kernel enforces for a worker.
const (
	addressSpace = 768 << 20 // added to Go's initial reservation, mostly unused: the collector holds 224 MiB, and frees late
	machineSpace = 1 << 30   // added for rendering pages: the virtual machine, its memory grown by copying, and its compiled program
	programFiles = 24        // descriptors added for reading text: pipes to a program, and its own files
	cpuSeconds   = 600       // over the life of a worker; the pool's timer bounds one file
)

// confine drops what a worker does not need: memory, further files, core dumps, new
// privileges. It can still remove or rename files of its user. A worker that reads text
// needs a program, and so may open files, but not write them.
func confine(s Setup) error {
	space := reserved() + addressSpace
	if s.Pages != nil {
		space += machineSpace
	}
	files := openFiles()
	if s.Text != nil {
		files += programFiles
	}
	if err := dropPrivileges(); err != nil {
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

// dropPrivileges stops every thread from gaining privileges: Go has already started some.
// With cgo, which we do not use, this would cover one thread only.
func dropPrivileges() error {
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

// openFiles returns a descriptor limit that keeps the open files and prevents new ones.
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

// reserved returns the current address space of the process, in bytes.
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

// isolated returns the attributes of a process without network: a user namespace allows the
// network namespace without privileges.
func isolated() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 65534, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 65534, HostID: os.Getgid(), Size: 1}},
	}
}
