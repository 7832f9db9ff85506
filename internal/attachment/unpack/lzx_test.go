package unpack_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"outrider/internal/attachment/unpack"
)

// lzxWriter packs frames of LZX with a window of 2^15 bytes, whose codes have fixed lengths.
type lzxWriter struct {
	out    []byte
	bits   uint64 // not yet written, the next at the bottom
	n      int
	recent [3]int
	begun  bool
	coded  bool // a block before had codes
}

func (w *lzxWriter) put(v, n int) {
	w.bits, w.n = w.bits<<n|uint64(v), w.n+n
	for ; w.n >= 16; w.n -= 16 {
		w.out = binary.LittleEndian.AppendUint16(w.out, uint16(w.bits>>(w.n-16)))
	}
}

// pad writes the rest of a word, or a whole one if nothing of it is written.
func (w *lzxWriter) pad() { w.put(0, 16-w.n) }

// begin starts a frame, and the stream with the size of a program, 0 if calls stay.
func (w *lzxWriter) begin(calls int) {
	w.out, w.bits, w.n = nil, 0, 0
	if w.begun {
		return
	}
	w.begun, w.recent = true, [3]int{1, 1, 1}
	if calls == 0 {
		w.put(0, 1)
		return
	}
	w.put(1, 1)
	w.put(calls>>16, 16)
	w.put(calls&0xffff, 16)
}

func (w *lzxWriter) head(kind, size int) {
	w.put(kind, 3)
	w.put(size>>8, 16)
	w.put(size&0xff, 8)
}

// The main code has 496 symbols, of which the first 16 take 8 bits and the others 9; the
// code of lengths has 249, of which 7 take 7 bits and the others 8.
func mainCode(symbol int) (code, n int) {
	if symbol < 16 {
		return symbol, 8
	}
	return 32 + symbol - 16, 9
}

func longCode(symbol int) (code, n int) {
	if symbol < 7 {
		return symbol, 7
	}
	return 14 + symbol - 7, 8
}

// lengths writes lengths of codes, one by one, in a code of two symbols.
func (w *lzxWriter) lengths(a, b byte, list ...byte) {
	for symbol := range byte(20) {
		if symbol == a || symbol == b {
			w.put(1, 4)
		} else {
			w.put(0, 4)
		}
	}
	for _, symbol := range list {
		if symbol == a {
			w.put(0, 1)
		} else {
			w.put(1, 1)
		}
	}
}

// codes writes the codes of a block; those of later blocks are the same as before.
func (w *lzxWriter) codes() {
	if w.coded {
		w.lengths(0, 18, make([]byte, 256)...)
		w.lengths(0, 18, make([]byte, 240)...)
		w.lengths(0, 18, make([]byte, 249)...)
		return
	}
	w.coded = true
	// A length L that was 0 is written as 17-L.
	w.lengths(8, 9, append(bytes.Repeat([]byte{9}, 16), bytes.Repeat([]byte{8}, 240)...)...)
	w.lengths(8, 18, bytes.Repeat([]byte{8}, 240)...)
	w.lengths(9, 10, append(bytes.Repeat([]byte{10}, 7), bytes.Repeat([]byte{9}, 242)...)...)
}

// verbatim writes a block of literals and matches.
func (w *lzxWriter) verbatim(before, data []byte) {
	w.head(1, len(data))
	w.codes()
	w.matches(before, data, false)
}

// matches writes literals, and matches as the last three bytes say where they may lie.
func (w *lzxWriter) matches(before, data []byte, aligned bool) {
	all := append(bytes.Clone(before), data...)
	seen := map[[3]byte]int{}
	for at := 0; at < len(all); {
		length, distance := 0, 0
		if at+3 <= len(all) {
			key := [3]byte(all[at:])
			if old, ok := seen[key]; ok && at >= len(before) && at-old <= 1<<15-3 {
				distance = at - old
				for length < 257 && at+length < len(all) && all[old+length] == all[at+length] {
					length++
				}
			}
			seen[key] = at
		}
		switch {
		case at < len(before):
			at++
		case length < 3:
			w.put(mainCode(int(all[at])))
			at++
		default:
			w.match(distance, length, aligned)
			at += length
		}
	}
}

