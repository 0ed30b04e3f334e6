package runner_test

import (
	"errors"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/mart"
)

// ledger is an incremental model over the first so many days of a table; each
// of its rows says in which build it was computed.
const ledger = `
-- models/m.sql --
{{ config(materialized='incremental', unique_key='day') }}
select i as day, '{{ var('build') }}' as build from range(1, {{ var('upto') }} + 1) t(i)
{% if is_incremental() %}
where i >= (select max(day) from {{ this }})
{% endif %}
`

func (s *shop) buildUpto(build string, upto int, o runner.BuildOptions) *runner.Report {
	s.t.Helper()
	s.vars = map[string]any{"build": build, "upto": upto}
	return s.build(o)
}

const days = "select string_agg(day || build, ' ' order by day, build) from latest.m"

func TestIncremental(t *testing.T) {
	s := newShop(t, ledger)
	a := s.buildUpto("a", 2, runner.BuildOptions{})
	s.want("1a 2a", days)
	b := s.buildUpto("b", 3, runner.BuildOptions{})
	s.want("1a 2b 3b", days)
	if n := node(t, b, "m"); n.Kind != "incremental" || n.Rows != 3 {
		t.Errorf("m is %+v", n)
	}
	s.want("1", "select count(distinct created_at) from latest.m")
	s.want(a.Run.ID, "select inputs->'model.shop.m'->>'run_id' from main.run_manifest_model where run_id = '"+b.Run.ID+"'")

	// A run that is not published is nobody's past; nor is one that failed.
	s.buildUpto("x", 9, runner.BuildOptions{NoPublish: true})
	s.buildUpto("c", 3, runner.BuildOptions{})
	s.want("1a 2b 3c", days)

	// After a rollback the past is the run gone back to.
	r := s.open()
	move, err := r.PlanRollback(t.Context(), "")
	if err == nil {
		_, err = r.Move(t.Context(), move, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	s.buildUpto("d", 4, runner.BuildOptions{})
	s.want("1a 2b 3d 4d", days)

	s.buildUpto("e", 4, runner.BuildOptions{FullRefresh: true})
	s.want("1e 2e 3e 4e", days)
	s.sound()
}

func TestIncrementalSameRunAgain(t *testing.T) {
	s := newShop(t, ledger)
	s.buildUpto("a", 2, runner.BuildOptions{})
	const id = "01900000-0000-7000-8000-000000000001"
	for range 2 {
		s.buildUpto("b", 3, runner.BuildOptions{RunID: id, NoPublish: true})
		if got := s.query("select string_agg(day || build, ' ' order by day, build) from m", id); got != "1a 2b 3b" {
			t.Errorf("the run holds %s", got)
		}
	}
	s.write("-- models/n.sql --\nselect error('no') as n\n")
	s.vars = map[string]any{"build": "c", "upto": 3}
	if s.try(runner.BuildOptions{}).OK() {
		t.Fatal("the build should fail")
	}
	s.write("-- models/n.sql --\nselect 1 as n\n")
	s.vars = nil
	rep, err := s.open().Retry(t.Context(), "")
	if err != nil || node(t, rep, "m").Status != runner.StatusReused {
		t.Fatalf("%v\n%s", err, describe(rep))
	}
	s.want("1a 2c 3c", days)
	s.sound()
}

// A replay carries over what is live now.
func TestIncrementalReplay(t *testing.T) {
	s := newShop(t, ledger)
	s.buildUpto("a", 2, runner.BuildOptions{})
	b := s.buildUpto("b", 3, runner.BuildOptions{})
	s.buildUpto("c", 5, runner.BuildOptions{FullRefresh: true})
	s.vars = nil
	rep, err := s.open().Replay(t.Context(), b.Run.ID)
	if err != nil || !rep.OK() {
		t.Fatalf("%v\n%s", err, describe(rep))
	}
	// b's SQL computes days 1 to 3 that are not before the live maximum: none.
	if got := s.query("select string_agg(day || build, ' ' order by day, build) from m", rep.Run.ID); got != "1c 2c 3c 4c 5c" {
		t.Errorf("the replay holds %s", got)
	}
	s.sound()
}

func TestIncrementalStrategies(t *testing.T) {
	const model = "-- models/m.sql --\n{{ config(materialized='incremental', CONFIG) }}\nselect * from (values ROWS) v(k, g, x)\n"
	for _, c := range []struct{ name, config, first, then, want string }{
		{"append", "incremental_strategy='append'", "(1, 'a', 1)", "(1, 'a', 2)", "1a1 1a2"},
		{"append has no key", "incremental_strategy='append', unique_key='k'", "(1, 'a', 1)", "(1, 'a', 2)", "1a1 1a2"},
		{"no key", "unique_key=none", "(1, 'a', 1)", "(1, 'a', 1)", "1a1 1a1"},
		{"merge", "incremental_strategy='merge', unique_key='k'", "(1, 'a', 1), (2, 'a', 1)", "(2, 'b', 2), (3, 'b', 2)", "1a1 2b2 3b2"},
		{"a list", "unique_key=['k', 'g']", "(1, 'a', 1), (1, 'b', 1)", "(1, 'b', 2), (2, 'b', 2)", "1a1 1b2 2b2"},
		{"NULL is NULL", "unique_key=['k', 'g']", "(1, null, 1), (null, 'b', 1), (null, null, 1)", "(1, null, 2), (null, null::varchar, 2)", "-b1 1-2 --2"},
		{"a key in another case", "unique_key='K'", "(1, 'a', 1)", "(1, 'a', 2)", "1a2"},
		{"delete+insert: rows that share a key", "incremental_strategy='delete+insert', unique_key='g'", "(1, 'a', 1), (2, 'a', 1), (3, 'b', 1)", "(4, 'a', 2), (5, 'a', 2)", "3b1 4a2 5a2"},
		{"insert_overwrite: a partition", "incremental_strategy='insert_overwrite', partition_by=['g']", "(1, 'a', 1), (2, 'a', 1), (3, 'b', 1)", "(4, 'a', 2)", "3b1 4a2"},
		{"merge: some columns", "incremental_strategy='merge', unique_key='k', merge_update_columns=['X']", "(1, 'a', 1), (2, 'a', 1)", "(2, 'b', 2), (3, 'b', 2)", "1a1 2a2 3b2"},
		{"merge: all columns but", "incremental_strategy='merge', unique_key='k', merge_exclude_columns='x'", "(1, 'a', 1), (2, 'a', 1)", "(2, 'b', 2), (3, 'b', 2)", "1a1 2b1 3b2"},
		{"merge: NULL is kept, and is a key", "incremental_strategy='merge', unique_key='k', merge_exclude_columns=['g']", "(1, null, 1), (null, 'a', 1)", "(1, 'b', 2), (null, 'b', 2)", "1-2 -a2"},
		{"predicates", "incremental_strategy='delete+insert', unique_key='k', incremental_predicates=[\"g = 'a'\", 'x < 2']", "(1, 'a', 1), (2, 'b', 1), (3, null::varchar, 1)", "(1, 'c', 2), (2, 'c', 2), (3, 'c', 2)", "2b1 3-1 1c2 2c2 3c2"},
		{"predicates of both sides", "incremental_strategy='delete+insert', unique_key='k', predicates='DBT_INTERNAL_DEST.g = dbt_internal_source.g'", "(1, 'a', 1), (2, 'b', 1)", "(1, 'a', 2), (2, 'c', 2)", "2b1 1a2 2c2"},
		{"predicates of a merge", "incremental_strategy='merge', unique_key='k', merge_update_columns=['x'], incremental_predicates=['DBT_INTERNAL_DEST.x > 0']", "(1, 'a', 1), (2, 'b', 0)", "(1, 'c', 2), (3, 'c', 2)", "2b0 1a2 3c2"},
		{"nothing new", "unique_key='k'", "(1, 'a', 1)", "(1, 'a', 1)", "1a1"},
		{"full_refresh", "unique_key='k', full_refresh=true", "(1, 'a', 1)", "(2, 'a', 2)", "2a2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, strings.NewReplacer("CONFIG", c.config, "ROWS", c.first).Replace(model))
			s.build(runner.BuildOptions{})
			s.write(strings.NewReplacer("CONFIG", c.config, "ROWS", c.then).Replace(model))
			s.build(runner.BuildOptions{})
			s.want(c.want, "select string_agg(coalesce(k::varchar, '-') || coalesce(g::varchar, '-') || x, ' ' order by x, k, g) from latest.m")
			s.sound()
		})
	}
}

// A row outside of the predicates stays beside the new one, and the key tells.
func TestIncrementalPredicatesKeepKeys(t *testing.T) {
	const model = "-- models/m.sql --\n{{ config(materialized='incremental', incremental_strategy='merge', unique_key='k', incremental_predicates='x > 1') }}\nselect 1 as k, N as x\n"
	s := newShop(t, strings.Replace(model, "N", "1", 1))
	s.build(runner.BuildOptions{})
	s.write(strings.Replace(model, "N", "2", 1))
	var ke *mart.KeyError
	if err := node(t, s.try(runner.BuildOptions{}), "m").Err; !errors.As(err, &ke) {
		t.Errorf("%v", err)
	}
	s.want("1", "select x from latest.m")
}

func TestIncrementalMergeConfig(t *testing.T) {
	for config, want := range map[string]string{
		"incremental_strategy='merge', unique_key='k', merge_update_columns=['x'], merge_exclude_columns=['k']": "both merge_update_columns and merge_exclude_columns",
		"incremental_strategy='merge', unique_key='k', merge_update_columns=3":                                  "merge_update_columns must be a text or a list of texts, not 3",
		"incremental_strategy='merge', unique_key='k', merge_update_condition='x'":                              "merge_update_condition is not supported",
	} {
		s := newShop(t, "-- models/m.sql --\n{{ config(materialized='incremental', "+config+") }}\nselect 1 as k, 2 as x\n")
		if err := s.open().Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "models/m.sql:1") {
			t.Errorf("%s: %v", config, err)
		}
	}
	s := newShop(t, "-- models/m.sql --\n{{ config(materialized='incremental', incremental_strategy='merge', unique_key='k', merge_update_columns=['xx']) }}\nselect 1 as k, 2 as x\n")
	s.build(runner.BuildOptions{})
	if err := node(t, s.try(runner.BuildOptions{}), "m").Err; err == nil || !strings.Contains(err.Error()+hintOf(err), "did you mean x?") {
		t.Errorf("%v", err)
	}
	s = newShop(t, "-- models/m.sql --\n{{ config(materialized='incremental', incremental_strategy='append', merge_update_columns=['x'], incremental_predicates='x > 1') }}\nselect 1 as k, 2 as x\n")
	s.build(runner.BuildOptions{})
	for _, want := range []string{"only incremental_strategy merge, with unique_key, reads it", "no published row is replaced"} {
		if said := s.messages(runner.EventWarning); !strings.Contains(said, want) {
			t.Errorf("no warning %q: %s", want, said)
		}
	}
}

