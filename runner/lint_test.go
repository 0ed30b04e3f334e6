package runner_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
	"warehouse/runner/sqltext"
)

var lintTables = sqltext.LintOptions{Catalog: "warehouse", Schema: "main", Tables: []sqltext.Partitioned{
	{Model: "a", Schema: "main", Table: "a", RunColumn: "run_id"},
	{Model: "b", Schema: "main", Table: "b_table", RunColumn: "rid"},
	{Model: "odd one", Schema: "main", Table: "odd one", RunColumn: "run_id"},
}}

// lintCases: what is found is between the brackets ‹ and ›.
var lintCases = []string{
	// reads
	"select * from ‹a›",
	"select * from ‹A›",
	"select * from ‹main.a›",
	"select * from ‹warehouse.main.a›",
	"select * from ‹warehouse.a›",
	`select * from ‹"main"."a"› as x`,
	`select * from ‹"odd one"›`,
	"select * from ‹b_table›",
	"from ‹a›",
	"table ‹a›",
	"select 1 where exists (select 1 from ‹a›)",
	"select (select max(v) from ‹a›)",
	"select * from (select * from ‹a›) q where run_id = 'x'",
	"with q as (select * from ‹a›) select * from q",
	"select 1 union all select id from ‹a›",
	"select * from x, ‹a›, y",
	"select * from x join lateral (select * from ‹a›) l on true",
	"select * from ‹query_table›('a')",
	"pivot ‹a› on k in (1, 2) using sum(v)",
	"select * from ‹a› positional join x",
	// no reads
	"select * from memory.run__ref.a",
	`select * from "memory"."run__ref"."a"`,
	"select * from latest.a",
	"select * from other.a",
	"select * from elsewhere.main.a",
	"select a from x",
	"select 'from a' -- from a",
	"with a as (select 1) select * from a",
	"with a as (select * from a where run_id = 'x') select * from a",
	"with recursive a as (select 1 as n union all select n + 1 from a where n < 3) select * from a",
	"with a as (select 1) select * from (select * from a)",
	"select * from (with a as (select 1) select * from a), (select * from ‹a›)",
	"with a as (select 1) select * from ‹main.a›",
	"with a as (select * from ‹a›) select * from a",
	// filters
	"select * from a where run_id = 'x'",
	"select * from a where RUN_ID = 'x' and v > 1",
	"select * from a where 'x' = run_id",
	"select * from a where run_id = 'x'::uuid",
	"select * from a where run_id::varchar = 'x'",
	"select * from a t where t.run_id = cast('x' as uuid)",
	"select * from a where a.run_id = (select run_id from run_manifest where seq = 1)",
	"select * from a where run_id = resolve_run_id('a')",
	"select * from a where run_id = coalesce((select 'x'), 'y')",
	"select * from a where run_id = getvariable('run')",
	"select * from a where run_id is not distinct from 'x'",
	"select * from a where run_id in ('x')",
	"select run_id, count(*) from a group by run_id having run_id = 'x'",
	"select * from b_table where rid = 'x'",
	// not one run
	"select * from ‹a› where run_id in ('x', 'y')",
	"select * from ‹a› where run_id in (select run_id from run_manifest)",
	"select * from ‹a› where run_id = any (select run_id from run_manifest)",
	"select * from ‹a› where run_id <> 'x'",
	"select * from ‹a› where run_id >= 'x'",
	"select * from ‹a› where run_id = 'x' or run_id = 'y'",
	"select * from ‹a› where run_id = 'x' or v = 1",
	"select * from ‹a› where not (run_id = 'x')",
	"select * from ‹a› where run_id = run_id",
	"select * from ‹a› where run_id = id",
	"select * from ‹a› where id = 'x'",
	"select * from ‹b_table› where run_id = 'x'",
	"select count(*) filter (where run_id = 'x') from ‹a›",
	"select * from ‹a› t where run_id = (select max(run_id) from run_manifest m where m.k = t.k)",
	"select * from a where run_id = (select max(run_id) from ‹a›)",
	"select run_id, v from ‹a› qualify run_id = 'x'",
	// joins
	"select * from a join x on a.id = x.id where a.run_id = 'x'",
	"select * from a join x on a.id = x.id and a.run_id = 'x'",
	"select * from ‹a› left join x on a.run_id = 'x'",
	"select * from x left join a on a.run_id = 'x' and x.id = a.id",
	"select * from a right join x on a.run_id = 'x'",
	"select * from ‹a› full join x on a.run_id = 'x'",
	"select * from x where id in (select id from a where run_id = 'x')",
	"select * from x semi join a on x.id = a.id and a.run_id = 'x'",
	"select * from ‹a›, ‹b_table› where a.run_id = b_table.rid",
	"select * from a, b_table b where a.run_id = b.rid and b.rid = 'x'",
	"select * from a join ‹b_table› b on a.id = b.id where a.run_id = 'x'",
	"select * from a join latest.a l on a.run_id = l.run_id",
	"select * from a p join a q using (run_id) where p.run_id = 'x'",
	"select * from ‹a› p join ‹a› q using (run_id)",
	"select * from ‹a› p join a q on p.id = q.id where q.run_id = 'x'",
	"with r as (select max(run_id) as id from run_manifest) select * from a, r where a.run_id = r.id",
	"with r as (select run_id as id from run_manifest order by seq desc limit 1) select * from a join r on a.run_id = r.id",
	"with r as (select run_id as id from run_manifest) select * from ‹a› join r on a.run_id = r.id",
	"select * from latest.b_table o where exists (select 1 from ‹a› where a.run_id = o.run_id)",
	"select * from latest.a o where exists (select 1 from a where a.run_id = o.run_id)",
	"select * from a o where run_id = 'x' and exists (select 1 from a i where i.run_id = o.run_id)",
	"select * from ‹a› o where exists (select 1 from ‹a› i where i.run_id = o.run_id)",
}

