package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/diag"
	"warehouse/runner/history"
)

// hint is the advice that comes with an error.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// tell is an error as the command line prints it: what, where, what to do.
func tell(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	var d *diag.Error
	if errors.As(err, &d) {
		text += "\n" + d.Pos.String() + "\n" + d.Source
		for _, f := range d.Trace {
			text += fmt.Sprintf("\n%+v", f)
		}
	}
	return text + "\n" + hint(err)
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in\n%s", p, text)
		}
	}
}

// A model's SQL that does not bind is found before anything is written, in the
// user's own file, and all such models are told of at once.
func TestBindErrors(t *testing.T) {
	for _, c := range []struct {
		name, files string
		status      string // of all nodes
		model       string
		want        []string
	}{
		{"unknown column", `
-- models/a.sql --
select 1 as id
-- models/b.sql --
-- a comment
select id,
       nope
from {{ ref('a') }}
`, "a skipped\nb error", "b", []string{"models/b.sql:3:8", "nope"}},
		{"several at once", `
-- models/a.sql --
select x as id
-- models/b.sql --
select y as id
-- models/c.sql --
select * from {{ ref('a') }}
-- models/d.sql --
select 1 as one
`, "a error\nb error\nc skipped\nd skipped", "b", []string{"models/b.sql:1:8"}},
		{"syntax", `
-- models/a.sql --
select 1 as id
frm x
`, "a error", "a", []string{"models/a.sql:2"}},
		{"a macro wrote it", `
-- macros/m.sql --
{% macro cents(c) %}
  {{ c }} * hundred
{% endmacro %}
-- models/a.sql --
select 1 as x,
  {{ cents('2') }} as y
`, "a error", "a", []string{"models/a.sql:2", "macros/m.sql", "hundred"}},
		{"types", `
-- models/a.sql --
select [1] as list
-- models/b.sql --
select sum(list) as s from {{ ref('a') }}
`, "a skipped\nb error", "b", []string{"models/b.sql:1"}},
		{"run id column", `
-- models/a.sql --
select 1 as run_id, 2 as id
`, "a error", "a", []string{"run_id", "run_id_column", "models/a.sql"}},
		{"created-at column", `
-- models/a.sql --
select 1 as Created_At, 2 as id
`, "a error", "a", []string{"Created_At", "created_at_column"}},
		{"doubled column", `
-- models/a.sql --
select 1 as id, 2 as ID
`, "a error", "a", []string{"two columns are named ID"}},
		{"missing key column", `
-- models/a.sql --
{{ config(primary_key=['idd']) }} select 1 as id
`, "a error", "a", []string{"idd", "id"}},
		{"reserved column", `
-- models/a.sql --
select 1 as "x~2"
`, "a error", "a", []string{"x~2"}},
		{"two statements", `
-- models/a.sql --
select 1 as id; drop table main.run_manifest
`, "a error", "a", []string{"models/a.sql"}},
		{"not a select", `
-- models/a.sql --
delete from main.run_manifest
`, "a error", "a", []string{"models/a.sql"}},
		{"empty", `
-- models/a.sql --
{# nothing #}
`, "a error", "a", []string{"models/a.sql"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, c.files)
			rep := s.try(runner.BuildOptions{})
			if got := statuses(rep); got != c.status {
				t.Errorf("got\n%s", describe(rep))
			}
			if rep.Run.Status != history.Failed || rep.Publication != 0 {
				t.Errorf("the run is %s", rep.Run.Status)
			}
			contains(t, tell(node(t, rep, c.model).Err), c.want...)
			if got := s.query("select count(*) from duckdb_tables() where table_name in ('a', 'b', 'c', 'd')", ""); got != "0" {
				t.Errorf("%s tables were made", got)
			}
			if got := s.query("select count(*) from main.run_manifest_model where status in ('error', 'skipped') and run_id = '"+rep.Run.ID+"'", ""); got != fmt.Sprint(len(rep.Nodes)) {
				t.Errorf("%s models are in the register", got)
			}
		})
	}
}

