// Package duckdb opens DuckDB files for the runner. It is the only package
// that imports DuckDB's driver; a program that leaves it out builds without
// cgo.
//
// What is where:
//
//   - duckdb.go opens: an in-memory instance with the file attached under one
//     fixed name, so that views for a running build can live in memory and
//     leave nothing behind, also beside a file that is attached read-only;
//   - registry.go sees to it that one process has a file open once;
//   - open_errors.go says in plain words why a file could not be opened;
//   - dialect.go writes SQL and touches nothing;
//   - errors.go, describe.go and check.go need the driver: errors with their
//     place, the columns of a SELECT, and whether a text is one SELECT;
//   - checkpoint.go tidies the file once after a build.
//
// The database file itself is never opened by this package: closing any
// descriptor of it would drop DuckDB's own lock on it.
package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"warehouse/runner/engine"
)

// Catalog is the name under which the file is attached.
const Catalog = "warehouse"

// Memory is a Target.Path: a database that ends with the process.
const Memory = ":memory:"

// Engine returns DuckDB.
func Engine() engine.Engine {
	return engine.Engine{Name: "duckdb", Open: open, LockPath: lockPath, Dialect: backend{}}
}

func lockPath(t engine.Target) string {
	if t.Path == Memory {
		return ""
	}
	return t.Path + ".lock"
}

// instanceSettings hold for every connection from its first statement on.
// Errors as JSON carry the byte offset; extensions never come from the network.
const instanceSettings = "?errors_as_json=true&autoload_known_extensions=false&autoinstall_known_extensions=false"

func open(ctx context.Context, t engine.Target) (*engine.DB, error) {
	if err := check(t); err != nil {
		return nil, err
	}
	if t.Path == Memory {
		if t.ReadOnly {
			return nil, fmt.Errorf("%s: %w", t.Path, engine.ErrNotExist)
		}
		return connect(ctx, t, nil)
	}
	release, err := files.enter(t)
	if err != nil {
		return nil, err
	}
	db, err := connect(ctx, t, release)
	if err != nil {
		return nil, err
	}
	return db, nil
}

// check refuses what can be refused without DuckDB, and makes the folder.
func check(t engine.Target) error {
	if t.Path == "" {
		return &engine.OpenError{Path: "target " + t.Name, Msg: "it has no path",
			Advice: "give the target a path, such as target/warehouse.duckdb"}
	}
	if strings.EqualFold(t.Schema, Catalog) {
		return &engine.OpenError{Path: t.Path, Msg: fmt.Sprintf("a schema cannot be named %q: the database itself has that name here", t.Schema),
			Advice: "choose another schema for the target"}
	}
	if t.Path == Memory {
		return nil
	}
	base := filepath.Base(t.Path)
	switch stem := strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base))); stem {
	case "latest", "previous":
		return &engine.OpenError{Path: t.Path,
			Msg:    fmt.Sprintf("a database file named %s hides the schema %s: every query of %s.<mart> from another program would be ambiguous", base, stem, stem),
			Advice: fmt.Sprintf("name the file otherwise, such as %s", filepath.Join(filepath.Dir(t.Path), "warehouse.duckdb"))}
	}
	switch info, err := os.Stat(t.Path); {
	case err == nil && info.IsDir():
		return &engine.OpenError{Path: t.Path, Msg: "it is a directory", Advice: "path must name a file, such as " + filepath.Join(t.Path, "warehouse.duckdb")}
	case err == nil && t.ReadOnly && info.Size() == 0:
		return fmt.Errorf("%s is empty: %w", t.Path, engine.ErrNotExist)
	case os.IsNotExist(err) && t.ReadOnly:
		return fmt.Errorf("%s: %w", t.Path, engine.ErrNotExist)
	case err != nil && !os.IsNotExist(err):
		return openError(t, err)
	}
	if t.ReadOnly {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(t.Path), 0o777); err != nil {
		return openError(t, err)
	}
	return nil
}

