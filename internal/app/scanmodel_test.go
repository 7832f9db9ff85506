package app_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/app"
)

// packed returns a gzipped tar with a zip in it, in which name is.
func packed(t *testing.T, name string) []byte {
	t.Helper()
	var inner, outer bytes.Buffer
	z := zip.NewWriter(&inner)
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte("WScript.Echo(1)"))
	_ = z.Close()
	g := gzip.NewWriter(&outer)
	a := tar.NewWriter(g)
	if err := a.WriteHeader(&tar.Header{Name: "papers.zip", Mode: 0o600, Size: int64(inner.Len())}); err != nil {
		t.Fatal(err)
	}
	_, _ = a.Write(inner.Bytes())
	_ = a.Close()
	_ = g.Close()
	return outer.Bytes()
}

func TestScanOpensAttachments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mail := "From: a@sender.example\r\nTo: b@example.org\r\nSubject: papers\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b\r\nContent-Type: application/gzip; name=papers.tgz\r\nContent-Disposition: attachment; filename=papers.tgz\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(packed(t, "invoice.pdf.js")) + "\r\n--b--\r\n"
	file := write(t, filepath.Join(dir, "a.eml"), mail)
	run := func(args ...string) string {
		var o, e bytes.Buffer
		app.Main(t.Context(), append([]string{"scan", "-q", "--format", "json"}, append(args, file)...), &o, &e)
		if e.Len() > 0 {
			t.Log(e.String())
		}
		return o.String()
	}
	for _, declared := range []string{"application/gzip", "text/plain", "image/png", "application/pgp-signature"} {
		write(t, file, strings.Replace(mail, "application/gzip", declared, 1))
		if out := run(); !strings.Contains(out, `"executable-attachment"`) || !strings.Contains(out, "invoice.pdf.js") {
			t.Errorf("the script in the archive in the archive was not found in what is called %s: %s", declared, out)
		}
	}
	var model struct {
		Outrider struct {
			Files []struct {
				Name, Format string
				Depth        int
			}
		}
	}
	if err := json.Unmarshal([]byte(run("--mdm")), &model); err != nil {
		t.Fatal(err)
	}
	files := model.Outrider.Files
	if len(files) != 4 || files[3].Name != "invoice.pdf.js" || files[3].Depth != 3 {
		t.Errorf("files %+v", files)
	}
}
