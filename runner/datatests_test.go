package runner_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// Tests that are counted while their model is written have the results of the
// same tests run by themselves.
func TestFusedTestsAgree(t *testing.T) {
	model := "select * from (values (1, 'a', 1.5), (2, null, null), (null, 'B', 2.5), (2, 'a', 'nan'::double), (null, '', 0)) t(id, kind, x)"
	tests := func(extra string) string {
		var b strings.Builder
		for _, m := range []string{"first", "second"} {
			where := ""
			if m == "second" {
				where = ", config: {where: \"1 = 1\"}" // not counted along
			}
			fmt.Fprintf(&b, `  - name: %s
    columns:
      - name: id
        data_tests:
          - not_null: {name: %[1]s_id_null%[2]s}
          - not_null: {name: %[1]s_id_warn, config: {severity: warn%[3]s}}
          - accepted_values: {name: %[1]s_id_values, arguments: {values: [1, 3], quote: false}%[2]s}
          - unique: {name: %[1]s_id_unique}
      - name: kind
        data_tests:
          - not_null: {name: %[1]s_kind_null%[2]s}
          - accepted_values: {name: %[1]s_kind_values, arguments: {values: [a, b, '']}%[2]s}
      - name: X
        data_tests:
          - not_null: {name: %[1]s_x_null%[2]s}
`, m, where, map[bool]string{true: ", where: \"1 = 1\"", false: ""}[where != ""])
		}
		return b.String() + extra
	}
	s := newShop(t, "-- models/first.sql --\n"+model+"\n-- models/second.sql --\n"+model+"\n-- models/schema.yml --\nversion: 2\nmodels:\n"+tests(""))
	agree := func(rep *runner.Report) {
		t.Helper()
		n := 0
		for _, a := range rep.Nodes {
			rest, ok := strings.CutPrefix(a.Name, "first_")
			if !ok {
				continue
			}
			n++
			b := node(t, rep, "second_"+rest)
			if a.Status != b.Status || a.Failures != b.Failures || fmt.Sprint(cells(a.Sample)) != fmt.Sprint(cells(b.Sample)) {
				t.Errorf("%s: %s %d %v, by itself %s %d %v", rest, a.Status, a.Failures, cells(a.Sample), b.Status, b.Failures, cells(b.Sample))
			}
		}
		if n != 7 {
			t.Errorf("%d tests\n%s", n, describe(rep))
		}
	}
	rep := s.try(runner.BuildOptions{})
	agree(rep)
	if rep.Scans == 0 {
		t.Error("nothing was counted along")
	}
	if n := node(t, rep, "first_id_values"); n.Status != runner.StatusFail || n.Failures != 1 {
		t.Errorf("%+v", n)
	}
	if n := node(t, rep, "first_id_warn"); n.Status != runner.StatusWarn || n.Failures != 2 {
		t.Errorf("%+v", n)
	}
	again, err := s.open().Test(t.Context(), runner.TestOptions{Run: "r1"})
	if err != nil {
		t.Fatal(err)
	}
	agree(again)
	for _, n := range again.Nodes {
		if was := node(t, rep, n.Name); was.Status != n.Status || was.Failures != n.Failures {
			t.Errorf("test --run r1: %s is %s %d, was %s %d", n.Name, n.Status, n.Failures, was.Status, was.Failures)
		}
	}
	// On columns that are stored under other names, too.
	s.build(runner.BuildOptions{Select: []string{"first", "second"}, Exclude: []string{"test_type:generic"}})
	typed := strings.Replace(model, "select *", "select id::varchar as id, kind, x::varchar as x", 1)
	s.write("-- models/first.sql --\n" + typed + "\n-- models/second.sql --\n" + typed + "\n-- models/schema.yml --\nversion: 2\nmodels:\n" + strings.ReplaceAll(tests(""), "[1, 3], quote: false", "['1', '3']"))
	rep = s.try(runner.BuildOptions{})
	agree(rep)
	if n := node(t, rep, "first_id_values"); n.Status != runner.StatusFail || n.Failures != 1 {
		t.Errorf("retyped: %+v", n)
	}
	s.sound()
}

func cells(s runner.Sample) []string {
	var out []string
	for _, r := range s.Rows {
		for i, v := range r {
			if v == nil {
				out = append(out, s.Columns[i]+"=NULL")
			} else {
				out = append(out, s.Columns[i]+"="+*v)
			}
		}
	}
	return out
}

