package runner_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"warehouse/runner"
)

// garden is a project in which everything that a model may depend on is a
// number, or whether something is there. Edits change one of them.
type garden struct {
	n    map[string]int
	last string // the files as they were written last
}

// edits are the numbers that its files print, its variables and environment, and
// what stands in the database and in data files.
var edits = []string{"a", "b", "w", "w2", "e", "top", "macro", "inner", "seed", "var", "env", "raw", "csv", "parquet", "sqlmacro", "column", "order", "config", "hook", "query", "folder", "default", "swap"}

func (g garden) files() string {
	extra, columns, alias := "", "id, v", ""
	if g.n["column"]%2 == 1 {
		extra = ", 'x' as more"
	}
	if g.n["order"]%2 == 1 {
		columns = "v, id"
	}
	if g.n["config"]%2 == 1 {
		alias = "{{ config(alias='renamed') }}"
	}
	reads := []string{"a", "b"}
	if g.n["swap"]%2 == 1 {
		reads = []string{"b", "a"}
	}
	return strings.NewReplacer("A#", fmt.Sprint(g.n["a"]), "B#", fmt.Sprint(g.n["b"]), "W#", fmt.Sprint(g.n["w"]), "V#", fmt.Sprint(g.n["w2"]), "E#", fmt.Sprint(g.n["e"]), "T#", fmt.Sprint(g.n["top"]),
		"M#", fmt.Sprint(g.n["macro"]), "I#", fmt.Sprint(g.n["inner"]), "S#", fmt.Sprint(g.n["seed"]), "H#", fmt.Sprint(g.n["hook"]), "F#", fmt.Sprint(g.n["folder"]), "D#", fmt.Sprint(g.n["default"]),
		"EXTRA", extra, "COLUMNS", columns, "ALIAS", alias, "READS0", reads[0], "READS1", reads[1]).Replace(`-- project.yml --
name: garden
version: 1.0.0
target: dev
targets: {dev: {type: duckdb, path: target/warehouse.duckdb}}
vars: {given: 1, folder_var: F#}
on-run-start: ["create or replace table main.hooked as select H# as v"]
-- models/sources.yml --
sources:
  - {name: raw, schema: main, tables: [{name: events}, {name: hooked}, {name: filed}]}
-- macros/m.sql --
{% macro outer(x) %}({{ x }} + {{ inner() }} * M#){% endmacro %}
{% macro inner() %}I#{% endmacro %}
{% macro counted() %}{% if execute %}{% set r = run_query('select count(*) from main.side') %}{{ r.columns[0].values()[0] }}{% else %}0{% endif %}{% endmacro %}
-- models/a.sql --
select 1 as id, A# as v EXTRA
-- models/b.sql --
select id, v + B# as v from {{ source('raw', 'events') }}
-- models/w.sql --
{{ config(materialized='view') }} select id, v + W# as v from {{ ref('READS0') }}
-- models/w2.sql --
{{ config(materialized='view') }} select id, v + V# as v from {{ ref('w') }}
-- models/e.sql --
{{ config(materialized='ephemeral') }} select id, v + E# as v from {{ ref('READS1') }}
-- models/star.sql --
select * from {{ ref('a') }}
-- models/through.sql --
select COLUMNS from {{ ref('w2') }}
-- models/inlined.sql --
ALIAS select id, v from {{ ref('e') }}
-- models/called.sql --
select {{ outer('1') }} as v
-- models/seeded.sql --
select sum(v) as v from {{ ref('s') }}
-- models/told.sql --
select {{ var('given') }} as v, {{ var('folder_var') }} as f, '{{ env_var('GARDEN', 'none') }}' as e, {{ var('absent', D#) }} as d
-- models/asked.sql --
select {{ counted() }} as n
-- models/file_view.sql --
{{ config(materialized='view') }} select * from read_csv('{{ var('dir') }}/data.csv', header = true)
-- models/over_file.sql --
select sum(v) as v from {{ ref('file_view') }}
-- models/parquet.sql --
{{ config(materialized='view') }} from '{{ var('dir') }}/data.parquet'
-- models/over_parquet.sql --
select * from {{ ref('parquet') }}
-- models/over_source_view.sql --
select sum(v) as v from {{ source('raw', 'filed') }}
-- models/sqlmacro.sql --
select plus(1) as v
-- models/over_hooked.sql --
select v from {{ source('raw', 'hooked') }}
-- models/top.sql --
select x.v + y.v + T# as v from {{ ref('through') }} as x cross join {{ ref('seeded') }} as y
-- models/over_all.sql --
select (select sum(v) from {{ ref('top') }}) as t, (select sum(v) from {{ ref('inlined') }}) as i, (select max(n) from {{ ref('asked') }}) as n, (select count(*) from {{ ref('w') }}) as w
-- seeds/s.csv --
id,v
1,S#
2,7
`)
}

