package observable

import (
	"bytes"
	"encoding/binary"
)

// ZipEntry is one file that the central directory of an archive names.
type ZipEntry struct {
	Name      string
	Encrypted bool
	Size      uint64 // unpacked, as claimed; saturated for zip64
}

// Bounds of ListZip.
const (
	maxZipEntries = 2000    // entries listed; the first ones name what matters
	maxZipName    = 1 << 10 // bytes kept of a name
	zipTail       = 64<<10 + 22
)

// ListZip lists an archive from its central directory, without unpacking. It accepts
// what unpackers repair: junk in front, and counts that are wrong.
// APPNOTE 4.3.12 and 4.3.16.
func ListZip(data []byte) []ZipEntry {
	tail := max(0, len(data)-zipTail)
	end := bytes.LastIndex(data[tail:], []byte("PK\x05\x06"))
	if end < 0 || len(data)-tail-end < 22 {
		return listLocal(data)
	}
	end += tail
	size, offset := le32(data, end+12), le32(data, end+16)
	pos := uint64(end) - min(uint64(end), size) // where it must begin to end here
	if !isEntry(data, pos) {
		pos = offset
	}
	var out []ZipEntry
	for isEntry(data, pos) && len(out) < maxZipEntries {
		p := int(pos)
		name, next := int(le16(data, p+28)), uint64(46)+le16(data, p+28)+le16(data, p+30)+le16(data, p+32)
		out = append(out, ZipEntry{
			Name: cutName(data, p+46, name), Encrypted: le16(data, p+8)&1 != 0, Size: le32(data, p+24),
		})
		pos += next
	}
	return out
}

// listLocal lists an archive without a directory by its first local header, which is
// what a truncated archive has.
func listLocal(data []byte) []ZipEntry {
	if len(data) < 30 || string(data[:4]) != "PK\x03\x04" {
		return nil
	}
	return []ZipEntry{{
		Name: cutName(data, 30, int(le16(data, 26))), Encrypted: le16(data, 6)&1 != 0, Size: le32(data, 22),
	}}
}

func isEntry(data []byte, pos uint64) bool {
	return pos+46 <= uint64(len(data)) && string(data[pos:pos+4]) == "PK\x01\x02"
}

func cutName(data []byte, from, n int) string {
	from = min(from, len(data))
	return string(data[from:min(from+min(n, maxZipName), len(data))])
}

func le16(data []byte, at int) uint64 { return uint64(binary.LittleEndian.Uint16(data[at:])) }
func le32(data []byte, at int) uint64 { return uint64(binary.LittleEndian.Uint32(data[at:])) }
