package blob_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/store/blob"
)

func put(t *testing.T, d *blob.Disk, body string) string {
	t.Helper()
	id, err := d.Put(t.Context(), bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func read(t *testing.T, d *blob.Disk, id string) (string, error) {
	t.Helper()
	r, err := d.Open(t.Context(), id)
	if err != nil {
		return "", err
	}
	raw, err := io.ReadAll(r)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	return string(raw), err
}

func TestEqualBodiesAreKeptOnceAndReadBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := blob.NewDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	id := put(t, d, "body")
	if again := put(t, d, "body"); again != id {
		t.Errorf("equal bodies are %s and %s", id, again)
	}
	if got, err := read(t, d, id); err != nil || got != "body" {
		t.Errorf("got %q, %v", got, err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	if leftover, _ := filepath.Glob(filepath.Join(dir, "put-*")); len(files) != 1 || len(leftover) != 0 {
		t.Errorf("files %v, leftovers %v", files, leftover)
	}
	for range 2 {
		if err := d.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := read(t, d, id); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a deleted blob gives %v", err)
	}
}

func TestChangedBytesAreNoticed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := blob.NewDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	id := put(t, d, "body")
	if err := os.WriteFile(filepath.Join(dir, id[:2], id), []byte("Body"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, d, id); !errors.Is(err, blob.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

func TestNamesCannotLeaveTheDirectory(t *testing.T) {
	t.Parallel()
	d, err := blob.NewDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "../../etc/passwd", strings.Repeat("zz", 32), "ab"} {
		if _, err := d.Open(t.Context(), id); err == nil {
			t.Errorf("%q was opened", id)
		}
	}
}
