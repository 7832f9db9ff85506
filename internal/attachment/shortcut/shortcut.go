// Package shortcut reads small files that only name a target to open or start.
//
// Windows, macOS, Linux desktops, Excel and Java have a dozen such formats: a few lines or
// a little XML that name an address, a command or a server, which a click opens. Gateways
// that search for programs pass them as text. Tables in the package list the relevant lines
// and elements of each kind.
//
// Standards: Desktop Entry Specification 1.5, JSR 56 (JNLP), the settings of Remote Desktop
// clients, the library and saved search schemas of Windows, property lists of Apple, and
// the published layouts of SYLK and of web queries.
//
// Divergences: keys are compared without case and in any section, and XML need only be well
// formed up to the relevant place.
//
// Limits: the first megabyte of a file is read; relative addresses stay as written.
package shortcut

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
)

// Bounds of one file. Honest ones have less than 4 KiB; consoles of management reach 300.
const (
	maxBytes  = 1 << 20
	maxItems  = 500
	maxTokens = 100_000
	maxValue  = 32 << 10 // bytes of one value; a command line of Windows has no more
)

// Note is a defect of a file.
type Note string

// The notes of a file.
const (
	Broken    Note = "broken"     // malformed XML
	OverLimit Note = "over-limit" // something was left out
)

// Action is what a click on the file does.
type Action struct {
	Kind   string // "open", "run", "connect", "install", "icon", "query" and so on
	Target string
}

// File is the content of a file. It is never nil and holds everything readable.
type File struct {
	Title   string
	Links   []string // as written
	Actions []Action
	Scripts []string // formulas of a sheet
	Notes   []Note
}

// Formats lists the supported formats, in terms of package attachment.
func Formats() []string {
	return []string{
		"url", "scf", "desktop", "desktop-ini", "rdp", "iqy", "slk", "webloc", "search-ms", "library-ms", "searchconnector-ms",
		"settingcontent-ms", "appinstaller", "clickonce", "jnlp", "msc",
	}
}

// Read parses a file of the format. Defects become notes, never errors.
func Read(format string, data []byte) *File {
	f := &File{}
	if len(data) > maxBytes {
		f.note(OverLimit)
		data = data[:maxBytes]
	}
	switch {
	case format == "webloc" && bytes.HasPrefix(data, []byte("bplist")):
		f.binaryList(data)
	case format == "slk":
		f.sylk(decode(data))
	case format == "iqy":
		f.webQuery(decode(data))
	case elements[format] != nil:
		f.xml(elements[format], decode(data))
	default:
		f.lines(keys[format], decode(data))
	}
	return f
}

func (f *File) note(n Note) {
	if !slices.Contains(f.Notes, n) {
		f.Notes = append(f.Notes, n)
	}
}

// add keeps a value by the kind of its row.
func (f *File) add(kind, value string) {
	value = strings.TrimSpace(value)
	if len(value) > maxValue {
		f.note(OverLimit)
		value = strings.ToValidUTF8(value[:maxValue], "")
	}
	switch {
	case value == "":
	case len(f.Links)+len(f.Actions) >= maxItems:
		f.note(OverLimit)
	case kind == title:
		f.Title = value
	case kind == link:
		f.Links = append(f.Links, value)
	default:
		f.Actions = append(f.Actions, Action{kind, value})
	}
}

// Kinds of values other than actions.
const (
	link  = "link"
	title = "title"
)

// decode returns the text as UTF-8, by its mark of the byte order.
func decode(data []byte) string {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return strings.ToValidUTF8(string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))), "\ufffd")
	}
	units := make([]uint16, len(data)/2-1)
	for k := range units {
		units[k] = order.Uint16(data[2*k+2:])
	}
	return string(utf16.Decode(units))
}
