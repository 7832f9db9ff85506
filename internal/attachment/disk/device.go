package disk

import (
	"bytes"
	"encoding/binary"
)

// device is a disk or a partition: plain bytes, or blocks.
type device struct {
	data  []byte
	block int64   // size of a block; 0 if the data are the disk
	table []int64 // offset of each block in data; -1 reads as zeros
	start int64   // of the partition
	size  int64
}

// part returns a part of the disk, up to the end of the disk.
func (d *device) part(at, size int64) *device {
	p := *d
	at = min(max(at, 0), d.size)
	p.start, p.size = d.start+at, min(max(size, 0), d.size-at)
	return &p
}

// maxRead bounds one read: the largest cluster is 256 KiB.
const maxRead = 1 << 20

// read returns n bytes, fewer at the end. The result must not be changed.
func (d *device) read(at, n int64) []byte {
	if at < 0 || at >= d.size || n <= 0 {
		return nil
	}
	n = min(n, d.size-at, maxRead)
	at += d.start
	if d.block == 0 {
		return cut(d.data, at, n)
	}
	if at/d.block == (at+n-1)/d.block {
		return d.inBlock(at, n)
	}
	out := make([]byte, 0, n)
	for n > 0 {
		part := d.inBlock(at, min(n, d.block-at%d.block))
		out = append(out, part...)
		at, n = at+int64(len(part)), n-int64(len(part))
		if len(part) == 0 {
			break
		}
	}
	return out
}

// inBlock returns bytes of one block.
func (d *device) inBlock(at, n int64) []byte {
	k := at / d.block
	if k >= int64(len(d.table)) || d.table[k] < 0 {
		return make([]byte, n)
	}
	return cut(d.data, d.table[k]+at%d.block, n)
}

func cut(b []byte, at, n int64) []byte {
	if at < 0 || at >= int64(len(b)) || n <= 0 {
		return nil
	}
	return b[at:min(at+n, int64(len(b)))]
}

// maxBlocks bounds the table of blocks: two terabytes in blocks of a megabyte.
const maxBlocks = 1 << 21

// open finds the disk in an image.
func open(data []byte, m *Image) *device {
	flat := &device{data: data, size: int64(len(data))}
	if bytes.HasPrefix(data, []byte("vhdxfile")) {
		if d := openVHDX(data, m); d != nil {
			return d
		}
		m.note(Broken)
		return flat
	}
	footer := cut(data, int64(len(data))-512, 512)
	if !bytes.HasPrefix(footer, []byte("conectix")) {
		footer = cut(data, 0, 512) // the copy in a truncated file
	}
	if !bytes.HasPrefix(footer, []byte("conectix")) || len(footer) < 512 {
		return flat
	}
	if d := openVHD(data, footer, m); d != nil {
		return d
	}
	m.note(Broken)
	return flat
}

// The types of a VHD. Virtual Hard Disk Image Format, "Hard Disk Footer Format".
const (
	vhdFixed     = 2
	vhdDynamic   = 3
	vhdDifferent = 4
)

// openVHD reads the footer and, of a dynamic disk, the block table. Each block begins with
// a bitmap of its sectors.
func openVHD(data, footer []byte, m *Image) *device {
	be := binary.BigEndian
	size := int64(be.Uint64(footer[48:]) &^ (1 << 63))
	kind := be.Uint32(footer[60:])
	if kind == vhdFixed {
		return &device{data: data, size: int64(len(data)) - 512}
	}
	if kind != vhdDynamic && kind != vhdDifferent {
		return nil
	}
	if kind == vhdDifferent {
		m.note(Parent)
	}
	header := cut(data, int64(be.Uint64(footer[16:])&^(1<<63)), 1024)
	if len(header) < 40 || !bytes.HasPrefix(header, []byte("cxsparse")) {
		return nil
	}
	block := int64(be.Uint32(header[32:]))
	if block < sectorSize || block&(block-1) != 0 {
		return nil
	}
	bitmap := (block/sectorSize/8 + 511) &^ 511
	d := &device{data: data, block: block, size: size}
	bat := cut(data, int64(be.Uint64(header[16:])&^(1<<63)), 4*int64(be.Uint32(header[28:])))
	d.table = make([]int64, 0, min(len(bat)/4, maxBlocks))
	for ; len(bat) >= 4 && len(d.table) < maxBlocks; bat = bat[4:] {
		at := int64(-1)
		if s := be.Uint32(bat); s != 0xFFFFFFFF {
			at = int64(s)*sectorSize + bitmap
		}
		d.table = append(d.table, at)
	}
	return d
}

// The regions and items of a VHDX. MS-VHDX, 2.2.3.2 and 2.6.2.
const (
	vhdxBlocks   = "\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08"
	vhdxMetadata = "\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e"
	vhdxFile     = "\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b"
	vhdxSize     = "\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8"
	vhdxSector   = "\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f"
)

// openVHDX reads the tables of regions, of metadata and of blocks. Entries of sector
// bitmaps are interleaved with those of blocks at a fixed interval.
func openVHDX(data []byte, m *Image) *device {
	regions := vhdxRegions(cut(data, 192<<10, 64<<10))
	if regions == nil {
		regions = vhdxRegions(cut(data, 256<<10, 64<<10))
	}
	meta, bat := regions[vhdxMetadata], regions[vhdxBlocks]
	items := vhdxItems(cut(data, meta[0], meta[1]))
	file, size, logical := items[vhdxFile], items[vhdxSize], items[vhdxSector]
	if len(file) < 8 || len(size) < 8 || len(logical) < 4 {
		return nil
	}
	d := &device{data: data, block: int64(le32(file)), size: int64(le64(size) &^ (1 << 63))}
	if d.block < 1<<20 || d.block > 256<<20 || d.block&(d.block-1) != 0 || le32(logical) == 0 {
		return nil
	}
	if le32(file[4:])&2 != 0 {
		m.note(Parent)
	}
	ratio := (1 << 23) * int64(le32(logical)) / d.block
	entries := cut(data, bat[0], bat[1])
	d.table = make([]int64, 0, min(len(entries)/8, maxBlocks))
	for k := int64(1); len(entries) >= 8 && len(d.table) < maxBlocks; k++ {
		e := le64(entries)
		entries = entries[8:]
		if ratio > 0 && k%(ratio+1) == 0 {
			continue
		}
		at := int64(-1)
		if state := e & 7; state == 6 || state == 7 { // fully or partly present
			at = int64(e>>20) << 20
		}
		d.table = append(d.table, at)
	}
	return d
}

// vhdxRegions parses a region table: offsets and sizes by identity.
func vhdxRegions(b []byte) map[string][2]int64 {
	if len(b) < 16 || !bytes.HasPrefix(b, []byte("regi")) {
		return nil
	}
	out := map[string][2]int64{}
	for e := b[16:]; len(e) >= 32 && len(out) < int(min(le32(b[8:]), 2047)); e = e[32:] {
		out[string(e[:16])] = [2]int64{int64(le64(e[16:]) &^ (1 << 63)), int64(le32(e[24:]))}
	}
	return out
}

// vhdxItems parses the metadata table. Offsets count from its beginning.
func vhdxItems(b []byte) map[string][]byte {
	if len(b) < 32 || !bytes.HasPrefix(b, []byte("metadata")) {
		return nil
	}
	out := map[string][]byte{}
	for e := b[32:]; len(e) >= 32 && len(out) < int(min(le16(b[10:]), 2047)); e = e[32:] {
		out[string(e[:16])] = cut(b, int64(le32(e[16:])), int64(le32(e[20:])))
	}
	return out
}
