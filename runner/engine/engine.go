// Package engine is what the rest of the project knows of a database.
//
// The way in:
//
//  1. An Engine (one value per product, made by duckdb.Engine or trino.Engine)
//     opens a Target and gives a DB.
//  2. DB.Conn takes one session out of the pool. All work that belongs together
//     runs on one Conn.
//  3. Conn.Atomic runs a few statements as one step: a transaction where the
//     engine has them (see Atomic for where it has not).
//  4. Dialect writes the SQL that differs between engines. It is pure: names
//     and values in, text out.
//  5. A failed statement is a *QueryError, with the place in the statement
//     where the engine gives one.
//
// What only one engine can do is a small optional interface in optional.go,
// probed where it is used. Nothing here imports a driver.
package engine

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Target is one engine connection, as project.yml names it.
type Target struct {
	Name     string            // "dev"
	Type     string            // "duckdb", "trino": the Engine's name
	Path     string            // database file, absolute (duckdb)
	DSN      string            // connection text (trino)
	Catalog  string            // trino
	Schema   string            // schema of the marts; "" is the engine's default
	Threads  int               // models at once; 0: the engine's default
	Settings map[string]string // engine settings, set once on opening
	TempDir  string            // where the engine may spill; "" is beside the file
	ReadOnly bool
	// Source names what the statements are sent for, where a server keeps that:
	// by it those of a run are found when its client is gone.
	Source string
}

// Engine is one database product.
type Engine struct {
	Name string
	// Open connects. A read-only target that does not exist yet is
	// ErrNotExist; a file that another program holds is *LockedError.
	Open func(ctx context.Context, t Target) (*DB, error)
	// LockPath is the file that guards the target among processes, or "" where
	// the engine needs no lock.
	LockPath func(t Target) string
	// Dialect is what an opened DB's Dialect returns; it is pure, so SQL can be
	// written before anything is opened.
	Dialect Dialect
}

// Sentinels.
var (
	// ErrNotExist: a target was opened for reading and is not there yet.
	ErrNotExist = errors.New("the database does not exist yet")
	// ErrCommitUnknown: COMMIT reported an error; the rows may be there or
	// not. Callers read the register back.
	ErrCommitUnknown = errors.New("the outcome of a commit is not known")
)

// LockedError says that another program holds the database.
type LockedError struct {
	Path    string
	Program string
	PID     int
	Err     error
}

func (e *LockedError) Error() string {
	who := "another program"
	if e.PID != 0 {
		who = fmt.Sprintf("%s (pid %d)", e.Program, e.PID)
	}
	return fmt.Sprintf("%s is in use by %s", e.Path, who)
}
func (e *LockedError) Unwrap() error { return e.Err }
func (e *LockedError) Hint() string {
	return "wait for it to end or close its connection; --lock-timeout sets how long to wait"
}

// OpenError says why a database could not be opened: not readable, from a
// newer version, damaged.
type OpenError struct {
	Path, Msg, Advice string
	Err               error
}

func (e *OpenError) Error() string { return fmt.Sprintf("cannot open %s: %s", e.Path, e.Msg) }
func (e *OpenError) Unwrap() error { return e.Err }
func (e *OpenError) Hint() string  { return e.Advice }

// Kind of a QueryError, as far as callers act on it.
type Kind string

const (
	KindBinder     Kind = "binder"     // unknown name, type mismatch: found without running
	KindSyntax     Kind = "syntax"     // not SQL
	KindRuntime    Kind = "runtime"    // conversion, out of range, a call to error()
	KindConstraint Kind = "constraint" // an enforced key
	KindConflict   Kind = "conflict"   // another transaction was faster
	KindDiskFull   Kind = "disk full"
	KindMemory     Kind = "out of memory"
	KindCancelled  Kind = "cancelled"
	KindExtension  Kind = "missing extension" // the name is in Msg
	KindOther      Kind = "other"
)

// QueryError is a statement that the engine refused or could not finish.
type QueryError struct {
	Kind   Kind
	Msg    string // the engine's own words, without its prefix and excerpt
	Offset int    // byte offset in SQL, -1 if the engine does not say
	SQL    string // the statement as sent
	Advice string
	Err    error // the driver's error
}

func (e *QueryError) Error() string { return e.Msg }
func (e *QueryError) Unwrap() error { return e.Err }
func (e *QueryError) Hint() string  { return e.Advice }

// Relation names a table or view. Empty parts are left out of the text.
type Relation struct{ Database, Schema, Name string }

// String returns the quoted dotted name.
func (r Relation) String() string {
	var parts []string
	for _, p := range []string{r.Database, r.Schema, r.Name} {
		if p != "" {
			parts = append(parts, Ident(p))
		}
	}
	return strings.Join(parts, ".")
}

