package clamav_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"outrider/internal/attachment/clamav"
)

// peer is a daemon of the test: it reads one command with its stream, checks both, and
// gives an answer.
func peer(t *testing.T, wantCommand string, wantStream []byte, answer string) *clamav.Client {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		command, err := r.ReadString(0)
		if err != nil || command != wantCommand+"\x00" {
			t.Errorf("command %q, %v", command, err)
		}
		if wantStream != nil {
			if got, err := stream(r); err != nil || !bytes.Equal(got, wantStream) {
				t.Errorf("stream of %d bytes, %v", len(got), err)
			}
		}
		_, _ = io.WriteString(conn, answer)
	})
}

// listen serves one connection on loopback.
func listen(t *testing.T, serve func(net.Conn)) *clamav.Client {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		serve(conn)
		_ = conn.Close()
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return clamav.New(clamav.Config{Network: "tcp", Address: l.Addr().String(), Wall: time.Second})
}

// stream reads the pieces of a file.
func stream(r io.Reader) ([]byte, error) {
	var out []byte
	for {
		var size uint32
		if err := binary.Read(r, binary.BigEndian, &size); err != nil {
			return out, err
		}
		if size == 0 {
			return out, nil
		}
		piece := make([]byte, size)
		if _, err := io.ReadFull(r, piece); err != nil {
			return out, err
		}
		out = append(out, piece...)
	}
}

func temporary(err error) bool {
	e, ok := errors.AsType[*clamav.Error](err)
	return ok && e.Temporary()
}

func TestScan(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("0123456789"), 50_000)
	tests := []struct {
		name, answer, want, fails string
		data                      []byte
	}{
		{"clean", "stream: OK\x00", "", "", []byte("x")},
		{"empty", "stream: OK\x00", "", "", []byte{}},
		{"in pieces", "stream: OK\x00", "", "", large},
		{"found", "stream: Win.Test.EICAR_HDB-1 FOUND\x00", "Win.Test.EICAR_HDB-1", "", []byte("x")},
		{"found with a digest", "stream: Own.Name(44d88612fea8a8f36de82e1278abb02f:68) FOUND\x00", "Own.Name", "", []byte("x")},
		{"name in parentheses", "stream: Own(Name) FOUND\x00", "Own(Name)", "", []byte("x")},
		{"failure", "stream: Can't allocate memory ERROR\x00", "", "clamd reports: Can't allocate memory", []byte("x")},
		{"nonsense", "hello\x00", "", `clamd answers "hello"`, []byte("x")},
		{"no name", "stream:  FOUND\x00", "", "clamd answers", []byte("x")},
		{"no end", "stream: OK", "", "unexpected EOF", []byte("x")},
		{"no answer", "", "", "unexpected EOF", []byte("x")},
		{"an answer without an end", strings.Repeat("x", 1<<20), "", "more than 4096 bytes", []byte("x")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := peer(t, "zINSTREAM", test.data, test.answer).Scan(t.Context(), test.data)
			if test.fails == "" && (err != nil || got != test.want) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			if test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails) || !temporary(err)) {
				t.Errorf("got %q, %v, want %q", got, err, test.fails)
			}
		})
	}
}

// TestTooLarge has the limit of the client, and that of a daemon which answers before it
// has read everything.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	small := clamav.New(clamav.Config{Network: "tcp", Address: "127.0.0.1:1", Bytes: 10})
	if _, err := small.Scan(t.Context(), make([]byte, 11)); !errors.Is(err, clamav.ErrTooLarge) {
		t.Errorf("above our limit: %v", err)
	}
	client := listen(t, func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, 1000))
		_, _ = io.WriteString(conn, "INSTREAM size limit exceeded. ERROR\x00")
		_, _ = io.Copy(io.Discard, conn)
	})
	if _, err := client.Scan(t.Context(), make([]byte, 4<<20)); !errors.Is(err, clamav.ErrTooLarge) {
		t.Errorf("above the limit of the daemon: %v", err)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if _, err := peer(t, "zVERSION", nil, "PANG\x00").Version(t.Context()); err == nil || !temporary(err) {
		t.Errorf("got %v", err)
	}
	got, err := peer(t, "zVERSION", nil, "ClamAV 1.4.3/27800/Tue Oct  7 08:00:00 2025\x00").Version(t.Context())
	want := clamav.Version{Engine: "1.4.3", Database: 27800, Date: time.Date(2025, 10, 7, 8, 0, 0, 0, time.UTC)}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := peer(t, "zVERSION", nil, "ClamAV 1.4.3\x00").Version(t.Context()); err != nil || got != (clamav.Version{Engine: "1.4.3"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, reply := range []string{"", "ClamAV 1/x/y", "ClamAV 1/2/yesterday", "Other 1"} {
		if v, err := clamav.ParseVersion(reply); err == nil {
			t.Errorf("%q is %+v", reply, v)
		}
	}
}

func TestDaemonThatIsAwayOrSilent(t *testing.T) {
	t.Parallel()
	away := clamav.New(clamav.Config{Address: t.TempDir() + "/none.ctl"})
	if _, err := away.Scan(t.Context(), nil); err == nil || !temporary(err) {
		t.Errorf("away: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	silent := listen(t, func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, 5))
		cancel()
		_, _ = io.Copy(io.Discard, conn)
	})
	if _, err := silent.Scan(ctx, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("silent: %v", err)
	}
	slow := listen(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	if _, err := slow.Scan(t.Context(), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{
		"stream: OK", "stream: A.B-1 FOUND", "INSTREAM size limit exceeded. ERROR", "stream: X(00:1) FOUND",
		"ClamAV 1.4.3/27800/Tue Oct  7 08:00:00 2025", "ClamAV 1.4.3",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		name, err := clamav.ParseScan(reply)
		if len(name) > 200 || strings.ContainsAny(name, "\r\n\x00") || err != nil && name != "" {
			t.Errorf("%q gives %q, %v", reply, name, err)
		}
		if v, err := clamav.ParseVersion(reply); err == nil && len(v.Engine) > 200 {
			t.Errorf("%q gives %+v", reply, v)
		}
	})
}
