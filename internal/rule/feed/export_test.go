package feed

import (
	"os"

	"outrider/internal/rule/syntax"
)

// Unpack unpacks an archive below a directory, and returns how many files it kept.
func Unpack(dir string, raw []byte) (files int, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	c := newCollector(root)
	err = unpack(c, raw)
	return len(c.sums), err
}

// Place turns a position in a source into one in its file.
func Place(raw []byte, source string, at syntax.Pos) (line, column int) {
	return place(raw, source, at)
}
