package clamav_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/attachment/clamav"
	"outrider/internal/mailtest"
)

// needle is what the one signature of the daemon of this test is for.
const needle = "these bytes are what the signature of the test is for"

// daemon starts a private ClamAV daemon with one signature of our own, and returns its
// local socket and its address on loopback.
func daemon(t *testing.T) (socket, address string) {
	t.Helper()
	program := mailtest.Need(t, "clamd", "clamav-daemon")
	dir := t.TempDir()
	socket, address = filepath.Join(dir, "clamd.ctl"), freeAddress(t)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "own.ndb"), "Own.Needle:0:*:"+hex.EncodeToString([]byte(needle))+"\n")
	config := filepath.Join(dir, "clamd.conf")
	write(t, config, fmt.Sprintf("Foreground yes\nDatabaseDirectory %s\nTemporaryDirectory %s\nLocalSocket %s\nTCPAddr %s\nTCPSocket %s\nStreamMaxLength 1M\n",
		dir, dir, socket, host, port))
	cmd := exec.CommandContext(t.Context(), program, "--config-file", config)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	var log strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Self checking") { // its last word before it listens for good
			return socket, address
		}
	}
	t.Fatalf("clamd did not start:\n%s", log.String())
	return "", ""
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// freeAddress returns an unused address on loopback.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestDaemon(t *testing.T) {
	t.Parallel()
	socket, address := daemon(t)
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	w, err := z.Create("inner.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("xx" + needle)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []clamav.Config{{Address: socket}, {Network: "tcp", Address: address}} {
		t.Run("over "+cmp.Or(c.Network, "the local socket"), func(t *testing.T) {
			t.Parallel()
			client := clamav.New(c)
			if v, err := client.Version(t.Context()); err != nil || v.Engine == "" {
				t.Errorf("version %+v, %v", v, err)
			}
			tests := []struct {
				name string
				data []byte
				want string
			}{
				{"clean", []byte("nothing to see"), ""},
				{"empty", nil, ""},
				{"found", []byte("aa" + needle + "zz"), "Own.Needle.UNOFFICIAL"},
				{"found in a zip", packed.Bytes(), "Own.Needle.UNOFFICIAL"},
				{"found behind 600 kB", append(bytes.Repeat([]byte("ab\n"), 200_000), needle...), "Own.Needle.UNOFFICIAL"},
			}
			for _, test := range tests {
				if got, err := client.Scan(t.Context(), test.data); err != nil || got != test.want {
					t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
				}
			}
			if _, err := client.Scan(t.Context(), make([]byte, 8<<20)); !errors.Is(err, clamav.ErrTooLarge) {
				t.Errorf("too large: %v", err)
			}
		})
	}
}
