package runner_test

import (
	"fmt"
	"strings"
	"testing"

	"warehouse/runner"
)

// dbtMacros are calls of dbt's macros that are for all engines, and what they
// are on this one, as text.
var dbtMacros = [][2]string{
	{`{{ dbt.date(2026, 2, 3) }}`, "2026-02-03"},
	{`{{ dbt.date_trunc('month', "date '2026-02-03'") }}`, "2026-02-01"},
	{`{{ dbt.dateadd('day', 3, "date '2026-02-27'") }}`, "2026-03-02"},
	{`{{ dbt.dateadd('month', -1, "timestamp '2026-03-31 12:00:00'") }}`, "2026-02-28 12:00:00"},
	{`{{ dbt.datediff("date '2025-12-31'", "date '2026-01-01'", 'year') }}`, "1"},
	{`{{ dbt.datediff("timestamp '2026-01-01 23:59:59'", "timestamp '2026-01-02 00:00:00'", 'day') }}`, "1"},
	{`{{ dbt.datediff("date '2026-01-04'", "date '2026-01-05'", 'week') }}`, "1"},
	{`{{ dbt.last_day("date '2024-02-10'", 'month') }}`, "2024-02-29"},
	{`{{ dbt.last_day("date '2024-02-10'", 'quarter') }}`, "2024-03-31"},
	{`{{ dbt.concat(["'a'", "'b'"]) }}`, "ab"},
	{`{{ dbt.hash("'abc'") }}`, "900150983cd24fb0d6963f7d28e17f72"},
	{`{{ dbt.hash("1") }}`, "c4ca4238a0b923820dcc509a6f75849b"},
	{`{{ dbt.length("'abc'") }}`, "3"},
	{`{{ dbt.position("'b'", "'abc'") }}`, "2"},
	{`{{ dbt.replace("'abc'", "'b'", "'x'") }}`, "axc"},
	{`{{ dbt.right("'abc'", 2) }}`, "bc"},
	{`{{ dbt.right("'abc'", 0) }}`, ""},
	{`{{ dbt.split_part("'a|b|c'", "'|'", 2) }}`, "b"},
	{`{{ dbt.split_part("'a|b|c'", "'|'", -1) }}`, "c"},
	{`{{ dbt.string_literal("x") }}`, "x"},
	{`'{{ dbt.escape_single_quotes("it's") }}'`, "it's"},
	{`{{ dbt.safe_cast("'x'", api.Column.translate_type('integer')) }}`, "NULL"},
	{`{{ dbt.safe_cast("'7'", dbt.type_int()) }}`, "7"},
	{`{{ dbt.cast("'7'", dbt.type_bigint()) }}`, "7"},
	{`{{ dbt.cast_bool_to_text("true") }}`, "true"},
	{`typeof(cast(null as {{ dbt.type_string() }}))`, "varchar"},
	{`typeof(cast(null as {{ dbt.type_timestamp() }}))`, "timestamp(3)"},
	{`typeof(cast(null as {{ dbt.type_float() }}))`, "double"},
	{`typeof(cast(null as {{ dbt.type_numeric() }}))`, "decimal(28,6)"},
	{`typeof(cast(null as {{ dbt.type_bigint() }}))`, "bigint"},
	{`typeof(cast(null as {{ dbt.type_int() }}))`, "integer"},
	{`typeof(cast(null as {{ dbt.type_boolean() }}))`, "boolean"},
	{`typeof({{ dbt.current_timestamp() }})`, "timestamp(3) with time zone"},
	{`typeof({{ dbt.current_timestamp_backcompat() }})`, "timestamp(3)"},
	{`(select {{ dbt.listagg('x', "', '", 'order by x desc') }} from (values 1, 3, 2) as t(x))`, "3, 2, 1"},
	{`(select {{ dbt.listagg('x', "'-'", 'order by x', 2) }} from (values 1, 3, 2) as t(x))`, "1-2"},
	{`(select {{ dbt.any_value('x') }} from (values 1, 1) as t(x))`, "1"},
	{`(select {{ dbt.bool_or('x') }} from (values true, false) as t(x))`, "true"},
	{`(select count(*) from (select 1 {{ dbt.except() }} select 2))`, "1"},
	{`(select count(*) from (select 1 {{ dbt.intersect() }} select 2))`, "0"},
	{`array_join({{ dbt.array_construct([1, 2]) }}, ',')`, "1,2"},
	{`array_join({{ dbt.array_append('array[1]', 2) }}, ',')`, "1,2"},
	{`array_join({{ dbt.array_concat('array[1]', 'array[2]') }}, ',')`, "1,2"},
	{`{{ dbt.equals('1', '1') }}`, "true"},
	{`{{ dbt.equals('cast(null as integer)', 'cast(null as integer)') }}`, "NULL"}, // as in dbt without its flag
	{`(select count(*) from ({{ dbt.date_spine('day', "date '2026-01-30'", "date '2026-02-02'") }}))`, "3"},
}

func TestTrinoMacros(t *testing.T) {
	var sql strings.Builder
	sql.WriteString("-- models/m.sql --\n")
	var want []string
	for i, m := range dbtMacros {
		if i > 0 {
			sql.WriteString("\nunion all\n")
		}
		fmt.Fprintf(&sql, "select %d as i, coalesce(cast(%s as varchar), 'NULL') as v", i, m[0])
		want = append(want, m[1])
	}
	l := newLake(t, sql.String())
	l.build(runner.BuildOptions{})
	got := strings.Split(l.latest("(select array_join(array_agg(v order by i), chr(10)) from latest.m)"), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i := range want {
		// Tables have microseconds; a time of day is shown with its fraction.
		if strings.TrimSuffix(got[i], ".000") != want[i] {
			t.Errorf("%s is %q, want %q", dbtMacros[i][0], got[i], want[i])
		}
	}
}
