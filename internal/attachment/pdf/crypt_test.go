package pdf_test

import (
	"crypto/md5"
	"crypto/rc4"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/attachment/pdf"
)

const pad = "\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A"

func crypt(key, in []byte) []byte {
	c, _ := rc4.NewCipher(key)
	out := make([]byte, len(in))
	c.XORKeyStream(out, in)
	return out
}

// encrypted writes a document with an encrypted link by RC4 of revision 2 or 3.
func encrypted(revision int) string {
	owner := make([]byte, 32)
	sum := md5.Sum(append(append([]byte(pad), owner...), 0xFC, 0xFF, 0xFF, 0xFF, 'i', 'd'))
	size := 5
	if revision == 3 {
		size = 16
		for range 50 {
			sum = md5.Sum(sum[:])
		}
	}
	key := sum[:size]
	user := crypt(key, []byte(pad))
	if revision == 3 {
		h := md5.Sum([]byte(pad + "id"))
		user = h[:]
		for i := range 20 {
			round := make([]byte, size)
			for j := range round {
				round[j] = key[j] ^ byte(i)
			}
			user = crypt(round, user)
		}
		user = append(user, make([]byte, 16)...)
	}
	object := md5.Sum(append(append([]byte{}, key...), 7, 0, 0, 0, 0))
	link := crypt(object[:min(size+5, 16)], []byte("http://secret"))
	return fmt.Sprintf("%s7 0 obj <</S/URI/URI<%x>>> endobj\n6 0 obj <</Filter/Standard/V %d/R %d/Length %d/P -4/O<%x>/U<%x>>> endobj\n"+
		"trailer <</Root 1 0 R/Encrypt 6 0 R/ID[<6964><6964>]>>\n%%%%EOF", shell, link, revision-1, revision, size*8, owner, user)
}

func TestEmptyPassword(t *testing.T) {
	for _, revision := range []int{2, 3} {
		d := read(encrypted(revision))
		if !d.Encrypted || len(d.URIs) != 1 || d.URIs[0] != "http://secret" {
			t.Errorf("revision %d: encrypted %v, links %q, notes %v", revision, d.Encrypted, d.URIs, d.Notes)
		}
	}
}

// TestPassword opens documents of the corpus: RC4 of revision 4, and AES of revision 6.
func TestPassword(t *testing.T) {
	passwords := map[string]string{
		"testPassword4Spaces.pdf": "    ",
		"testUnicodePassword.pdf": "  ! < > \" \\ € œ ¤ 1\u20444 1\u20442 \U0002070E \U00029D98 \U0001F600  ",
	}
	for _, path := range corpus(t) {
		password, ok := passwords[filepath.Base(path)]
		if !ok {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d := pdf.Open(data, pdf.DefaultLimits(), "wrong", password)
		if d.Password != password || !strings.Contains(d.Text, "some text") || d.Info.Creator == "" {
			t.Errorf("%s: password %q, text %q, info %+v, notes %v", path, d.Password, d.Text, d.Info, d.Notes)
		}
	}
}
