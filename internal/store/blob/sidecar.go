package blob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"outrider/internal/durable"
	"outrider/internal/quarantine"
)

// sidecarSuffix ends the names of sidecars: <SHA-256>.<held id>.json, beside the blob.
const sidecarSuffix = ".json"

// maxSidecar bounds what is read of one file.
const maxSidecar = 16 << 20

var errNotID = errors.New("not the id of a held message")

// sidecarPath returns where the sidecar of a held message is.
func (d *Disk) sidecarPath(blob, id string) (string, error) {
	path, err := d.path(blob)
	if err == nil && !isID(id) {
		err = fmt.Errorf("naming the sidecar of %q: %w", id, errNotID)
	}
	return path + "." + id + sidecarSuffix, err
}

// isID reports whether a held id can be part of a file name.
func isID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-'
	})
}

// sidecarName splits the name of a sidecar into blob and held id.
func sidecarName(name string) (blob, id string, ok bool) {
	blob, rest, _ := strings.Cut(name, ".")
	id, ok = strings.CutSuffix(rest, sidecarSuffix)
	return blob, id, ok && isID(id) && len(blob) == 64
}

// PutSidecar writes what is known of a held message beside its body. It is on stable storage
// on return.
func (d *Disk) PutSidecar(_ context.Context, s *quarantine.Sidecar) error {
	path, err := d.sidecarPath(s.Item.Blob, s.Item.ID)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding the sidecar of %s: %w", s.Item.ID, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("creating blob shard: %w", err)
	}
	return durable.Write(path, append(raw, '\n'), 0o600)
}

// DeleteSidecar removes the sidecar of a message that is not held any more. A missing one is
// no error.
func (d *Disk) DeleteSidecar(_ context.Context, blob, id string) error {
	path, err := d.sidecarPath(blob, id)
	if err != nil {
		return err
	}
	if err := os.Remove(path); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("removing the sidecar of %s: %w", id, err)
	}
	return durable.Sync(filepath.Dir(path))
}

// Sidecars calls f for each sidecar. Those that cannot be read are left out and counted. An
// error of f ends it.
func (d *Disk) Sidecars(ctx context.Context, f func(*quarantine.Sidecar) error) (unreadable int, err error) {
	shards, err := os.ReadDir(d.dir)
	if err != nil {
		return 0, fmt.Errorf("reading sidecars: %w", err)
	}
	for _, shard := range shards {
		if !shard.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(d.dir, shard.Name()))
		if err != nil {
			return unreadable, fmt.Errorf("reading sidecars: %w", err)
		}
		for _, file := range files {
			blob, id, ok := sidecarName(file.Name())
			if !ok {
				continue
			}
			if err := ctx.Err(); err != nil {
				return unreadable, fmt.Errorf("reading sidecars: %w", err)
			}
			s, err := readSidecar(filepath.Join(d.dir, shard.Name(), file.Name()))
			if err != nil || s.Item.ID != id || s.Item.Blob != blob {
				unreadable++
				continue
			}
			if err := f(s); err != nil {
				return unreadable, err
			}
		}
	}
	return unreadable, nil
}

func readSidecar(path string) (*quarantine.Sidecar, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading sidecar: %w", err)
	}
	if info.Size() > maxSidecar {
		return nil, fmt.Errorf("reading sidecar %s: %d bytes, more than %d", path, info.Size(), maxSidecar)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading sidecar: %w", err)
	}
	var s quarantine.Sidecar
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("reading sidecar %s: %w", path, err)
	}
	return &s, nil
}

// Blobs calls f for the SHA-256 of each blob.
func (d *Disk) Blobs(ctx context.Context, f func(id string) error) error {
	shards, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("listing blobs: %w", err)
	}
	for _, shard := range shards {
		files, err := os.ReadDir(filepath.Join(d.dir, shard.Name()))
		if !shard.IsDir() {
			continue
		}
		if err != nil {
			return fmt.Errorf("listing blobs: %w", err)
		}
		for _, file := range files {
			if path, err := d.path(file.Name()); err != nil || path != filepath.Join(d.dir, shard.Name(), file.Name()) {
				continue
			}
			if err := errOr(ctx, f, file.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

func errOr(ctx context.Context, f func(string) error, id string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("listing blobs: %w", err)
	}
	return f(id)
}
