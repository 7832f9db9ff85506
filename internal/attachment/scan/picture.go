package scan

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"strings"

	"outrider/internal/attachment/picture"
)

// Picture adds the metadata of a picture.
func (m *Metadata) Picture(data []byte, p *picture.Picture) {
	m.size(p.Width, p.Height)
	for _, f := range p.Metadata {
		m.Add(f.Name, f.Value)
	}
	if p.Format == "png" && !wholePNG(data) {
		m.Add("Warning", "Truncated PNG image")
	}
	m.profile(profileOf(data, p.Format))
}

// wholePNG reports whether the chunks extend to the end chunk. PNG, Section 5.
func wholePNG(data []byte) bool {
	whole := false
	picture.Chunks(data, func(kind string, _ []byte) bool {
		whole = kind == "IEND"
		return !whole
	})
	return whole
}

// profileOf returns the beginning of the colour profile in a picture, nil without one.
func profileOf(data []byte, format string) (profile []byte) {
	switch format {
	case "jpeg":
		picture.Segments(data, func(kind byte, body []byte) {
			if b, ok := bytes.CutPrefix(body, []byte("ICC_PROFILE\x00")); ok && kind == 0xe2 && len(b) > 2 && profile == nil {
				profile = b[2:] // after the number of the piece and their count
			}
		})
	case "png":
		picture.Chunks(data, func(kind string, body []byte) bool {
			_, packed, ok := bytes.Cut(body, []byte{0})
			if kind == "iCCP" && ok && len(packed) > 1 {
				if z, err := zlib.NewReader(bytes.NewReader(packed[1:])); err == nil {
					profile, _ = io.ReadAll(io.LimitReader(z, 4096))
				}
			}
			return kind != "IDAT" && profile == nil
		})
	}
	return profile
}

// signatures are the signatures of makers in the registry of the ICC that mail shows.
var signatures = map[string]string{
	"APPL": "Apple Computer Inc.", "appl": "Apple Computer Inc.", "ADBE": "Adobe Systems Inc.", "MSFT": "Microsoft Corporation",
	"SUNW": "Sun Microsystems Inc.", "SGI ": "Silicon Graphics Inc.", "HP  ": "Hewlett-Packard", "IEC ": "International Electrotechnical Commission",
	"KODA": "Kodak", "EPSO": "Seiko Epson Corporation", "NKON": "Nikon Corporation", "CANO": "Canon Inc. (Canon Development Americas)",
	"none": "none",
}

// profile adds the header of a colour profile. ICC.1, Section 7.2.
func (m *Metadata) profile(b []byte) {
	if len(b) < 128 || string(b[36:40]) != "acsp" {
		return
	}
	for _, f := range [...]struct {
		at   int
		name string
	}{{4, "ProfileCMMType"}, {40, "PrimaryPlatform"}, {48, "DeviceManufacturer"}, {80, "ProfileCreator"}} {
		signature := string(b[f.at : f.at+4])
		if named, ok := signatures[signature]; ok {
			m.Add(f.name, named)
		} else if s := strings.Trim(signature, " \x00"); s != "" {
			m.Add(f.name, s)
		}
	}
}

// ReadTrailer returns the end of a GIF or JPEG picture, and appended data.
func ReadTrailer(data []byte) (*Trailer, []Child) {
	end := -1
	switch {
	case bytes.HasPrefix(data, []byte("GIF8")):
		end = gifEnd(data)
	case bytes.HasPrefix(data, []byte("\xff\xd8")):
		end = jpegEnd(data)
	}
	if end < 0 {
		return &Trailer{}, nil
	}
	out := &Trailer{TrailerIndex: &end}
	behind := end + 1
	if data[0] == 0xff {
		behind = end + 2
	}
	if rest := data[behind:]; len(bytes.Trim(rest, "\x00 \r\n")) > 0 {
		return out, []Child{{Name: "trailer", Source: "ScanTrailer", External: []string{}, Data: rest}}
	}
	return out, nil
}

// jpegEnd returns the offset of the end mark, or -1. After the header of a scan, 0xff is
// followed by 0 or by a restart unless it is a mark.
func jpegEnd(data []byte) int {
	at, _ := picture.Segments(data, func(byte, []byte) {})
	for at+1 < len(data) {
		next := bytes.IndexByte(data[at:], 0xff)
		if next < 0 || at+next+1 >= len(data) {
			return -1
		}
		at += next
		switch kind := data[at+1]; {
		case kind == 0xd9:
			return at
		case kind == 0 || kind == 0xff || kind >= 0xd0 && kind <= 0xd7:
			at++
		case at+4 <= len(data): // the tables and header of another scan
			at += 2 + int(binary.BigEndian.Uint16(data[at+2:]))
		default:
			return -1
		}
	}
	return -1
}

// gifEnd returns the offset of the trailer, or -1. GIF89a, Sections 17 to 27.
func gifEnd(data []byte) int {
	if len(data) < 13 {
		return -1
	}
	for at := 13 + colours(data[10]); at < len(data); {
		switch data[at] {
		case 0x3b:
			return at
		case 0x21: // an extension
			at = blocks(data, at+2)
		case 0x2c: // an image
			if at+10 > len(data) {
				return -1
			}
			at = blocks(data, at+11+colours(data[at+9]))
		default:
			return -1
		}
	}
	return -1
}

// colours returns the size of the table that a packed field declares.
func colours(packed byte) int {
	if packed&0x80 == 0 {
		return 0
	}
	return 3 << (packed&7 + 1)
}

// blocks skips sub-blocks, each after its size, to the empty one.
func blocks(data []byte, at int) int {
	for at < len(data) && data[at] != 0 {
		at += 1 + int(data[at])
	}
	return at + 1
}

// ReadMacho parses the header of a macOS program. It returns nil for other files.
func ReadMacho(data []byte) *Macho {
	if len(data) < 28 {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch binary.BigEndian.Uint32(data) {
	case 0xcafebabe:
		return &Macho{Universal: true, Processors: int(binary.BigEndian.Uint32(data[4:]) & 0xff)}
	case 0xfeedface, 0xfeedfacf:
		order = binary.BigEndian
	}
	out := &Macho{Bits: 32, Processors: 1, FileType: int(order.Uint32(data[12:])), Commands: int(order.Uint32(data[16:]))}
	switch order.Uint32(data) {
	case 0xfeedface:
	case 0xfeedfacf:
		out.Bits = 64
	default:
		return nil
	}
	return out
}
