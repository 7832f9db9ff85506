package attachment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/bodgit/sevenzip"
	"github.com/ulikunitz/xz/lzma"
)

// open7z checks the requirements of the archive's coders before the library reads it: the
// library allocates the dictionary that a property of one byte declares.
func open7z(i *inspector, n *node) {
	closed, err := sevenZipAsks(n.data, i.limits.Window)
	if err != nil {
		i.file(n.id).Encrypted = i.file(n.id).Encrypted || closed
		i.fail(n.id, err)
		return
	}
	for _, p := range append([]string{""}, i.passwords...) {
		if i.ctx() != nil {
			return
		}
		r, err := reader7z(n.data, p)
		// With the wrong password the decoder after the cipher reads noise, and returns any
		// error.
		if err != nil && (closed || locked7z(err)) {
			i.file(n.id).Encrypted = true
			continue
		}
		if err != nil {
			i.fail(n.id, err)
		}
		if r != nil {
			i.sevenZip(n, r, p)
		}
		return
	}
	i.fail(n.id, errLocked)
	i.list7z(n)
}

// list7z names the files of an archive that stays encrypted, unless the names are encrypted
// too.
func (i *inspector) list7z(n *node) {
	r, err := sevenzip.NewReader(bytes.NewReader(n.data), int64(len(n.data)))
	if err != nil {
		return
	}
	for _, f := range r.File {
		if !i.entry(n.id, f.Name) {
			return
		}
		i.archive(n.id).Encrypted++
		i.unread(n.id, f.Name, int64(f.UncompressedSize&^(1<<63)), true, nil)
	}
}

// reader7z opens the archive and verifies the password. The verification has a separate
// reader: deriving a key overwrites the vector of the cipher in the library's copy of the
// header.
func reader7z(data []byte, password string) (*sevenzip.Reader, error) {
	proof, err := sevenzip.NewReaderWithPassword(bytes.NewReader(data), int64(len(data)), password)
	if err != nil {
		return nil, fmt.Errorf("opening 7z: %w", err)
	}
	if err := first7z(proof); err != nil {
		return proof, err
	}
	r, err := sevenzip.NewReaderWithPassword(bytes.NewReader(data), int64(len(data)), password)
	if err != nil {
		return nil, fmt.Errorf("opening 7z again: %w", err)
	}
	return r, nil
}

func locked7z(err error) bool {
	var e *sevenzip.ReadError
	return errors.As(err, &e) && e.Encrypted
}

// maxProof bounds the bytes of the first file that prove a password by their checksum.
const maxProof = RatioFloor

// errProof means that the content differs from the checksum in the archive.
var errProof = errors.New("the checksum of the first file differs")

// first7z reads the first file, which shows whether the password is right. The library does
// not verify checksums of stored files, so a wrong password gives noise without an error.
func first7z(r *sevenzip.Reader) error {
	for _, f := range r.File {
		if f.UncompressedSize == 0 {
			continue
		}
		rc, err := f.Open()
		if err != nil {
			return fmt.Errorf("opening the first file: %w", err)
		}
		sum := crc32.NewIEEE()
		_, err = io.CopyN(sum, rc, int64(min(f.UncompressedSize, maxProof)))
		if err == nil && f.UncompressedSize <= maxProof && f.CRC32 != 0 && sum.Sum32() != f.CRC32 {
			err = errProof
		}
		return errors.Join(err, rc.Close())
	}
	return nil
}

func (i *inspector) sevenZip(n *node, r *sevenzip.Reader, password string) {
	i.file(n.id).Encrypted, i.file(n.id).Password = i.file(n.id).Encrypted || password != "", password
	for _, f := range r.File {
		if !i.entry(n.id, f.Name) {
			return
		}
		if f.FileInfo().IsDir() {
			continue
		}
		out := File{Parent: n.id, Name: f.Name, Size: int64(f.UncompressedSize &^ (1 << 63)), Encrypted: password != "", Password: password}
		if i.namesOnly(n.id) {
			i.named(&out)
			continue
		}
		rc, err := f.Open()
		if err != nil {
			i.unread(n.id, f.Name, out.Size, out.Encrypted, err)
			continue
		}
		more := i.take(out, rc, int64(len(n.data)))
		if rc.Close() != nil || !more {
			return
		}
	}
}

// sevenZipAsks returns errWindow if a coder requires more memory than allowed, and
// errRounds if a key takes too long. It searches the header, unpacked if packed, for the
// identities of the coders. Encrypted headers are only bounded by the limits of the
// process. closed reports whether a coder is the cipher.
func sevenZipAsks(data []byte, window int64) (closed bool, err error) {
	if len(data) < 32 {
		return false, nil
	}
	le := binary.LittleEndian
	offset, size := le.Uint64(data[12:]), le.Uint64(data[20:])
	if offset > uint64(len(data)) {
		return false, nil // the library refuses it
	}
	// A header may claim more than the file has: the library reads up to the end.
	header := cut(data, 32+int64(offset), int64(min(size, uint64(len(data)))))
	for range 4 {
		closed = closed || bytes.Contains(header, cipher7z)
		switch {
		case coderWindow(header) > window:
			return closed, errWindow
		case coderRounds(header) > maxRounds7z:
			return closed, errRounds
		case len(header) == 0 || header[0] != 0x17:
			return closed, nil
		}
		header = packedHeader(data, header, window)
	}
	return closed, errWindow // no packer nests packed headers
}

