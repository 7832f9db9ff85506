package attachment_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"outrider/internal/attachment"
)

// floppy is a volume of FAT12 with one file of one cluster.
func floppy(name, body string) []byte {
	b := make([]byte, 6*512)
	le := binary.LittleEndian
	le.PutUint16(b[11:], 512)
	b[13], b[14], b[16], b[17], b[19], b[22] = 1, 1, 1, 16, 6, 1
	copy(b[54:], "FAT12   ")
	b[510], b[511] = 0x55, 0xAA
	copy(b[512:], "\xf8\xff\xff\xff\x0f")
	e := b[2*512:]
	copy(e, name)
	e[11], e[26] = 0x20, 2
	le.PutUint32(e[28:], uint32(len(body)))
	copy(b[3*512:], body)
	return b
}

func TestDiskImages(t *testing.T) {
	t.Parallel()
	volume := floppy("A       TXT", "hello")
	partitioned := make([]byte, 512, 4096)
	partitioned[450], partitioned[454], partitioned[458], partitioned[510], partitioned[511] = 1, 1, 6, 0x55, 0xAA
	partitioned = append(partitioned, volume...)
	footer := make([]byte, 512)
	copy(footer, "conectix")
	footer[63] = 2
	ntfs := make([]byte, 1024)
	copy(ntfs[3:], "NTFS    ")
	ntfs[510], ntfs[511] = 0x55, 0xAA
	for _, tt := range []struct {
		name, format string
		data         []byte
		files        []string
		note         attachment.NoteKind
	}{
		{"a.img", "fat", volume, []string{"A.TXT"}, ""},
		{"b.img", "fat", partitioned, []string{"A.TXT"}, ""},
		{"a.vhd", "vhd", slices.Concat(partitioned, footer), []string{"A.TXT"}, ""},
		{"ntfs.img", "fat", ntfs, nil, attachment.NoteUnsupported},
		{"broken.vhdx", "vhd", []byte("vhdxfile"), nil, attachment.NoteUnreadable},
	} {
		r := inspect(tt.name, tt.data)
		var names []string
		for _, f := range r.Files[1:] {
			names = append(names, f.Name)
		}
		if r.Files[0].Format != tt.format || !slices.Equal(names, tt.files) || tt.note != "" && !r.Has(tt.note) || r.Files[0].NameFacts.Mismatch {
			t.Errorf("%s: %+v, notes %v", tt.name, r.Files, r.Notes)
		}
	}
}
