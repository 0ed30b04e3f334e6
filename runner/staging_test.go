//go:build unix

package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

const stagedYML = `
-- project.yml --
name: shop
version: 1.0.0
target: dev
targets: {dev: {type: duckdb, path: target/warehouse.duckdb, staging: parquet}}
`

// kindsOf has a model of each kind, values that a Parquet file does not hold, a
// source in the target's own file, a table read by its name, and columns that
// come, go and change their type with n.
const kindsOf = `
-- models/raw.yml --
version: 2
sources: [{name: raw, schema: raw, tables: [{name: votes}]}]
models:
  - name: odd
    config: {primary_key: [id]}
    columns: [{name: id, data_tests: [unique, not_null]}]
  - name: other
    config: {schema: more, primary_key: [id], closed: "id < 0", max_change: {rows_removed: 0}}
-- models/odd.sql --
select i as id, sum(i)::hugeint + 170141183460469231731687303715884105000 as huge, {'a': i::hugeint, 'b': [i]} as nested, 'a'::enum('a', 'b') as e, '{"x": 1}'::json as j
from range(7) t(i) group by i
-- models/plain.sql --
select i as id, i::decimal(18,3) / 3 as d, case i when 1 then 'nan'::double when 2 then 'inf'::double when 3 then -0.0::double else i / 3 end as f,
    case i when 1 then 'infinity'::timestamp when 2 then '-infinity'::timestamp else '2020-01-01 00:00:00.123456'::timestamp end as at,
    case i when 1 then 'infinity'::date else '0044-03-15 (BC)'::date end as day, '23:59:59.999999'::time as t, '2020-01-01 00:00:00+00'::timestamptz as z,
    case i when 1 then '' when 2 then null else 'ä''"' || i end as s, '\x00\xff'::blob as bytes, uuid '01a21241-259b-7357-bebb-9e74422b4158' as u, i % 2 = 0 as yes,
    {% if var('n') > 1 %}i::varchar as changes, 1 as more{% else %}i as changes, 2 as less{% endif %}
from range(5) t(i)
-- models/v.sql --
{{ config(materialized='view') }} select id, s from {{ ref('plain') }}
-- models/inc.sql --
{{ config(materialized='incremental', unique_key='id') }}
select i as id, {{ var('n') }} as n from range({{ var('n') }}, {{ var('n') }} + 3) t(i) {% if is_incremental() %} where i not in (select max(id) + 100 from {{ this }}) {% endif %}
-- models/other.sql --
{% set top = run_query('select max(id) as m from ' ~ ref('inc')) %}
select i as id, {{ top.columns[0].values()[0] if execute else 0 }} as top, (select count(*) from {{ source('raw', 'votes') }}) as votes, (select count(*) from {{ ref('v') }}) as seen
from range(3) t(i)
-- tests/by_name.sql --
select 1 from (select count(*) as n from main.plain) where n <> 5 * {{ var('builds') }} and {{ var('builds') }} > 0 -- {{ ref('plain') }}
`

