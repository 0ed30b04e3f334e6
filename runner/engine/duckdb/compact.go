package duckdb

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"warehouse/runner/engine"
)

//go:embed catalog.sql
var catalogSQL string

// copyCatalog is the name under which Compact attaches the new file.
const copyCatalog = "warehouse_copy"

// copySuffix is of the new file, beside the old one.
const copySuffix = ".compact"

// Compact writes the file anew, as DuckDB never makes one smaller. Everything
// goes along: tables with their constraints, views, macros, sequences, types
// and comments of all schemas. The caller holds the exclusive lock.
func (backend) Compact(ctx context.Context, t engine.Target, progress func(string)) (engine.Compacted, error) {
	var did engine.Compacted
	if t.Path == Memory || t.Path == "" {
		return did, &engine.OpenError{Path: t.Path, Msg: "a database in memory has no file to make smaller"}
	}
	t.Path, t.ReadOnly = realPath(t.Path), false
	info, err := os.Stat(t.Path)
	if err != nil {
		if os.IsNotExist(err) {
			err = fmt.Errorf("%s: %w", t.Path, engine.ErrNotExist)
		}
		return did, err
	}
	fresh := t.Path + copySuffix
	if err := discardCopy(fresh); err != nil { // what a killed Compact left
		return did, err
	}
	if err := writeCopy(ctx, t, fresh, &did, progress); err != nil {
		return did, errors.Join(err, discardCopy(fresh))
	}
	if err := swap(t.Path, fresh, info); err != nil {
		return did, errors.Join(err, discardCopy(fresh))
	}
	if info, err = os.Stat(t.Path); err != nil {
		return did, err
	}
	did.After = info.Size()
	return did, nil
}

func discardCopy(path string) error {
	var errs []error
	for _, p := range []string{path, path + ".wal"} {
		if err := os.Remove(p); err != nil && !os.IsNotExist(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// writeCopy leaves a complete, compared copy at fresh, and both files closed.
func writeCopy(ctx context.Context, t engine.Target, fresh string, did *engine.Compacted, progress func(string)) (err error) {
	early, _ := settings(t.Settings)
	kept := map[string]string{}
	for _, name := range early { // what takes rights away would forbid the new file
		kept[name] = t.Settings[name]
	}
	t.Settings = kept
	db, err := open(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.With(ctx, func(c *engine.Conn) error {
		exec := func(q string) error { _, err := c.Exec(ctx, q); return err }
		// The old file's log goes into it, so that it is one whole file.
		if err := exec("CHECKPOINT " + quotedCatalog); err != nil {
			return err
		}
		info, err := os.Stat(t.Path)
		if err != nil {
			return err
		}
		did.Before = info.Size()
		attach := "ATTACH " + engine.Literal(fresh) + " AS " + engine.Ident(copyCatalog)
		var version sql.NullString
		var block int64
		const q = "SELECT tags['storage_version'], (SELECT block_size FROM pragma_database_size() AS s WHERE s.database_name = d.database_name)\nFROM duckdb_databases() AS d WHERE database_name = ?"
		if err := c.QueryRow(ctx, q, []any{Catalog}, &version, &block); err != nil {
			return err
		}
		var as []string
		if v := strings.TrimSuffix(version.String, "+"); v != "" {
			as = append(as, "STORAGE_VERSION "+engine.Literal(v))
		}
		if !ownSetting(t, "default_block_size") {
			as = append(as, fmt.Sprintf("BLOCK_SIZE %d", block))
		}
		if len(as) > 0 {
			attach += " (" + strings.Join(as, ", ") + ")"
		}
		if err := exec(attach); err != nil {
			return err
		}
		progress("copying")
		if err := exec("COPY FROM DATABASE " + quotedCatalog + " TO " + engine.Ident(copyCatalog)); err != nil {
			return err
		}
		if err := exec("CHECKPOINT " + engine.Ident(copyCatalog)); err != nil {
			return err
		}
		progress("comparing")
		if err := compare(ctx, c, did); err != nil {
			return err
		}
		return exec("DETACH " + engine.Ident(copyCatalog))
	})
}

// swap puts the new file in the place of the old, which was of the given mode.
// A write-ahead log beside either would belong to the wrong file afterwards.
func swap(path, fresh string, was os.FileInfo) error {
	for _, wal := range []string{path + ".wal", fresh + ".wal"} {
		if _, err := os.Lstat(wal); !os.IsNotExist(err) {
			return fmt.Errorf("%s is there: the database was not closed cleanly", wal)
		}
	}
	if err := os.Chmod(fresh, was.Mode().Perm()); err != nil {
		return err
	}
	keepOwner(fresh, was)
	if err := syncPath(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// syncPath makes a closed file, or the names in a folder, last.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil && errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// compare holds the copy against the database: its catalog, and every table's
// rows.
func compare(ctx context.Context, c *engine.Conn, did *engine.Compacted) error {
	old, err := catalogOf(ctx, c, Catalog)
	if err != nil {
		return err
	}
	copied, err := catalogOf(ctx, c, copyCatalog)
	if err != nil {
		return err
	}
	for _, what := range slices.Sorted(maps.Keys(old)) {
		if copied[what] != old[what] {
			return fmt.Errorf("%w: %s is %q and was %q", engine.ErrCopyDiffers, what, copied[what], old[what])
		}
	}
	if len(copied) != len(old) {
		return fmt.Errorf("%w: it has %d things and not %d", engine.ErrCopyDiffers, len(copied), len(old))
	}
	tables, err := pairs(ctx, c, "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY ALL", Catalog)
	if err != nil {
		return err
	}
	for _, t := range tables {
		a, err := contents(ctx, c, engine.Relation{Database: Catalog, Schema: t[0], Name: t[1]})
		if err != nil {
			return err
		}
		b, err := contents(ctx, c, engine.Relation{Database: copyCatalog, Schema: t[0], Name: t[1]})
		if err != nil {
			return err
		}
		if a != b {
			return fmt.Errorf("%w: %s.%s has other rows: %d against %d", engine.ErrCopyDiffers, t[0], t[1], b.rows, a.rows)
		}
		did.Tables++
		did.Rows += a.rows
	}
	return nil
}

type content struct {
	rows int64
	sum  string
}

func contents(ctx context.Context, c *engine.Conn, table engine.Relation) (content, error) {
	var out content
	err := c.QueryRow(ctx, "SELECT count(*), coalesce(sum(hash(1, t)), 0)::VARCHAR FROM "+table.String()+" AS t", nil, &out.rows, &out.sum)
	return out, err
}

// catalogOf lists all that a database holds, by name, as text.
func catalogOf(ctx context.Context, c *engine.Conn, database string) (map[string]string, error) {
	out := map[string]string{}
	list, err := pairs(ctx, c, catalogSQL, database)
	for _, p := range list {
		out[p[0]] += p[1] + "\n" // of macros of one name there may be several
	}
	return out, err
}

func pairs(ctx context.Context, c *engine.Conn, query string, args ...any) ([][2]string, error) {
	var out [][2]string
	err := c.Each(ctx, query, args, func(scan func(...any) error) error {
		var p [2]string
		err := scan(&p[0], &p[1])
		out = append(out, p)
		return err
	})
	return out, err
}
