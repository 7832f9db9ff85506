package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds of reading a damaged table.
const (
	salvageChunk  = 1 << 14 // row ids that are copied by one statement
	salvageProbes = 50_000  // statements that may fail, per table
	salvageRun    = 256     // failures in a row after which twice as many row ids are given up at once
)

// salvageTables lists the tables that are copied, with their columns of JSON: a row whose
// JSON is damaged would make whole lists unreadable.
var salvageTables = []struct {
	name string
	json []string
}{
	{"meta", nil},
	{"edges", nil},
	{"sequences", nil},
	{"held", []string{"envelope", "traits"}},
	{"messages", []string{"verdict", "auth"}},
	{"deliveries", nil},
	{"senders", []string{"detail"}},
	{"events", []string{"recipients", "detail"}},
}

// Salvaged says what could be copied out of a damaged database.
type Salvaged struct {
	Rows       int64
	Unreadable int // ranges of rows that could not be read, at least
}

// salvage copies every row that can be read from the database file at path, in whatever
// version of the schema, into an empty one. It changes no content of the file.
func (d *DB) salvage(ctx context.Context, path string) (Salvaged, error) {
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return Salvaged{}, fmt.Errorf("salvaging rows: %w", err)
	}
	s := salvager{ctx: ctx, conn: conn}
	err = s.all(path)
	return s.result, errors.Join(err, conn.Close())
}

// salvager is one run of salvage.
type salvager struct {
	ctx    context.Context //nolint:containedctx // lives for one run
	conn   *sql.Conn
	result Salvaged

	// Of the table that is being copied.
	failed int   // statements
	run    int   // ranges given up in a row
	grain  int64 // a range of so many row ids is not divided
}

func (s *salvager) all(path string) error {
	// Without this, SQLite refuses to read a file that ends before its last page.
	if _, err := s.conn.ExecContext(s.ctx, `PRAGMA writable_schema = 1`); err != nil {
		return fmt.Errorf("salvaging rows: %w", err)
	}
	if _, err := s.conn.ExecContext(s.ctx, `ATTACH DATABASE $1 AS old`, path); err != nil {
		s.result.Unreadable++
		return s.fatal(err)
	}
	for _, t := range salvageTables {
		if err := s.table(t.name, t.json); err != nil {
			return err
		}
	}
	for _, done := range []string{`DETACH DATABASE old`, `PRAGMA writable_schema = 0`} {
		if _, err := s.conn.ExecContext(s.ctx, done); err != nil {
			return fmt.Errorf("closing the damaged database: %w", err)
		}
	}
	return nil
}

// fatal returns what ends the salvage: the end of its context, or a fault of the new
// database. What is wrong with the old one only costs rows.
func (s *salvager) fatal(err error) error {
	if s.ctx.Err() != nil {
		return fmt.Errorf("salvaging rows: %w", s.ctx.Err())
	}
	if f := faultOf(err); f == Unusable || f == Locked {
		return fmt.Errorf("salvaging rows: %w", err)
	}
	return nil
}

func (s *salvager) table(name string, json []string) error {
	into, from, err := s.columns(name)
	if err != nil || len(into) == 0 {
		s.result.Unreadable++
		return s.fatal(err)
	}
	where := []string{"rowid BETWEEN $1 AND $2"}
	for _, c := range json {
		if slices.Contains(from, c) {
			where = append(where, "json_valid("+c+")")
		}
	}
	s.failed, s.run, s.grain = 0, 0, 1
	// The names come from the constants above and from the schema of the new database.
	copyRows := fmt.Sprintf(`INSERT OR IGNORE INTO main.%[1]s (%[2]s) SELECT %[3]s FROM old.%[1]s NOT INDEXED WHERE %[4]s`,
		name, strings.Join(into, ", "), strings.Join(from, ", "), strings.Join(where, " AND "))
	for lo, last := int64(1), s.last(name); lo <= last; lo += salvageChunk {
		if err := s.rows(copyRows, lo, min(lo+salvageChunk-1, last)); err != nil {
			return err
		}
	}
	return nil
}

// columns lists the columns of a table, and what they are filled from: the column of that name,
// or an empty value where the old database has none and there is no default.
func (s *salvager) columns(table string) (into, from []string, err error) {
	rows, err := s.conn.QueryContext(s.ctx, `SELECT n.name, CASE WHEN o.name IS NOT NULL THEN n.name WHEN n.type = 'TEXT' THEN quote('') ELSE '0' END
		FROM pragma_table_info($1, 'main') n LEFT JOIN pragma_table_info($1, 'old') o ON n.name = o.name
		WHERE o.name IS NOT NULL OR n.dflt_value IS NULL AND EXISTS (SELECT 1 FROM pragma_table_info($1, 'old'))`, table)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the columns of %s: %w", table, err)
	}
	_, err = collect(rows, func(row scanner) (none struct{}, err error) {
		var name, source string
		err = row.Scan(&name, &source)
		into, from = append(into, name), append(from, source)
		return none, err
	})
	return into, from, err
}

// last returns the last row id of a table. Where it cannot be read, the path to the end is
// damaged, and so many rows are looked for as the file could hold.
func (s *salvager) last(table string) int64 {
	var last int64
	if s.conn.QueryRowContext(s.ctx, `SELECT COALESCE(MAX(rowid), 0) FROM old.`+table+` NOT INDEXED`).Scan(&last) == nil {
		return last
	}
	var pages, size int64
	if s.conn.QueryRowContext(s.ctx, `PRAGMA old.page_count`).Scan(&pages) != nil || s.conn.QueryRowContext(s.ctx, `PRAGMA old.page_size`).Scan(&size) != nil {
		return 0
	}
	const shortestRow = 16
	return 2 * pages * size / shortestRow // row ids have gaps where rows were pruned
}

// rows copies a range of rows. A range that cannot be read is halved until what is damaged
// is left alone.
func (s *salvager) rows(query string, lo, hi int64) error {
	res, err := s.conn.ExecContext(s.ctx, query, lo, hi)
	if err == nil {
		n, err := res.RowsAffected()
		if s.result.Rows += n; n > 0 {
			s.run, s.grain = 0, 1
		}
		return err //nolint:wrapcheck // never fails with this driver
	}
	if err := s.fatal(err); err != nil {
		return err
	}
	if s.failed++; hi-lo < s.grain || s.failed >= salvageProbes {
		s.result.Unreadable++
		if s.run++; s.run%salvageRun == 0 {
			s.grain *= 2
		}
		return nil
	}
	mid := lo + (hi-lo)/2
	if err := s.rows(query, lo, mid); err != nil {
		return err
	}
	return s.rows(query, mid+1, hi)
}
