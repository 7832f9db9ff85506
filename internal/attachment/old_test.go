package attachment_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"outrider/internal/attachment"
)

// cabFolders makes a cabinet of a file in each folder, all with the method, whose block is
// given packed, and unpacks to size bytes.
func cabFolders(method uint16, folders int, packed []byte, size int) []byte {
	le := binary.LittleEndian
	b := append([]byte("MSCF"), make([]byte, 32)...)
	files := 36 + 8*folders
	blocks := files + 18*folders
	le.PutUint32(b[16:], uint32(files))
	b[24], b[25] = 3, 1
	le.PutUint16(b[26:], uint16(folders))
	le.PutUint16(b[28:], uint16(folders))
	for range folders {
		b = le.AppendUint16(le.AppendUint16(le.AppendUint32(b, uint32(blocks)), 1), method)
	}
	for k := range folders {
		b = le.AppendUint16(append(le.AppendUint32(b, uint32(size)), 0, 0, 0, 0), uint16(k))
		b = append(b, "\x00\x00\x00\x00\x00\x00a\x00"...)
	}
	return append(le.AppendUint16(le.AppendUint16(append(b, 0, 0, 0, 0), uint16(len(packed))), uint16(size)), packed...)
}

// lzxRaw is a frame of LZX in one block that is not packed: a bit that says that no calls
// are translated, three for the kind, 24 for the size, and the rest of the word.
func lzxRaw(data string) []byte {
	head := uint64(3)<<60 | uint64(len(data))<<36
	b := binary.LittleEndian.AppendUint16(nil, uint16(head>>48))
	b = binary.LittleEndian.AppendUint16(b, uint16(head>>32))
	return append(append(b, "\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00"...), data...)
}

// contents returns what is in the files below the first, by their names.
func contents(t *testing.T, name string, data []byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	attachment.Walk(t.Context(), attachment.Input{Name: name, Data: data}, attachment.DefaultLimits(), func(f *attachment.File, b []byte) {
		if f.Parent >= 0 {
			out[f.Name] = string(b)
		}
	})
	return out
}

func TestCabinetsOfLZX(t *testing.T) {
	t.Parallel()
	if got := contents(t, "a.cab", cabFolders(15<<8|3, 1, lzxRaw("the inner file"), 14)); got["a"] != "the inner file" {
		t.Errorf("%q", got)
	}
	for name, tt := range map[string]struct {
		data []byte
		want attachment.NoteKind
	}{
		"quantum":       {cabFolders(4<<8|2, 1, []byte("x"), 1), attachment.NoteUnsupported},
		"a huge window": {cabFolders(25<<8|3, 1, lzxRaw("x"), 1), attachment.NoteUnreadable},
		"noise":         {cabFolders(15<<8|3, 1, []byte("xxxxxxxxxxxxxxxxxxxxx"), 20), attachment.NoteUnreadable},
		"shared blocks": {cabFolders(15<<8|3, 200, lzxRaw(strings.Repeat("x", 20_000)), 20_000), attachment.NoteOverlap},
	} {
		if r := inspect("a.cab", tt.data); !r.Has(tt.want) || r.Has(attachment.NotePanic) {
			t.Errorf("%s: %+v", name, r.Notes)
		}
	}
}

func TestFilesOfCompress(t *testing.T) {
	t.Parallel()
	data := lzwOf("a plain, plain text")
	for name, want := range map[string]string{"a.txt.Z": "a.txt", "a.taz": "a.tar", "a": "a"} {
		if got := contents(t, name, data); got[want] != "a plain, plain text" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if r := inspect("a.Z", []byte("\x1f\xa0\x00\x00\x00")); !r.Has(attachment.NoteUnsupported) {
		t.Errorf("of SCO: %+v", r.Notes)
	}
	if r := inspect("a.Z", []byte("\x1f\x9d\x90\xff\xff\xff")); !r.Has(attachment.NoteUnreadable) {
		t.Errorf("noise: %+v", r.Notes)
	}
}

// lzwOf packs a short text as compress does, without ever using its dictionary.
func lzwOf(text string) []byte {
	out, word, n := []byte("\x1f\x9d\x90"), 0, 0
	for k := range len(text) {
		word |= int(text[k]) << n
		for n += 9; n >= 8; n -= 8 {
			out = append(out, byte(word))
			word >>= 8
		}
	}
	return append(out, byte(word))
}

func cpioNew(name string, mode int, body string) string {
	pad := func(s string) string { return s + strings.Repeat("\x00", (4-len(s)%4)%4) }
	h := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 1, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name)+1, 0)
	return pad(h+name+"\x00") + pad(body)
}

