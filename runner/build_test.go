package runner_test

import (
	"os"
	"path/filepath"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
)

func TestBuildExample(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"project.yml", "models", "macros", "tests"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("..", name))); err != nil {
			data, rerr := os.ReadFile(filepath.Join("..", name))
			if rerr != nil {
				t.Fatal(err, rerr)
			}
			_ = os.Remove(filepath.Join(dir, name))
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	r, err := runner.Open(t.Context(), runner.Config{Dir: dir, Engines: []engine.Engine{duckdb.Engine()}})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := r.Build(t.Context(), runner.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(describe(rep))
	if !rep.OK() {
		t.Fatal(rep.NotBecause)
	}
}

func TestBuildAndQuery(t *testing.T) {
	s := newShop(t, `
-- models/orders.sql --
select i as id, i * 10 as amount from range(3) t(i)
-- models/totals.sql --
select sum(amount) as total from {{ ref('orders') }}
-- models/v.sql --
{{ config(materialized='view') }} select * from {{ ref('totals') }}
-- models/schema.yml --
version: 2
models:
  - name: orders
    config: {primary_key: [id]}
    columns:
      - name: id
        data_tests: [not_null, unique]
`)
	rep := s.build(runner.BuildOptions{})
	t.Log(describe(rep))
	s.want("30", "select total from totals")
	s.want("30", "select total from latest.v")
	s.build(runner.BuildOptions{})
	s.want("6", "select count(*) from main.orders")
	s.want("3", "select count(*) from orders")
}

// TestAlias: people read a model under its alias, ref() under its name.
func TestAlias(t *testing.T) {
	s := newShop(t, `
-- models/stg.sql --
{{ config(alias='orders') }} select 1 as id
-- models/v.sql --
{{ config(materialized='view', alias='order_view') }} select * from {{ ref('stg') }}
-- models/m.sql --
select id + 1 as id from {{ ref('v') }}
`)
	s.build(runner.BuildOptions{})
	s.want("1", "select id from latest.orders")
	s.want("1", "select id from latest.order_view")
	s.want("1", "select id from orders")
	s.want("2", "select id from m")
	s.want("order_view", "select table_name from information_schema.views where table_schema = 'latest' and table_name in ('stg', 'v', 'order_view')")
	s.build(runner.BuildOptions{Select: []string{"m"}})
	s.want("2", "select count(*) from main.orders o right join main.m on true")
}
