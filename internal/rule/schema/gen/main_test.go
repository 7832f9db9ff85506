package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFieldsAreUpToDate(t *testing.T) {
	t.Parallel()
	root := rootOf(".")
	for _, s := range sources {
		want, err := generate(root, s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root, s.file()))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is out of date: run make docs", s.file())
		}
	}
}
