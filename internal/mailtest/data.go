package mailtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Data returns the path of a folder or file of the shared data, for example
// "mail/dev", or skips the test as Missing does.
func Data(tb testing.TB, name string) string {
	tb.Helper()
	for dir := "."; len(dir) < 30; dir = filepath.Join(dir, "..") {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			if dir == "." {
				dir = ""
			}
			continue
		}
		path := filepath.Join(dir, ".data", filepath.FromSlash(name))
		if _, err := os.Stat(path); err != nil {
			break
		}
		return path
	}
	Missing(tb, "shared data "+name+" (make data)")
	return ""
}
