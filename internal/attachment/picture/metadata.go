package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// metadata reads the data besides the pixels.
func (r *reading) metadata(data []byte) {
	switch r.Format {
	case "jpeg":
		if _, whole := Segments(data, r.segment); !whole {
			r.note(BadMetadata)
		}
	case "png":
		whole := Chunks(data, func(kind string, body []byte) bool {
			r.chunk(kind, body)
			return len(r.Metadata) < r.limits.Metadata
		})
		if !whole {
			r.note(BadMetadata)
		}
	case "tiff":
		r.exif(data)
	case "webp":
		riff(data, func(kind string, body []byte) bool {
			switch kind {
			case "EXIF":
				r.exif(bytes.TrimPrefix(body, []byte("Exif\x00\x00")))
			case "XMP ":
				r.xmp(body)
			}
			return len(r.Metadata) < r.limits.Metadata
		})
	}
}

// add keeps one field.
func (r *reading) add(name, value string) {
	if !utf8.ValidString(value) {
		value = latin1(value)
	}
	value = strings.Trim(value, "\x00 \t\r\n")
	if value == "" || len(r.Metadata) >= r.limits.Metadata {
		return
	}
	if len(value) > r.limits.Text {
		value = strings.ToValidUTF8(value[:r.limits.Text], "")
	}
	r.Metadata = append(r.Metadata, Field{name, value})
}

func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// segment reads one segment of a JPEG picture.
func (r *reading) segment(kind byte, body []byte) {
	switch kind {
	case 0xfe:
		r.add("Comment", string(body[:min(len(body), r.limits.Text)]))
	case 0xe1:
		if b, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); ok {
			r.exif(b)
		} else if b, ok := bytes.CutPrefix(body, []byte("http://ns.adobe.com/xap/1.0/\x00")); ok {
			r.xmp(b)
		}
	}
}

// chunk reads one chunk of a PNG picture.
func (r *reading) chunk(kind string, body []byte) {
	key, rest, ok := bytes.Cut(body, []byte{0})
	switch {
	case kind == "eXIf":
		r.exif(body)
	case !ok || len(key) > 79: // PNG, Section 11.3.3.2: keywords of 1 to 79 bytes
	case kind == "tEXt":
		r.text(string(key), rest)
	case kind == "zTXt" && len(rest) > 1:
		r.text(string(key), r.inflate(rest[1:]))
	case kind == "iTXt" && len(rest) > 2:
		// PNG, Section 11.3.3.4: a flag, a method, a language and a translated keyword.
		if parts := bytes.SplitN(rest[2:], []byte{0}, 3); len(parts) == 3 {
			if rest[0] == 1 {
				parts[2] = r.inflate(parts[2])
			}
			r.text(string(key), parts[2])
		}
	}
}

// text keeps a text chunk by ExifTool's name for its keyword.
func (r *reading) text(key string, value []byte) {
	if key == "XML:com.adobe.xmp" {
		r.xmp(value)
		return
	}
	if len(value) > r.limits.Text {
		value = value[:r.limits.Text]
	}
	r.add(strings.ReplaceAll(key, " ", ""), string(value))
}

// inflate returns the beginning of packed data.
func (r *reading) inflate(b []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		r.note(BadMetadata)
		return nil
	}
	out, err := io.ReadAll(io.LimitReader(z, int64(r.limits.Text)))
	if err != nil {
		r.note(BadMetadata)
	}
	return out
}

// xmpProperty matches the simple properties, as an attribute or an element. XMP is XML, but
// a defect in it must not hide the rest.
func xmpProperty() *regexp.Regexp {
	return regexp.MustCompile(`(?:xmp|tiff|photoshop|xmpMM|pdf|exif):(CreatorTool|Software|Make|Model|Artist|CreateDate|` +
		`ModifyDate|DocumentID|Producer|UserComment|History)(?:="([^"<]{1,1000})"|>([^<]{1,1000})<)`)
}

// xmp reads a packet of XMP.
func (r *reading) xmp(b []byte) {
	b = b[:min(len(b), r.limits.Text)]
	for _, m := range xmpProperty().FindAllSubmatch(b, r.limits.Metadata) {
		r.add(string(m[1]), string(m[2])+string(m[3]))
	}
}

