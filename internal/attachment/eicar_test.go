package attachment_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/attachment"
	"outrider/internal/mailtest"
)

// The suite hides the EICAR test file, or the command that writes it, in documents of all
// kinds. It must be found in the bytes of a file, or in a script or action.
func TestEICARIsFoundInEveryCarrier(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(mailtest.Data(t, "conformance"), "att_eicar_office")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || !strings.HasPrefix(e.Name(), "eicar") {
			continue
		}
		var where []string
		see := func(f *attachment.File, b []byte) {
			if bytes.Contains(b, []byte("EICAR-STANDARD")) {
				where = append(where, "bytes of "+f.Name)
			}
		}
		r := attachment.Walk(t.Context(), attachment.Input{Name: e.Name(), Data: data}, attachment.DefaultLimits(), see)
		for i := range r.Files {
			if d := r.Files[i].Document; d != nil {
				where = append(where, carriers(d)...)
			}
		}
		if len(where) == 0 {
			t.Errorf("%s: nothing found (%+v)", e.Name(), r.Files[0].Document)
			continue
		}
		found++
		t.Logf("%s: %.150s", e.Name(), strings.Join(where, "; "))
	}
	t.Logf("%d carriers", found)
	if found < 26 {
		t.Errorf("%d carriers", found)
	}
}

// carriers returns what runs in a document, or happens by itself.
func carriers(d *attachment.Document) []string {
	var out []string
	for _, s := range d.Scripts {
		out = append(out, "script "+s)
	}
	return append(out, d.Actions...)
}
