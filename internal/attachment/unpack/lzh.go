package unpack

import "io"

// Sizes of the codes of LHA, methods lh4 to lh7.
const (
	lzhMinMatch = 3
	lzhSymbols  = 256 + 254 // bytes, and lengths of matches up to 256
	lzhPre      = 19        // symbols of the code for lengths of codes
)

// lzh reads an LHA stream: blocks, each with its codes, over one window.
type lzh struct {
	data   []byte
	at     int // in bits
	window []byte
	pos    int
	size   int64 // remaining bytes
	block  int   // symbols left in the block
	wide   int   // bits that count the codes of distances
	slots  int   // symbols of the code of distances
	pre    huffman
	main   huffman
	far    huffman
	match  int // remaining bytes of a match
	from   int // its source in the window
	err    error
}

// NewLZH reads the stream of a method "lh4" to "lh7" that unpacks to size bytes.
func NewLZH(data []byte, method string, size int64) (io.Reader, error) {
	bits := map[string]int{"lh4": 12, "lh5": 13, "lh6": 15, "lh7": 16}[method]
	if bits == 0 {
		return nil, ErrWindow
	}
	z := &lzh{data: data, window: make([]byte, 1<<bits), size: size, wide: 4, slots: max(bits+1, 14)}
	if bits > 13 {
		z.wide = 5
	}
	for k := range z.window {
		z.window[k] = ' '
	}
	return z, nil
}

func (z *lzh) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && z.size > 0 && z.err == nil {
		if z.match == 0 {
			if z.err = z.symbol(); z.err != nil {
				break
			}
		}
		p[n] = z.window[z.from]
		z.window[z.pos] = p[n]
		mask := len(z.window) - 1
		z.from, z.pos = (z.from+1)&mask, (z.pos+1)&mask
		z.match, z.size, n = z.match-1, z.size-1, n+1
	}
	switch {
	case n > 0:
		return n, nil
	case z.err != nil:
		return 0, z.err
	}
	return 0, io.EOF
}

// symbol reads the next symbol: a byte, which is a match with itself, or a match.
func (z *lzh) symbol() error {
	if z.block == 0 {
		if err := z.codes(); err != nil {
			return err
		}
	}
	z.block--
	symbol, err := z.code(&z.main)
	if err != nil {
		return err
	}
	if symbol < 256 {
		z.window[z.pos], z.from, z.match = byte(symbol), z.pos, 1
		return nil
	}
	slot, err := z.code(&z.far)
	if err != nil {
		return err
	}
	distance := slot // and one more
	if slot > 1 {
		distance = 1<<(slot-1) + z.take(slot-1)
	}
	if distance >= len(z.window) {
		return ErrBroken
	}
	z.match, z.from = symbol-256+lzhMinMatch, (z.pos-distance-1)&(len(z.window)-1)
	return nil
}

// codes reads the head of a block: its number of symbols, and its codes.
func (z *lzh) codes() error {
	z.block = z.take(16)
	if z.over() {
		return ErrShort
	}
	if z.block == 0 { // an empty block would cost reading its codes without progress
		return ErrBroken
	}
	if err := z.lengths(&z.pre, lzhPre, 5, 3); err != nil {
		return err
	}
	if err := z.mains(&z.pre); err != nil {
		return err
	}
	return z.lengths(&z.far, z.slots, z.wide, -1)
}

// lengths reads a small code of at most most symbols, whose number has bits bits. After the
// third one of gap, two bits give the number of omitted ones.
func (z *lzh) lengths(h *huffman, most, bits, gap int) error {
	n := z.take(bits)
	if n == 0 {
		return z.single(h, most, bits)
	}
	if n > most {
		return ErrBroken
	}
	lengths := make([]byte, most)
	for k := 0; k < n; k++ {
		l := z.take(3)
		for more := l == 7; more && z.take(1) == 1; { // a long one continues in ones
			if l++; l > maxCode {
				return ErrBroken
			}
		}
		lengths[k] = byte(l)
		if k+1 == gap {
			k += z.take(2)
		}
	}
	return h.build(lengths)
}

// single reads a code of one symbol, which takes no bits.
func (z *lzh) single(h *huffman, most, bits int) error {
	symbol := z.take(bits)
	if symbol >= most {
		return ErrBroken
	}
	h.symbols = append(h.symbols[:0], uint16(symbol))
	return nil
}

// mains reads the code of bytes and matches, in the code of lengths.
func (z *lzh) mains(pre *huffman) error {
	n := z.take(9)
	if n == 0 {
		return z.single(&z.main, lzhSymbols, 9)
	}
	if n > lzhSymbols {
		return ErrBroken
	}
	lengths := make([]byte, lzhSymbols)
	for k := 0; k < n; {
		symbol, err := z.code(pre)
		if err != nil {
			return err
		}
		switch symbol {
		case 0:
			k++
		case 1:
			k += 3 + z.take(4)
		case 2:
			k += 20 + z.take(9)
		default:
			lengths[k] = byte(symbol - 2)
			k++
		}
	}
	return z.main.build(lengths)
}

// code returns the next symbol of a code.
func (z *lzh) code(h *huffman) (int, error) {
	if len(h.symbols) == 1 {
		return int(h.symbols[0]), nil
	}
	symbol, length := h.look(z.peek())
	if length == 0 {
		return 0, ErrBroken
	}
	if z.at += length; z.over() {
		return 0, ErrShort
	}
	return symbol, nil
}

// over reports whether more bits were taken than exist.
func (z *lzh) over() bool { return z.at > 8*len(z.data) }

// peek returns the next 16 bits, the highest first, zeros after the end.
func (z *lzh) peek() int {
	word := 0
	for k := range 3 {
		word <<= 8
		if at := z.at/8 + k; at < len(z.data) {
			word |= int(z.data[at])
		}
	}
	return word >> (8 - z.at%8) & 0xffff
}

// take returns the next n bits, at most 16.
func (z *lzh) take(n int) int {
	v := z.peek() >> (16 - n)
	z.at += n
	return v
}
