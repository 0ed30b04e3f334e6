package runner_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/history"
)

const orders = `
-- models/orders.sql --
select i as id, i * {{ var('price', 10) }} as amount from range({{ var('n', 3) }}) t(i)
-- models/totals.sql --
select sum(amount) as total, '{{ run_of('orders') }}' as orders_run from {{ ref('orders') }}
-- models/big.sql --
{{ config(materialized='view') }} select * from {{ ref('orders') }} where amount >= 10
-- models/schema.yml --
version: 2
models:
  - name: orders
    config: {primary_key: [id]}
    columns:
      - name: id
        data_tests: [not_null, unique]
      - name: amount
        data_tests:
          - accepted_values: {values: [0, 10, 20], quote: false}
`

// move does what was planned.
func (s *shop) move(m *runner.Move, err error) history.Publication {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := s.open().Move(s.t.Context(), m, "why not")
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *shop) publish(spec string) history.Publication {
	s.t.Helper()
	return s.move(s.open().PlanPublish(s.t.Context(), spec, runner.PublishOptions{}))
}

func (s *shop) rollback(spec string) history.Publication {
	s.t.Helper()
	return s.move(s.open().PlanRollback(s.t.Context(), spec))
}

// Law 1: every row belongs to exactly one run: the run id stands first, the
// time of the run last.
func TestEveryRowHasItsRun(t *testing.T) {
	s := newShop(t, orders)
	a := s.build(runner.BuildOptions{})
	b := s.build(runner.BuildOptions{})
	s.want(fmt.Sprintf("%s 3\n%s 3", a.Run.ID, b.Run.ID), "select run_id, count(*) from main.orders group by all order by 1")
	s.want("run_id id amount created_at", "select string_agg(column_name, ' ' order by column_index) from duckdb_columns() where table_name = 'orders' and schema_name = 'main' and database_name <> 'memory'")
	s.want("run_id id amount created_at", "select string_agg(column_name, ' ' order by column_index) from duckdb_columns() where table_name = 'orders' and schema_name = 'latest'")
	s.want("1", "select count(distinct created_at) from latest.orders")
	s.want(b.Run.ID, "select distinct orders_run from latest.totals")
}

// Law 2: consumers see a run only when all of it was built and tested.
func TestAllOrNothing(t *testing.T) {
	s := newShop(t, orders)
	a := s.build(runner.BuildOptions{})
	s.vars = map[string]any{"price": 7} // 7 and 14 are not accepted
	b := s.try(runner.BuildOptions{})
	if b.Run.Status != history.Failed || b.Publication != 0 || b.NotBecause == "" {
		t.Errorf("%s %d %q", b.Run.Status, b.Publication, b.NotBecause)
	}
	if got := node(t, b, "totals"); got.Status != runner.StatusSkipped {
		t.Errorf("totals is %s: a blocking data test above it failed", got.Status)
	}
	s.want("30", "select total from latest.totals")
	s.want(a.Run.ID, "select any_value(run_id) from latest.orders")
	// It stays readable by its id, and is never latest.
	if got := s.query("select sum(amount) from orders", b.Run.ID); got != "21" {
		t.Error(got)
	}
	if got := s.query("select total from totals", "r2"); got != "30" { // of what it read from
		t.Error(got)
	}
	s.want("30", "select sum(amount) from orders")
	s.want("success 3\nfailed 1", "select status, models_ok from main.run_manifest order by seq")
	s.want("orders success\ntotals skipped", "select model, status from main.run_manifest_model where run_id = '"+b.Run.ID+"' and model <> 'big' order by 1")
	s.want("fail 2", "select status, failures from main.run_manifest_test where run_id = '"+b.Run.ID+"' and status <> 'pass'")
}

