package attachment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"outrider/internal/attachment/unpack"
)

// lhaEntry is one file header of LHA.
type lhaEntry struct {
	method       string // such as "lh5"
	folder, name string
	packed, size int64
	body         int64 // offset of the packed bytes
}

var errLHA = errors.New("a header of the archive is broken")

// openLHA reads LHA archives: headers of four levels, each followed by its file.
func openLHA(i *inspector, n *node) {
	for at := int64(0); at < int64(len(n.data)) && n.data[at] != 0; {
		e, err := lhaHeader(n.data, at)
		if err != nil {
			i.fail(n.id, err)
			return
		}
		if !i.entry(n.id, e.folder+e.name) || !i.lhaFile(n, &e) {
			return
		}
		at = e.body + min(e.packed, int64(len(n.data)))
	}
}

func (i *inspector) lhaFile(n *node, e *lhaEntry) bool {
	name := e.folder + e.name
	packed := cut(n.data, e.body, e.packed)
	var r io.Reader
	switch e.method {
	case "lhd": // a folder, or a link with its target
		if strings.Contains(e.name, "|") {
			i.archive(n.id).Links++
		}
		return true
	case "lh0", "lz4":
		r = bytes.NewReader(packed)
	default:
		z, err := unpack.NewLZH(packed, e.method, e.size)
		if err != nil {
			i.unread(n.id, name, e.size, false, fmt.Errorf("method %s: %w", clean(e.method, 8), errMethod))
			return true
		}
		r = z
	}
	return i.take(File{Parent: n.id, Name: name, Size: e.size}, r, int64(len(packed)))
}

// lhaHeader reads the header that begins at an offset.
func lhaHeader(data []byte, at int64) (lhaEntry, error) {
	h := cut(data, at, 32)
	if len(h) < 24 || h[2] != '-' || h[6] != '-' {
		return lhaEntry{}, errLHA
	}
	le := binary.LittleEndian
	e := lhaEntry{method: string(h[3:6]), packed: int64(le.Uint32(h[7:])), size: int64(le.Uint32(h[11:]))}
	switch h[20] {
	case 0, 1:
		return e, e.old(data, at)
	case 2:
		e.body = at + int64(le.Uint16(h))
		return e, e.extended(data, at+24, e.body, 2)
	case 3:
		if len(h) < 32 {
			return e, errLHA
		}
		e.body = at + int64(le.Uint32(h[24:]))
		return e, e.extended(data, at+28, e.body, 4)
	}
	return e, fmt.Errorf("header of level %d: %w", h[20], errMethod)
}

// old parses a header of level 0 or 1, which has a name. In level 1 more headers follow,
// and count as packed bytes.
func (e *lhaEntry) old(data []byte, at int64) error {
	end := at + 2 + int64(data[at])
	name := cut(data, at+22, int64(data[at+21]))
	if end < at+22+int64(len(name)) || end > int64(len(data)) {
		return errLHA
	}
	e.name = slashes(name)
	e.body = end
	if data[at+20] == 0 {
		return nil
	}
	if err := e.extended(data, end-2, int64(len(data)), 2); err != nil {
		return err
	}
	if e.packed -= e.body - end; e.packed < 0 {
		return errLHA
	}
	return nil
}

// extended parses a chain of extended headers. Each ends with the size of the next one, in
// wide bytes. A header whose chain does not end is broken.
func (e *lhaEntry) extended(data []byte, at, end, wide int64) error {
	for {
		raw := cut(data, at, wide)
		if int64(len(raw)) < wide || at+wide > end {
			return errLHA
		}
		size := int64(binary.LittleEndian.Uint32(append(bytes.Clone(raw), 0, 0)[:4]))
		at += wide
		if size == 0 {
			e.body = max(e.body, at)
			return nil
		}
		h := cut(data, at, size-wide)
		if size <= wide || int64(len(h)) < size-wide || at+size-wide > end {
			return errLHA
		}
		switch h[0] {
		case 1:
			e.name = slashes(h[1:])
		case 2:
			e.folder = strings.TrimSuffix(slashes(h[1:]), "/") + "/"
		}
		at += size - wide
	}
}

// slashes returns a name with slashes for LHA's folder separators.
func slashes(name []byte) string {
	return strings.TrimRight(strings.ReplaceAll(string(name), "\xff", "/"), "\x00")
}
