package attachment

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
)

// maxRounds bounds the rounds of a key of RAR 5, as a power of two. Packers write 15; the
// format's maximum, 24, takes half a minute.
const maxRounds = 19

// The blocks of RAR 5, and the encryption record of a file.
const (
	rarFileBlock  = 2
	rarCryptBlock = 4
	rarEndBlock   = 5
	rarCryptExtra = 1
)

// rarRounds walks the headers of a RAR 5 before the library, which derives every declared
// key. It returns errRounds if one takes too long, and errLocked if the headers are
// encrypted with another password.
func rarRounds(data []byte, password string) error {
	w := rarWalk{rest: rarBody(data), password: password}
	for w.err == nil {
		h := w.header()
		if h == nil {
			break
		}
		w.look(h)
	}
	return w.err
}

// rarBody returns the bytes after the signature of RAR 5, or nil. The library searches for
// it in the first mebibyte, and after it for another version.
func rarBody(data []byte) []byte {
	sign := []byte("Rar!\x1a\x07")
	for {
		at := bytes.Index(data, sign)
		if at < 0 || at+len(sign)+2 > len(data) {
			return nil
		}
		data = data[at+len(sign):]
		if data[0] == 0 || data[1] == 0 {
			if data[0] != 1 {
				return nil
			}
			return data[2:]
		}
	}
}

// rarWalk iterates over headers.
type rarWalk struct {
	rest     []byte // after the last header
	password string
	key      []byte // of headers, or nil
	begun    bool   // the first header was read
	proved   bool   // a header was decrypted with the key
	err      error
}

// header returns the next header from its type on, or nil at the end of the readable ones:
// a checksum, the length of the rest, and the rest.
func (w *rarWalk) header() []byte {
	size := 7
	head := w.open(size)
	if head == nil {
		return nil
	}
	n, k := binary.Uvarint(head[4:])
	if k <= 0 || n < 1 || n > 2<<20 {
		return w.closed()
	}
	size = 4 + k + int(n)
	if head = w.open(size); head == nil {
		return w.closed()
	}
	if crc32.ChecksumIEEE(head[4:]) != binary.LittleEndian.Uint32(head) {
		return w.closed()
	}
	w.rest, w.proved = w.rest[w.space(size):], w.key != nil
	return head[4+k:]
}

// closed ends the walk: with a wrong password headers are noise.
func (w *rarWalk) closed() []byte {
	if w.key != nil && !w.proved {
		w.err = errLocked
	}
	return nil
}

// space returns the number of bytes of a header of that size: an encrypted one has a
// leading vector and is padded to blocks.
func (w *rarWalk) space(size int) int {
	if w.key == nil {
		return size
	}
	return aes.BlockSize + (size+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize
}

// open returns the next bytes without consuming them, or nil if there are too few.
func (w *rarWalk) open(size int) []byte {
	n := w.space(size)
	if n > len(w.rest) {
		return nil
	}
	if w.key == nil {
		return w.rest[:size]
	}
	block, err := aes.NewCipher(w.key)
	if err != nil {
		return nil
	}
	out := make([]byte, n-aes.BlockSize)
	cipher.NewCBCDecrypter(block, w.rest[:aes.BlockSize]).CryptBlocks(out, w.rest[aes.BlockSize:n])
	return out[:size]
}

// look reads the keys of a header, and skips the data after it.
func (w *rarWalk) look(h []byte) {
	f := fields{h}
	kind, flags := f.next(), f.next()
	extra, data := uint64(0), uint64(0)
	if flags&1 != 0 {
		extra = f.next()
	}
	if flags&2 != 0 {
		data = f.next()
	}
	switch kind {
	case rarCryptBlock:
		if !w.begun {
			w.crypt(f)
		}
	case rarFileBlock:
		w.extras(f.rest[len(f.rest)-int(min(extra, uint64(len(f.rest)))):])
	case rarEndBlock:
		w.rest = nil
	}
	w.begun = true
	if int64(data) > 0 {
		w.rest = w.rest[min(data, uint64(len(w.rest))):]
	}
}

// crypt reads the key of headers, which only the first block declares: version, flags,
// rounds and salt.
func (w *rarWalk) crypt(f fields) {
	f.next() // version
	f.next() // flags
	if len(f.rest) < 17 {
		return
	}
	if f.rest[0] > maxRounds {
		w.err = errRounds
		return
	}
	w.key, w.err = pbkdf2.Key(sha256.New, w.password, f.rest[1:17], 1<<f.rest[0], 32)
}

// extras finds the encryption record of a file. There should be one, but the library
// derives the key of each.
func (w *rarWalk) extras(data []byte) {
	rounds := 0
	for f := (fields{data}); len(f.rest) > 0; {
		n := int(min(f.next(), uint64(len(f.rest))))
		record := fields{f.rest[:n]}
		f.rest = f.rest[n:]
		if record.next() != rarCryptExtra {
			continue
		}
		record.next() // version
		record.next() // flags
		if len(record.rest) > 0 {
			rounds += 1 << min(record.rest[0], maxRounds+1)
		}
		if rounds > 1<<maxRounds {
			w.err = errRounds
			return
		}
	}
}

// fields parses the numbers of RAR 5: seven bits a byte, lowest first.
type fields struct{ rest []byte }

func (f *fields) next() uint64 {
	v, n := binary.Uvarint(f.rest)
	if n == 0 {
		n = len(f.rest)
	}
	if n < 0 {
		n = -n
	}
	f.rest = f.rest[n:]
	return v
}