// connect makes the instance and its first session. release is called once,
// when the database is closed or could not be opened.
func connect(ctx context.Context, t engine.Target, release func() error) (*engine.DB, error) {
	if release == nil {
		release = func() error { return nil }
	}
	s := &setup{ctx: ctx, target: t}
	connector, err := duckdb.NewConnector(instanceSettings, s.session)
	if err != nil {
		_ = release()
		return nil, openError(t, err)
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxIdleConns(max(8, t.Threads+1)) // a new session costs more than an idle one
	first, err := pool.Conn(ctx)
	if err != nil {
		_ = pool.Close()
		_ = release()
		return nil, openError(t, err)
	}
	_ = first.Close()
	return engine.New(pool, backend{}, t, release), nil
}

// setup prepares an instance once, and each of its sessions.
type setup struct {
	ctx    context.Context // of Open
	target engine.Target
	once   sync.Once
	err    error
	path   string // the SQL that sets the search path
}

func (s *setup) session(e driver.ExecerContext) error {
	s.once.Do(func() { s.err = s.instance(e) })
	if s.err != nil {
		return s.err
	}
	_, err := e.ExecContext(context.Background(), s.path, nil)
	return err
}

// instance attaches the file and sets what holds for all sessions. What locks
// the settings comes last.
func (s *setup) instance(e driver.ExecerContext) error {
	run := func(q string) error {
		_, err := e.ExecContext(s.ctx, q, nil)
		return err
	}
	t := s.target
	temp := t.TempDir
	if temp == "" && t.Path != Memory {
		temp = t.Path + ".tmp"
	}
	if temp != "" {
		if err := run("SET GLOBAL temp_directory = " + engine.Literal(temp)); err != nil {
			return err
		}
	}
	early, late := settings(t.Settings)
	for _, name := range early {
		if err := s.set(run, name); err != nil {
			return err
		}
	}
	if err := s.attach(run); err != nil {
		return err
	}
	s.path = searchPath(engine.Relation{Database: Catalog, Schema: mainSchema})
	if schema := t.Schema; schema != "" && schema != mainSchema {
		name := engine.Relation{Database: Catalog, Schema: schema}
		if !t.ReadOnly {
			if err := run("CREATE SCHEMA IF NOT EXISTS " + name.String()); err != nil {
				return err
			}
		}
		// A reader may come before the schema: then nothing is in it yet.
		if path := searchPath(name); run(path) == nil {
			s.path = path
		}
	}
	for _, name := range late {
		if err := s.set(run, name); err != nil {
			return err
		}
	}
	return nil
}

// attach attaches the file. An empty file, which DuckDB refuses, is what a
// crash or another program's touch(1) leaves: it is taken away first. DuckDB
// looks at the lock before the content, so it was nobody's.
func (s *setup) attach(run func(string) error) error {
	t := s.target
	q := "ATTACH " + engine.Literal(t.Path) + " AS " + engine.Ident(Catalog)
	if t.ReadOnly {
		q += " (READ_ONLY)"
	}
	err := run(q)
	if err == nil || t.ReadOnly || t.Path == Memory || !isNotDatabase(err) {
		return err
	}
	if info, serr := os.Stat(t.Path); serr != nil || info.Size() != 0 {
		return err
	}
	if rerr := os.Remove(t.Path); rerr != nil {
		return rerr
	}
	return run(q)
}

func (s *setup) set(run func(string) error, name string) error {
	if err := run("SET GLOBAL " + engine.Ident(name) + " = " + engine.Literal(s.target.Settings[name])); err != nil {
		return &settingError{name: name, err: err}
	}
	return nil
}

// settings orders the names of a target's settings: by name, but what takes
// away rights comes after the file is attached, and what locks comes last.
func settings(m map[string]string) (early, late []string) {
	rank := map[string]int{"enable_external_access": 1, "lock_configuration": 2}
	for name := range m {
		if rank[strings.ToLower(name)] > 0 {
			late = append(late, name)
		} else {
			early = append(early, name)
		}
	}
	slices.Sort(early)
	slices.SortFunc(late, func(a, b string) int { return rank[strings.ToLower(a)] - rank[strings.ToLower(b)] })
	return early, late
}
