package attachment_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outrider/internal/attachment"
)

// sevenZipLZMA2 is an archive of one LZMA2 coder, whose header claims to be longer than it is.
func sevenZipLZMA2(property byte, claimed uint64) []byte {
	header := []byte{1, 4, 6, 0, 1, 9, 5, 0, 7, 11, 1, 0, 1, 0x21, 0x21, 1, property, 12, 1, 0, 0, 5, 1, 17, 5, 0, 'a', 0, 0, 0, 0, 0}
	b := append([]byte("7z\xbc\xaf\x27\x1c\x00\x04"), make([]byte, 24)...)
	binary.LittleEndian.PutUint64(b[12:], 5)
	binary.LittleEndian.PutUint64(b[20:], claimed)
	binary.LittleEndian.PutUint32(b[28:], crc32.ChecksumIEEE(header))
	binary.LittleEndian.PutUint32(b[8:], crc32.ChecksumIEEE(b[12:32]))
	return append(append(b, "\x01\x00\x00x\x00"...), header...)
}

func TestDictionariesBehindHeadersThatClaimTooMuch(t *testing.T) {
	t.Parallel()
	for property := byte(34); property <= 40; property++ {
		for _, claimed := range []uint64{32, 200, 1 << 62, 1<<64 - 1} {
			if r := inspect("a.7z", sevenZipLZMA2(property, claimed)); !r.Has(attachment.NoteWindow) {
				t.Errorf("property %d, %d bytes claimed: %v", property, claimed, r.Notes)
			}
		}
	}
	if _, err := attachment.SevenZipAsks(sevenZipLZMA2(20, 200), 64<<20); err != nil {
		t.Errorf("a small dictionary: %v", err)
	}
}

func TestKeysOf7zThatTakeTooLong(t *testing.T) {
	t.Parallel()
	for coder, want := range map[string]bool{
		"\x24\x06\xf1\x07\x01\x02\x18\x00": true, "\x34\x06\xf1\x07\x01\x01\x01\x02\x15\x00": true, "\x24\x06\xf1\x07\x01\x80\x02\xd8\x00": true,
		"\x24\x06\xf1\x07\x01\x02\x13\x00": false, "\x24\x06\xf1\x07\x01\x02\x3f\x00": false,
	} {
		header := "\x01\x04\x06\x00\x01\x09\x10\x00\x07\x0b\x01\x00\x01" + coder + "\x0c\x10\x00\x00\x05\x01\x11\x05\x00a\x00\x00\x00\x00\x00"
		b := append([]byte("7z\xbc\xaf\x27\x1c\x00\x04"), make([]byte, 24)...)
		binary.LittleEndian.PutUint64(b[12:], 16)
		binary.LittleEndian.PutUint64(b[20:], uint64(len(header)))
		binary.LittleEndian.PutUint32(b[28:], crc32.ChecksumIEEE([]byte(header)))
		binary.LittleEndian.PutUint32(b[8:], crc32.ChecksumIEEE(b[12:32]))
		r := inspect("a.7z", append(append(b, make([]byte, 16)...), header...))
		if r.Has(attachment.NoteRounds) != want || !r.Files[0].Encrypted {
			t.Errorf("%q: %+v", coder, r.Notes)
		}
	}
}

// rarHeader writes a header of RAR 5 with its checksum.
func rarHeader(body string) string {
	body = string(binary.AppendUvarint(nil, uint64(len(body)))) + body
	return string(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body)))) + body
}

const rarMark = "Rar!\x1a\x07\x01\x00"

// rarKey is a record of a file that is encrypted, with 2^rounds rounds.
func rarKey(rounds byte, salt int) string {
	body := "\x01\x00\x00" + string(rounds) + fmt.Sprintf("%016d", salt) + strings.Repeat("v", 16)
	return string(binary.AppendUvarint(nil, uint64(len(body)))) + body
}

// rarFile writes a stored file with its records.
func rarFile(name, data string, records ...string) string {
	extra := strings.Join(records, "")
	number := func(n int) string { return string(binary.AppendUvarint(nil, uint64(n))) }
	return rarHeader("\x02\x03"+number(len(extra))+number(len(data))+"\x00"+number(len(data))+"\x00\x00\x00"+number(len(name))+name+extra) + data
}

