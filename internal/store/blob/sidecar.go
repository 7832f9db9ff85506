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
	err = d.each(ctx, func(path, name string) error {
		blob, id, ok := sidecarName(name)
		if !ok {
			return nil
		}
		s, err := readSidecar(path)
		if err != nil || s.Item.ID != id || s.Item.Blob != blob {
			unreadable++
			return nil //nolint:nilerr // counted
		}
		return f(s)
	})
	return unreadable, err
}

// each calls f for every file in every shard.
func (d *Disk) each(ctx context.Context, f func(path, name string) error) error {
	shards, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("listing blobs: %w", err)
	}
	for _, shard := range shards {
		if !shard.IsDir() {
			continue
		}
		dir := filepath.Join(d.dir, shard.Name())
		files, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("listing blobs: %w", err)
		}
		for _, file := range files {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("listing blobs: %w", err)
			}
			if err := f(filepath.Join(dir, file.Name()), file.Name()); err != nil {
				return err
			}
		}
	}
	return nil
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
	return d.each(ctx, func(path, name string) error {
		if own, err := d.path(name); err != nil || own != path {
			return nil //nolint:nilerr // not one of ours
		}
		return f(name)
	})
}
