package attachment

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

const unknown = "unknown"

// octets is the media type of unknown data.
const octets = "application/octet-stream"

// magic is one row of the table of formats that mail carries.
type magic struct {
	at     int
	prefix string
	format string
	mime   string
}

// magics holds the formats recognised by their beginning. Rows are tried in order. The
// media types are those of libmagic, which public rules test for.
var magics = [...]magic{
	{0, "\x7fELF", "elf", "application/x-executable"},
	{0, "\xcf\xfa\xed\xfe", "macho", "application/x-mach-binary"},
	{0, "\xce\xfa\xed\xfe", "macho", "application/x-mach-binary"},
	{0, "\xfe\xed\xfa\xcf", "macho", "application/x-mach-binary"},
	{0, "\xfe\xed\xfa\xce", "macho", "application/x-mach-binary"},
	{0, "L\x00\x00\x00\x01\x14\x02\x00", "lnk", "application/x-ms-shortcut"},
	{0, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "onenote", "application/onenote"},
	{0, "Rar!\x1a\x07", "rar", "application/x-rar"},
	{0, "7z\xbc\xaf\x27\x1c", "7z", "application/x-7z-compressed"},
	{0, "MSCF", "cab", "application/vnd.ms-cab-compressed"},
	{0, "\x1f\x8b", "gz", "application/gzip"},
	{0, "\x1f\x9d", "Z", "application/x-compress"},
	{0, "\x1f\xa0", "Z", "application/x-compress"},
	{0, "BZh", "bz2", "application/x-bzip2"},
	{0, "\xfd7zXZ\x00", "xz", "application/x-xz"},
	{0, "\x28\xb5\x2f\xfd", "zst", "application/zstd"},
	{0, "LZIP", "lz", "application/x-lzip"},
	{0, "\x5d\x00\x00", "lzma", "application/x-lzma"},
	{0, "{\\rt", "rtf", "text/rtf"},
	{0, "ITSF", "chm", "application/vnd.ms-htmlhelp"},
	{0, "conectix", "vhd", "application/x-virtualbox-vhd"},
	{0, "vhdxfile", "vhd", "application/x-virtualbox-vhdx"},
	{0, "!<arch>\ndebian-binary", "deb", "application/vnd.debian.binary-package"},
	{0, "!<arch>\n", "ar", "application/x-archive"},
	{0, "\xed\xab\xee\xdb", "rpm", "application/x-rpm"},
	{0, "\x00asm", "wasm", "application/wasm"},
	{0, "dex\n", "dex", "application/vnd.android.dex"},
	{0, "SQLite format 3\x00", "sqlite", "application/vnd.sqlite3"},
	{0, "\x78\x9f\x3e\x22", "tnef", "application/ms-tnef"},
	{8, "\xd1\x01\x02SURL", "webloc", "application/x-webloc"},
	{0, "**ACE**", "ace", "application/x-ace-compressed"},
	{7, "**ACE**", "ace", "application/x-ace-compressed"},
	{0, "\x60\xea", "arj", "application/x-arj"},
	{0, "MSWIM\x00\x00\x00", "wim", "application/x-ms-wim"},
	{0, "ZOO ", "zoo", "application/x-zoo"},
	{0, "ALZ\x01", "alz", "application/x-alz-compressed"},
	{0, "EGGA", "egg", "application/x-egg"},
	{0, "SIT!", "sit", "application/x-stuffit"},
	{0, "StuffIt (c)", "sit", "application/x-stuffit"},
	{0, "StuffIt!", "sit", "application/x-stuffitx"},
	{0, "\x04\x22\x4d\x18", "lz4", "application/x-lz4"},
	{0, "LRZI", "lrz", "application/x-lrzip"},
	{0, "KDMV", "vmdk", "application/x-vmdk"},
	{0, "QFI\xfb", "qcow2", "application/x-qemu-disk"},
	{0, "ActiveMime\x00\x00", "activemime", "application/x-mso"},
	{0, "regf", "hive", "application/x-ms-registry"},
	{0, "!BDN", "pst", "application/vnd.ms-outlook"},
	{257, "ustar", "tar", "application/x-tar"},
	{4, "Standard Jet DB", "mdb", "application/x-msaccess"},
	{4, "Standard ACE DB", "mdb", "application/x-msaccess"},
}

