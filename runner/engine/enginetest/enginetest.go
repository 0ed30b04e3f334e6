// Package enginetest is the one suite that every engine passes. Its cases are
// what the rest of the project relies on; read Run for the list.
//
// It needs nothing of the project but the package engine, and writes no SQL
// that is an engine's own: an engine that speaks standard SQL can be tried with
// it from outside.
package enginetest

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"warehouse/runner/engine"
)

// Run tries an engine. newTarget returns a target that is empty and can be
// written; each case takes one.
func Run(t *testing.T, e engine.Engine, newTarget func(t *testing.T) engine.Target) {
	Limits{}.Run(t, e, newTarget)
}

// Limits says what the place of an engine's tables, not the engine, cannot do.
type Limits struct {
	// Unlisted are characters that keep a table of such a name from being
	// listed with its columns.
	Unlisted string
}

// Run is the suite within the limits.
func (l Limits) Run(t *testing.T, e engine.Engine, newTarget func(t *testing.T) engine.Target) {
	cases := []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"open twice in a row", testReopen},
		{"describe", testDescribe},
		{"describe errors", testDescribeErrors},
		{"describe leaves the session as it was", testDescribeSession},
		{"atomic", testAtomic},
		{"atomic cancelled", testAtomicCancelled},
		{"runs", testRuns},
		{"evolve", testEvolve},
		{"a comment at the end", testTrailingComment},
		{"odd names", testNames},
		{"text values", testLiterals},
		{"instants", testInstants},
		{"checksum", testChecksum},
		{"static views", testStaticViews},
		{"cancel", testCancel},
		{"deadline", testDeadline},
		{"errors", testErrors},
		{"writers of different tables", testConcurrent},
		{"statement log", testLog},
		{"one SELECT only", testCheckSelect},
		{"views in memory", testMemory},
		{"search path", testSearchPath},
		{"around a build", testCheckpoint},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			target := newTarget(t)
			db, err := e.Open(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			s := &suite{t: t, limits: l, engine: e, target: target, db: db, d: db.Dialect(), ctx: t.Context()}
			s.c = s.conn()
			t.Cleanup(s.close)
			c.run(t, s)
		})
	}
}

// Two run ids as the project makes them.
const (
	runA = "019f4e5a-0000-7000-8000-00000000000a"
	runB = "019f4e5a-0000-7000-8000-00000000000b"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 123456000, time.UTC)

// suite is an open target and one session on it.
type suite struct {
	t      *testing.T
	limits Limits
	engine engine.Engine
	target engine.Target
	db     *engine.DB
	d      engine.Dialect
	c      *engine.Conn
	ctx    context.Context
	conns  []*engine.Conn
}

func (s *suite) close() {
	for _, c := range s.conns {
		_ = c.Close()
	}
	if err := s.db.Close(); err != nil {
		s.t.Error("close:", err)
	}
}

func (s *suite) conn() *engine.Conn {
	s.t.Helper()
	c, err := s.db.Conn(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	s.conns = append(s.conns, c)
	return c
}

// rel names a table of the target.
func (s *suite) rel(name string) engine.Relation {
	return engine.Relation{Schema: cmp.Or(s.target.Schema, s.d.DefaultSchema()), Name: name}
}

func (s *suite) exec(query string) int64 {
	s.t.Helper()
	n, err := s.c.Exec(s.ctx, query)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, query)
	}
	return n
}

// one returns the single value of a query, as text.
func (s *suite) one(query string) string {
	s.t.Helper()
	var v any
	if err := s.c.QueryRow(s.ctx, query, nil, &v); err != nil {
		s.t.Fatalf("%v\n%s", err, query)
	}
	return fmt.Sprint(v)
}

// list returns a query's single column, joined by spaces.
func (s *suite) list(query string) string {
	s.t.Helper()
	rows, err := s.c.Query(s.ctx, query)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, fmt.Sprint(v))
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func (s *suite) equal(got, want any, what string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// mart makes a table of runs with columns k and v and returns it.
func (s *suite) mart(name string) engine.Table {
	s.t.Helper()
	types := s.d.Types()
	t := engine.Table{Relation: s.rel(name), RunColumn: "run_id", Columns: []engine.Column{
		{Name: "run_id", Type: types.RunID}, {Name: "k", Type: types.Int}, {Name: "v", Type: types.Text},
		{Name: "created_at", Type: types.Timestamp}}}
	s.exec(s.d.CreateTable(t))
	return t
}

// insert is a write of k and v into a mart.
func (s *suite) insert(t engine.Table, run, query string) string {
	return s.d.InsertRun(engine.Insert{Table: t.Relation, RunColumn: "run_id", RunID: run, CreatedColumn: "created_at", CreatedAt: noon,
		Physical: []string{"k", "v"}, Columns: []string{"k", "v"}, Select: query})
}

// rows is a SELECT of k and v: k counts from 1, v is as given.
func (s *suite) rows(values ...string) string {
	types := s.d.Types()
	var parts []string
	for i, v := range values {
		parts = append(parts, fmt.Sprintf("SELECT CAST(%d AS %s) AS k, CAST(%s AS %s) AS v", i+1, types.Int, engine.Literal(v), types.Text))
	}
	return strings.Join(parts, "\nUNION ALL ")
}

func (s *suite) count(t engine.Table, run string) string {
	s.t.Helper()
	return s.one(fmt.Sprintf("SELECT count(*) FROM %s WHERE run_id = %s", t.Relation, s.d.RunLiteral(run)))
}
