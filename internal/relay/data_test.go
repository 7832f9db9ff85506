package relay_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/textproto"
	"strings"
	"testing"

	"outrider/internal/relay"
)

// FuzzDataWriter compares the writer, in pieces of any size, with the plain
// definition, and with an independent reader of dot-stuffed text.
func FuzzDataWriter(f *testing.F) {
	for _, s := range append(matrix(), "", ".", "..\r\n.\r\n", "a\r\n.b", "\r\n", "x\r", ".\r\n.\r\n.\r\n") {
		f.Add([]byte(s), 1)
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, content []byte, n int) {
		n = max(1, min(n, 1<<16))
		var wire bytes.Buffer
		w := relay.NewDataWriter(&wire)
		var err error
		for rest := content; len(rest) > 0 && err == nil; {
			k := min(n, len(rest))
			_, err = w.Write(rest[:k])
			rest = rest[k:]
		}
		if err == nil {
			err = w.End()
		}
		if ok := isCanonical(string(content)); ok != (err == nil) || !ok && !errors.Is(err, relay.ErrCanonical) {
			t.Fatalf("%q: canonical is %t, but %v", content, ok, err)
		}
		if err != nil {
			if bytes.Contains(append([]byte("\r\n"), wire.Bytes()...), []byte("\r\n.\r\n")) {
				t.Fatalf("%q: end of data was sent: %q", content, wire.Bytes())
			}
			return
		}
		assertWire(t, content, wire.Bytes())
	})
}

func assertWire(t *testing.T, content, wire []byte) {
	t.Helper()
	lines := bytes.Split(content, []byte("\r\n"))
	for i, line := range lines {
		if bytes.HasPrefix(line, []byte(".")) {
			lines[i] = append([]byte("."), line...)
		}
	}
	want := bytes.Join(lines, []byte("\r\n"))
	if len(want) > 0 && !bytes.HasSuffix(want, []byte("\r\n")) {
		want = append(want, "\r\n"...)
	}
	want = append(want, ".\r\n"...)
	if !bytes.Equal(wire, want) {
		t.Fatalf("wrote %q, want %q", wire, want)
	}
	back, err := io.ReadAll(textproto.NewReader(bufio.NewReader(bytes.NewReader(wire))).DotReader())
	if got := strings.ReplaceAll(string(back), "\n", "\r\n"); err != nil || strings.TrimSuffix(got, "\r\n") != strings.TrimSuffix(string(content), "\r\n") {
		t.Fatalf("read back %q, %v", got, err)
	}
}

// FuzzReadReply checks that replies are bounded and harmless.
func FuzzReadReply(f *testing.F) {
	for _, s := range []string{
		"250 ok\r\n", "250-5.1.1 a\r\n250 b\r\n", "250\r\n", "999 x\r\n", "25", "250-a\r\n550 b\r\n", "220\x00\x1b[2J\r\n",
		"550 5.1.1\r\n", "550 5.1.1234 x\r\n", "421 4.3.2 bye\n", "\r\n", "250 \xff\xfe\r\n", strings.Repeat("250-x\r\n", 200), "250 " + strings.Repeat("y", 5000),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := relay.ReadReply(bytes.NewReader(raw))
		if err != nil {
			return
		}
		if r.Code < 200 || r.Code > 599 || len(r.Text) > 3*16<<10 || strings.Count(r.Text, "\n") >= 128 {
			t.Fatalf("reply is out of bounds: %d, %d bytes", r.Code, len(r.Text))
		}
		if strings.ContainsFunc(r.String(), func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) || !strings.HasPrefix(r.String(), string(raw[:1])) {
			t.Fatalf("reply is not harmless: %q", r.String())
		}
		if r.Enhanced != "" && int(r.Enhanced[0]-'0') != r.Class() {
			t.Fatalf("class of %s differs from %d", r.Enhanced, r.Code)
		}
	})
}

func TestDataWriterDoesNotAllocatePerLine(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789\r\n"), 10_000)
	w := relay.NewDataWriter(io.Discard)
	n := testing.AllocsPerRun(10, func() {
		if _, err := w.Write(content); err != nil {
			t.Error(err)
		}
	})
	if n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDataWriter(b *testing.B) {
	content := bytes.Repeat([]byte(strings.Repeat("x", 74)+"\r\n"), 10_000)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		w := relay.NewDataWriter(io.Discard)
		if _, err := w.Write(content); err != nil {
			b.Fatal(err)
		}
	}
}
