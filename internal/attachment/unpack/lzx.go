package unpack

import (
	"encoding/binary"
	"fmt"
)

// LZXFrame is the largest frame of LZX, in bytes unpacked.
const LZXFrame = 32 << 10

// Sizes of LZX. MS-PATCH, Section 2.2.
const (
	lzxLiterals = 256
	lzxHeader   = 8   // lengths of matches in the main code, the last one means longer
	lzxLengths  = 249 // symbols of the code for longer ones
	lzxMinMatch = 2
	lzxMaxSlots = 50
)

// The kinds of blocks.
const (
	lzxVerbatim = 1
	lzxAligned  = 2
	lzxRaw      = 3
)

// LZX unpacks the frames of one cabinet folder, in order. Frames share the window.
type LZX struct {
	in     lzxBits
	window []byte
	at     int // in the window
	total  int // bytes of all previous frames
	begun  bool
	calls  uint32 // size of the program with translated calls, 0 for none
	recent [3]int // distances

	kind  int  // of the block
	size  int  // of the block
	left  int  // of the block
	built bool // main and long
	main  huffman
	long  huffman
	low   huffman                                    // of the lowest bits of distances
	mains [lzxLiterals + lzxHeader*lzxMaxSlots]uint8 // lengths of codes, updated by the next block
	longs [lzxLengths]uint8
	base  []int // least distance of a slot
	extra []int // bits that follow a slot
	out   []byte
}

// NewLZX returns a reader whose window has 2^bits bytes, 15 to 21.
func NewLZX(bits int) (*LZX, error) {
	if bits < 15 || bits > 21 {
		return nil, ErrWindow
	}
	z := &LZX{window: make([]byte, 1<<bits), recent: [3]int{1, 1, 1}}
	// The slots grow in pairs, but no further than 2^17. MS-PATCH, Section 2.4.
	for slot, base := 0, 0; base < 1<<bits; slot++ {
		extra := max(0, min(slot/2-1, 17))
		z.base, z.extra = append(z.base, base), append(z.extra, extra)
		base += 1 << extra
	}
	return z, nil
}

// Frame unpacks the next frame, of size bytes. The result is valid until the next call;
// with an error it is the unpacked part.
func (z *LZX) Frame(packed []byte, size int) ([]byte, error) {
	if size < 1 || size > LZXFrame {
		return nil, fmt.Errorf("a frame of %d bytes: %w", size, ErrBroken)
	}
	z.in = lzxBits{data: packed}
	z.begin()
	z.out = z.out[:0]
	err := z.frame(size)
	if z.calls != 0 && z.total < 1<<30 {
		z.translate()
	}
	z.total += len(z.out)
	return z.out, err
}

// begin reads the flag before the first block: whether calls are translated.
func (z *LZX) begin() {
	if z.begun {
		return
	}
	z.begun = true
	if z.in.take(1) == 1 {
		z.calls = uint32(z.in.take(16)<<16 | z.in.take(16))
	}
}

func (z *LZX) frame(size int) error {
	for todo := size; todo > 0; {
		if z.left == 0 {
			if err := z.block(); err != nil {
				return fmt.Errorf("reading the head of a block: %w", err)
			}
			continue
		}
		before := len(z.out)
		err := z.part(min(todo, z.left))
		done := len(z.out) - before
		todo, z.left = todo-done, z.left-done
		if err != nil {
			return err
		}
	}
	return nil
}

// part unpacks n bytes of the block.
func (z *LZX) part(n int) error {
	if z.kind != lzxRaw {
		return z.decode(n)
	}
	data := z.in.bytes(n)
	for _, b := range data {
		z.put(b)
	}
	if len(data) < n {
		return ErrShort
	}
	if n == z.left && z.size%2 == 1 {
		z.in.bytes(1) // back to whole words
	}
	return nil
}

func (z *LZX) put(b byte) {
	z.window[z.at] = b
	z.at = (z.at + 1) & (len(z.window) - 1)
	z.out = append(z.out, b)
}

// block reads the head of a block. MS-PATCH, Section 2.3.
func (z *LZX) block() error {
	z.kind = z.in.take(3)
	z.size = z.in.take(16)<<8 | z.in.take(8)
	z.left = z.size
	switch z.kind {
	case lzxVerbatim, lzxAligned:
		return z.codes()
	case lzxRaw:
		z.in.align()
		head := z.in.bytes(12)
		if len(head) < 12 {
			return ErrShort
		}
		for k := range z.recent {
			z.recent[k] = int(binary.LittleEndian.Uint32(head[4*k:]))
		}
		return nil
	}
	return fmt.Errorf("block of kind %d: %w", z.kind, ErrBroken)
}

// codes reads the codes of a block. MS-PATCH, Section 2.3.4 and 2.5.
func (z *LZX) codes() error {
	if z.kind == lzxAligned {
		var lengths [8]byte
		for k := range lengths {
			lengths[k] = byte(z.in.take(3))
		}
		if err := z.low.build(lengths[:]); err != nil {
			return err
		}
	}
	mains := z.mains[:lzxLiterals+lzxHeader*len(z.base)]
	for _, part := range [][]byte{mains[:lzxLiterals], mains[lzxLiterals:], z.longs[:]} {
		if err := z.lengths(part); err != nil {
			return err
		}
	}
	z.built = false
	return nil
}

// build builds the codes of a block that is not empty.
func (z *LZX) build() error {
	if z.built {
		return nil
	}
	z.built = true
	if err := z.main.build(z.mains[:lzxLiterals+lzxHeader*len(z.base)]); err != nil {
		return err
	}
	return z.long.build(z.longs[:])
}