// groupedCases are of a query that is typed: there a result that keeps runs
// apart is none that mixes them.
var groupedCases = []string{
	"select run_id, count(*) from a group by run_id",
	"select count(*), t.run_id::varchar as run, k from main.a t group by t.run_id, k order by 2",
	"select run_id as r, count(*) from a group by r",
	"select count(*), run_id from a group by 2",
	"select run_id, sum(v) from a group by all",
	"select distinct run_id from a",
	"select p.run_id, count(*) from a p join a q on p.run_id = q.run_id and p.id = q.id group by p.run_id",
	"select run_id, count(*) from a group by run_id union all select rid, count(*) from b_table group by rid",
	"from a select run_id, count(*) group by run_id having count(*) > 1",
	"select k, count(*) from ‹a› group by k",
	"select run_id, count(*) from ‹a› group by rollup(run_id)",
	"select run_id, k, count(*) from ‹a› group by grouping sets ((run_id, k), (k))",
	"select count(run_id) from ‹a› group by all",
	"select count(distinct run_id) from ‹a›",
	"select distinct on (run_id) run_id, v from ‹a›",
	"select distinct v from ‹a›",
	"select run_id, sum(count(*)) over () from ‹a› group by run_id",
	"select sum(n) from (select run_id, count(*) as n from ‹a› group by run_id)",
	"with q as (select run_id, count(*) as n from ‹a› group by run_id) select sum(n) from q",
	"select rid, (select count(*) from ‹a›) from b_table group by rid",
	"select p.run_id, count(*) from a p join ‹a› q on p.id = q.id group by p.run_id",
	"select run_id, count(*) from ‹b_table› group by run_id",
}

func TestLintReads(t *testing.T) {
	lintReads(t, lintCases, lintTables)
	grouped := lintTables
	grouped.Grouped = true
	lintReads(t, groupedCases, grouped)
	c := memory(t)
	for _, sql := range groupedCases[:9] { // a model is not let off
		tree, err := c.DB().Dialect().(engine.SyntaxTreer).SyntaxTree(t.Context(), c, sql)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := sqltext.Lint(sql, tree, lintTables); err != nil || len(found) == 0 {
			t.Errorf("%s in a model: %v, %v", sql, found, err)
		}
	}
}

func lintReads(t *testing.T, cases []string, o sqltext.LintOptions) {
	t.Helper()
	c := memory(t)
	trees := c.DB().Dialect().(engine.SyntaxTreer)
	for _, marked := range cases {
		sql := strings.NewReplacer("‹", "", "›", "").Replace(marked)
		tree, err := trees.SyntaxTree(t.Context(), c, sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		found, err := sqltext.Lint(sql, tree, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := mark(sql, found); got != marked {
			t.Errorf(" got %s\nwant %s", got, marked)
		}
	}
}

// mark puts brackets around what was found.
func mark(sql string, found []sqltext.Finding) string {
	for i := len(found) - 1; i >= 0; i-- {
		f := found[i]
		sql = sql[:f.Start] + "‹" + sql[f.Start:f.End] + "›" + sql[f.End:]
	}
	return sql
}

func memory(t *testing.T) *engine.Conn {
	t.Helper()
	db, err := duckdb.Engine().Open(t.Context(), engine.Target{Path: duckdb.Memory})
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), db.Close() })
	return c
}

