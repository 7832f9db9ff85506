package attachment_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/ulikunitz/xz/lzma"

	"outrider/internal/attachment"
	"outrider/internal/mailtest"
)

// lzipOf packs a member whose dictionary has the code.
func lzipOf(tb testing.TB, body string, dictionary byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := lzma.WriterConfig{DictCap: 1 << 16, EOSMarker: true}.NewWriter(&b)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write([]byte(body)); err != nil || w.Close() != nil {
		tb.Fatal(err)
	}
	out := append([]byte{'L', 'Z', 'I', 'P', 1, dictionary}, b.Bytes()[13:]...)
	return append(out, binary.LittleEndian.AppendUint64(nil, uint64(len(body)))...)
}

func TestLzip(t *testing.T) {
	t.Parallel()
	r := inspect("a.txt.lz", lzipOf(t, "the inner file", 16))
	if len(r.Files) != 2 || r.Files[1].Name != "a.txt" || r.Files[1].Size != 14 || len(r.Notes) > 0 {
		t.Errorf("%+v, %v", r.Files, r.Notes)
	}
	if r := inspect("a.lz", lzipOf(t, "x", 29)); !r.Has(attachment.NoteWindow) {
		t.Errorf("a dictionary of 512 MiB: %v", r.Notes)
	}
}

func TestOfficeBehindAPasswordIsOpened(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, path := range mailtest.Files(t, []string{"conformance/att_tika_archives_office"}, ".docx") {
		if filepath.Base(path) != "testWORD_protected_passtika.docx" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		r := inspect("a.docx", data, "tika")
		if f := r.Files[0]; f.Password != "tika" || !f.Encrypted || len(r.Files) < 2 || r.Files[1].Format != "docx" || r.Has(attachment.NotePassword) {
			t.Errorf("%+v, %v", r.Files, r.Notes)
		}
		if r := inspect("a.docx", data); !r.Has(attachment.NotePassword) {
			t.Errorf("without the password: %v", r.Notes)
		}
	}
	if seen == 0 {
		t.Error("the document is missing")
	}
}
