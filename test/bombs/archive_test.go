package bombs

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

var le = binary.LittleEndian

// files are opened one by one. Names are those of the page.
func files() []bomb {
	return slices.Concat(nestings(), ratios(), liars(), windows(), oldArchives(), documents(), pictures(), disks())
}

// nest wraps data so many times.
func nest(levels int, data []byte, wrap func([]byte) []byte) func() []byte {
	return func() []byte {
		for range levels {
			data = wrap(data)
		}
		return data
	}
}

func nestings() []bomb {
	inner := []byte("end of the line, and nothing more")
	return []bomb{
		{"zip in zip", func() []byte { return nestedZips(200) }, "limit-depth"},
		{"gzip in gzip", nest(40, gz(inner), gz), "limit-depth"},
		{"tar in tar", nest(40, inner, func(b []byte) []byte { return tarOf(entry{"a.tar", b}) }), "limit-depth"},
		{"ar in ar", nest(40, inner, arOf), "limit-depth"},
		{"xz in xz", nest(16, inner, xzOf), "limit-depth"},
		{"zstd in zstd", nest(40, inner, zstdOf), "limit-depth"},
		{"7z in 7z", nest(40, inner, func(b []byte) []byte { return sevenZip("\x01\x00", b, len(b)) }), "limit-depth"},
		{"rar in rar", nest(40, inner, func(b []byte) []byte { return rarOf(b, len(b), 0) }), "limit-depth"},
		{"cabinet in cabinet", nest(40, inner, func(b []byte) []byte { return cabOf(len(b), 1, b) }), "limit-depth"},
		{"TNEF in TNEF", nest(40, inner, tnefOf), "limit-depth"},
		{"message in zip in message", nest(10, inner, func(b []byte) []byte { return zipOf(entry{"a.eml", mailOf(b)}) }), "limit-depth"},
		{"zip that contains itself", zipQuine, "limit-depth"},
		{"gzip that contains itself", gzipQuine, "limit-depth"},
		{"zips of sixteen zips", nest(6, inner, func(b []byte) []byte {
			list := make([]entry, 16)
			for i := range list {
				list[i] = entry{fmt.Sprintf("%d.zip", i), b}
			}
			return zipOf(list...)
		}), "limit-files"},
		{"message of nested messages in zip", func() []byte {
			return zipOf(entry{"a.eml", nestedMultiparts(10_000)()})
		}, silent("the message reader ends at its depth and the parts above it are empty")},
	}
}

const megabyte = 1 << 20

func ratios() []bomb {
	zeros := func(n int) []byte { return make([]byte, n*megabyte) }
	return []bomb{
		{"gzip of 60 MB of zeros", func() []byte { return gz(zeros(60)) }, "file-truncated"},
		{"zip of 60 MB of zeros", func() []byte { return zipOf(entry{"a", zeros(60)}) }, "file-truncated"},
		{"zip of ten times 40 MB", func() []byte {
			packed := gz(zeros(40))[10:]
			return zipRaw(8, packed[:len(packed)-8], 40*megabyte, 10)
		}, "limit-bytes"},
		{"bzip2 of 40 MB in 49 bytes", func() []byte { return bzip2Zeros() }, "limit-ratio"},
		{"bzip2 in zip", func() []byte { return zipRaw(12, bzip2Zeros(), 40*megabyte, 1) }, "limit-ratio"},
		{"bzip2 stream after stream", func() []byte { return bytes.Repeat(bzip2Zeros(), 1000) }, "file-truncated"},
		{"xz of zeros", func() []byte { return xzOf(zeros(16)) }, "limit-ratio"},
		{"lzma of zeros", func() []byte { return lzmaOf(zeros(16)) }, "limit-ratio"},
		{"zstd of zeros", func() []byte { return zstdOf(zeros(64)) }, "limit-ratio"},
		{"zstd in zip", func() []byte { return zipRaw(93, zstdOf(zeros(64)), 64*megabyte, 1) }, "limit-ratio"},
		{"7z of zeros", func() []byte {
			packed := lzmaOf(zeros(16))
			return sevenZip("\x23\x03\x01\x01\x05"+string(packed[:5]), packed[13:], 16*megabyte)
		}, "limit-ratio"},
		{"cabinet whose folders share their blocks", func() []byte { return cabShared(2000, 1000) }, "overlapping-files"},
		{"entries that overlap wholly", func() []byte { return overlapping(300) }, "overlapping-files"},
		{"empty gzip members", func() []byte { return bytes.Repeat(gz(nil), 500_000) }, silent("the members are empty, and all are read")},
		{"zip of 6,000 empty files", func() []byte { return zipMany(6000) }, "limit-files"},
		{"central directory of 600,000 entries", func() []byte { return directory(600_000) }, "limit-entries"},
		{"million local headers", func() []byte { return bytes.Repeat([]byte(localHeader(0, 0, 0, 0, "a")), 1_000_000) }, "limit-files"},
		{"tar of 60,000 files", func() []byte { return tarMany(60_000) }, "limit-files"},
		{"ar of 400,000 files", func() []byte {
			return []byte("!<arch>\n" + strings.Repeat(arHeader("a", 0), 400_000))
		}, "limit-files"},
		{"encrypted zip of 2,000 entries", func() []byte { return lockedZip(2000, 0, "") }, "password-needed"},
		{"AES zip of 2,000 entries", func() []byte { return lockedZip(2000, 99, "\x01\x99\x07\x00\x02\x00AE\x03\x08\x00") }, "password-needed"},
	}
}

