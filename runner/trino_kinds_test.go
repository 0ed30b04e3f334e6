package runner_test

import (
	"strings"
	"testing"

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