// A staged build leaves what a plain one leaves.
func TestStaging(t *testing.T) {
	plain, staged := newShop(t, kindsOf), newShop(t, kindsOf+stagedYML)
	for _, s := range []*shop{plain, staged} {
		s.alter("create schema raw", "create table raw.votes as select 1 as v", "create schema latest", "create view latest.theirs as select * from raw.votes")
		for i, n := range []int{1, 2, 1, 3} {
			s.vars = map[string]any{"n": n, "builds": i + 1}
			s.build(runner.BuildOptions{Reuse: i == 3})
		}
		s.vars = map[string]any{"n": 3, "builds": 0}
		s.build(runner.BuildOptions{Select: []string{"inc"}})
		s.alter("drop table raw.votes", "drop view latest.theirs")
		s.try(runner.BuildOptions{}) // other cannot bind
		s.sound()
	}
	for _, q := range []string{
		"select seq, m.model, m.status, row_count, checksum, m.columns::varchar, compiled_sql from (select seq, run_id as r from run_manifest) r join run_manifest_model m on m.run_id = r.r order by 1, 2, 3",
		"select seq, status, row_count, models_ok, models_failed, tests_failed, base_publication from run_manifest order by 1",
		"select seq, test, t.status, failures from run_manifest_test t join run_manifest r using (run_id) order by all",
		"select event from run_ledger where event not like 'publish%' order by seq",
		"select p.seq, mart, r.seq from run_publication_mart p join run_manifest r on r.run_id = p.run_id order by all",
		"select table_schema, table_name, table_type from information_schema.tables where table_catalog = 'warehouse' order by all",
		"select * exclude (run_id, created_at) from latest.plain order by id", "select * exclude (run_id, created_at) from previous.odd order by id",
		"select * exclude (run_id, created_at) from latest.inc order by all", "select * exclude (run_id, created_at) from latest.other order by all",
	} {
		a, b := strings.Split(plain.query(q, ""), "\n"), strings.Split(staged.query(q, ""), "\n")
		for i := range max(len(a), len(b)) {
			if i >= len(a) || i >= len(b) || a[i] != b[i] {
				t.Errorf("%s\nplain:  %s\nstaged: %s", q, strings.Join(a[min(i, len(a)):], "\n"), strings.Join(b[min(i, len(b)):], "\n"))
				break
			}
		}
	}
	staged.want("0", "select count(*) from main.plain p join run_manifest_model m on m.run_id = p.run_id and m.model = 'plain' where p.created_at not between m.started_at and m.finished_at")
	if left, _ := os.ReadDir(filepath.Join(staged.dir, "target", "warehouse.duckdb.staging")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// The child of TestStagedReaders: another process, which reads.
func TestStagedReaderChild(t *testing.T) {
	dir := os.Getenv("STAGED_DIR")
	if dir == "" {
		t.Skip("it is run by TestStagedReaders")
	}
	s := &shop{t: t, dir: dir}
	fmt.Println("total:", s.query("select total from latest.b", ""))
}

// Until a staged build writes into the file, other processes read it; a second
// one waits, and so does what changes the file.
func TestStagedReaders(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	s := newShop(t, small+stagedYML)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"times": 2}
	var once sync.Once
	var out []byte
	var read, second, move error
	s.change = func(c *runner.Config) {
		c.Statement = func(q engine.Statement) {
			if !strings.HasPrefix(q.SQL, "COPY ") {
				return
			}
			once.Do(func() {
				cmd := exec.Command(os.Args[0], "-test.run=^TestStagedReaderChild$", "-test.v")
				cmd.Env = append(os.Environ(), "STAGED_DIR="+s.dir)
				out, read = cmd.CombinedOutput()
				other := &shop{t: t, dir: s.dir, vars: s.vars}
				_, second = other.open().Build(t.Context(), runner.BuildOptions{})
				_, _, move = other.open().Publish(t.Context(), "r1", runner.PublishOptions{})
			})
		}
	}
	s.build(runner.BuildOptions{})
	s.change = nil
	if read != nil || !strings.Contains(string(out), "total: 10\n") {
		t.Errorf("a reader: %v\n%s", read, out)
	}
	var locked *history.LockTimeoutError
	if !errors.As(second, &locked) || !errors.As(move, &locked) {
		t.Errorf("a second build: %v; a publication: %v", second, move)
	}
	s.want("20", "select total from latest.b")
	s.sound()
}

// A staged build that is killed leaves nothing in the file, or all; the next
// one removes what it left beside it.
func TestStagedKill(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	s := newShop(t, small+stagedYML)
	first := s.build(runner.BuildOptions{})
	crash(s, 1<<30, "00000000-0000-7000-8000-000000000000")
	_, out := crash(s, 1<<30, "00000000-0000-7000-8000-0000000000ff") // without views to make
	_, count, _ := strings.Cut(out, "statements: ")
	var total int
	if _, err := fmt.Sscan(count, &total); err != nil {
		t.Fatal(out)
	}
	s.rollback("r1")
	states := map[string]int{}
	for i := range 8 {
		at := 1 + (total-1)*i/7
		id := fmt.Sprintf("00000000-0000-7000-8000-0000000000%02x", i+1)
		if killed, _ := crash(s, at, id); !killed {
			continue
		}
		s.events = nil
		lines, err := s.open().Runs(t.Context(), 1)
		switch {
		case err != nil:
			t.Fatal(err)
		case lines[0].ID != id:
			states["nothing"]++
			s.want("10", "select total from latest.b")
			s.want(first.Run.ID, "select any_value(run_id) from latest.a")
		case lines[0].Status == history.Success && lines[0].Live:
			states["published"]++
			s.want("20", "select total from latest.b")
			s.rollback("r1")
		default:
			t.Errorf("killed at %d: the run is %s", at, lines[0].Status)
		}
		if m := s.messages(runner.EventMended); m != "" {
			t.Errorf("killed at %d: %s", at, m)
		}
		s.sound()
	}
	t.Log(total, "statements:", states)
	if states["nothing"] < 4 || states["published"] < 1 {
		t.Errorf("too few of some: %v", states)
	}
	s.build(runner.BuildOptions{})
	if _, err := os.Stat(filepath.Join(s.dir, "target", "warehouse.duckdb.staging")); !os.IsNotExist(err) {
		t.Errorf("what was left is there still: %v", err)
	}
}

// What would be lost with the scratch database is refused: hooks, and queries of
// templates that write.
func TestStagingRefuses(t *testing.T) {
	s := newShop(t, small+stagedYML)
	s.build(runner.BuildOptions{})
	s.write("-- models/hooked.sql --\n{{ config(post_hook='create table main.log (i int)') }}\nselect 1 as x\n")
	if _, err := s.open().Build(t.Context(), runner.BuildOptions{}); err == nil || !strings.Contains(err.Error(), "the hooks of hooked") {
		t.Errorf("a hook: %v", err)
	}
	s.build(runner.BuildOptions{Select: []string{"a"}})
	s.write("-- models/hooked.sql --\n{% if execute %}{% do run_query('create table main.log (i int)') %}{% endif %}\nselect 1 as x\n")
	rep := s.try(runner.BuildOptions{})
	if rep.Run.Status != history.Failed || !strings.Contains(describe(rep), "may only read") {
		t.Errorf("a query that writes: %s", describe(rep))
	}
	s.sound()
}

// Rows that are not those that were tested are not written: the run has failed,
// says why, and what was published stays.
func TestStagedRowsDiffer(t *testing.T) {
	s := newShop(t, small+stagedYML)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"times": 2}
	var once sync.Once
	s.change = func(c *runner.Config) {
		c.Observe = func(e runner.Event) {
			if e.Kind != runner.EventProgress || e.Message != "publishing" {
				return
			}
			once.Do(func() { // between the tests and the copy, somebody changes the files
				files, err := filepath.Glob(filepath.Join(s.dir, "target", "warehouse.duckdb.staging", "*.parquet"))
				if err != nil || len(files) == 0 {
					t.Fatal(files, err)
				}
				for _, f := range files {
					cols := "run_id, id, n + 1 as n, created_at"
					c := memory(t)
					if _, err := c.Exec(t.Context(), "copy (select "+cols+" from read_parquet("+engine.Literal(f)+")) to "+engine.Literal(f+".new")+" (format parquet)"); err != nil {
						continue // the other mart's
					}
					if err := os.Rename(f+".new", f); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
	rep, err := s.open().Build(t.Context(), runner.BuildOptions{})
	s.change = nil
	if err == nil || rep == nil || rep.Run.Status != history.Failed || rep.Publication != 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
	if !strings.Contains(err.Error(), "were tested") {
		t.Error(err)
	}
	s.want("10", "select total from latest.b")
	s.want("failed", "select status from run_manifest order by seq desc limit 1")
	s.want("0", "select count(*) from main.a where run_id = (select run_id from run_manifest order by seq desc limit 1)")
	s.sound()
	s.build(runner.BuildOptions{})
	s.want("20", "select total from latest.b")
}

// While a staged build waits for readers it can be stopped, and leaves nothing;
// one that was stopped before is recorded, unless readers are in the way.
func TestStagedInterrupt(t *testing.T) {
	s := newShop(t, small+stagedYML)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"times": 2}
	reader := func() *history.FileLock {
		lock, err := history.Lock(t.Context(), s.file()+".lock", history.LockOptions{Shared: true})
		if err != nil {
			t.Fatal(err)
		}
		return lock
	}
	build := func(when func(runner.Event, engine.Statement) bool) (*runner.Report, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.change = func(c *runner.Config) {
			observe := c.Observe
			c.Observe = func(e runner.Event) {
				observe(e)
				if when(e, engine.Statement{}) {
					cancel()
				}
			}
			c.Statement = func(q engine.Statement) {
				if when(runner.Event{}, q) {
					cancel()
				}
			}
		}
		defer func() { s.change = nil }()
		return s.open().Build(ctx, runner.BuildOptions{})
	}
	waiting := func(e runner.Event, _ engine.Statement) bool { return e.Kind == runner.EventLock }
	working := func(_ runner.Event, q engine.Statement) bool { return strings.HasPrefix(q.SQL, "COPY ") }
	var locked *history.LockTimeoutError

	lock := reader()
	if _, err := build(waiting); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped while it waited: %v", err)
	}
	if _, err := build(working); !errors.As(err, &locked) {
		t.Errorf("stopped before, with a reader: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	s.want("1", "select count(*) from run_manifest")
	if _, err := os.Stat(s.file() + ".staging"); !os.IsNotExist(err) {
		t.Errorf("what was left is there still: %v", err)
	}
	if rep, err := build(working); err != nil || rep.Run.Status != history.Cancelled {
		t.Errorf("stopped before: %v, %+v", err, rep)
	}
	s.want("success cancelled", "select string_agg(status, ' ' order by seq) from run_manifest")
	s.want("10", "select total from latest.b")
	s.build(runner.BuildOptions{})
	s.sound()
}
