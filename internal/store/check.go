package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrDamaged says that a check of the database has found damage.
var ErrDamaged = errors.New("the database is damaged")

// QuickCheck reads the whole file and returns the first damage, except in the order of
// indexes.
func (d *DB) QuickCheck(ctx context.Context) error {
	return d.pragma(ctx, `PRAGMA quick_check(1)`)
}

// IntegrityCheck returns what is damaged, in rows, indexes and references.
func (d *DB) IntegrityCheck(ctx context.Context) error {
	return errors.Join(d.pragma(ctx, `PRAGMA integrity_check(10)`), d.pragma(ctx, `PRAGMA foreign_key_check`))
}

// pragma runs a check that answers "ok", or nothing, when it finds nothing.
func (d *DB) pragma(ctx context.Context, query string) error {
	rows, err := d.read.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("checking the database: %w", err)
	}
	found, err := collect(rows, func(row scanner) (text string, err error) {
		err = row.Scan(&text)
		return text, err
	})
	if err != nil {
		return fmt.Errorf("checking the database: %w", err)
	}
	if text := strings.Join(found, "; "); text != "" && text != "ok" {
		return fmt.Errorf("checking the database: %s: %w", text, ErrDamaged)
	}
	return nil
}

// CopyTo writes a consistent copy of the database to a new file, while it is in use.
func (d *DB) CopyTo(ctx context.Context, path string) error {
	if _, err := d.write.ExecContext(ctx, `VACUUM INTO $1`, path); err != nil {
		return fmt.Errorf("copying the database to %s: %w", path, err)
	}
	return nil
}
