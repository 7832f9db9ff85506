package yara

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Gather reads the rule files in a directory tree, ending in .yar or .yara, and returns the
// source of all that compile, in order of their paths. The error lists those that do not,
// each with its path; a feed with one rejected rule is still usable.
func Gather(tree fs.FS) (source string, err error) {
	var b strings.Builder
	var errs []error
	var names []string
	walked := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".yar", ".yara"}, path.Ext(name)) {
			return err
		}
		text, known, err := gathered(tree, name, names, maxSource-b.Len())
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			return nil
		}
		names = known
		b.WriteString(text + "\n")
		return nil
	})
	return b.String(), errors.Join(append(errs, walked)...)
}

// gathered reads one file, and returns the known rule names including its own.
func gathered(tree fs.FS, name string, names []string, room int) (string, []string, error) {
	info, err := fs.Stat(tree, name)
	if err != nil {
		return "", nil, fmt.Errorf("looking at rules: %w", err)
	}
	if info.Size() >= int64(room) {
		return "", nil, fmt.Errorf("rules of more than %d bytes together", maxSource)
	}
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return "", nil, fmt.Errorf("reading rules: %w", err)
	}
	rules, err := Compile(string(text))
	if err != nil {
		return "", nil, err
	}
	for _, r := range rules.rules {
		if slices.Contains(names, r.name) {
			return "", nil, fmt.Errorf("second rule %s", r.name)
		}
		names = append(names, r.name)
	}
	return string(text), names, nil
}
