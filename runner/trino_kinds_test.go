package runner_test

import (
	"strings"
	"testing"
	"time"

	"warehouse/runner"
)

func (l *lake) buildUpto(build string, upto int, o runner.BuildOptions) *runner.Report {
	l.t.Helper()
	l.vars = map[string]any{"build": build, "upto": upto}
	return l.build(o)
}

// An incremental model's run is whole on this engine too, whatever became of its
// columns; and it takes no more statements than a mart.
func TestTrinoIncremental(t *testing.T) {
	l := newLake(t, `
-- models/m.sql --
{{ config(materialized='incremental', unique_key='day', on_schema_change='append_new_columns') }}
select cast(i as integer) as day, '{{ var('build') }}' as build from unnest(sequence(1, {{ var('upto') }})) as t(i)
{% if is_incremental() %}
where i >= (select max(day) from {{ this }})
{% endif %}
`)
	const days = "select listagg(cast(day as varchar) || build, ' ') within group (order by day, build) from latest.m"
	want := func(want string) {
		t.Helper()
		if got := l.latest("(" + days + ")"); got != want {
			t.Errorf("the rows are %s, want %s", got, want)
		}
	}
	l.buildUpto("a", 2, runner.BuildOptions{})
	want("1a 2a")
	l.buildUpto("b", 3, runner.BuildOptions{})
	want("1a 2b 3b")
	// Columns in another order, one gone (a merge leaves what it was), one new, one
	// of another type.
	l.write(`-- models/m.sql --
{{ config(materialized='incremental', unique_key='day', on_schema_change='append_new_columns') }}
select 'x' as new, cast(i as bigint) as day from unnest(sequence(1, {{ var('upto') }})) as t(i)
{% if is_incremental() %} where i >= 3 {% endif %}
`)
	l.statements = nil
	l.buildUpto("c", 4, runner.BuildOptions{})
	if got := l.latest("(select listagg(cast(day as varchar) || coalesce(build, '-') || coalesce(new, '-'), ' ') within group (order by day) from latest.m)"); got != "1a- 2b- 3bx 4-x" {
		t.Errorf("the rows are %s", got)
	}
	l.buildUpto("d", 2, runner.BuildOptions{FullRefresh: true})
	if got := l.latest("(select listagg(cast(day as varchar) || new, ' ') within group (order by day) from latest.m)"); got != "1x 2x" {
		t.Errorf("the rows are %s", got)
	}
	// A type that would lose values is refused, by name and example.
	l.write("-- models/m.sql --\n{{ config(materialized='incremental', unique_key='day') }}\nselect cast(9 as tinyint) as new, cast(9 as bigint) as day\n")
	rep := l.try(runner.BuildOptions{})
	if n := node(t, rep, "m"); n.Err == nil || !strings.Contains(n.Err.Error(), "such as x") {
		t.Errorf("%v", n.Err)
	}
	l.verified()
}

// at makes it a time: of processes that are opened later.
func (l *lake) at(now time.Time) {
	change := l.change
	l.change = func(c *runner.Config) {
		change(c)
		c.Now = func() time.Time { return now }
	}
}

// A microbatch model is written in statements of a few batches, the published rows
// with the first of them, and a replay sends the same.
func TestTrinoMicrobatch(t *testing.T) {
	l := newLake(t, `
-- models/e.sql --
{{ config(event_time='ts') }}
select cast(i as integer) as i, date_add('hour', i * 6, timestamp '2024-01-01 00:00:00') as ts from unnest(sequence(0, {{ var('upto') }} - 1)) as t(i)
-- models/m.sql --
{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ts', batch_size='day', begin='2024-01-02', lookback=12) }}
select {% if var('build') == 'b' %}'-' as more,{% endif %} i, ts, count(*) over () as n, '{{ var('build') }}' as build, '{{ model.batch.id }}' as batch from {{ ref('e') }}
`)
	want := func(want string) {
		t.Helper()
		if got := l.latest("(select listagg(s, ' ') within group (order by s) from (select build || cast(n as varchar) || '/' || cast(count(*) as varchar) || ' ' || min(batch) || '-' || max(batch) as s from latest.m group by build, n))"); got != want {
			t.Errorf("the batches are %s, want %s", got, want)
		}
	}
	written := func() int { return len(l.sent(`MERGE INTO "wh"."` + l.target.Schema + `"."m"`)) }
	l.at(time.Date(2024, 1, 20, 10, 0, 0, 0, time.UTC))
	l.buildUpto("a", 100, runner.BuildOptions{})
	want("a4/76 20240102-20240120")
	if n := written(); n != 2 {
		t.Errorf("19 batches are %d statements", n)
	}
	l.statements = nil
	b := l.buildUpto("b", 100, runner.BuildOptions{})
	want("a4/24 20240102-20240107 b4/52 20240108-20240120")
	if n := written(); n != 2 {
		t.Errorf("13 batches are %d statements", n)
	}
	l.vars, l.statements = nil, nil
	rep, err := l.open().Replay(t.Context(), b.Run.ID)
	if err != nil || !rep.OK() || node(t, rep, "m").Rows != 76 || written() != 2 {
		t.Errorf("replay: %v, %d statements\n%s", err, written(), describe(rep))
	}
	l.verified()
	l.at(time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC))
	l.vars = map[string]any{"build": "c", "upto": 100}
	rep = l.try(runner.BuildOptions{FullRefresh: true})
	if err := node(t, rep, "m").Err; err == nil || !strings.Contains(err.Error(), "the SQL of 5843 batches is too long for this engine") {
		t.Errorf("%v", err)
	}
}

