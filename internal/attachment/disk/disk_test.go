package disk_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"outrider/internal/attachment/disk"
	"outrider/internal/mailtest"
)

const sector = 512

// volume is a FAT volume to build, with one sector in a cluster. Paths ending in "/" are
// folders, which come before their files.
type volume struct {
	bits  int
	files [][2]string
}

// writer places clusters, and chains them in the table.
type writer struct {
	volume
	table []uint32
	data  []byte
}

// add writes the clusters of a file backwards, so that no chain is a run.
func (w *writer) add(b []byte) uint32 {
	next := uint32(0x0FFFFFFF)
	n := (len(b) + sector - 1) / sector
	for k := n - 1; k >= 0; k-- {
		cluster := make([]byte, sector)
		copy(cluster, b[k*sector:])
		w.data = append(w.data, cluster...)
		w.table = append(w.table, next)
		next = uint32(len(w.table) - 1)
	}
	return next
}

// entries writes a long name if the name needs one, and the short entry.
func (w *writer) entries(name string, attr byte, cluster uint32, size int) []byte {
	stem, ext, _ := strings.Cut(name, ".")
	short := fmt.Sprintf("%-8.8s%-3.3s", strings.ToUpper(stem), strings.ToUpper(ext))
	var long []byte
	if strings.ToUpper(name) != name || len(stem) > 8 || len(ext) > 3 {
		short = fmt.Sprintf("LONG~%03d%-3.3s", len(w.table)%1000, "X")
		var sum byte
		for _, c := range []byte(short) {
			sum = sum>>1 | sum<<7
			sum += c
		}
		units := append(utf16.Encode([]rune(name)), 0)
		for order := 1; len(units) > 0; order++ {
			e := make([]byte, 32)
			e[0], e[11], e[13] = byte(order), 0x0F, sum
			for _, at := range []int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30} {
				if len(units) == 0 {
					binary.LittleEndian.PutUint16(e[at:], 0xFFFF)
					continue
				}
				binary.LittleEndian.PutUint16(e[at:], units[0])
				units = units[1:]
			}
			if len(units) == 1 && units[0] == 0 {
				units = nil
			}
			if len(units) == 0 {
				e[0] |= 0x40
			}
			long = append(e, long...)
		}
	}
	e := make([]byte, 32)
	copy(e, short)
	e[11] = attr
	binary.LittleEndian.PutUint16(e[20:], uint16(cluster>>16))
	binary.LittleEndian.PutUint16(e[26:], uint16(cluster))
	binary.LittleEndian.PutUint32(e[28:], uint32(size))
	return append(long, e...)
}

func (w *writer) folder(prefix string) []byte {
	var out []byte
	if prefix != "" {
		out = append(w.entries(".", 0x10, 0, 0), w.entries("..", 0x10, 0, 0)...)
	} else {
		out = w.entries("LABEL", 0x08, 0, 0)
	}
	for _, f := range w.files {
		rest, ok := strings.CutPrefix(f[0], prefix)
		if !ok || rest == "" {
			continue
		}
		if name, inner, found := strings.Cut(rest, "/"); found {
			if inner == "" {
				out = append(out, w.entries(name, 0x10, w.add(w.folder(f[0])), 0)...)
			}
			continue
		}
		cluster := uint32(0)
		if f[1] != "" {
			cluster = w.add([]byte(f[1]))
		}
		out = append(out, w.entries(rest, 0x20, cluster, len(f[1]))...)
	}
	return out
}

func (v volume) build() []byte {
	w := &writer{volume: v, table: []uint32{0x0FFFFFF8, 0x0FFFFFFF}}
	root := w.folder("")
	clusters := map[int]int{12: max(100, len(w.table)), 16: 5000, 32: 66000}[v.bits]
	perTable := (clusters+2)*v.bits/8/sector + 1
	boot := make([]byte, sector)
	le := binary.LittleEndian
	le.PutUint16(boot[11:], sector)
	boot[13], boot[16] = 1, 1
	le.PutUint16(boot[14:], 1)
	le.PutUint32(boot[32:], uint32(1+perTable+clusters+len(root)/sector+1))
	boot[510], boot[511] = 0x55, 0xAA
	rootEntries := (len(root)/32/16 + 1) * 16
	if v.bits == 32 {
		rootEntries = 0
		le.PutUint32(boot[36:], uint32(perTable))
		le.PutUint32(boot[44:], w.add(root))
	} else {
		le.PutUint16(boot[17:], uint16(rootEntries))
		le.PutUint16(boot[22:], uint16(perTable))
	}
	table := make([]byte, perTable*sector)
	for n, value := range w.table {
		switch v.bits {
		case 12:
			shift := 4 * (n & 1)
			at := n * 3 / 2
			le.PutUint16(table[at:], le.Uint16(table[at:])|uint16(value&0xFFF)<<shift)
		case 16:
			le.PutUint16(table[2*n:], uint16(value))
		default:
			le.PutUint32(table[4*n:], value)
		}
	}
	out := slices.Concat(boot, table)
	if v.bits != 32 {
		out = append(out, append(root, make([]byte, rootEntries*32-len(root))...)...)
	}
	return append(out, w.data...)
}

