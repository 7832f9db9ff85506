package app_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outrider/internal/app"
	"outrider/internal/config"
	"outrider/internal/mailtest"
)

// again starts the gateway on the same data directory.
func (b *bundle) again() {
	b.t.Helper()
	c, err := config.Parse([]byte(b.yaml("127.0.0.1:0", "127.0.0.1:0")))
	if err != nil {
		b.t.Fatal(err)
	}
	if b.app, err = app.New(b.t.Context(), c, slog.New(slog.DiscardHandler)); err != nil {
		b.t.Fatal(err)
	}
	b.serve(b.yaml)
}

// hold sends so many messages that are held, and returns the ids of all, the oldest first.
func (b *bundle) hold(n int) (ids []string) {
	b.t.Helper()
	dir := b.t.TempDir()
	for i := range n {
		write(b.t, filepath.Join(dir, fmt.Sprintf("%d.eml", i)), fmt.Sprintf(message, "blocked.example")+fmt.Sprint(dir, i))
	}
	b.must("inject", dir)
	return b.held()
}

// held returns the ids that the quarantine lists, the oldest first.
func (b *bundle) held() (ids []string) {
	b.t.Helper()
	for line := range strings.Lines(b.must("quarantine", "list", "--format", "json")) {
		var i struct{ ID string }
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			b.t.Fatal(err)
		}
		ids = append([]string{i.ID}, ids...)
	}
	return ids
}

type problem struct{ Kind, What string }

