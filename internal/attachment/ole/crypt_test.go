package ole_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"outrider/internal/attachment/ole"
	"outrider/internal/mailtest"
)

const salt = "0123456789abcdef"

// rc4Stream returns the header of a stream and what encrypts its blocks.
func rc4Stream(password string, api bool) (header string, crypt func(b []byte, block int) []byte) {
	var key func(n int) []byte
	if api {
		base := sha1.Sum([]byte(salt + wide(password)))
		key = func(n int) []byte {
			sum := sha1.Sum([]byte(string(base[:]) + n32(n)))
			return sum[:16]
		}
	} else {
		sum := md5.Sum([]byte(wide(password)))
		base := md5.Sum(bytes.Repeat([]byte(string(sum[:5])+salt), 16))
		key = func(n int) []byte {
			sum := md5.Sum([]byte(string(base[:5]) + n32(n)))
			return sum[:]
		}
	}
	crypt = func(b []byte, block int) []byte {
		out := make([]byte, len(b))
		for at := 0; at < len(b); at += block {
			c, _ := rc4.NewCipher(key(at / block))
			c.XORKeyStream(out[at:min(at+block, len(b))], b[at:min(at+block, len(b))])
		}
		return out
	}
	verifier := "the verifier is "
	if api {
		sum := sha1.Sum([]byte(verifier))
		v := crypt([]byte(verifier+string(sum[:])), 512)
		info := n32(4) + n32(0) + n32(0x6801) + n32(0x8004) + n32(128) + n32(1) + n32(0) + n32(0)
		return n16(2) + n16(2) + n32(4) + n32(len(info)) + info + n32(16) + salt + string(v[:16]) + n32(20) + string(v[16:]), crypt
	}
	sum := md5.Sum([]byte(verifier))
	return n16(1) + n16(1) + salt + string(crypt([]byte(verifier+string(sum[:])), 512)), crypt
}

// lockedWorkbook encrypts a workbook with one label.
func lockedWorkbook(password string, api bool) []file {
	header, crypt := rc4Stream(password, api)
	begin := biff(0x809, n16(0x600)+n16(5)+strings.Repeat("\x00", 12)) + biff(0x2F, n16(1)+header)
	label := biff(0x204, n32(0)+n16(0)+n16(5)+"\x00label")
	plain := []byte(begin + strings.Repeat(biff(0x3D, strings.Repeat("x", 600)), 3) + label)
	out := crypt(plain, 1024)
	copy(out, begin)
	for pos := len(begin); pos < len(plain); pos += 4 + int(binary.LittleEndian.Uint16(plain[pos+2:])) {
		copy(out[pos:pos+4], plain[pos:])
	}
	return []file{{"Workbook", string(out)}}
}

func lockedDocument(password string, api bool) []file {
	header, crypt := rc4Stream(password, api)
	files := wordFiles(part{"a secret text", false})
	main := []byte(files[0].data)
	main[11] |= 1
	binary.LittleEndian.PutUint32(main[14:], uint32(len(header)))
	table := append([]byte(header), files[1].data...)
	pair := 32 + 2 + 28 + 2 + 88 + 2 + 8*33
	binary.LittleEndian.PutUint32(main[pair:], uint32(len(header)))
	locked := crypt(main, 512)
	copy(locked, main[:68])
	lockedTable := crypt(table, 512)
	copy(lockedTable, header)
	return []file{{"WordDocument", string(locked)}, {"1Table", string(lockedTable)}}
}

