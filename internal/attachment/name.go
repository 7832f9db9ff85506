package attachment

import (
	"path"
	"strings"
	"unicode"

	"outrider/internal/observable"
)

// NameFacts holds the deceptive properties of a name. The zero value is an honest name.
type NameFacts struct {
	Mismatch        bool   `json:"mismatch,omitempty"`         // extension and content disagree
	TypeMismatch    bool   `json:"type_mismatch,omitempty"`    // declared media type and content disagree
	DoubleExtension string `json:"double_extension,omitempty"` // a document's extension before one that runs, as "pdf.exe"
	Bidi            bool   `json:"bidi,omitempty"`             // controls that reverse the order of letters
	Invisible       bool   `json:"invisible,omitempty"`        // letters without a glyph
	Padding         bool   `json:"padding,omitempty"`          // runs of spaces that push the extension out of sight
	TrailingSpace   bool   `json:"trailing_space,omitempty"`   // spaces or dots at the end, which Windows drops
	Runs            bool   `json:"runs,omitempty"`             // opening a file of this extension runs it
	Traversal       bool   `json:"traversal,omitempty"`        // absolute, or climbs with ".."
}

func extension(name string) string { return observable.Extension(base(name)) }

func base(name string) string { return path.Base(strings.ReplaceAll(name, `\`, "/")) }

func factsOf(name, contentType string, f *File) NameFacts {
	last := base(name)
	facts := NameFacts{
		Runs:            observable.RunsWhenOpened(f.Extension),
		Traversal:       climbs(name),
		Padding:         strings.Contains(last, "     "),
		TrailingSpace:   name != "" && strings.TrimRight(last, ". \u00a0\u3000") != last,
		DoubleExtension: double(last, f.Extension),
	}
	for _, r := range last {
		switch {
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f:
			facts.Bidi = true
		case unicode.Is(unicode.Cf, r) || r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0x2800:
			facts.Invisible = true
		}
	}
	if !f.Unread && f.Size > 0 {
		facts.Mismatch = lies(f.Extension, f.Format)
		facts.TypeMismatch = lies(extensionOfType(contentType), f.Format)
	}
	return facts
}

func double(last, ext string) string {
	if !observable.RunsWhenOpened(ext) {
		return ""
	}
	trimmed := strings.TrimRight(strings.ToLower(last), ". \u00a0\u3000")
	before := observable.Extension(strings.TrimSuffix(trimmed, "."+ext))
	if !observable.IsDocument(before) {
		return ""
	}
	return before + "." + ext
}

// lies reports whether a file with the extension is certainly of another format. An unknown
// extension or format is no claim.
func lies(ext, format string) bool {
	want, known := formatsOf(ext)
	if !known || format == unknown || format == "archive" {
		return false
	}
	for _, w := range want {
		if w == format {
			return false
		}
	}
	return true
}

// formatsOf returns the legitimate formats for an extension.
func formatsOf(ext string) ([]string, bool) {
	switch ext {
	case "doc", "dot":
		return []string{"doc", "ole", "rtf", "docx", "docm", "html", "xml", "txt", "encrypted-ooxml"}, true
	case "xls", "xlt":
		return []string{"xls", "ole", "xlsx", "xlsm", "html", "htmlsheet", "xml", "txt", "csv", "encrypted-ooxml"}, true
	case "ppt":
		return []string{"ppt", "ole", "pptx", "encrypted-ooxml"}, true
	case "docx", "docm", "xlsx", "xlsm", "xlsb", "pptx", "pptm":
		return []string{"docx", "docm", "xlsx", "xlsm", "xlsb", "pptx", "pptm", "ooxml", "encrypted-ooxml"}, true
	case "jpg", "jpeg":
		return []string{"jpg"}, true
	case "txt", "csv", "log":
		return []string{"txt", "csv", "json", "xml", "eml", "html", "js", "ps1", "vbs", "bat", "ics", "vcf"}, true
	case "htm", "html", "xhtml", "shtml":
		return []string{"html", "xml", "txt", "svg", "js"}, true
	case "exe", "dll", "scr", "com", "cpl":
		return []string{"pe", "mz"}, true
	case "tif", "tiff":
		return []string{"tif"}, true
	case "iso", "img":
		return []string{"iso", "udf", "fat", "vhd"}, true
	case "pdf", "png", "gif", "bmp", "webp", "rar", "7z", "gz", "bz2", "xz", "cab", "lnk", "rtf", "mp3", "mp4", "wav", "zip":
		return []string{ext}, true
	}
	return nil, false
}

// extensionOfType returns the extension for a declared media type, or "".
func extensionOfType(contentType string) string {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch strings.TrimSpace(kind) {
	case "application/pdf":
		return "pdf"
	case "image/jpeg", "image/jpg":
		return "jpg"
	case "image/png", "image/gif", "image/bmp", "image/webp":
		return strings.TrimPrefix(kind, "image/")
	case "text/plain", "text/csv":
		return "txt"
	case "text/html":
		return "html"
	case "application/rtf", "text/rtf":
		return "rtf"
	case "application/msword":
		return "doc"
	case "application/vnd.ms-excel":
		return "xls"
	case "application/vnd.openxmlformats-officedocument.wordprocessingml.document":
		return "docx"
	case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		return "xlsx"
	}
	return ""
}
