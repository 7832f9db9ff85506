package attachment

import (
	"bytes"
	"cmp"
	"compress/bzip2"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"outrider/internal/observable"
)

// zipEntry is one file header of a zip.
type zipEntry struct {
	name         string
	flags        uint16
	method       uint16
	crc          uint32
	time         uint16
	packed, size int64
	start        int64 // of the local header
	body, end    int64 // of the packed bytes; 0 if the local header is missing
	extra        []byte
	mode         uint32
}

func (e *zipEntry) encrypted() bool { return e.flags&1 != 0 }
func (e *zipEntry) isDir() bool {
	return e.size == 0 && (bytes.HasSuffix([]byte(e.name), []byte("/")) || e.name == "")
}

// findEnd returns the offset of the end record, or -1. APPNOTE 4.3.16: it is followed by a
// comment of at most 64 KiB.
func findEnd(data []byte) int {
	tail := max(0, len(data)-(64<<10+22))
	end := bytes.LastIndex(data[tail:], []byte("PK\x05\x06"))
	if end < 0 || len(data)-tail-end < 22 {
		return -1
	}
	return tail + end
}

func openZip(i *inspector, n *node) {
	a := i.archive(n.id)
	listed := i.listed(n)
	found, more := zipLocals(n.data, max(maxNames, i.limits.Entries))
	if more {
		i.noteOnce(NoteEntries, n.id, "not all local headers were looked for")
	}
	zipCompare(i, n, listed, found)
	if len(listed) == 0 {
		listed = found
	} else {
		listed = append(listed, hidden(listed, found)...)
	}
	if first := firstStart(listed); first > 0 {
		a.LeadingJunk = first
	}
	keys := zipPasswords{candidates: i.passwords}
	for k := range listed {
		if !i.entry(n.id, listed[k].name) || !i.zipEntry(n, &listed[k], &keys) {
			break
		}
	}
	if keys.untried > 0 {
		i.note(NotePassword, n.id, fmt.Sprintf("nothing opened %d entries, and the passwords were not tried on %d more", maxLocked, keys.untried))
	}
}

func firstStart(entries []zipEntry) int64 {
	first := int64(1) << 62
	for _, e := range entries {
		first = min(first, e.start)
	}
	return first % (1 << 62)
}

// listed returns the entries of the central directory, up to maxNames and one more.
func (i *inspector) listed(n *node) []zipEntry {
	end := findEnd(n.data)
	if end < 0 {
		return nil
	}
	a, le := i.archive(n.id), binary.LittleEndian
	comment := int(le.Uint16(n.data[end+20:]))
	a.Comment = clean(string(n.data[end+22:min(len(n.data), end+22+comment)]), 1<<10)
	a.TrailingJunk = max(0, int64(len(n.data)-end-22-comment))
	out := zipDirectory(n.data, end, max(maxNames, i.limits.Entries)+1)
	if want := int(le.Uint16(n.data[end+10:])); want != len(out)&0xffff && want != 0xffff && len(out) <= max(maxNames, i.limits.Entries) {
		a.Mismatches++
		i.note(NoteMismatch, n.id, fmt.Sprintf("the end record counts %d entries, the directory has %d", want, len(out)))
	}
	return out
}

// directoryAt returns the actual and the declared offset of the central directory before an
// end record.
func directoryAt(data []byte, end int) (pos, offset int64) {
	le := binary.LittleEndian
	size, offset := int64(le.Uint32(data[end+12:])), int64(le.Uint32(data[end+16:]))
	pos = max(0, int64(end)-size)
	if size == 0xffffffff || !isDirectory(data, pos) {
		pos = zip64Directory(data, end, offset)
	}
	return pos, offset
}

// zipFirst returns the header of the first entry and the following bytes, nil without one:
// that of the directory or, without one, of the first content. Nested archives have their
// own headers, which may precede the directory, or be all that is left of one in a
// truncated archive.
func zipFirst(data []byte) []byte {
	first := bytes.Index(data, []byte("PK\x03\x04"))
	if end := findEnd(data); end >= 0 {
		pos, offset := directoryAt(data, end)
		last := end+22+int(binary.LittleEndian.Uint16(data[end+20:])) >= len(data)
		inner := !last && first >= 0 && int64(first) < pos-offset // it counts from after other content
		if isDirectory(data, pos) && !inner {
			return data[pos:]
		}
	}
	if first < 0 {
		return nil
	}
	return data[first:]
}

