// Package lnk reads Windows shortcuts as the shell does before it starts their target.
//
// A shortcut names its target several times: as a list of shell items, as a path, and as a
// path with environment variables, and the shell uses the last one that it can resolve.
// Attackers let it start an interpreter with a long command line, push that command line
// out of the dialogue with spaces, borrow the icon of a document, and append the real
// program after the end of the format. The package reads every name, and appended data.
//
// Standards: MS-SHLLINK 8.0.
//
// Divergences: a structure that is truncated or has a wrong size ends the reading with a
// note, and earlier data is kept.
//
// Limits: property stores and the consoles' settings are skipped; items of shell extensions
// other than drives, files, shares and addresses show as their class.
package lnk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"outrider/internal/attachment/ole"
)

// Note is a defect of a shortcut.
type Note string

// The notes of a shortcut.
const (
	Broken          Note = "broken"           // a truncated structure
	PaddedArguments Note = "padded-arguments" // blanks push the arguments out of the dialogue
	LongArguments   Note = "long-arguments"   // more than the dialogue shows
	BorrowedIcon    Note = "borrowed-icon"    // an interpreter with the icon of a document or folder
	DifferentPaths  Note = "different-paths"  // the names of the target disagree
	Elevated        Note = "elevated"         // asks to run as administrator
	Overlay         Note = "overlay"          // bytes after the end of the format
)

// Link is the content of a shortcut. It is never nil and holds everything readable. All
// strings are UTF-8.
type Link struct {
	Local       string // path of the file on a volume, or ""
	Network     string // path on a share, as \\server\share\path, or ""
	Items       string // path in the list of shell items, or ""
	Environment string // path with environment variables, or ""

	Description string
	Relative    string // path from the shortcut to its target
	WorkingDir  string
	Arguments   string
	Icon        string // file that holds it
	IconIndex   int    // in that file, or the negative number of a resource
	Show        string // "normal", "maximized" or "minimized"
	Hotkey      string // such as "Ctrl+Alt+T", or ""
	Machine     string // NetBIOS name of the computer that made it, or ""
	MAC         string // of its network card, as "00:00:5e:00:53:01", or ""
	Overlay     []byte // after the end of the format, nil if none
	Notes       []Note
}

// Target returns the path that the shell would try first.
func (l *Link) Target() string {
	for _, path := range []string{l.Environment, l.Local, l.Network, l.Items, l.Relative} {
		if path != "" {
			return path
		}
	}
	return ""
}

// CommandLine returns the target and its arguments, with runs of blanks collapsed.
func (l *Link) CommandLine() string {
	return strings.Join(append([]string{l.Target()}, strings.Fields(l.Arguments)...), " ")
}

func (l *Link) note(n Note) {
	if !slices.Contains(l.Notes, n) {
		l.Notes = append(l.Notes, n)
	}
}

// The flags of a shortcut. MS-SHLLINK, 2.1.1.
const (
	hasItems       = 1 << 0
	hasInfo        = 1 << 1
	hasDescription = 1 << 2
	hasRelative    = 1 << 3
	hasWorkingDir  = 1 << 4
	hasArguments   = 1 << 5
	hasIcon        = 1 << 6
	isUnicode      = 1 << 7
	noInfo         = 1 << 8
	runAsUser      = 1 << 13
)

const headerSize = 76

// Read parses a shortcut. Defects become notes, never errors.
func Read(data []byte) *Link {
	l := &Link{}
	if len(data) < headerSize {
		l.note(Broken)
		return l
	}
	r := reader{rest: data[headerSize:]}
	flags := le32(data[20:])
	l.header(data)
	if flags&hasItems != 0 {
		l.Items = itemList(r.next(int(r.u16())))
	}
	if flags&hasInfo != 0 {
		info := r.sized()
		if flags&noInfo == 0 {
			l.info(info)
		}
	}
	l.strings(&r, flags)
	l.extra(&r)
	if r.short {
		l.note(Broken)
	}
	if flags&runAsUser != 0 {
		l.note(Elevated)
	}
	l.judge()
	return l
}

// header parses the fixed part. MS-SHLLINK, 2.1.
func (l *Link) header(d []byte) {
	l.IconIndex = int(int32(le32(d[56:])))
	l.Show = "normal" // the default for all other values
	switch le32(d[60:]) {
	case 3:
		l.Show = "maximized"
	case 7:
		l.Show = "minimized"
	}
	l.Hotkey = hotkey(d[64], d[65])
}

// hotkey names a key and its modifiers. MS-SHLLINK, 2.1.3.
func hotkey(key, modifiers byte) string {
	var name string
	switch {
	case key >= '0' && key <= '9' || key >= 'A' && key <= 'Z':
		name = string(rune(key))
	case key >= 0x70 && key <= 0x87:
		name = fmt.Sprintf("F%d", key-0x6f)
	default:
		return ""
	}
	for _, m := range [...]struct {
		bit  byte
		name string
	}{{4, "Alt"}, {2, "Ctrl"}, {1, "Shift"}} {
		if modifiers&m.bit != 0 {
			name = m.name + "+" + name
		}
	}
	return name
}

