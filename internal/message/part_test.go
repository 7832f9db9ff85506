package message_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"outrider/internal/budget"
	"outrider/internal/message"
)

// golden parses the message of one golden file.
func golden(t *testing.T, name string) *message.Message {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	return message.Parse(goldenMessage(t, archive), nil)
}

func TestTextPartsAndAttachments(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		file               string
		texts, attachments []string
	}{
		{"alternative", []string{"1", "2"}, nil},
		{"nested", []string{"1.1", "1.2.1"}, []string{"1.2.2", "2"}},
		{"embedded", []string{"1.1", "1.2", "2.1"}, nil},
		{"embedded-base64", nil, []string{"1"}},
		{"delivery-report", []string{"1"}, []string{"2"}},
		{"no-report", []string{"1", "2.1"}, nil},
		{"abuse-report", []string{"1"}, []string{"2"}},
		{"text-subtypes", []string{"1", "2", "3", "5"}, []string{"1", "2", "3", "4", "5", "6"}},
		{"body-attached", []string{"1.1"}, []string{"1.1"}},
		{"prefix-two-levels", []string{"1.1~2"}, []string{"2~2"}},
		{"byte-order-mark", []string{""}, nil},
		{"duplicate-content-type", []string{"", "1~2"}, []string{"2~2"}},
		{"uuencode-inline", []string{""}, []string{"1~2"}},
	} {
		t.Run(tc.file, func(t *testing.T) {
			t.Parallel()
			m := golden(t, tc.file)
			if diff := cmp.Diff(tc.texts, paths(m.TextParts())); diff != "" {
				t.Errorf("texts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.attachments, paths(m.Attachments())); diff != "" {
				t.Errorf("attachments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReturnedTexts(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][]string{"delivery-report": {"3.1"}, "abuse-report": {"3.1"}, "no-report": nil, "embedded": nil} {
		var got []string
		for _, p := range golden(t, file).ReturnedTexts() {
			got = append(got, p.Path)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func paths(parts []*message.Part) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p.Path)
	}
	return out
}

func TestEmbeddedMessageIsAMessage(t *testing.T) {
	t.Parallel()
	m := golden(t, "embedded")
	if _, ok := m.Parts[1].Message(); ok {
		t.Error("the part that embeds a message is none itself")
	}
	inner, ok := m.Parts[2].Message()
	if !ok || inner.Subject() != "inner" || inner.Header().Mailboxes("From")[0].Address() != "eve@else.example" {
		t.Fatalf("inner message %v", ok)
	}
	if diff := cmp.Diff([]string{"1.TEXT", "1.1", "1.2"}, paths(inner.Parts)); diff != "" {
		t.Error(diff)
	}
	if got := string(m.Parts[3].RawBytes()); got != "\r\nplain" {
		t.Errorf("raw bytes %q", got)
	}
}

// TestEveryDefectHasAMessage proves that each kind of defect is seen in some golden
// message or bomb.
func TestEveryDefectHasAMessage(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("defect.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for _, d := range golden(t, strings.TrimSuffix(filepath.Base(file), ".txtar")).Defects {
			seen[string(d.Kind)] = true
		}
	}
	for _, bomb := range bombs {
		for _, kind := range bomb.want {
			seen[string(kind)] = true
		}
	}
	seen[string(message.DefectDecodedTooLarge)] = true // in TestDecodedStopsAtTheBudget
	n := 0
	for line := range strings.Lines(string(source)) {
		if _, rest, ok := strings.Cut(line, ` DefectKind = "`); ok {
			kind, _, _ := strings.Cut(rest, `"`)
			if n++; !seen[kind] {
				t.Errorf("no test message has the defect %s", kind)
			}
		}
	}
	if n < 50 {
		t.Errorf("read %d kinds of defect only", n)
	}
}

func TestCaptureKeepsWhatIsWritten(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 100, message.MemoryThreshold, message.MemoryThreshold + 1, 3 * message.MemoryThreshold} {
		raw := strings.Repeat("x", size)
		c := message.NewCapture(t.TempDir(), 3*message.MemoryThreshold, nil)
		capture(t, c, raw)
		if _, err := c.Write(make([]byte, 3*message.MemoryThreshold+1)); !errors.Is(err, message.ErrBodyTooLarge) {
			t.Errorf("writing too much: %v", err)
		}
		body := c.Finish()
		c.Discard()
		checkBody(t, body, raw)
		if err := errors.Join(body.Close(), body.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestCapturesShareMemory gives captures of many messages less memory than they want: those without
// room go to files, all keep what was written, and what is closed makes room again.
func TestCapturesShareMemory(t *testing.T) {
	t.Parallel()
	const room = 1 << 20
	memory := message.NewMemory(room)
	for round := range 3 {
		var bodies []*message.Body
		held := 0
		for i := range 40 {
			raw := strings.Repeat(string(rune('a'+i%26)), 100_000)
			c := message.NewCapture(t.TempDir(), 1<<20, memory)
			c.Expect(int64(i * 5000)) // what is declared may be wrong
			capture(t, c, raw)
			if i%4 == 3 {
				c.Discard()
				continue
			}
			body := c.Finish()
			checkBody(t, body, raw)
			bodies = append(bodies, body)
			if body.InMemory() {
				held += len(raw)
			}
		}
		if held > room || held < room/2 {
			t.Errorf("round %d: %d bytes are in memory, want at most %d and at least half of it", round, held, room)
		}
		for _, b := range bodies {
			if err := errors.Join(b.Close(), b.Close()); err != nil {
				t.Error(err)
			}
		}
	}
	last := message.NewCapture(t.TempDir(), room, memory)
	last.Expect(room * 9 / 10)
	capture(t, last, strings.Repeat("x", room*9/10))
	if !last.Finish().InMemory() {
		t.Error("memory was not given back")
	}
}

// TestCaptureAsksForRoomOnDisk counts what it asks for: nothing for a message that stays in memory,
// and never less than what is on disk.
func TestCaptureAsksForRoomOnDisk(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	for size, want := range map[int]int64{100: 0, message.MemoryThreshold: 0, message.MemoryThreshold + 1: 2 << 20, 5 << 20: 5 << 20, 5<<20 + 1: 6 << 20} {
		for _, limit := range []int64{want, want - 1} {
			var asked int64
			c := message.NewCapture(t.TempDir(), 10<<20, message.NewMemory(100<<20))
			c.AskRoom(func(n int64) error {
				if asked += n; asked > limit {
					return full
				}
				return nil
			})
			var err error
			for left := size; left > 0 && err == nil; left -= 50_000 {
				_, err = c.Write(make([]byte, min(left, 50_000)))
			}
			if asked != want || errors.Is(err, full) != (0 < want && limit < want) {
				t.Errorf("%d bytes: asked for %d, want %d; %v", size, asked, want, err)
			}
			c.Discard()
		}
	}
}

// capture writes raw in chunks.
func capture(t *testing.T, c *message.Capture, raw string) {
	t.Helper()
	for len(raw) > 0 {
		n, err := io.WriteString(c, raw[:min(len(raw), 50_000)])
		if err != nil {
			t.Fatal(err)
		}
		raw = raw[n:]
	}
}

func checkBody(t *testing.T, body *message.Body, want string) {
	t.Helper()
	got, err := body.Bytes()
	if err != nil || string(got) != want || body.Size() != int64(len(want)) {
		t.Errorf("%d bytes of %d: %v", len(got), len(want), err)
	}
	var b strings.Builder
	if n, err := body.WriteTo(&b); err != nil || n != body.Size() || b.String() != want {
		t.Errorf("wrote %d bytes: %v", n, err)
	}
	if n, err := body.ReadAt(make([]byte, 1), body.Size()); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("reading at the end: %d bytes, %v", n, err)
	}
}

func TestIDsSortByTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 11, 4, 9, 5, 7, 0, time.UTC)
	a, b := message.NewID(at), message.NewID(at.Add(time.Millisecond))
	if len(a) != 26 || a >= b {
		t.Errorf("ids %s and %s", a, b)
	}
}

// TestDeepTextIsRead holds that a text below the last level that is taken apart is read,
// and so are the names of files there, whatever encoding they have.
func TestDeepTextIsRead(t *testing.T) {
	t.Parallel()
	var open, end strings.Builder
	for i := range 60 {
		fmt.Fprintf(&open, "Content-Type: multipart/mixed; boundary=level%d.\r\n\r\n--level%d.\r\n", i, i)
	}
	end.WriteString("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nVmVyaWZ5IHlvdXIgYWNjb3VudA==\r\n")
	end.WriteString("--level59.\r\nContent-Type: text/html\r\n\r\n<a href=\"https://deep.test/\">here</a>\r\n")
	end.WriteString("--level59.\r\nContent-Type: application/zip; name=deep.js\r\n\r\nbinary\r\n--level59.--\r\n")
	b := budget.New(budget.Default())
	m := message.Parse([]byte("Subject: x\r\n"+open.String()+end.String()), b)
	var plain, html string
	var names []string
	for _, p := range m.TextParts() {
		if p.IsHTML() {
			html += p.Text()
		} else {
			plain += p.Text()
		}
	}
	for _, p := range m.Parts {
		names = append(names, p.Filenames()...)
	}
	if !strings.Contains(plain, "Verify your account") || strings.Contains(plain, "binary") || !strings.Contains(html, "https://deep.test/") {
		t.Errorf("plain %q, html %q", plain, html)
	}
	if !slices.Contains(names, "deep.js") || !slices.Contains(b.Exceeded(), budget.Depth) {
		t.Errorf("names %q, exceeded %v", names, b.Exceeded())
	}
}

func TestEnrichedText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"<bold>Pay</bold> <<now>":                  "Pay <now>",
		"<color><param>red</param>Call</color> us": "Call us",
		"a < b, c > d":                             "a < b, c > d",
		"<param>never ends":                        "",
		"<" + strings.Repeat("x", 80) + ">":        "<" + strings.Repeat("x", 80) + ">",
		"1<nl>2":                                   "12",
	} {
		m := message.Parse([]byte("Content-Type: text/enriched\r\n\r\n"+in), nil)
		if got := m.Root.Text(); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	m := message.Parse([]byte("Content-Type: text/richtext\r\n\r\n<bold>a</bold><nl>b<lt>c<comment>d</comment>"), nil)
	if got := m.Root.Text(); got != "a\nb<c" {
		t.Errorf("richtext: got %q", got)
	}
}