// lengths reads the differences of code lengths from the last block, encoded in a code of
// twenty symbols.
func (z *LZX) lengths(list []byte) error {
	var lengths [20]byte
	for k := range lengths {
		lengths[k] = byte(z.in.take(4))
	}
	var pre huffman
	if err := pre.build(lengths[:]); err != nil {
		return err
	}
	for len(list) > 0 {
		run, length, err := z.run(&pre, int(list[0]))
		if err != nil {
			return err
		}
		if run > len(list) {
			return ErrBroken
		}
		for k := range run {
			list[k] = length
		}
		list = list[run:]
	}
	return nil
}

// run reads a run of codes with one length, given as a difference for the first.
func (z *LZX) run(pre *huffman, before int) (run int, length byte, err error) {
	symbol, err := z.in.symbol(pre)
	if err != nil {
		return 0, 0, err
	}
	run = 1
	switch symbol {
	case 17:
		return 4 + z.in.take(4), 0, nil
	case 18:
		return 20 + z.in.take(5), 0, nil
	case 19:
		run = 4 + z.in.take(1)
		if symbol, err = z.in.symbol(pre); err != nil || symbol > 16 {
			return 0, 0, ErrBroken
		}
	}
	return run, byte((before - symbol + 17) % 17), nil
}

// decode unpacks n bytes of a block with codes. A match must not cross its frame or block.
func (z *LZX) decode(n int) error {
	if err := z.build(); err != nil {
		return err
	}
	for end := len(z.out) + n; len(z.out) < end; {
		symbol, err := z.in.symbol(&z.main)
		if err != nil {
			return err
		}
		if symbol < lzxLiterals {
			z.put(byte(symbol))
			continue
		}
		if err := z.match(symbol-lzxLiterals, end-len(z.out)); err != nil {
			return err
		}
	}
	if z.in.over() {
		return ErrShort
	}
	return nil
}

// match unpacks a match of at most most bytes.
func (z *LZX) match(symbol, most int) error {
	length := symbol%lzxHeader + lzxMinMatch
	if symbol%lzxHeader == lzxHeader-1 {
		more, err := z.in.symbol(&z.long)
		if err != nil {
			return err
		}
		length += more
	}
	distance, err := z.distance(symbol / lzxHeader)
	if err != nil {
		return err
	}
	if length > most || distance < 1 || distance > len(z.window) {
		return ErrBroken
	}
	z.copy(distance, length)
	return nil
}

// distance reads the distance of a match: three slots repeat recent ones.
func (z *LZX) distance(slot int) (int, error) {
	if slot < len(z.recent) {
		z.recent[0], z.recent[slot] = z.recent[slot], z.recent[0]
		return z.recent[0], nil
	}
	extra := z.extra[slot]
	var more int
	if z.kind == lzxAligned && extra >= 3 {
		more = z.in.take(extra-3) << 3
		low, err := z.in.symbol(&z.low)
		if err != nil {
			return 0, err
		}
		more += low
	} else {
		more = z.in.take(extra)
	}
	z.recent = [3]int{z.base[slot] + more - 2, z.recent[0], z.recent[1]}
	return z.recent[0], nil
}

func (z *LZX) copy(distance, length int) {
	mask := len(z.window) - 1
	for range length {
		z.put(z.window[(z.at-distance)&mask])
	}
}

// translate converts the absolute targets of calls in the frame back to relative ones, as
// in x86. The window keeps the absolute ones. MS-PATCH, Section 2.6.
func (z *LZX) translate() {
	for k := 0; k < len(z.out)-10; k++ {
		if z.out[k] != 0xe8 {
			continue
		}
		at, to := int64(z.total+k), binary.LittleEndian.Uint32(z.out[k+1:])
		switch target := int64(int32(to)); {
		case target >= 0 && target < int64(z.calls):
			binary.LittleEndian.PutUint32(z.out[k+1:], uint32(target-at))
		case target < 0 && target >= -at:
			binary.LittleEndian.PutUint32(z.out[k+1:], to+z.calls)
		}
		k += 4
	}
}

// lzxBits reads bits from words of two bytes, the lowest byte first, the highest bit first.
type lzxBits struct {
	data []byte
	at   int // in bits
}

// peek returns the next 16 bits, zeros after the end.
func (r *lzxBits) peek() int {
	k := r.at / 16 * 2
	return int(uint32(r.word(k))<<16|uint32(r.word(k+2))) >> (16 - r.at%16) & 0xffff
}

func (r *lzxBits) word(k int) uint16 {
	switch {
	case k+1 < len(r.data):
		return binary.LittleEndian.Uint16(r.data[k:])
	case k < len(r.data):
		return uint16(r.data[k])
	}
	return 0
}

// take returns the next n bits, at most 17.
func (r *lzxBits) take(n int) int {
	if n > 16 {
		return r.take(n-16)<<16 | r.take(16)
	}
	v := r.peek() >> (16 - n)
	r.at += n
	return v
}

// symbol returns the next symbol of a code.
func (r *lzxBits) symbol(h *huffman) (int, error) {
	symbol, length := h.look(r.peek())
	if length == 0 {
		return 0, ErrBroken
	}
	if r.at += length; r.over() {
		return 0, ErrShort
	}
	return symbol, nil
}

// over reports whether more bits were taken than exist.
func (r *lzxBits) over() bool { return r.at > (len(r.data)+1)/2*16 }

// align skips the rest of the word, or a whole one at a word boundary.
func (r *lzxBits) align() { r.at += 16 - r.at%16 }

// bytes returns the next n bytes, or the remaining ones, at a word boundary.
func (r *lzxBits) bytes(n int) []byte {
	from := min(r.at/8, len(r.data))
	to := min(from+n, len(r.data))
	out := r.data[from:to]
	r.data, r.at = r.data[to:], 0
	return out
}
