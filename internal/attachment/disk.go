package attachment

import (
	"encoding/binary"

	"outrider/internal/attachment/disk"
)

// openDisk lists the files of a disk image: a raw one, or that of a virtual machine.
func openDisk(i *inspector, n *node) {
	m := disk.Read(n.data, i.limits.Entries)
	i.archive(n.id).Volume = clean(m.Label, 128)
	for _, note := range m.Notes {
		kind := NoteUnreadable
		switch note {
		case disk.Unsupported, disk.Parent, disk.NoPartition:
			kind = NoteUnsupported
		case disk.OverLimit:
			kind = NoteEntries
		case disk.Broken:
		}
		i.note(kind, n.id, "disk: "+string(note))
	}
	for _, system := range m.Systems {
		if system == "ntfs" || system == "exfat" || system == "bitlocker" {
			i.note(NoteUnsupported, n.id, "file system "+system)
		}
	}
	for _, f := range m.Files {
		// Missing clusters read as zeros: the size of the image is their floor.
		if !i.entry(n.id, f.Path) || !i.take(File{Parent: n.id, Name: f.Path, Size: f.Size}, f.Open(), int64(len(n.data))) {
			return
		}
	}
}

// rawDisk identifies images of raw disks: a file system without a partition table, or a
// table with plausible entries.
func rawDisk(data []byte) (format, mime string) {
	const kind = "application/x-raw-disk-image"
	if len(data) < 1024 || data[510] != 0x55 || data[511] != 0xAA {
		return "", ""
	}
	if s := string(data[3:11]); s == "NTFS    " || s == "EXFAT   " || s == "-FVE-FS-" {
		return "fat", kind
	}
	used := 0
	for e := data[446:510]; len(e) >= 16; e = e[16:] {
		start, size := binary.LittleEndian.Uint32(e[8:]), binary.LittleEndian.Uint32(e[12:])
		switch {
		case e[0]&0x7F != 0 || e[4] == 0 && (start != 0 || size != 0):
			return "", ""
		case e[4] != 0 && start > 0 && size > 0 && int64(start)*512 < int64(len(data)):
			used++
		}
	}
	if used == 0 {
		return "", ""
	}
	return "fat", kind
}
