package bombs

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/bits"
	"slices"
	"testing"
)

// quine makes a file that unpacks to itself: head, a deflate stream, and foot, which ends the
// stream. Both hold the checksum and the sizes of the file itself.
//
// The stream is a program of two instructions, one that prints the bytes behind it and one
// that repeats what was printed last, each a block of its own that ends on a byte. It prints
// the head and itself in steps, each step printing the one before and the instruction that
// does so, until only the foot is left.
func quine(head, foot func(crc uint32, packed, size int) []byte) []byte {
	x := instructions(len(head(0, 0, 0)), len(foot(0, 0, 0)))
	build := func(crc uint32, packed, size int) []byte {
		h, f := head(crc, packed, size), foot(crc, packed, size)
		return bytes.Join([][]byte{
			h, x.head, h, x.head, x.again,
			x.one, x.again, x.five, x.one, x.long, x.again, x.five, x.one, x.long,
			x.step, x.both, x.step, x.both, x.step, x.both, x.step, x.both, x.step, x.end, x.step, x.end,
			x.last, f, x.last, f,
		}, nil)
	}
	plain := build(0, 0, 0)
	size, packed := len(plain), len(plain)-len(head(0, 0, 0))-len(foot(0, 0, 0))+5
	return build(fixedPoint(func(crc uint32) []byte { return build(crc, packed, size) }), packed, size)
}

// program holds the instructions of a quine. For the steps to fit, the repetition of the head
// must have twice the bytes of that of a step, less five.
type program struct {
	head, one, five, long, both []byte // print
	again, step, last           []byte // repeat
	end                         []byte // as long as both and step: idle, then print the foot
}

func instructions(head, foot int) program {
	x := program{head: literal(head + 5), five: literal(5)}
	for size := 5; x.again == nil || x.step == nil; size++ {
		x.again, x.step = repeat(head+5, 2*size-5), repeat(2*size+10, size)
	}
	for size := 4; x.last == nil; size++ {
		x.last = repeat(foot+size, size)
	}
	x.one, x.long, x.both = literal(len(x.again)), literal(len(x.again)+15), literal(2*len(x.step)+10)
	x.end = append(idle(len(x.step)+5), literal(len(x.last)+foot)...)
	return x
}