// rarClosed encrypts headers as RAR 5 does.
func rarClosed(tb testing.TB, password string, rounds byte, headers ...string) []byte {
	tb.Helper()
	salt := strings.Repeat("s", 16)
	key, err := pbkdf2.Key(sha256.New, password, []byte(salt), 1<<rounds, 32)
	if err != nil {
		tb.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		tb.Fatal(err)
	}
	out := []byte(rarMark + rarHeader("\x04\x00\x00\x00"+string(rounds)+salt))
	for _, h := range headers {
		plain := append([]byte(h), make([]byte, (16-len(h)%16)%16)...)
		iv := bytes.Repeat([]byte("i"), 16)
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
		out = append(append(out, iv...), plain...)
	}
	return out
}

const (
	rarBegin = "\x01\x00\x00"
	rarLast  = "\x05\x00\x00"
)

func TestKeysOfRARThatTakeTooLong(t *testing.T) {
	t.Parallel()
	many := make([]string, 100)
	for k := range many {
		many[k] = rarKey(15, k)
	}
	begin, last := rarHeader(rarBegin), rarHeader(rarLast)
	locked := rarHeader("\x04\x00\x00\x00\x18" + strings.Repeat("s", 16))
	for name, data := range map[string][]byte{
		"headers":                []byte(rarMark + locked + strings.Repeat("x", 64)),
		"a file":                 []byte(rarMark + begin + rarFile("a", "x", rarKey(24, 1)) + last),
		"the second file":        []byte(rarMark + begin + rarFile("a", "x") + rarFile("b", "x", rarKey(20, 1)) + last),
		"many records":           []byte(rarMark + begin + rarFile("a", "x", many...) + last),
		"behind a false key":     []byte(rarMark + begin + rarHeader("\x04\x00\x00\x00\x01"+strings.Repeat("s", 16)) + rarFile("a", "x", rarKey(24, 1)) + last),
		"behind a wrong mark":    []byte("Rar!\x1a\x07\x07\x07" + rarMark + begin + rarFile("a", "x", rarKey(24, 1)) + last),
		"a file in closed names": rarClosed(t, "infected", 2, begin, rarFile("a", "", rarKey(24, 1)), last),
	} {
		t.Run(name, func(t *testing.T) {
			r := inspect("a.rar", data)
			if !r.Has(attachment.NoteRounds) || !r.Files[0].Encrypted {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestKeysOfRARThatAreFine(t *testing.T) {
	t.Parallel()
	begin, last := rarHeader(rarBegin), rarHeader(rarLast)
	data := rarClosed(t, "infected", 15, begin, rarFile("empty.txt", ""), last)
	if r := inspect("a.rar", data); len(r.Files) != 2 || r.Files[1].Name != "empty.txt" || len(r.Notes) > 0 {
		t.Errorf("%+v", r)
	}
	if r := inspect("a.rar", rarClosed(t, "nobody knows", 15, begin, last)); !r.Has(attachment.NotePassword) || !r.Files[0].Encrypted {
		t.Errorf("%+v", r)
	}
	plain := []byte(rarMark + begin + rarFile("a.txt", "hello") + last)
	if r := inspect("a.rar", plain); len(r.Files) != 2 || r.Files[1].Size != 5 || r.Files[0].Encrypted || len(r.Notes) > 0 {
		t.Errorf("%+v", r)
	}
}

// TestOldRARWithClosedNames: to a wrong password the headers of RAR 4 are noise.
func TestOldRARWithClosedNames(t *testing.T) {
	t.Parallel()
	paths := slices.DeleteFunc(corpus(t, "att_tika_archives_office"), func(p string) bool { return filepath.Base(p) != "test-documents-enc.rar" })
	if len(paths) == 0 {
		t.Fatal("no test-documents-enc.rar in the suite")
	}
	data, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	if r := inspect("a.rar", data); !r.Has(attachment.NotePassword) || r.Has(attachment.NoteUnreadable) || !r.Files[0].Encrypted {
		t.Errorf("%+v", r)
	}
}

func TestDictionariesOfRAR(t *testing.T) {
	t.Parallel()
	// A stored size of 1 TB, so that the dictionary of 4 GB is not cut to that of the file.
	file := "\x02\x02\x10\x00" + string(binary.AppendUvarint(nil, 1<<40)) + "\x00" + string(binary.AppendUvarint(nil, 15<<10|1<<7)) + "\x00\x01a"
	r := inspect("a.rar", []byte(rarMark+rarHeader(rarBegin)+rarHeader(file)+strings.Repeat("x", 16)+rarHeader(rarLast)))
	if !r.Has(attachment.NoteWindow) || r.Has(attachment.NoteUnreadable) {
		t.Errorf("%+v", r)
	}
}

// lockedZip has entries that say to be encrypted by WinZip and are noise.
func lockedZip(entries int) []byte {
	le := binary.LittleEndian
	var body, list []byte
	for k := range entries {
		name := fmt.Sprintf("%04d", k)
		fixed := []byte("\x14\x00\x01\x00\x63\x00\x00\x00\x21\x00\x00\x00\x00\x00\x28\x00\x00\x00\x0a\x00\x00\x00\x04\x00")
		list = append(append(list, "PK\x01\x02\x14\x00"...), fixed...)
		list = append(list, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		list = append(le.AppendUint32(list, uint32(len(body))), name+"\x01\x99\x07\x00\x02\x00AE\x03\x00\x00"...)
		body = append(append(append(body, "PK\x03\x04"...), fixed...), "\x00\x00"+name...)
		for j := range 40 {
			body = append(body, byte(k*7+j*13+k*j+3))
		}
	}
	end := append([]byte("PK\x05\x06\x00\x00\x00\x00"), le.AppendUint16(le.AppendUint16(nil, uint16(entries)), uint16(entries))...)
	end = append(le.AppendUint32(le.AppendUint32(end, uint32(len(list))), uint32(len(body))), 0, 0)
	return append(append(body, list...), end...)
}

func TestPasswordsAreNotTriedForEver(t *testing.T) {
	t.Parallel()
	r := inspect("a.zip", lockedZip(200))
	tried := 0
	for _, n := range r.Notes {
		if n.Kind == attachment.NotePassword {
			tried++
		}
	}
	if len(r.Files) != 201 || tried != 21 || !strings.Contains(r.Notes[len(r.Notes)-1].Detail, "180 more") {
		t.Errorf("%d files, %d notes, %+v", len(r.Files), tried, r.Notes[len(r.Notes)-1:])
	}
}

func TestManyLocalHeadersAreNoted(t *testing.T) {
	t.Parallel()
	one := "PK\x03\x04\x14\x00" + strings.Repeat("\x00", 20) + "\x02\x00\x00\x00a/"
	l := attachment.DefaultLimits()
	l.Entries = 10
	for n, want := range map[int]bool{10: false, 11: true} {
		r := attachment.Inspect(t.Context(), attachment.Input{Data: []byte(strings.Repeat(one, n))}, l)
		if r.Has(attachment.NoteEntries) != want {
			t.Errorf("%d headers: %+v", n, r.Notes)
		}
	}
}

func TestDocumentsThatAreCutSaySo(t *testing.T) {
	t.Parallel()
	long := "{\\rtf1 " + strings.Repeat("many words ", 30_000) + "}"
	notes := inspect("a.rtf", []byte(long)).Files[0].Document.Notes
	if strings.Join(notes, ",") != "over-limit" {
		t.Errorf("long text: %q", notes)
	}
	var links strings.Builder
	for k := range 300 {
		fmt.Fprintf(&links, "{\\field{\\*\\fldinst HYPERLINK \"http://host%d.example/\"}{\\fldrslt x}}", k)
	}
	d := inspect("a.rtf", []byte("{\\rtf1 "+links.String()+"}")).Files[0].Document
	if strings.Join(d.Notes, ",") != "over-limit" || len(d.URLs) != 200 {
		t.Errorf("many links: %d, %q", len(d.URLs), d.Notes)
	}
	if d := inspect("a.rtf", []byte("{\\rtf1 few words}")).Files[0].Document; len(d.Notes) > 0 {
		t.Errorf("few words: %q", d.Notes)
	}
}

func FuzzRARRounds(f *testing.F) {
	f.Add([]byte(rarMark+rarHeader(rarBegin)+rarFile("a", "x", rarKey(24, 1))+rarHeader(rarLast)), "")
	f.Add(rarClosed(f, "infected", 2, rarHeader(rarBegin), rarFile("a", "", rarKey(24, 1))), "infected")
	f.Fuzz(func(_ *testing.T, data []byte, password string) { _ = attachment.RARRounds(data, password) })
}
