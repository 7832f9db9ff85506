package mailtest

import (
	"os"
	"os/exec"
	"testing"
)

// Need returns the path of a program, or skips the test and names the Debian package
// that has it. Where OUTRIDER_NO_SKIP=1 is set, a missing program fails the test, so
// that a build that should have everything cannot pass by skipping.
func Need(tb testing.TB, program, debian string) string {
	tb.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program, "/usr/libexec/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(tb, "program "+program+" (Debian package "+debian+")")
	return ""
}

// Missing skips the test because something outside is not there, or fails it where
// OUTRIDER_NO_SKIP=1 is set.
func Missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("OUTRIDER_NO_SKIP") == "1" {
		tb.Fatalf("missing: %s", what)
	}
	tb.Skipf("missing: %s", what)
}