// A merge leaves what the SELECT no longer returns as it was published.
func TestIncrementalMergeKeepsColumns(t *testing.T) {
	const model = "-- models/m.sql --\n{{ config(materialized='incremental', incremental_strategy='merge', unique_key='k', on_schema_change='append_new_columns') }}\n"
	s := newShop(t, model+"select * from (values (1, 'a'), (2, 'b')) t(k, v)\n")
	s.build(runner.BuildOptions{})
	s.write(model + "select * from (values (2, 7), (3, 8)) t(k, w)\n")
	s.build(runner.BuildOptions{})
	s.want("1:a:- 2:b:7 3:-:8", "select string_agg(k || ':' || coalesce(v, '-') || ':' || coalesce(w::varchar, '-'), ' ' order by k) from latest.m")
}

func TestIncrementalUniqueKey(t *testing.T) {
	s := newShop(t, "-- models/m.sql --\n{{ config(materialized='incremental', unique_key='k') }}\nselect 1 as k, 'a' as v\n")
	s.build(runner.BuildOptions{})
	s.write("-- models/m.sql --\n{{ config(materialized='incremental', unique_key='k') }}\nselect * from (values (2, 'b'), (2, 'c'), (null, 'd'), (null, 'e')) v(k, v)\n")
	rep := s.try(runner.BuildOptions{})
	var ke *mart.KeyError
	if err := node(t, rep, "m").Err; !errors.As(err, &ke) || ke.Duplicates != 2 || !ke.Unique || !strings.Contains(err.Error(), "k = 2: 2 rows") {
		t.Fatalf("%+v", err)
	}
	s.want("1 a", "select k, v from latest.m")
	for config, want := range map[string]string{"unique_key='kk'": "did you mean k?", "unique_key=['k', 'w']": "the published run has no column w of unique_key"} {
		s.write("-- models/m.sql --\n{{ config(materialized='incremental', " + config + ") }}\nselect 3 as k, 'a' as v, 1 as w\n")
		if err := node(t, s.try(runner.BuildOptions{}), "m").Err; err == nil || !strings.Contains(err.Error()+hintOf(err), want) {
			t.Errorf("%s: %v", config, err)
		}
	}
	s.sound()
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return " " + h.Hint()
	}
	return ""
}

