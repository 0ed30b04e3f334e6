package runner_test

import (
	"slices"
	"strings"
	"testing"

	"warehouse/runner"
)

// outcomes lists what became of the models of a report: "a:success b:reused".
func outcomes(rep *runner.Report) string {
	by := map[string]string{}
	var names []string
	for _, n := range rep.Nodes {
		if n.Resource == "model" {
			by[n.Name] = string(n.Status)
			names = append(names, n.Name)
		}
	}
	var out []string
	for _, name := range slices.Sorted(slices.Values(names)) {
		out = append(out, name+":"+by[name])
	}
	return strings.Join(out, " ")
}

const reuseShop = `
-- models/a.sql --
select i as id, {{ var('v', 1) }} as v from range(3) t(i)
-- models/b.sql --
with a as (select * from {{ ref('a') }}) select sum(v) as s from a
-- models/c.sql --
{{ config(materialized='view') }} select s + 1 as s from {{ ref('b') }}
-- models/d.sql --
select s from {{ ref('c') }}
-- models/other.sql --
select 7 as n
-- models/schema.yml --
models:
  - name: a
    columns: [{name: id, data_tests: [not_null, unique]}]
  - name: d
    columns: [{name: s, data_tests: [not_null]}]
`

func TestReuse(t *testing.T) {
	s := newShop(t, reuseShop)
	first := s.build(runner.BuildOptions{Reuse: true})
	if got := outcomes(first); got != "a:success b:success c:success d:success other:success" {
		t.Error(got)
	}
	second := s.build(runner.BuildOptions{Reuse: true})
	if got := outcomes(second); got != "a:reused b:reused c:reused d:reused other:reused" {
		t.Errorf("nothing changed: %s", got)
	}
	s.want("3", "select count(*) from main.a") // no second copy
	s.want("4", "select s from latest.d")
	s.want("4", "select s from latest.c")
	s.want(first.Run.ID, "select distinct run_id from latest.a")
	s.want(first.Run.ID+" reused", "select data_run_id, status from run_manifest_model where model = 'b' and run_id = '"+second.Run.ID+"'")

	// Another SQL of a changes what is below it, not what is beside it.
	s.vars = map[string]any{"v": 2}
	third := s.build(runner.BuildOptions{Reuse: true})
	if got := outcomes(third); got != "a:success b:success c:success d:success other:reused" {
		t.Errorf("a changed: %s", got)
	}
	s.want("7", "select s from latest.d")
	s.want("7", "select n from latest.other")

	// Going back brings back the rows that were reused then.
	move, err := s.open().PlanRollback(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.open().Move(t.Context(), move, ""); err != nil {
		t.Fatal(err)
	}
	s.want("4", "select s from latest.d")
	if rep, err := s.open().Verify(t.Context(), ""); err != nil || len(rep.Mismatches) > 0 {
		t.Errorf("%v %+v", err, rep)
	}
	// Without the flag everything is computed.
	if got := outcomes(s.build(runner.BuildOptions{})); got != "a:success b:success c:success d:success other:success" {
		t.Error(got)
	}
}

// TestReuseEmpty: the rows of a build with --empty are those of no other.
func TestReuseEmpty(t *testing.T) {
	s := newShop(t, reuseShop)
	s.build(runner.BuildOptions{})
	s.build(runner.BuildOptions{Empty: true, Reuse: true})
	s.want("0", "select count(*) from latest.a")
	if why := s.diff(runner.DiffOptions{Select: []string{"a"}}).Marts[0].Why; len(why) != 1 || why[0].Text != "r2 was built with --empty" {
		t.Errorf("why: %+v", why)
	}
	if b := s.blame(runner.BlameOptions{Mart: "a"}); found(b) != "a:empty" {
		t.Errorf("causes %s\n%s", found(b), notes(b))
	}
	s.build(runner.BuildOptions{Reuse: true})
	s.want("3", "select count(*) from latest.a")
	s.want("4", "select s from latest.d")
}

// TestNotReused: what may give other rows from the same SQL is computed.
func TestNotReused(t *testing.T) {
	s := newShop(t, `
-- models/random.sql --
select random() as r
-- models/clock.sql --
select current_timestamp as t
-- models/today.sql --
select today() as t
-- models/prints.sql --
select '{{ run_id }}' as r
-- models/started.sql --
select '{{ run_started_at }}' as r
-- models/file.sql --
select * from read_csv('data.csv', header = true)
-- models/named.sql --
select * from 'data.csv'
-- models/undeclared.sql --
select count(*) as n from run_manifest
-- models/over_random.sql --
select * from {{ ref('random') }}
-- models/source.sql --
select * from {{ source('raw', 'events') }}
-- models/sources.yml --
sources:
  - name: raw
    schema: main
    tables: [{name: events}]
-- models/steady.sql --
select 1 as n
-- models/recent.sql --
select ago(interval 1 day) as t
-- models/macro.sql --
select twice(2) as n
-- models/table_macro.sql --
select * from two()
-- models/catalog.sql --
select count(*) as n from duckdb_tables()
-- models/variable.sql --
select getvariable('x') as n
-- data.csv --
n
1
`)
	s.alter("create table events as select 1 as id", "create macro twice(x) as 2 * x", "create macro two() as table select 2 as n")
	t.Chdir(s.dir)
	s.build(runner.BuildOptions{})
	s.alter("create or replace macro twice(x) as x + x + 1")
	want := "catalog:success clock:success file:success macro:success named:success over_random:success prints:success random:success recent:success source:reused started:success steady:reused " +
		"table_macro:success today:success undeclared:success variable:success"
	if got := outcomes(s.build(runner.BuildOptions{Reuse: true})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	s.alter("insert into events values (2)")
	if got := outcomes(s.build(runner.BuildOptions{Reuse: true, Select: []string{"source", "steady"}})); got != "source:success steady:reused" {
		t.Errorf("the source changed: %s", got)
	}
	var said []string
	for _, e := range s.events {
		if e.Kind == runner.EventLog && strings.Contains(e.Message, " is built: ") {
			said = append(said, e.Message)
		}
	}
	for _, line := range []string{"random is built: it calls random", "prints is built: it prints", "source is built: raw.events changed",
		"undeclared is built: it reads run_manifest, which is no ref and no source", "file is built: it reads what no run holds, by read_csv"} {
		if !strings.Contains(strings.Join(said, "\n"), line) {
			t.Errorf("nobody said %q:\n%s", line, strings.Join(said, "\n"))
		}
	}
}

// TestReuseBehindViews: a view has no rows, so what a mart read through it
// decides, also if the view was made anew, or is not built now.
func TestReuseBehindViews(t *testing.T) {
	s := newShop(t, `
-- models/sources.yml --
sources:
  - name: raw
    schema: main
    tables: [{name: events}]
-- models/top.sql --
select 1 as id
-- models/outer_view.sql --
{{ config(materialized='view') }} select e.id from {{ ref('inner_view') }} e join {{ ref('top') }} using (id)
-- models/inner_view.sql --
{{ config(materialized='view') }} select * from {{ source('raw', 'events') }}
-- models/filed.sql --
{{ config(materialized='view') }} select * from read_csv('data.csv', header = true)
-- models/m.sql --
select count(*) as n from {{ ref('outer_view') }}
-- models/over_file.sql --
select count(*) as n from {{ ref('filed') }}
-- data.csv --
n
1
`)
	s.alter("create table events as select 1 as id")
	t.Chdir(s.dir)
	s.build(runner.BuildOptions{})
	check := func(what, want string, o runner.BuildOptions) {
		t.Helper()
		if got := outcomes(s.build(o)); got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	only := runner.BuildOptions{Reuse: true, Select: []string{"m", "over_file"}}
	check("views anew", "filed:success inner_view:success outer_view:success", runner.BuildOptions{Select: []string{"*_view", "filed"}})
	check("nothing changed", "m:reused over_file:success", only)
	s.alter("insert into events values (1)")
	check("the source of an unselected view", "m:success over_file:success", only)
	s.want("2", "select n from latest.m")
	s.write("-- models/top.sql --\nfrom (values (1), (1)) t(id)\n")
	check("a mart", "top:success", runner.BuildOptions{Select: []string{"top"}})
	check("a mart behind an unselected view", "m:success over_file:success", only)
	s.want("4", "select n from latest.m")
	check("again", "m:reused over_file:success", only)
	s.write("-- models/inner_view.sql --\n{{ config(materialized='view') }} select * from {{ source('raw', 'events') }} limit 1\n")
	check("the view's SQL", "filed:success inner_view:success m:success outer_view:success over_file:success top:reused", runner.BuildOptions{Reuse: true})
	s.want("2", "select n from latest.m")
	s.want("4 of them, 3 behind a view", `select count(*) || ' of them, ' || count(value->>'via') || ' behind a view' from (
		select unnest(map_values(cast(inputs as map(varchar, json)))) as value from (
			select inputs from run_manifest_model join run_manifest using (run_id) where model = 'm' order by seq desc limit 1))`)
}
