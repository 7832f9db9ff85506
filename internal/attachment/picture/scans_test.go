package picture_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider/internal/attachment/picture"
	"outrider/internal/mailtest"
)

// progressive is a JPEG of one grey component whose scans say nothing. ITU-T T.81, Annex G.
func progressive(side uint16, scans int) []byte {
	b := []byte("\xff\xd8\xff\xdb\x00\x43\x00" + strings.Repeat("\x01", 64) + "\xff\xc2\x00\x0b\x08")
	b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, side), side)
	b = append(b, "\x01\x01\x11\x00"...)
	for _, table := range []string{"\x00", "\x10"} {
		b = append(b, "\xff\xc4\x00\x14"+table+"\x01"+strings.Repeat("\x00", 15)...)
		b = append(b, map[string]byte{"\x00": 0, "\x10": 0xe0}[table])
	}
	blocks := (int(side) + 7) / 8 * ((int(side) + 7) / 8)
	b = append(b, "\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00"...)
	b = append(b, make([]byte, blocks/8+1)...)
	// A code of one bit and 14 more end the bands of 16,384 blocks.
	scan := "\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00" + strings.Repeat("\x00", (blocks>>14+1)*15/8+1)
	return append(append(b, bytes.Repeat([]byte(scan), scans)...), "\xff\xd9"...)
}

func TestScansOfJPEG(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		data  []byte
		want  []picture.Note
		known bool
	}{
		{"a usual number", progressive(400, 12), nil, true},
		{"many of a small picture", progressive(64, 2000), nil, true},
		{"many of a large picture", progressive(3900, 5000), []picture.Note{picture.ManyScans}, false},
	} {
		var p *picture.Picture
		took := mailtest.Spent(t, func() { p = picture.Read(test.data, picture.DefaultLimits()) })
		if !slices.Equal(p.Notes, test.want) || p.Decoded != test.known || took > 5*time.Second {
			t.Errorf("%s: notes %v, decoded %v, after %v", test.name, p.Notes, p.Decoded, took)
		}
	}
}