// verify returns what db verify finds, and compares its exit code.
func (b *bundle) verify(args ...string) []problem {
	b.t.Helper()
	code, out, errOut := b.run(append([]string{"db", "verify", "--format", "json"}, args...)...)
	var r struct {
		OK       bool
		Held     int
		Problems []problem
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.OK != (code == 0) || r.OK != (len(r.Problems) == 0) {
		b.t.Fatalf("exit %d, %s%s: %v", code, out, errOut, err)
	}
	return r.Problems
}

func (b *bundle) mustStop() {
	b.t.Helper()
	if err := b.stop(); err != nil {
		b.t.Fatal(err)
	}
}

func TestBackupIsRestored(t *testing.T) {
	t.Parallel()
	b := start(t)
	ids := b.hold(3)
	saved := filepath.Join(b.dir, "saved", "monday")
	if out := b.must("db", "backup", saved); !strings.Contains(out, "3 held messages") {
		t.Errorf("backup says %s", out)
	}
	for path, mode := range map[string]os.FileMode{"": 0o700, "outrider.db": 0o600, "manifest.json": 0o600, "blobs": 0o700} {
		if info, err := os.Stat(filepath.Join(saved, path)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if code, _, errOut := b.run("db", "backup", saved); code != 1 || !strings.Contains(errOut, "exists") {
		t.Errorf("a backup was overwritten: exit %d, %s", code, errOut)
	}
	b.must("quarantine", "release", ids[0])
	later := b.hold(1)[2]
	if code, _, errOut := b.run("db", "restore", saved); code != 1 || !strings.Contains(errOut, "another Outrider is using") {
		t.Errorf("restored below a running gateway: exit %d, %s", code, errOut)
	}
	b.mustStop()
	out := b.must("db", "restore", saved)
	if !strings.Contains(out, "2 held messages; 1 that were in the backup have ended since") || !strings.Contains(out, "outrider.db.replaced-") {
		t.Errorf("restore says %s", out)
	}
	if got := b.held(); !slices.Equal(got, ids[1:3]) {
		t.Errorf("the backup lists %v", got)
	}
	b.again()
	mailtest.Until(t, "the message that came later", func() bool { return slices.Equal(b.held(), []string{ids[1], ids[2], later}) })
	if found := b.verify(); len(found) != 0 {
		t.Errorf("verify finds %v", found)
	}
	if out := b.must("quarantine", "release", ids[2]); !strings.Contains(out, "released") {
		t.Errorf("release says %s", out)
	}
}

func TestRestoreWithoutADatabase(t *testing.T) {
	t.Parallel()
	b := start(t)
	ids := b.hold(2)
	saved := filepath.Join(b.dir, "saved")
	b.must("db", "backup", saved)
	b.mustStop()
	if err := os.RemoveAll(filepath.Join(b.dir, "data")); err != nil {
		t.Fatal(err)
	}
	b.must("db", "restore", saved)
	b.again()
	mailtest.Until(t, "the held messages", func() bool { return slices.Equal(b.held(), ids) })
	b.must("quarantine", "release", ids[0])
	if found := b.verify(); len(found) != 0 {
		t.Errorf("verify finds %v", found)
	}
}

func TestDamagedBackupIsRefused(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.hold(1)
	b.mustStop()
	for name, damage := range map[string]func(dir string) error{
		"database changed": func(dir string) error { return os.Truncate(filepath.Join(dir, "outrider.db"), 4096) },
		"body missing": func(dir string) error {
			files, _ := filepath.Glob(filepath.Join(dir, "blobs", "*", "*"))
			return os.Remove(files[0])
		},
		"no manifest": func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) },
		"leads away": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"version":1,"files":[{"path":"../../etc/passwd"}]}`), 0o600)
		},
		"no database": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"version":1}`), 0o600)
		},
		"other format": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"version":2}`), 0o600)
		},
	} {
		saved := filepath.Join(b.dir, strings.ReplaceAll(name, " ", "-"))
		b.must("db", "backup", saved)
		if err := damage(saved); err != nil {
			t.Fatal(err)
		}
		if code, _, errOut := b.run("db", "restore", saved); code != 1 || !strings.Contains(errOut, "verifying") {
			t.Errorf("%s: exit %d, %s", name, code, errOut)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(b.dir, "data", "outrider.db*")); len(files) != 1 {
		t.Errorf("the data directory has %v", files)
	}
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for kind, damage := range map[string]func(data, body string) error{
		"body-missing":    func(_, body string) error { return os.Remove(body) },
		"body-damaged":    func(_, body string) error { return os.Truncate(body, 3) },
		"sidecar-missing": func(_, body string) error { files, _ := filepath.Glob(body + ".*.json"); return os.Remove(files[0]) },
		"sidecar-unreadable": func(_, body string) error {
			files, _ := filepath.Glob(body + ".*.json")
			return os.Truncate(files[0], 3)
		},
		"foreign": func(data, _ string) error {
			return os.WriteFile(filepath.Join(data, "edge.id"), []byte("0011223344556677\n"), 0o600)
		},
		"damaged": func(data, _ string) error {
			f, err := os.OpenFile(filepath.Join(data, "outrider.db"), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			for page := int64(10); page < 16; page++ {
				if _, err := f.WriteAt([]byte(strings.Repeat("\xa5", 4096)), page*4096); err != nil {
					return err
				}
			}
			return f.Close()
		},
		"unreadable": func(data, _ string) error {
			return os.WriteFile(filepath.Join(data, "outrider.db"), []byte(strings.Repeat("no", 5000)), 0o600)
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			b.hold(1)
			if found := b.verify(); len(found) != 0 {
				t.Errorf("verify of a running gateway finds %v", found)
			}
			b.mustStop()
			data := filepath.Join(b.dir, "data")
			bodies, _ := filepath.Glob(filepath.Join(data, "blobs", "*", strings.Repeat("?", 64)))
			if err := damage(data, bodies[0]); err != nil {
				t.Fatal(err)
			}
			found := b.verify()
			if !slices.ContainsFunc(found, func(p problem) bool { return p.Kind == kind }) {
				t.Errorf("verify finds %v", found)
			}
			if quick := b.verify("--quick"); (len(quick) == 0) != (kind == "body-damaged") {
				t.Errorf("the quick verify finds %v", quick)
			}
			if code, out, _ := b.run("db", "verify"); code != 1 || !strings.Contains(out, kind) {
				t.Errorf("exit %d, %s", code, out)
			}
		})
	}
}

// TestDocumentedBackupWorks runs the example of docs/operations.md.
func TestDocumentedBackupWorks(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "## Verify, back up, restore\n\n```sh\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the example is missing")
	}
	b := start(t)
	ids := b.hold(2)
	commands := 0
	for line := range strings.Lines(example) {
		switch words := strings.Fields(line); words[0] {
		case "systemctl":
			if words[1] == "stop" {
				b.mustStop()
				continue
			}
			b.again()
		default:
			commands++
			args := append(slices.Clone(words[1:3]), words[5:]...)
			for i, a := range args {
				args[i] = strings.ReplaceAll(a, "/var/backups", b.dir)
			}
			b.must(args...)
		}
	}
	mailtest.Until(t, "the held messages", func() bool { return slices.Equal(b.held(), ids) })
	if commands != 3 {
		t.Errorf("%d commands were run", commands)
	}
}
