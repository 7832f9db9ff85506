package app_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/app"
)

func TestSecretIsMadeOnceAndWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "edge.id")
	raw, err := app.Secret(path, 8)
	if err != nil || len(raw) != 8 {
		t.Fatalf("got %x, %v", raw, err)
	}
	again, err := app.Secret(path, 8)
	if err != nil || string(again) != string(raw) {
		t.Errorf("the second time: %x, want %x, %v", again, raw, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("left over: %v", files)
	}
}

func TestDamagedSecret(t *testing.T) {
	t.Parallel()
	whole := strings.Repeat("ab", 8)
	for name, tc := range map[string]struct {
		text  string
		spool bool
		want  string // "same", "new" or "error"
	}{
		"whole":                        {whole + "\n", false, "same"},
		"whole with a spool":           {whole, true, "same"},
		"empty at the first start":     {"", false, "new"},
		"short at the first start":     {"abab", false, "new"},
		"odd at the first start":       {"aba", false, "new"},
		"empty with a spool":           {"", true, "error"},
		"short with a spool":           {"abab", true, "error"},
		"no hex":                       {strings.Repeat("zz", 8), false, "error"},
		"longer than it can have been": {whole + whole, false, "error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := write(t, filepath.Join(dir, "edge.id"), tc.text)
			write(t, filepath.Join(dir, "unfinished-1"), "left over by a crash")
			if tc.spool {
				if err := os.Mkdir(filepath.Join(dir, "spool"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			raw, err := app.Secret(path, 8)
			got := "new"
			switch {
			case err != nil:
				got = "error"
			case hex.EncodeToString(raw) == whole:
				got = "same"
			}
			if got != tc.want || err != nil && !strings.Contains(err.Error(), "edge.id: damaged") {
				t.Fatalf("got %s, want %s: %v", got, tc.want, err)
			}
			kept, err := os.ReadFile(path)
			if err != nil || got == "new" && string(kept) != hex.EncodeToString(raw)+"\n" || got != "new" && string(kept) != tc.text {
				t.Errorf("the file holds %q, %v", kept, err)
			}
			if _, err := os.Stat(filepath.Join(dir, "unfinished-1")); os.IsNotExist(err) != (got == "new") {
				t.Errorf("what a crash left: %v", err)
			}
		})
	}
}
