package app_test

import (
	"io"
	"os"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"

	"outrider/internal/app"
)

func TestZZProfile(t *testing.T) {
	path := os.Getenv("ZZ_PROFILE")
	if path == "" {
		t.Skip()
	}
	f, _ := os.Create(path)
	_ = pprof.StartCPUProfile(f)
	code := app.Main(t.Context(), strings.Fields(os.Getenv("ZZ_ARGS")), io.Discard, os.Stderr)
	pprof.StopCPUProfile()
	f.Close()
	var self, kids syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self)
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &kids)
	t.Log(code, "self", self.Utime, self.Stime, "children", kids.Utime, kids.Stime)
}
