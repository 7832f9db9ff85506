package bombs

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"strings"
)

var be = binary.BigEndian

func pictures() []bomb {
	return []bomb{
		{"PNG of 60,000 by 60,000", func() []byte { return pngOf(60_000, 60_000, 8, 2, nil) }, "too-large"},
		{"PNG of 16 megapixels of 64 bits", func() []byte { return pngOf(4000, 4000, 16, 6, make([]byte, 4000*(4000*8+1))) }, silent("it has as many pixels as are decoded")},
		{"PNG with 60 MB behind its pixels", func() []byte { return pngOf(64, 64, 8, 0, make([]byte, 60<<20)) }, "broken"},
		{"PNG whose text unpacks to 60 MB", func() []byte {
			var b bytes.Buffer
			b.WriteString("Comment\x00\x00")
			w := zlib.NewWriter(&b)
			_, _ = w.Write(bytes.Repeat([]byte("a"), 60<<20))
			_ = w.Close()
			return pngOf(64, 64, 8, 0, make([]byte, 64*65), chunk("zTXt", b.Bytes()))
		}, silent("a text is read up to what is kept of one")},
		{"PNG of 300,000 texts", func() []byte {
			return pngOf(64, 64, 8, 0, make([]byte, 64*65), strings.Repeat(chunk("tEXt", []byte("a\x00b")), 300_000))
		}, silent("the first fields say what the metadata can say")},
		{"GIF of 65,535 by 65,535", func() []byte { return gifOf(65_535, 65_535) }, "too-large"},
		{"GIF of 10,000 pictures", func() []byte { return gifOfMany(10_000) }, "many-frames"},
		{"JPEG of 65,535 by 65,535", func() []byte { return jpegOf(65_535, 65_535, 1) }, "too-large"},
		{"JPEG of 5,000 scans", func() []byte { return jpegOf(3900, 4000, 5000) }, "many-scans"},
		{"BMP of two billion by two billion", func() []byte { return bmpOf(0x7fffffff, 0x7fffffff) }, "broken"},
		{"TIFF whose directory follows itself", func() []byte { return tiffOf(64, 64, 8) }, "metadata-loop"},
		{"TIFF of four billion by four billion", func() []byte { return tiffOf(0xffffffff, 0xffffffff, 0) }, "broken"},
		{"WebP of 16,384 by 16,384", func() []byte { return webpOf(16_384, 16_384) }, "too-large"},
		{"picture of corner marks", func() []byte { return cornerMarks(1500) }, "many-centers"},
		{"picture of noise", noise, silent("all of it is looked at")},
	}
}

