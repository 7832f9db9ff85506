package bombs

import (
	"bytes"
	"fmt"
	"strings"
)

// oldArchives are those whose compressions we read ourselves, and those around them.
func oldArchives() []bomb {
	return []bomb{
		{"cabinet with Quantum", func() []byte { return cabOf(1, 0x402, []byte("x")) }, "unsupported"},
		{"cabinet of noise instead of LZX", func() []byte { return cabOf(1, 0xf03, []byte("x")) }, "unreadable"},
		{"cabinet of 100,000 LZX blocks without bytes", lzxEmpty, silent("the blocks are empty, and all are read")},
		{"cabinet of 60 MB of zeros in LZX", lzxZeros, "file-truncated"},
		{"compress of 60 MB of zeros", func() []byte { return lzwZeros(11_000) }, "limit-ratio"},
		{"LHA of zeros", func() []byte {
			// Symbols that take no bits: 65,535 matches of 256 bytes.
			packed := ofBits("1111111111111111", "0000000000", "000000000", "111111101", "0000", "0000")
			return lhaOf("lh5", strings.Repeat(string(packed), 100), 1<<31)
		}, "limit-ratio"},
		{"LHA of a million blocks without bytes", func() []byte { return lhaOf("lh7", strings.Repeat("\x00", 6*megabyte), 1<<31) }, "unreadable"},
		{"LHA of 500,000 folders", func() []byte { return bytes.Repeat(lhaOf("lhd", "", 0), 500_000) }, "limit-entries"},
		{"LHA that claims 4 GB", func() []byte {
			b := lhaOf("lh0", "x", 0xffffffff)
			le.PutUint32(b[7:], 0xffffffff)
			return b
		}, silent("what is there is read")},
		{"cpio of 100,000 files", func() []byte {
			return []byte(strings.Repeat("070701"+strings.Repeat("00000000", 11)+"00000002"+"00000000"+"a\x00", 100_000))
		}, "limit-files"},
		{"cpio that claims 4 GB", func() []byte {
			return []byte("070701" + "00000000" + "000081A4" + strings.Repeat("00000000", 4) + "FFFFFFFF" + strings.Repeat("00000000", 4) + "00000002" + "00000000" + "a\x00x")
		}, silent("what is there is read, and the claim ends the archive")},
		{"rpm whose header claims 4 GB", func() []byte {
			return []byte("\xed\xab\xee\xdb" + strings.Repeat("\x00", 92) + "\x8e\xad\xe8\x01\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xffx")
		}, "unreadable"},
		{"calendar of 300,000 meetings", func() []byte {
			one := "BEGIN:VEVENT\r\nURL:https://a.example/\r\nEND:VEVENT\r\n"
			return zipOf(entry{"a.ics", []byte("BEGIN:VCALENDAR\r\n" + strings.Repeat(one, 300_000) + "END:VCALENDAR\r\n")})
		}, "over-limit"},
	}
}

// ofBits returns the bytes of bits, the highest first, the last one filled up.
func ofBits(parts ...string) []byte {
	all := strings.Join(parts, "")
	out := make([]byte, (len(all)+7)/8)
	for k := range len(all) {
		out[k/8] |= (all[k] - '0') << (7 - k%8)
	}
	return out
}

// words turns the bytes of each word around, as LZX has them.
func words(b []byte) []byte {
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	for k := 0; k < len(b); k += 2 {
		b[k], b[k+1] = b[k+1], b[k]
	}
	return b
}

// lzxLengths writes lengths of codes that are all like before, which are zeros: in a code of
// the symbols 0, for one, and 18, for so many.
func lzxLengths(n int) string {
	pre := "0001" + strings.Repeat("0000", 17) + "0001" + "0000"
	for ; n >= 20; n -= min(n, 51) {
		pre += fmt.Sprintf("1%05b", min(n, 51)-20)
	}
	return pre + strings.Repeat("0", n)
}

// lzxHead writes the kind and the size of a block.
func lzxHead(kind, size int) string { return fmt.Sprintf("%03b%024b", kind, size) }

// lzxEmpty has frames of many blocks with codes and without bytes. A raw block of one byte
// ends each frame.
func lzxEmpty() []byte {
	const frames = 75
	block := lzxHead(1, 0) + lzxLengths(256) + lzxLengths(240) + lzxLengths(249)
	blocks := strings.Repeat(block, 8*60_000/len(block))
	var body []byte
	for k := range frames {
		in := blocks + lzxHead(3, 1)
		if k == 0 {
			in = "0" + in
		}
		in += strings.Repeat("0", 16-len(in)%16)
		body = lzxFrame(body, append(words(ofBits(in)), "\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00x"...), 1)
	}
	return lzxCab(frames, frames, body)
}

func lzxFrame(body, packed []byte, size int) []byte {
	return append(le.AppendUint16(le.AppendUint16(append(body, 0, 0, 0, 0), uint16(len(packed))), uint16(size)), packed...)
}

// lzxCab makes a cabinet of one file over frames that are given with their heads.
func lzxCab(size, frames int, body []byte) []byte {
	file := append(le.AppendUint32(nil, uint32(size)), make([]byte, 12)...)
	file = append(file, "a\x00"...)
	return cabinet([][]byte{folderOf(44+len(file), frames, 15<<8|3)}, 1, string(file)+string(body))
}

// lzxZeros has frames of zeros and matches, in blocks over 480 frames.
func lzxZeros() []byte {
	const frames = 1920
	main, long := make([]int, 256+240), make([]int, 249)
	main[0], main[256+6], main[256+7], long[248] = 2, 2, 1, 1 // a zero, 8 of them, and 257
	frame := "10" + strings.Repeat("00", 127) + strings.Repeat("11", 16)
	var body []byte
	for k := range frames {
		in := frame
		if k%480 == 0 {
			in = lzxHead(1, 480*32<<10) + lzxCode(k == 0, main[:256]) + lzxCode(k == 0, main[256:]) + lzxCode(k == 0, long) + in
		}
		if k == 0 {
			in = "0" + in
		}
		body = lzxFrame(body, words(ofBits(in)), 32<<10)
	}
	return lzxCab(frames*32<<10, frames, body)
}

// lzxCode writes lengths of codes, or that they stay, in a code of five bits.
func lzxCode(first bool, lengths []int) string {
	var b strings.Builder
	b.WriteString(strings.Repeat("0101", 17) + "000000000000")
	for _, l := range lengths {
		if !first {
			l = 0
		}
		fmt.Fprintf(&b, "%05b", (17-l)%17)
	}
	return b.String()
}

// lzwZeros has codes each of which is the entry that it makes: one zero more than the last.
func lzwZeros(codes int) []byte {
	var word uint64
	n, width, next, group := 0, 9, 257, 0
	out := []byte("\x1f\x9d\x90")
	put := func(code int) {
		word |= uint64(code) << n
		for n += width; n >= 8; n -= 8 {
			out = append(out, byte(word))
			word >>= 8
		}
		group = (group + 1) % 8
	}
	put(0)
	for range codes - 1 {
		put(next)
		if next++; next == 1<<width && width < 16 {
			for group > 0 {
				put(0)
			}
			width++
		}
	}
	return append(out, byte(word))
}

// lhaOf writes a file with a header of level 0.
func lhaOf(method, packed string, size uint32) []byte {
	b := le.AppendUint32([]byte("\x17\x00-"+method+"-"), uint32(len(packed)))
	b = append(le.AppendUint32(b, size), 0, 0, 0, 0, 0x20, 0, 1)
	return append(b, "acc"+packed...)
}
