package feed

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// isArchive reports whether a name is that of a supported archive.
func isArchive(name string) bool {
	name = strings.ToLower(name)
	for _, ext := range []string{".tar.zst", ".tar.gz", ".tgz", ".zip"} {
		if strings.HasSuffix(name, ext) {
			return true
		}
	}
	return false
}

// readFile reads an archive from disk, up to the bound.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening the archive: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was read only
	raw, err := io.ReadAll(io.LimitReader(f, maxArchive+1))
	if err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	if len(raw) > maxArchive {
		return nil, fmt.Errorf("%w: the archive has more than %d MiB", ErrTooLarge, maxArchive>>20)
	}
	return raw, nil
}

// unpack collects the files of an archive that rules use. Its first bytes determine the
// format.
func unpack(c *collector, raw []byte) error {
	read := readTar
	switch {
	case bytes.HasPrefix(raw, []byte("PK\x03\x04")), bytes.HasPrefix(raw, []byte("PK\x05\x06")):
		read = readZip
	case bytes.HasPrefix(raw, []byte{0x1f, 0x8b}), bytes.HasPrefix(raw, []byte{0x28, 0xb5, 0x2f, 0xfd}):
	default:
		return fmt.Errorf("%w: it is not a .tar.zst, .tar.gz or .zip file", ErrHostile)
	}
	// Read twice: the common prefix of the paths is known only at the end.
	var paths []string
	if err := read(c, raw, func(p string, _ io.Reader) error {
		p, err := cleanPath(p)
		paths = append(paths, p)
		return err
	}); err != nil {
		return err
	}
	c.entries, c.seen, c.skipped = 0, 0, 0
	wrapping := outermost(paths)
	return read(c, raw, func(p string, r io.Reader) error {
		// The first pass checked it.
		return c.add(strings.TrimPrefix(path.Clean(p), wrapping), r)
	})
}

// counted is a reader that counts towards the bound on unpacked bytes.
type counted struct {
	c    *collector
	from io.Reader
}

func (r *counted) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if over := r.c.look(int64(n)); over != nil {
		return n, over
	}
	return n, err
}

// inflate opens a gzip or a zstd stream.
func inflate(raw []byte) (io.ReadCloser, error) {
	if raw[0] == 0x1f {
		return gzip.NewReader(bytes.NewReader(raw))
	}
	z, err := zstd.NewReader(bytes.NewReader(raw), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxArchive), zstd.WithDecoderMaxWindow(32<<20))
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
}

func readTar(c *collector, raw []byte, file func(string, io.Reader) error) error {
	plain, err := inflate(raw)
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	defer plain.Close() //nolint:errcheck // it was read only
	t := tar.NewReader(&counted{c, plain})
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpacking: %w", err)
		}
		if err := c.entry(); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeReg:
			err = file(h.Name, t)
		case tar.TypeDir, tar.TypeXGlobalHeader:
		default:
			c.skipped++ // links, devices and similar entries are irrelevant in a feed
		}
		if err != nil {
			return err
		}
	}
}

func readZip(c *collector, raw []byte, file func(string, io.Reader) error) error {
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // cleanPath reports which
		return fmt.Errorf("unpacking: %w", err)
	}
	for _, f := range z.File {
		if err := c.entry(); err != nil {
			return err
		}
		if f.Mode().IsDir() || strings.HasSuffix(f.Name, "/") {
			continue
		}
		if !f.Mode().IsRegular() {
			c.skipped++
			continue
		}
		if err := zipped(c, f, file); err != nil {
			return err
		}
	}
	return nil
}

func zipped(c *collector, f *zip.File, file func(string, io.Reader) error) error {
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("unpacking %q: %w", f.Name, err)
	}
	defer r.Close() //nolint:errcheck // it was read only
	return file(f.Name, &counted{c, r})
}
