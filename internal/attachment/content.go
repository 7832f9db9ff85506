package attachment

import (
	"slices"

	"outrider/internal/message"
)

// Bounds of File.Content in one report, in bytes of UTF-8.
const (
	maxContentFile = 256 << 10 // of one file: its first and last halves
	maxContentAll  = 4 << 20
)

// texts are the formats with File.Content: shown by programs as a page, text, invitation or
// card.
func texts() []string {
	return []string{"html", "htmlsheet", "hta", "svg", "xml", "txt", "csv", "ics", "vcf", "json"}
}

// IsText reports whether files of the format are pages, texts, calendars or cards.
func IsText(format string) bool { return slices.Contains(texts(), format) }

// content keeps the text of an inner file, as UTF-8. Of a long one it keeps the beginning
// and the end, and notes the gap.
func (i *inspector) content(f *File, data []byte, charset string) {
	if f.Parent < 0 || !IsText(f.Format) || len(data) == 0 || i.isPart(f) {
		return
	}
	most := min(maxContentFile, maxContentAll-i.kept)
	text, whole := ends(decodeEnds(data, charset), most)
	if !whole || len(data) > decodedEnds {
		i.noteOnce(NoteContent, f.ID, "")
	}
	i.kept += len(text)
	f.Content = []byte(text)
}

// isPart reports whether a text is a part that only programs read: the XML of an Office
// document is covered by its Document. Pages in it are shown in it.
func (i *inspector) isPart(f *File) bool {
	switch parent := i.file(f.Parent).Format; {
	case slices.Contains(packages(), parent) || parent == "odf":
		return f.Format != "html" && f.Format != "htmlsheet" && f.Format != "hta"
	default:
		return parent == "jar" || parent == "apk" || parent == "msix"
	}
}

// decodedEnds bounds the decoded bytes of a file: four per kept character.
const decodedEnds = 4 * maxContentFile

// decodeEnds decodes the beginning and end of a file.
func decodeEnds(data []byte, charset string) string {
	if len(data) <= decodedEnds {
		return message.DecodeBytes(data, charset)
	}
	half := decodedEnds / 2
	return message.DecodeBytes(slices.Concat(data[:half], data[(len(data)-half)&^1:]), charset)
}

// ends returns at most most bytes of a text, beginning and end if it is longer, and whether
// it is complete.
func ends(s string, most int) (string, bool) {
	if len(s) <= most {
		return s, true
	}
	if most < 16 {
		return "", false
	}
	half := (most - 1) / 2
	tail := len(s) - half
	for tail < len(s) && s[tail]&0xc0 == 0x80 {
		tail++
	}
	return s[:validPrefix(s, half)] + "\n" + s[tail:], false
}
