package unpack_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"outrider/internal/attachment/unpack"
	"outrider/internal/mailtest"
)

// compress packs as the program of this name does, in blocks that clear the dictionary
// after so many codes.
func compress(data []byte, most, clearAfter int) []byte {
	out := []byte{0x1f, 0x9d, 0x80 | byte(most)}
	var group []int
	bits, next := 9, 257
	flush := func() {
		var word uint64
		n := 0
		for _, code := range group {
			word |= uint64(code) << n
			for n += bits; n >= 8; n -= 8 {
				out = append(out, byte(word))
				word >>= 8
			}
		}
		if n > 0 {
			out = append(out, byte(word))
		}
		group = nil
	}
	fill := func() { // a group that was begun is filled up
		if len(group) > 0 {
			size := len(out) + bits
			flush()
			out = append(out, make([]byte, max(0, size-len(out)))...)
		}
	}
	put := func(code int) {
		if group = append(group, code); len(group) == 8 {
			flush()
		}
	}
	words := map[string]int{}
	code := func(s string) int {
		if len(s) == 1 {
			return int(s[0])
		}
		return words[s]
	}
	// The reader learns an entry one code after the writer.
	word, codes, first := "", 0, true
	for _, b := range data {
		longer := word + string([]byte{b})
		if _, ok := words[longer]; ok || len(longer) == 1 {
			word = longer
			continue
		}
		put(code(word))
		codes++
		if !first && next < 1<<most {
			next++
			if next == 1<<bits && bits < most {
				fill()
				bits++
			}
		}
		first = false
		if n := 257 + len(words); n < 1<<most {
			words[longer] = n
		}
		if codes == clearAfter {
			put(256)
			fill()
			words, bits, next, codes, first = map[string]int{}, 9, 257, 0, true
		}
		word = string([]byte{b})
	}
	if word != "" {
		put(code(word))
	}
	flush()
	return out
}

func TestLZW(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		data := []byte(strings.Repeat(string(rapid.SliceOfN(rapid.Byte(), 0, 800).Draw(t, "data")), rapid.IntRange(1, 12).Draw(t, "times")))
		most := rapid.IntRange(9, 16).Draw(t, "most")
		r, err := unpack.NewLZW(compress(data, most, rapid.SampledFrom([]int{0, 7, 300, 4000}).Draw(t, "clear")))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d of %d bytes, %v", len(got), len(data), err)
		}
	})
}

