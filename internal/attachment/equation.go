package attachment

import (
	"bytes"
	"encoding/binary"
)

// honestEquation reports whether an object of the Equation Editor is as the editor writes
// it: a header of 28 bytes and MTEF of version 3, whose font names fit the editor's buffer
// of 32 bytes. Exploits overflow that. MTEF 3, as Design Science published it.
func honestEquation(data []byte) bool {
	if at := bytes.Index(data, []byte("E\x00q\x00u\x00a\x00t\x00i\x00o\x00n\x00 \x00N\x00a\x00t\x00i\x00v\x00e\x00")); at >= 0 {
		return true // a compound file, which is opened separately
	}
	if len(data) < 28+5 || binary.LittleEndian.Uint16(data) != 28 || binary.LittleEndian.Uint32(data[2:]) != 0x20000 {
		return false
	}
	mtef := data[28:]
	return mtef[0] == 3 && mtef[1] <= 1 && fontsFit(mtef[5:])
}

// fontsFit checks the records before the first line. MTEF 3: tags 9 to 14 are sizes, 8 is a
// font with its face, style and name.
func fontsFit(b []byte) bool {
	for len(b) > 2 {
		switch tag := b[0] & 0x0f; {
		case tag == 8:
			name, _, found := bytes.Cut(b[3:], []byte{0})
			if !found || len(name) > 31 {
				return false
			}
			b = b[3+len(name)+1:]
		case tag >= 10 && tag <= 14:
			b = b[1:]
		default:
			return true
		}
	}
	return true
}
