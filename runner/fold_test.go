package runner_test

import (
	"strings"
	"testing"

	"warehouse/runner"
)

// followed is a snapshot of rows that a variable gives.
func followed(config string) string {
	return `
-- snapshots/s.sql --
{% snapshot s %}
{{ config(` + config + `) }}
select id::int as id, v::int as v, make_date(2024, 1, day)::timestamp as upd_at from (values {{ var('rows') }}) t(id, v, day)
{% endsnapshot %}
-- models/m.sql --
select count(*) as n from {{ ref('s') }} where dbt_valid_to is null
`
}

// spans are the rows of the snapshot: id, value, and the days from which and to
// which it held; a time of the build itself is "now".
const spans = `select string_agg(id || 'v' || coalesce(v::varchar, 'null') || ' ' || f || '-' || t, ', ' order by id, dbt_valid_from, v, t) from (
	select *, case when dbt_valid_from > '2025-01-01' then 'now' else day(dbt_valid_from)::varchar end as f,
		case when dbt_valid_to is null then '' when dbt_valid_to > '2025-01-01' then 'now' else day(dbt_valid_to)::varchar end as t from latest.s)`

func TestSnapshotStrategies(t *testing.T) {
	const timestamp, check = "strategy='timestamp', unique_key='id', updated_at='upd_at'", "strategy='check', unique_key='id', updated_at='upd_at'"
	for _, c := range []struct{ name, config, before, after, want string }{
		{"a later time ends a row", timestamp, "(1, 1, 1), (2, 1, 1)", "(1, 2, 3), (2, 1, 1)", "1v1 1-3, 1v2 3-, 2v1 1-"},
		{"values alone change nothing", timestamp, "(1, 1, 1)", "(1, 2, 1)", "1v1 1-"},
		{"nor does an earlier time", timestamp, "(1, 1, 5)", "(1, 2, 1)", "1v1 5-"},
		{"a new row", timestamp, "(1, 1, 1)", "(1, 1, 1), (2, 1, 4)", "1v1 1-, 2v1 4-"},
		{"a row that is gone goes on", timestamp, "(1, 1, 1), (2, 1, 1)", "(1, 1, 1)", "1v1 1-, 2v1 1-"},
		{"or ends", timestamp + ", hard_deletes='invalidate'", "(1, 1, 1), (2, 1, 1)", "(1, 1, 1)", "1v1 1-, 2v1 1-now"},
		{"or ends, by the older word", timestamp + ", invalidate_hard_deletes=true", "(1, 1, 1), (2, 1, 1)", "(1, 1, 1)", "1v1 1-, 2v1 1-now"},
		{"or is marked", timestamp + ", hard_deletes='new_record'", "(1, 1, 1), (2, 1, 1)", "(1, 1, 1)", "1v1 1-, 2v1 1-now, 2v1 now-"},
		{"check compares values", check + ", check_cols=['v']", "(1, 1, 1), (2, 1, 1)", "(1, 2, 1), (2, 1, 3)", "1v1 1-1, 1v2 1-, 2v1 1-"},
		{"NULL is a value", check + ", check_cols=['v']", "(1, null, 1), (2, 1, 1), (3, null, 1)", "(1, 1, 2), (2, null, 2), (3, null, 2)", "1vnull 1-2, 1v1 2-, 2v1 1-2, 2vnull 2-, 3vnull 1-"},
		{"check of all columns", check + ", check_cols='all'", "(1, 1, 1), (2, 1, 1)", "(1, 1, 2), (2, 1, 1)", "1v1 1-2, 1v1 2-, 2v1 1-"},
		{"the time of the run", "strategy='check', unique_key='id', check_cols='all'", "(1, 1, 1)", "(1, 2, 1)", "1v1 now-now, 1v2 now-"},
		{"a key of several columns", "strategy='timestamp', unique_key=['id', 'v'], updated_at='upd_at'", "(1, 1, 1), (1, 2, 1)", "(1, 1, 2), (1, 2, 1)", "1v1 1-2, 1v2 1-, 1v1 2-"},
		{"NULL in a key", "strategy='timestamp', unique_key=['id', 'v'], updated_at='upd_at'", "(1, null, 1)", "(1, null, 2)", "1vnull 1-2, 1vnull 2-"},
		{"a key that is computed", `strategy='timestamp', unique_key="id || '-' || v", updated_at='upd_at'`, "(1, 1, 1), (1, 2, 1)", "(1, 1, 2), (1, 2, 1)", "1v1 1-2, 1v2 1-, 1v1 2-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, followed(c.config))
			s.vars = map[string]any{"rows": c.before}
			s.build(runner.BuildOptions{})
			s.vars = map[string]any{"rows": c.after}
			rep := s.build(runner.BuildOptions{})
			s.want(c.want, spans)
			again := s.build(runner.BuildOptions{}) // of the same rows: nothing begins or ends
			s.want(c.want, spans)
			if n := node(t, rep, "s"); n.Kind != "snapshot" || n.Resource != "snapshot" || n.Rows != node(t, again, "s").Rows {
				t.Errorf("s is %+v", n)
			}
			s.sound()
		})
	}
}

// A row that was marked as gone comes back, and the mark ends.
func TestSnapshotMarks(t *testing.T) {
	s := newShop(t, followed(`strategy='timestamp', unique_key='id', updated_at='upd_at', hard_deletes='new_record', dbt_valid_to_current="timestamp '2024-01-31'",
	snapshot_meta_column_names={'dbt_is_deleted': 'gone'}`))
	for _, rows := range []string{"(1, 1, 1), (2, 1, 1)", "(1, 1, 1)", "(1, 1, 1)", "(1, 1, 1), (2, 7, 9)"} {
		s.vars = map[string]any{"rows": rows}
		s.build(runner.BuildOptions{})
	}
	s.want("1v1 1-31, 2v1 1-now, 2v7 9-31, 2v1 now-9", spans)
	s.want("False False False True", "select string_agg(gone, ' ' order by id, dbt_valid_from) from latest.s")
	s.want("3 of 4", "select count(distinct dbt_scd_id) filter (where gone = 'False') || ' of ' || count(distinct dbt_scd_id) from latest.s")
	s.want("true", "select bool_and(dbt_scd_id = md5(id || '|' || upd_at)) from latest.s where gone = 'False'")
}