// Identify returns the type of a file in terms of the message data model, or "unknown", and
// our more specific format, as in File. It only reads magic numbers and directories and
// opens nothing; name decides between kinds of text.
func Identify(data []byte, name string) (fileType, format string) {
	format, _ = identify(data, extension(name))
	return typeOf(format), format
}

// Opens reports whether files of the format have contents to examine. Calendars are opened
// within other files only: those of a message are read with it.
func Opens(format string) bool { return format != "ics" && opens(format) }

// IsPicture reports whether files of the format are pictures, which may contain codes.
func IsPicture(format string) bool { return slices.Contains(pictures(), format) }

// identify returns the format and media type of a file by its content. The extension
// decides only between kinds of plain text that look the same.
func identify(data []byte, ext string) (format, mime string) {
	if len(data) == 0 {
		return unknown, "inode/x-empty"
	}
	for _, m := range magics {
		if len(data) >= m.at+len(m.prefix) && string(data[m.at:m.at+len(m.prefix)]) == m.prefix {
			return m.format, m.mime
		}
	}
	for _, find := range []func([]byte) (string, string){windowsProgram, compoundFile, zipKind, pdfKind, oldArchive, disc, rawDisk, oldTar, universalBinary} {
		if format, mime = find(data); format != "" {
			return format, mime
		}
	}
	if text, ok := plain(data); ok {
		if isSavedMail(text, ext) {
			return "eml", "message/rfc822"
		}
		if format, mime = shortcutKind(text); format != "" {
			return format, mime
		}
		return textKind(text, ext)
	}
	if format, mime = byLibrary(data); format == unknown && namedArchive(ext) {
		return "archive", mime
	}
	return format, mime
}

// namedArchive reports whether an extension is that of archives and discs. Such a file in
// an unknown format is damaged, or of an unsupported kind. File system images are excluded:
// they are as often raw data.
func namedArchive(ext string) bool {
	switch ext {
	case "zip", "zipx", "7z", "rar", "ace", "arj", "arc", "alz", "egg", "cab", "lzh", "lha", "zoo", "gz", "tgz", "bz2", "xz", "zst", "tar", "iso", "udf",
		"vhd", "vhdx", "vmdk", "wim", "esd", "swm", "dmg", "sit", "sitx", "r00", "xar", "lz", "lzma", "uha", "pea", "b1":
		return true
	}
	return false
}

// isSavedMail recognises messages and web archives by their header, even with pages inside,
// unless the name makes a browser show the whole as a page.
func isSavedMail(text, ext string) bool {
	header, _, _ := strings.Cut(strings.ReplaceAll(text[:min(len(text), 4096)], "\r", ""), "\n\n")
	return strings.Contains("\n"+header, "\nmime-version:") && isMail(header) && !strings.Contains(ext, "htm") && ext != "svg" && ext != "hta"
}

func windowsProgram(data []byte) (format, mime string) {
	if len(data) < 2 || string(data[:2]) != "MZ" {
		return "", ""
	}
	if len(data) < 64 {
		return "mz", "application/x-dosexec" // a damaged one
	}
	at := int64(binary.LittleEndian.Uint32(data[60:]))
	if at+4 <= int64(len(data)) && string(data[at:at+4]) == "PE\x00\x00" {
		return "pe", "application/x-dosexec"
	}
	return "mz", "application/x-dosexec"
}