// Law 3: building an unpublished run id again replaces its rows, and nobody
// else's.
func TestSameRunAgain(t *testing.T) {
	s := newShop(t, orders)
	a := s.build(runner.BuildOptions{})
	b := s.build(runner.BuildOptions{NoPublish: true})
	s.vars = map[string]any{"n": 2}
	c := s.build(runner.BuildOptions{NoPublish: true, RunID: strings.ToUpper(b.Run.ID)})
	if c.Run.ID != b.Run.ID {
		t.Errorf("%s is not %s", c.Run.ID, b.Run.ID)
	}
	s.want(fmt.Sprintf("%s 3\n%s 2", a.Run.ID, b.Run.ID), "select run_id, count(*) from main.orders group by all order by 1")
	s.want("2", "select count(*) from main.run_manifest")
	// Whatever is selected now: all rows and records of the id go.
	s.build(runner.BuildOptions{NoPublish: true, RunID: b.Run.ID, Select: []string{"totals"}})
	s.want(fmt.Sprintf("%s 3", a.Run.ID), "select run_id, count(*) from main.orders group by all")
	s.sound()
	// What was published, is tagged or read by others is refused.
	_, err := s.open().Build(t.Context(), runner.BuildOptions{RunID: a.Run.ID})
	var refused *history.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "published") {
		t.Errorf("%v", err)
	}
	if _, err := s.open().Tag(t.Context(), b.Run.ID, "keep", runner.TagOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err = s.open().Build(t.Context(), runner.BuildOptions{RunID: b.Run.ID}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "keep") {
		t.Errorf("%v", err)
	}
	s.sound()
}

// Law 4: verify shows every change of history.
func TestVerifyFindsTampering(t *testing.T) {
	s := newShop(t, orders)
	a := s.build(runner.BuildOptions{})
	s.build(runner.BuildOptions{})
	s.sound()
	id := "'" + a.Run.ID + "'"
	for _, c := range []struct{ name, do, undo, what string }{
		{"a value", "update main.orders set amount = 11 where id = 1 and run_id = " + id, "update main.orders set amount = 10 where id = 1 and run_id = " + id, "checksum"},
		{"two values swapped", "update main.orders set amount = 30 - amount where id > 0 and run_id = " + id, "update main.orders set amount = 30 - amount where id > 0 and run_id = " + id, "checksum"},
		{"a row less", "delete from main.orders where id = 1 and run_id = " + id, "insert into main.orders select * replace (1 as id, 10 as amount) from main.orders where id = 0 and run_id = " + id, "rows"},
		{"a row twice", "insert into main.orders from main.orders where id = 1 and run_id = " + id, "", "rows"},
		{"a status", "update main.run_manifest set status = 'failed' where run_id = " + id, "update main.run_manifest set status = 'success' where run_id = " + id, "register"},
		{"a model's record", "update main.run_manifest_model set compiled_sql = 'select 2' where model = 'big' and run_id = " + id, "", "register"},
		{"a publication", "update main.run_publication_mart set run_id = " + id, "", "register"},
		{"a run added", "insert into main.run_manifest select * replace (uuid() as run_id, 77 as seq) from main.run_manifest limit 1", "", "register"},
		{"rows of no run", "insert into main.totals select * replace ('11111111-1111-1111-1111-111111111111'::uuid as run_id) from main.totals limit 1", "", "rows of totals"},
		{"the table", "alter table main.orders rename to other", "alter table main.other rename to orders", "table"},
	} {
		s.alter(c.do)
		v, err := s.open().Verify(t.Context(), "")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		found := false
		for _, m := range v.Mismatches {
			found = found || m.What == c.what || m.What+" of "+m.Mart == c.what
		}
		if !found {
			t.Errorf("%s: %+v", c.name, v.Mismatches)
		}
		if c.undo != "" {
			s.alter(c.undo)
		}
	}
}

