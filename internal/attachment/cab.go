package attachment

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"outrider/internal/attachment/unpack"
)

// cabBlock is the largest block of a cabinet, and the window of MSZIP. MS-MCI, 2.1.
const cabBlock = 32 << 10

// openCab reads the files of each folder in order. MS-CAB, 2: a header, folders, files, and
// blocks of data with the concatenated files.
func openCab(i *inspector, n *node) {
	d, le := n.data, binary.LittleEndian
	if len(d) < 36 {
		i.fail(n.id, io.ErrUnexpectedEOF)
		return
	}
	folders, files, flags := int(le.Uint16(d[26:])), int(le.Uint16(d[28:])), le.Uint16(d[30:])
	at, perFolder, perBlock := int64(36), int64(0), int64(0)
	if flags&4 != 0 && len(d) >= 40 { // room reserved for signatures
		perFolder, perBlock = int64(d[38]), int64(d[39])
		at = 40 + int64(le.Uint16(d[36:]))
	}
	// One folder is held at a time, and unpacked once: cabinets list the files of a folder
	// together, and alternating between folders must not cost quadratic time.
	var body []byte
	current, done, work := -1, map[int]bool{}, int64(0)
	pos := int64(le.Uint32(d[16:]))
	for range files {
		h := cut(d, pos, 16)
		if len(h) < 16 {
			i.fail(n.id, errors.New("the list of files is cut"))
			return
		}
		name, _, _ := bytes.Cut(cut(d, pos+16, 257), []byte{0})
		pos += 17 + int64(len(name))
		if folder := int(le.Uint16(h[8:])); folder != current {
			current, body = folder, nil
			if folder < folders && !done[folder] {
				done[folder] = true
				body = i.cabFolder(n, at+int64(folder)*(8+perFolder), perBlock, &work)
			}
		}
		if !i.entry(n.id, string(name)) || !i.cabFile(n, string(name), h, body) {
			return
		}
	}
}

// cabFile reports one file of an unpacked folder. MS-CAB, 2.3: its size, and its offset in
// the folder.
func (i *inspector) cabFile(n *node, name string, h, body []byte) bool {
	size := int64(binary.LittleEndian.Uint32(h))
	part := cut(body, int64(binary.LittleEndian.Uint32(h[4:])), size)
	if len(part) == 0 && size > 0 {
		i.unread(n.id, name, size, false, nil)
		return true
	}
	return i.take(File{Parent: n.id, Name: name, Size: size}, bytes.NewReader(part), size)
}

// cabFolder unpacks a whole folder, because its files share one window.
func (i *inspector) cabFolder(n *node, at, perBlock int64, work *int64) []byte {
	h := cut(n.data, at, 8)
	if len(h) < 8 {
		i.fail(n.id, errors.New("a folder record is cut"))
		return nil
	}
	le := binary.LittleEndian
	blocks := &cabReader{data: n.data, at: int64(le.Uint32(h)), left: int(le.Uint16(h[4:])), skip: perBlock, work: work}
	if err := blocks.use(le.Uint16(h[6:])); err != nil {
		i.fail(n.id, err)
		return nil
	}
	body, err := i.read(blocks, int64(len(n.data)))
	if err != nil {
		i.fail(n.id, err)
	}
	return body
}

// errShared is the error of folders that share their blocks.
var errShared = errors.New("folders share packed bytes")

// cabReader returns the bytes of a folder block by block.
type cabReader struct {
	data   []byte
	at     int64
	left   int // blocks
	skip   int64
	work   *int64 // packed bytes read for all folders
	unpack func(packed []byte, size int) ([]byte, error)
	window []byte
	rest   []byte
}

// use sets the method of a folder. MS-CAB, Section 2.2.2: for LZX, the upper byte is the
// size of the window.
func (c *cabReader) use(method uint16) error {
	switch method & 15 {
	case 0:
		c.unpack = func(packed []byte, _ int) ([]byte, error) { return packed, nil }
		return nil
	case 1:
		c.unpack = c.mszip
		return nil
	case 3:
		z, err := unpack.NewLZX(int(method >> 8 & 31))
		if err != nil {
			return fmt.Errorf("opening LZX: %w", err)
		}
		c.unpack = z.Frame
		return nil
	}
	return fmt.Errorf("cabinet method %d: %w", method&15, errMethod)
}

func (c *cabReader) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.left == 0 {
			return 0, io.EOF
		}
		if err := c.block(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *cabReader) block() error {
	h := cut(c.data, c.at, 8)
	if len(h) < 8 {
		return io.ErrUnexpectedEOF
	}
	size, unpacked := int64(binary.LittleEndian.Uint16(h[4:])), int(binary.LittleEndian.Uint16(h[6:]))
	body := cut(c.data, c.at+8+c.skip, size)
	c.at += 8 + c.skip + size
	c.left--
	// Honest folders do not share their blocks, so each byte is read once.
	if *c.work += int64(len(body)); *c.work > 2*int64(len(c.data)) {
		return errShared
	}
	var err error
	if c.rest, err = c.unpack(body, unpacked); err != nil {
		return fmt.Errorf("unpacking a cabinet block: %w", err)
	}
	return nil
}

// mszip unpacks a block with the window of the previous blocks.
func (c *cabReader) mszip(body []byte, unpacked int) ([]byte, error) {
	if !bytes.HasPrefix(body, []byte("CK")) { // MS-MCI, 2.2: the signature of a block
		return nil, errors.New("a block has no MSZIP signature")
	}
	r := flate.NewReaderDict(bytes.NewReader(body[2:]), c.window)
	out, err := io.ReadAll(io.LimitReader(r, min(int64(unpacked), cabBlock)))
	if len(out) > 0 {
		c.window = append(c.window, out...)
		c.window = bytes.Clone(c.window[max(0, len(c.window)-cabBlock):])
	}
	return out, err
}
