package app_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"outrider/internal/app"
	"outrider/internal/config"
)

// pages are the documents that people read, by name.
func pages(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(paths) < 10 {
		t.Fatalf("found %d documents: %v", len(paths), err)
	}
	out := make(map[string]string)
	for _, p := range append(paths, "../../README.md", "../../CONTRIBUTING.md") {
		raw, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(p)] = string(raw)
	}
	return out
}

// commandInDocs matches a call of the program at the beginning of a code span or of a line of a code block.
var commandInDocs = regexp.MustCompile("(?m)(?:`|^\\s*(?:\\$ )?(?:bin/|\\./bin/)?)outrider ([a-z]+)((?: [a-z]+)?)")

// TestDocsNameCommandsThatExist asks for the help of every command in the documents.
func TestDocsNameCommandsThatExist(t *testing.T) {
	t.Parallel()
	known := map[string]string{} // help by command
	help := func(args ...string) (string, bool) {
		key := strings.Join(args, " ")
		if h, ok := known[key]; ok {
			return h, h != ""
		}
		var out bytes.Buffer
		if app.Main(t.Context(), append(args, "--help"), &out, io.Discard) == 0 {
			known[key] = out.String()
		} else {
			known[key] = ""
		}
		return known[key], known[key] != ""
	}
	n := 0
	for name, text := range pages(t) {
		for _, m := range commandInDocs.FindAllStringSubmatch(text, -1) {
			n++
			top, ok := help(m[1])
			if !ok {
				t.Errorf("%s: there is no command %q", name, m[1])
				continue
			}
			if sub := strings.TrimSpace(m[2]); sub != "" && strings.Contains(top, "<command>") {
				if _, ok := help(m[1], sub); !ok {
					t.Errorf("%s: there is no command %q", name, m[1]+" "+sub)
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("found %d commands only", n)
	}
}

// TestDocsNameSettingsThatExist looks up every dotted name that begins like a setting.
func TestDocsNameSettingsThatExist(t *testing.T) {
	t.Parallel()
	manual, err := config.Reference("markdown")
	if err != nil {
		t.Fatal(err)
	}
	var settings []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(manual, -1) {
		settings = append(settings, strings.ReplaceAll(m[1], "[]", ""))
	}
	n := 0
	for name, text := range pages(t) {
		for _, m := range regexp.MustCompile("`(smtp|tls|dns|auth|relay|spool|rules|detection|attachments|revisit|quarantine|retention|listen|log)\\.([a-z_]+(?:\\.[a-z_]+)*)`").FindAllStringSubmatch(text, -1) {
			n++
			path := m[1] + "." + m[2]
			if !slices.ContainsFunc(settings, func(s string) bool { return s == path || strings.HasPrefix(s, path+".") }) {
				t.Errorf("%s: there is no setting %q", name, path)
			}
		}
	}
	if n < 20 {
		t.Errorf("found %d settings only", n)
	}
}

// TestDocsNameEveryMetric compares the metrics that are registered with those in operations.md.
func TestDocsNameEveryMetric(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`outrider_[a-z_]+`)
	registered := map[string]bool{}
	for _, dir := range []string{"../telemetry", "."} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			for _, m := range regexp.MustCompile(`"(outrider_[a-z_]+)"`).FindAllStringSubmatch(string(raw), -1) {
				registered[m[1]] = true
			}
		}
	}
	if len(registered) < 15 {
		t.Fatalf("found %d metrics only", len(registered))
	}
	all := pages(t)
	for name, text := range all {
		for _, metric := range named.FindAllString(text, -1) {
			if !registered[metric] {
				t.Errorf("%s: there is no metric %s", name, metric)
			}
		}
	}
	for metric := range registered {
		if !strings.Contains(all["operations.md"], "`"+metric) {
			t.Errorf("operations.md does not name the metric %s", metric)
		}
	}
}