// zipDirectory parses the central directory before an end record, up to most entries.
func zipDirectory(data []byte, end, most int) []zipEntry {
	pos, offset := directoryAt(data, end)
	base := max(0, pos-offset)
	if offset == 0xffffffff {
		base = 0
	}
	var out []zipEntry
	for isDirectory(data, pos) && len(out) < most {
		e, next := directoryEntry(data, pos)
		e.start += base
		if e.locate(data); e.body == 0 {
			// Offsets may count from the beginning of the file despite a prefix.
			e.start -= base
			e.locate(data)
		}
		out = append(out, e)
		pos = next
	}
	return out
}

func isDirectory(data []byte, pos int64) bool {
	return pos >= 0 && pos+46 <= int64(len(data)) && string(data[pos:pos+4]) == "PK\x01\x02"
}

// zip64Directory finds the directory by the record of APPNOTE 4.3.14, or at offset.
func zip64Directory(data []byte, end int, offset int64) int64 {
	if r := bytes.LastIndex(data[:end], []byte("PK\x06\x06")); r >= 0 && r+56 <= end {
		if pos := binary.LittleEndian.Uint64(data[r+48:]); pos < uint64(len(data)) {
			return int64(pos)
		}
	}
	return offset
}

// cut returns at most n bytes of data from an offset on; both may be wrong.
func cut(data []byte, from, n int64) []byte {
	from = min(max(from, 0), int64(len(data)))
	return data[from : from+min(max(n, 0), int64(len(data))-from)]
}

// directoryEntry reads one header of APPNOTE 4.3.12.
func directoryEntry(data []byte, p int64) (zipEntry, int64) {
	le, h := binary.LittleEndian, data[p:]
	name, extra, comment := int64(le.Uint16(h[28:])), int64(le.Uint16(h[30:])), int64(le.Uint16(h[32:]))
	e := zipEntry{
		name: string(cut(data, p+46, name)), flags: le.Uint16(h[8:]), method: le.Uint16(h[10:]), time: le.Uint16(h[12:]),
		crc: le.Uint32(h[16:]), packed: int64(le.Uint32(h[20:])), size: int64(le.Uint32(h[24:])), start: int64(le.Uint32(h[42:])),
		extra: cut(data, p+46+name, extra), mode: le.Uint32(h[38:]) >> 16,
	}
	e.zip64()
	return e, p + 46 + name + extra + comment
}

// zip64 replaces sizes that did not fit. APPNOTE 4.5.3.
func (e *zipEntry) zip64() {
	x := extraField(e.extra, 1)
	for _, v := range []*int64{&e.size, &e.packed, &e.start} {
		if *v == 0xffffffff && len(x) >= 8 {
			*v = int64(binary.LittleEndian.Uint64(x) &^ (1 << 63))
			x = x[8:]
		}
	}
}

func extraField(extra []byte, id uint16) []byte {
	for len(extra) >= 4 {
		n := min(int(binary.LittleEndian.Uint16(extra[2:])), len(extra)-4)
		if binary.LittleEndian.Uint16(extra) == id {
			return extra[4 : 4+n]
		}
		extra = extra[4+n:]
	}
	return nil
}

// locate finds the packed bytes after the local header.
func (e *zipEntry) locate(data []byte) {
	if e.start < 0 || e.start+30 > int64(len(data)) || string(data[e.start:e.start+4]) != "PK\x03\x04" {
		return
	}
	h := data[e.start:]
	e.body = e.start + 30 + int64(binary.LittleEndian.Uint16(h[26:])) + int64(binary.LittleEndian.Uint16(h[28:]))
	e.end = min(e.body+max(0, min(e.packed, int64(len(data)))), int64(len(data)))
}