// universalBinary distinguishes a Mach-O of several processors from a Java class, which
// begins with the same four bytes: its second word counts few processors.
func universalBinary(data []byte) (format, mime string) {
	if len(data) < 8 || string(data[:4]) != "\xca\xfe\xba\xbe" {
		return "", ""
	}
	if binary.BigEndian.Uint32(data[4:]) < 20 {
		return "macho", "application/x-mach-binary"
	}
	return "class", "application/x-java-applet"
}

func utf16Name(s string) []byte {
	out := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		out = append(out, s[i], 0)
	}
	return out
}

func isCompound(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))
}

// compoundFile identifies an OLE file by the required streams of its kind. Package ole
// examines it further.
func compoundFile(data []byte) (format, mime string) {
	if !isCompound(data) {
		return "", ""
	}
	for _, s := range [...]struct{ stream, format, mime string }{
		{"EncryptedPackage", "encrypted-ooxml", "application/encrypted"},
		{"WordDocument", "doc", "application/msword"},
		{"PowerPoint Document", "ppt", "application/vnd.ms-powerpoint"},
		{"Workbook", "xls", "application/vnd.ms-excel"},
		{"__properties_version1.0", "msg", "application/vnd.ms-outlook"},
		{"\x05SummaryInformation", "ole", "application/CDFV2"},
	} {
		if bytes.Contains(data, utf16Name(s.stream)) {
			return s.format, s.mime
		}
	}
	return "ole", "application/CDFV2"
}

// zipKind identifies a zip-based format by its required entries.
func zipKind(data []byte) (format, mime string) {
	if !looksZip(data) {
		return "", ""
	}
	for _, k := range [...]struct{ entry, format, mime string }{
		{"AndroidManifest.xml", "apk", "application/vnd.android.package-archive"},
		{"AppxManifest.xml", "msix", "application/zip"},
		{"word/vbaProject.bin", "docm", "application/vnd.ms-word.document.macroenabled.12"},
		{"xl/vbaProject.bin", "xlsm", "application/vnd.ms-excel.sheet.macroenabled.12"},
		{"ppt/vbaProject.bin", "pptm", "application/vnd.ms-powerpoint.presentation.macroenabled.12"},
		{"xl/workbook.bin", "xlsb", "application/vnd.ms-excel.sheet.binary.macroenabled.12"},
		{"word/document", "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"xl/workbook", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		{"ppt/presentation", "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
		{"mimetypeapplication/epub+zip", "epub", "application/epub+zip"},
		{"mimetypeapplication/vnd.oasis.opendocument", "odf", "application/vnd.oasis.opendocument"},
		{"META-INF/MANIFEST.MF", "jar", "application/java-archive"},
		{"[Content_Types].xml", "ooxml", "application/zip"},
	} {
		if zipNames(data, k.entry) {
			return k.format, k.mime
		}
	}
	if zipNames(data, "mimetype") && zipNames(data, "content.xml") { // by a packer that compresses the mimetype
		return "odf", "application/vnd.oasis.opendocument"
	}
	return "zip", "application/zip"
}

// zipNames reports whether an entry's name begins with name: it follows the fixed part of a
// local header or of a directory entry.
func zipNames(data []byte, name string) bool {
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte(name))
		if i < 0 {
			return false
		}
		at += i
		for _, h := range [...]struct {
			back int
			mark string
		}{{30, "PK\x03\x04"}, {46, "PK\x01\x02"}} {
			if at >= h.back && string(data[at-h.back:at-h.back+4]) == h.mark {
				return true
			}
		}
		at += len(name)
	}
}

// looksZip accepts leading junk, as unpackers do, if the end record is in place.
func looksZip(data []byte) bool {
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("PK\x05\x06")) || bytes.HasPrefix(data, []byte("PK00PK")) {
		return true
	}
	end := findEnd(data)
	return end >= 0 && len(data)-end < 1<<12 && bytes.Contains(data[:end], []byte("PK\x01\x02"))
}

