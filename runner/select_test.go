package runner_test

import (
	"strings"
	"testing"

	"warehouse/runner"
)

const chain = `
-- models/staging/a.sql --
{{ config(tags=['raw']) }} select 1 as id, '{{ run_id }}' as run
-- models/e1.sql --
{{ config(materialized='ephemeral') }} select * from {{ ref('a') }}
-- models/e2.sql --
{{ config(materialized='ephemeral') }} select * from {{ ref('e1') }}
-- models/b.sql --
select *, '{{ run_of('a') }}' as a_run from {{ ref('e2') }}
-- models/c.sql --
select * from {{ ref('b') }}
-- models/lone.sql --
select 1 as one
-- models/schema.yml --
version: 2
models:
  - name: a
    columns: [{name: id, data_tests: [not_null]}]
  - name: e2
    columns: [{name: id, data_tests: [not_null]}]
-- tests/both.sql --
select * from {{ ref('a') }} join {{ ref('c') }} using (id) where id > 1
`

// built are the names of what a build built and tested.
func built(rep *runner.Report) string {
	var names []string
	for line := range strings.SplitSeq(statuses(rep), "\n") {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestSelect(t *testing.T) {
	s := newShop(t, chain)
	s.build(runner.BuildOptions{})
	for _, c := range []struct{ include, exclude, want string }{
		{"a", "", "a both not_null_a_id"},
		{"b", "", "b"}, // the test of e2, which b alone reads through it, is e2's
		{"c", "", "both c"},
		{"a+", "c", "a b not_null_a_id not_null_e2_id"}, // both is a test of c too, and goes with it, as in dbt,
		{"+c", "lone", "a b both c not_null_a_id not_null_e2_id"},
		{"path:models/staging", "", "a both not_null_a_id"},
		{"", "a b c", "lone not_null_e2_id"},
		{"l*", "", "lone"},
		{"c", "both", "c"},
		{"c,a", "", ""},
	} {
		o := runner.BuildOptions{Select: strings.Fields(c.include), Exclude: strings.Fields(c.exclude)}
		if c.want == "" {
			if _, err := s.open().Build(t.Context(), o); err == nil {
				t.Errorf("%s is built", c.include)
			}
			continue
		}
		rep := s.build(o)
		if got := built(rep); got != c.want {
			t.Errorf("--select %s --exclude %s\n got %s\nwant %s", c.include, c.exclude, got, c.want)
		}
	}
	s.sound()
}

// A data test of an ephemeral model runs with what is selected of it.
func TestEphemeralChain(t *testing.T) {
	s := newShop(t, chain)
	one := s.build(runner.BuildOptions{})
	two := s.build(runner.BuildOptions{Select: []string{"b"}})
	s.want(one.Run.ID+" "+one.Run.ID, "select run, a_run from latest.b")
	s.want("1", "select count(*) from main.run_manifest_model where model = 'b' and run_id = '"+two.Run.ID+"' and inputs::varchar like '%"+one.Run.ID+"%'")
	if _, err := s.tryQuery("select * from latest.e1", ""); err == nil {
		t.Error("an ephemeral model is stored")
	}
}

// A dry run says what a build would do, and does nothing.
func TestDryRun(t *testing.T) {
	s := newShop(t, chain)
	p, err := s.open().DryRun(t.Context(), runner.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Steps) != 4 || p.Tests != 3 || p.Steps[0].Because != "it was never published" {
		t.Errorf("%+v", p)
	}
	if _, err := s.tryQuery("select 1", ""); err == nil {
		t.Error("a dry run made the database")
	}
	s.build(runner.BuildOptions{})
	p, err = s.open().DryRun(t.Context(), runner.BuildOptions{Select: []string{"b"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Steps) != 1 || len(p.Steps[0].Reads) != 1 || p.Steps[0].Reads[0].Run != "r1" || p.Steps[0].LastRows != 1 {
		t.Errorf("%+v", p)
	}
	s.want("1", "select count(*) from main.run_manifest")
}

// One worker and four give the same; FailFast starts nothing new.
func TestThreadsAndFailFast(t *testing.T) {
	files := "\n-- models/bad.sql --\nselect error('no') as x\n"
	for _, name := range strings.Fields("m1 m2 m3 m4 m5 m6 m7 m8") {
		files += "-- models/" + name + ".sql --\nselect i as id from range(1000) t(i)\n-- models/z_" + name + ".sql --\nselect count(*) as n from {{ ref('" + name + "') }}\n"
	}
	for _, threads := range []int{1, 4} {
		s := newShop(t, files)
		s.change = func(c *runner.Config) { c.Threads = threads }
		rep := s.try(runner.BuildOptions{})
		if rep.Run.ModelsOK != 16 || rep.Run.ModelsFailed != 1 {
			t.Errorf("%d threads: %s", threads, describe(rep))
		}
		rep = s.try(runner.BuildOptions{FailFast: true})
		if rep.Run.ModelsFailed != 1 || rep.Run.ModelsOK > 16-1 && threads == 1 {
			t.Errorf("%d threads, fail fast: %s", threads, describe(rep))
		}
		skipped := 0
		for _, n := range rep.Nodes {
			if n.Status == runner.StatusSkipped {
				skipped++
			}
		}
		if skipped == 0 && threads == 1 {
			t.Errorf("%d threads, fail fast: nothing is skipped", threads)
		}
		s.sound()
	}
}

// Empty builds every model with no rows, and tests it.
func TestEmpty(t *testing.T) {
	s := newShop(t, orders)
	rep := s.build(runner.BuildOptions{Empty: true, NoPublish: true})
	if rep.Run.RowCount != 0 {
		t.Errorf("%d rows", rep.Run.RowCount)
	}
	if got := s.query("select count(*) from orders", "r1"); got != "0" {
		t.Error(got)
	}
}

// Models whose SQL depends on query results are rendered when what they read
// is built, and so are their children.
func TestRunQuery(t *testing.T) {
	s := newShop(t, `
-- models/kinds.sql --
select unnest(['x', 'y', {{ "'z'" if var('z', false) else "'y2'" }}]) as k
-- models/wide.sql --
{%- set q %}select k from {{ ref('kinds') }} order by k{% endset %}
{%- set ks = run_query(q) %}
select 1 as id
{%- if execute %}{% for row in ks.rows %}, {{ loop.index }} as "{{ row[0] }}"{% endfor %}{% endif %}
-- models/child.sql --
select * from {{ ref('wide') }}
-- models/view_child.sql --
{{ config(materialized='view') }} select * from {{ ref('child') }}
-- models/types.sql --
{%- set r = run_query("select uuid '01234567-89ab-cdef-0123-456789abcdef' as u, 1.50::decimal(5,2) as d, date '2026-01-02' as t, 12345678901234567890::hugeint as h, null as n, [1, 2] as l, true as b, 1.5::double as f, 'x' as s") %}
select {% if execute %}{% for v in r.rows[0] %}'{{ v }}' as c{{ loop.index }}, {% endfor %}{% endif %} 1 as one
-- models/schema.yml --
version: 2
models:
  - name: wide
    columns: [{name: id, data_tests: [not_null, unique]}, {name: x, data_tests: [not_null]}]
  - name: view_child
    columns: [{name: x, data_tests: [not_null]}]
`)
	rep := s.build(runner.BuildOptions{})
	s.want("1 1 2 3", "select id, x, y, y2 from latest.view_child")
	if got := s.query("select c1, c2, c3, c4, c5, c7, c8, c9 from types", ""); got != "01234567-89ab-cdef-0123-456789abcdef 1.50 2026-01-02 12345678901234567890 None True 1.5 x" {
		t.Errorf("%s", got)
	}
	if rep.Run.ModelsOK != 5 {
		t.Error(describe(rep))
	}
	s.vars = map[string]any{"z": true}
	s.build(runner.BuildOptions{})
	s.want("1 1 2 3", "select id, x, y, z from latest.view_child")
	s.want("1 1 2 3", "select id, x, y, y2 from previous.view_child")
	s.build(runner.BuildOptions{Select: []string{"wide"}})
	// A query that fails is an error of the model, in its file.
	s.write("-- models/kinds.sql --\nselect 1 as other\n")
	bad := s.try(runner.BuildOptions{})
	contains(t, tell(node(t, bad, "wide").Err), "models/wide.sql", "k")
	if got := node(t, bad, "child").Status; got != runner.StatusSkipped {
		t.Error(got)
	}
	s.sound()
}

// What is recorded of a model does not differ from run to run.
func TestSQLHashIsStable(t *testing.T) {
	s := newShop(t, orders)
	s.build(runner.BuildOptions{})
	s.build(runner.BuildOptions{})
	s.build(runner.BuildOptions{Select: []string{"orders", "big"}})
	s.want("1 1", "select count(distinct sql_sha256) filter (where model = 'orders'), count(distinct sql_sha256) filter (where model = 'big') from main.run_manifest_model")
	s.want("1", "select count(distinct checksum) from main.run_manifest_model where model = 'orders'")
}

// TestSourceTests: data tests of sources run in builds of what reads them, and
// block.
func TestSourceTests(t *testing.T) {
	s := newShop(t, `
-- models/clicks.sql --
select id from {{ source('ext', 'raw_clicks') }}
-- models/other.sql --
select 1 as id
-- models/sources.yml --
sources:
  - name: ext
    schema: main
    tables:
      - name: raw_clicks
        columns: [{name: id, data_tests: [unique]}]
`)
	s.build(runner.BuildOptions{Select: []string{"other"}}) // makes the file; nothing of the source is selected
	s.alter("create table main.raw_clicks as select 1 as id union all select 1")
	rep := s.try(runner.BuildOptions{})
	if rep.OK() || node(t, rep, "clicks").Status != runner.StatusSkipped || node(t, rep, "other").Status != runner.StatusSuccess {
		t.Errorf("a doubled key in a source:\n%s", describe(rep))
	}
	if rep := s.build(runner.BuildOptions{Select: []string{"clicks"}}); len(rep.Nodes) != 1 {
		t.Errorf("the source was not selected:\n%s", describe(rep))
	}
	if rep := s.try(runner.BuildOptions{Select: []string{"+clicks"}}); rep.OK() {
		t.Errorf("the source was selected:\n%s", describe(rep))
	}
	s.alter("delete from main.raw_clicks", "insert into main.raw_clicks values (1)")
	s.build(runner.BuildOptions{})
	if rep, err := s.open().Test(t.Context(), runner.TestOptions{Select: []string{"source:ext"}}); err != nil || len(rep.Nodes) != 1 || !rep.OK() {
		t.Errorf("test --select source:ext: %v", err)
	}
}
