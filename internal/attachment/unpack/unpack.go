// Package unpack implements compressions of old archives that Go's library lacks.
//
// Attackers pack with formats that scanners do not open, while common unpackers still open
// cabinets, LHA archives and files of compress. The package unpacks their streams; package
// attachment reads the archives around them. Input is hostile: every reader is linear in
// its input and output, holds one window, and ends with an error if the stream is broken.
//
// Standards: LZX as in MS-PATCH, Section 2, and in cabinets (MS-CAB, Section 2.2.2); the
// LZW of compress (POSIX.1, compress); the methods lh4 to lh7 of LHA.
//
// Limits: Quantum cabinets and the older methods of LHA are not supported.
package unpack

import "errors"

// Errors of a stream.
var (
	ErrBroken = errors.New("the stream is broken")
	ErrShort  = errors.New("the stream ends too early")
	ErrWindow = errors.New("the window has a size that no packer writes")
)

// fastBits is the number of bits of a code that are looked up at once; longer codes take
// one step per bit.
const fastBits = 9

// maxCode is the longest code, in bits.
const maxCode = 16

// huffman is a canonical code: shorter codes first, those of one length by symbol.
type huffman struct {
	fast    [1 << fastBits]uint16 // symbol and length, or 0 if the code is longer
	first   [maxCode + 1]int      // first code of a length
	count   [maxCode + 1]int
	at      [maxCode + 1]int // offset of the symbols of a length
	symbols []uint16
}

// build builds the code from the lengths of at most 1024 symbols, 0 for unused ones. It may
// be incomplete, but not oversubscribed.
func (h *huffman) build(lengths []byte) error {
	*h = huffman{symbols: append(h.symbols[:0], make([]uint16, len(lengths))...)}
	for _, l := range lengths {
		h.count[l]++
	}
	h.count[0] = 0
	code, at := 0, 0
	for l := 1; l <= maxCode; l++ {
		h.first[l], h.at[l] = code, at
		code, at = (code+h.count[l])<<1, at+h.count[l]
		if code > 2<<l {
			return ErrBroken
		}
	}
	next := h.at
	for symbol, l := range lengths {
		if l == 0 {
			continue
		}
		h.symbols[next[l]] = uint16(symbol)
		if l <= fastBits {
			h.fill(h.first[l]+next[l]-h.at[l], uint16(l), uint16(symbol))
		}
		next[l]++
	}
	return nil
}

// fill enters a short code in the table.
func (h *huffman) fill(code int, length, symbol uint16) {
	from := code << (fastBits - length)
	for k := range 1 << (fastBits - length) {
		h.fast[from+k] = symbol<<4 | length
	}
}

// look returns the symbol whose code begins the 16 bits, and its length; 0 without one.
func (h *huffman) look(next int) (symbol, length int) {
	if e := h.fast[next>>(maxCode-fastBits)]; e != 0 {
		return int(e >> 4), int(e & 15)
	}
	for l := fastBits + 1; l <= maxCode; l++ {
		if k := next>>(maxCode-l) - h.first[l]; k >= 0 && k < h.count[l] {
			return int(h.symbols[h.at[l]+k]), l
		}
	}
	return 0, 0
}