func put32(b []byte, at int, values ...int) {
	for k, v := range values {
		binary.LittleEndian.PutUint32(b[at+4*k:], uint32(v))
	}
}

// mbr writes a table of partitions with the volume in the second one, or in an extended one.
func mbr(v []byte, extended bool) []byte {
	b := make([]byte, 8*sector)
	b[510], b[511] = 0x55, 0xAA
	b[446+16+4] = 0x0C
	start := 8
	if extended {
		b[446+16+4] = 5
		put32(b, 446+16+8, 4, 1000)
		inner := b[4*sector:]
		inner[510], inner[511], inner[450] = 0x55, 0xAA, 0x0C
		put32(inner, 454, 4, len(v)/sector)
	} else {
		put32(b, 446+16+8, start, len(v)/sector)
	}
	return append(b, v...)
}

func gpt(v []byte) []byte {
	b := make([]byte, 8*sector)
	b[510], b[511], b[450] = 0x55, 0xAA, 0xEE
	copy(b[512:], "EFI PART")
	put32(b, 512+72, 2, 0, 4, 128)
	put32(b, 1024+128, 1, 1, 1, 1) // the second entry
	put32(b, 1024+128+32, 8, 0, 7+len(v)/sector, 0)
	return append(b, v...)
}

// vhd writes a disk in blocks in reverse order, leaving out those of zeros, or as it is.
func vhd(d []byte, dynamic bool) []byte {
	be := binary.BigEndian
	footer := make([]byte, 512)
	copy(footer, "conectix")
	be.PutUint64(footer[16:], 512)
	be.PutUint64(footer[48:], uint64(len(d)))
	be.PutUint32(footer[60:], 2)
	if !dynamic {
		return append(slices.Clone(d), footer...)
	}
	be.PutUint32(footer[60:], 3)
	const block = 8192
	header := make([]byte, 1024)
	copy(header, "cxsparse")
	be.PutUint64(header[16:], 1536)
	n := (len(d) + block - 1) / block
	be.PutUint32(header[28:], uint32(n))
	be.PutUint32(header[32:], block)
	bat := make([]byte, (4*n+511)/512*512)
	out := slices.Concat(footer, header, bat)
	for k := n - 1; k >= 0; k-- {
		b := make([]byte, block)
		copy(b, d[k*block:])
		at := uint32(0xFFFFFFFF)
		if strings.Trim(string(b), "\x00") != "" {
			at = uint32(len(out) / 512)
			out = slices.Concat(out, make([]byte, 512), b)
		}
		be.PutUint32(out[1536+4*k:], at)
	}
	return append(out, footer...)
}

// vhdx writes a disk of up to a megabyte in one block.
func vhdx(d []byte) []byte {
	const mib = 1 << 20
	b := make([]byte, 4*mib)
	copy(b, "vhdxfile")
	le := binary.LittleEndian
	table := b[192<<10:]
	copy(table, "regi")
	put32(table, 8, 2)
	copy(table[16:], "\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08")
	put32(table, 32, mib, 0, mib)
	copy(table[48:], "\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e")
	put32(table, 64, 2*mib, 0, mib)
	meta := b[2*mib:]
	copy(meta, "metadata")
	le.PutUint16(meta[10:], 3)
	for k, item := range []struct {
		id    string
		value []int
	}{
		{"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b", []int{mib, 0}},
		{"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8", []int{2 * mib, 0}},
		{"\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f", []int{512}},
	} {
		copy(meta[32+32*k:], item.id)
		put32(meta, 32+32*k+16, 65536+16*k, 4*len(item.value))
		put32(meta, 65536+16*k, item.value...)
	}
	le.PutUint64(b[mib:], 3*mib|6)
	copy(b[3*mib:], d)
	return b
}

var content = [][2]string{
	{"DIR/", ""}, {"DIR/A.TXT", "hello"}, {"DIR/a longer name ✓.exe", strings.Repeat("MZ", 2000)}, {"DIR/deep/", ""}, {"DIR/deep/b", "x"}, {"EMPTY", ""},
}

