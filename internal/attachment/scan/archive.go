package scan

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// zipMethods are ExifTool's names for compression methods. APPNOTE 4.4.5.
var zipMethods = map[uint16]string{0: "None", 8: "Deflated", 9: "Enhanced Deflate using Deflate64(tm)", 12: "BZIP2", 14: "LZMA (EFS)", 99: "Unknown (99)"}

// zipHeader returns the header of an entry in the form of a local header, and the name
// after it. Fields of a directory header are two bytes later. APPNOTE 4.3.7 and 4.3.12.
func zipHeader(b []byte) (h, name []byte, ok bool) {
	switch {
	case len(b) >= 30 && string(b[:4]) == "PK\x03\x04":
		h, name = b, b[30:]
	case len(b) >= 46 && string(b[:4]) == "PK\x01\x02":
		h, name = b[2:], b[46:]
	default:
		return nil, nil, false
	}
	return h, name[:min(len(name), int(binary.LittleEndian.Uint16(h[26:])))], true
}

// Zip adds the metadata of a zip entry. Its header is that of the directory or, without
// one, the local one, and may be followed by other data.
func (m *Metadata) Zip(header []byte) {
	h, name, ok := zipHeader(header)
	if !ok {
		return
	}
	le := binary.LittleEndian
	m.Add("ZipRequiredVersion", strconv.Itoa(int(le.Uint16(h[4:]))))
	m.Add("ZipBitFlag", bits(le.Uint16(h[6:])))
	method := le.Uint16(h[8:])
	if named, ok := zipMethods[method]; ok {
		m.Add("ZipCompression", named)
	} else {
		m.Add("ZipCompression", fmt.Sprintf("Unknown (%d)", method))
	}
	m.Add("ZipModifyDate", dosDate(le.Uint16(h[12:]), le.Uint16(h[10:])))
	m.Add("ZipCRC", fmt.Sprintf("0x%08x", le.Uint32(h[14:])))
	m.Add("ZipCompressedSize", strconv.FormatUint(uint64(le.Uint32(h[18:])), 10))
	m.Add("ZipUncompressedSize", strconv.FormatUint(uint64(le.Uint32(h[22:])), 10))
	m.Add("ZipFileName", string(name))
}

func bits(flag uint16) string {
	if flag == 0 {
		return "0"
	}
	return fmt.Sprintf("0x%04x", flag)
}

// dosDate decodes MS-DOS time: seconds in steps of two, and years from 1980.
func dosDate(day, clock uint16) string {
	return fmt.Sprintf("%04d:%02d:%02d %02d:%02d:%02d", 1980+day>>9, day>>5&15, day&31, clock>>11, clock>>5&63, 2*(clock&31))
}

// Archive adds the names in an archive other than a zip.
func (m *Metadata) Archive(paths []string) {
	for _, p := range paths {
		if len(m.out.Fields) >= 200 {
			return
		}
		m.Add("ArchivedFileName", p)
	}
}

// HTML adds the title of a page.
func (m *Metadata) HTML(p *HTMLFile) {
	if p.Title != nil {
		m.Add("Title", *p.Title)
	}
}

// Shortcut adds the metadata of a Windows shortcut, in ExifTool's words; data is the file.
// MS-SHLLINK, Section 2.1: its header holds the size of the target.
func (m *Metadata) Shortcut(data []byte, l *LNK, machine string) {
	if len(data) >= 76 {
		m.Add("TargetFileSize", strconv.FormatUint(uint64(binary.LittleEndian.Uint32(data[52:])), 10))
	}
	for _, f := range [...]struct {
		key   string
		value *string
	}{
		{"LocalBasePath", l.Target}, {"Description", l.Description}, {"WorkingDirectory", l.WorkingDirectory},
		{"CommandLineArguments", l.CommandLineArguments}, {"IconFileName", l.IconLocation},
	} {
		if f.value != nil {
			m.Add(f.key, *f.value)
		}
	}
	m.AddSome("MachineID", machine)
}
