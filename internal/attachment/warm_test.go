package attachment_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outrider/internal/attachment"
)

// A pool that is warm has a worker before the first file comes, and one that has done its
// share has a successor before the next does.
func TestWorkersStartBeforeTheyAreNeeded(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	starts := filepath.Join(t.TempDir(), "starts")
	p := attachment.NewPool(attachment.PoolConfig{
		Command: []string{"/bin/sh", "-c", `echo started >>"$0"; exec "$1" worker`, starts, self}, Size: 1, Recycle: 2,
	})
	for _, n := range []int{0, 1, 3} { // files that are opened; two make a worker old
		if err := p.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range n {
			if r, err := p.Inspect(t.Context(), attachment.Input{Name: "a.txt", Data: []byte("hello")}); err != nil || r.Has(attachment.NoteWorkerDied) {
				t.Fatalf("%+v, %v", r, err)
			}
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(starts)
	if err != nil {
		t.Fatal(err)
	}
	// The first, and its replacements after the second and the fourth file.
	if got := strings.Count(string(lines), "started"); got != 3 {
		t.Errorf("%d workers were started, want 3", got)
	}
	if p.Warm(t.Context()) == nil {
		t.Error("a closed pool was warmed")
	}
}

// A pool is healthy when a worker inspects a file, and not when it only starts.
func TestHealthIsThatOfTheWorkers(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		command []string
		want    string
	}{
		"works":          {[]string{self, "worker"}, ""},
		"ends at once":   {[]string{"/bin/sh", "-c", "exit 1"}, "the worker died"},
		"does not exist": {[]string{"/nonexistent/worker"}, "starting an attachment worker"},
	} {
		p := attachment.NewPool(attachment.PoolConfig{Command: tc.command, Size: 1})
		for range 2 {
			if err := p.Health(t.Context()); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_ = p.Close() // workers that died say so
	}
	starts := filepath.Join(t.TempDir(), "starts")
	p := attachment.NewPool(attachment.PoolConfig{Command: []string{"/bin/sh", "-c", `echo x >>"$0"; exec "$1" worker`, starts, self}, Size: 1, Recycle: 1})
	if _, err := p.Inspect(t.Context(), attachment.Input{Name: "a.txt", Data: []byte("a")}); err != nil {
		t.Fatal(err)
	}
	if err := p.Health(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	// The first worker and its successor: what has just worked is not asked again.
	if lines, err := os.ReadFile(starts); err != nil || strings.Count(string(lines), "x") != 2 {
		t.Errorf("%q, %v", lines, err)
	}
}
