package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"outrider/internal/mailtest"
)

// cited finds citations such as "RFC 5321", and those of lists such as "RFC 2045 to 2047".
var cited = regexp.MustCompile(`RFC (\d{3,5})`)

func TestCitedStandardsAreInTheTable(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("../docs/standards.md")
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]string{}
	files(t, func(_, path string) {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range cited.FindAllStringSubmatch(string(source), -1) {
			if !strings.Contains(string(table), "| RFC "+m[1]+" |") {
				missing[m[1]] = path
			}
		}
	})
	for rfc, path := range missing {
		t.Errorf("RFC %s, cited in %s, is missing in docs/standards.md", rfc, path)
	}
}

func TestArchitectureNamesEveryPackage(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		for _, pkg := range l {
			if !strings.Contains(string(doc), "`"+pkg+"`") {
				t.Errorf("package %s is missing in docs/architecture.md", pkg)
			}
		}
	}
}

// conformance reads the table of suites.
func conformance(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// tested finds, at the end of a row, a package and the name of a test in it.
var tested = regexp.MustCompile("(?m)\\| `([a-z0-9/]+)` (Test[A-Za-z0-9]+) \\|$")

func TestConformanceNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	rows := tested.FindAllStringSubmatch(conformance(t), -1)
	for _, row := range rows {
		files, err := filepath.Glob(filepath.Join(filepath.FromSlash(row[1]), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(source), "func "+row[2]+"(t *testing.T)")
		}
		if !found {
			t.Errorf("docs/conformance.md names %s of %s, which does not exist", row[2], row[1])
		}
	}
	if len(rows) < 40 {
		t.Errorf("%d rows name a test", len(rows))
	}
}

// What is said to be not run is not run, and every other suite is in the table.
func TestConformanceNamesEverySuite(t *testing.T) {
	t.Parallel()
	run, unread, ok := strings.Cut(conformance(t), "## Given, and not run")
	if !ok {
		t.Fatal("docs/conformance.md does not say what is not run")
	}
	suites, err := os.ReadDir(mailtest.Data(t, "conformance"))
	if err != nil {
		t.Fatal(err)
	}
	sources := testSources(t)
	for _, s := range suites {
		name := s.Name()
		reads := strings.Contains(sources, name) || strings.HasPrefix(name, "mime_") && strings.Contains(sources, `"mime_*"`)
		if reads != strings.Contains(run, "`"+name+"`") || reads == strings.Contains(unread, "`"+name+"`") && name != "spf_openspf" {
			t.Errorf("tests read %s: %v, and docs/conformance.md says otherwise or nothing", name, reads)
		}
	}
}

// testSources returns the text of all tests but this one.
func testSources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") || path == "docs_test.go" {
			return err
		}
		source, err := os.ReadFile(path)
		all.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
