package attachment

import "bytes"

// IsProgram reports whether files of the format run, or carry what runs, when opened.
func IsProgram(format string) bool {
	switch format {
	case "pe", "mz", "elf", "macho", "lnk", "chm":
		return true
	}
	return false
}

// IsCarrier reports whether the format is one that attackers use to carry programs past the
// mark of the web.
func IsCarrier(format string) bool {
	switch format {
	case "iso", "udf", "vhd", "onenote":
		return true
	}
	return false
}

// Describe says in words what a program or carrier is; other formats it returns as they are.
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
// stream of this name.
func HasOLEMacros(data []byte) bool {
	return isCompound(data) && bytes.Contains(data, utf16Name("_VBA_PROJECT"))
}
