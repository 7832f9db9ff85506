package feed

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"outrider/internal/durable"
)

// maxStateFile bounds the small files of the store, in bytes.
const maxStateFile = 1 << 20

// writeJSON replaces a file atomically.
func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return durable.Write(path, append(raw, '\n'), 0o600)
}

// readJSON reads a small file.
func readJSON(path string, v any) error {
	raw, err := content(os.DirFS(filepath.Dir(path)), filepath.Base(path), maxStateFile)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("reading %s: %w", filepath.Base(path), err)
	}
	return nil
}

// syncTree syncs all files and directories below a directory.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return durable.Sync(p)
	})
}
