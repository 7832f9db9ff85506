package lnk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"outrider/internal/attachment/ole"
)

// maxItems bounds the items of one list; the deepest honest folders stay below 40.
const maxItems = 256

// itemList returns the path of a list of shell items. MS-SHLLINK, 2.2.1: every item begins
// with its size, and a size of zero ends the list.
func itemList(d []byte) string {
	path := ""
	for range maxItems {
		if len(d) < 3 {
			break
		}
		size := int(binary.LittleEndian.Uint16(d))
		if size < 3 {
			break
		}
		item := d[:min(size, len(d))]
		d = d[len(item):]
		path = join(path, itemName(item))
	}
	return path
}

// itemName names an item by its class. The classes are undocumented; these are the ones
// that the shell's own folders write.
func itemName(item []byte) string {
	switch class := item[2]; class & 0x70 {
	case 0x10: // a root of the shell; My Computer adds nothing to a path
		return rootName(item)
	case 0x20: // a drive
		return zeroEnded(item[3:])
	case 0x30: // a file or folder
		return fileName(item)
	case 0x40: // a server or share
		if len(item) > 5 {
			return zeroEnded(item[5:])
		}
	case 0x60: // an address
		return address(item)
	case 0x70:
		return "control-panel:"
	}
	return ""
}

// computer is the folder of the drives, which is not part of paths.
const computer = "20d04fe0-3aea-1069-a2d8-08002b30309d"

func rootName(item []byte) string {
	if len(item) < 20 {
		return ""
	}
	g := item[4:20]
	id := fmt.Sprintf("%08x-%04x-%04x-%x-%x", le32(g), binary.LittleEndian.Uint16(g[4:]), binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
	if id == computer {
		return ""
	}
	return "::{" + id + "}"
}

// longName is the signature of the extension block that holds the full name of a file.
const longName = "\x04\x00\xef\xbe"

// fileName prefers the long name of the extension block to the preceding short one.
func fileName(item []byte) string {
	if at := bytes.Index(item, []byte(longName)); at >= 4 {
		if s := extensionName(item[at-4:]); s != "" {
			return s
		}
	}
	if len(item) < 15 {
		return ""
	}
	if item[2]&4 != 0 {
		return zeroEnded16(item[14:])
	}
	return zeroEnded(item[14:])
}

// extensionName returns the name in an extension block. Its offset depends on the version
// of Windows that wrote it.
func extensionName(b []byte) string {
	if len(b) < 20 {
		return ""
	}
	at := 20
	version := binary.LittleEndian.Uint16(b[2:])
	if version >= 7 {
		at += 18
	}
	if version >= 8 {
		at += 4
	}
	if version >= 9 {
		at += 4
	}
	if version < 3 || at >= len(b) {
		return ""
	}
	return zeroEnded16(b[at:])
}

// address reads an item of an internet folder: flags, a size, that many bytes, and the
// text.
func address(item []byte) string {
	if len(item) < 8 {
		return ""
	}
	b := item[6:]
	b = b[min(int(binary.LittleEndian.Uint16(item[4:])), len(b)):]
	if item[3]&0x80 != 0 {
		return strings.TrimSpace(zeroEnded16(b))
	}
	s, _, _ := bytes.Cut(b, []byte{0})
	return strings.TrimSpace(ole.Decode(s, 1252))
}
