package main

import (
	"os"
	"testing"
)

func TestPageIsUpToDate(t *testing.T) {
	t.Parallel()
	letter, err := os.ReadFile("../testdata/letter.eml")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("../../../docs/rule-language.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(raw) != page(string(letter)) {
		t.Error("docs/rule-language.md is out of date: run make docs")
	}
}
