package signal_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"

	"outrider/internal/signal"
)

// attachZip returns a message that carries an archive of the files, given as name and content.
func attachZip(t *testing.T, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return "From: Kim <kim@sender.test>\nSubject: Files\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSee the files.\n\n--b\n" +
		"Content-Type: application/zip; name=\"a.zip\"\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString(b.Bytes()) + "\n--b--\n"
}

// many returns n files by a pattern.
func many(n int, pattern string) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(pattern, i), "x")
	}
	return out
}

// A script counts in full, in part where a small package describes itself, and not in a large one.
func TestScriptsInPackagesOfSoftware(t *testing.T) {
	t.Parallel()
	const host, module = `new ActiveXObject("WScript.Shell")`, "module.exports = 1"
	for _, tt := range []struct {
		name  string
		files []string
		want  float64
	}{
		{"a script", []string{"invoice.js", module}, 10},
		{"beside many texts", append(many(25, "%d.txt"), "invoice.js", module), 10},
		{"in the one folder, beside many texts", append(many(25, "papers/%d.txt"), "papers/invoice.js", module), 10},
		{"in a folder of a site", append(many(25, "css/%d.css"), "js/app.js", module), 0},
		{"in the one folder, beside many sources", append(many(25, "tool/%d.c"), "tool/build.bat", "make"), 0},
		{"a small package", []string{"package/package.json", `{"name":"left"}`, "package/index.js", module}, 4},
		{"a small extension", []string{"manifest.json", `{"name":"left"}`, "bg.js", module, "popup.html", "<html><script src=bg.js></script></html>"}, 4},
		{"a manifest beside a script that starts programs", []string{"package.json", `{"name":"left"}`, "index.js", host}, 10},
		{"a manifest in another folder", []string{"a/package.json", `{"name":"left"}`, "b/index.js", module}, 10},
		{"a small package with a program", []string{"package.json", `{"name":"left"}`, "index.js", module, "a.exe", "MZ"}, 10},
	} {
		e := caseEvidence(t, attachZip(t, tt.files...), nil)
		var got float64
		found, _ := signal.New(nil).Detect(t.Context(), e)
		for _, f := range found {
			if f.ID == "executable-attachment" || f.ID == "html-script" {
				got += f.Weight
			}
		}
		if got != tt.want {
			t.Errorf("%s: weight %v, want %v", tt.name, got, tt.want)
		}
	}
}