func chunk(kind string, data []byte) string {
	b := append(be.AppendUint32(nil, uint32(len(data))), kind...)
	b = append(b, data...)
	return string(be.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
}

// pngOf writes a PNG of given pixels, with other chunks in front of them.
func pngOf(w, h uint32, depth, kind byte, pixels []byte, more ...string) []byte {
	head := be.AppendUint32(be.AppendUint32(nil, w), h)
	return []byte("\x89PNG\r\n\x1a\n" + chunk("IHDR", append(head, depth, kind, 0, 0, 0)) + strings.Join(more, "") + chunk("IDAT", deflated(pixels)) + chunk("IEND", nil))
}

func gifOf(w, h uint16) []byte {
	b := le.AppendUint16(le.AppendUint16([]byte("GIF89a"), w), h)
	b = append(b, "\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00"...)
	b = le.AppendUint16(le.AppendUint16(b, w), h)
	return append(b, "\x00\x02\x02\x44\x01\x00;"...)
}

func gifOfMany(n int) []byte {
	g := gif.GIF{}
	frame := image.NewPaletted(image.Rect(0, 0, 64, 64), color.Palette{color.Black, color.White})
	for range n {
		g.Image, g.Delay = append(g.Image, frame), append(g.Delay, 1)
	}
	var b bytes.Buffer
	_ = gif.EncodeAll(&b, &g)
	return b.Bytes()
}

// jpegOf writes a progressive JPEG whose scans say nothing, each in some bytes: an AC code
// ends the bands of 16,384 blocks at once. ITU-T T.81, Annex G.
func jpegOf(w, h uint16, scans int) []byte {
	b := []byte("\xff\xd8\xff\xdb\x00\x43\x00" + strings.Repeat("\x01", 64) + "\xff\xc2\x00\x0b\x08")
	b = append(be.AppendUint16(be.AppendUint16(b, h), w), "\x01\x01\x11\x00"...)
	table := func(class byte, symbol string) string {
		return "\xff\xc4\x00\x14" + string(class) + "\x01" + strings.Repeat("\x00", 15) + symbol
	}
	b = append(b, table(0, "\x00")+table(0x10, "\xe0")...)
	blocks := (int(w) + 7) / 8 * ((int(h) + 7) / 8)
	var ac bitWriter
	for left := blocks; left > 0; left -= 1 << 14 {
		ac.number(0, 15) // the code and 14 bits of nothing
	}
	b = append(b, "\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00"+strings.Repeat("\x00", min(blocks/8+1, 1<<20))...)
	b = append(b, strings.Repeat("\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00"+string(ac.out), scans)...)
	return append(b, "\xff\xd9"...)
}

func bmpOf(w, h uint32) []byte {
	b := append([]byte("BM"), make([]byte, 52+100)...)
	le.PutUint32(b[2:], uint32(len(b)))
	le.PutUint32(b[10:], 54)
	le.PutUint32(b[14:], 40)
	le.PutUint32(b[18:], w)
	le.PutUint32(b[22:], h)
	b[26], b[28] = 1, 24
	return b
}

// tiffOf has one directory, and names the next.
func tiffOf(w, h, next uint32) []byte {
	tags := []struct{ id, kind, value uint32 }{{256, 4, w}, {257, 4, h}, {258, 3, 8}, {259, 3, 1}, {262, 3, 1}, {273, 4, 200}, {277, 3, 1}, {278, 4, h}, {279, 4, 4096}}
	b := append([]byte("II*\x00\x08\x00\x00\x00"), byte(len(tags)), 0)
	for _, t := range tags {
		b = le.AppendUint16(le.AppendUint16(b, uint16(t.id)), uint16(t.kind))
		b = le.AppendUint32(le.AppendUint32(b, 1), t.value)
	}
	return append(le.AppendUint32(b, next), make([]byte, 8192)...)
}

// webpOf writes the header of a lossless picture. RFC 9649, Section 3.4.
func webpOf(w, h uint32) []byte {
	body := append([]byte{0x2f}, le.AppendUint32(nil, (w-1)|(h-1)<<14)...)
	body = append(body, make([]byte, 100)...)
	b := append([]byte("RIFF"), le.AppendUint32(nil, uint32(len(body)+12))...)
	b = append(b, "WEBPVP8L"...)
	return append(le.AppendUint32(b, uint32(len(body))), body...)
}

// painted encodes a picture of two colours.
func painted(side int, dark func(x, y int) bool) []byte {
	img := image.NewGray(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		if !dark(i%side, i/side) {
			img.Pix[i] = 255
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, img)
	return b.Bytes()
}

// cornerMarks is full of the marks by which codes are found: seven modules of two pixels,
// and a margin of one.
func cornerMarks(side int) []byte {
	return painted(side, func(x, y int) bool {
		x, y = x/2%8, y/2%8
		if x > 6 || y > 6 {
			return false
		}
		ring := min(x, y, 6-x, 6-y)
		return ring != 1
	})
}

func noise() []byte {
	state := uint32(1)
	return painted(800, func(int, int) bool {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		return state&1 == 0
	})
}

func disks() []bomb {
	return []bomb{
		{"ISO whose folder contains itself", func() []byte { return isoOf(20, 20, 2048, 1, 2) }, silent("a folder is read once")},
		{"ISO of forty files that share 1 MB", func() []byte { return isoOf(20, 21, 1<<20, 40, 0) }, silent("files may share bytes, and 40 MB are within every limit")},
		{"ISO that claims 4 GB", func() []byte { return isoOf(20, 21, 0xfffffff0, 1, 0)[:24*2048] }, silent("what is there is read")},
		{"UDF whose folder contains itself", func() []byte { return udfOf(261, 2) }, silent("a folder is read once")},
		{"UDF file that claims exabytes", func() []byte { return udfOf(263, 0) }, "unreadable"},
		{"FAT whose clusters follow themselves", func() []byte { return fatOf(0x20, 0xffffffff) }, "limit-ratio"},
		{"FAT whose folder contains itself", func() []byte { return fatOf(0x10, 0) }, silent("a folder is read once")},
		{"disk whose tables of partitions follow themselves", func() []byte {
			b := make([]byte, 1<<20)
			b[450], b[510], b[511] = 5, 0x55, 0xaa
			le.PutUint32(b[454:], 1)
			le.PutUint32(b[458:], 2000)
			copy(b[512+446:], "\x00\x00\x00\x00\x06\x00\x00\x00\x01\x00\x00\x00\xff\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\xff")
			copy(b[512+474-4:], "\x00\x00\x00\x00")
			b[1022], b[1023] = 0x55, 0xaa
			return b
		}, "unsupported"},
		{"virtual disk of exabytes", func() []byte { return vhdOf(1<<60, 0xffffffff) }, "unsupported"},
		{"virtual disk whose table points outside", func() []byte { return vhdOf(1<<40, 1<<20) }, "unsupported"},
		{"virtual disk of the newer kind without tables", func() []byte { return append([]byte("vhdxfile"), make([]byte, 4<<20)...) }, "unreadable"},
		{"shortcut with sizes of 65,535", func() []byte { return lnkOf("\xff\xff\xff\xff", "") }, "broken"},
		{"shortcut with a program of 10 MB behind it", func() []byte {
			return lnkOf("\x02\x00\x00\x00", strings.Repeat("\x00", 4)+strings.Repeat("MZ", 5<<20))
		}, "overlay"},
		{"internet shortcut of 100,000 addresses", func() []byte {
			return []byte("[InternetShortcut]\r\n" + strings.Repeat("URL=https://a.example/\r\n", 100_000))
		}, "over-limit"},
		{"library of elements in one another", func() []byte {
			return []byte("<libraryDescription xmlns=\"http://schemas.microsoft.com/windows/2009/library\">" + strings.Repeat("<searchConnectorDescription>", 200_000))
		}, "over-limit"},
		{"message of a million headers", func() []byte {
			return []byte("From: a@b.example\r\nMIME-Version: 1.0\r\n" + strings.Repeat("X: y\r\n", 1_000_000) + "\r\ntext")
		}, silent("the text stands behind more header fields than are read")},
	}
}

// isoOf has a folder with n entries that all lie in one place. ECMA-119, Sections 8.4 and 9.1.
func isoOf(root, at int, size uint32, n int, flags byte) []byte {
	b := make([]byte, max(21*2048+64*2048, min(at*2048+int(size), 32<<20)))
	copy(b[16*2048:], "\x01CD001\x01")
	copy(b[17*2048:], "\xffCD001\x01")
	le.PutUint32(b[16*2048+158:], uint32(root))
	le.PutUint32(b[16*2048+166:], 2048)
	d := b[root*2048:]
	for k := range n {
		r := d[k*48:]
		r[0], r[25], r[32] = 48, flags, 10
		le.PutUint32(r[2:], uint32(at))
		le.PutUint32(r[10:], size)
		copy(r[33:], fmt.Sprintf("FILE%02d.TXT", k)[:10])
	}
	return b
}

// udfOf has a root folder whose one entry is at a block: that of the folder itself, or a file
// of the largest size. ECMA-167, Parts 3 and 4.
func udfOf(block int, flags byte) []byte {
	b := make([]byte, 300*2048)
	seal := func(sector, id int) {
		t := b[sector*2048:][:16]
		t[0], t[1], t[2], t[4] = byte(id), byte(id>>8), 3, 0
		var sum byte
		for _, c := range t {
			sum += c
		}
		t[4] = sum
	}
	put := func(at int, values ...uint32) {
		for k, v := range values {
			le.PutUint32(b[at+4*k:], v)
		}
	}
	copy(b[16*2048:], "\x00BEA01\x01")
	copy(b[17*2048:], "\x00NSR03\x01")
	copy(b[18*2048:], "\x00TEA01\x01")
	put(256*2048+16, 16*2048, 32)
	seal(256, 2)
	put(32*2048+192, 270)
	seal(32, 5)
	put(33*2048+212, 2048)
	put(33*2048+248, 2048, 260)
	put(33*2048+264, 6, 1)
	copy(b[33*2048+440:], "\x01\x06")
	seal(33, 6)
	seal(34, 8)
	put(260*2048+400, 2048, 261)
	seal(260, 256)
	for sector, size := range map[int]uint32{261: 44, 263: 0x3fffffff} {
		b[sector*2048+20] = 4
		put(sector*2048+56, size)
		put(sector*2048+172, 8, size, uint32(sector+1))
		if sector == 263 {
			put(sector*2048+60, 1<<28) // of the upper half
		}
		seal(sector, 261)
	}
	b[262*2048+18], b[262*2048+19] = flags, 5
	put(262*2048+20, 2048, uint32(block))
	copy(b[262*2048+38:], "\x08FILE")
	seal(262, 257)
	return b
}

// fatOf is a volume of one entry, whose cluster follows itself.
func fatOf(attribute byte, size uint32) []byte {
	b := make([]byte, 6*512)
	le.PutUint16(b[11:], 512)
	b[13], b[14], b[16], b[17], b[19], b[22] = 1, 1, 1, 16, 6, 1
	copy(b[54:], "FAT12   ")
	b[510], b[511] = 0x55, 0xaa
	copy(b[512:], "\xf8\xff\xff\x02\x00\x00")
	e := b[2*512:]
	copy(e, "A       TXT")
	e[11], e[26] = attribute, 2
	le.PutUint32(e[28:], size)
	copy(b[3*512:], e[:32])
	return b
}

// vhdOf is a dynamic disk whose blocks all lie at a sector.
func vhdOf(size uint64, sector uint32) []byte {
	footer := make([]byte, 512)
	copy(footer, "conectix")
	be.PutUint64(footer[16:], 512)
	be.PutUint64(footer[48:], size)
	footer[63] = 3
	header := make([]byte, 1024)
	copy(header, "cxsparse")
	be.PutUint64(header[16:], 1536)
	be.PutUint32(header[28:], min(0xffffffff, uint32(size>>21)))
	be.PutUint32(header[32:], 2<<20)
	table := bytes.Repeat(be.AppendUint32(nil, sector), 1<<19)
	return append(append(append(append([]byte{}, footer...), header...), table...), footer...)
}

// lnkOf is a shortcut with flags for a list of items and strings, and what follows.
// MS-SHLLINK, 2.1.
func lnkOf(items, rest string) []byte {
	b := []byte("L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46\xff\x00\x00\x00")
	if rest != "" {
		b[20] = 1 // items alone
	}
	b = append(b, make([]byte, 76-len(b))...)
	return append(append(b, items...), rest...)
}