// pdfKind finds the mark in the first kilobyte, where readers search for it.
func pdfKind(data []byte) (format, mime string) {
	if bytes.Contains(data[:min(len(data), 1024)], []byte("%PDF-")) {
		return "pdf", "application/pdf"
	}
	return "", ""
}

// disc identifies images of discs. ECMA-119, Section 8.1.2: "CD001" in the 17th sector;
// ECMA-167, Part 2, Section 9: "NSR" in the volume recognition sequence.
func disc(data []byte) (format, mime string) {
	for s := 16; s < 32 && (s+1)*sector <= len(data); s++ {
		switch id := string(data[s*sector+1 : s*sector+6]); id {
		case "CD001":
			return "iso", "application/x-iso9660-image"
		case "BEA01", "NSR02", "NSR03":
			return "udf", "application/x-udf-image"
		}
	}
	if len(data) > 512 && string(data[510:512]) == "\x55\xaa" && (string(data[54:57]) == "FAT" || string(data[82:85]) == "FAT") {
		return "fat", "application/x-raw-disk-image"
	}
	if n := len(data); n > 512 && string(data[n-512:n-504]) == "conectix" {
		return "vhd", "application/x-virtualbox-vhd"
	}
	return "", ""
}

// oldArchive identifies archives whose mark alone could begin a text.
func oldArchive(data []byte) (format, mime string) {
	if _, err := cpioHeader(data, 0); err == nil {
		return "cpio", "application/x-cpio"
	}
	if len(data) > 21 && string(data[2:5]) == "-lh" && data[6] == '-' && data[20] <= 3 {
		return "lha", "application/x-lha"
	}
	return "", ""
}

// oldTar accepts pre-POSIX archives by the checksum of their first header.
func oldTar(data []byte) (format, mime string) {
	if len(data) < 512 || data[0] == 0 {
		return "", ""
	}
	var sum, want int64
	for i, b := range data[:512] {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum += int64(b)
	}
	for _, b := range bytes.Trim(data[148:156], " \x00") {
		if b < '0' || b > '7' {
			return "", ""
		}
		want = want<<3 | int64(b-'0')
	}
	if sum != want {
		return "", ""
	}
	return "tar", "application/x-tar"
}

// byLibrary uses mimetype for the many harmless formats.
func byLibrary(data []byte) (format, mime string) {
	m := mimetype.Detect(data)
	mime, _, _ = strings.Cut(m.String(), ";")
	ext := strings.TrimPrefix(m.Extension(), ".")
	switch ext {
	case "tiff":
		ext = "tif"
	case "jpeg":
		ext = "jpg"
	case "":
		ext = unknown
	}
	return ext, mime
}

// typeOf maps a format to the vocabulary of the message data model. Text and mail have no
// name there.
func typeOf(format string) string {
	switch format {
	case "pe", "mz":
		return "exe"
	case "htmlsheet":
		return "html"
	case "docm":
		return "docx"
	case "xlsm", "xlsb":
		return "xlsx"
	case "pptm":
		return "pptx"
	case "jar", "apk", "odf", "ooxml", "msix":
		return "zip"
	case "3gp", "7z", "Z", "aac", "aiff", "amr", "ar", "avi", "bmp", "bz2", "cab", "cr2", "crx", "dcm", "deb", "dex", "dey", "doc",
		"docx", "dwg", "elf", "eot", "epub", "exe", "flac", "flv", "gif", "gz", "heif", "html", "ico", "ics", "iso", "jp2", "jpg", "jxr",
		"lz", "m4a", "m4v", "macho", "mid", "mkv", "mov", "mp3", "mp4", "mpg", "nes", "ogg", "otf", "pdf", "png", "ppt", "pptx", "ps",
		"psd", "rar", "rpm", "rtf", "sqlite", "svg", "swf", "tar", "tif", "ttf", "wasm", "wav", "webm", "webp", "wmv", "woff", "woff2",
		"xls", "xlsx", "xz", "zip", "zst":
		return format
	}
	return unknown
}
