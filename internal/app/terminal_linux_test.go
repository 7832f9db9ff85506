package app_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"outrider/internal/app"
	"outrider/internal/mailtest"
)

// terminal opens a terminal of some width. read returns what was written to it, and closes it.
func terminal(t *testing.T, width uint16) (tty *os.File, read func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		mailtest.Missing(t, "pseudo-terminals: "+err.Error())
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: width})
	}
	if err != nil {
		mailtest.Missing(t, "pseudo-terminals: "+err.Error())
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		mailtest.Missing(t, "pseudo-terminals: "+err.Error())
	}
	done := make(chan string)
	go func() {
		var b bytes.Buffer
		_, _ = io.Copy(&b, master) // ends with an error when the terminal is closed
		done <- b.String()
	}()
	return tty, func() string {
		_ = tty.Close()
		text := <-done
		_ = master.Close()
		return strings.ReplaceAll(text, "\r\n", "\n")
	}
}

func TestListsFitARealTerminal(t *testing.T) { //nolint:paralleltest // sets the environment
	t.Setenv("NO_COLOR", "")
	t.Setenv("COLUMNS", "")
	t.Setenv("TERM", "xterm")
	b := start(t)
	hostile := strings.Replace(message, "Subject: hello", "Subject: hello =?utf-8?q?=1b[2J=E2=80=AE?= "+strings.Repeat("long ", 40), 1)
	write(t, filepath.Join(b.dir, "mail", "a.eml"), fmt.Sprintf(hostile, "blocked.example"))
	b.must("inject", filepath.Join(b.dir, "mail"))
	list := func(args ...string) string {
		tty, read := terminal(t, 80)
		if code := app.Main(t.Context(), append([]string{"-c", b.config}, args...), tty, io.Discard); code != 0 {
			t.Errorf("exit %d", code)
		}
		return read()
	}
	out := list("messages", "list")
	if !strings.Contains(out, "\x1b[33mquarantined\x1b[0m") || !strings.Contains(out, `hello \x1b[2J\u202e`) {
		t.Errorf("got %q", out)
	}
	plain := list("--color", "never", "messages", "list")
	if strings.ContainsAny(plain, "\x1b\u202e") {
		t.Errorf("the terminal would obey %q", plain)
	}
	for line := range strings.Lines(plain) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
			t.Errorf("a line has %d columns: %q", n, line)
		}
	}
	t.Setenv("NO_COLOR", "1")
	if out := list("messages", "list"); out != plain {
		t.Errorf("with NO_COLOR: %q", out)
	}
	t.Setenv("COLUMNS", "200")
	if wide := list("messages", "list"); strings.Count(wide, "\n") >= strings.Count(plain, "\n") {
		t.Errorf("COLUMNS was not respected:\n%s", wide)
	}
}