// Column is a column's name and the engine's own text for its type.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Ident quotes a name: the only way a name gets into SQL.
func Ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Idents quotes names and joins them by commas.
func Idents(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = Ident(n)
	}
	return strings.Join(q, ", ")
}

// Literal quotes a text value: the only way a value gets into SQL as text.
func Literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Statement is one entry of the statement log.
type Statement struct {
	SQL      string
	Args     []any
	Duration time.Duration
	Err      error
}

// Backend is what an engine package implements: its dialect, and the two
// things that need its driver.
type Backend interface {
	Dialect
	// Describe binds a SELECT without running it and returns its columns in
	// order, duplicates included, names as written. A failure is a
	// *QueryError whose Offset points into query.
	Describe(ctx context.Context, c *Conn, query string) ([]Column, error)
	// Explain turns a driver's error into a *QueryError; nil stays nil. It is
	// called for every failed statement. A cancelled statement is of
	// KindCancelled, and errors.Is finds the context's error in it.
	Explain(err error, query string) error
}

// DB is an open target. It is safe for concurrent use.
type DB struct {
	backend Backend
	sql     *sql.DB
	target  Target
	log     func(Statement)
	memory  Memory
	slow    slow
	onClose func() error
}

// Memory holds views for an engine that cannot hold any outside the target: it
// puts their text in the place of their names.
type Memory interface {
	// Rewrite returns the statement to send. place turns a byte offset in it into
	// one of sql.
	Rewrite(sql string) (text string, place func(int) int)
}

// New is for engine packages: a DB over an open pool. onClose, if not nil,
// runs after the pool is closed.
func New(db *sql.DB, b Backend, t Target, onClose func() error) *DB {
	return &DB{backend: b, sql: db, target: t, onClose: onClose}
}

// Dialect returns the engine's dialect; a type assertion on it finds the
// optional interfaces.
func (db *DB) Dialect() Dialect { return db.backend }

// Target returns what was opened.
func (db *DB) Target() Target { return db.target }

// Log makes every later statement known to f, which must be quick and safe for
// concurrent use. Call it before the DB is used.
func (db *DB) Log(f func(Statement)) { db.log = f }

// SetMemory makes every later statement, and what is described, go through m.
// Call it before the DB is used.
func (db *DB) SetMemory(m Memory) { db.memory = m }

// Memory returns what SetMemory was given, or nil.
func (db *DB) Memory() Memory { return db.memory }

// rewritten is the statement to send, and what turns its error into one of the
// statement as it was given.
func (db *DB) rewritten(query string) (string, func(error) error) {
	same := func(err error) error { return err }
	if db.memory == nil {
		return query, same
	}
	text, place := db.memory.Rewrite(query)
	if text == query {
		return query, same
	}
	return text, func(err error) error {
		var qe *QueryError
		if !errors.As(err, &qe) {
			return err
		}
		moved := *qe
		moved.SQL = query
		if moved.Offset >= 0 {
			moved.Offset = place(moved.Offset)
		}
		return &moved
	}
}

// Close gives the database back. All Conns must be closed before.
func (db *DB) Close() error {
	err := db.sql.Close()
	if db.onClose != nil {
		err = errors.Join(err, db.onClose())
	}
	return err
}

// Conn takes a session; Close gives it back.
func (db *DB) Conn(ctx context.Context) (*Conn, error) {
	c, err := db.sql.Conn(ctx)
	if err != nil {
		return nil, db.backend.Explain(err, "")
	}
	return &Conn{db: db, sql: c}, nil
}