func cpioOld(name string, mode int, body string) string {
	return fmt.Sprintf("070707%06o%06o%06o%06o%06o%06o%06o%011o%06o%011o", 1, 1, mode, 0, 0, 1, 0, 0, len(name)+1, len(body)) + name + "\x00" + body
}

func cpioWords(order binary.AppendByteOrder) func(string, int, string) string {
	return func(name string, mode int, body string) string {
		var b []byte
		for _, w := range []int{0o070707, 1, 1, mode, 0, 0, 1, 0, 0, 0, len(name) + 1, len(body) >> 16, len(body)} {
			b = order.AppendUint16(b, uint16(w))
		}
		pad := func(s string) string { return s + strings.Repeat("\x00", len(s)%2) }
		return string(b) + pad(name+"\x00") + pad(body)
	}
}

func TestCpio(t *testing.T) {
	t.Parallel()
	for format, write := range map[string]func(string, int, string) string{
		"newc": cpioNew, "odc": cpioOld, "little": cpioWords(binary.LittleEndian), "big": cpioWords(binary.BigEndian),
	} {
		data := write("d", 0o040755, "") + write("d/in.txt", 0o100644, "hello") + write("l", 0o120777, "d/in.txt") +
			write("../up", 0o100644, "x") + write("TRAILER!!!", 0, "") + strings.Repeat("\x00", 300)
		if got := contents(t, "a.cpio", []byte(data)); len(got) != 2 || got["d/in.txt"] != "hello" || got["../up"] != "x" {
			t.Errorf("%s: %q", format, got)
		}
		r := inspect("a.cpio", []byte(data))
		if a := r.Files[0].Archive; a.Links != 1 || a.Traversals != 1 || len(r.Notes) > 0 || r.Files[0].Format != "cpio" {
			t.Errorf("%s: %+v, %+v", format, a, r.Notes)
		}
		if r := inspect("a.cpio", []byte(write("a", 0o100644, "hello")+"noise")); !r.Has(attachment.NoteUnreadable) || len(r.Files) != 2 {
			t.Errorf("%s: %+v", format, r)
		}
	}
	if _, format := attachment.Identify([]byte("070701,a,b,c\n070702,a,b,c\n"), "a.csv"); format == "cpio" {
		t.Error("a table of dates is a cpio")
	}
}

// rpmHead writes a header of some strings by their tags.
func rpmHead(values ...any) string {
	var index, data []byte
	for k := 0; k < len(values); k += 2 {
		be := binary.BigEndian
		index = be.AppendUint32(index, uint32(values[k].(int)))
		index = be.AppendUint32(be.AppendUint32(be.AppendUint32(index, 6), uint32(len(data))), 1)
		data = append(data, values[k+1].(string)+"\x00"...)
	}
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(len(values)/2)), uint32(len(data)))
	return "\x8e\xad\xe8\x01\x00\x00\x00\x00" + string(size) + string(index) + string(data)
}

func rpmOf(payload []byte, values ...any) []byte {
	signature := rpmHead(1000, "abc")
	b := "\xed\xab\xee\xdb\x03\x00" + strings.Repeat("\x00", 90) + signature + strings.Repeat("\x00", (8-len(signature)%8)%8)
	return append([]byte(b+rpmHead(values...)), payload...)
}

func TestPackagesOfRPM(t *testing.T) {
	t.Parallel()
	cpio := cpioNew("./bin/in.txt", 0o100755, "hello") + cpioNew("TRAILER!!!", 0, "")
	for format, payload := range map[string][]byte{"gz": gz([]byte(cpio)), "xz": xzOf(t, cpio), "zst": zstdOf(t, cpio)} {
		data := rpmOf(payload, 1000, "name", 1024, "#!/bin/sh\nid")
		got := contents(t, "a.rpm", data)
		if got["./bin/in.txt"] != "hello" || got["postinstall.sh"] != "#!/bin/sh\nid" || got["payload.cpio."+format] == "" {
			t.Errorf("%s: %q", format, got)
		}
		if r := inspect("a.rpm", data); len(r.Notes) > 0 {
			t.Errorf("%s: %+v", format, r.Notes)
		}
	}
	for n := range 200 {
		data := rpmOf(gz([]byte(cpio)), 1024, "#!/bin/sh\nid")
		if r := inspect("a.rpm", data[:min(n+4, 150)]); !r.Has(attachment.NoteUnreadable) {
			t.Fatalf("%d bytes: %+v", n+4, r.Notes)
		}
	}
}

