package udf_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider/internal/attachment/udf"
	"outrider/internal/mailtest"
)

// image is a UDF volume to build. Paths ending in "/" are folders, which come first.
type image struct {
	sector   int
	kind     int  // of addresses: 0 short, 1 long, 2 extended, 3 inside the entry
	extended bool // extended file entries
	wide     bool // names of 16 bits
	metadata bool // entries and folders are in a metadata partition
	virtual  bool
	atEnd    bool // the anchor is the last sector
	pieces   int  // extents of a file
	files    [][2]string
}

func u16(n int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(n)) }
func u32(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
func u64(n int) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }

// descriptor writes a tag before a body that leaves room for it.
func descriptor(id int, body []byte) []byte {
	copy(body, u16(id))
	body[2] = 3
	body[4] = 0
	var sum byte
	for _, c := range body[:16] {
		sum += c
	}
	body[4] = sum
	return body
}

func put(b []byte, at int, parts ...[]byte) {
	for _, p := range parts {
		at += copy(b[at:], p)
	}
}

// writer places blocks in the partition.
type writer struct {
	image
	blocks [][]byte
}

func (w *writer) add(data []byte) int {
	at := len(w.blocks)
	for first := true; first || len(data) > 0; first = false {
		b := make([]byte, w.sector)
		data = data[copy(b, data):]
		w.blocks = append(w.blocks, b)
	}
	return at
}

func (w *writer) address(length, block, ref int) []byte {
	switch w.kind {
	case 0:
		return slices.Concat(u32(length), u32(block))
	case 1:
		return slices.Concat(u32(length), u32(block), u16(ref), make([]byte, 6))
	}
	return slices.Concat(u32(length), u32(length), u32(length), u32(block), u16(ref), make([]byte, 2))
}

// entry writes a file entry for the content, whose extents count from the partition ref.
func (w *writer) entry(content []byte, ref int) []byte {
	id, head := 261, 176
	if w.extended {
		id, head = 266, 216
	}
	kind, list := w.kind, []byte(nil)
	if kind == 3 {
		list = content
	} else {
		n := max(1, w.pieces)
		for size := (len(content)/n/w.sector + 1) * w.sector; ; {
			part := content[:min(size, len(content))]
			content = content[len(part):]
			list = append(list, w.address(len(part), w.add(part), ref)...)
			if len(content) == 0 {
				break
			}
		}
	}
	b := make([]byte, w.sector)
	total := len(list)
	if kind != 3 {
		total = 0
		for k := 0; k < len(list); k += []int{8, 16, 20}[kind] {
			total += int(binary.LittleEndian.Uint32(list[k:]))
		}
	}
	put(b, 16, u32(0), u16(4))
	put(b, 34, u16(kind))
	put(b, 56, u64(total))
	put(b, head-4, u32(len(list)), list)
	return descriptor(id, b)
}

func (w *writer) name(s string) []byte {
	if !w.wide {
		return append([]byte{8}, s...)
	}
	b := []byte{16}
	for _, r := range s {
		b = binary.BigEndian.AppendUint16(b, uint16(r))
	}
	return b
}

func (w *writer) fid(name []byte, kind, block, ref int) []byte {
	size := (38 + len(name) + 3) &^ 3
	b := make([]byte, size)
	put(b, 16, u16(1), []byte{byte(kind), byte(len(name))}, u32(w.sector), u32(block), u16(ref))
	put(b, 38, name)
	return descriptor(257, b)
}

// folder writes the entry of a folder and what is in it, and returns its block.
func (w *writer) folder(prefix string, ref int) int {
	content := w.fid(nil, 8|2, 0, ref)
	for _, f := range w.files {
		rest, ok := strings.CutPrefix(f[0], prefix)
		if !ok || rest == "" {
			continue
		}
		if dir, inner, found := strings.Cut(rest, "/"); found {
			if inner == "" {
				content = append(content, w.fid(w.name(dir), 2, w.folder(f[0], ref), ref)...)
			}
			continue
		}
		content = append(content, w.fid(w.name(rest), 0, w.add(w.entry([]byte(f[1]), ref)), ref)...)
	}
	return w.add(w.entry(content, ref))
}