// zipLocals scans for local headers, for archives with a missing or wrong directory. A
// header inside the packed bytes of another is skipped, unless the sizes are unknown. more
// reports whether headers were left out.
func zipLocals(data []byte, most int) (out []zipEntry, more bool) {
	le := binary.LittleEndian
	for at := 0; ; {
		k := bytes.Index(data[at:], []byte("PK\x03\x04"))
		if k < 0 || at+k+30 > len(data) {
			return out, false
		}
		if len(out) >= most {
			return out, true
		}
		p := at + k
		h := data[p:]
		name, extra := int64(le.Uint16(h[26:])), int64(le.Uint16(h[28:]))
		e := zipEntry{
			name: string(cut(data, int64(p)+30, name)), flags: le.Uint16(h[6:]), method: le.Uint16(h[8:]), time: le.Uint16(h[10:]),
			crc: le.Uint32(h[14:]), packed: int64(le.Uint32(h[18:])), size: int64(le.Uint32(h[22:])), start: int64(p),
			extra: cut(data, int64(p)+30+name, extra),
		}
		e.zip64()
		e.start = int64(p)
		if e.flags&8 != 0 && e.packed == 0 {
			e.packed = untilNext(data, int64(p)+30+name+extra)
		}
		e.locate(data)
		out = append(out, e)
		at = int(max(int64(p)+4, e.end))
	}
}

// untilNext returns the distance to the next header of any kind, which bounds an entry
// whose size follows it.
func untilNext(data []byte, from int64) int64 {
	rest := cut(data, from, int64(len(data)))
	for at := 0; ; {
		k := bytes.Index(rest[at:], []byte("PK"))
		if k < 0 || at+k+4 > len(rest) {
			return int64(len(rest))
		}
		at += k
		switch string(rest[at+2 : at+4]) {
		case "\x03\x04", "\x01\x02", "\x07\x08":
			return int64(at)
		}
		at += 2
	}
}

// zipCompare counts contradictions between local headers and directory, and entries that
// share bytes, as in the bombs of Fifield.
func zipCompare(i *inspector, n *node, listed, found []zipEntry) {
	a := i.archive(n.id)
	for _, e := range listed {
		why := ""
		switch l := localName(n.data, e.start); {
		case e.body == 0:
			why = "no local header"
		case l != e.name:
			i.secondName(n, &e, l)
			why = twoNames + strconv.Quote(clean(l, 80))
		case unicodeName(&e) != "":
			i.secondName(n, &e, unicodeName(&e))
			why = "its Unicode name is " + strconv.Quote(clean(unicodeName(&e), 80))
		case binary.LittleEndian.Uint16(n.data[e.start+8:]) != e.method:
			why = "the methods differ"
		}
		if why == "" {
			continue
		}
		if a.Mismatches++; a.Mismatches <= 10 {
			i.note(NoteMismatch, n.id, clean(e.name, 80)+": "+why)
		}
	}
	spans := slices.Clone(listed)
	slices.SortFunc(spans, byStart)
	var end int64
	for _, e := range spans {
		if e.body > 0 && e.start < end {
			a.Overlaps++
		}
		end = max(end, e.end)
	}
	if a.Overlaps > 0 {
		i.note(NoteOverlap, n.id, fmt.Sprintf("%d entries", a.Overlaps))
	}
	if h := len(hidden(listed, found)); len(listed) > 0 && h > 0 {
		a.Hidden = h
		i.note(NoteHidden, n.id, fmt.Sprintf("%d entries", h))
	}
}

// twoNames begins the detail of a note about an entry with two names.
const twoNames = "the local header names "

// maxSecondNames bounds the entries of one archive whose second names are reported.
const maxSecondNames = 100

// secondName reports the name of an entry in its local header: streaming unpackers use that
// one. APPNOTE 4.3.7 and 4.3.12. Names that only differ in character set or separators are
// legitimate.
func (i *inspector) secondName(n *node, e *zipEntry, local string) {
	if local == "" || plainName(local) == plainName(e.name) || i.archive(n.id).Mismatches >= maxSecondNames {
		return
	}
	i.harm(n.id, HarmTwoNames, e.name+" and "+local)
	i.unread(n.id, local, max(e.size, 0), e.encrypted(), nil)
}

