package attachment_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"outrider/internal/attachment"
)

// udfOver writes a tree of UDF with one file of five letters over an image. The file lies
// in the sector, and the partition is the whole image.
func udfOver(disc []byte, name string, at int) []byte {
	b := append(slices.Clone(disc), make([]byte, 270*2048-len(disc))...)
	le := binary.LittleEndian
	u32 := func(at int, values ...int) {
		for k, v := range values {
			le.PutUint32(b[at+4*k:], uint32(v))
		}
	}
	seal := func(sector, id int) {
		t := b[sector*2048:][:16]
		t[0], t[1], t[4] = byte(id), byte(id>>8), 0
		var sum byte
		for _, c := range t {
			sum += c
		}
		t[4] = sum
	}
	entry := func(sector, size, block int) { // short addresses
		b[sector*2048+20] = 4
		u32(sector*2048+56, size)
		u32(sector*2048+172, 8, size, block)
		seal(sector, 261)
	}
	u32(256*2048+16, 16*2048, 32)
	seal(256, 2)
	u32(32*2048+192, 270)
	seal(32, 5)
	u32(33*2048+212, 2048)
	u32(33*2048+248, 2048, 260)
	u32(33*2048+264, 6, 1)
	copy(b[33*2048+440:], "\x01\x06")
	seal(33, 6)
	seal(34, 8)
	u32(260*2048+400, 2048, 261)
	seal(260, 256)
	entry(261, 40+len(name), 262)
	d := b[262*2048:]
	d[19] = byte(len(name) + 1)
	u32(262*2048+20, 2048, 263)
	copy(d[38:], "\x08"+name)
	seal(262, 257)
	entry(263, 5, at)
	return b
}

func TestImagesOfUDF(t *testing.T) {
	t.Parallel()
	alone := make([]byte, 40*2048)
	copy(alone[16*2048:], "\x00BEA01")
	copy(alone[17*2048:], "\x00NSR03")
	copy(alone[20*2048:], "hello")
	bridge := isoOf("hello", false)
	for _, tt := range []struct {
		name    string
		data    []byte
		files   []string
		differs bool
	}{
		{"UDF alone", udfOver(alone, "run.exe", 20), []string{"run.exe"}, false},
		{"both trees show the same", udfOver(bridge, "a.txt", 19), []string{"a.txt"}, false},
		{"each tree has its own file", udfOver(bridge, "run.exe", 21), []string{"run.exe", "A.TXT"}, true},
		{"ISO 9660 alone", bridge, []string{"A.TXT"}, false},
	} {
		r := inspect("a.iso", tt.data)
		var names []string
		for _, f := range r.Files[1:] {
			names = append(names, f.Name)
		}
		if !slices.Equal(names, tt.files) || r.Has(attachment.NoteMismatch) != tt.differs || r.Has(attachment.NoteUnreadable) {
			t.Errorf("%s: %q, notes %v", tt.name, names, r.Notes)
		}
	}
}

func TestTheContentOfAnImageOfUDFIsRead(t *testing.T) {
	t.Parallel()
	disc := make([]byte, 40*2048)
	copy(disc[16*2048:], "\x00BEA01")
	copy(disc[20*2048:], "hello")
	found := false
	attachment.Walk(t.Context(), attachment.Input{Name: "a.iso", Data: udfOver(disc, "a", 20)}, attachment.DefaultLimits(), func(_ *attachment.File, b []byte) {
		found = found || bytes.Equal(b, []byte("hello"))
	})
	if !found {
		t.Error("not found")
	}
}
