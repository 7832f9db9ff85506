package blob_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"outrider/internal/store/blob"
)

// age makes a file look as if it had been written a while ago.
func age(t *testing.T, path string, by time.Duration) {
	t.Helper()
	at := time.Now().Add(-by)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestSweepTakesWhatIsOldAndUnused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := blob.NewDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	used, unused, young := put(t, d, "used"), put(t, d, "unused"), put(t, d, "young")
	fileOf := func(id string) string { return filepath.Join(dir, id[:2], id) }
	again := put(t, d, "again")
	for _, id := range []string{used, unused, again} {
		age(t, fileOf(id), 2*time.Hour)
	}
	put(t, d, "again") // which is young again
	strange := filepath.Join(dir, unused[:2], "notes.txt")
	misplaced := filepath.Join(dir, "zz", unused)
	for name, by := range map[string]time.Duration{
		filepath.Join(dir, "put-1"): 2 * time.Hour, filepath.Join(dir, "put-2"): time.Minute, filepath.Join(dir, "other"): 2 * time.Hour,
		strange: 2 * time.Hour, misplaced: 2 * time.Hour,
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		age(t, name, by)
	}
	var asked []string
	inUse := func(id string) (bool, error) {
		asked = append(asked, id)
		return id == used, nil
	}
	if err := d.Sweep(t.Context(), time.Time{}, inUse); err != nil {
		t.Fatal(err)
	}
	slices.Sort(asked)
	if want := slices.Sorted(slices.Values([]string{used, unused})); !slices.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
	for path, want := range map[string]bool{
		fileOf(used): true, fileOf(unused): false, fileOf(young): true, fileOf(again): true, strange: true, misplaced: true,
		filepath.Join(dir, "put-1"): false, filepath.Join(dir, "put-2"): true, filepath.Join(dir, "other"): true,
	} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, should be there: %t", path, err, want)
		}
	}
}

func TestSweepStopsWhereItCannotAsk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := blob.NewDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	id := put(t, d, "body")
	age(t, filepath.Join(dir, id[:2], id), 2*time.Hour)
	broken := errors.New("database is closed")
	if err := d.Sweep(t.Context(), time.Time{}, func(string) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Sweep(ctx, time.Time{}, func(string) (bool, error) { return false, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got, err := read(t, d, id); err != nil || got != "body" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSweepDoesNotTakeWhatIsPutMeanwhile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := blob.NewDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	id := put(t, d, "body")
	age(t, filepath.Join(dir, id[:2], id), 2*time.Hour)
	done := make(chan error, 1)
	sweep := func(string) (bool, error) {
		go func() {
			_, err := d.Put(context.Background(), bytes.NewBufferString("body"))
			done <- err
		}()
		select {
		case err := <-done: // too early: the answer below is about the old file
			done <- err
		case <-time.After(100 * time.Millisecond):
		}
		return false, nil
	}
	if err := errors.Join(d.Sweep(t.Context(), time.Time{}, sweep), <-done); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t, d, id); err != nil || got != "body" {
		t.Errorf("got %q, %v", got, err)
	}
}