// Hooks may be several statements, and read what the run wrote; a snapshot ends the
// rows that changed; a unit test has times as YAML has them. Failing rows cannot be
// kept in tables of their own there: that is an error before anything is built.
func TestTrinoAround(t *testing.T) {
	l := newLake(t, "")
	l.write(l.projectYML() + strings.ReplaceAll(`on-run-start: "create table if not exists S.audit (what varchar, n bigint); insert into S.audit values ('start', 1);"
on-run-end: "insert into S.audit select 'end', count(*) from {{ ref('m') }}"
-- models/m.sql --
{{ config(pre_hook="{% if var('again', false) %}insert into S.audit select 'pre', count(*) from {{ this }}{% endif %}",
	post_hook=["insert into S.audit select 'post', count(*) from {{ this }};", {'sql': "insert into S.audit values ('after', 0)", 'transaction': false}]) }}
select k, date_trunc('month', at) as month from {{ ref('src') }}
-- models/src.sql --
select k, timestamp '2024-05-06 07:08:09' as at from unnest(sequence(1, {{ var('n', 1) }})) as t(k)
-- snapshots/h.sql --
{% snapshot h %}
{{ config(strategy='check', unique_key='k', check_cols=['v'], hard_deletes='invalidate') }}
select k, v from (values (1, '{{ var('v', 'a') }}'), (2, 'x')) as t(k, v) where k < {{ var('below', 9) }}
{% endsnapshot %}
-- models/s.yml --
version: 2
models:
  - name: m
    columns: [{name: k, data_tests: [{accepted_values: {arguments: {values: [1, 2], quote: false}}}]}]
unit_tests:
  - name: months
    model: m
    given: [{input: ref('src'), rows: [{k: 1, at: '2020-05-17T10:00:00'}, {k: 2, at: 2020-05-18}, {k: null}]}]
    expect: {rows: [{k: 1, month: '2020-05-01T00:00:00'}, {k: 2, month: 2020-05-01}, {k: null, month: null}]}
`, "S.", l.target.Schema+"."))
	a := l.build(runner.BuildOptions{})
	if got := node(t, a, "months").Status; got != runner.StatusPass {
		t.Errorf("the unit test: %s\n%s", got, describe(a))
	}
	l.vars = map[string]any{"n": 2, "again": true, "v": "b", "below": 2}
	l.build(runner.BuildOptions{})
	if got := l.scalar("select listagg(what || cast(n as varchar), ' ') within group (order by what, n) from " + l.target.Schema + ".audit"); got != "after0 after0 end1 end2 post1 post2 pre1 start1 start1" {
		t.Errorf("the hooks wrote %s", got)
	}
	if got := l.latest("(select listagg(cast(k as varchar) || v || if(dbt_valid_to is null, '', '.'), ' ') within group (order by k, v) from latest.h)"); got != "1a. 1b 2x." {
		t.Errorf("the snapshot has %s", got)
	}
	l.verified()
	l.vars, l.statements = map[string]any{"n": 3}, nil
	if _, err := l.open().Build(t.Context(), runner.BuildOptions{StoreFailures: true}); err == nil || !strings.Contains(err.Error(), "store_failures is not supported on this engine") {
		t.Errorf("%v", err)
	}
	if wrote := l.sent(`MERGE INTO "wh"."` + l.target.Schema + `"."m"`); len(wrote) > 0 {
		t.Errorf("it wrote %q", wrote)
	}
}