func TestLintTypes(t *testing.T) {
	c := memory(t)
	trees := c.DB().Dialect().(engine.SyntaxTreer)
	if _, err := c.Exec(t.Context(), "create table t (id integer, v double, f float, d decimal(10, 2))"); err != nil {
		t.Fatal(err)
	}
	for _, marked := range []string{
		"select ‹null› as x",
		"select null::int as x, cast(null as varchar)",
		"select null as x union all select 1",
		"select ‹null› as x, 1 union all select null, 2",
		"select * from (select null as x)",
		"select sum(id), avg(id), sum(d), avg(d), count(v), min(v) from t",
		"select ‹sum›(v), ‹avg›(f), ‹mean›(v), ‹stddev›(v) from t",
		"select sum(d), ‹sum›(v) from t",
		"select ‹sum›(v) over (order by id) from t",
		"select ‹sum›(t.v) filter (where id > 1) as s from t group by id having ‹avg›(v) > 1",
		"select ‹sum›(v * 2) from t",
		"select ‹sum›(d::double) from t",
		"select sum(v::decimal(10, 2)) from t",
		"with q as (select v as w from t) select ‹sum›(w) from q",
		"select fsum(v) from t",
	} {
		sql := strings.NewReplacer("‹", "", "›", "").Replace(marked)
		tree, err := trees.SyntaxTree(t.Context(), c, sql)
		if err != nil {
			t.Fatal(err)
		}
		found, err := sqltext.Lint(sql, tree, lintTables)
		if err != nil {
			t.Fatal(err)
		}
		bound, err := trees.BoundTree(t.Context(), c, sql)
		if err != nil {
			t.Fatal(err)
		}
		floats, err := sqltext.LintFloats(sql, tree, bound)
		if err != nil {
			t.Fatal(err)
		}
		if got := mark(sql, append(found, floats...)); got != marked {
			t.Errorf(" got %s\nwant %s", got, marked)
		}
	}
}

func TestSyntaxTreeUnsupported(t *testing.T) {
	c := memory(t)
	trees := c.DB().Dialect().(engine.SyntaxTreer)
	for _, sql := range []string{"create table x as select 1", "select", "pivot x on k using sum(v)", "delete from a"} {
		if _, err := trees.SyntaxTree(t.Context(), c, sql); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestLint(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select 1 as id, 2.5::double as v
-- models/b.sql --
{{ config(materialized='ephemeral') }}
select id from {{ target.schema }}.a -- all runs
-- models/c.sql --
select sum(v) as s, null as n
from {{ ref('a') }} join {{ ref('b') }} using (id)
-- models/d.sql --
{{ config(alias='dd', run_id_column='rid') }} select * from {{ ref('b') }}
-- models/seen.sql --
select id from {{ ref('a') }} where id in (select id from dd where rid = '01900000-0000-7000-8000-000000000001')
-- tests/t.sql --
select id, null from dd
`)
	check := func(want string) {
		t.Helper()
		rep, err := s.open().Lint(t.Context(), runner.LintOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, f := range rep.Findings {
			fmt.Fprintf(&b, "%v %v warn=%v\n", f.Pos, f.Rule, f.Warn)
		}
		if b.String() != want {
			t.Errorf("got\n%swant\n%s", b.String(), want)
		}
	}
	want := `models/b.sql:2:19 unfiltered_read warn=false
models/c.sql:1:8 float_aggregate warn=true
models/c.sql:1:21 untyped_null warn=true
tests/t.sql:1:22 unfiltered_read warn=false
`
	// Before the first build nothing of what b reads is there.
	check(strings.Replace(want, "models/c.sql:1:8 float_aggregate warn=true\n", "", 1))
	s.write("-- models/b.sql --\nselect id from {{ ref('a') }}\n")
	s.build(runner.BuildOptions{Select: []string{"a"}})
	s.write("-- models/b.sql --\n{{ config(materialized='ephemeral') }}\nselect id from {{ target.schema }}.a -- all runs\n")
	check(want)
}
