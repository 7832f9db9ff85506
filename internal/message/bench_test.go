package message_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jhillyerd/enmime/v2"

	"outrider/internal/message"
)

// benchCorpus reads the development mail, the same for all parsers.
func benchCorpus(b *testing.B) (mails [][]byte, size int64) {
	b.Helper()
	root := filepath.Join("..", "..", ".data", "mail", "dev")
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		b.Skip("the shared mail corpus is not unpacked: run make data")
	}
	eachFile(b, root, func(_ string, raw []byte) {
		mails = append(mails, raw)
		size += int64(len(raw))
	})
	return mails, size
}

// BenchmarkParse reads the corpus, decodes the text of each message and every other
// leaf, as the peers below do.
func BenchmarkParse(b *testing.B) {
	mails, size := benchCorpus(b)
	b.Run("outrider", func(b *testing.B) { benchParser(b, mails, size, parseOurs) })
	b.Run("outrider-structure", func(b *testing.B) { benchParser(b, mails, size, parseStructure) })
	b.Run("enmime", func(b *testing.B) { benchParser(b, mails, size, parseEnmime) })
	b.Run("stdlib", func(b *testing.B) { benchParser(b, mails, size, parseStd(false)) })
	b.Run("stdlib-decoded", func(b *testing.B) { benchParser(b, mails, size, parseStd(true)) })
}

func benchParser(b *testing.B, mails [][]byte, size int64, parse func([]byte) error) {
	b.Helper()
	b.SetBytes(size)
	b.ReportAllocs()
	failed := 0
	for b.Loop() {
		failed = 0
		for _, raw := range mails {
			if parse(raw) != nil {
				failed++
			}
		}
	}
	b.ReportMetric(float64(failed), "failed")
	b.ReportMetric(float64(len(mails))*float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

func parseOurs(raw []byte) error {
	m := message.Parse(raw, nil)
	_ = m.Subject()
	for _, p := range m.Parts {
		_, _ = p.Decoded(), p.Text()
	}
	return nil
}

func parseStructure(raw []byte) error {
	message.Parse(raw, nil)
	return nil
}

func parseEnmime(raw []byte) error {
	_, err := enmime.ReadEnvelope(bytes.NewReader(raw))
	return err
}

// parseStd parses a message as far as the standard library can: header, parts, and
// quoted-printable, which it decodes automatically. With decode, base64 as well.
func parseStd(decode bool) func(raw []byte) error {
	return func(raw []byte) error {
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			return err
		}
		return readStd(m.Header, m.Body, decode)
	}
}

func readStd(header interface{ Get(key string) string }, body io.Reader, decode bool) error {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" || !strings.HasPrefix(kind, "multipart/") {
		if decode && strings.EqualFold(header.Get("Content-Transfer-Encoding"), "base64") {
			body = base64.NewDecoder(base64.StdEncoding, body)
		}
		_, err = io.ReadAll(body)
		return err
	}
	r := multipart.NewReader(body, params["boundary"])
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := readStd(p.Header, p, decode); err != nil {
			return err
		}
	}
}
