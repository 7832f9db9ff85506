package feed

import (
	"os"

	"outrider/internal/rule/schema"
	"outrider/internal/rule/syntax"
)

// CanFire reports whether a source can be true with some capabilities and lists.
func CanFire(source string, have schema.Capability, lists func(string) bool) (bool, error) {
	e, err := syntax.Parse(source)
	if err != nil {
		return false, err
	}
	c := newCoverage(lists)
	return c.canFire(e.Root, have), nil
}

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
