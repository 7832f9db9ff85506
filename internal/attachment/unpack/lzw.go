package unpack

import "io"

// The least and the most bits of a code of compress. The dictionary begins with the bytes
// and, in blocks, with the code that clears it.
const (
	lzwFirstBits = 9
	lzwMostBits  = 16
	lzwClear     = 256
)

// lzw reads the format of compress. A dictionary entry is another entry and a byte.
type lzw struct {
	data   []byte
	at     int // in bits
	bits   int // of the next code
	most   int // maximum bits of a code
	blocks bool
	group  int // codes of these bits so far; eight of them fill whole bytes
	prefix [1 << lzwMostBits]uint16
	last   [1 << lzwMostBits]byte
	next   int // the next entry
	old    int // the previous code, -1 at the beginning
	first  byte
	stack  []byte // the expansion of a code, backward
	rest   []byte
	err    error
}

// NewLZW reads a file of compress, whose header has a mark and a byte of flags: the maximum
// bits of a code, and whether codes clear the dictionary.
func NewLZW(data []byte) (io.Reader, error) {
	if len(data) < 3 || data[0] != 0x1f || data[1] != 0x9d {
		return nil, ErrBroken
	}
	most := int(data[2] & 31)
	if most < lzwFirstBits || most > lzwMostBits {
		return nil, ErrWindow
	}
	z := &lzw{data: data[3:], most: most, blocks: data[2]&0x80 != 0}
	z.clear()
	return z, nil
}

func (z *lzw) clear() {
	z.bits, z.next, z.old, z.group = lzwFirstBits, 256, -1, 0
	if z.blocks {
		z.next++
	}
}

func (z *lzw) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(z.rest) == 0 {
			if z.err == nil {
				z.err = z.code()
			}
			if z.err != nil {
				break
			}
		}
		k := copy(p[n:], z.rest)
		n, z.rest = n+k, z.rest[k:]
	}
	if n > 0 {
		return n, nil
	}
	return 0, z.err
}

// code reads the next code and unpacks it.
func (z *lzw) code() error {
	code, ok := z.take()
	switch {
	case !ok:
		return io.EOF
	case z.blocks && code == lzwClear:
		z.skip()
		z.clear()
		return nil
	case code > z.next || z.old < 0 && code > 255 || code == z.next && z.next == 1<<z.most:
		return ErrBroken
	}
	z.expand(code)
	if z.old >= 0 && z.next < 1<<z.most {
		z.prefix[z.next], z.last[z.next] = uint16(z.old), z.first
		z.next++
		if z.next == 1<<z.bits && z.bits < z.most {
			z.skip()
			z.bits++
		}
	}
	z.old = code
	return nil
}

// expand expands a code. The next entry is the previous one plus its own first byte.
func (z *lzw) expand(code int) {
	z.stack = z.stack[:0]
	own := code == z.next
	if own {
		code = z.old
	}
	for code > 255 {
		z.stack = append(z.stack, z.last[code])
		code = int(z.prefix[code])
	}
	z.first = byte(code)
	z.stack = append(z.stack, z.first)
	for a, b := 0, len(z.stack)-1; a < b; a, b = a+1, b-1 {
		z.stack[a], z.stack[b] = z.stack[b], z.stack[a]
	}
	if own {
		z.stack = append(z.stack, z.first)
	}
	z.rest = z.stack
}

// take returns the next code, whose lowest bit comes first.
func (z *lzw) take() (code int, ok bool) {
	if z.at+z.bits > 8*len(z.data) {
		return 0, false
	}
	word := 0
	for k := range 3 {
		if at := z.at/8 + k; at < len(z.data) {
			word |= int(z.data[at]) << (8 * k)
		}
	}
	code = word >> (z.at % 8) & (1<<z.bits - 1)
	z.at += z.bits
	z.group = (z.group + 1) % 8
	return code, true
}

// skip skips the rest of a group of eight codes: packers write groups, and begin a new one
// when the size of codes changes.
func (z *lzw) skip() {
	if z.group > 0 {
		z.at += (8 - z.group) * z.bits
	}
	z.group = 0
}
