package mailtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// Files returns the paths of the files of some folders of the shared data whose names
// have one of the extensions, or all where there are none. It skips as Data does.
func Files(tb testing.TB, folders []string, extensions ...string) []string {
	tb.Helper()
	var paths []string
	for _, folder := range folders {
		root, err := filepath.EvalSymlinks(Data(tb, folder))
		if err != nil {
			tb.Fatalf("finding %s: %v", folder, err)
		}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (len(extensions) == 0 || slices.Contains(extensions, filepath.Ext(path))) {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			tb.Fatalf("reading %s: %v", folder, err)
		}
	}
	return paths
}
