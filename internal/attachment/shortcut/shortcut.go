// Package shortcut reads the small files that only say where to go or what to start.
//
// Windows, macOS, desktops of Linux, Excel and Java know a dozen of them: a few lines or a
// little XML that name an address, a command or a server, and a click does the rest. They
// pass as text through gateways that look for programs. The package knows which line or
// element of each kind matters, in tables, and lists what it names.
//
// Standards: Desktop Entry Specification 1.5, JSR 56 (JNLP), the settings of Remote Desktop
// clients, the library and saved search schemas of Windows, property lists of Apple, and
// the published layouts of SYLK and of web queries.
//
// Divergences: keys are compared without case and in any section, and XML need not be well
// formed up to the place that matters.
//
// Limits: the first megabyte of a file is read; addresses that are relative to another one
// stay as written.
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

// Note is an oddity of a file.
type Note string

// The notes of a file.
const (
	Broken    Note = "broken"     // XML that does not go on
	OverLimit Note = "over-limit" // something was left out
)

// Action is what a click makes of the file.
type Action struct {
	Kind   string // "open", "run", "connect", "install", "icon", "query" and the like
	Target string
}

// File is what a file says. It is never nil and holds whatever could be read.
type File struct {
	Title   string
	Links   []string // as written
	Actions []Action
	Scripts []string // formulas of a sheet
	Notes   []Note
}

// Formats lists what Read knows, in the words of package attachment.
func Formats() []string {
	return []string{
		"url", "scf", "desktop", "desktop-ini", "rdp", "iqy", "slk", "webloc", "search-ms", "library-ms", "searchconnector-ms",
		"settingcontent-ms", "appinstaller", "clickonce", "jnlp", "msc",
	}
}

// Read reads a file of the format. What is broken becomes a note, never an error.
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

// add keeps a value as its row says.
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

// Kinds of values that are no actions.
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