// unicodeName returns the name in the extra field of an entry, which most unpackers prefer,
// if its extension differs from that in the header, or "". It counts only with the checksum
// of the header's name. APPNOTE 4.6.9.
func unicodeName(e *zipEntry) string {
	x := extraField(e.extra, 0x7075)
	if len(x) < 6 || x[0] != 1 || binary.LittleEndian.Uint32(x[1:]) != crc32.ChecksumIEEE([]byte(e.name)) {
		return ""
	}
	if name := string(x[5:]); observable.Extension(name) != observable.Extension(e.name) {
		return name
	}
	return ""
}

// plainName returns the part of a name that packers write in only one way.
func plainName(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		switch {
		case r == '\\':
			return '/'
		case r >= utf8.RuneSelf:
			return -1
		}
		return r
	}, name))
}

func localName(data []byte, start int64) string {
	if start < 0 || start+30 > int64(len(data)) {
		return ""
	}
	return string(cut(data, start+30, int64(binary.LittleEndian.Uint16(data[start+26:]))))
}

// hidden returns the entries that only local headers list. A header within the bytes of a
// listed entry belongs to a nested archive.
func hidden(listed, found []zipEntry) []zipEntry {
	spans := slices.Clone(listed)
	slices.SortFunc(spans, byStart)
	var out []zipEntry
	var covered int64
	for _, e := range found { // in the order of their starts
		for len(spans) > 0 && spans[0].start <= e.start {
			covered = max(covered, spans[0].end, spans[0].start+1)
			spans = spans[1:]
		}
		if e.start >= covered && e.method <= 99 {
			out = append(out, e)
		}
	}
	return out
}

func byStart(a, b zipEntry) int { return cmp.Compare(a.start, b.start) }

// zipEntry reads one entry, and reports whether to continue.
func (i *inspector) zipEntry(n *node, e *zipEntry, keys *zipPasswords) bool {
	if e.mode&0o170000 == 0o120000 {
		i.archive(n.id).Links++
	}
	if e.isDir() {
		return true
	}
	f := File{Parent: n.id, Name: e.name, Size: max(e.size, 0), Encrypted: e.encrypted()}
	if i.namesOnly(n.id) {
		i.named(&f)
		return true
	}
	packed := cut(n.data, e.body, e.end-e.body)
	if e.body == 0 {
		i.unread(n.id, f.Name, f.Size, f.Encrypted, errors.New("its local header is missing"))
		return true
	}
	if e.encrypted() {
		i.archive(n.id).Encrypted++
		i.file(n.id).Encrypted = true
		plain, method, err := i.decrypt(e, packed, keys)
		if err != nil || plain == nil {
			i.unread(n.id, f.Name, f.Size, true, err)
			return true
		}
		f.Password = keys.last
		i.file(n.id).Password = keys.last
		packed, e.method = plain, method
	}
	r, err := i.method(e.method, packed)
	if err != nil {
		i.unread(n.id, f.Name, f.Size, f.Encrypted, err)
		return true
	}
	return i.take(f, r, int64(len(packed)))
}

// method returns the reader of a method of APPNOTE 4.4.5.
func (i *inspector) method(method uint16, packed []byte) (io.Reader, error) {
	r := bytes.NewReader(packed)
	switch method {
	case 0:
		return r, nil
	case 8:
		return flate.NewReader(r), nil
	case 12:
		return bzip2.NewReader(r), nil
	case 93, 20:
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(uint64(i.limits.Window)))
		if err != nil {
			return nil, fmt.Errorf("opening zstd: %w", err)
		}
		return d.IOReadCloser(), nil
	case 95:
		return i.xz(packed)
	}
	return nil, fmt.Errorf("zip method %d: %w", method, errMethod)
}

// unpacks reports whether the bytes unpack to the checksum, within a bound: this verifies a
// ZipCrypto password, whose check byte accepts 1 of 256.
func (i *inspector) unpacks(method uint16, plain []byte, crc uint32) bool {
	r, err := i.method(method, plain)
	if err != nil {
		return false
	}
	sum := crc32.NewIEEE()
	n, err := io.Copy(sum, io.LimitReader(r, min(RatioFloor, i.limits.FileBytes)))
	i.spent += n
	return err == nil && (sum.Sum32() == crc || n == RatioFloor)
}
