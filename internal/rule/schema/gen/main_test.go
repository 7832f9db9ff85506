package main

import (
	"os"
	"testing"
)

func TestFieldsAreUpToDate(t *testing.T) {
	t.Parallel()
	want, err := generate("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../fields.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("schema/fields.go is out of date: run make docs")
	}
}