func liars() []bomb {
	return []bomb{
		{"tar that claims 8 GB", func() []byte {
			b := tarOf(entry{"a", []byte("x")})
			copy(b[124:], "77777777777\x00")
			return sumTar(b)
		}, "unreadable"},
		{"sparse tar that claims terabytes", func() []byte {
			return tarOf(entry{"", []byte("23 GNU.sparse.major=1\n23 GNU.sparse.minor=0\n33 GNU.sparse.name=a.bin........\n38 GNU.sparse.realsize=4398046511104..\n")}, entry{"a", []byte("1\n0\n0\n")})
		}, silent("the extended header has the type of a plain file, and both are read")},
		{"old sparse tar that claims 40 MB", func() []byte { return sparseTar(40 * megabyte) }, silent("zeros that nobody stored are read within every limit")},
		{"zip64 that claims exabytes", func() []byte { return zip64Lie() }, "header-mismatch"},
		{"cabinet that claims 4 GB", func() []byte { return cabOf(0xfffffff0, 1, []byte("x")) }, silent("what is there is read")},
		{"cabinet of 65,535 files of 4 GB", func() []byte { return cabMany(65_535) }, "limit-files"},
		{"ar that claims 9 GB", func() []byte { return []byte("!<arch>\n" + arHeader("a", 9_999_999_999) + "x") }, silent("what is there is read, and the claim ends the archive")},
		{"gzip name of 10 MB", func() []byte {
			return append([]byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff"), bytes.Repeat([]byte("a"), 10*megabyte)...)
		}, "unreadable"},
		{"TNEF attribute of 4 GB", func() []byte { return []byte("\x78\x9f\x3e\x22\x01\x00\x02\x0f\x80\x06\x00\xff\xff\xff\xffx") }, "unreadable"},
		{"TNEF of a million attributes", func() []byte {
			return append([]byte("\x78\x9f\x3e\x22\x01\x00"), bytes.Repeat([]byte("\x02\x02\x90\x06\x00\x00\x00\x00\x00\x00\x00"), megabyte)...)
		}, "limit-files"},
		{"OneNote that claims exabytes", func() []byte { return oneNote(1, 1<<62, "x") }, silent("what is there is read")},
		{"OneNote of 100,000 files", func() []byte { return oneNote(100_000, 1, "x") }, "limit-files"},
		{"7z header of exabytes", func() []byte {
			b := sevenZip("\x01\x00", []byte("x"), 1)
			le.PutUint64(b[20:], 1<<62)
			le.PutUint32(b[8:], crc32.ChecksumIEEE(b[12:32]))
			return b
		}, silent("the header is read as far as it goes, and its file is found")},
		{"rar that claims exabytes", func() []byte { return rarOf([]byte("x"), 1<<60, 0) }, "unreadable"},
	}
}

func windows() []bomb {
	return []bomb{
		{"7z with a dictionary of 4 GB", func() []byte { return sevenZip("\x21\x21\x01\x28", []byte("\x01\x00\x00x\x00"), 1) }, "limit-window"},
		{"7z with a dictionary of 2 GB behind a header that claims too much", func() []byte {
			b := sevenZip("\x21\x21\x01\x26", []byte("\x01\x00\x00x\x00"), 1)
			le.PutUint64(b[20:], 200)
			le.PutUint32(b[8:], crc32.ChecksumIEEE(b[12:32]))
			return b
		}, "limit-window"},
		{"7z with PPMd memory of 4 GB", func() []byte { return sevenZip("\x23\x03\x04\x01\x05\x20\xff\xff\xff\xff", []byte("x"), 1) }, "limit-window"},
		{"7z with 2^62 rounds of its key", func() []byte {
			return sevenZip("\x24\x06\xf1\x07\x01\x02\x3e\x00", make([]byte, 16), 16)
		}, "password-needed"},
		{"xz with a dictionary of 4 GB", func() []byte { return xzWindow(0x28) }, "limit-window"},
		{"lzma with a dictionary of 4 GB", func() []byte {
			return []byte("\x5d\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00")
		}, "unreadable"},
		{"lzip with a dictionary of 512 MB", func() []byte { return []byte("LZIP\x01\x1d" + strings.Repeat("\x00", 40)) }, "limit-window"},
		{"zstd with a window of terabytes", func() []byte { return []byte("\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00") }, "limit-window"},
		{"rar with a dictionary of 4 GB", func() []byte { return rarOf([]byte("xxxxxxxxxxxxxxxx"), 1<<40, 0x3c00|1<<7) }, "limit-window"},
		{"rar with 2^19 rounds of its key", func() []byte { return rarLocked(19) }, "password-needed"},
		{"rar with 2^24 rounds of its key", func() []byte { return rarLocked(24) }, "limit-rounds"},
	}
}

// entry is a file of an archive.
type entry struct {
	name string
	data []byte
}

func zipOf(files ...entry) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		out, _ := w.Create(f.name)
		_, _ = out.Write(f.data)
	}
	_ = w.Close()
	return b.Bytes()
}

