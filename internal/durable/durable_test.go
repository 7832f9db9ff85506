package durable_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"outrider/internal/durable"
)

// names lists a directory.
func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWriteGivesContentAndPermissions(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before string
		had    fs.FileMode // 0: there is no file
		mode   fs.FileMode
		after  string
	}{
		"a new file":                  {mode: 0o600, after: "new\n"},
		"a new file for all":          {mode: 0o666, after: "new\n"}, // whatever the umask
		"a longer one":                {before: "a longer content", had: 0o600, mode: 0o600, after: "new\n"},
		"permissions are widened":     {before: "old", had: 0o600, mode: 0o644, after: "new\n"},
		"permissions are narrowed":    {before: "old", had: 0o666, mode: 0o400, after: "new\n"},
		"a file that nobody may read": {before: "old", had: 0o200, mode: 0o600, after: ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			if tc.had != 0 {
				if err := errors.Join(os.WriteFile(path, []byte(tc.before), 0o600), os.Chmod(path, tc.had)); err != nil {
					t.Fatal(err)
				}
			}
			if err := durable.Write(path, []byte(tc.after), tc.mode); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != tc.after {
				t.Errorf("got %q, %v", got, err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != tc.mode {
				t.Errorf("got %v, %v", info.Mode(), err)
			}
			if left := names(t, filepath.Dir(path)); len(left) != 1 {
				t.Errorf("left over: %q", left)
			}
		})
	}
}

func TestFailedWriteLeavesAllAsItWas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "taken") // by a directory, which no file can replace
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.Write(path, []byte("new"), 0o600); err == nil {
		t.Error("a directory was replaced")
	}
	if err := durable.Write(filepath.Join(dir, "missing", "file"), []byte("new"), 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into no directory: %v", err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"taken"}) {
		t.Errorf("left over: %q", got)
	}
}

// A reader beside several writers sees the whole content of one of them, with its
// permissions, at every moment.
func TestReadersSeeOneWriteOrAnother(t *testing.T) {
	t.Parallel()
	const mode, writers, rounds = 0o640, 4, 60
	path := filepath.Join(t.TempDir(), "file")
	content := func(b byte) []byte { return bytes.Repeat([]byte{b}, 64<<10) }
	if err := durable.Write(path, content('0'), mode); err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for range rounds {
				if err := durable.Write(path, content('0'+byte(w)), mode); err != nil {
					t.Error(err)
				}
			}
		})
	}
	defer writing.Wait() // of a test that has failed
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		got := new(bytes.Buffer)
		_, copied := got.ReadFrom(f)
		if err := errors.Join(err, copied, f.Close()); err != nil {
			t.Fatal(err)
		}
		if got.Len() == 0 || !bytes.Equal(got.Bytes(), content(got.Bytes()[0])) || info.Mode().Perm() != mode {
			t.Fatalf("read %d bytes of more than one write, or with permissions %v", got.Len(), info.Mode())
		}
	}
	if left := names(t, filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left over: %q", left)
	}
}

func TestCleanRemovesWhatIsUnfinished(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "[a]") // no pattern, though it looks like one
	half := filepath.Join(dir, durable.Unfinished+"2")
	if err := errors.Join(os.MkdirAll(half, 0o700), os.WriteFile(filepath.Join(half, "file"), nil, 0o600),
		os.WriteFile(filepath.Join(dir, durable.Unfinished+"1"), nil, 0o600), os.WriteFile(filepath.Join(dir, "kept"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := durable.Clean(dir); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("left: %q", got)
	}
	if err := durable.Clean(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no directory: %v", err)
	}
}
