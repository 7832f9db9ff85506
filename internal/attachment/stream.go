package attachment

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"outrider/internal/attachment/unpack"
)

// openStream opens single-file compression formats.
func openStream(i *inspector, n *node) {
	f := i.file(n.id)
	name := base(f.Name)
	if end := "." + f.Extension; strings.HasSuffix(strings.ToLower(name), end) {
		name = name[:len(name)-len(end)]
	}
	switch f.Extension {
	case "tgz", "tbz", "txz", "taz", "tz":
		name += ".tar"
	case "svgz", "emz", "wmz":
		name += "." + strings.TrimSuffix(f.Extension, "z")
	}
	r, inner, err := i.stream(f.Format, n.data)
	if err != nil {
		i.fail(n.id, err)
		return
	}
	if inner != "" {
		name = inner
	}
	if i.entry(n.id, name) {
		i.take(File{Parent: n.id, Name: name}, r, int64(len(n.data)))
	}
}

func (i *inspector) stream(format string, data []byte) (r io.Reader, name string, err error) {
	switch format {
	case "gz":
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, "", fmt.Errorf("opening gzip: %w", err)
		}
		return z, z.Name, nil
	case "bz2":
		return bzip2.NewReader(bytes.NewReader(data)), "", nil
	case "zst":
		r, err = i.method(93, data)
	case "xz":
		r, err = i.xz(data)
	case "Z":
		if data[1] != 0x9d {
			return nil, "", errMethod // of SCO, with another compression
		}
		r, err = unpack.NewLZW(data)
	case "lz":
		r, err = i.lzip(data)
	default:
		r, err = lzma.ReaderConfig{DictCap: int(i.limits.Window)}.NewReader(bytes.NewReader(data))
	}
	return r, "", err
}

// xz opens the format after checking the dictionaries of all blocks, because the library
// allocates what a block declares, up to 4 GiB.
func (i *inspector) xz(data []byte) (io.Reader, error) {
	for at := 0; ; {
		k := bytes.Index(data[at:], []byte{0x21, 0x01})
		if k < 0 || at+k+3 > len(data) {
			break
		}
		at += k + 2
		if bits := data[at]; lzma2Window(bits) > i.limits.Window && inBlockHeader(data, at) {
			return nil, errWindow
		}
	}
	r, err := xz.ReaderConfig{DictCap: 1 << 16}.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("opening xz: %w", err)
	}
	return r, nil
}

// lzip opens the first member: a version, a coded dictionary, and LZMA with fixed
// properties and an end mark, followed by its size.
func (i *inspector) lzip(data []byte) (io.Reader, error) {
	if len(data) < 6 || data[4] > 1 {
		return nil, errMethod
	}
	window := int64(1) << (data[5] & 31)
	window -= window / 16 * int64(data[5]>>5)
	if window > i.limits.Window {
		return nil, errWindow
	}
	head := append(binary.LittleEndian.AppendUint32([]byte{0x5d}, uint32(window)), "\xff\xff\xff\xff\xff\xff\xff\xff"...)
	r, err := lzma.ReaderConfig{DictCap: int(i.limits.Window)}.NewReader(io.MultiReader(bytes.NewReader(head), bytes.NewReader(data[6:])))
	if err != nil {
		return nil, fmt.Errorf("opening lzip: %w", err)
	}
	return r, nil
}

// lzma2Window returns the size of a dictionary in LZMA2's encoding.
func lzma2Window(bits byte) int64 {
	if bits > 40 {
		return 0 // every reader refuses it
	}
	return int64(2|bits&1) << (bits/2 + 11)
}

// inBlockHeader reports whether the byte is in a block header with a valid checksum. The
// header begins at most 24 bytes before: two sizes of at most nine bytes, and the flags.
func inBlockHeader(data []byte, at int) bool {
	for start := at &^ 3; start >= max(0, at-28); start -= 4 {
		end := start + int(data[start])*4
		if data[start] != 0 && end+4 <= len(data) && at < end &&
			crc32.ChecksumIEEE(data[start:end]) == binary.LittleEndian.Uint32(data[end:]) {
			return true
		}
	}
	return false
}

func openTar(i *inspector, n *node) {
	r := tar.NewReader(bytes.NewReader(n.data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			i.fail(n.id, err)
			return
		}
		if !i.entry(n.id, h.Name) {
			return
		}
		if h.Typeflag == tar.TypeLink || h.Typeflag == tar.TypeSymlink {
			i.archive(n.id).Links++
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		// Sparse files can claim any size without bytes: the size of the archive is their
		// floor.
		if !i.take(File{Parent: n.id, Name: h.Name, Size: h.Size}, r, int64(len(n.data))) {
			return
		}
	}
}

// openAr reads the archives of Unix and of Debian packages: headers of 60 bytes.
func openAr(i *inspector, n *node) {
	for at := int64(8); at+60 <= int64(len(n.data)); {
		h := n.data[at : at+60]
		size, err := strconv.ParseInt(strings.TrimSpace(string(h[48:58])), 10, 64)
		if err != nil || size < 0 || string(h[58:]) != "`\n" {
			i.fail(n.id, errors.New("a header of the archive is broken"))
			return
		}
		name := strings.TrimRight(string(h[:16]), " /")
		if !i.entry(n.id, name) || !i.take(File{Parent: n.id, Name: name}, bytes.NewReader(cut(n.data, at+60, size)), size) {
			return
		}
		at += 60 + min(size, int64(len(n.data))) + size&1
	}
}