func zipMany(n int) []byte {
	list := make([]entry, n)
	for i := range list {
		list[i].name = fmt.Sprint(i)
	}
	return zipOf(list...)
}

// zipRaw makes an archive of some entries whose packed bytes are given.
func zipRaw(method uint16, packed []byte, size, entries int) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for k := range entries {
		out, _ := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(k), Method: method, CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(size)})
		_, _ = out.Write(packed)
	}
	_ = w.Close()
	return b.Bytes()
}

// localHeader writes a local header of a zip. APPNOTE 4.3.7.
func localHeader(method, flags uint16, packed, size uint32, name string) string {
	b := []byte("PK\x03\x04\x14\x00")
	b = le.AppendUint16(le.AppendUint16(b, flags), method)
	b = le.AppendUint32(append(b, 0, 0, 0x21, 0), 0)
	b = le.AppendUint32(le.AppendUint32(b, packed), size)
	return string(append(b, byte(len(name)), 0, 0, 0)) + name
}

// central writes an entry of the directory. APPNOTE 4.3.12.
func central(method, flags uint16, packed, size, start uint32, name, extra string) string {
	b := []byte("PK\x01\x02\x14\x00\x14\x00")
	b = le.AppendUint16(le.AppendUint16(b, flags), method)
	b = le.AppendUint32(append(b, 0, 0, 0x21, 0), 0)
	b = le.AppendUint32(le.AppendUint32(b, packed), size)
	b = append(b, byte(len(name)), 0, byte(len(extra)), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	return string(le.AppendUint32(b, start)) + name + extra
}

// zipEnd writes the end record. APPNOTE 4.3.16.
func zipEnd(entries, size, start int) string {
	b := []byte("PK\x05\x06\x00\x00\x00\x00")
	b = le.AppendUint16(le.AppendUint16(b, uint16(entries)), uint16(entries))
	return string(le.AppendUint32(le.AppendUint32(b, uint32(size)), uint32(start))) + "\x00\x00"
}

// overlapped is the size of the file that overlapping names again and again.
const overlapped = 128 << 10

// overlapping names one packed file so many times.
func overlapping(n int) []byte {
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, 9)
	_, _ = w.Write(make([]byte, overlapped))
	_ = w.Close()
	size := uint32(packed.Len())
	first := localHeader(8, 0, size, overlapped, "a") + packed.String()
	list := strings.Repeat(central(8, 0, size, overlapped, 0, "a", ""), n)
	return []byte(first + list + zipEnd(n, len(list), len(first)))
}

func directory(n int) []byte {
	first := localHeader(0, 0, 0, 0, "a/")
	list := strings.Repeat(central(0, 0, 0, 0, 0, "a/", ""), n)
	return []byte(first + list + zipEnd(n, len(list), len(first)))
}

func zip64Lie() []byte {
	size := "\x01\x00\x10\x00" + strings.Repeat("\xff\xff\xff\xff\xff\xff\xff\x3f", 2)
	first := localHeader(0, 0, 0xffffffff, 0xffffffff, "a") + "x"
	list := central(0, 0, 0xffffffff, 0xffffffff, 0, "a", size)
	return []byte(first + list + zipEnd(1, len(list), len(first)))
}

