package mdm

import (
	"bytes"

	"outrider/internal/observable"
)

// fileTypes are the words of the model for what content says that it is.
var fileTypes = map[observable.FileType]string{
	observable.TypePE: "exe", observable.TypeELF: "elf", observable.TypeMachO: "macho", observable.TypeISO: "iso", observable.TypeRAR: "rar",
	observable.Type7z: "7z", observable.TypeCab: "cab", observable.TypeGzip: "gz", observable.TypePDF: "pdf", observable.TypeRTF: "rtf",
}

// magics are the first bytes of further types.
var magics = []struct{ prefix, name string }{
	{"\x89PNG\r\n\x1a\n", "png"},
	{"\xff\xd8\xff", "jpg"},
	{"GIF8", "gif"},
	{"BM", "bmp"},
	{"II*\x00", "tif"},
	{"MM\x00*", "tif"},
	{"BZh", "bz2"},
	{"\xfd7zXZ\x00", "xz"},
	{"\x28\xb5\x2f\xfd", "zst"},
	{"\x00\x00\x01\x00", "ico"},
	{"%!PS", "ps"},
	{"SQLite format 3\x00", "sqlite"},
	{"wOFF", "woff"},
	{"wOF2", "woff2"},
	{"OggS", "ogg"},
	{"ID3", "mp3"},
	{"fLaC", "flac"},
	{"\x1a\x45\xdf\xa3", "mkv"},
	{"BEGIN:VCALENDAR", "ics"},
}

// FileType returns the type of a file by its content, in the words of the model, or
// "unknown".
func FileType(data []byte) string {
	kind := observable.TypeOf(data)
	if name := fileTypes[kind]; name != "" {
		return name
	}
	if kind == observable.TypeZip {
		return zipType(data)
	}
	if kind == observable.TypeOLE {
		return oleType(data)
	}
	for _, m := range magics {
		if bytes.HasPrefix(data, []byte(m.prefix)) {
			return m.name
		}
	}
	return textType(data)
}

// zipType tells the formats that are ZIP archives by what is in them.
func zipType(data []byte) string {
	for _, e := range observable.ListZip(data) {
		switch {
		case hasPrefix(e.Name, "word/"):
			return "docx"
		case hasPrefix(e.Name, "xl/"):
			return "xlsx"
		case hasPrefix(e.Name, "ppt/"):
			return "pptx"
		case e.Name == "META-INF/container.xml":
			return "epub"
		}
	}
	return "zip"
}

func hasPrefix(s, prefix string) bool { return len(s) > len(prefix) && s[:len(prefix)] == prefix }

// oleType tells the old formats of Office by the names of their streams, in UTF-16.
func oleType(data []byte) string {
	for _, f := range []struct{ stream, name string }{
		{"WordDocument", "doc"}, {"Workbook", "xls"}, {"PowerPoint Document", "ppt"},
	} {
		wide := make([]byte, 0, 2*len(f.stream))
		for i := range len(f.stream) {
			wide = append(wide, f.stream[i], 0)
		}
		if bytes.Contains(data, wide) {
			return f.name
		}
	}
	return "unknown"
}

// textType tells the kinds of text that have a type of their own.
func textType(data []byte) string {
	head := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(data[:min(len(data), 1024)], []byte("\xef\xbb\xbf"))))
	switch {
	case bytes.HasPrefix(head, []byte("<svg")), bytes.HasPrefix(head, []byte("<?xml")) && bytes.Contains(head, []byte("<svg")):
		return "svg"
	case bytes.HasPrefix(head, []byte("<!doctype html")), bytes.HasPrefix(head, []byte("<html")), bytes.HasPrefix(head, []byte("<head")),
		bytes.HasPrefix(head, []byte("<body")), bytes.HasPrefix(head, []byte("<script")):
		return "html"
	default:
		return "unknown"
	}
}
