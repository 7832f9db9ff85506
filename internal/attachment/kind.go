package attachment

import "bytes"

// IsProgram reports whether files of the format run, or start a program, when opened.
func IsProgram(format string) bool {
	switch format {
	case "pe", "mz", "elf", "macho", "lnk", "chm":
		return true
	}
	return false
}

// IsCarrier reports whether attackers use the format to bypass the Mark of the Web.
func IsCarrier(format string) bool {
	switch format {
	case "iso", "udf", "vhd", "onenote":
		return true
	}
	return false
}

// Describe describes a program or carrier in words; other formats are returned unchanged.
func Describe(format string) string {
	switch format {
	case "pe", "mz":
		return "windows program"
	case "elf":
		return "linux program"
	case "macho":
		return "macOS program"
	case "lnk":
		return "windows shortcut"
	case "chm":
		return "compiled help"
	case "iso", "udf":
		return "disc image"
	case "vhd":
		return "virtual disk"
	case "onenote":
		return "OneNote document"
	}
	return format
}

// HasOLEMacros reports whether an OLE document has a VBA project. MS-OVBA, 2.3.4.1: it is a
// stream with this name.
func HasOLEMacros(data []byte) bool {
	return isCompound(data) && bytes.Contains(data, utf16Name("_VBA_PROJECT"))
}
