package main

import (
	"os"
	"path/filepath"
	"testing"

	"outrider/internal/mailtest"
)

func TestTableIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := table("..", filepath.Join(mailtest.Data(t, "sublime"), "sublime-rules", "detection-rules"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../../docs/message-data-model.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/message-data-model.md is not what the types say; run make docs")
	}
}
