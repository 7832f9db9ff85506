package message_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"outrider/internal/budget"
	"outrider/internal/message"
)

var update = flag.Bool("update", false, "write the expectations of testdata/*.txtar anew")

// TestParseGolden reads testdata/*.txtar: the comment describes the case, msg.eml is the
// message and tree its parsed form. In msg.eml, lines end with CRLF unless the comment has
// "line ends as written", and \xNN is one byte.
func TestParseGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			checkGolden(t, file)
		})
	}
}

func checkGolden(t *testing.T, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw := goldenMessage(t, archive)
	b := budget.New(budget.Default())
	m := message.Parse(raw, b)
	checkMessage(t, raw, m)
	checkWork(t, raw, m, b)
	got := describe(m)
	if *update {
		archive.Files = append(archive.Files[:1], txtar.File{Name: "tree", Data: []byte(got)})
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if len(archive.Files) != 2 {
		t.Fatal("want msg.eml and tree")
	}
	if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

// goldenMessage returns the bytes of msg.eml.
func goldenMessage(t *testing.T, archive *txtar.Archive) []byte {
	t.Helper()
	text := string(archive.Files[0].Data)
	if !strings.Contains(string(archive.Comment), "line ends as written") {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	var out []byte
	for i := 0; i < len(text); i++ {
		var c byte
		if strings.HasPrefix(text[i:], `\x`) {
			if _, err := fmt.Sscanf(text[i+2:i+4], "%02x", &c); err != nil {
				t.Fatalf("reading %q: %v", text[i:i+4], err)
			}
			out = append(out, c)
			i += 3
			continue
		}
		out = append(out, text[i])
	}
	return out
}

// describe writes down how a message was read: its parts with media type, encoding,
// names, ranges and the beginning of the content, then its defects.
func describe(m *message.Message) string {
	var b strings.Builder
	for _, p := range m.Parts {
		fmt.Fprintf(&b, "%s%q %s %s", strings.Repeat("  ", p.Depth), p.Path, p.MediaType, p.Encoding)
		if p.Charset != "" {
			fmt.Fprintf(&b, " charset=%q", p.Charset)
		}
		if p.IsAttachment() {
			b.WriteString(" attachment")
		}
		if names := p.Filenames(); len(names) > 0 {
			fmt.Fprintf(&b, " names=%q", names)
		}
		fmt.Fprintf(&b, " body=%d:%d", p.Body.From, p.Body.To)
		switch {
		case len(p.Children) > 0:
		case strings.HasPrefix(p.MediaType, "text/"):
			fmt.Fprintf(&b, " text=%.60q", p.Text())
		default:
			fmt.Fprintf(&b, " bytes=%.60q", p.Decoded())
		}
		b.WriteByte('\n')
	}
	for _, d := range m.Defects {
		fmt.Fprintf(&b, "%s at %d in %q: %q\n", d.Kind, d.Offset, d.Part, d.Detail)
	}
	return b.String()
}