// A data test that cannot run is an error, which blocks; the others run.
func TestDataTestErrors(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select 1 as id
-- models/b.sql --
select * from {{ ref('a') }}
-- models/schema.yml --
version: 2
models:
  - name: a
    columns:
      - name: nope
        data_tests:
          - not_null: {config: {severity: warn}}
      - name: id
        data_tests:
          - not_null
          - accepted_values: {values: ['x']}
`)
	rep := s.try(runner.BuildOptions{})
	if got := statuses(rep); got != "a success\naccepted_values_a_id__x error\nb skipped\nnot_null_a_id pass\nnot_null_a_nope error" {
		if got != "a success\naccepted_values_a_id__x fail\nb skipped\nnot_null_a_id pass\nnot_null_a_nope error" {
			t.Error(describe(rep))
		}
	}
	if rep.Run.Status != history.Failed {
		t.Error(rep.Run.Status)
	}
	contains(t, tell(node(t, rep, "not_null_a_nope").Err), "nope", "models/schema.yml")
	s.want("error", "select status from main.run_manifest_test where test = 'not_null_a_nope'")
	s.sound()
}

// Failures are counted in full, the sample is five rows, warnings do not block.
func TestFailingRows(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select i as id, i % 2 as odd, 'a' || chr(10) || 'b' as text from range(20) t(i)
-- models/b.sql --
select 1 as x
-- tests/no_odd.sql --
select * from {{ ref('a') }} where odd = 1
-- tests/two_models.sql --
{{ config(severity='warn') }}
select a.id, b.x from {{ ref('a') }} a join {{ ref('b') }} b on a.id = b.x
-- tests/at_most.sql --
{{ config(error_if='>20', warn_if='>10') }}
select * from {{ ref('a') }}
`)
	rep := s.try(runner.BuildOptions{})
	n := node(t, rep, "no_odd")
	if n.Status != runner.StatusFail || n.Failures != 10 || len(n.Sample.Rows) != 5 || n.Model != "a" {
		t.Errorf("%+v", n)
	}
	if got := s.query("select count(*) from ("+n.SampleSQL+")", "r1"); got != "10" {
		t.Errorf("the query for all failing rows finds %s", got)
	}
	if n := node(t, rep, "two_models"); n.Status != runner.StatusWarn || n.Blocking {
		t.Errorf("%+v", n)
	}
	if n := node(t, rep, "at_most"); n.Status != runner.StatusWarn || n.Failures != 20 {
		t.Errorf("%+v", n)
	}
	s.want("5", "select json_array_length(sample) from main.run_manifest_test where test = 'no_odd'")
	s.remove("tests/no_odd.sql")
	s.build(runner.BuildOptions{})
}

// test runs on any run, adds an attempt, and changes no status.
func TestTestsOfARun(t *testing.T) {
	s := newShop(t, orders)
	if _, err := s.open().Test(t.Context(), runner.TestOptions{}); err == nil {
		t.Error("tests of nothing")
	}
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"price": 7}
	s.try(runner.BuildOptions{})
	ok, err := s.open().Test(t.Context(), runner.TestOptions{})
	if err != nil || !ok.OK() || ok.Run.Seq != 1 {
		t.Errorf("%v %+v", err, ok)
	}
	bad, err := s.open().Test(t.Context(), runner.TestOptions{Run: "r2"})
	if err != nil || bad.OK() || bad.Failed != 1 {
		t.Fatalf("%v %s", err, describe(bad))
	}
	s.want("r1 1 3\nr1 2 3\nr2 1 3\nr2 2 3", "select 'r' || r.seq, attempt, count(*) from main.run_manifest_test t join main.run_manifest r using (run_id) group by all order by all")
	s.want("success\nfailed", "select status from main.run_manifest order by seq")
	if _, err := s.open().Test(t.Context(), runner.TestOptions{Select: []string{"totals"}}); err == nil {
		t.Error("totals has no data test")
	}
	one, err := s.open().Test(t.Context(), runner.TestOptions{Select: []string{"unique_orders_id"}})
	if err != nil || len(one.Nodes) != 1 {
		t.Errorf("%v %v", err, one)
	}
	s.sound()
}