func (i image) build() []byte {
	if i.sector == 0 {
		i.sector = 2048
	}
	w := &writer{image: i}
	set := w.add(make([]byte, i.sector))
	root := w.folder("", 0)
	put(w.blocks[set], 400, u32(i.sector), u32(root), u16(0))
	descriptor(256, w.blocks[set])
	const start = 300
	maps, count := slices.Concat([]byte{1, 6}, u16(1), u16(7)), 1
	switch {
	case i.metadata:
		maps = slices.Concat([]byte{2, 64, 0, 0, 0}, []byte("*UDF Metadata Partition"), make([]byte, 8), u16(1), u16(7), u32(len(w.blocks)), u32(1<<30), make([]byte, 16))
		maps = append(maps, make([]byte, 64-len(maps))...)
		meta := make([]byte, i.sector) // the metadata file is all blocks before it, in two extents
		put(meta, 16, u32(0), u16(4))
		half := len(w.blocks) / 2
		put(meta, 56, u64(len(w.blocks)*i.sector))
		put(meta, 172, u32(16), u32(half*i.sector), u32(0), u32((len(w.blocks)-half)*i.sector), u32(half))
		w.blocks = append(w.blocks, descriptor(261, meta))
	case i.virtual:
		maps = slices.Concat([]byte{2, 64, 0, 0, 0}, []byte("*UDF Virtual Partition"), make([]byte, 64-27))
	}
	out := make([]byte, (start+len(w.blocks)+1)*i.sector)
	for k, b := range w.blocks {
		put(out, (start+k)*i.sector, b)
	}
	part := make([]byte, 512)
	put(part, 22, u16(7))
	put(part, 188, u32(start), u32(len(w.blocks)))
	logical := make([]byte, 512)
	put(logical, 84, []byte("\x08LABEL"))
	logical[211] = 6
	put(logical, 212, u32(i.sector))
	put(logical, 248, u32(i.sector), u32(set), u16(0))
	put(logical, 264, u32(len(maps)), u32(count))
	put(logical, 440, maps)
	put(out, 32*i.sector, descriptor(5, part))
	put(out, 33*i.sector, descriptor(6, logical))
	put(out, 34*i.sector, descriptor(8, make([]byte, 512)))
	anchor := make([]byte, 512)
	put(anchor, 16, u32(16*i.sector), u32(32))
	at := 256 * i.sector
	if i.atEnd {
		at = len(out) - i.sector
	}
	put(out, at, descriptor(2, anchor))
	return out
}

var content = [][2]string{{"docs/", ""}, {"docs/a.txt", "hello"}, {"run.exe", strings.Repeat("MZ", 5000)}, {"empty", ""}}

var samples = []struct {
	name  string
	image image
}{
	{"short addresses", image{files: content}},
	{"long addresses", image{kind: 1, files: content}},
	{"extended addresses", image{kind: 2, files: content}},
	{"inside the entries", image{kind: 3, files: [][2]string{{"docs/", ""}, {"docs/a.txt", "hello"}}}},
	{"extended entries", image{extended: true, files: content}},
	{"names of 16 bits", image{wide: true, files: [][2]string{{"ä/", ""}, {"ä/✓.txt", "hello"}}}},
	{"a metadata partition", image{metadata: true, extended: true, kind: 1, files: content}},
	{"sectors of 512 bytes", image{sector: 512, files: content}},
	{"an anchor at the end", image{atEnd: true, files: content}},
	{"a file in pieces", image{pieces: 3, files: [][2]string{{"a", strings.Repeat("abcdefg", 3000)}}}},
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, tt := range samples {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, ok := udf.Read(tt.image.build(), 1000)
			if !ok || v.Label != "LABEL" || len(v.Notes) > 0 {
				t.Fatalf("%v, %+v", ok, v)
			}
			want := map[string]string{}
			for _, f := range tt.image.files {
				if !strings.HasSuffix(f[0], "/") {
					want[f[0]] = f[1]
				}
			}
			for _, f := range v.Files {
				b, err := io.ReadAll(f.Open())
				if w, known := want[f.Path]; err != nil || !known || string(b) != w || f.Size != int64(len(w)) {
					t.Errorf("%s: %d bytes of %d, %v", f.Path, len(b), f.Size, err)
				}
				delete(want, f.Path)
			}
			if len(want) > 0 {
				t.Errorf("missing %v", want)
			}
		})
	}
}

