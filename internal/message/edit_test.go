package message_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"outrider/internal/mailtest"
	"outrider/internal/message"
)

var testBanner = &message.Banner{
	Text: "Achtung: Diese E-Mail kommt von außerhalb – öffnen Sie nichts Fremdes.\n--sep\nZeile drei",
	HTML: `<div style="border:1px solid #c00">Externe Nachricht – <b>Vorsicht</b>&nbsp;bannermark</div>`,
}

// marks are what is left of testBanner in each charset.
var marks = map[string]string{"text/plain": "Zeile drei", "text/html": "bannermark"}

func render(tb testing.TB, raw []byte, e message.Edit) ([]byte, *message.Rendition) {
	tb.Helper()
	m := message.Parse(raw, nil)
	r, err := m.Render(message.NewBody(raw), e)
	if err != nil {
		tb.Fatalf("rendering: %v", err)
	}
	out, err := r.Bytes()
	if err != nil || int64(len(out)) != r.Size() {
		tb.Fatalf("%d bytes written, want %d: %v", len(out), r.Size(), err)
	}
	return out, r
}

// firstReading lists the parts of the first reading.
func firstReading(m *message.Message) []*message.Part {
	return slices.DeleteFunc(slices.Clone(m.Parts), func(p *message.Part) bool { return p.Reading != 1 })
}

// checkEdited proves that out is raw with a banner and nothing else: in texts, or in a
// text of its own that comes first.
func checkEdited(tb testing.TB, raw, out []byte, r *message.Rendition) {
	tb.Helper()
	before, after := firstReading(message.Parse(raw, nil)), firstReading(message.Parse(out, nil))
	if added := beside(before, after); added != nil {
		before, after = added[0], added[1]
	}
	if diff := cmp.Diff(outline(before), outline(after)); diff != "" {
		tb.Fatalf("part tree (-before +after):\n%s", diff)
	}
	changed := len(firstReading(message.Parse(out, nil))) - len(before)
	for i, old := range before {
		if len(old.Children) > 0 || old.IsMultipart() {
			continue
		}
		if !bytes.Equal(old.BodyBytes(), after[i].BodyBytes()) {
			changed++
			checkChanged(tb, old, after[i])
		}
	}
	if changed == 0 && len(r.Skipped) == 0 {
		tb.Error("no banner, and no reason")
	}
}

// beside returns the parts that both messages have, where the second has one more text.
func beside(before, after []*message.Part) [][]*message.Part {
	isBanner := func(p *message.Part) bool {
		return strings.HasSuffix(strings.TrimSpace(lines(p.Text())), marks["text/plain"]+"\n"+rule)
	}
	switch n := len(after) - len(before); {
	case n == 2 && isBanner(after[1]): // all that was is the second part now
		return [][]*message.Part{before, after[2:]}
	case n == 1 && isBanner(after[1]):
		return [][]*message.Part{before[1:], after[2:]}
	}
	return nil
}

// checkChanged proves that a part is a shown text, with the banner, and else the same.
func checkChanged(tb testing.TB, old, now *message.Part) {
	tb.Helper()
	mark, ok := marks[old.MediaType]
	if !ok || old.IsAttachment() {
		tb.Fatalf("part %q (%s) was changed", old.Path, old.MediaType)
	}
	text := now.Text()
	if !strings.Contains(text, mark) {
		tb.Errorf("part %q has no banner: %.300q", old.Path, text)
	}
	for line := range bytes.SplitSeq(now.BodyBytes(), []byte("\n")) {
		if len(line) > 999 && !bytes.Contains(old.BodyBytes(), bytes.TrimSuffix(line, []byte("\r"))) {
			tb.Errorf("part %q has a line of %d bytes", old.Path, len(line))
		}
	}
	if old.MediaType == "text/plain" && !strings.HasSuffix(lines(text), lines(old.Text())) {
		tb.Errorf("part %q lost text: %.3000q from %.3000q", old.Path, text, old.Text())
	}
	if len(text) < len(old.Text()) {
		tb.Errorf("part %q lost text", old.Path)
	}
}

// lines returns text with one kind of line end.
func lines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

func outline(parts []*message.Part) []string {
	var lines []string
	for _, p := range parts {
		lines = append(lines, strings.Join([]string{p.MediaType, p.Filename, p.Disposition}, " "))
	}
	return lines
}

// rule is the line above and below a banner in plain text.
var rule = strings.Repeat("*", 64)

func TestRenderWithoutEditIsTheMessage(t *testing.T) {
	t.Parallel()
	eachGolden(t, func(t *testing.T, raw []byte) {
		t.Helper()
		out, r := render(t, raw, message.Edit{})
		if !bytes.Equal(raw, out) || r.Changed() {
			t.Error("the message changed")
		}
	})
}

func TestRenderKeepsPartsOfBrokenMail(t *testing.T) {
	t.Parallel()
	eachGolden(t, func(t *testing.T, raw []byte) {
		t.Helper()
		var w message.HeaderWriter
		if err := w.Add("X-Verdict", "clean"); err != nil {
			t.Fatal(err)
		}
		out, r := render(t, raw, message.Edit{Prepend: w.Bytes(), SubjectPrefix: "[EXTERNAL]", Banner: testBanner})
		checkEdited(t, raw, out, r)
		m := message.Parse(out, nil)
		if got := m.Header().Get("X-Verdict"); got != "clean" {
			t.Errorf("X-Verdict: %q", got)
		}
		if !strings.HasPrefix(m.Subject(), "[EXTERNAL]") {
			t.Errorf("subject %q", m.Subject())
		}
		again, _ := render(t, out, message.Edit{SubjectPrefix: "[EXTERNAL]"})
		if !bytes.Equal(out, again) {
			t.Error("the prefix was put in twice")
		}
	})
}

// eachGolden runs a test for each message of testdata.
func eachGolden(t *testing.T, f func(t *testing.T, raw []byte)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f(t, goldenMessage(t, archive))
		})
	}
}

// TestRenderKeepsRealMail puts banners into all real mail and compares the parts.
func TestRenderKeepsRealMail(t *testing.T) {
	t.Parallel()
	data := filepath.Join("..", "..", ".data")
	roots, err := filepath.Glob(filepath.Join(data, "conformance", "mime_*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range append(roots, filepath.Join(data, "mail", "dev")) {
		t.Run(filepath.Base(root), func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
				mailtest.Missing(t, "the shared corpus (make data)")
			}
			eachFile(t, root, func(path string, raw []byte) {
				out, r := render(t, raw, message.Edit{SubjectPrefix: "[Extern ü]", Banner: testBanner})
				checkEdited(t, raw, out, r)
				if s := message.Parse(out, nil).Subject(); !strings.HasPrefix(s, "[Extern ü]") {
					t.Errorf("subject %q", s)
				}
				if t.Failed() {
					t.Fatalf("in %s", path)
				}
			})
		})
	}
}