// With runs f on a session of its own.
func (db *DB) With(ctx context.Context, f func(*Conn) error) error {
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

// Conn is one session. It is for one goroutine at a time.
type Conn struct {
	db       *DB
	sql      *sql.Conn
	inAtomic bool
	discard  bool // not fit for another user
}

// Close gives the session back to the pool, or ends it if it was changed.
func (c *Conn) Close() error {
	if c.discard {
		// What the pool hears of a bad session is that it is to be dropped.
		_ = c.sql.Raw(func(any) error { return driver.ErrBadConn })
	}
	if err := c.sql.Close(); err != nil && !c.discard {
		return err
	}
	return nil
}

// SearchPath makes the session look unqualified names up in schemas, in order,
// until it is closed. Where the engine cannot, it is errors.ErrUnsupported.
func (c *Conn) SearchPath(ctx context.Context, schemas ...Relation) error {
	p, ok := c.db.backend.(SearchPather)
	if !ok {
		return errors.ErrUnsupported
	}
	c.discard = true
	_, err := c.Exec(ctx, p.SearchPath(schemas...))
	return err
}

// DB returns the database of the session.
func (c *Conn) DB() *DB { return c.db }

// Raw gives an engine package the driver's own connection.
func (c *Conn) Raw(f func(any) error) error { return c.sql.Raw(f) }

// Exec runs one statement and returns the number of rows it changed.
func (c *Conn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	query, back := c.db.rewritten(query)
	res, err := sent(c, query, args, func() (sql.Result, error) { return c.sql.ExecContext(ctx, query, args...) })
	if err != nil {
		return 0, back(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, nil // the engine has no count for this kind of statement
	}
	return n, nil
}

// Query runs a SELECT. The caller closes the rows; errors met while reading
// them are the driver's, pass them to Explain. Some engines hold the whole
// result in memory: bound it with LIMIT.
func (c *Conn) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	query, back := c.db.rewritten(query)
	rows, err := sent(c, query, args, func() (*sql.Rows, error) { return c.sql.QueryContext(ctx, query, args...) })
	if err != nil {
		return nil, back(err)
	}
	return rows, nil
}

// sendings is how often a statement is sent that does nothing, because another
// client changes its table at that moment.
const sendings = 5

// sent sends a statement by f, and logs and explains what comes of it.
func sent[T any](c *Conn, query string, args []any, f func() (T, error)) (out T, err error) {
	replanner, _ := c.db.backend.(Replanner)
	for range sendings {
		start := time.Now()
		stop := c.db.slow.watch()
		out, err = f()
		stop()
		c.logged(query, args, start, err)
		if err == nil {
			return out, nil
		}
		err = c.db.backend.Explain(err, query)
		if replanner == nil || !replanner.Replan(err) {
			break
		}
	}
	return out, err
}

// Each runs a SELECT and calls f for each row, which takes its values by scan.
// The first error of f ends it.
func (c *Conn) Each(ctx context.Context, query string, args []any, f func(scan func(dest ...any) error) error) error {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return c.Explain(err, query)
	}
	return nil
}

// QueryRow reads the single row of a SELECT into dest. sql.ErrNoRows is
// returned as it is.
func (c *Conn) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return c.Explain(err, query)
		}
		return sql.ErrNoRows
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return rows.Close()
}

// Explain turns an error of sql.Rows into a *QueryError.
func (c *Conn) Explain(err error, query string) error {
	query, back := c.db.rewritten(query)
	return back(c.db.backend.Explain(err, query))
}

// Describe binds a SELECT without running it: its columns in order.
func (c *Conn) Describe(ctx context.Context, query string) ([]Column, error) {
	query, back := c.db.rewritten(query)
	cols, err := c.db.backend.Describe(ctx, c, query)
	return cols, back(err)
}

// Atomic runs f as one step. Where the engine has transactions, all of f
// becomes visible at once or not at all: an error, a panic or a cancelled
// context undoes it, while COMMIT itself cannot be cancelled (a cancelled
// COMMIT would report failure and yet have committed). If COMMIT reports an
// error, the result is ErrCommitUnknown.
//
// Where the engine has none, f's statements run one after the other, so f
// must be ordered such that a stop between any two leaves a state that the
// next command mends; the last statement is the one that counts.
//
// Atomic inside Atomic is part of the outer step.
func (c *Conn) Atomic(ctx context.Context, f func() error) (err error) {
	t, ok := c.db.backend.(Transactor)
	if !ok || c.inAtomic {
		return f()
	}
	begin, commit, rollback := t.Transaction()
	if err := ctx.Err(); err != nil {
		return err
	}
	// Neither end of a transaction is cancelled: the session must not be left
	// in doubt about having one.
	undo := context.WithoutCancel(ctx)
	if _, err := c.Exec(undo, begin); err != nil {
		return err
	}
	c.inAtomic = true
	done := false
	defer func() {
		c.inAtomic = false
		if !done {
			_, rerr := c.Exec(undo, rollback)
			c.discard = c.discard || rerr != nil
			if err != nil && rerr != nil {
				err = errors.Join(err, fmt.Errorf("and undoing it: %w", rerr))
			}
		}
	}()
	if err := f(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	done = true
	if _, err := c.Exec(undo, commit); err != nil {
		_, _ = c.Exec(undo, rollback)
		c.discard = true // the session must not go back with a transaction open
		return fmt.Errorf("%w: %w", ErrCommitUnknown, err)
	}
	return nil
}

func (c *Conn) logged(query string, args []any, start time.Time, err error) {
	if c.db.log != nil {
		c.db.log(Statement{SQL: query, Args: args, Duration: time.Since(start), Err: err})
	}
}
