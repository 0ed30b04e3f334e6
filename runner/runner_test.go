package runner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
)

const projectYML = `name: shop
version: 1.0.0
target: dev
targets: {dev: {type: duckdb, path: target/warehouse.duckdb}}
`

// shop is a project in a temporary folder, and the runs made of it.
type shop struct {
	t      *testing.T
	dir    string
	vars   map[string]any
	env    map[string]string    // environment variables, and no others
	change func(*runner.Config) // what a test sets otherwise
	mu     sync.Mutex
	events []runner.Event
}

// newShop writes a project: files in txtar form, project.yml is added where
// there is none.
func newShop(t *testing.T, files string) *shop {
	t.Helper()
	s := &shop{t: t, dir: t.TempDir()}
	s.write("-- project.yml --\n" + projectYML + files)
	return s
}

func (s *shop) write(files string) {
	s.t.Helper()
	for _, f := range txtar.Parse([]byte(files)).Files {
		path := filepath.Join(s.dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o666); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *shop) remove(name string) {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
		s.t.Fatal(err)
	}
}

// open is a new process's view of the project.
func (s *shop) open() *runner.Runner {
	s.t.Helper()
	r, err := runner.Open(s.t.Context(), s.config())
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *shop) config() runner.Config {
	cfg := runner.Config{Dir: s.dir, Vars: s.vars, Engines: []engine.Engine{duckdb.Engine()}, Version: "test", Host: "here", User: "me",
		LookupEnv: func(name string) (string, bool) { v, ok := s.env[name]; return v, ok },
		Observe: func(e runner.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		}}
	if s.change != nil {
		s.change(&cfg)
	}
	return cfg
}

// messages returns the messages of all events of a kind, one line each.
func (s *shop) messages(kind runner.EventKind) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, e := range s.events {
		if e.Kind == kind {
			if e.Err != nil {
				e.Message += e.Err.Error()
			}
			lines = append(lines, e.Message)
		}
	}
	return strings.Join(lines, "\n")
}

// alter changes the database file behind the runner's back.
func (s *shop) alter(statements ...string) {
	s.t.Helper()
	db, err := duckdb.Engine().Open(s.t.Context(), engine.Target{Name: "dev", Type: "duckdb", Path: s.file()})
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	err = db.With(s.t.Context(), func(c *engine.Conn) error {
		for _, q := range statements {
			if _, err := c.Exec(s.t.Context(), q); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) file() string { return filepath.Join(s.dir, "target", "warehouse.duckdb") }

// node returns what became of a model or data test.
func node(t *testing.T, rep *runner.Report, name string) runner.NodeResult {
	t.Helper()
	for _, n := range rep.Nodes {
		if n.Name == name {
			return n
		}
	}
	t.Fatalf("there is no %s in\n%s", name, describe(rep))
	return runner.NodeResult{}
}

// statuses are "name status" of models and data tests, sorted.
func statuses(rep *runner.Report) string {
	var lines []string
	for _, n := range rep.Nodes {
		lines = append(lines, n.Name+" "+string(n.Status))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// sound holds the target to what is true after anything: no run is running,
// nothing was changed, and every row is of a run that the register knows to
// have written it.
func (s *shop) sound() {
	s.t.Helper()
	v, err := s.open().Verify(s.t.Context(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range v.Mismatches {
		s.t.Errorf("verify: %+v", m)
	}
	if n := s.query("select count(*) from main.run_manifest where status = 'running'", ""); n != "0" {
		s.t.Errorf("%s runs are running", n)
	}
}

// build makes a run that must be a success.
func (s *shop) build(o runner.BuildOptions) *runner.Report {
	s.t.Helper()
	rep := s.try(o)
	if !rep.OK() {
		s.t.Fatalf("the build is %s: %s\n%s", rep.Run.Status, rep.NotBecause, describe(rep))
	}
	return rep
}

// try makes a run that may fail, but must be one.
func (s *shop) try(o runner.BuildOptions) *runner.Report {
	s.t.Helper()
	rep, err := s.open().Build(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	return rep
}

func describe(rep *runner.Report) string {
	var b strings.Builder
	for _, n := range rep.Nodes {
		fmt.Fprintf(&b, "%s %s %s rows=%d failures=%d %s", n.Resource, n.Name, n.Status, n.Rows, n.Failures, n.Because)
		if n.Err != nil {
			fmt.Fprintf(&b, " %v", n.Err)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// query returns rows with blanks between values, one line each.
func (s *shop) query(sql, run string) string {
	s.t.Helper()
	out, err := s.tryQuery(sql, run)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, sql)
	}
	return out
}

func (s *shop) tryQuery(sql, run string) (string, error) {
	var lines []string
	err := s.open().Query(s.t.Context(), runner.QueryOptions{SQL: sql, Run: run}, func([]engine.Column) error { return nil },
		func(row []*string) error {
			vals := make([]string, len(row))
			for i, v := range row {
				vals[i] = "NULL"
				if v != nil {
					vals[i] = *v
				}
			}
			lines = append(lines, strings.Join(vals, " "))
			return nil
		})
	return strings.Join(lines, "\n"), err
}

// want holds a query's rows to what they should be.
func (s *shop) want(want, sql string) {
	s.t.Helper()
	if got := s.query(sql, ""); got != want {
		s.t.Errorf("%s\n got %q\nwant %q", sql, got, want)
	}
}

func noHead([]engine.Column) error { return nil }

// small has a mart with a data test, a view model and a mart below, and a
// second branch.
const small = `
-- models/a.sql --
select i as id, i * {{ var('times', 1) }} as n from range(5) t(i)
-- models/v.sql --
{{ config(materialized='view') }} select id, n from {{ ref('a') }}
-- models/b.sql --
select sum(n) as total from {{ ref('v') }}
-- models/other.sql --
select 1 as one
-- models/schema.yml --
version: 2
models:
  - name: a
    config: {primary_key: [id]}
    columns:
      - name: id
        data_tests: [not_null, unique]
  - name: v
    columns:
      - name: n
        data_tests: [not_null]
`