func (w *lzxWriter) match(distance, length int, aligned bool) {
	slot, more, extra := w.slot(distance)
	header := min(length-2, 7)
	w.put(mainCode(256 + slot*8 + header))
	if header == 7 {
		w.put(longCode(length - 9))
	}
	if aligned && extra >= 3 {
		w.put(more>>3, extra-3)
		w.put(more&7, 3)
	} else {
		w.put(more, extra)
	}
}

// slot returns the slot of a distance and what follows it, and remembers the distance.
func (w *lzxWriter) slot(distance int) (slot, more, extra int) {
	for k, r := range w.recent {
		if r == distance {
			w.recent[0], w.recent[k] = w.recent[k], w.recent[0]
			return k, 0, 0
		}
	}
	w.recent = [3]int{distance, w.recent[0], w.recent[1]}
	base := 0
	for slot = 0; ; slot++ {
		extra = max(0, slot/2-1)
		if distance+2 < base+1<<extra {
			return slot, distance + 2 - base, extra
		}
		base += 1 << extra
	}
}

// aligned writes a block whose lowest bits of distances have a code of eight equal lengths.
func (w *lzxWriter) aligned(before, data []byte) {
	w.head(2, len(data))
	for range 8 {
		w.put(3, 3)
	}
	w.codes()
	w.matches(before, data, true)
}

// raw writes a block that is not packed. The last in a frame needs no byte to fill a word.
func (w *lzxWriter) raw(data []byte) {
	w.head(3, len(data))
	w.pad()
	for _, r := range w.recent {
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(r))
	}
	w.out = append(w.out, data...)
	if len(data)%2 == 1 {
		w.out = append(w.out, 0)
	}
}

func (w *lzxWriter) frame() []byte {
	if w.n > 0 {
		w.pad()
	}
	return w.out
}

func newLZX(tb testing.TB) *unpack.LZX {
	tb.Helper()
	z, err := unpack.NewLZX(15)
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

func same(tb testing.TB, what string, got, want []byte, err error) {
	tb.Helper()
	if err != nil || !bytes.Equal(got, want) {
		tb.Fatalf("%s: %d bytes %.60q, want %d bytes %.60q, %v", what, len(got), got, len(want), want, err)
	}
}

// TestLZX packs frames of blocks of all kinds, and wants them back.
func TestLZX(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z, err := unpack.NewLZX(15)
		if err != nil {
			t.Fatal(err)
		}
		var w lzxWriter
		var before []byte
		for range rapid.IntRange(1, 4).Draw(t, "frames") {
			w.begin(0)
			var frame []byte
			for range rapid.IntRange(1, 4).Draw(t, "blocks") {
				part := rapid.SliceOfN(rapid.SampledFrom([]byte("aab\x00\xff")), 1, 600).Draw(t, "part")
				seen := before[max(0, len(before)-1000):]
				switch rapid.SampledFrom([]string{"verbatim", "aligned", "raw"}).Draw(t, "kind") {
				case "verbatim":
					w.verbatim(seen, part)
				case "aligned":
					w.aligned(seen, part)
				case "raw":
					w.raw(part)
				}
				before, frame = append(before, part...), append(frame, part...)
			}
			got, err := z.Frame(w.frame(), len(frame))
			if err != nil || !bytes.Equal(got, frame) {
				t.Fatalf("%d of %d bytes, %v", len(got), len(frame), err)
			}
		}
	})
}

// TestLZXOfLongMatches unpacks matches of every length and from far back, over whole frames.
func TestLZXOfLongMatches(t *testing.T) {
	t.Parallel()
	z := newLZX(t)
	var w lzxWriter
	var text strings.Builder
	for k := 0; text.Len() < 2*unpack.LZXFrame; k++ {
		text.WriteString(strings.Repeat(string(rune('a'+k%26)), k%300) + strings.Repeat("some words ", k%7))
	}
	all := []byte(text.String())
	for k := range 2 {
		frame := all[k*unpack.LZXFrame : (k+1)*unpack.LZXFrame]
		w.begin(0)
		w.verbatim(all[:k*unpack.LZXFrame], frame)
		got, err := z.Frame(w.frame(), len(frame))
		same(t, "frame", got, frame, err)
	}
}