// idle prints nothing, in n bytes: blocks of fixed codes have ten bits, stored ones end on a
// byte.
func idle(n int) []byte {
	for fixed := range 8 {
		var w bitWriter
		for range fixed {
			w.number(0b010, 3)
			w.code(0, 7)
		}
		w.number(0, (8-w.n%8)%8+8*btoi(w.n%8 > 5 || w.n%8 == 0))
		w.number(0xffff0000, 32)
		if rest := n - len(w.out); rest >= 0 && rest%5 == 0 {
			return append(w.out, bytes.Repeat(literal(0), rest/5)...)
		}
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// literal prints the n bytes behind it. RFC 1951, Section 3.2.4.
func literal(n int) []byte {
	return []byte{0, byte(n), byte(n >> 8), byte(^n), byte(^n >> 8)}
}

// bitWriter writes as RFC 1951, Section 3.1.1 says: numbers from their lowest bit, codes from
// their highest.
type bitWriter struct {
	out []byte
	n   int
}

func (w *bitWriter) number(v, n int) {
	for k := range n {
		if w.n%8 == 0 {
			w.out = append(w.out, 0)
		}
		w.out[w.n/8] |= byte(v>>k&1) << (w.n % 8)
		w.n++
	}
}

func (w *bitWriter) code(v, n int) { w.number(int(bits.Reverse16(uint16(v))>>(16-n)), n) }

// repeat prints the last n bytes again, in a block of exactly size bytes, or returns nil.
func repeat(n, size int) []byte {
	for empties := range 8 {
		for _, lengths := range splits(n, 3) {
			var w bitWriter
			w.number(0b010, 3) // fixed codes, more blocks follow
			for _, l := range lengths {
				w.length(l)
				w.distance(n)
			}
			w.code(0, 7)
			for range empties {
				w.number(0b010, 3)
				w.code(0, 7)
			}
			if w.n == 8*size {
				return w.out
			}
		}
	}
	return nil
}

// splits returns ways to write n as up to most lengths of 3 to 258.
func splits(n, most int) [][]int {
	var out [][]int
	if n >= 3 && n <= 257 {
		out = append(out, []int{n})
	}
	if most == 1 {
		return out
	}
	for first := 3; first <= min(n-3, 257); first++ {
		for _, rest := range splits(n-first, most-1) {
			if rest[0] <= first {
				out = append(out, append([]int{first}, rest...))
			}
		}
		if len(out) > 300 {
			break
		}
	}
	return out
}

// length and distance write the codes of RFC 1951, Section 3.2.5.
func (w *bitWriter) length(n int) {
	base, code, extra := 3, 257, 0
	for n >= base+1<<extra {
		base += 1 << extra
		if code++; code >= 265 && (code-265)%4 == 0 {
			extra++
		}
	}
	if code < 280 {
		w.code(code-256, 7)
	} else {
		w.code(0b11000000+code-280, 8)
	}
	w.number(n-base, extra)
}

func (w *bitWriter) distance(n int) {
	base, code, extra := 1, 0, 0
	for n >= base+1<<extra {
		base += 1 << extra
		if code++; code >= 4 && code%2 == 0 {
			extra++
		}
	}
	w.code(code, 5)
	w.number(n-base, extra)
}

// fixedPoint finds the checksum that a file has which holds it. Every bit of the checksum
// changes the checksum of the file in its own way, whatever the others are, so that 32
// equations are solved.
func fixedPoint(build func(crc uint32) []byte) uint32 {
	zero := crc32.ChecksumIEEE(build(0))
	var rows [32]uint64 // of bit k: the coefficients, and the constant above them
	for k := range 32 {
		column := crc32.ChecksumIEEE(build(1<<k)) ^ zero ^ 1<<k
		for bit := range 32 {
			rows[bit] |= uint64(column>>bit&1) << k
		}
	}
	for bit := range 32 {
		rows[bit] |= uint64(zero>>bit&1) << 32
	}
	return solve(rows)
}

// solve eliminates. Where a bit is free it is zero.
func solve(rows [32]uint64) (x uint32) {
	done := 0
	var pivots []int
	for k := range 32 {
		for r := done; r < 32; r++ {
			if rows[r]>>k&1 == 0 {
				continue
			}
			rows[done], rows[r] = rows[r], rows[done]
			for o := range 32 {
				if o != done && rows[o]>>k&1 == 1 {
					rows[o] ^= rows[done]
				}
			}
			pivots = append(pivots, k)
			done++
			break
		}
	}
	for r, k := range pivots {
		x |= uint32(rows[r]>>32&1) << k
	}
	return x
}

// gzipQuine unpacks to itself for ever.
func gzipQuine() []byte {
	return quine(func(uint32, int, int) []byte {
		return []byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xffquine.gz\x00")
	}, func(crc uint32, _, size int) []byte {
		b := append([]byte{}, "\x01\x00\x00\xff\xff"...)
		b = binary.LittleEndian.AppendUint32(b, crc)
		return binary.LittleEndian.AppendUint32(b, uint32(size))
	})
}

// zipQuine is the same as an archive: the names of the sizes and checksums stand in front and
// behind.
func zipQuine() []byte {
	const name = "again.zip"
	le := binary.LittleEndian
	fields := func(crc uint32, packed, size int) []byte {
		b := le.AppendUint16([]byte{20, 0, 0, 0, 8, 0}, 0)
		b = le.AppendUint32(le.AppendUint16(b, 0x21), crc)
		b = le.AppendUint32(le.AppendUint32(b, uint32(packed)), uint32(size))
		return append(b, byte(len(name)), 0, 0, 0)
	}
	head := func(crc uint32, packed, size int) []byte {
		return slices.Concat([]byte("PK\x03\x04"), fields(crc, packed, size), []byte(name))
	}
	foot := func(crc uint32, packed, size int) []byte {
		entry := slices.Concat([]byte("PK\x01\x02\x14\x00"), fields(crc, packed, size), make([]byte, 14), []byte(name))
		end := []byte("PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00")
		end = le.AppendUint32(end, uint32(len(entry)))
		end = le.AppendUint32(end, uint32(30+len(name)+packed))
		return slices.Concat([]byte("\x01\x00\x00\xff\xff"), entry, end, []byte{0, 0})
	}
	return quine(head, foot)
}

// TestQuinesUnpackToThemselves shows that the quines are quines.
func TestQuinesUnpackToThemselves(t *testing.T) {
	t.Parallel()
	for name, unpack := range map[string]struct {
		data []byte
		open func([]byte) (io.Reader, error)
	}{
		"gzip": {gzipQuine(), func(b []byte) (io.Reader, error) { return gzip.NewReader(bytes.NewReader(b)) }},
		"zip": {zipQuine(), func(b []byte) (io.Reader, error) {
			r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				return nil, err
			}
			return r.File[0].Open()
		}},
	} {
		r, err := unpack.open(unpack.data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, unpack.data) {
			t.Errorf("%s of %d bytes unpacks to %d others: %v", name, len(unpack.data), len(got), err)
		}
	}
}
