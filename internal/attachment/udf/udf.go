// Package udf lists the files of an image in Universal Disk Format.
//
// Windows mounts such images at a double click, and files inside have no Mark of the Web.
// Descriptors define the structure of an image: an anchor at a fixed place refers to the
// volume, the volume to its partitions and a file set, and that to a tree of file entries,
// whose content is in extents. An image may contain a second, older tree for the same
// files; people see the tree that their system prefers.
//
// Standards: ECMA-167 3rd edition, and UDF 1.02 to 2.60 of OSTA.
//
// Divergences: checksums of descriptors are verified, their CRCs and sequence numbers are
// not; the reserve of the volume is read if the main sequence is unusable.
//
// Limits: strategy 4 only; sparing tables are not applied; virtual partitions, used by
// discs written incrementally, and named streams are noted or left out.
package udf

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"unicode/utf16"
)

// Note is a defect of an image.
type Note string

// The notes of an image.
const (
	Broken      Note = "broken"       // a descriptor is missing or wrong
	Virtual     Note = "virtual"      // a partition written incrementally
	BadStrategy Note = "bad-strategy" // a file with another strategy than 4
	OverLimit   Note = "over-limit"   // something was left out
)

// File is one file of an image.
type File struct {
	Path   string // with the folders, separated by "/"
	Size   int64  // in bytes
	Offset int64  // of the first byte in the image, -1 if it is inside its entry or missing

	extents []extent
}

// Open returns the content of the file.
func (f *File) Open() io.Reader {
	parts := make([]io.Reader, len(f.extents))
	for k, e := range f.extents {
		if parts[k] = bytes.NewReader(e.data); e.data == nil {
			parts[k] = io.LimitReader(zeros{}, e.size)
		}
	}
	return io.LimitReader(io.MultiReader(parts...), f.Size)
}

// Stored returns the number of bytes that the content takes in the image.
func (f *File) Stored() int64 {
	var n int64
	for _, e := range f.extents {
		n += int64(len(e.data))
	}
	return n
}

// zeros is an endless reader of zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Volume is the content of an image.
type Volume struct {
	Label string
	Files []File
	Notes []Note
}

func (v *Volume) note(n Note) {
	if !slices.Contains(v.Notes, n) {
		v.Notes = append(v.Notes, n)
	}
}

// The tags of descriptors. ECMA-167, Parts 3 and 4, Section 7.2.1.
const (
	tagAnchor     = 2
	tagPointer    = 3
	tagPartition  = 5
	tagLogical    = 6
	tagTerminator = 8
	tagFileSet    = 256
	tagName       = 257
	tagExtents    = 258
	tagEntry      = 261
	tagExtended   = 266
)

// partition is the base of addresses in the image.
type partition struct {
	data  []byte
	start int64 // in the image, -1 if assembled
}

// extent is a run of bytes; without data it reads as zeros.
type extent struct {
	data   []byte
	size   int64
	offset int64 // in the image, -1 if unknown
}

// reader is the state of one Read.
type reader struct {
	volume  *Volume
	data    []byte
	sector  int64
	block   int64
	numbers map[uint16]partition // by the number of the partition
	parts   []partition          // by the reference of addresses
	fileSet []byte               // address of the file set
	entries int                  // that may still be listed
	extents int                  // that may still be read
	folders int64                // bytes of folders that may still be read
}

// maxExtents bounds the extents of an image. Badly scattered honest files have a hundred.
const maxExtents = 1 << 18

// Read lists the files of an image, at most entries including folders. It reports false if
// it is no UDF. Defects become notes, never errors.
func Read(data []byte, entries int) (*Volume, bool) {
	v := &Volume{}
	for _, sector := range []int64{2048, 512, 4096} {
		r := &reader{volume: v, data: data, sector: sector, block: sector, entries: entries, extents: maxExtents, folders: int64(len(data))}
		if r.anchors() {
			r.walk()
			return v, true
		}
	}
	return v, false
}

// cut returns at most n bytes from an offset on, nil outside.
func cut(b []byte, at, n int64) []byte {
	if at < 0 || at >= int64(len(b)) || n <= 0 {
		return nil
	}
	return b[at:min(at+n, int64(len(b)))]
}

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// tag returns the kind of a descriptor, 0 if its checksum is wrong. ECMA-167, Part 3,
// Section 7.2.3: the sum of the other bytes of the tag.
func tag(b []byte) uint16 {
	if len(b) < 16 {
		return 0
	}
	var sum byte
	for k, c := range b[:16] {
		if k != 4 {
			sum += c
		}
	}
	if sum != b[4] {
		return 0
	}
	return le16(b)
}

