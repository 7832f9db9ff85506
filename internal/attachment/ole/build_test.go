package ole_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"outrider/internal/attachment/ole"
	"outrider/internal/mailtest"
)

// file is a stream of a compound file to build; a "/" in the path makes storages.
type file struct{ path, data string }

// build writes a compound file of version 3. Streams are padded beyond the size up to
// which they would live in the mini stream, by zeros that do not count as their size, if
// they are long; short ones are given the size of the padding.
func build(files ...file) []byte {
	const sector = 512
	var body []byte // sectors from 1 on; sector 0 is the table
	fat := []uint32{0xFFFFFFFD}
	chain := func(b []byte) uint32 {
		start := uint32(len(fat))
		for len(b) > 0 {
			part := make([]byte, sector)
			b = b[copy(part, b):]
			body = append(body, part...)
			fat = append(fat, uint32(len(fat)+1))
		}
		fat[len(fat)-1] = 0xFFFFFFFE
		return start
	}
	var dirs []byte
	var kids [][]int
	add := func(name string, kind byte, start, size uint32) int {
		e := make([]byte, 128)
		for i, u := range utf16.Encode([]rune(name)) {
			binary.LittleEndian.PutUint16(e[2*i:], u)
		}
		binary.LittleEndian.PutUint16(e[64:], uint16(2*len([]rune(name))+2))
		e[66] = kind
		for i := 68; i < 80; i++ {
			e[i] = 0xFF
		}
		binary.LittleEndian.PutUint32(e[116:], start)
		binary.LittleEndian.PutUint32(e[120:], size)
		dirs = append(dirs, e...)
		kids = append(kids, nil)
		return len(kids) - 1
	}
	add("Root Entry", 5, 0xFFFFFFFE, 0)
	storages := map[string]int{}
	for _, f := range files {
		parent, path := 0, ""
		elements := strings.Split(f.path, "/")
		for _, s := range elements[:len(elements)-1] {
			path += s + "/"
			if storages[path] == 0 {
				storages[path] = add(s, 1, 0, 0)
				kids[parent] = append(kids[parent], storages[path])
			}
			parent = storages[path]
		}
		data := []byte(f.data)
		data = append(data, make([]byte, max(0, 4096-len(data)))...)
		kids[parent] = append(kids[parent], add(elements[len(elements)-1], 2, chain(data), uint32(len(data))))
	}
	for p, list := range kids { // the siblings as a list to the right
		for i, k := range list {
			at := 76 + 128*p
			if i > 0 {
				at = 72 + 128*list[i-1]
			}
			binary.LittleEndian.PutUint32(dirs[at:], uint32(k))
		}
	}
	start := chain(dirs)
	header := make([]byte, sector)
	copy(header, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")
	header[26], header[28], header[29], header[30], header[32] = 3, 0xFE, 0xFF, 9, 6
	for i := 76; i < sector; i++ {
		header[i] = 0xFF
	}
	binary.LittleEndian.PutUint32(header[48:], start)
	binary.LittleEndian.PutUint32(header[60:], 0xFFFFFFFE)
	binary.LittleEndian.PutUint32(header[68:], 0xFFFFFFFE)
	binary.LittleEndian.PutUint32(header[76:], 0)
	table := make([]byte, sector) // enough for 64 KiB
	for i, n := range fat[:min(len(fat), sector/4)] {
		binary.LittleEndian.PutUint32(table[4*i:], n)
	}
	return slices.Concat(header, table, body)
}

// squeeze writes a container of MS-OVBA that copies nothing, and ends it.
func squeeze(s string) string {
	var chunk []byte
	for len(s) > 0 {
		n := min(8, len(s))
		chunk = append(append(chunk, 0), s[:n]...)
		s = s[n:]
	}
	return string(append([]byte{1, byte(len(chunk) - 1), byte((len(chunk)-1)>>8) | 0xB0}, chunk...))
}

func record(id uint16, data string) string {
	b := binary.LittleEndian.AppendUint16(nil, id)
	return string(binary.LittleEndian.AppendUint32(b, uint32(len(data)))) + data
}

// biff writes a record of a workbook.
func biff(id uint16, data string) string {
	b := binary.LittleEndian.AppendUint16(nil, id)
	return string(binary.LittleEndian.AppendUint16(b, uint16(len(data)))) + data
}

func project(source string, offset int) []file {
	dir := record(3, "\xE4\x04") + record(0x19, "M1") + record(0x1A, "S1") + record(0x31, string([]byte{byte(offset), byte(offset >> 8), 0, 0}))
	return []file{{"Macros/VBA/dir", squeeze(dir)}, {"Macros/VBA/S1", strings.Repeat("p", offset) + squeeze(source)}}
}

func wide(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

func native(name, body string) string {
	path := "C:\\t\\" + name + "\x00"
	b := "\x02\x00label\x00" + name + "\x00\x00\x00\x03\x00"
	b += string(binary.LittleEndian.AppendUint32(nil, uint32(len(path)))) + path
	b += string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(b)))) + b
}

