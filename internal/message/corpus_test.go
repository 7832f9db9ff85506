package message_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"outrider/internal/budget"
	"outrider/internal/mailtest"
	"outrider/internal/message"
)

// eachFile calls f with each file below root, which may be a link.
func eachFile(tb testing.TB, root string, f func(path string, raw []byte)) {
	tb.Helper()
	err := filepath.WalkDir(root+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			f(path, raw)
		}
		return err
	})
	if err != nil {
		tb.Fatalf("reading corpus %s: %v", root, err)
	}
}

// TestParseHoldsItsPromisesOnRealMail parses everything that the shared corpora
// have, broken mail and files that are no mail included.
func TestParseHoldsItsPromisesOnRealMail(t *testing.T) {
	t.Parallel()
	data := filepath.Join("..", "..", ".data")
	roots := []string{filepath.Join(data, "mail", "train"), filepath.Join(data, "mail", "dev")}
	suites, err := filepath.Glob(filepath.Join(data, "conformance", "mime_*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range append(roots, suites...) {
		t.Run(filepath.Base(root), func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
				mailtest.Missing(t, "the shared corpus (make data)")
			}
			n := 0
			eachFile(t, root, func(path string, raw []byte) {
				n++
				b := budget.New(budget.Default())
				m := message.Parse(raw, b)
				checkMessage(t, raw, m)
				checkWork(t, raw, m, b)
				if t.Failed() {
					t.Fatalf("in %s", path)
				}
			})
			t.Logf("%d files", n)
			if n == 0 {
				t.Fatal("no files")
			}
		})
	}
}