// Law 5: every number can be traced.
func TestEveryNumberCanBeTraced(t *testing.T) {
	s := newShop(t, orders+`
-- models/raw.yml --
version: 2
sources:
  - name: raw
    tables: [{name: t}]
-- models/from_raw.sql --
select x from {{ source('raw', 't') }}
`)
	s.alter("create schema raw", "create table raw.t as select 1 as x")
	s.vars = map[string]any{"price": 10}
	s.change = func(c *runner.Config) { c.Command = "warehouse build" }
	a := s.build(runner.BuildOptions{})
	s.change = nil
	b := s.build(runner.BuildOptions{Select: []string{"totals"}})
	s.want("warehouse build dev shop test here me 5 4 0 0 {\"price\":10}",
		"select command, target, project, tool_version, host, \"user\", row_count, models_ok, models_failed, tests_failed, vars from main.run_manifest where seq = 1")
	s.want("big view NULL true\nfrom_raw mart 1 true\norders mart 3 true\ntotals mart 1 true",
		"select model, kind, row_count, compiled_sql like '%select%' and length(sql_sha256) = 64 from main.run_manifest_model where run_id = '"+a.Run.ID+"' order by 1")
	contains(t, s.query("select inputs from main.run_manifest_model where model = 'totals' and run_id = '"+b.Run.ID+"'", ""), a.Run.ID)
	contains(t, s.query("select inputs from main.run_manifest_model where model = 'totals' and run_id = '"+a.Run.ID+"'", ""), a.Run.ID)
	contains(t, s.query("select inputs from main.run_manifest_model where model = 'from_raw'", ""), "raw.t")
	s.want("accepted_values_orders_amount__False__0__10__20 orders amount error pass 0\nnot_null_orders_id orders id error pass 0\nunique_orders_id orders id error pass 0",
		"select test, model, \"column\", severity, status, failures from main.run_manifest_test where run_id = '"+a.Run.ID+"' order by 1")
	s.want("begin\nsuccess\npublish 1\nbegin\nsuccess\npublish 2", "select event from main.run_ledger order by seq")
	page, err := s.open().Show(t.Context(), "r2")
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Models) != 1 || page.Models[0].Inputs["model.shop.orders"].RunID != a.Run.ID || !page.Live || len(page.Publications) != 1 {
		t.Errorf("%+v", page)
	}
}

// Law 6: ref binds to one run, and so does an unqualified name of a query.
func TestNobodyMixesRuns(t *testing.T) {
	s := newShop(t, orders)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"n": 2}
	s.build(runner.BuildOptions{Select: []string{"totals"}})
	s.want("30", "select total from totals") // orders is as published
	s.build(runner.BuildOptions{})
	s.want("2", "select count(*) from orders")
	s.want("3", "select count(*) from previous.orders")
	s.want("1", "select count(*) from latest.big")
	s.want("2", "select count(*) from previous.big")
	for spec, want := range map[string]string{"r1": "3", "r2": "3", "r3": "2", "latest": "2", "previous": "3", "latest~2": "3"} {
		if got := s.query("select count(*) from orders", spec); got != want {
			t.Errorf("%s: %s", spec, got)
		}
	}
}

// Law 7: going back moves a pointer, over all marts at once, and stores no row.
func TestGoingBack(t *testing.T) {
	s := newShop(t, orders)
	s.build(runner.BuildOptions{})
	for n := 4; n < 7; n++ {
		s.vars = map[string]any{"n": n, "price": 0}
		s.build(runner.BuildOptions{})
	}
	rows := s.query("select count(*) from main.orders", "")
	s.rollback("")
	s.want("5 5", "select (select count(*) from latest.orders), (select count(*) from latest.orders o join latest.totals t on o.run_id = t.run_id)")
	s.rollback("") // a second one goes on, and does not toggle
	s.want("4", "select count(*) from latest.orders")
	s.rollback("")
	s.want("3", "select count(*) from latest.orders")
	s.want("2", "select count(*) from latest.big")
	if _, err := s.open().PlanRollback(t.Context(), ""); !errors.Is(err, history.ErrNothingBefore) {
		t.Errorf("%v", err)
	}
	s.rollback("r4")
	s.want("6", "select count(*) from latest.orders")
	s.want(rows, "select count(*) from main.orders")
	s.want("publish rollback rollback rollback rollback", "select string_agg(action, ' ' order by seq) from main.run_publication where seq > 3")
	s.sound()
}
