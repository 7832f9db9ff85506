package syntax_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"outrider/internal/rule/syntax"
)

var update = flag.Bool("update", false, "write the expectations of testdata/format.txtar anew")

func TestFormat(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/format.txtar")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range archive.Files {
		want[f.Name] = string(f.Data)
	}
	written := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		name, ok := strings.CutSuffix(f.Name, ".in")
		if !ok {
			continue
		}
		e, err := syntax.Parse(string(f.Data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := syntax.Format(e)
		written.Files = append(written.Files, f, txtar.File{Name: name + ".out", Data: []byte(got)})
		if diff := cmp.Diff(want[name+".out"], got); diff != "" && !*update {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		checkFormat(t, e)
	}
	if *update {
		if err := os.WriteFile("testdata/format.txtar", txtar.Format(written), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
