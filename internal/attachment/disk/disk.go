// Package disk lists the files of disk images: raw ones, and those of virtual machines.
//
// Windows mounts a virtual disk at a double click, and files inside have no Mark of the
// Web. An image may be a plain disk, with or without a partition table, or be stored in
// blocks with a table of their places; a partition contains a file system. The package
// reads only data referenced by these tables, so that a sparse disk of two terabytes costs
// no more than its file.
//
// Standards: Virtual Hard Disk Image Format Specification 1.0, MS-VHDX, UEFI 2.10 (master
// boot records and GUID partition tables), and FAT: General Overview of On-Disk Format
// 1.03.
//
// Divergences: of a GUID partition table the first copy is read, and checksums are not
// verified; a chain of clusters is read up to its first defect.
//
// Limits: NTFS, exFAT and other file systems are noted and not read; of differencing disks
// only the data in the file is read; logs of VHDX are not replayed.
package disk

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
)

// Note is a defect of an image.
type Note string

// The notes of an image.
const (
	Broken      Note = "broken"       // a table refers to nothing
	Parent      Note = "parent"       // a differencing disk
	Unsupported Note = "unsupported"  // an unsupported file system
	NoPartition Note = "no-partition" // no file system found
	OverLimit   Note = "over-limit"   // something was left out
)

// File is one file of an image.
type File struct {
	Path string // with the folders, separated by "/"
	Size int64  // in bytes

	volume  *fat
	cluster uint32
}

// Open returns the content of the file, up to the end of its chain of clusters.
func (f *File) Open() io.Reader {
	return io.LimitReader(&chain{volume: f.volume, cluster: f.cluster, left: f.Size}, f.Size)
}

// Image is the content of a disk.
type Image struct {
	Label   string // of the first volume that has one
	Systems []string
	Files   []File
	Notes   []Note
}

func (m *Image) note(n Note) {
	if !slices.Contains(m.Notes, n) {
		m.Notes = append(m.Notes, n)
	}
}

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// sectorSize is the unit of tables of partitions.
const sectorSize = 512

// Read lists the files of an image, at most entries including folders. Defects become
// notes, never errors.
func Read(data []byte, entries int) *Image {
	m := &Image{}
	r := &reader{image: m, entries: entries, steps: maxSteps}
	r.disk(open(data, m))
	return m
}

// reader is the state of one Read.
type reader struct {
	image   *Image
	entries int // that may still be listed
	steps   int // clusters of folders that may still be read
}

// maxSteps bounds the clusters of all folders. Each step reads one cluster of at most 64
// KiB.
const maxSteps = 4096

// maxPartitions bounds the partitions of a disk; tables usually have four or 128.
const maxPartitions = 128

// disk reads the file systems of a disk: one without partitions, or those of its table.
func (r *reader) disk(d *device) {
	boot := d.read(0, sectorSize)
	if r.system(d.part(0, d.size)) {
		return
	}
	found := false
	for _, p := range partitions(d, boot) {
		found = true
		if !r.system(p) {
			r.image.note(Unsupported)
		}
	}
	if !found {
		r.image.note(NoPartition)
	}
}

// partitions returns the partitions of a disk. A master boot record with a partition of
// type 0xEE indicates a GUID partition table.
func partitions(d *device, boot []byte) []*device {
	if len(boot) < sectorSize || boot[510] != 0x55 || boot[511] != 0xAA {
		return nil
	}
	var out []*device
	for at := 446; at < 510; at += 16 {
		e := boot[at : at+16]
		start, size := int64(le32(e[8:]))*sectorSize, int64(le32(e[12:]))*sectorSize
		switch e[4] {
		case 0:
		case 0xEE:
			return guidPartitions(d)
		case 5, 0x0F: // UEFI excludes these: a chain of further tables
			out = append(out, extended(d, start)...)
		default:
			out = append(out, d.part(start, size))
		}
	}
	return out
}

// extended follows the chain of tables in an extended partition, whose first entry is a
// partition, and the second the next table.
func extended(d *device, base int64) []*device {
	var out []*device
	for at, k := base, 0; k < maxPartitions; k++ {
		t := d.read(at, sectorSize)
		if len(t) < sectorSize || t[510] != 0x55 || t[511] != 0xAA {
			break
		}
		out = append(out, d.part(at+int64(le32(t[454:]))*sectorSize, int64(le32(t[458:]))*sectorSize))
		next := int64(le32(t[470:])) * sectorSize
		if next == 0 {
			break
		}
		at = base + next
	}
	return out
}

// guidPartitions reads the table of UEFI, Section 5.3, whose header is in the second
// sector.
func guidPartitions(d *device) []*device {
	for _, sector := range []int64{512, 4096} {
		h := d.read(sector, 92)
		if len(h) < 92 || !bytes.HasPrefix(h, []byte("EFI PART")) {
			continue
		}
		var out []*device
		size := int64(max(128, min(le32(h[84:]), 4096)))
		at := int64(le64(h[72:])&(1<<40-1)) * sector
		for k := int64(0); k < int64(min(le32(h[80:]), maxPartitions)); k++ {
			e := d.read(at+k*size, 128)
			if len(e) < 128 || bytes.Equal(e[:16], make([]byte, 16)) {
				continue
			}
			first, last := int64(le64(e[32:])&(1<<40-1)), int64(le64(e[40:])&(1<<40-1))
			out = append(out, d.part(first*sector, (last-first+1)*sector))
		}
		return out
	}
	return nil
}

// system reads the file system of a partition, and reports false if it is unknown.
func (r *reader) system(d *device) bool {
	boot := d.read(0, sectorSize)
	if len(boot) < sectorSize {
		return false
	}
	switch {
	case string(boot[3:11]) == "NTFS    ":
		r.named("ntfs")
	case string(boot[3:11]) == "EXFAT   ":
		r.named("exfat")
	case string(boot[3:11]) == "-FVE-FS-":
		r.named("bitlocker")
	default:
		v, ok := openFAT(d, boot)
		if !ok {
			return false
		}
		r.image.Systems = append(r.image.Systems, v.kind())
		r.walk(v)
	}
	return true
}

// named notes an unsupported file system.
func (r *reader) named(system string) {
	r.image.Systems = append(r.image.Systems, system)
	r.image.note(Unsupported)
}
