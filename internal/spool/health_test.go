package spool_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// sized is a file system with so many bytes free, whatever is written.
type sized struct {
	vfs.FS

	free uint64
}

func (s sized) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: s.free, TotalBytes: 1 << 40}, nil
}

// TestReservedBytesCountAtOnce reserves until the reserve of the spool is reached.
func TestReservedBytesCountAtOnce(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.MinFreeBytes, o.FS = 100<<20, sized{FS: vfs.Default, free: 110 << 20}
	s := open(t, o)
	n := 0
	var err error
	for ; n < 100 && err == nil; n++ {
		err = s.Reserve(1 << 20)
	}
	// The free space is read again when a second has passed, so that more may be taken.
	if code(err) != 452 || n < 11 {
		t.Errorf("%d MiB were reserved: %v", n-1, err)
	}
	if err := s.Room(11 << 20); code(err) != 452 {
		t.Errorf("there is room beyond the disk: %v", err)
	}
}
