package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// format is a decoder and the magic number of its pictures.
type format struct {
	name   string
	magic  []string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// formats returns the decoders.
func formats() []format {
	return []format{
		{"png", []string{"\x89PNG\r\n\x1a\n"}, png.DecodeConfig, png.Decode},
		{"jpeg", []string{"\xff\xd8\xff"}, jpeg.DecodeConfig, jpeg.Decode},
		{"gif", []string{"GIF87a", "GIF89a"}, gif.DecodeConfig, gif.Decode},
		{"bmp", []string{"BM"}, bmp.DecodeConfig, bmp.Decode},
		{"webp", []string{"RIFF"}, webp.DecodeConfig, webp.Decode},
		{"tiff", []string{"II*\x00", "MM\x00*"}, tiff.DecodeConfig, tiff.Decode},
	}
}

// sniff returns the format by the first bytes, independent of the file name.
func sniff(data []byte) *format {
	for _, f := range formats() {
		for _, m := range f.magic {
			if !bytes.HasPrefix(data, []byte(m)) {
				continue
			}
			if f.name != "webp" || len(data) >= 12 && string(data[8:12]) == "WEBP" {
				return &f
			}
		}
	}
	return nil
}

// maxScanned bounds the pixels of all scans of a JPEG, each of which the decoder processes:
// twenty times the largest picture, while programs write up to thirteen scans.
const maxScanned = 320_000_000

// scans counts the scans of a JPEG. ITU-T T.81, Section B.1.1.5: within a scan a zero
// follows each 0xff.
func scans(data []byte) int { return bytes.Count(data, []byte("\xff\xda")) }

// Chunks calls f for the chunks of a PNG picture until it returns false. The result is
// false if a chunk extends beyond the end of the file. PNG, Section 5.3.
func Chunks(data []byte, f func(kind string, body []byte) bool) (whole bool) {
	for at := 8; at+12 <= len(data); {
		size := uint64(binary.BigEndian.Uint32(data[at:]))
		if size > uint64(len(data)-at-12) {
			return false
		}
		if !f(string(data[at+4:at+8]), data[at+8:at+8+int(size)]) {
			return true
		}
		at += 12 + int(size)
	}
	return true
}

// Segments calls f for the segments of a JPEG picture up to and including the header of its
// first scan. It returns their end; whole is false if a segment before the scan has an
// invalid size. ITU-T T.81, Section B.1.1.4.
func Segments(data []byte, f func(kind byte, body []byte)) (end int, whole bool) {
	at := 2
	for at+4 <= len(data) && data[at] == 0xff {
		kind, size := data[at+1], int(binary.BigEndian.Uint16(data[at+2:]))
		switch {
		case kind == 0xff: // a fill byte
			at++
			continue
		case kind == 0xd9: // the end
			return at, true
		case size < 2 || at+2+size > len(data):
			return at, kind == 0xda
		}
		f(kind, data[at+4:at+2+size])
		at += 2 + size
		if kind == 0xda { // the pixels
			return at, true
		}
	}
	return at, true
}

// riff calls f with the chunks of a WebP file until it returns false.
func riff(data []byte, f func(kind string, body []byte) bool) {
	for at := 12; at+8 <= len(data); {
		size := uint64(binary.LittleEndian.Uint32(data[at+4:]))
		body := data[at+8:]
		if size > uint64(len(body)) {
			size = uint64(len(body))
		}
		if !f(string(data[at:at+4]), body[:size]) {
			return
		}
		at += 8 + int(size+size&1)
	}
}

// largestFrame returns the pixels of the largest frame, which may exceed those of the
// canvas in the header of the file.
func largestFrame(data []byte) int {
	most := 0
	riff(data, func(kind string, b []byte) bool {
		switch {
		case kind == "VP8 " && len(b) >= 10:
			// RFC 6386, Section 9.1: 14 bits each, after a tag of 3 and a start code of 3 bytes.
			w, h := binary.LittleEndian.Uint16(b[6:])&0x3fff, binary.LittleEndian.Uint16(b[8:])&0x3fff
			most = max(most, int(w)*int(h))
		case kind == "VP8L" && len(b) >= 5:
			// RFC 9649, Section 3.4: 14 bits each, less one, after a signature byte.
			v := binary.LittleEndian.Uint32(b[1:])
			most = max(most, (int(v&0x3fff)+1)*(int(v>>14&0x3fff)+1))
		}
		return true
	})
	return most
}