// The past of a snapshot is what is published: after a rollback, what was gone
// back to. A full refresh does not forget it.
func TestSnapshotPast(t *testing.T) {
	s := newShop(t, followed("strategy='timestamp', unique_key='id', updated_at='upd_at'"))
	build := func(rows string, o runner.BuildOptions) *runner.Report {
		s.vars = map[string]any{"rows": rows}
		return s.build(o)
	}
	first := build("(1, 1, 1)", runner.BuildOptions{})
	build("(1, 2, 2)", runner.BuildOptions{NoPublish: true})
	build("(1, 3, 3)", runner.BuildOptions{FullRefresh: true})
	s.want("1v1 1-3, 1v3 3-", spans)
	s.want("1", "select n from latest.m")
	s.move(s.open().PlanPublish(t.Context(), first.Run.ID, runner.PublishOptions{}))
	build("(1, 4, 4)", runner.BuildOptions{Select: []string{"s"}})
	s.want("1v1 1-4, 1v4 4-", spans)
	s.sound()
}

func TestSnapshotColumns(t *testing.T) {
	s := newShop(t, "-- snapshots/s.sql --\n{% snapshot s %}{{ config(strategy='check', unique_key='id', check_cols='all', updated_at=\"date '2024-01-01' + build\") }} {{ var('q') }}{% endsnapshot %}\n")
	for _, q := range []string{"select 1 as id, 1 as build, 5 as old", "select 1 as id, 2 as build, 7::bigint as new"} {
		s.vars = map[string]any{"q": q}
		s.build(runner.BuildOptions{})
	}
	// A column that is gone stays, NULL in rows that begin; a new one changes every row.
	s.want("5:null 2024-01-02-2024-01-03, null:7 2024-01-03-open", `select string_agg(coalesce(old::varchar, 'null') || ':' || coalesce("new"::varchar, 'null')
		|| ' ' || dbt_valid_from::date || '-' || coalesce(dbt_valid_to::date::varchar, 'open'), ', ' order by dbt_valid_from) from latest.s`)
}

// A key that does not tell rows apart is an error, whether they changed or not.
func TestSnapshotKeyTwice(t *testing.T) {
	for _, before := range []string{"", "(1, 1, 1)"} {
		s := newShop(t, followed("strategy='timestamp', unique_key='id', updated_at='upd_at'"))
		if before != "" {
			s.vars = map[string]any{"rows": before}
			s.build(runner.BuildOptions{})
		}
		s.vars = map[string]any{"rows": "(1, 1, 1), (1, 1, 1)"}
		rep, err := s.open().Build(t.Context(), runner.BuildOptions{})
		if err != nil || rep.OK() || !strings.Contains(node(t, rep, "s").Err.Error(), "two rows of its SELECT have the same unique_key (id)") {
			t.Fatalf("after %q: %v, %+v", before, err, node(t, rep, "s"))
		}
		s.sound()
	}
}

func TestSnapshotErrors(t *testing.T) {
	for _, c := range []struct{ name, config, want string }{
		{"no strategy", "unique_key='id'", "a snapshot needs a strategy"},
		{"a strategy that is none", "unique_key='id', strategy='timestmap'", `unknown snapshot strategy "timestmap"; did you mean "timestamp"?`},
		{"no key", "strategy='check', check_cols='all'", "a snapshot needs unique_key"},
		{"no time", "unique_key='id', strategy='timestamp'", "strategy timestamp needs updated_at"},
		{"nothing to check", "unique_key='id', strategy='check'", "strategy check needs check_cols"},
		{"both words", "unique_key='id', strategy='check', check_cols='all', hard_deletes='ignore', invalidate_hard_deletes=true", "both hard_deletes and invalidate_hard_deletes"},
		{"a word that is none", "unique_key='id', strategy='check', check_cols='all', hard_deletes='drop'", `unknown value of hard_deletes: "drop"`},
		{"a column that is none", "unique_key='id', strategy='check', check_cols='all', snapshot_meta_column_names={'valid_to': 'x'}", `unknown key "valid_to"`},
		{"no view", "unique_key='id', strategy='check', check_cols='all', materialized='view'", "a snapshot is stored as a snapshot, not as view"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, followed(c.config))
			s.vars = map[string]any{"rows": "(1, 1, 1)"}
			err := s.open().Check(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "snapshots/s.sql:") {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	for config, want := range map[string]string{
		"strategy='check', unique_key='idd', check_cols='all'":          "the column idd of unique_key is not in the SELECT",
		"strategy='check', unique_key='id', check_cols=['vv']":          "the column vv of check_cols is not in the SELECT",
		"strategy='timestamp', unique_key='id', updated_at='att'":       "the column att of updated_at is not in the SELECT",
		"strategy='timestamp', unique_key='id', updated_at='upd_at + '": "syntax error",
	} {
		s := newShop(t, followed(config))
		s.vars = map[string]any{"rows": "(1, 1, 1)"}
		rep, err := s.open().Build(t.Context(), runner.BuildOptions{})
		if err != nil || rep.OK() || !strings.Contains(node(t, rep, "s").Err.Error(), want) {
			t.Errorf("%s: %v %v", config, err, node(t, rep, "s").Err)
		}
	}
}