func samples() map[string][]byte {
	small := volume{12, content}.build()
	return map[string][]byte{
		"FAT12": small, "FAT16": volume{16, content}.build(), "FAT32": volume{32, content}.build(),
		"a partition": mbr(small, false), "an extended partition": mbr(small, true), "GUID partitions": gpt(small),
		"a fixed VHD": vhd(small, false), "a dynamic VHD": vhd(mbr(small, false), true), "a VHDX": vhdx(gpt(small)),
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, data := range samples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := disk.Read(data, 1000)
			if len(m.Notes) > 0 || m.Label != "LABEL" || len(m.Systems) != 1 {
				t.Errorf("%+v", m)
			}
			want := map[string]string{}
			for _, f := range content {
				if !strings.HasSuffix(f[0], "/") {
					want[f[0]] = f[1]
				}
			}
			for _, f := range m.Files {
				b, err := io.ReadAll(f.Open())
				if w, known := want[f.Path]; err != nil || !known || string(b) != w {
					t.Errorf("%q: %d bytes of %d, %v", f.Path, len(b), f.Size, err)
				}
				delete(want, f.Path)
			}
			if len(want) > 0 {
				t.Errorf("missing %v", want)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	t.Parallel()
	ntfs := make([]byte, 4096)
	copy(ntfs[3:], "NTFS    ")
	noFooter := vhd(volume{12, content}.build(), true)
	noFooter[1536-1024] = 'x' // the header of the blocks
	for _, tt := range []struct {
		name string
		data []byte
		want disk.Note
	}{
		{"another file system", ntfs, disk.Unsupported},
		{"another file system in a partition", mbr(ntfs, false), disk.Unsupported},
		{"nothing", make([]byte, 4096), disk.NoPartition},
		{"no header", noFooter, disk.Broken},
		{"an empty VHDX", append([]byte("vhdxfile"), make([]byte, 4096)...), disk.Broken},
		{"more files than allowed", volume{12, content}.build(), disk.OverLimit},
	} {
		if m := disk.Read(tt.data, 2); !slices.Contains(m.Notes, tt.want) {
			t.Errorf("%s: %+v", tt.name, m)
		}
	}
}

// worst are images that make much work of each byte.
func worst() map[string][]byte {
	many := make([][2]string, 3000)
	for k := range many {
		many[k] = [2]string{fmt.Sprintf("%0100d", k), ""}
	}
	loop := volume{12, [][2]string{{"A/", ""}, {"A/B/", ""}, {"A/C", strings.Repeat("x", 1000)}}}.build()
	// The table leads every cluster back to the third.
	for at := sector; at+3 <= 2*sector; at += 3 {
		copy(loop[at:], "\x03\x30\x00")
	}
	blocks := vhd(make([]byte, 1<<20), true)
	blocks = slices.Concat(blocks[:len(blocks)-512], make([]byte, 16<<20), blocks[len(blocks)-512:])
	binary.BigEndian.PutUint32(blocks[512+28:], 1<<31)
	binary.BigEndian.PutUint64(blocks[len(blocks)-512+48:], 1<<41)
	chained := mbr(volume{12, nil}.build(), true)
	put32(chained, 4*sector+470, 1<<32-4+4) // the table of the extended partition leads to itself
	return map[string][]byte{"many": volume{16, many}.build(), "loop": loop, "blocks": blocks, "chained": chained}
}

func TestReadInTimeAndMemory(t *testing.T) {
	for name, data := range worst() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var m *disk.Image
		took := mailtest.Spent(t, func() {
			m = disk.Read(data, 5000)
			for _, f := range m.Files {
				_, _ = io.Copy(io.Discard, io.LimitReader(f.Open(), 1<<20))
			}
		})
		runtime.ReadMemStats(&after)
		mib := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%s: %v, %d MiB allocated for %d KiB, %d files, %v", name, took, mib, len(data)>>10, len(m.Files), m.Notes)
		if took > 2*time.Second || mib > 96 {
			t.Errorf("%s: %v, %d MiB", name, took, mib)
		}
	}
}

func FuzzRead(f *testing.F) {
	for name, data := range samples() {
		if len(data) < 300<<10 && name != "FAT32" {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := disk.Read(data, 100)
		if len(m.Files) > 100 {
			t.Errorf("%d files", len(m.Files))
		}
		for _, file := range m.Files {
			_, _ = io.Copy(io.Discard, io.LimitReader(file.Open(), 1<<16))
		}
	})
}