func TestIncrementalColumns(t *testing.T) {
	const model = "-- models/m.sql --\n{{ config(materialized='incremental', unique_key='k', on_schema_change='CHANGE') }}\nselect COLUMNS\n"
	for _, c := range []struct{ name, change, first, then, want, err string }{
		{"a column more", "ignore", "1 as k", "2 as k, 'x' as v", "{'k': 1, 'v': NULL} {'k': 2, 'v': x}", ""},
		{"a column more, evolve", "evolve", "1 as k", "'x' as v, 2 as k", "{'v': NULL, 'k': 1} {'v': x, 'k': 2}", ""},
		{"a column less", "sync_all_columns", "1 as k, 'x' as v", "2 as k", "{'k': 1} {'k': 2}", ""},
		{"a column less is kept", "append_new_columns", "1 as k, 'x' as v", "2 as k, 3 as w", "{'k': 1, 'w': NULL, 'v': x} {'k': 2, 'w': 3, 'v': NULL}", ""},
		{"another order", "fail", "1 as k, 'x' as v", "'y' as v, 2 as k", "{'v': x, 'k': 1} {'v': y, 'k': 2}", ""},
		{"another case", "fail", "1 as k, 'x' as v", "2 as K, 'y' as v", "{'K': 1, 'v': x} {'K': 2, 'v': y}", ""},
		{"fail", "fail", "1 as k", "2 as k, 'x' as v", "", "on_schema_change is fail"},
		{"wider", "evolve", "1 as k, 1.5::decimal(3,1) as v", "2::bigint as k, 2.25::decimal(9,2) as v", "{'k': 1, 'v': 1.50} {'k': 2, 'v': 2.25}", ""},
		{"narrower, but all fit", "evolve", "1::bigint as k, '17' as v", "2::smallint as k, 18 as v", "{'k': 1, 'v': 17} {'k': 2, 'v': 18}", ""},
		{"a value would change", "evolve", "1 as k, '007' as v", "2 as k, 8 as v", "", "1 published values would not stay what they are, such as 007"},
		{"a value would be cut", "evolve", "1 as k, timestamp '2024-01-01 10:00:00' as v", "2 as k, date '2024-01-01' as v", "", "would not stay what they are"},
		{"no way", "evolve", "1 as k, [1, 2] as v", "2 as k, date '2024-01-01' as v", "", "--full-refresh"},
		{"other columns altogether", "sync_all_columns", "1 as k, 'x' as v", "2 as k, 'y' as w", "{'k': 1, 'w': NULL} {'k': 2, 'w': y}", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, strings.NewReplacer("CHANGE", c.change, "COLUMNS", c.first).Replace(model))
			s.build(runner.BuildOptions{})
			s.write(strings.NewReplacer("CHANGE", c.change, "COLUMNS", c.then).Replace(model))
			rep := s.try(runner.BuildOptions{})
			if c.err != "" {
				if err := node(t, rep, "m").Err; err == nil || !strings.Contains(err.Error()+hintOf(err), c.err) {
					t.Fatalf("got  %v\nwant %s", err, c.err)
				}
				return
			}
			if !rep.OK() {
				t.Fatal(describe(rep))
			}
			s.want(c.want, "select string_agg(r::varchar, ' ' order by r.k) from (select * exclude (run_id, created_at) from latest.m) r")
			s.build(runner.BuildOptions{}) // on top of it
			s.sound()
		})
	}
}

// A template that asks the database for its own rows, and one that reads them
// before there are any.
func TestThis(t *testing.T) {
	s := newShop(t, `
-- models/m.sql --
{{ config(materialized='incremental') }}
{% if is_incremental() %}
{% set top = run_query('select max(n) from ' ~ this).columns[0].values()[0] %}
select {{ top }} + 1 as n
{% else %}
select 1 as n
{% endif %}
-- models/plain.sql --
{% if var('again', false) %}select n + 1 as n from {{ this }}{% else %}select 1 as n{% endif %}
`)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"again": true}
	s.build(runner.BuildOptions{})
	s.build(runner.BuildOptions{})
	s.want("1 2 3", "select string_agg(n, ' ' order by n) from latest.m")
	s.want("3", "select n from latest.plain")
	s.write("-- models/early.sql --\nselect max(n) as n from {{ this }}\n")
	if err := node(t, s.try(runner.BuildOptions{}), "early").Err; err == nil || !strings.Contains(err.Error(), "early reads its own published rows, and has none") {
		t.Errorf("%v", err)
	}
	s.sound()
}