// exifName returns ExifTool's name of a text tag, or "".
func exifName(tag uint16) string {
	switch tag {
	case 0x010d:
		return "DocumentName"
	case 0x010e:
		return "ImageDescription"
	case 0x010f:
		return "Make"
	case 0x0110:
		return "Model"
	case 0x0131:
		return "Software"
	case 0x0132:
		return "ModifyDate"
	case 0x013b:
		return "Artist"
	case 0x013c:
		return "HostComputer"
	case 0x8298:
		return "Copyright"
	case 0x9003:
		return "DateTimeOriginal"
	case 0x9004:
		return "CreateDate"
	case 0x9286:
		return "UserComment"
	case 0x9c9b:
		return "XPTitle"
	case 0x9c9c:
		return "XPComment"
	case 0x9c9d:
		return "XPAuthor"
	case 0x9c9e:
		return "XPKeywords"
	}
	return ""
}

// exif walks the directories of a TIFF structure.
func (r *reading) exif(b []byte) {
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.HasPrefix(b, []byte("MM")) {
		order = binary.BigEndian
	}
	if len(b) < 8 || order.Uint16(b[2:]) != 42 {
		r.note(BadMetadata)
		return
	}
	var seen []uint32
	for queue := []uint32{order.Uint32(b[4:])}; len(queue) > 0; queue = queue[1:] {
		if slices.Contains(seen, queue[0]) {
			r.note(MetadataLoop)
			continue
		}
		// Honest pictures have five directories; a long chain is treated like a loop.
		if seen = append(seen, queue[0]); len(seen) > 16 {
			r.note(MetadataLoop)
			return
		}
		queue = append(queue, r.directory(b, order, queue[0])...)
	}
}

// directory reads one directory and returns the offsets of the directories that it refers
// to.
func (r *reading) directory(b []byte, order binary.ByteOrder, at uint32) (next []uint32) {
	if uint64(at)+2 > uint64(len(b)) {
		r.note(BadMetadata)
		return nil
	}
	count := int(order.Uint16(b[at:]))
	entries := b[at+2:]
	if count*12 > len(entries) {
		r.note(BadMetadata)
		count = len(entries) / 12
	}
	for i := range count {
		e := entries[i*12 : i*12+12]
		if order.Uint16(e) == 0x8769 { // the directory of Exif
			next = append(next, order.Uint32(e[8:]))
			continue
		}
		if name := exifName(order.Uint16(e)); name != "" {
			r.add(name, exifText(name, r.value(b, order, e), order))
		}
	}
	if end := entries[count*12:]; len(end) >= 4 && order.Uint32(end) != 0 {
		next = append(next, order.Uint32(end))
	}
	return next[:min(len(next), 16)]
}

// value returns the bytes of an entry of text or bytes.
func (r *reading) value(b []byte, order binary.ByteOrder, e []byte) []byte {
	kind, size := order.Uint16(e[2:]), order.Uint32(e[4:])
	if kind != 1 && kind != 2 && kind != 7 { // BYTE, ASCII, UNDEFINED
		return nil
	}
	if size <= 4 {
		return e[8 : 8+size]
	}
	at := uint64(order.Uint32(e[8:]))
	if at+uint64(size) > uint64(len(b)) {
		r.note(BadMetadata)
		return nil
	}
	return b[at : at+min(uint64(size), uint64(r.limits.Text))]
}

// exifText returns the text of a value in the character set of its tag.
func exifText(name string, v []byte, order binary.ByteOrder) string {
	switch {
	case strings.HasPrefix(name, "XP"):
		return utf16Text(v, binary.LittleEndian)
	case name == "UserComment" && bytes.HasPrefix(v, []byte("UNICODE\x00")):
		return utf16Text(v[8:], order)
	case name == "UserComment" && len(v) >= 8:
		// CIPA DC-008, Section 4.6.6: eight bytes name the character set.
		return string(v[8:])
	}
	return string(v)
}

func utf16Text(v []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(v)/2)
	for i := range units {
		units[i] = order.Uint16(v[2*i:])
	}
	return string(utf16.Decode(units))
}
