package file_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outrider/internal/mailbox/file"
)

const mbox = "From a@example.org Mon Jan  1 00:00:00 2024\nSubject: one\n\nbody\n>From here\n>>From there\n\nFrom b@example.org Mon Jan  1 00:00:00 2024\nSubject: two\n\nFrom is no separator here: the line before it is not the end\nnot\nFrom empty\n"

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func zipped(t *testing.T, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEveryKindOfFileIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a.eml", []byte("Subject: plain\n\nx"))
	write(t, dir, "b.mbox", []byte(mbox))
	write(t, dir, "c.mbox.gz", zipped(t, mbox))
	write(t, dir, "d/cur/1:2,S", []byte("Subject: cur\n\nx"))
	write(t, dir, "d/new/2", []byte("Subject: new\n\nx"))
	write(t, dir, "d/tmp/3", []byte("Subject: incomplete"))
	write(t, dir, "d/.Junk/cur/4", []byte("Subject: folder\n\nx"))
	write(t, dir, ".hidden", []byte("x"))
	var got []string
	for item, err := range file.Read(nil, dir) {
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(dir, item.Path)
		subject, _, _ := strings.Cut(string(item.Raw), "\n")
		got = append(got, rel+" "+subject)
	}
	want := []string{
		"a.eml Subject: plain", "b.mbox#1 Subject: one", "b.mbox#2 Subject: two", "c.mbox.gz#1 Subject: one", "c.mbox.gz#2 Subject: two",
		"d/.Junk/cur/4 Subject: folder", "d/cur/1:2,S Subject: cur", "d/new/2 Subject: new",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMboxQuotingIsUndone(t *testing.T) {
	t.Parallel()
	for item, err := range file.Read(strings.NewReader(mbox), "-") {
		if err != nil {
			t.Fatal(err)
		}
		if item.Path == "-#1" && !strings.HasSuffix(string(item.Raw), "body\nFrom here\n>From there\n") {
			t.Errorf("got %q", item.Raw)
		}
		if item.Path == "-#2" && !strings.Contains(string(item.Raw), "not\nFrom empty") {
			t.Errorf("a line in a paragraph was taken for a separator: %q", item.Raw)
		}
	}
}

func TestMissingFileIsAnErrorAndReadingGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a.eml", []byte("Subject: x\n\n"))
	var errs, items int
	for _, err := range file.Read(nil, filepath.Join(dir, "none"), filepath.Join(dir, "a.eml")) {
		if err != nil {
			errs++
		} else {
			items++
		}
	}
	if errs != 1 || items != 1 {
		t.Errorf("got %d errors and %d messages, want one each", errs, items)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(mbox))
	f.Add([]byte("From "))
	f.Add([]byte("From x\n\nFrom y\n\nFrom z"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		total := 0
		for item, err := range file.Read(bytes.NewReader(in), "-") {
			total += len(item.Raw)
			if err != nil {
				continue
			}
			if item.Path == "" {
				t.Error("a message without a path")
			}
		}
		if !bytes.HasPrefix(in, []byte("\x1f\x8b")) && total > len(in) {
			t.Errorf("%d bytes came out of %d", total, len(in))
		}
	})
}