var samples = []struct {
	name  string
	files []file
	want  string
}{
	{"module", project("Sub AutoOpen()\r\nShell \"a.exe\"\r\n", 10), "module M1 31"},
	{"keyword", project("Sub AutoOpen()\r\nShell \"a.exe\"\r\n", 10), "keyword autoexec AutoOpen"},
	{"program", project("Sub AutoOpen()\r\nShell \"a.exe\"\r\n", 10), "keyword ioc a.exe"},
	{"stomped", project("Attribute VB_Name = \"M1\"\r\n", 3000), "note no-source"},
	{"empty module", project("Attribute VB_Name = \"M1\"\r\n", 800), "!note no-source"},
	{"broken directory", []file{{"Macros/VBA/dir", "?"}, {"Macros/VBA/S1", "ppp" + squeeze("Attribute VB_Name")}}, "note broken-vba"},
	{"module without a directory", []file{{"Macros/VBA/dir", "?"}, {"Macros/VBA/S1", "ppp" + squeeze("Attribute VB_Name\r\nSub x()")}}, "module S1"},
	{"package", []file{{"ObjectPool/_1/\x01Ole10Native", native("a.exe", "MZ")}}, "embedded a.exe 2"},
	{"broken package", []file{{"\x01Ole10Native", "\x01\x00\x00\x00\xFF\xFFaaaaaa"}}, "embedded "},
	{"hidden macro sheet", []file{{"Workbook", biff(0x85, "\x00\x00\x00\x00\x02\x01\x02\x00M1")}}, "sheet M1 veryHidden true"},
	{"dde", []file{{"Workbook", biff(0x1AE, "\x00\x00\x06\x00\x00cmd\x03/c")}}, "dde cmd /c"},
	{"encrypted workbook", []file{{"Workbook", biff(0x2F, "")}}, "kind xls encrypted true"},
	{"encrypted package", []file{{"EncryptedPackage", ""}}, "kind encrypted encrypted true"},
	{"encrypted document", []file{{"WordDocument", "\xEC\xA5\xC1\x00\x00\x00\x00\x00\x00\x00\x00\x01"}}, "kind doc encrypted true"},
	{"message", []file{{"__properties_version1.0", ""}, {"__substg1.0_0037001F", wide("Hello")}, {"__substg1.0_5D01001F", wide("a@b.example")}},
		"mail Hello|a@b.example|"},
	{"attachment", []file{{"__properties_version1.0", ""}, {"__attach_version1.0_#00000000/__substg1.0_3707001F", wide("a.txt")},
		{"__attach_version1.0_#00000000/__substg1.0_37010102", "x"}}, "attachment a.txt"},
	{"click on a slide", []file{{"PowerPoint Document", "\x0F\x00\xF2\x0F\x00\x00\x00\x00\x00\x00" + biff(0x0FF3, "")[:2] + "\x10\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x02" + strings.Repeat("\x00", 7) + "\x00\x00\xBA\x0F\x06\x00\x00\x00" + wide("cmd")}}, "action program cmd"},
	{"installer", []file{{"\u4840\u3F3F", ""}}, "kind msi"},
}

func TestRead(t *testing.T) {
	for _, tt := range samples {
		t.Run(tt.name, func(t *testing.T) { check(t, describe(ole.Read(build(tt.files...), ole.DefaultLimits())), tt.want) })
	}
}

// TestCopyToken unpacks the example of MS-OVBA, 3.2.3, where one character repeats.
func TestCopyToken(t *testing.T) {
	files := project("", 0)
	files[1].data = "\x01\x03\xB0\x02a\x45\x00"
	d := ole.Read(build(files...), ole.DefaultLimits())
	if len(d.Modules) != 1 || d.Modules[0].Source != strings.Repeat("a", 73) {
		t.Errorf("modules %+v", d.Modules)
	}
}

// TestCircles wants an answer from chains and trees that lead back.
func TestCircles(t *testing.T) {
	b := build(file{"a/b", "x"}, file{"c", "y"})
	table := b[512:1024]
	for i := range len(b) / 512 {
		binary.LittleEndian.PutUint32(table[4*i:], 1)
	}
	var d *ole.Document
	took := mailtest.Spent(t, func() { d = ole.Read(b, ole.DefaultLimits()) })
	if took > time.Second || !slices.Contains(d.Notes, ole.Broken) {
		t.Errorf("took %v, notes %v", took, d.Notes)
	}
}

// TestKeywordsInTime wants an answer for text that makes patterns slow.
func TestKeywordsInTime(t *testing.T) {
	for _, s := range []string{"a", "http://a", "a.", "1.", "\"aa", "a.exe-", "a*b_click "} {
		text := strings.Repeat(s, 1<<20/len(s))
		if took := mailtest.Spent(t, func() { ole.Keywords(text) }); took > 3*time.Second {
			t.Errorf("%q took %v for a mebibyte", s, took)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range samples {
		f.Add(build(s.files...))
	}
	l := ole.DefaultLimits()
	l.Bytes = 1 << 20
	f.Fuzz(func(t *testing.T, data []byte) {
		d := ole.Read(data, l)
		sum := 0
		for _, s := range d.Streams {
			sum += s.Size
		}
		if len(d.Embedded) == 0 && sum > len(data)+int(l.Bytes) {
			t.Errorf("%d bytes of streams from %d", sum, len(data))
		}
	})
}

func FuzzKeywords(f *testing.F) {
	f.Add(`Sub AutoOpen() Shell "http://a.example/x.exe" & "4d5a900003000000"`)
	f.Fuzz(func(t *testing.T, source string) {
		for _, k := range ole.Keywords(source) {
			if k.Type == "" || k.Keyword == "" || k.Description == "" {
				t.Errorf("%+v", k)
			}
		}
	})
}

func BenchmarkKeywords(b *testing.B) {
	source := strings.Repeat("Dim x As String: x = Chr(65) & StrReverse(\"abc\") ' comment\r\n", 5000)
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		ole.Keywords(source)
	}
}
