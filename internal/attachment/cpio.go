package attachment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
)

// cpioEntry is one file header of cpio.
type cpioEntry struct {
	name string
	mode uint64
	body int64
	size int64
	next int64 // offset of the next header
}

var errCpio = errors.New("a header of the archive is broken")

// openCpio reads the formats newc, with and without checksums, odc, and the binary one in
// both byte orders. POSIX.1, pax, and cpio(5).
func openCpio(i *inspector, n *node) {
	for at := int64(0); at < int64(len(n.data)); {
		e, err := cpioHeader(n.data, at)
		if err != nil {
			i.fail(n.id, err)
			return
		}
		if e.name == "TRAILER!!!" {
			return
		}
		if !i.entry(n.id, e.name) || !i.cpioFile(n, &e) {
			return
		}
		at = e.next
	}
}

func (i *inspector) cpioFile(n *node, e *cpioEntry) bool {
	switch e.mode & 0o170000 {
	case 0o120000:
		i.archive(n.id).Links++
		return true
	case 0o100000, 0:
		return i.take(File{Parent: n.id, Name: e.name, Size: e.size}, bytes.NewReader(cut(n.data, e.body, e.size)), e.size)
	}
	return true // folders and devices
}

// cpioHeader reads the header that begins at an offset, and the name after it.
func cpioHeader(data []byte, at int64) (cpioEntry, error) {
	h := cpioNumbers(cut(data, at, 110))
	e := cpioEntry{mode: uint64(h.mode), size: h.size}
	if h.length == 0 || h.mode < 0 || h.size < 0 || h.name < 1 || int64(len(cut(data, at+h.length, h.name))) < h.name {
		return e, errCpio
	}
	e.name = string(bytes.TrimRight(cut(data, at+h.length, h.name), "\x00"))
	up := func(v int64) int64 { return (v + h.round - 1) / h.round * h.round }
	e.body = at + up(h.length+h.name)
	e.next = e.body + up(min(h.size, int64(len(data))))
	return e, nil
}

// cpioFixed holds the format-specific values, -1 for invalid numbers.
type cpioFixed struct {
	length           int64 // of the header, 0 if it is none
	round            int64 // header with name, and body, are padded to a multiple
	mode, name, size int64 // name is its length
}

// cpioNumbers reads the numbers of a header.
func cpioNumbers(h []byte) cpioFixed {
	number := func(from, n, base int) int64 {
		if from+n > len(h) {
			return -1
		}
		v, err := strconv.ParseInt(string(h[from:from+n]), base, 64)
		if err != nil {
			return -1
		}
		return v
	}
	switch {
	case bytes.HasPrefix(h, []byte("070701")), bytes.HasPrefix(h, []byte("070702")):
		return cpioFixed{110, 4, number(14, 8, 16), number(94, 8, 16), number(54, 8, 16)}
	case bytes.HasPrefix(h, []byte("070707")):
		return cpioFixed{76, 1, number(18, 6, 8), number(59, 6, 8), number(65, 11, 8)}
	case len(h) < 26:
		return cpioFixed{}
	case string(h[:2]) == "\xc7\x71":
		return cpioBinary(h, binary.LittleEndian)
	case string(h[:2]) == "\x71\xc7":
		return cpioBinary(h, binary.BigEndian)
	}
	return cpioFixed{}
}

// cpioBinary parses a header of words; larger numbers take two, the high one first.
func cpioBinary(h []byte, order binary.ByteOrder) cpioFixed {
	word := func(k int) int64 { return int64(order.Uint16(h[2*k:])) }
	return cpioFixed{26, 2, word(3), word(10), word(11)<<16 | word(12)}
}

// The tags of scripts that a package runs on installation and removal.
var rpmScripts = [...]struct {
	tag  uint32
	name string
}{{1023, "preinstall.sh"}, {1024, "postinstall.sh"}, {1025, "preremove.sh"}, {1026, "postremove.sh"}}

// openRPM reads the scripts of a package and passes on its payload, a packed cpio: a lead
// of 96 bytes, a header of signatures padded to eight, a header of facts, and the payload.
func openRPM(i *inspector, n *node) {
	_, end := rpmHeader(n.data, 96)
	facts, end := rpmHeader(n.data, (end+7)/8*8)
	if end == 0 {
		i.fail(n.id, errors.New("a header of the package is broken"))
		return
	}
	for _, s := range rpmScripts {
		if body := facts.text(s.tag); len(body) > 0 && !i.embedded(n.id, s.name, body) {
			return
		}
	}
	payload := n.data[end:]
	format, _ := identify(payload, "")
	i.embedded(n.id, "payload.cpio."+format, payload)
}

// rpmFacts is the index of a header and the values after it.
type rpmFacts struct{ index, values []byte }

// rpmHeader parses the header at an offset, and returns its end, 0 without one.
func rpmHeader(data []byte, at int64) (f rpmFacts, end int64) {
	h := cut(data, at, 16)
	if len(h) < 16 || string(h[:3]) != "\x8e\xad\xe8" {
		return f, 0
	}
	entries, size := int64(binary.BigEndian.Uint32(h[8:])), int64(binary.BigEndian.Uint32(h[12:]))
	f = rpmFacts{cut(data, at+16, entries*16), cut(data, at+16+entries*16, size)}
	if int64(len(f.index)) < entries*16 || int64(len(f.values)) < size {
		return f, 0
	}
	return f, at + 16 + entries*16 + size
}

// text returns a value that is a string, or nil.
func (f rpmFacts) text(tag uint32) []byte {
	for k := 0; k+16 <= len(f.index); k += 16 {
		e := f.index[k:]
		if binary.BigEndian.Uint32(e) == tag && binary.BigEndian.Uint32(e[4:]) == 6 {
			value, _, _ := bytes.Cut(cut(f.values, int64(binary.BigEndian.Uint32(e[8:])), 1<<20), []byte{0})
			return value
		}
	}
	return nil
}
