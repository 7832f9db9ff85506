package attachment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"outrider/internal/attachment/udf"
)

// sector is the unit of discs in bytes.
const sector = 2048

// isoDir is a pending folder of an image.
type isoDir struct {
	at, size int64
	path     string
}

// span is the extent of a file in an image.
type span struct{ at, size int64 }

// openISO walks the tree of UDF, which Windows prefers, and then that of ISO 9660: Joliet
// if present, as Windows does. A file in both trees is reported once.
func openISO(i *inspector, n *node) {
	shown, more := i.udfFiles(n)
	root, joliet, ok := isoRoot(i, n)
	switch {
	case ok && more:
		i.isoFiles(n, root, joliet, shown)
	case shown == nil && !ok:
		i.fail(n.id, errors.New("neither ISO 9660 nor UDF leads to files"))
	}
}

// udfFiles takes the files of the UDF tree, and returns their extents, nil without such a
// tree, and whether to continue.
func (i *inspector) udfFiles(n *node) (shown map[span]bool, more bool) {
	v, ok := udf.Read(n.data, i.limits.Entries)
	if !ok {
		return nil, true
	}
	i.archive(n.id).Volume = clean(v.Label, 128)
	i.diskNotes(n.id, v.Notes)
	shown = map[span]bool{}
	for _, f := range v.Files {
		if f.Size > 0 { // empty files have no extent
			shown[span{f.Offset, f.Size}] = true
		}
		if !i.entry(n.id, f.Path) || !i.take(File{Parent: n.id, Name: f.Path, Size: f.Size}, f.Open(), f.Stored()) {
			return shown, false
		}
	}
	return shown, true
}

// diskNotes passes on the notes of a reader of images.
func (i *inspector) diskNotes(id int, notes []udf.Note) {
	for _, note := range notes {
		kind := NoteUnreadable
		switch note {
		case udf.Virtual, udf.BadStrategy:
			kind = NoteUnsupported
		case udf.OverLimit:
			kind = NoteEntries
		case udf.Broken:
		}
		i.note(kind, id, "udf: "+string(note))
	}
}

// isoFiles walks the tree of ISO 9660. Each folder is read once, so that images with loops
// end.
func (i *inspector) isoFiles(n *node, root isoDir, joliet bool, shown map[span]bool) {
	seen := map[int64]bool{root.at: true}
	t := isoTree{joliet: joliet, shown: shown, both: map[span]bool{}}
	for dirs := []isoDir{root}; len(dirs) > 0; dirs = dirs[1:] {
		found, more := i.isoFolder(n, dirs[0], &t)
		for _, d := range found {
			if !seen[d.at] {
				seen[d.at] = true
				dirs = append(dirs, d)
			}
		}
		if !more {
			return
		}
	}
	if differ := t.only + len(shown) - len(t.both); shown != nil && differ > 0 {
		i.archive(n.id).Mismatches += differ
		i.note(NoteMismatch, n.id, fmt.Sprintf("the trees of UDF and ISO 9660 differ in %d files", differ))
	}
}

// isoTree is the state of walking the tree of ISO 9660 besides that of UDF.
type isoTree struct {
	joliet bool
	shown  map[span]bool // files of the tree of UDF, nil if there is none
	both   map[span]bool // those of shown that were met again
	only   int           // number of files missing in the UDF tree
}

// meet counts a file, and reports whether the UDF tree has it.
func (t *isoTree) meet(s span) bool {
	if t.shown[s] || t.shown != nil && s.size == 0 {
		t.both[s] = true
		return true
	}
	t.only++
	return false
}

// isoRoot reads the volume descriptors. ECMA-119, Section 8: type 1 is the primary one,
// type 2 a supplementary one, which is Joliet by its escape sequence.
func isoRoot(i *inspector, n *node) (root isoDir, joliet, ok bool) {
	for s := int64(16); s < 64 && (s+1)*sector <= int64(len(n.data)); s++ {
		d := n.data[s*sector : (s+1)*sector]
		if string(d[1:6]) != "CD001" || d[0] == 255 {
			break
		}
		wide := d[0] == 2 && d[88] == '%' && d[89] == '/'
		if d[0] != 1 && !wide {
			continue
		}
		root = isoDir{at: int64(binary.LittleEndian.Uint32(d[158:])) * sector, size: int64(binary.LittleEndian.Uint32(d[166:]))}
		i.archive(n.id).Volume = isoName(d[40:72], wide)
		joliet, ok = wide, true
	}
	return root, joliet, ok
}

// isoFolder reads the records of a folder. ECMA-119, Section 9.1.
func (i *inspector) isoFolder(n *node, d isoDir, t *isoTree) (dirs []isoDir, more bool) {
	data := cut(n.data, d.at, d.size)
	for at := 0; at < len(data); {
		size := int(data[at])
		if size == 0 { // records do not cross sectors
			at = (at/sector + 1) * sector
			continue
		}
		if size < 34 || at+size > len(data) || 33+int(data[at+32]) > size {
			i.fail(n.id, errors.New("a folder record is broken"))
			return dirs, true
		}
		r := data[at : at+size]
		at += size
		id := r[33 : 33+int(r[32])]
		if len(id) == 1 && id[0] <= 1 { // the folder itself and its parent
			continue
		}
		e := isoDir{
			at: int64(binary.LittleEndian.Uint32(r[2:])) * sector, size: int64(binary.LittleEndian.Uint32(r[10:])),
			path: d.path + isoName(id, t.joliet),
		}
		isDir := r[25]&2 != 0
		if isDir {
			dirs = append(dirs, isoDir{e.at, e.size, e.path + "/"})
		}
		if !i.isoEntry(n, e, isDir, t) {
			return dirs, false
		}
	}
	return dirs, true
}

// isoEntry reports an entry of a folder, unless the UDF tree has it.
func (i *inspector) isoEntry(n *node, e isoDir, isDir bool, t *isoTree) bool {
	if !isDir && t.meet(span{e.at, e.size}) {
		return true
	}
	if !i.entry(n.id, e.path) {
		return false
	}
	return isDir || i.take(File{Parent: n.id, Name: e.path, Size: e.size}, bytes.NewReader(cut(n.data, e.at, e.size)), e.size)
}

func isoName(raw []byte, wide bool) string {
	s := string(raw)
	if wide {
		units := make([]uint16, len(raw)/2)
		for k := range units {
			units[k] = binary.BigEndian.Uint16(raw[2*k:])
		}
		s = string(utf16.Decode(units))
	}
	s, _, _ = strings.Cut(s, ";")
	return strings.TrimRight(clean(s, 512), " .")
}
