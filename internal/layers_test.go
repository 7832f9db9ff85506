package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers lists every package; one may import packages of lower layers only. The order
// is that of docs/architecture.md.
var layers = [][]string{
	{"address", "verdict", "config", "clock", "telemetry", "budget", "durable", "rule/syntax"},
	{"smtp", "dns", "tenant", "mailauth/dkim", "mailauth/spf", "mailauth/authres", "calendar", "egress"},
	{"event", "message", "policy", "markup", "mailauth/arc", "mailauth/dmarc", "mailauth/report", "attachment/pdf", "attachment/ole", "attachment/ooxml", "attachment/picture", "attachment/yara", "attachment/shortcut", "attachment/udf", "attachment/unpack", "attachment/disk", "attachment/page", "attachment/ocr", "attachment/clamav", "mtasts", "rdap"},
	{"attachment/rtf", "attachment/lnk", "attachment/scan", "mailauth/bimi", "quarantine", "observable", "mailauth", "smtpd", "relay", "spool", "history", "mailbox/file"},
	{"thread", "attachment", "message/report"},
	{"evidence/reading"},
	{"evidence/mdm"},
	{"evidence", "rule/result"},
	{"rule/schema"},
	{"rule/outcome"},
	{"rule"},
	{"signal", "detect", "rule/feed", "rule/example"},
	{"mailflow", "store", "store/blob"},
	{"app"},
}

// banned are imports that no package may have but those named, with the reason. Packages
// below them are banned too.
var banned = map[string]struct {
	reason string
	except []string
}{
	"net/http":                 {"all outward HTTP goes through egress; app and telemetry serve metrics", []string{"app", "telemetry", "egress"}},
	"os/exec":                  {"programs are started by attachment workers and crawl only", []string{"attachment", "attachment/ocr"}},
	"unsafe":                   {"hostile input and unsafe do not mix", nil},
	"database/sql":             {"the database belongs to store", []string{"store"}},
	"modernc.org/sqlite":       {"the database belongs to store", []string{"store"}},
	"github.com/miekg/dns":     {"the wire format of DNS belongs to dns", []string{"dns", "mailtest"}},
	"github.com/goccy/go-yaml": {"the configuration file belongs to config, the files of rules to rule/feed", []string{"config", "rule/feed"}},
	"github.com/go-git":        {"feeds of rules are fetched by rule/feed, without programs and through egress", []string{"rule/feed"}},
	"encoding/gob":             {"what is stored outlives the types of one version", nil},
	"reflect":                  {"say what you mean with types", []string{"config", "app"}},
}

const module = "outrider/internal/"

func layerOf(pkg string) int {
	return slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, pkg) })
}

// files calls f for every source file that is not a test.
func files(t *testing.T, f func(pkg, path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "testdata" {
			if err != nil {
				return err
			}
			return fs.SkipDir
		}
		pkg := filepath.ToSlash(filepath.Dir(path))
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || pkg == "." {
			return nil
		}
		f(pkg, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// imports calls f for every import of every file that is not a test.
func imports(t *testing.T, f func(pkg, file, imported string)) {
	t.Helper()
	files(t, func(pkg, path string) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			f(pkg, path, strings.Trim(i.Path.Value, `"`))
		}
	})
}

func TestPackagesImportLowerLayersOnly(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	imports(t, func(pkg, file, imported string) {
		seen[pkg] = true
		other, ours := strings.CutPrefix(imported, module)
		if !ours || pkg == "mailtest" || generator(pkg) {
			return
		}
		if layerOf(pkg) < 0 {
			t.Errorf("%s: package %s is in no layer; add it to layers and to docs/architecture.md", file, pkg)
		}
		if layerOf(other) < 0 || layerOf(other) >= layerOf(pkg) {
			t.Errorf("%s imports %s, which is not in a lower layer", file, other)
		}
	})
	for _, l := range layers {
		for _, pkg := range l {
			if !seen[pkg] {
				t.Errorf("package %s is listed and does not exist", pkg)
			}
		}
	}
}

// generator reports whether the package is a program that writes sources.
func generator(pkg string) bool {
	return strings.HasSuffix(pkg, "/gen") || strings.HasSuffix(pkg, "/fit")
}

func TestBannedImports(t *testing.T) {
	t.Parallel()
	imports(t, func(pkg, file, imported string) {
		for name, b := range banned {
			below := imported == name || strings.HasPrefix(imported, name+"/")
			if below && !slices.Contains(b.except, pkg) && pkg != "mailtest" && !generator(pkg) {
				t.Errorf("%s imports %s: %s", file, imported, b.reason)
			}
		}
	})
}

func TestEveryPackageHasADoc(t *testing.T) {
	t.Parallel()
	docs := map[string]bool{}
	files(t, func(pkg, file string) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		docs[pkg] = docs[pkg] || f.Doc != nil
	})
	for pkg, ok := range docs {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}
