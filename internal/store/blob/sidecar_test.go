package blob_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"outrider/internal/quarantine"
	"outrider/internal/store/blob"
)

// sidecars lists the held ids that have a sidecar, and counts those that cannot be read.
func sidecars(t *testing.T, d *blob.Disk) (ids map[string]string, unreadable int) {
	t.Helper()
	ids = map[string]string{}
	unreadable, err := d.Sidecars(t.Context(), func(s *quarantine.Sidecar) error {
		ids[s.Item.ID] = s.Item.Subject
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids, unreadable
}

func TestSidecarsAreKeptBesideTheirBlobs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := blob.NewDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	id := put(t, d, "held")
	for _, held := range []string{"h1", "h2"} { // the same body twice
		if err := d.PutSidecar(t.Context(), &quarantine.Sidecar{Item: quarantine.Item{ID: held, Blob: id, Subject: "of " + held}}); err != nil {
			t.Fatal(err)
		}
	}
	if got, bad := sidecars(t, d); len(got) != 2 || got["h1"] != "of h1" || bad != 0 {
		t.Errorf("got %v, %d unreadable", got, bad)
	}
	info, err := os.Stat(filepath.Join(dir, id[:2], id+".h1.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if err := errors.Join(d.DeleteSidecar(t.Context(), id, "h1"), d.DeleteSidecar(t.Context(), id, "h1")); err != nil {
		t.Error(err)
	}
	for name, content := range map[string]string{id + ".h3.json": "{", id + ".h4.json": `{"item":{"id":"h5"}}`, id + ".bad id.json": "{}"} {
		if err := os.WriteFile(filepath.Join(dir, id[:2], name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, bad := sidecars(t, d); len(got) != 1 || got["h2"] == "" || bad != 2 {
		t.Errorf("got %v, %d unreadable", got, bad)
	}
}

func TestSidecarNamesCannotLeadElsewhere(t *testing.T) {
	t.Parallel()
	d, err := blob.NewDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	id := put(t, d, "held")
	for _, item := range []quarantine.Item{{ID: "../../x", Blob: id}, {ID: "", Blob: id}, {ID: "h1", Blob: ""}, {ID: "h1", Blob: "../" + id}} {
		if err := d.PutSidecar(t.Context(), &quarantine.Sidecar{Item: item}); err == nil {
			t.Errorf("%q of %q was written", item.ID, item.Blob)
		}
	}
}

// TestSweepLeavesWhatMayBeHeld keeps old blobs that nothing lists when they have a sidecar, or
// are from before the database.
func TestSweepLeavesWhatMayBeHeld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := blob.NewDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	described, plain, before := put(t, d, "described"), put(t, d, "plain"), put(t, d, "before")
	if err := d.PutSidecar(t.Context(), &quarantine.Sidecar{Item: quarantine.Item{ID: "h1", Blob: described}}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for id, age := range map[string]time.Duration{described: 2 * time.Hour, plain: 2 * time.Hour, before: 4 * time.Hour} {
		if err := os.Chtimes(filepath.Join(dir, id[:2], id), now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Sweep(t.Context(), now.Add(-3*time.Hour), func(string) (bool, error) { return false, nil }); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{described: true, plain: false, before: true} {
		if has, err := d.Has(id); err != nil || has != want {
			t.Errorf("%s is there: %v, %v, want %v", id[:8], has, err, want)
		}
	}
}
