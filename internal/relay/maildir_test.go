package relay_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"outrider/internal/relay"
	"outrider/internal/tenant"
)

func TestNewDirectoriesAreSynced(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	var synced []string
	sync := func(dir string) error {
		synced = append(synced, dir)
		return nil
	}
	path := filepath.Join(top, "a", "b", "c")
	if err := relay.MakeDir(path, sync); err != nil {
		t.Fatal(err)
	}
	if want := []string{top, filepath.Join(top, "a"), filepath.Join(top, "a", "b")}; !slices.Equal(synced, want) {
		t.Errorf("synced %v, want %v", synced, want)
	}
	synced = nil
	if err := relay.MakeDir(path, sync); err != nil || synced != nil {
		t.Errorf("the second time: synced %v, %v", synced, err)
	}
	broken := errors.New("disk is broken")
	if err := relay.MakeDir(filepath.Join(top, "x", "y"), func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a directory that could not be synced: %v", err)
	}
}

func TestMaildirBelowMissingDirectories(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	r := newRelay(t)
	route := tenant.Route{Transport: tenant.TransportMaildir, Path: filepath.Join(top, "example.org", "ann", "Maildir")}
	if res := r.Deliver(t.Context(), route, job("Subject: x\r\n\r\n"), nil)[0]; res.Status != relay.Delivered {
		t.Errorf("got %+v", res)
	}
	if err := os.WriteFile(filepath.Join(top, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	route.Path = filepath.Join(top, "file", "Maildir")
	if res := r.Deliver(t.Context(), route, job("Subject: x\r\n\r\n"), nil)[0]; res.Status != relay.Deferred {
		t.Errorf("below a file: %+v", res)
	}
}