// agile encrypts a package as Office does, with few rounds.
func agile(password, body string, rounds int) []file {
	hash := func(parts ...string) string {
		sum := sha512.Sum512([]byte(strings.Join(parts, "")))
		return string(sum[:])
	}
	cbc := func(key, iv, plain string) string {
		c, _ := aes.NewCipher([]byte(key))
		b := []byte(plain + strings.Repeat("\x00", (16-len(plain)%16)%16))
		cipher.NewCBCEncrypter(c, []byte(iv)).CryptBlocks(b, b)
		return string(b)
	}
	base := hash(salt, wide(password))
	for k := range min(rounds, 100) {
		base = hash(n32(k), base)
	}
	seal := func(block, plain string) string {
		return base64.StdEncoding.EncodeToString([]byte(cbc(hash(base, block)[:32], salt, plain)))
	}
	verifier, key := "verifier of 16 b", strings.Repeat("k", 32)
	info := fmt.Sprintf(`<encryption xmlns="e" xmlns:p="p"><keyData saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512" saltValue="%[1]s"/>`+
		`<keyEncryptors><keyEncryptor uri="p"><p:encryptedKey spinCount="%[2]d" saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512" saltValue="%[1]s" encryptedVerifierHashInput="%[3]s" encryptedVerifierHashValue="%[4]s" encryptedKeyValue="%[5]s"/></keyEncryptor></keyEncryptors></encryption>`,
		base64.StdEncoding.EncodeToString([]byte(salt)), rounds, seal("\xFE\xA7\xD2\x76\x3B\x4B\x9E\x79", verifier), seal("\xD7\xAA\x0F\x6D\x30\x61\x34\x4E", hash(verifier)), seal("\x14\x6E\x0B\xE7\xAB\xAC\xD0\xD6", key))
	packed := n32(len(body)) + n32(0)
	for k := 0; k*4096 < len(body); k++ {
		packed += cbc(key, hash(salt, n32(k))[:16], body[k*4096:min(len(body), k*4096+4096)])
	}
	return []file{{"EncryptionInfo", n16(4) + n16(4) + n32(0x40) + info}, {"EncryptedPackage", packed}}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("the package ", 500)
	for _, tt := range []struct {
		name  string
		files []file
		want  string
		opens bool
	}{
		{"a workbook of 40 bits", lockedWorkbook("right", false), "label\n", true},
		{"a workbook of the CryptoAPI", lockedWorkbook("right", true), "label\n", true},
		{"a workbook that opens by itself", lockedWorkbook("VelvetSweatshop", false), "label\n", true},
		{"a workbook with another password", lockedWorkbook("other", false), "", false},
		{"a document of 40 bits", lockedDocument("right", false), "a secret text\n", true},
		{"a document of the CryptoAPI", lockedDocument("right", true), "a secret text\n", true},
		{"a document with another password", lockedDocument("other", true), "", false},
		{"a package", agile("right", body, 50), body, true},
		{"a package with another password", agile("other", body, 50), "", false},
	} {
		d := ole.Read(build(tt.files...), ole.DefaultLimits(), "wrong", "right")
		if got := d.Text + string(d.Package); got != tt.want || !d.Encrypted || (d.Password != "") != tt.opens {
			t.Errorf("%s: %.40q, password %q", tt.name, got, d.Password)
		}
	}
}

// The passwords of the documents of the suite are in their names, or Office's defaults.
func TestPasswordsOfTheSuite(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"testWORD_protected_passtika.doc": "tika", "testWORD_protected_passtika.docx": "tika", "testEXCEL_protected_passtika.xls": "tika",
		"testEXCEL_protected_passtika.xlsx": "tika", "testPPT_protected_passtika.pptx": "tika", "password.xls": "password",
		"protectedFile.xlsx": "VelvetSweatshop", "protected_normal_case.docx": "password",
	}
	seen := 0
	for _, path := range corpus(t) {
		password, ok := want[filepath.Base(path)]
		if !ok {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		d := ole.Read(data, ole.DefaultLimits(), "wrong", "tika", "password")
		if d.Password != password || d.Text == "" && !bytes.HasPrefix(d.Package, []byte("PK\x03\x04")) {
			t.Errorf("%s: password %q, text %.20q, %d bytes of package", path, d.Password, d.Text, len(d.Package))
		}
	}
	if seen < len(want) {
		t.Errorf("%d of %d documents", seen, len(want))
	}
}

// TestRoundsAreBounded requires a result for a document with ten million rounds.
func TestRoundsAreBounded(t *testing.T) {
	t.Parallel()
	data := build(agile("right", "body", 10_000_000)...)
	var d *ole.Document
	took := mailtest.Spent(t, func() { d = ole.Read(data, ole.DefaultLimits(), "a", "b", "c") })
	if took > 5*time.Second || !slices.Contains(d.Notes, ole.OverLimit) {
		t.Errorf("%v, notes %v", took, d.Notes)
	}
}

func FuzzPasswords(f *testing.F) {
	for _, files := range [][]file{lockedWorkbook("right", false), lockedWorkbook("right", true), lockedDocument("right", false), lockedDocument("right", true), agile("right", "body", 2)} {
		second := ""
		if len(files) > 1 {
			second = files[1].data
		}
		f.Add([]byte(files[0].data), []byte(second))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		if len(first)+len(second) > 48<<10 || bytes.Contains(first, []byte("spinCount=\"")) && !bytes.Contains(first, []byte("spinCount=\"2\"")) {
			return
		}
		for _, names := range [][2]string{{"Workbook", "x"}, {"WordDocument", "1Table"}, {"EncryptionInfo", "EncryptedPackage"}} {
			d := ole.Read(build(file{names[0], string(first)}, file{names[1], string(second)}), ole.DefaultLimits(), "right")
			if len(d.Package) > len(second)+4096 {
				t.Errorf("%d bytes of package", len(d.Package))
			}
		}
	})
}