// What goes wrong only when rows are read.
func TestRunErrors(t *testing.T) {
	for _, c := range []struct {
		name, files, status string
		want                []string
	}{
		{"conversion", `
-- models/a.sql --
select cast(x as integer) as id from (values ('1'), ('x')) t(x)
-- models/b.sql --
select * from {{ ref('a') }}
-- models/c.sql --
select 1 as one
`, "a error\nb skipped\nc success", []string{"models/a.sql", "Could not convert string 'x'"}},
		{"key", `
-- models/a.sql --
{{ config(primary_key=['id']) }} select unnest([1, 1, 2, 3, 3, 3]) as id
`, "a error", []string{"the key (id) of a is broken", "id = 3: 3 rows", "id = 1: 2 rows", "primary_key"}},
		{"null in the key", `
-- models/a.sql --
{{ config(primary_key=['id', 'k']) }} select unnest([1, null]) as id, 2 as k
`, "a error", []string{"1 row with NULL", "id = NULL, k = 2"}},
		{"enforced key", `
-- models/a.sql --
{{ config(primary_key=['id'], primary_key_enforced=true) }} select unnest([1, 1]) as id
`, "a error", []string{"uplicate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, c.files)
			rep := s.try(runner.BuildOptions{})
			if got := statuses(rep); got != c.status {
				t.Errorf("got\n%s", describe(rep))
			}
			contains(t, tell(node(t, rep, "a").Err), c.want...)
			s.sound()
			// The same id again, as long as nothing was published.
			again := s.try(runner.BuildOptions{RunID: rep.Run.ID})
			if got := statuses(again); got != c.status {
				t.Errorf("again: got\n%s", describe(again))
			}
			s.sound()
		})
	}
}

// What keeps a build from beginning takes no run id and says what to do.
func TestRefusedBeforeTheRun(t *testing.T) {
	for _, c := range []struct {
		name, files string
		o           runner.BuildOptions
		is          error
		want        []string
	}{
		{"no model of that name", "", runner.BuildOptions{Select: []string{"ordrs"}}, runner.ErrNothingSelected, []string{`"ordrs" matches nothing`, `did you mean "orders"`}},
		{"all excluded", "", runner.BuildOptions{Exclude: []string{"*"}}, runner.ErrNothingSelected, []string{"nothing to build"}},
		{"only a test", "", runner.BuildOptions{Select: []string{"test_type:singular"}}, runner.ErrNothingSelected, nil},
		{"bad selector", "", runner.BuildOptions{Select: []string{"tagg:x"}}, nil, []string{"tag"}},
		{"run id", "", runner.BuildOptions{RunID: "r1"}, nil, []string{"is not a UUID"}},
		{"a parent was never published", "\n-- models/up.sql --\nselect 1 as x\n-- models/down.sql --\nselect * from {{ ref('up') }}\n",
			runner.BuildOptions{Select: []string{"down"}}, runner.ErrNotPublished, []string{"down reads up", "--select +down"}},
		{"missing var", "\n-- models/x.sql --\nselect {{ var('nope') }} as x\n", runner.BuildOptions{}, nil, []string{"models/x.sql:1", "nope"}},
		{"missing env_var", "\n-- models/x.sql --\nselect {{ env_var('NOPE') }} as x\n", runner.BuildOptions{}, nil, []string{"models/x.sql:1", "NOPE"}},
		{"missing ref", "\n-- models/x.sql --\nselect * from {{ ref('ordrs') }}\n", runner.BuildOptions{}, nil, []string{"models/x.sql:1", "orders"}},
		{"cycle", "\n-- models/x.sql --\nselect * from {{ ref('y') }}\n-- models/y.sql --\nselect * from {{ ref('x') }}\n", runner.BuildOptions{}, nil, []string{"models/x.sql", "models/y.sql"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, "-- models/orders.sql --\nselect 1 as id\n-- tests/t.sql --\nselect 1 where false\n"+c.files)
			rep, err := s.open().Build(t.Context(), c.o)
			if err == nil {
				t.Fatalf("no error: %s", describe(rep))
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
			contains(t, tell(err), c.want...)
			lines, err := s.open().Runs(t.Context(), 0)
			if err != nil || len(lines) != 0 {
				t.Errorf("%d runs, %v", len(lines), err)
			}
		})
	}
}

func TestUnknownTarget(t *testing.T) {
	s := newShop(t, "-- models/a.sql --\nselect 1 as id\n")
	cfg := s.config()
	cfg.Target = "dve"
	_, err := runner.Open(t.Context(), cfg)
	contains(t, tell(err), "dve", "dev")
	s.write("-- project.yml --\n" + strings.Replace(projectYML, "type: duckdb", "type: duckbd", 1))
	_, err = runner.Open(t.Context(), s.config())
	contains(t, tell(err), "duckbd", "duckdb")
}