// lhaOf writes a file of LHA with a header of the level. Packed bytes are given.
func lhaOf(level byte, method, folder, name, packed string, size int) string {
	le := binary.LittleEndian
	fixed := func(extra int) string {
		b := le.AppendUint32([]byte("-"+method+"-"), uint32(len(packed)+extra))
		return string(append(le.AppendUint32(b, uint32(size)), 0, 0, 0, 0, 0x20, level))
	}
	extended := func(wide int) string {
		number := func(n int) string { return string(le.AppendUint32(nil, uint32(n))[:wide]) }
		parts := []string{"\x02" + strings.ReplaceAll(folder, "/", "\xff"), "\x01" + name}
		return number(len(parts[0])+wide) + parts[0] + number(len(parts[1])+wide) + parts[1] + number(0)
	}
	switch level {
	case 0:
		body := fixed(0) + string(byte(len(folder+name))) + folder + name + "cc"
		return string([]byte{byte(len(body)), 0}) + body + packed
	case 1:
		chain := extended(2)
		body := fixed(len(chain)-2) + "\x00cc" + "U" + chain[:2]
		return string([]byte{byte(len(body)), 0}) + body + chain[2:] + packed
	case 2:
		rest := fixed(0) + "cc" + "U" + extended(2)
		return string(le.AppendUint16(nil, uint16(len(rest)+2))) + rest + packed
	}
	rest := fixed(0) + "cc" + "U"
	chain := extended(4)
	return "\x04\x00" + rest + string(le.AppendUint32(nil, uint32(2+len(rest)+4+len(chain)))) + chain + packed
}

func TestArchivesOfLHA(t *testing.T) {
	t.Parallel()
	for level := range byte(4) {
		data := lhaOf(level, "lh0", "d/", "in.txt", "hello", 5) + lhaOf(level, "lhd", "e/", "", "", 0) + lhaOf(level, "lh1", "d/", "old.txt", "xxx", 9) + "\x00"
		if got := contents(t, "a.lzh", []byte(data)); len(got) != 1 || got["d/in.txt"] != "hello" {
			t.Errorf("level %d: %q", level, got)
		}
		r := inspect("a.lzh", []byte(data))
		if len(r.Files) != 3 || !r.Files[2].Unread || r.Files[2].Name != "d/old.txt" || !r.Has(attachment.NoteUnsupported) || len(r.Notes) != 1 {
			t.Errorf("level %d: %+v", level, r)
		}
		if r := inspect("a.lzh", []byte(lhaOf(level, "lh0", "", "a", "x", 1)+"noise")); !r.Has(attachment.NoteUnreadable) || len(r.Files) != 2 {
			t.Errorf("level %d: %+v", level, r)
		}
	}
	// Three matches of 47 blanks, which take no bits.
	if got := contents(t, "a.lzh", []byte(lhaOf(0, "lh5", "", "a", "\x00\x03\x00\x00\x12\xc0\x10", 141))); got["a"] != strings.Repeat(" ", 141) {
		t.Errorf("lh5: %q", got)
	}
}

func TestCalendarsInArchives(t *testing.T) {
	t.Parallel()
	const ics = "BEGIN:VCALENDAR\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nSUMMARY:Pay the invoice\r\nDESCRIPTION:at https://text.example/pay now\r\nURL:https://link.example/\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	r := inspect("a.zip", zipOf(t, "meeting.ics", ics))
	d := r.Files[1].Document
	if d == nil || !strings.Contains(d.Text, "Pay the invoice") || !slices.Equal(d.URLs, []string{"https://link.example/", "https://text.example/pay"}) {
		t.Errorf("%+v", d)
	}
	if attachment.Opens("ics") {
		t.Error("calendars of a message are opened twice")
	}
}

func FuzzOldArchives(f *testing.F) {
	for level := range byte(4) {
		f.Add([]byte(lhaOf(level, "lh0", "d/", "in.txt", "hello", 5)))
	}
	for _, s := range []string{
		cpioNew("a", 0o100644, "x"), cpioOld("a", 0o100644, "x"), string(rpmOf(gz([]byte(cpioNew("a", 0o100644, "x"))), 1024, "id")),
		string(cabFolders(15<<8|3, 1, lzxRaw("x"), 1)), string(lzwOf("text")), "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:x\r\n",
	} {
		f.Add([]byte(s))
	}
	l := attachment.DefaultLimits()
	l.Bytes, l.FileBytes, l.Memory = 4<<20, 1<<20, 4<<20
	f.Fuzz(func(t *testing.T, data []byte) {
		r := attachment.Inspect(t.Context(), attachment.Input{Data: data}, l)
		if r.Has(attachment.NotePanic) || bytes.Contains([]byte(r.Files[0].Name), []byte{0}) {
			t.Errorf("%+v", r.Notes)
		}
	})
}
