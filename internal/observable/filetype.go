package observable

import (
	"bytes"
	"strings"
)

// FileType is what the first bytes of a file say that it is.
type FileType string

// The types that matter for judgement. The empty type is unknown.
const (
	TypePE      FileType = "windows program"
	TypeELF     FileType = "linux program"
	TypeMachO   FileType = "macOS program"
	TypeLNK     FileType = "windows shortcut"
	TypeISO     FileType = "disc image"
	TypeVHD     FileType = "virtual disk"
	TypeOneNote FileType = "OneNote document"
	TypeZip     FileType = "zip archive"
	TypeRAR     FileType = "rar archive"
	Type7z      FileType = "7z archive"
	TypeCab     FileType = "cabinet archive"
	TypeGzip    FileType = "gzip archive"
	TypePDF     FileType = "PDF document"
	TypeOLE     FileType = "OLE document"
	TypeRTF     FileType = "RTF document"
	TypeCHM     FileType = "compiled help"
)

var magics = [...]struct {
	prefix string
	kind   FileType
}{
	{"MZ", TypePE},
	{"\x7fELF", TypeELF},
	{"\xcf\xfa\xed\xfe", TypeMachO},
	{"\xca\xfe\xba\xbe", TypeMachO},
	{"L\x00\x00\x00\x01\x14\x02\x00", TypeLNK},
	{"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", TypeOneNote},
	{"PK\x03\x04", TypeZip},
	{"PK\x05\x06", TypeZip},
	{"Rar!\x1a\x07", TypeRAR},
	{"7z\xbc\xaf\x27\x1c", Type7z},
	{"MSCF", TypeCab},
	{"\x1f\x8b", TypeGzip},
	{"%PDF-", TypePDF},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", TypeOLE},
	{"{\\rt", TypeRTF},
	{"ITSF", TypeCHM},
	{"conectix", TypeVHD},
	{"vhdxfile", TypeVHD},
}

// TypeOf returns the type of a file by its bytes.
func TypeOf(data []byte) FileType {
	for _, m := range magics {
		if len(data) >= len(m.prefix) && string(data[:len(m.prefix)]) == m.prefix {
			return m.kind
		}
	}
	// ISO 9660: the volume descriptor stands in the 17th sector of 2048 bytes.
	const descriptor = 16*2048 + 1
	if len(data) > descriptor+5 && string(data[descriptor:descriptor+5]) == "CD001" {
		return TypeISO
	}
	if i := bytes.Index(data[:min(len(data), 1024)], []byte("%PDF-")); i >= 0 {
		return TypePDF // readers look for the mark in the first kilobyte
	}
	return ""
}

// IsExecutable reports whether files of the type run, or carry what runs, when opened.
func (t FileType) IsExecutable() bool {
	switch t {
	case TypePE, TypeELF, TypeMachO, TypeLNK, TypeCHM:
		return true
	default:
		return false
	}
}

// IsContainer reports whether the type is one that attackers use to carry programs past
// the mark of the web.
func (t FileType) IsContainer() bool {
	return t == TypeISO || t == TypeVHD || t == TypeOneNote
}

// HasOLEMacros reports whether an OLE document has a VBA project.
func HasOLEMacros(data []byte) bool {
	// MS-OVBA, 2.3.4.1: the project is a stream called _VBA_PROJECT, in UTF-16.
	return TypeOf(data) == TypeOLE && bytes.Contains(data, []byte("_\x00V\x00B\x00A\x00_\x00P\x00R\x00O\x00J\x00E\x00C\x00T\x00"))
}

// Extension returns the last extension of a file name, lower case, without the dot and
// without the dots and spaces that Windows drops at the end.
func Extension(name string) string {
	name = strings.TrimRight(strings.ToLower(name), ". \u00a0\u3000")
	i := strings.LastIndexAny(name, ".")
	if i < 0 || i == len(name)-1 || strings.ContainsAny(name[i:], `/\`) {
		return ""
	}
	return strings.TrimSpace(name[i+1:])
}

// RunsWhenOpened reports whether Windows, macOS or a script host runs files with the
// extension.
func RunsWhenOpened(ext string) bool {
	switch ext {
	case "exe", "scr", "com", "pif", "cpl", "bat", "cmd", "ps1", "psm1", "vbs", "vbe", "vb", "js", "jse", "mjs", "wsf", "wsh", "wsc", "hta",
		"msi", "msix", "appx", "msp", "mst", "jar", "lnk", "url", "reg", "inf", "scf", "sct", "dll", "ocx", "sys", "gadget", "application",
		"appref-ms", "chm", "hlp", "xll", "iqy", "slk", "settingcontent-ms", "library-ms", "search-ms", "diagcab", "rdp", "dmg", "pkg", "apk",
		"command", "workflow", "desktop", "msc", "ade", "adp", "mde", "website", "webloc", "terminal":
		return true
	}
	return false
}

// IsDocument reports whether people take files with the extension for documents.
func IsDocument(ext string) bool {
	switch ext {
	case "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "rtf", "jpg", "jpeg", "png", "gif", "tif", "tiff", "odt", "ods", "csv",
		"mp3", "wav", "mp4", "eml", "html", "htm", "invoice":
		return true
	}
	return false
}