func TestBadFiles(t *testing.T) {
	root := os.Geteuid() == 0
	for _, c := range []struct {
		name string
		make func(t *testing.T, s *shop)
		want []string
	}{
		{"not a database", func(t *testing.T, s *shop) { write(t, s.file(), strings.Repeat("no database ", 1000)) }, []string{"warehouse.duckdb", "not a DuckDB database"}},
		{"cut off", func(t *testing.T, s *shop) {
			s.build(runner.BuildOptions{})
			if err := os.Truncate(s.file(), 5000); err != nil {
				t.Fatal(err)
			}
		}, []string{"warehouse.duckdb"}},
		{"damaged", func(t *testing.T, s *shop) {
			s.build(runner.BuildOptions{})
			b, err := os.ReadFile(s.file())
			if err != nil {
				t.Fatal(err)
			}
			for i := range 4096 * 3 {
				b[i] ^= 0x5a
			}
			write(t, s.file(), string(b))
		}, []string{"warehouse.duckdb"}},
		{"a folder", func(t *testing.T, s *shop) {
			if err := os.MkdirAll(s.file(), 0o777); err != nil {
				t.Fatal(err)
			}
		}, []string{"warehouse.duckdb", "directory"}},
		{"unreadable", func(t *testing.T, s *shop) {
			if root {
				t.Skip("root reads every file")
			}
			s.build(runner.BuildOptions{})
			if err := os.Chmod(s.file(), 0); err != nil {
				t.Fatal(err)
			}
		}, []string{"permission denied"}},
		{"the folder is not writable", func(t *testing.T, s *shop) {
			if root {
				t.Skip("root writes into every folder")
			}
			if err := os.MkdirAll(filepath.Dir(s.file()), 0o500); err != nil {
				t.Fatal(err)
			}
		}, []string{"permission denied"}},
		{"the folder is a file", func(t *testing.T, s *shop) { write(t, filepath.Dir(s.file()), "x") }, []string{"target"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, "-- models/a.sql --\nselect 1 as id\n")
			c.make(t, s)
			_, err := s.open().Build(t.Context(), runner.BuildOptions{})
			if err == nil {
				t.Fatal("no error")
			}
			t.Log(tell(err))
			contains(t, tell(err), c.want...)
			if _, err := s.open().Runs(t.Context(), 0); err == nil {
				t.Error("runs: no error")
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A reader's mistakes are told, too.
func TestQueryErrors(t *testing.T) {
	s := newShop(t, "-- models/a.sql --\nselect 1 as id\n")
	if _, err := s.tryQuery("select 1", ""); err == nil || !strings.Contains(hint(err), "warehouse build") {
		t.Errorf("without a database: %v", err)
	}
	s.build(runner.BuildOptions{})
	for sql, want := range map[string]string{
		"select nope from a":                 "query:1:8",
		"select 1; select 2":                 "one",
		"drop table main.a":                  "SELECT",
		"copy (select 1) to '/tmp/x.y'":      "SELECT",
		"insert into main.a (id) select 1":   "SELECT",
		"":                                   "",
		"select error('boom')":               "boom",
		"explain analyze delete from main.a": "SELECT",
		"pragma table_info('a')":             "",
		"set threads = 1":                    "SELECT",
		"attach 'x.db'":                      "SELECT",
	} {
		_, err := s.tryQuery(sql, "")
		if err == nil {
			t.Errorf("%q: no error", sql)
			continue
		}
		contains(t, tell(err), want)
	}
	_, err := s.tryQuery("select 1", "r99")
	contains(t, tell(err), "r99", "no run has that number")
}

// A cancelled context ends each verb at once.
func TestCancelledVerbs(t *testing.T) {
	s := newShop(t, "-- models/a.sql --\nselect 1 as id\n-- tests/t.sql --\nselect * from {{ ref('a') }} where id = 2\n")
	s.build(runner.BuildOptions{})
	r := s.open()
	if err := r.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, f := range map[string]func() error{
		"build": func() error { _, err := r.Build(ctx, runner.BuildOptions{}); return err },
		"runs":  func() error { _, err := r.Runs(ctx, 0); return err },
		"query": func() error {
			return r.Query(ctx, runner.QueryOptions{SQL: "select 1"}, noHead, func([]*string) error { return nil })
		},
		"verify": func() error { _, err := r.Verify(ctx, ""); return err },
		"tag":    func() error { _, err := r.Tag(ctx, "latest", "x", runner.TagOptions{}); return err },
	} {
		if err := f(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.sound()
}
