package runner_test

import (
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/history"
)

// A column changes its type and back, one is added and one goes: each run
// keeps its own columns, and nothing stored is rewritten.
func TestEvolve(t *testing.T) {
	s := newShop(t, "")
	model := func(sql string) { s.write("-- models/a.sql --\n" + sql + "\n") }
	type run struct{ sql, rows, types string }
	runs := []run{
		{"select 1 as id, 5 as v", "1 5", "INTEGER INTEGER"},
		{"select 1 as id, 'five' as v", "1 five", "INTEGER VARCHAR"},
		{"select 1 as id, 6 as v", "1 6", "INTEGER INTEGER"},
		{"select 1 as id, 1.5::decimal(3,1) as v, 9 as w", "1 1.5 9", "INTEGER DECIMAL(3,1) INTEGER"},
		{"select 'x' as V, 2::bigint as id", "x 2", "VARCHAR BIGINT"},
		{"select 1 as id", "1", "INTEGER"},
		{"select 1 as id, [1, 2] as v, {'a': 1} as w", "1 [1, 2] {'a': 1}", "INTEGER INTEGER[] STRUCT(a INTEGER)"},
	}
	for _, r := range runs {
		model(r.sql)
		s.build(runner.BuildOptions{})
		s.want(r.rows, "select * exclude (run_id, created_at) from latest.a")
		s.want(r.types, "select string_agg(data_type, ' ' order by column_index) from duckdb_columns() where schema_name = 'latest' and table_name = 'a' and column_name not in ('run_id', 'created_at')")
	}
	for i, r := range runs {
		spec := "r" + string(rune('1'+i))
		if got := s.query("select * exclude (run_id, created_at) from a", spec); got != r.rows {
			t.Errorf("%s: %s", spec, got)
		}
		if i%3 == 0 {
			s.rollback(spec)
			s.want(r.rows, "select * exclude (run_id, created_at) from latest.a")
		}
	}
	s.sound()
}

// A build that fails after a table has evolved leaves latest as it was, and
// its run id can be built again.
func TestEvolvedAndFailed(t *testing.T) {
	s := newShop(t, "-- models/a.sql --\nselect 1 as id, 5 as v\n-- models/b.sql --\nselect * from {{ ref('a') }}\n")
	s.build(runner.BuildOptions{})
	s.write("-- models/a.sql --\nselect 1 as id, 'five' as v, 3 as w\n-- tests/no.sql --\nselect * from {{ ref('a') }}\n")
	rep := s.try(runner.BuildOptions{})
	if rep.Run.Status != history.Failed {
		t.Fatal(rep.Run.Status)
	}
	s.want("1 5", "select id, v from latest.a")
	s.remove("tests/no.sql")
	s.write("-- models/a.sql --\nselect 1 as id, 5.5::double as v\n")
	s.build(runner.BuildOptions{RunID: rep.Run.ID})
	s.want("1 5.5", "select id, v from latest.b")
	s.rollback("")
	s.want("1 5", "select id, v from latest.b")
	s.sound()
}

func TestSchemaChangeFails(t *testing.T) {
	s := newShop(t, "-- models/a.sql --\n{{ config(on_schema_change='fail') }} select 1 as id\n")
	s.build(runner.BuildOptions{})
	s.write("-- models/a.sql --\n{{ config(on_schema_change='fail') }} select 1 as id, 2 as x\n")
	rep := s.try(runner.BuildOptions{})
	contains(t, tell(node(t, rep, "a").Err), "+ x INTEGER", "on_schema_change")
	s.want("1", "select id from latest.a")
}

// A model of another schema is stored there, and evolves there.
func TestModelSchema(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
{{ config(schema='other', alias='Same') }} select 1 as id
-- models/b.sql --
select 'x' as k, * from {{ ref('a') }}
`)
	s.build(runner.BuildOptions{})
	s.want("1", "select id from latest.same")
	s.want("x 1", "select k, id from latest.b")
	s.write("-- models/a.sql --\n{{ config(schema='other', alias='Same') }} select 'one' as id, 2 as n\n")
	s.build(runner.BuildOptions{})
	s.want("one 2", "select id, n from latest.same")
	s.want("x one 2", "select k, id, n from latest.b")
	s.want("1", "select id from previous.same")
	s.sound()
}

// Another run id column, no created-at column, an enforced key.
func TestOwnColumns(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
{{ config(run_id_column='score_run_id', created_at_column=none, primary_key=['run_id'], primary_key_enforced=true) }}
select 1 as run_id, now() as created_at
-- models/b.sql --
select * from {{ ref('a') }}
`)
	rep := s.try(runner.BuildOptions{})
	contains(t, tell(node(t, rep, "b").Err), "run_id")
	s.write("-- models/b.sql --\nselect run_id as r from {{ ref('a') }}\n")
	s.build(runner.BuildOptions{})
	s.build(runner.BuildOptions{RunID: rep.Run.ID})
	s.want("1 true", "select run_id, score_run_id = '"+rep.Run.ID+"' from latest.a")
	s.write("-- models/a.sql --\n{{ config(primary_key=['run_id']) }}\nselect 1 as id\n")
	s.sound()
	rep = s.try(runner.BuildOptions{})
	contains(t, tell(node(t, rep, "a").Err), "run_id")
}

