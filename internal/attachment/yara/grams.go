package yara

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// folding ignores the case of letters in four bytes at once. It equates some other bytes
// too, which costs a comparison and misses nothing.
const folding = 0x20202020

// ref is the possible start of a match, given an atom.
type ref struct {
	pattern, variant int32
	least, most      int32 // distance from the start of the match to the atom, in bytes
}

// entry is an atom in a table.
type entry struct {
	key uint32
	ref
}

// grams finds atoms of one width. A bit set that fits the first-level cache rejects nearly
// every position.
type grams struct {
	mask    uint32 // of the bytes of an atom, little-endian
	shift   uint   // from a product to an index of the filter
	filter  []uint64
	starts  []uint32 // by place in the filter >> sparse: the first entry
	entries []entry
}

// sparse is the number of bits by which the directory of entries is coarser than the
// filter.
const sparse = 4

// newGrams returns the table of atoms with width bytes, two to four.
func newGrams(width int, entries []entry) grams {
	size := min(max(bits.Len(uint(len(entries)))+8, 12), 24)
	g := grams{
		mask:   1<<(8*width) - 1,
		shift:  uint(32 - size),
		filter: make([]uint64, 1<<size/64),
		starts: make([]uint32, 1<<size>>sparse+1),
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return int(g.place(a.key)) - int(g.place(b.key)) })
	g.entries = entries
	for _, e := range entries {
		h := g.place(e.key)
		g.filter[h/64] |= 1 << (h % 64)
		g.starts[h>>sparse+1]++
	}
	for i := range g.starts[1:] {
		g.starts[i+1] += g.starts[i]
	}
	return g
}

// place hashes a key, Knuth, The Art of Computer Programming, Section 6.4.
func (g *grams) place(key uint32) uint32 { return key * 0x9e3779b1 >> g.shift }

// key returns the folded bytes of an atom.
func key(atom []byte) uint32 {
	var b [4]byte
	copy(b[:], atom)
	return (binary.LittleEndian.Uint32(b[:]) | folding) & (1<<(8*len(atom)) - 1)
}

// each calls hit for every atom of the table and its position, until hit returns false.
// Hits may be false positives.
func (g *grams) each(data []byte, hit func(at int, r ref) bool) {
	if !g.run(data, 0, hit) {
		return
	}
	// The last positions have too few bytes for one read.
	last := max(0, len(data)-3)
	g.run(append(slices.Clone(data[last:]), 0, 0, 0), last, hit)
}

func (g *grams) run(data []byte, base int, hit func(at int, r ref) bool) bool {
	filter, mask, shift := g.filter, g.mask, g.shift
	for i := 0; i+4 <= len(data); i++ {
		k := (binary.LittleEndian.Uint32(data[i:]) | folding) & mask
		h := k * 0x9e3779b1 >> (shift & 31)
		if filter[h/64]>>(h%64)&1 != 0 && !g.look(k, base+i, hit) {
			return false
		}
	}
	return true
}

// look passes on the atoms with the key.
func (g *grams) look(k uint32, at int, hit func(int, ref) bool) bool {
	h := g.place(k) >> sparse
	for _, e := range g.entries[g.starts[h]:g.starts[h+1]] {
		if e.key == k && !hit(at, e.ref) {
			return false
		}
	}
	return true
}