// anchors reads the volume of the first valid anchor. ECMA-167, Part 3, Section 8.4.2.1:
// sector 256, the last one, and the 256th before that.
func (r *reader) anchors() bool {
	last := int64(len(r.data))/r.sector - 1
	for _, at := range []int64{256, last, last - 256} {
		a := cut(r.data, at*r.sector, 512)
		if tag(a) != tagAnchor || len(a) < 32 {
			continue
		}
		for _, place := range [][]byte{a[16:24], a[24:32]} { // the main sequence and the reserve
			if r.sequence(place); r.fileSet != nil && len(r.parts) > 0 {
				return true
			}
		}
	}
	return false
}

// maxSequence bounds the descriptors of a volume; discs have less than twenty.
const maxSequence = 256

// sequence reads the descriptors of a volume. ECMA-167, Part 3, Section 8.4.2.
func (r *reader) sequence(place []byte) {
	r.numbers = map[uint16]partition{}
	var logical []byte
	at, left := int64(le32(place[4:]))*r.sector, int64(le32(place))
	for k := 0; k < maxSequence && left > 0; k++ {
		d := cut(r.data, at, r.sector)
		at, left = at+r.sector, left-r.sector
		switch tag(d) {
		case tagPointer:
			if len(d) >= 28 {
				at, left = int64(le32(d[24:]))*r.sector, int64(le32(d[20:]))
			}
		case tagPartition:
			if len(d) >= 196 {
				start := int64(le32(d[188:])) * r.sector
				r.numbers[le16(d[22:])] = partition{cut(r.data, start, int64(le32(d[192:]))*r.sector), start}
			}
		case tagLogical:
			logical = d
		case tagTerminator:
			left = 0
		}
	}
	if len(logical) >= 440 {
		r.logical(logical)
	}
}

// logical reads the descriptor of the logical volume. ECMA-167, Part 3, Section 10.6.
func (r *reader) logical(d []byte) {
	r.volume.Label = dstring(d[84:212])
	if size := int64(le32(d[212:])); size >= 512 && size <= 1<<16 && size&(size-1) == 0 {
		r.block = size
	}
	r.fileSet = d[248:264]
	r.parts = nil
	maps := cut(d, 440, int64(le32(d[264:])))
	for k := uint32(0); k < le32(d[268:]) && len(maps) >= 6 && int(maps[1]) >= 6 && len(r.parts) < 64; k++ {
		m := maps[:min(int(maps[1]), len(maps))]
		maps = maps[len(m):]
		r.parts = append(r.parts, r.partitionMap(m))
	}
}

// partitionMap returns the partition of a map. ECMA-167, Part 3, Section 10.7, and UDF
// 2.60, Sections 2.2.8 to 2.2.10.
func (r *reader) partitionMap(m []byte) partition {
	if m[0] == 1 {
		return r.numbers[le16(m[4:])]
	}
	if m[0] != 2 || len(m) < 64 {
		r.volume.note(Broken)
		return partition{}
	}
	base := r.numbers[le16(m[38:])]
	switch {
	case bytes.HasPrefix(m[5:], []byte("*UDF Sparable Partition")):
		return base
	case bytes.HasPrefix(m[5:], []byte("*UDF Metadata Partition")):
		return r.metadata(base, m)
	default:
		r.volume.note(Virtual)
		return partition{}
	}
}

// metadata assembles the metadata file, which is addressed as a separate partition. The
// mirror is read if the file is unusable.
func (r *reader) metadata(base partition, m []byte) partition {
	for _, place := range [][]byte{m[40:], m[44:]} {
		r.parts = append(r.parts, base) // short addresses are relative to it
		f, ok := r.entry(len(r.parts)-1, le32(place))
		r.parts = r.parts[:len(r.parts)-1]
		if !ok || len(f.extents) == 0 {
			continue
		}
		if len(f.extents) == 1 {
			return partition{f.extents[0].data, f.extents[0].offset}
		}
		data, err := io.ReadAll(io.LimitReader(f.Open(), int64(len(r.data))))
		if err == nil {
			return partition{data, -1}
		}
	}
	r.volume.note(Broken)
	return partition{}
}

// dstring reads a string whose last byte is its length. ECMA-167, Part 1, Section 7.2.12.
func dstring(b []byte) string {
	return name(b[:min(int(b[len(b)-1]), len(b)-1)])
}

// name decodes a compressed string: the first byte is the number of bits per letter. UDF
// 2.60, Section 2.1.1.
func name(b []byte) string {
	if len(b) < 2 {
		return ""
	}
	wide := b[0] == 16 || b[0] == 255
	b = b[1:]
	units := make([]uint16, 0, len(b))
	for len(b) > 0 {
		if wide && len(b) < 2 {
			break
		}
		if wide {
			units, b = append(units, binary.BigEndian.Uint16(b)), b[2:]
		} else {
			units, b = append(units, uint16(b[0])), b[1:]
		}
	}
	return string(utf16.Decode(units))
}