// Names that need quotes, are keywords, or are not ASCII.
func TestBuildOddNames(t *testing.T) {
	s := newShop(t, `
-- models/select.sql --
select 1 as "from", 2 as "a ""b""", 3 as "größe", 4 as "x.y", 5 as "it's"
-- models/Größe Tabelle.sql --
{{ config(primary_key=['from', 'a "b"']) }} select * from {{ ref('select') }}
-- models/it's.sql --
{{ config(materialized='view') }} select * from {{ ref('Größe Tabelle') }}
-- models/q"q.sql --
{{ config(materialized='ephemeral') }} select * from {{ ref("it's") }}
-- models/Order.sql --
select *, 'memory.run__ref.select' as t from {{ ref('q"q') }}
-- models/schema.yml --
version: 2
models:
  - name: "it's"
    columns:
      - name: größe
        data_tests: [not_null]
      - name: a "b"
        quote: true
        data_tests: [not_null, unique, accepted_values: {values: [2], quote: false}]
  - name: Größe Tabelle
    columns:
      - name: it's
        quote: true
        data_tests: [not_null, unique]
      - name: from
        quote: true
        data_tests: [not_null, relationships: {to: ref('select'), field: '"from"'}]
`)
	rep := s.build(runner.BuildOptions{})
	for _, n := range rep.Nodes {
		if n.Status != runner.StatusSuccess && n.Status != runner.StatusPass {
			t.Errorf("%s", describe(rep))
		}
	}
	s.want("1 2 3 4 5", `select "from", "a ""b""", größe, "x.y", "it's" from latest."it's"`)
	s.want("1 2 3 4 5", `select "from", "a ""b""", größe, "x.y", "it's" from "größe tabelle"`)
	s.want("memory.run__ref.select", `select t from "order"`)
	s.build(runner.BuildOptions{Select: []string{"Order"}})
	s.rollback("")
	if _, err := s.open().Tag(t.Context(), "latest", "Ümlaut", runner.TagOptions{}); err == nil {
		s.want("1", `select "from" from "Ümlaut"."Order"`)
	}
	s.sound()
}

// A model that is spelled otherwise, by case alone, is the same mart.
func TestModelsCaseChanges(t *testing.T) {
	s := newShop(t, "-- models/Orders.sql --\nselect 1 as id\n-- models/v.sql --\n{{ config(materialized='view') }} select * from {{ ref('Orders') }}\n-- models/x.sql --\nselect 1 as x\n")
	s.build(runner.BuildOptions{})
	s.remove("models/Orders.sql")
	s.write("-- models/orders.sql --\nselect 2 as id\n-- models/v.sql --\n{{ config(materialized='view') }} select * from {{ ref('orders') }}\n-- models/y.sql --\nselect id + 100 as y from {{ ref('orders') }}\n")
	// What is not selected is read as it was published, under its old spelling.
	s.build(runner.BuildOptions{Select: []string{"y"}})
	s.want("101", "select y from latest.y")
	s.build(runner.BuildOptions{Select: []string{"orders"}})
	s.want("2", "select id from latest.orders")
	s.want("2", "select id from latest.v")
	s.want("1", "select id from previous.orders")
	s.want("v x y orders", "select string_agg(mart, ' ' order by lower(mart) <> 'v', lower(mart) <> 'x', lower(mart) <> 'y') from main.run_publication_mart where seq = 3")
	s.build(runner.BuildOptions{})
	s.rollback("r1")
	s.want("1", "select id from latest.orders")
	s.want("1", "select id from latest.v")
	if got := strings.ToLower(s.query("select id from ORDERS", "")); got != "1" {
		t.Error(got)
	}
	s.sound()
}