// lockedZip makes encrypted entries that no password opens.
func lockedZip(n int, method uint16, extra string) []byte {
	var body, list strings.Builder
	for k := range n {
		name := fmt.Sprintf("%d.txt", k)
		list.WriteString(central(method, 1, 60, 40, uint32(body.Len()), name, extra))
		body.WriteString(localHeader(method, 1, 60, 40, name))
		for j := range 60 {
			body.WriteByte(byte(k*7 + j*13 + k*j))
		}
	}
	return []byte(body.String() + list.String() + zipEnd(n, list.Len(), body.Len()))
}

func tarOf(files ...entry) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		_ = w.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.data)), Mode: 0o644, Format: tar.FormatUSTAR, Typeflag: tar.TypeReg})
		_, _ = w.Write(f.data)
	}
	_ = w.Close()
	return b.Bytes()
}

func tarMany(n int) []byte { return bytes.Repeat(tarOf(entry{"a", nil})[:512], n) }

// sumTar corrects the checksum of the first header.
func sumTar(b []byte) []byte {
	copy(b[148:156], "        ")
	sum := 0
	for _, c := range b[:512] {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// sparseTar has a file of zeros that are not stored, in the old format of GNU.
func sparseTar(size int) []byte {
	b := tarOf(entry{"a", nil})
	b[156] = 'S'
	copy(b[257:], "ustar  \x00")
	copy(b[483:], fmt.Sprintf("%011o\x00", size))
	return sumTar(b)
}

func arHeader(name string, size int) string {
	return fmt.Sprintf("%-16s%-12d%-6d%-6d%-8o%-10d`\n", name, 0, 0, 0, 0o644, size)
}

func arOf(data []byte) []byte {
	return append([]byte("!<arch>\n"+arHeader("a.deb", len(data))), data...)
}

func xzOf(data []byte) []byte {
	var b bytes.Buffer
	w, _ := xz.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// xzWindow asks for the dictionary in the header of a block.
func xzWindow(bits byte) []byte {
	b := append([]byte("\xfd7zXZ\x00\x00\x04"), le.AppendUint32(nil, crc32.ChecksumIEEE([]byte{0, 4}))...)
	block := []byte{2, 0, 0x21, 1, bits, 0, 0, 0}
	b = append(append(b, block...), le.AppendUint32(nil, crc32.ChecksumIEEE(block))...)
	return append(b, "\x01\x00\x00x\x00"...)
}

func lzmaOf(data []byte) []byte {
	var b bytes.Buffer
	w, _ := lzma.WriterConfig{Size: int64(len(data)), SizeInHeader: true, DictCap: 1 << 20}.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func zstdOf(data []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(data, nil)
}

// bzip2Zeros is 40 MB of zeros, packed by bzip2, since the standard library only unpacks.
func bzip2Zeros() []byte {
	b, _ := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWVfG138BQUFAgMAAAAEACCAAMMwFKaZAkCbFAkCeLuSKcKEgr42u/g==")
	return b
}

// sevenZip makes an archive of one file in one folder of one coder, given by its flags,
// identity and properties.
func sevenZip(coder string, packed []byte, size int) []byte {
	h := "\x01\x04\x06\x00\x01\x09" + number7z(len(packed)) + "\x00\x07\x0b\x01\x00\x01" + coder + "\x0c" + number7z(size) +
		"\x00\x00\x05\x01\x11\x0b\x00a\x00.\x007\x00z\x00\x00\x00\x00\x00"
	b := append([]byte("7z\xbc\xaf\x27\x1c\x00\x04"), make([]byte, 24)...)
	le.PutUint64(b[12:], uint64(len(packed)))
	le.PutUint64(b[20:], uint64(len(h)))
	le.PutUint32(b[28:], crc32.ChecksumIEEE([]byte(h)))
	le.PutUint32(b[8:], crc32.ChecksumIEEE(b[12:32]))
	return append(append(b, packed...), h...)
}

// number7z writes a number in its longest form.
func number7z(n int) string { return "\xff" + string(le.AppendUint64(nil, uint64(n))) }

// vint writes a number of RAR 5: seven bits a byte.
func vint(n int) string { return string(binary.AppendUvarint(nil, uint64(n))) }

// rarBlock writes a header of RAR 5 with its checksum.
func rarBlock(fields string) string {
	fields = vint(len(fields)) + fields
	return string(le.AppendUint32(nil, crc32.ChecksumIEEE([]byte(fields)))) + fields
}

const rarStart = "Rar!\x1a\x07\x01\x00"

// rarOf makes an archive of one file. Compression says version, method and dictionary.
func rarOf(data []byte, size, compression int) []byte {
	file := "\x02\x02" + vint(len(data)) + "\x00" + vint(size) + "\x00" + vint(compression) + "\x00" + "\x05a.rar"
	return []byte(rarStart + rarBlock("\x01\x00\x00") + rarBlock(file) + string(data) + rarBlock("\x05\x00\x00"))
}

// rarLocked encrypts its headers with a key of 2^rounds rounds, or says so.
func rarLocked(rounds byte) []byte {
	crypt := "\x04\x00\x00\x01" + string(rounds) + strings.Repeat("s", 16) + strings.Repeat("c", 12)
	return []byte(rarStart + rarBlock(crypt) + strings.Repeat("x", 64))
}

// cabOf makes a cabinet of one stored file. Method 1 is MSZIP, whose blocks are written here.
func cabOf(size int, method uint16, data []byte) []byte {
	var blocks [][]byte
	for {
		n := min(len(data), 32<<10)
		blocks = append(blocks, data[:n])
		if data = data[n:]; len(data) == 0 {
			break
		}
	}
	var body []byte
	for _, b := range blocks {
		var packed bytes.Buffer
		packed.WriteString("CK")
		w, _ := flate.NewWriter(&packed, 1)
		_, _ = w.Write(b)
		_ = w.Close()
		body = le.AppendUint16(le.AppendUint16(append(body, 0, 0, 0, 0), uint16(packed.Len())), uint16(len(b)))
		body = append(body, packed.Bytes()...)
	}
	file := le.AppendUint32(le.AppendUint32(nil, uint32(size)), 0)
	file = append(append(file, make([]byte, 8)...), "a.cab\x00"...)
	return cabinet([][]byte{folderOf(44+len(file), len(blocks), method)}, 1, string(file)+string(body))
}

func folderOf(start, blocks int, method uint16) []byte {
	return le.AppendUint16(le.AppendUint16(le.AppendUint32(nil, uint32(start)), uint16(blocks)), method)
}

// cabinet writes the header and the folders. MS-CAB, 2.1.
func cabinet(folders [][]byte, files int, rest string) []byte {
	b := make([]byte, 36)
	copy(b, "MSCF")
	b[24], b[25] = 3, 1
	le.PutUint32(b[16:], uint32(36+8*len(folders)))
	le.PutUint16(b[26:], uint16(len(folders)))
	le.PutUint16(b[28:], uint16(files))
	for _, f := range folders {
		b = append(b, f...)
	}
	return append(b, rest...)
}

// cabShared has folders that all lie at the same blocks of zeros.
func cabShared(folders, blocks int) []byte {
	var packed bytes.Buffer
	packed.WriteString("CK")
	w, _ := flate.NewWriter(&packed, 9)
	_, _ = w.Write(make([]byte, 32<<10))
	_ = w.Close()
	block := le.AppendUint16(le.AppendUint16(make([]byte, 4), uint16(packed.Len())), 32<<10)
	body := strings.Repeat(string(block)+packed.String(), blocks)
	var heads [][]byte
	var list []byte
	for k := range folders {
		heads = append(heads, folderOf(36+8*folders+folders*18, blocks, 1))
		list = le.AppendUint16(append(list, 1, 0, 0, 0, 0, 0, 0, 0), uint16(k))
		list = append(list, "\x00\x00\x00\x00\x00\x00a\x00"...)
	}
	return cabinet(heads, folders, string(list)+body)
}

func cabMany(files int) []byte {
	return cabinet([][]byte{folderOf(0, 0, 0)}, files, strings.Repeat("\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00a\x00", files))
}

// tnefOf wraps an attachment. MS-OXTNEF, 2.1.3.
func tnefOf(data []byte) []byte {
	b := []byte("\x78\x9f\x3e\x22\x01\x00\x02\x02\x90\x06\x00\x00\x00\x00\x00\x00\x00\x02\x0f\x80\x06\x00")
	b = append(le.AppendUint32(b, uint32(len(data))), data...)
	return append(b, 0, 0)
}

// oneNote has files that say how large they are. MS-ONESTORE, 2.6.13.
func oneNote(files int, size uint64, data string) []byte {
	const store = "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac"
	one := store + string(le.AppendUint64(nil, size)) + strings.Repeat("\x00", 12) + data
	return []byte("\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3" + strings.Repeat(one, files))
}

func mailOf(zip []byte) []byte {
	return []byte("From: a@b.example\r\nTo: c@d.example\r\nMIME-Version: 1.0\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString(zip) + "\r\n")
}