func TestReadOfWhatIsNotSupported(t *testing.T) {
	t.Parallel()
	if _, ok := udf.Read([]byte("no image"), 10); ok {
		t.Error("text is an image")
	}
	if v, _ := udf.Read(image{virtual: true, files: content}.build(), 10); !slices.Contains(v.Notes, udf.Virtual) {
		t.Errorf("%+v", v)
	}
	if v, _ := udf.Read(image{files: content}.build(), 2); len(v.Files) > 2 || !slices.Contains(v.Notes, udf.OverLimit) {
		t.Errorf("%+v", v)
	}
}

// worst are images that make much work of each byte.
func worst() map[string][]byte {
	many := make([][2]string, 4000) // names of one entry each
	for k := range many {
		many[k] = [2]string{fmt.Sprintf("%0200d", k), ""}
	}
	loop := image{files: [][2]string{{"a/", ""}, {"a/b/", ""}}}.build()
	// Every folder leads to the root, and every file is the whole image in 200 extents.
	big := image{pieces: 200, files: [][2]string{{"a", strings.Repeat("x", 400<<10)}, {"b", strings.Repeat("y", 400<<10)}}}.build()
	for k := 0; k+8 < len(big); k += 2048 {
		if binary.LittleEndian.Uint16(big[k:]) == 261 {
			for at := k + 176; at < k+176+8*200; at += 8 {
				if binary.LittleEndian.Uint32(big[at:]) == 4096 {
					put(big, at, u32(0x3FFFF800), u32(0))
				}
			}
			put(big, k+56, u64(1<<62))
		}
	}
	return map[string][]byte{"many": image{files: many}.build(), "loop": loop, "overlap": big}
}

func TestReadInTimeAndMemory(t *testing.T) {
	for name, data := range worst() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var v *udf.Volume
		took := mailtest.Spent(t, func() {
			v, _ = udf.Read(data, 5000)
			for _, f := range v.Files {
				if _, err := io.Copy(io.Discard, io.LimitReader(f.Open(), 1<<20)); err != nil {
					t.Error(err)
				}
			}
		})
		runtime.ReadMemStats(&after)
		mib := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%s: %v, %d MiB allocated for %d KiB, %d files", name, took, mib, len(data)>>10, len(v.Files))
		if took > 2*time.Second || mib > 64 {
			t.Errorf("%s: %v, %d MiB", name, took, mib)
		}
	}
}

// FuzzRead reads volumes whose descriptors and partition are given, in sectors of 512 bytes.
func FuzzRead(f *testing.F) {
	const volume, anchor, start = 32 * 512, 256 * 512, 300 * 512
	for _, s := range samples {
		s.image.sector, s.image.atEnd = 512, false
		s.image.files = s.image.files[:min(2, len(s.image.files))]
		b := s.image.build()
		f.Add(b[volume:volume+3*512], b[start:min(len(b), start+16<<10)])
	}
	frame := image{sector: 512}.build()
	f.Fuzz(func(t *testing.T, descriptors, partition []byte) {
		data := append(slices.Clone(frame[:start]), partition[:min(len(partition), 64<<10)]...)
		copy(data[volume:anchor], descriptors)
		v, _ := udf.Read(data, 100)
		if len(v.Files) > 100 {
			t.Errorf("%d files", len(v.Files))
		}
		for _, file := range v.Files {
			if _, err := io.Copy(io.Discard, io.LimitReader(file.Open(), 1<<16)); err != nil || file.Offset >= int64(len(data)) {
				t.Errorf("%+v, %v", file, err)
			}
		}
	})
}