// TestLZXBlockOverFrames: a block may go on in the next frame, even after an odd byte.
func TestLZXBlockOverFrames(t *testing.T) {
	t.Parallel()
	z := newLZX(t)
	var w lzxWriter
	data := []byte("a block that is not packed, and goes on")
	w.begin(0)
	w.raw(data)
	packed := w.frame()
	first := len(packed) - len(data) - 1 + 11
	got, err := z.Frame(packed[:first], 11)
	same(t, "first frame", got, data[:11], err)
	got, err = z.Frame(packed[first:], len(data)-11)
	same(t, "second frame", got, data[11:], err)
}

// TestLZXCalls: programs have the targets of calls turned from relative to absolute.
func TestLZXCalls(t *testing.T) {
	t.Parallel()
	call := func(to uint32) []byte {
		return append([]byte{0x90, 0xe8}, binary.LittleEndian.AppendUint32(nil, to)...)
	}
	var packed, want []byte
	at := uint32(0)
	for _, c := range []struct{ absolute, relative uint32 }{
		{100, 100 - 1},               // a target within the program
		{5000, 5000},                 // outside of it, and left alone
		{^uint32(4), 1000 - 5},       // before the call: the size is added
		{^uint32(999), ^uint32(999)}, // before the program, and left alone
	} {
		relative := c.relative
		if c.absolute == 100 {
			relative -= at
		}
		packed, want = append(packed, call(c.absolute)...), append(want, call(relative)...)
		at += 6
	}
	packed, want = append(packed, make([]byte, 10)...), append(want, make([]byte, 10)...)
	var w lzxWriter
	w.begin(1000)
	w.raw(packed)
	got, err := newLZX(t).Frame(w.frame(), len(packed))
	same(t, "program", got, want, err)
}

func TestBrokenLZX(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{0, 14, 22} {
		if _, err := unpack.NewLZX(bits); err == nil {
			t.Errorf("a window of 2^%d bytes", bits)
		}
	}
	var w lzxWriter
	w.begin(0)
	w.verbatim(nil, []byte("words and words and words"))
	whole := w.frame()
	for n := range len(whole) - 1 {
		if got, err := newLZX(t).Frame(whole[:n], 25); err == nil {
			t.Fatalf("%d of %d bytes unpack to %q", n, len(whole), got)
		}
	}
	var over lzxWriter
	over.begin(0)
	over.head(2, 10)
	for range 8 {
		over.put(1, 3) // eight codes of one bit
	}
	for name, packed := range map[string][]byte{"nothing": nil, "kind 0": make([]byte, 100), "too many codes": append(over.frame(), make([]byte, 100)...)} {
		if _, err := newLZX(t).Frame(packed, 10); err == nil {
			t.Errorf("%s unpacks", name)
		}
	}
	for _, size := range []int{-1, 0, unpack.LZXFrame + 1} {
		if _, err := newLZX(t).Frame(whole, size); err == nil {
			t.Errorf("a frame of %d bytes", size)
		}
	}
}

func FuzzLZX(f *testing.F) {
	var w lzxWriter
	w.begin(100)
	w.verbatim(nil, []byte("words and words"))
	w.aligned([]byte("words and words"), []byte(" and words"))
	w.raw([]byte("raw"))
	f.Add(w.frame(), 28, 28)
	f.Fuzz(func(t *testing.T, packed []byte, size, second int) {
		z, err := unpack.NewLZX(15)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{size, second} {
			if got, err := z.Frame(packed, n); len(got) > max(n, 0) || err == nil && len(got) != n {
				t.Errorf("%d of %d bytes, %v", len(got), n, err)
			}
		}
	})
}