// TestLZWOfOthers unpacks a tar that another program packed.
func TestLZWOfOthers(t *testing.T) {
	t.Parallel()
	paths := mailtest.Files(t, []string{"conformance/att_tika_archives_office"}, ".Z")
	if len(paths) == 0 {
		t.Fatal("no .Z in the suite")
	}
	data, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	r, err := unpack.NewLZW(data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || len(got) != 133120 || string(got[257:262]) != "ustar" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestBrokenLZW(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{"nothing": "", "no mark": "\x1f\x8b\x90", "8 bits": "\x1f\x9d\x88", "17 bits": "\x1f\x9d\x91"} {
		if _, err := unpack.NewLZW([]byte(data)); err == nil {
			t.Errorf("%s opens", name)
		}
	}
	r, err := unpack.NewLZW([]byte("\x1f\x9d\x90\xff\xff\xff\xff"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); !errors.Is(err, unpack.ErrBroken) {
		t.Errorf("a code of the future: %q, %v", got, err)
	}
}

func FuzzLZW(f *testing.F) {
	f.Add(compress([]byte("words and words and words"), 12, 9))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := unpack.NewLZW(data)
		if err != nil {
			return
		}
		// A code of at least nine bits expands to at most all previous entries.
		if n, _ := io.Copy(io.Discard, r); n > int64(len(data))*int64(len(data)) {
			t.Errorf("%d bytes of %d", n, len(data))
		}
	})
}

// lzhWriter packs as LHA does, in codes of fixed lengths.
type lzhWriter struct {
	out  []byte
	bits uint64
	n    int
}

func (w *lzhWriter) put(v, n int) {
	w.bits, w.n = w.bits<<n|uint64(v), w.n+n
	for ; w.n >= 8; w.n -= 8 {
		w.out = append(w.out, byte(w.bits>>(w.n-8)))
	}
}

// head begins a block. Of the main code the first two symbols take 8 bits and the others 9;
// those of distances take 5.
func (w *lzhWriter) head(symbols, wide, slots int) {
	w.put(symbols, 16)
	w.put(12, 5) // the code of lengths: symbols 10 and 11, of a bit each
	for k := range 12 {
		if k >= 10 {
			w.put(1, 3)
		} else {
			w.put(0, 3)
		}
		if k == 2 {
			w.put(0, 2)
		}
	}
	w.put(510, 9)
	for k := range 510 {
		if k < 2 {
			w.put(0, 1)
		} else {
			w.put(1, 1)
		}
	}
	w.put(slots, wide)
	for range slots {
		w.put(5, 3)
	}
}

func (w *lzhWriter) symbol(s int) {
	if s < 2 {
		w.put(s, 8)
	} else {
		w.put(4+s-2, 9)
	}
}

func (w *lzhWriter) match(distance, length int) {
	w.symbol(256 + length - 3)
	slot := 0
	for distance-1 >= 1<<slot {
		slot++
	}
	w.put(slot, 5)
	if slot > 1 {
		w.put(distance-1-1<<(slot-1), slot-1)
	}
}

// lzhOf packs data in blocks of at most so many symbols.
func lzhOf(data []byte, method string, most int) []byte {
	window, wide, slots := map[string]int{"lh4": 12, "lh5": 13, "lh6": 15, "lh7": 16}[method], 4, 14
	if window > 13 {
		wide, slots = 5, window+1
	}
	type item struct{ distance, length int }
	var items []item
	seen := map[string]int{}
	for at := 0; at < len(data); {
		next := item{0, 1}
		if at+3 <= len(data) {
			key := string(data[at : at+3])
			if old, ok := seen[key]; ok && at-old <= 1<<window {
				next = item{at - old, 0}
				for next.length < 256 && at+next.length < len(data) && data[old+next.length] == data[at+next.length] {
					next.length++
				}
			}
			seen[key] = at
		}
		items = append(items, next)
		at += next.length
	}
	var w lzhWriter
	at := 0
	for k, it := range items {
		if k%most == 0 {
			w.head(min(most, len(items)-k), wide, slots)
		}
		if it.distance == 0 {
			w.symbol(int(data[at]))
		} else {
			w.match(it.distance, it.length)
		}
		at += it.length
	}
	w.put(0, 7)
	return w.out
}

func TestLZH(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		data := []byte(strings.Repeat(string(rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "data")), rapid.IntRange(1, 12).Draw(t, "times")))
		method := rapid.SampledFrom([]string{"lh4", "lh5", "lh6", "lh7"}).Draw(t, "method")
		r, err := unpack.NewLZH(lzhOf(data, method, rapid.SampledFrom([]int{1, 10, 65535}).Draw(t, "symbols")), method, int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d of %d bytes, %v", len(got), len(data), err)
		}
	})
}

// TestLZHOfOneSymbol: a code of one symbol takes no bits, and the window begins with blanks.
func TestLZHOfOneSymbol(t *testing.T) {
	t.Parallel()
	var w lzhWriter
	w.put(3, 16)
	w.put(0, 10)  // the code of lengths: symbol 0 only
	w.put(0, 9)   // the main code has one symbol,
	w.put(300, 9) // a match of 47
	w.put(0, 4)
	w.put(1, 4) // two bytes back
	w.put(0, 16)
	r, err := unpack.NewLZH(w.out, "lh5", 3*47)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	same(t, "blanks", got, bytes.Repeat([]byte(" "), 3*47), err)
}

func TestBrokenLZH(t *testing.T) {
	t.Parallel()
	if _, err := unpack.NewLZH(nil, "lh1", 1); err == nil {
		t.Error("an older method opens")
	}
	whole := lzhOf([]byte("words and words and words"), "lh5", 100)
	for n := range len(whole) - 2 {
		r, err := unpack.NewLZH(whole[:n], "lh5", 25)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err == nil {
			t.Errorf("%d of %d bytes unpack to %q", n, len(whole), got)
		}
	}
	for name, data := range map[string]string{
		"empty blocks": strings.Repeat("\x00", 1000), "empty blocks with codes": strings.Repeat("\x00\x00\x08\x00\x10", 200_000), "too many symbols": "\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		r, err := unpack.NewLZH([]byte(data), "lh7", 1<<40)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err == nil || len(got) > 0 {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func FuzzLZH(f *testing.F) {
	for _, method := range []string{"lh4", "lh5", "lh6", "lh7"} {
		f.Add(lzhOf([]byte("words and words and words"), method, 5), method, int64(25))
	}
	f.Fuzz(func(t *testing.T, data []byte, method string, size int64) {
		r, err := unpack.NewLZH(data, method, min(size, 1<<20))
		if err != nil {
			return
		}
		if n, err := io.Copy(io.Discard, r); n > max(size, 0) || err == nil && size >= 0 && n != min(size, 1<<20) {
			t.Errorf("%d of %d bytes, %v", n, size, err)
		}
	})
}