// info reads the location of the target. MS-SHLLINK, 2.3.
func (l *Link) info(d []byte) {
	if len(d) < 28 {
		return
	}
	flags, wide := le32(d[8:]), le32(d[4:]) >= 36 && len(d) >= 36
	suffix := zeroEnded(from(d, le32(d[24:])))
	if wide {
		if s := zeroEnded16(from(d, le32(d[32:]))); s != "" {
			suffix = s
		}
	}
	if flags&1 != 0 {
		path := zeroEnded(from(d, le32(d[16:])))
		if wide {
			if s := zeroEnded16(from(d, le32(d[28:]))); s != "" {
				path = s
			}
		}
		l.Local = join(path, suffix)
	}
	if flags&2 != 0 {
		if share := shareName(from(d, le32(d[20:]))); share != "" {
			l.Network = join(share, suffix)
		}
	}
}

// shareName parses a CommonNetworkRelativeLink. MS-SHLLINK, 2.3.2: an offset of the name
// beyond 20 means that one in UTF-16 follows.
func shareName(d []byte) string {
	if len(d) < 20 {
		return ""
	}
	at := le32(d[8:])
	if at > 20 && len(d) >= 28 {
		if s := zeroEnded16(from(d, le32(d[20:]))); s != "" {
			return s
		}
	}
	return zeroEnded(from(d, at))
}

// strings reads the counted strings. MS-SHLLINK, 2.4.
func (l *Link) strings(r *reader, flags uint32) {
	for _, s := range [...]struct {
		flag uint32
		to   *string
	}{
		{hasDescription, &l.Description},
		{hasRelative, &l.Relative},
		{hasWorkingDir, &l.WorkingDir},
		{hasArguments, &l.Arguments},
		{hasIcon, &l.Icon},
	} {
		if flags&s.flag == 0 {
			continue
		}
		n := int(r.u16())
		if flags&isUnicode != 0 {
			*s.to = text16(r.next(2 * n))
		} else {
			*s.to = ole.Decode(r.next(n), 1252)
		}
	}
}

// The blocks of extra data. MS-SHLLINK, 2.5.
const (
	environmentBlock = 0xa0000001
	trackerBlock     = 0xa0000003
	iconBlock        = 0xa0000007
	itemsBlock       = 0xa000000c
)

// extra parses the blocks after the strings, and takes the data after their end.
func (l *Link) extra(r *reader) {
	for !r.short {
		if len(r.rest) < 4 || le32(r.rest) < 4 { // the terminal block
			r.next(min(4, len(r.rest)))
			break
		}
		block := r.sized()
		if len(block) < 8 {
			break
		}
		l.block(le32(block[4:]), block)
	}
	if len(bytes.Trim(r.rest, "\x00")) > 0 {
		l.Overlay = r.rest
		l.note(Overlay)
	}
}

func (l *Link) block(kind uint32, b []byte) {
	switch kind {
	case environmentBlock:
		l.Environment = longPath(b)
	case iconBlock:
		if s := longPath(b); s != "" {
			l.Icon = s
		}
	case itemsBlock:
		if l.Items == "" {
			l.Items = itemList(b[8:])
		}
	case trackerBlock:
		l.tracker(b)
	}
}

// longPath returns the path of a block that contains it twice: 260 bytes of the code page
// and 520 bytes of UTF-16. MS-SHLLINK, 2.5.4.
func longPath(b []byte) string {
	if len(b) >= 788 {
		if s := zeroEnded16(b[268:788]); s != "" {
			return s
		}
	}
	return zeroEnded(b[8:min(len(b), 268)])
}

// tracker reads the origin of the shortcut. MS-SHLLINK, 2.5.10: the second identifier is a
// UUID of version 1, which ends with the address of a network card.
func (l *Link) tracker(b []byte) {
	if len(b) < 64 {
		return
	}
	l.Machine = zeroEnded(b[16:32])
	if id := b[48:64]; id[7]>>4 == 1 {
		l.MAC = fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", id[10], id[11], id[12], id[13], id[14], id[15])
	}
}

// reader takes structures from the front of the remaining bytes; after the end it returns
// nothing.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) next(n int) []byte {
	if n > len(r.rest) {
		r.short = true
		n = len(r.rest)
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) u16() uint16 {
	b := r.next(2)
	if len(b) < 2 {
		return 0
	}
	return binary.LittleEndian.Uint16(b)
}

// sized takes a structure that begins with its size.
func (r *reader) sized() []byte {
	if len(r.rest) < 4 {
		r.short = true
		return nil
	}
	return r.next(int(min(le32(r.rest), 1<<30)))
}

func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// from returns the bytes from an offset, which must not lie in the size field.
func from(b []byte, at uint32) []byte {
	if at < 4 || uint64(at) >= uint64(len(b)) {
		return nil
	}
	return b[at:]
}

func zeroEnded(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return ole.Decode(b, 1252)
}

func zeroEnded16(b []byte) string {
	s, _, _ := strings.Cut(text16(b[:zero16(b)]), "\x00")
	return s
}

// zero16 returns the offset of the first zero unit.
func zero16(b []byte) int {
	for k := 0; k+1 < len(b); k += 2 {
		if b[k] == 0 && b[k+1] == 0 {
			return k
		}
	}
	return len(b)
}

func text16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for k := range units {
		units[k] = binary.LittleEndian.Uint16(b[2*k:])
	}
	return string(utf16.Decode(units))
}

// join joins two paths with one backslash.
func join(path, rest string) string {
	if path == "" || rest == "" {
		return path + rest
	}
	return strings.TrimSuffix(path, `\`) + `\` + strings.TrimPrefix(rest, `\`)
}