// cipher7z is the identity of AES-256 after a key of SHA-256.
var cipher7z = []byte{0x06, 0xf1, 0x07, 0x01}

// maxRounds7z bounds the rounds of a key, as a power of two; 7-Zip writes 19. The library
// refuses more than 24.
const maxRounds7z = 20

// coderRounds returns the maximum rounds, up to 24, of the ciphers in a header, as a power
// of two.
func coderRounds(header []byte) int {
	most := 0
	for at := 0; ; {
		k := bytes.Index(header[at:], cipher7z)
		if k < 0 {
			return most
		}
		r := numbers{data: header, at: at + k + len(cipher7z)}
		if at+k > 0 && header[at+k-1]&0x10 != 0 { // numbers of streams
			r.next()
			r.next()
		}
		if size := r.next(); size > 0 && r.at < len(header) {
			if rounds := int(header[r.at] & 0x3f); rounds <= 24 {
				most = max(most, rounds)
			}
		}
		at += k + len(cipher7z)
	}
}

// coderWindow returns the largest dictionary that the bytes can declare.
func coderWindow(header []byte) int64 {
	var most int64
	for k := range header {
		rest := header[k:]
		switch {
		case bytes.HasPrefix(rest, []byte{3, 1, 1}): // LZMA: properties, then the dictionary
			if p := properties(rest[3:], 5); p != nil {
				most = max(most, int64(binary.LittleEndian.Uint32(p[1:])))
			}
		case bytes.HasPrefix(rest, []byte{3, 4, 1}): // PPMd: order, then the memory
			if p := properties(rest[3:], 5); p != nil {
				most = max(most, int64(binary.LittleEndian.Uint32(p[1:])))
			}
		case rest[0] == 0x21 && k > 0 && header[k-1]&0x2f == 0x21: // LZMA2
			if p := properties(rest[1:], 1); p != nil {
				most = max(most, lzma2Window(p[0]))
			}
		}
	}
	return most
}

// properties returns n bytes of properties after the identity of a coder: stream counts may
// be between, and lengths may be longer than needed.
func properties(rest []byte, n int) []byte {
	for _, lead := range [][]byte{{byte(n)}, {1, 1, byte(n)}, {0x80, byte(n)}, {1, 1, 0x80, byte(n)}, {0xc0, byte(n), 0}, {1, 1, 0xc0, byte(n), 0}} {
		if bytes.HasPrefix(rest, lead) && len(rest) >= len(lead)+n {
			return rest[len(lead) : len(lead)+n]
		}
	}
	return nil
}

// packedHeader unpacks a header packed by one LZMA coder, or returns nil.
func packedHeader(data, header []byte, window int64) []byte {
	at := bytes.Index(header, []byte{0x23, 3, 1, 1, 5})
	r := numbers{data: header, at: 2}
	pos, streams := r.next(), r.next()
	r.at++ // 09: sizes follow
	size := r.next()
	if at < 0 || at+10 > len(header) || streams != 1 || pos > uint64(len(data)) || size > uint64(len(data)) {
		return nil
	}
	s := numbers{data: header, at: at + 11} // after 0C: unpacked sizes follow
	unpacked := s.next()
	if unpacked > 64<<20 {
		return nil
	}
	head := binary.LittleEndian.AppendUint64(bytes.Clone(header[at+5:at+10]), unpacked)
	z, err := lzma.ReaderConfig{DictCap: int(window)}.NewReader(io.MultiReader(bytes.NewReader(head), bytes.NewReader(cut(data, 32+int64(pos), int64(size)))))
	if err != nil {
		return nil
	}
	out, err := io.ReadAll(io.LimitReader(z, int64(unpacked)))
	if err != nil && len(out) == 0 {
		return nil
	}
	return out
}

// numbers reads the numbers of 7z: leading ones of the first byte count further bytes.
type numbers struct {
	data []byte
	at   int
}

func (n *numbers) next() uint64 {
	if n.at >= len(n.data) {
		return 0
	}
	first := n.data[n.at]
	n.at++
	var v uint64
	for k := range 8 {
		mask := byte(0x80) >> k
		if first&mask == 0 {
			return v | uint64(first&(mask-1))<<(8*k)
		}
		if n.at < len(n.data) {
			v |= uint64(n.data[n.at]) << (8 * k)
			n.at++
		}
	}
	return v
}