// plant makes the project what the numbers say.
func (g *garden) plant(s *shop) {
	if files := g.files(); files != g.last {
		s.write(files)
		g.last = files
	}
	s.vars = map[string]any{"given": g.n["var"], "dir": s.dir}
	s.env = map[string]string{"GARDEN": fmt.Sprint(g.n["env"])}
	s.write(fmt.Sprintf("-- data.csv --\nid,v\n1,%d\n", g.n["csv"]))
	s.alter(fmt.Sprintf("create or replace table events as select i as id, i + %d as v from range(3) t(i)", g.n["raw"]),
		fmt.Sprintf("create or replace table side as from range(%d)", 1+g.n["query"]),
		fmt.Sprintf("create or replace macro plus(x) as x + %d", g.n["sqlmacro"]),
		fmt.Sprintf("create or replace view filed as from read_csv('%s/data.csv')", s.dir),
		fmt.Sprintf("copy (select %d as v) to '%s/data.parquet'", g.n["parquet"], s.dir))
}

// edit changes some of the numbers, or goes back to an earlier one.
func (g *garden) edit(rng *rand.Rand) (what []string) {
	for range rng.IntN(3) {
		name := edits[rng.IntN(len(edits))]
		g.n[name] = rng.IntN(3)
		what = append(what, name)
	}
	return what
}

// unequal are the marts in which two runs differ.
func (s *shop) unequal(a, b string) (names []string) {
	for _, m := range s.diff(runner.DiffOptions{A: a, B: b, Limit: 1}).Marts {
		if m.Differs() {
			names = append(names, fmt.Sprintf("%s %s %+v", m.Mart, summary(m), m.Refused))
		}
	}
	return names
}

// TestReuseRandom: whatever was edited, a build that reuses rows has the rows of
// one that computes them all.
func TestReuseRandom(t *testing.T) {
	n, rng := rounds(t, 12)
	s := newShop(t, "")
	g := &garden{n: map[string]int{}}
	g.plant(s)
	s.build(runner.BuildOptions{})
	reused := 0
	selections := [][]string{nil, nil, nil, {"+top"}, {"top"}, {"through", "over_all"}, {"w", "w2", "e"}, {"a+"}, {"b"}, {"over_file", "over_parquet"}}
	for i := range n {
		what := g.edit(rng)
		g.plant(s)
		selected := selections[rng.IntN(len(selections))]
		quick := s.build(runner.BuildOptions{Reuse: true, Select: selected})
		for _, node := range quick.Nodes {
			if node.Status == runner.StatusReused {
				reused++
			}
		}
		g.plant(s) // what a build may have changed
		full := s.build(runner.BuildOptions{NoPublish: true, Select: selected})
		if names := s.unequal(quick.Run.ID, full.Run.ID); len(names) > 0 {
			t.Errorf("round %d: %v edited, %v selected, stale: %s\n%s", i, what, selected, strings.Join(names, "; "), outcomes(quick))
		}
		if rng.IntN(6) == 0 {
			if m, err := s.open().PlanRollback(t.Context(), ""); err == nil {
				if _, err := s.open().Move(t.Context(), m, ""); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if reused == 0 {
		t.Error("nothing was ever reused")
	}
	s.sound()
}

// TestRetryRandom: a run that failed somewhere, was edited and retried, has the
// rows of a build of what is there then.
func TestRetryRandom(t *testing.T) {
	n, rng := rounds(t, 8)
	s := newShop(t, "")
	g := &garden{n: map[string]int{}}
	g.plant(s)
	s.build(runner.BuildOptions{})
	for i := range n {
		what := g.edit(rng)
		g.plant(s)
		at := []string{"a", "b", "star", "through", "seeded", "told", "asked", "top", "over_all", "inlined"}[rng.IntN(10)]
		s.write("-- tests/fails.sql --\nselect 1 from {{ ref('" + at + "') }}\n")
		rep := s.try(runner.BuildOptions{FailFast: rng.IntN(2) == 0})
		if rep.OK() {
			t.Fatalf("round %d: no failure at %s", i, at)
		}
		s.remove("tests/fails.sql")
		before := maps.Clone(g.n)
		more := g.edit(rng)
		// A run keeps its variables, and what it read outside history.
		for _, name := range []string{"var", "csv", "parquet", "sqlmacro"} {
			g.n[name] = before[name]
		}
		g.plant(s)
		keep := s.vars
		s.vars = nil
		again, err := s.open().Retry(t.Context(), "")
		s.vars = keep
		if err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		if !again.OK() || again.Run.ID != rep.Run.ID {
			t.Fatalf("round %d: %s", i, describe(again))
		}
		full := s.build(runner.BuildOptions{NoPublish: true})
		if names := s.unequal(again.Run.ID, full.Run.ID); len(names) > 0 {
			t.Errorf("round %d: %v, failed at %s, then %v edited, stale: %s\n%s", i, what, at, more, strings.Join(names, "; "), statuses(again))
		}
	}
	s.sound()
}