// A test of two models one of which was never published says so.
func TestTestReadsUnpublished(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select 1 as id
-- models/b.sql --
select 1 as id
-- tests/both.sql --
select * from {{ ref('a') }} join {{ ref('b') }} using (id) where id = 2
`)
	rep := s.try(runner.BuildOptions{Select: []string{"a"}})
	n := node(t, rep, "both")
	if n.Status != runner.StatusError {
		t.Errorf("%+v", n)
	}
	contains(t, tell(n.Err), "b", "never published")
	s.build(runner.BuildOptions{})
	s.build(runner.BuildOptions{Select: []string{"a"}})
}

// A secret is in no stored SQL, error, command, sample or event.
func TestSecrets(t *testing.T) {
	const secret = "hunter2hunter2"
	s := newShop(t, `
-- models/a.sql --
select length('{{ env_var('WAREHOUSE_SECRET_PW') }}') as n
-- models/bad.sql --
select cast('{{ env_var('WAREHOUSE_SECRET_PW') }}' as integer) as n
-- models/worse.sql --
select "{{ env_var('WAREHOUSE_SECRET_PW') }}" as n from {{ ref('a') }}
-- models/queried.sql --
{% set r = run_query("select '" ~ env_var('WAREHOUSE_SECRET_PW') ~ "'::integer as x") %}
select 1 as one
-- tests/t.sql --
select '{{ env_var('WAREHOUSE_SECRET_PW') }}' as pw, * from {{ ref('a') }}
`)
	s.env = map[string]string{"WAREHOUSE_SECRET_PW": secret}
	var seen strings.Builder
	look := func(rep *runner.Report, err error) {
		t.Helper()
		fmt.Fprintf(&seen, "%v %s\n%s\n", err, hint(err), tell(err))
		if rep != nil {
			fmt.Fprintf(&seen, "%s %s %s\n", describe(rep), rep.NotBecause, rep.Run.Error)
			for _, n := range rep.Nodes {
				fmt.Fprintf(&seen, "%s %s %v\n", tell(n.Err), n.SampleSQL, cells(n.Sample))
			}
		}
		for _, e := range s.events {
			fmt.Fprintf(&seen, "%s %v\n", e.Message, e.Err)
		}
	}
	look(s.open().Build(t.Context(), runner.BuildOptions{}))
	s.remove("models/worse.sql")
	look(s.open().Build(t.Context(), runner.BuildOptions{}))
	contains(t, seen.String(), "Could not convert string")
	s.remove("models/bad.sql")
	s.remove("models/queried.sql")
	look(s.open().Build(t.Context(), runner.BuildOptions{}))
	s.write("-- models/v.sql --\n{{ config(materialized='view') }} select '{{ env_var('WAREHOUSE_SECRET_PW') }}' as x\n")
	look(s.open().Build(t.Context(), runner.BuildOptions{}))
	for _, table := range []string{"run_manifest", "run_manifest_model", "run_manifest_test", "run_ledger"} {
		seen.WriteString(s.query("select t::varchar from main."+table+" t", ""))
	}
	for _, m := range regexp.MustCompile(".*"+secret+".*").FindAllString(seen.String(), -1) {
		t.Errorf("the secret is in: %s", m)
	}
	s.want("14", "select any_value(n) from main.a")
}

// Where a mart has few rows, unique is told by the scan that its write makes
// anyway, and says what the test says by itself; where it has many it is a query
// of its own.
func TestUniqueIsToldAlong(t *testing.T) {
	columns := map[string]string{
		"same":      "values (1), (1), (2)",
		"other":     "values (1), (2), (null), (null)",
		"cases":     "values ('a'), ('A'), ('b')",
		"nothing":   "values (null::int)",
		"zeros":     "values (0.0::double), (-0.0::double)",
		"nans":      "values ('nan'::double), ('nan'::double)",
		"lists":     "values ([1, 2]), ([1, 2])",
		"structs":   "values ({'a': 1}), ({'a': 2})",
		"intervals": "values (interval 30 day), (interval 1 month)",
		"empty":     "select 1 where false",
		"many":      "select i // 2 from range(250000) t(i)",
		"manyelse":  "select i from range(250000) t(i)",
	}
	for _, settings := range []string{"", ", settings: {default_collation: nocase}"} {
		files := "-- project.yml --\n" + strings.Replace(projectYML, "warehouse.duckdb", "warehouse.duckdb"+settings, 1)
		schema := "-- models/schema.yml --\nversion: 2\nmodels:\n"
		for name, rows := range columns {
			for _, m := range []string{name + "_along", name + "_alone"} {
				files += "-- models/" + m + ".sql --\nselect x from (" + rows + ") as t(x)\n"
				where := ""
				if strings.HasSuffix(m, "_alone") {
					where = ", config: {where: \"true\"}"
				}
				schema += "  - {name: " + m + ", columns: [{name: x, data_tests: [{unique: {name: test_" + m + where + "}}]}]}\n"
			}
		}
		s := newShop(t, files+schema)
		var mu sync.Mutex
		asked := map[string]bool{}
		cfg := s.config()
		cfg.Statement = func(st engine.Statement) {
			if !strings.Contains(st.SQL, "dbt_internal_test") {
				return
			}
			for name := range columns {
				if strings.Contains(st.SQL, `"`+name+`_along"`) {
					mu.Lock()
					asked[name] = true
					mu.Unlock()
				}
			}
		}
		r, err := runner.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := r.Build(t.Context(), runner.BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for name := range columns {
			a, b := node(t, rep, "test_"+name+"_along"), node(t, rep, "test_"+name+"_alone")
			if a.Status != b.Status || a.Failures != b.Failures || name != "many" && fmt.Sprint(cells(a.Sample)) != fmt.Sprint(cells(b.Sample)) {
				t.Errorf("%s%s: %s %d %v, alone %s %d %v", name, settings, a.Status, a.Failures, cells(a.Sample), b.Status, b.Failures, cells(b.Sample))
			}
			if want := a.Status != runner.StatusPass || strings.HasPrefix(name, "many") || settings != ""; asked[name] != want {
				t.Errorf("%s%s: asked by itself: %v, want %v", name, settings, asked[name], want)
			}
		}
	}
}
