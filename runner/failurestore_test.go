package runner_test

import (
	"slices"
	"strings"
	"testing"

	"warehouse/runner"
)

const kept = `
-- models/m.sql --
select i as a, {{ var('wide', 'null::int') }} as b from range({{ var('n', 3) }}) t(i)
-- models/m.yml --
version: 2
models:
  - name: m
    columns:
      - name: a
        data_tests:
          - unique: {config: {store_failures: false}}
          - accepted_values: {arguments: {values: [0], quote: false}, config: {severity: warn, store_failures: true, alias: odd_ones, schema: checks}}
      - name: b
        data_tests: [{not_null: {name: b_there, config: {severity: warn}}}]
-- tests/small.sql --
{{ config(severity='warn', store_failures_as='view', limit=1) }}
select a, b as wide from {{ ref('m') }} where a > 0
`

func TestStoreFailures(t *testing.T) {
	s := newShop(t, kept)
	first := s.build(runner.BuildOptions{})
	s.want("1 2", "select string_agg(value_field, ' ' order by value_field) from main_checks.odd_ones")
	s.want("1", "select count(*) from main_dbt_test__audit.small") // limit
	s.want("0", "select count(*) from duckdb_tables() where table_name in ('b_there', 'unique_m_a')")
	if n := node(t, first, "small"); n.KeptIn.String() != `"main_dbt_test__audit"."small"` || n.Failures != 2 {
		t.Errorf("%+v", n)
	}

	// Another run, with other columns, and all tests that do not say otherwise.
	s.vars = map[string]any{"n": 2, "wide": "null::bigint"}
	second := s.build(runner.BuildOptions{StoreFailures: true})
	by := " where run_id = '" + second.Run.ID + "'"
	s.want("1", "select string_agg(value_field) from main_checks.odd_ones"+by)
	s.want("2", "select count(*) from main_dbt_test__audit.b_there"+by)
	s.want("3", "select count(*) from main_checks.odd_ones")

	// Testing the run again replaces what was kept of it; other runs' stay.
	rep, err := s.open().Test(t.Context(), runner.TestOptions{Run: second.Run.ID, StoreFailures: true})
	if err != nil || !rep.OK() {
		t.Fatalf("%v\n%s", err, describe(rep))
	}
	s.want("3", "select count(*) from main_checks.odd_ones")
	s.want("2", "select count(*) from main_dbt_test__audit.b_there")

	// What passes now has no failing rows, and what is pruned has none either.
	s.vars = map[string]any{"n": 1, "wide": "1"}
	third := s.build(runner.BuildOptions{StoreFailures: true})
	s.want("0", "select count(*) from main_checks.odd_ones where run_id = '"+third.Run.ID+"'")
	s.vars = nil
	s.build(runner.BuildOptions{})
	plan, err := s.open().PlanPrune(t.Context(), runner.PruneOptions{KeepLast: new(1)})
	if err == nil {
		_, err = s.open().Prune(t.Context(), plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.want("2", "select count(*) from main_checks.odd_ones")
	s.want("0", "select count(*) from main_dbt_test__audit.b_there")
	s.sound()
}

func TestStoreFailuresBlocking(t *testing.T) {
	s := newShop(t, "-- models/m.sql --\nselect null::int as a\n-- models/m.yml --\nversion: 2\nmodels: [{name: m, columns: [{name: a, data_tests: [not_null, unique]}]}]\n")
	rep := s.try(runner.BuildOptions{StoreFailures: true})
	if rep.OK() {
		t.Fatal(describe(rep))
	}
	s.want("1", "select count(*) from main_dbt_test__audit.not_null_m_a where run_id = '"+rep.Run.ID+"'")
	again, err := s.open().Retry(t.Context(), "")
	if err != nil || again.OK() {
		t.Fatal(err)
	}
	s.want("1", "select count(*) from main_dbt_test__audit.not_null_m_a")
	// Two columns of one name cannot be kept, and the test says so.
	s.write("-- models/m.sql --\nselect 1 as a\n-- tests/twice.sql --\n{{ config(store_failures=true) }} select 1 as x, 2 as x\n")
	n := node(t, s.try(runner.BuildOptions{}), "twice")
	if n.Status != runner.StatusError || !strings.Contains(n.Err.Error(), "its failing rows cannot be kept") {
		t.Errorf("%+v", n)
	}
	s.write("-- tests/twice.sql --\n{{ config(store_failures=true, alias='one') }} select 1 as x\n-- tests/more.sql --\n{{ config(store_failures_as='table', alias='ONE') }} select 1 as x\n")
	if err := s.open().Check(t.Context()); err == nil || !strings.Contains(err.Error(), "two data tests keep their failing rows in") {
		t.Error(err)
	}
	s.write("-- tests/more.sql --\n{{ config(store_failures_as='tabel') }} select 1 as x\n")
	if err := s.open().Check(t.Context()); err == nil || !strings.Contains(err.Error(), `unknown store_failures_as: "tabel"`) {
		t.Error(err)
	}
}

// Macros know whether the failing rows are kept.
func TestShouldStoreFailures(t *testing.T) {
	s := newShop(t, "-- models/m.sql --\nselect 1 as a, 2 as b\n-- tests/one.sql --\n{{ config(severity='warn') }} select {{ '*' if should_store_failures() else 'a' }} from {{ ref('m') }}\n")
	for store, want := range map[bool]int{false: 1, true: 2} {
		rep := s.build(runner.BuildOptions{StoreFailures: store})
		if got := len(node(t, rep, "one").Sample.Columns); got != want {
			t.Errorf("store %v: %d columns", store, got)
		}
	}
}

func TestWarnError(t *testing.T) {
	const test = "-- models/m.sql --\nselect 1 as a\n-- tests/one.sql --\n{{ config(severity='warn') }} select 1 as x\n"
	const jinja = "-- models/m.sql --\n{% do exceptions.warn('careful') %}select 1 as a\n"
	const project = "-- models/m.sql --\n{{ config(persist_docs={}) }} select 1 as a\n"
	all := []string{"all"}
	for _, c := range []struct {
		name, files string
		policy      runner.WarnPolicy
		ok          bool
	}{
		{"a data test", test, runner.WarnPolicy{Error: all}, false},
		{"by its name", test, runner.WarnPolicy{Error: []string{"LogTestResult"}}, false},
		{"all but data tests", test, runner.WarnPolicy{Error: []string{"*"}, Warn: []string{"LogTestResult"}}, true},
		{"a template", jinja, runner.WarnPolicy{Error: all}, false},
		{"another name", jinja, runner.WarnPolicy{Error: []string{"LogTestResult"}}, true},
		{"silenced", jinja, runner.WarnPolicy{Error: all, Silence: []string{"JinjaLogWarning"}}, true},
		{"the project", project, runner.WarnPolicy{Error: all}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, c.files)
			s.change = func(cfg *runner.Config) { cfg.WarnError = c.policy }
			rep, err := s.open().Build(t.Context(), runner.BuildOptions{})
			if ok := err == nil && rep.OK() && rep.Publication != 0; ok != c.ok {
				t.Fatalf("%v %+v", err, rep)
			}
			if silent := !strings.Contains(s.messages(runner.EventWarning), "careful"); c.files == jinja && silent != slices.Contains(c.policy.Silence, "JinjaLogWarning") {
				t.Errorf("warned: %s", s.messages(runner.EventWarning))
			}
			s.change = nil
			if c.ok {
				return
			}
			s.build(runner.BuildOptions{})
		})
	}
}
