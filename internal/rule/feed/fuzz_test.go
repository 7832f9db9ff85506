package feed_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/rule"
	"outrider/internal/rule/feed"
	"outrider/internal/rule/syntax"
)

// FuzzParse reads hostile YAML: a rule can be checked, its faults have a place in the file,
// and formatting keeps the meaning and is stable.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		ruleFile(1, "type.inbound and any(body.links, .href_url.domain.domain in $colours)"),
		"source: true\n", "source: |\n  a and\n  b\nid: x", "source: |-\r\n  a\r\n\r\n", "source: >\n  a\n  b", "type: rule\n", "a: &a [*a, *a]\n",
		"source: |\n   a\n  b\n", "source: |2\n   a", "x: |\n  source: |\n    a\nsource: |\n  b\n", "source: \"a\\nb\"", "source: |\n\ta\n", "source: !!binary YQ==",
	} {
		f.Add([]byte(seed))
	}
	s := rule.NewSchema()
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := feed.Parse(raw)
		if err != nil || r == nil {
			return
		}
		if _, err := rule.Analyze(s, r); err != nil {
			at := syntax.Pos{Line: 1, Column: 1}
			if e, ok := errors.AsType[*syntax.Error](err); ok {
				at = e.At
			}
			if line, column := feed.Place(raw, r.Source, at); line < 1 || column < 1 || line > bytes.Count(raw, []byte{'\n'})+1+len(r.Source) {
				t.Errorf("fault at %d:%d of %q", line, column, raw)
			}
		}
		out, err := feed.Format("x", raw)
		if err != nil {
			return
		}
		if again, err := feed.Format("x", out); err != nil || !bytes.Equal(again, out) {
			t.Errorf("formatted %q, then %q, %v", out, again, err)
		}
	})
}

// FuzzArchive unpacks hostile archives: whatever is taken stays below its directory.
func FuzzArchive(f *testing.F) {
	for _, pack := range packers {
		f.Add(pack(f, items(small)))
	}
	f.Add(zipOf(f, []item{{name: "../a.yml", text: "x"}}))
	f.Add([]byte("PK\x05\x06"))
	f.Add([]byte{0x1f, 0x8b})
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Fuzz(func(t *testing.T, raw []byte) {
		outside := t.TempDir()
		dir := filepath.Join(outside, "a", "b")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		files, err := feed.Unpack(dir, raw)
		found := 0
		walked := filepath.WalkDir(outside, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				if found++; !d.Type().IsRegular() || !strings.HasPrefix(p, dir+string(filepath.Separator)) {
					t.Errorf("wrote %s", p)
				}
			}
			return err
		})
		if walked != nil || err == nil && found != files {
			t.Errorf("%d files for %d, %v", found, files, walked)
		}
	})
}
