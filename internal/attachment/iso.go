package attachment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// sector is the unit of discs in bytes.
const sector = 2048

// isoDir is a folder of an image that waits to be read.
type isoDir struct {
	at, size int64
	path     string
}

// openISO walks the tree that shows most: Joliet if there is one, as Windows does.
func openISO(i *inspector, n *node) {
	root, joliet, ok := isoRoot(i, n)
	if !ok {
		i.fail(n.id, fmt.Errorf("an image with UDF alone: %w", errMethod))
		return
	}
	// A folder is read once: images with loops end, whatever they are called.
	seen := map[int64]bool{root.at: true}
	for dirs := []isoDir{root}; len(dirs) > 0; dirs = dirs[1:] {
		found, more := i.isoFolder(n, dirs[0], joliet)
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
func (i *inspector) isoFolder(n *node, d isoDir, joliet bool) (dirs []isoDir, more bool) {
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
		if len(id) == 1 && id[0] <= 1 { // itself and its parent
			continue
		}
		e := isoDir{
			at: int64(binary.LittleEndian.Uint32(r[2:])) * sector, size: int64(binary.LittleEndian.Uint32(r[10:])),
			path: d.path + isoName(id, joliet),
		}
		if !i.entry(n.id, e.path) {
			return dirs, false
		}
		if r[25]&2 != 0 {
			e.path += "/"
			dirs = append(dirs, e)
			continue
		}
		if body := cut(n.data, e.at, e.size); !i.take(File{Parent: n.id, Name: e.path, Size: e.size}, bytes.NewReader(body), e.size) {
			return dirs, false
		}
	}
	return dirs, true
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
