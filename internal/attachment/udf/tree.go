package udf

import (
	"encoding/binary"
	"io"
	"strings"
)

// folder is a pending folder.
type folder struct {
	part  int
	block uint32
	path  string
}

// maxPath bounds a path; Windows opens up to 260 letters.
const maxPath = 4096

// walk lists the tree from the root of the file set on. Each folder is read once.
func (r *reader) walk() {
	part, block := address(r.fileSet)
	d := r.at(part, block, r.block)
	if tag(d) != tagFileSet || len(d) < 416 {
		r.volume.note(Broken)
		return
	}
	part, block = address(d[400:])
	seen := map[[2]int64]bool{{int64(part), int64(block)}: true}
	for todo := []folder{{part, block, ""}}; len(todo) > 0; todo = todo[1:] {
		found, more := r.folder(todo[0])
		for _, f := range found {
			if key := [2]int64{int64(f.part), int64(f.block)}; !seen[key] {
				seen[key] = true
				todo = append(todo, f)
			}
		}
		if !more {
			return
		}
	}
}

// address reads a long address: length, block, and partition. ECMA-167, Part 4,
// Section 14.14.2.
func address(b []byte) (part int, block uint32) { return int(le16(b[8:])), le32(b[4:]) }

// at returns bytes of a partition, nil if out of range.
func (r *reader) at(part int, block uint32, n int64) []byte {
	if part >= len(r.parts) {
		return nil
	}
	return cut(r.parts[part].data, int64(block)*r.block, n)
}

// folder lists the files of a folder, and returns its folders. ECMA-167, Part 4, Section
// 14.4. It reports whether there is room for more.
func (r *reader) folder(f folder) (inner []folder, more bool) {
	e, ok := r.entry(f.part, f.block)
	if !ok {
		r.volume.note(Broken)
		return nil, true
	}
	d, err := io.ReadAll(io.LimitReader(e.Open(), r.folders))
	if r.folders -= int64(len(d)); err != nil || r.folders <= 0 {
		r.volume.note(OverLimit)
	}
	for len(d) >= 38 && tag(d) == tagName {
		names, extra := int(d[19]), int(le16(d[36:]))
		size := (38 + extra + names + 3) &^ 3
		if 38+extra+names > len(d) {
			r.volume.note(Broken)
			return inner, true
		}
		kind, id := d[18], d[38+extra:38+extra+names]
		part, block := address(d[20:])
		d = d[min(size, len(d)):]
		if kind&(4|8) != 0 { // deleted, and the way up
			continue
		}
		if r.entries--; r.entries < 0 {
			r.volume.note(OverLimit)
			return inner, false
		}
		path := f.path + name(id)
		switch {
		case len(path) > maxPath:
			r.volume.note(OverLimit)
		case kind&2 != 0:
			inner = append(inner, folder{part, block, path + "/"})
		default:
			r.file(part, block, path)
		}
	}
	return inner, true
}

func (r *reader) file(part int, block uint32, path string) {
	f, ok := r.entry(part, block)
	if !ok {
		r.volume.note(Broken)
	}
	f.Path = strings.ReplaceAll(path, "\x00", "")
	r.volume.Files = append(r.volume.Files, f)
}

// entry reads a file entry. ECMA-167, Part 4, Sections 14.9 and 14.17.
func (r *reader) entry(part int, block uint32) (File, bool) {
	d := r.at(part, block, r.block)
	head := 176
	switch tag(d) {
	case tagEntry:
	case tagExtended:
		head = 216
	default:
		return File{Offset: -1}, false
	}
	if len(d) < head {
		return File{Offset: -1}, false
	}
	if le16(d[20:]) != 4 {
		r.volume.note(BadStrategy)
	}
	f := File{Size: int64(binary.LittleEndian.Uint64(d[56:]) &^ (1 << 63)), Offset: -1}
	attributes, size := int64(le32(d[head-8:])), int64(le32(d[head-4:]))
	list := cut(d, int64(head)+attributes, size)
	kind := le16(d[34:]) & 7
	if kind == 3 { // the content replaces its addresses
		f.extents = []extent{{data: list, size: int64(len(list)), offset: -1}}
		return f, true
	}
	r.read(&f, part, kind, list)
	if len(f.extents) > 0 {
		f.Offset = f.extents[0].offset
	}
	return f, true
}

// sizes are those of the address kinds: short, long, and extended.
var sizes = [...]int{8, 16, 20}

// maxChain bounds the blocks of addresses of one file.
const maxChain = 256

// read follows the addresses of a file. ECMA-167, Part 4, Section 14.14.1: the upper bits
// of a length mean that the extent is written, empty, or holds more addresses.
func (r *reader) read(f *File, part int, kind uint16, list []byte) {
	if int(kind) >= len(sizes) {
		r.volume.note(Broken)
		return
	}
	for chain, total := 0, int64(0); len(list) >= sizes[kind] && total < f.Size; {
		a := list[:sizes[kind]]
		list = list[sizes[kind]:]
		length, where, of := int64(le32(a)&0x3FFFFFFF), le32(a[4:]), part
		switch kind {
		case 1:
			of, where = address(a)
		case 2:
			of, where = int(le16(a[16:])), le32(a[12:])
		}
		if r.extents--; r.extents < 0 || chain > maxChain {
			r.volume.note(OverLimit)
			return
		}
		switch mark := le32(a) >> 30; {
		case length == 0:
			return
		case mark == 3:
			list = r.more(of, where)
			chain++
		default:
			e := r.extent(of, where, length, mark == 0)
			f.extents = append(f.extents, e)
			total += e.size
		}
	}
}

// more returns the addresses of a block of them. ECMA-167, Part 4, Section 14.5.
func (r *reader) more(part int, block uint32) []byte {
	d := r.at(part, block, r.block)
	if tag(d) != tagExtents || len(d) < 24 {
		r.volume.note(Broken)
		return nil
	}
	return cut(d, 24, int64(le32(d[20:])))
}

func (r *reader) extent(part int, block uint32, length int64, written bool) extent {
	e := extent{size: length, offset: -1}
	if !written {
		return e
	}
	e.data = r.at(part, block, length)
	e.size = int64(len(e.data))
	if e.size < length {
		r.volume.note(Broken)
	}
	if e.data == nil {
		e.data = []byte{}
	} else if start := r.parts[part].start; start >= 0 {
		e.offset = start + int64(block)*r.block
	}
	return e
}
