package internal_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
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
