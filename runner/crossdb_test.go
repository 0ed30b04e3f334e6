package runner_test

import (
	"fmt"
	"strings"
	"testing"

	"warehouse/runner"
)

// dbt's cross-database macros, by what DuckDB makes of them.
func TestCrossDatabaseMacros(t *testing.T) {
	cases := []struct{ template, want string }{
		{"{{ dbt.dateadd('day', 1, \"date '2024-02-28'\") }}", "2024-02-29 00:00:00"},
		{"{{ dbt.dateadd('month', -1, \"'2024-03-31'\") }}", "2024-02-29 00:00:00"},
		{"{{ dbt.dateadd(datepart='quarter', interval=2, from_date_or_timestamp=\"timestamp '2024-01-31 10:00:00'\") }}", "2024-07-31 10:00:00"},
		{"{{ dbt.dateadd('hour', 'n', \"timestamp '2024-01-01'\") }}", "2024-01-01 03:00:00"},
		{"{{ dbt.datediff(\"'2024-01-31'\", \"'2024-02-01'\", 'month') }}", "1"},
		{"{{ dbt.datediff(\"date '2024-01-06'\", \"date '2024-01-07'\", 'week') }}", "1"}, // Saturday, Sunday
		{"{{ dbt.datediff(\"date '2024-01-07'\", \"date '2024-01-13'\", 'week') }}", "0"},
		{"{{ dbt.datediff(\"'2019-12-31 00:00:00'\", \"'2019-12-27 00:00:00'\", 'week') }}", "-1"},
		{"{{ dbt.datediff(\"date '1899-01-08'\", \"date '1899-01-01'\", 'week') }}", "-2"}, // one too many, as dbt-duckdb has it
		{"{{ dbt.datediff(\"'2024-01-01 10:59:00'\", \"'2024-01-01 11:00:00'\", 'hour') }}", "1"},
		{"{{ dbt.datediff(\"'2024-02-01'\", \"'2024-01-01'\", 'day') }}", "-31"},
		{"{{ dbt.date_trunc('month', \"timestamp '2024-02-28 10:00:00'\") }}", "2024-02-01 00:00:00"},
		{"{{ dbt.date_trunc('year', \"'2024-02-28'\") }}", "2024-01-01 00:00:00"},
		{"{{ dbt.last_day(\"date '2024-02-10'\", 'month') }}", "2024-02-29"},
		{"{{ dbt.last_day(\"date '2024-02-10'\", 'quarter') }}", "2024-03-31"},
		{"{{ dbt.last_day(\"'2024-02-10'\", 'year') }}", "2024-12-31"},
		{"{{ dbt.date(2024, 2, 29) }}", "2024-02-29"},
		{"{{ dbt.concat([\"'a'\", \"'b'\", 'n']) }}", "ab3"},
		{"{{ dbt.safe_cast(\"'7'\", api.Column.translate_type('integer')) }}", "7"},
		{"{{ dbt.cast('n', dbt.type_string()) }}", "3"},
		{"{{ dbt.hash(\"'hello'\") }}", "5d41402abc4b2a76b9719d911017c592"},
		{"{{ dbt.hash('null') }}", "NULL"},
		{"{{ dbt.length(\"'héllo'\") }}", "5"},
		{"{{ dbt.position(\"'l'\", \"'hello'\") }}", "3"},
		{"{{ dbt.replace(\"'aba'\", \"'a'\", \"'c'\") }}", "cbc"},
		{"{{ dbt.right(\"'hello'\", 2) }}", "lo"},
		{"{{ dbt.split_part(\"'a|b|c'\", \"'|'\", 2) }}", "b"},
		{"{{ dbt.split_part(\"'a|b|c'\", \"'|'\", -1) }}", "c"},
		{"{{ dbt.string_literal(dbt.escape_single_quotes(\"it's\")) }}", "it's"},
		{"{{ dbt.cast_bool_to_text('true') }}", "true"},
		{"{{ dbt.listagg('w', \"', '\", 'order by w') }} from words", "a, b, c"},
		{"{{ dbt.listagg('w', \"'-'\", 'order by w desc', 2) }} from words", "c-b"},
		{"{{ dbt.any_value('1') }} from words", "1"},
		{"{{ dbt.bool_or(\"w = 'b'\") }} from words", "true"},
		{"{{ dbt.split_part(\"'a|b|c'\", \"'|'\", 4) }}", "NULL"},
		{"{{ dbt.equals('null', 'null') }}", "NULL"},
		{"{{ dbt.equals('1', '1') }}", "true"},
		{"{{ dbt.dateadd('day', 1, \"date '2024-01-31'\") }}::date", "2024-02-01"},
		{"count(*) from ({{ dbt.date_spine('month', \"date '2024-01-15'\", \"date '2024-03-20'\") }})", "2"},
		{"sum(generated_number) from ({{ dbt.generate_series(4) }})", "10"},
		{"{{ dbt.get_intervals_between(\"'2024-01-31'\", \"'2024-03-01'\", 'month') }}", "2"},
		{"{{ dbt.array_construct([1, 2]) }}", "[1, 2]"},
		{"{{ dbt.array_append(dbt.array_construct([1]), 2) }}", "[1, 2]"},
		{"{{ dbt.array_concat(dbt.array_construct([1]), dbt.array_construct([2])) }}", "[1, 2]"},
		{"count(*) from (select 1 {{ dbt.except() }} select 1)", "0"},
		{"count(*) from (select 1 {{ dbt.intersect() }} select 1)", "1"},
		{"count(*) from ({{ dbt.date_spine('day', \"cast('2024-02-27' as date)\", \"cast('2024-03-02' as date)\") }})", "4"},
		{"typeof({{ dbt.current_timestamp() }})", "TIMESTAMP WITH TIME ZONE"},
		{"typeof({{ dbt.current_timestamp_backcompat() }})", "TIMESTAMP"},
	}
	for _, typ := range []struct{ macro, want string }{
		{"type_string", "VARCHAR"}, {"type_timestamp", "TIMESTAMP"}, {"type_float", "FLOAT"}, {"type_numeric", "DECIMAL(28,6)"},
		{"type_bigint", "BIGINT"}, {"type_int", "INTEGER"}, {"type_boolean", "BOOLEAN"},
	} {
		cases = append(cases, struct{ template, want string }{"typeof(cast(null as {{ dbt." + typ.macro + "() }}))", typ.want})
	}
	var files strings.Builder
	for i, c := range cases {
		text := c.template
		if at := strings.Index(text, " from "); at >= 0 {
			text = text[:at] + " as v" + text[at:]
		} else {
			text += " as v from (select 3 as n)"
		}
		fmt.Fprintf(&files, "-- models/m%02d.sql --\n{{ config(created_at_column=none) }}\nwith words as (select unnest(['b', 'a', 'c']) as w)\nselect %s\n", i, text)
	}
	s := newShop(t, files.String())
	s.build(runner.BuildOptions{})
	var all []string
	for i := range cases {
		all = append(all, fmt.Sprintf("select %d as i, coalesce(v::varchar, 'NULL') as v from m%02d", i, i))
	}
	for i, line := range strings.Split(s.query(strings.Join(all, " union all ")+" order by i", "latest"), "\n") {
		if want := fmt.Sprint(i, " ", cases[i].want); line != want {
			t.Errorf("%s is %s, want %s", cases[i].template, line, want)
		}
	}
}

// What templates ask of the database, with a real one.
func TestTemplatesAskTheDatabase(t *testing.T) {
	s := newShop(t, `
-- models/people.sql --
select * from (values (1, 'ann', 1.50::decimal(10,2), date '2024-02-29', true), (2, 'bob', null, null, false)) t(id, "the name", amount, born, ok)
-- models/asks.sql --
-- depends_on: {{ ref('people') }}
{% set t = run_query('select * from ' ~ ref('people') ~ ' order by id') %}
{% if execute %}
{% set cols = adapter.get_columns_in_relation(ref('people')) %}
select
  '{{ t.column_names | join(',') }}' as names,
  '{{ t.columns[0].values() | join(',') }}' as ids,
  '{{ t.columns['the name'].values() | list | length }}' as named,
  '{{ t.rows | length }}' as n,
  '{{ t.rows[1]['the name'] }}' as second,
  '{% for row in t %}{{ row[0] }}{{ row['the name'] }};{% endfor %}' as looped,
  '{{ t.rows[0].amount * 2 }}|{{ t.rows[1].amount is none }}|{{ t.rows[0].born.year }}|{{ t.rows[0].ok }}' as vals,
  '{{ t.columns | map(attribute='name') | join('/') }}' as by_column,
  '{{ cols | map(attribute='name') | join(',') }}' as col_names,
  '{{ cols | map(attribute='data_type') | join(',') }}' as col_types,
  '{{ cols | selectattr('name', 'eq', 'amount') | map(attribute='numeric_scale') | first }}' as scale,
  '{{ load_relation(ref('people')) is not none }}|{{ adapter.get_relation(this.database, this.schema, 'nothing_here') is none }}' as relations,
  '{{ dbt.get_columns_in_query('select 1 as a, 2 as b') | join(',') }}' as in_query
{% else %}
select 1 as id
{% endif %}
-- models/states.sql --
-- depends_on: {{ ref('people') }}
{% call statement('s', fetch_result=true) %}select max(id) as top, 'x' as y from {{ ref('people') }}{% endcall %}
{% set r = load_result('s') %}
select {{ r.data[0][0] if r else 0 }} as top, '{{ r.table.rows[0].y if r }}' as y, '{{ r.table.print_table() if r }}' as printed
`)
	s.build(runner.BuildOptions{})
	answers := []struct{ column, want string }{
		{"names", "id,the name,amount,born,ok"}, {"ids", "1,2"}, {"named", "2"}, {"n", "2"}, {"second", "bob"}, {"looped", "1ann;2bob;"},
		{"vals", "3.00|True|2024|True"}, {"by_column", "id/the name/amount/born/ok"}, {"col_names", "id,the name,amount,born,ok"},
		{"col_types", "INTEGER,character varying(256),DECIMAL(10,2),DATE,BOOLEAN"}, {"scale", "None"}, {"relations", "True|True"}, {"in_query", "a,b"},
	}
	var one []string
	for _, c := range answers {
		one = append(one, c.column)
	}
	got := strings.Split(s.query("select concat_ws('\n', "+strings.Join(one, ", ")+") from asks", "latest"), "\n")
	for i, c := range answers {
		if got[i] != c.want {
			t.Errorf("%s is %q, want %q", c.column, got[i], c.want)
		}
	}
	if got := s.query("select top || y from states", "latest"); got != "2x" {
		t.Errorf("statement: %q", got)
	}
}
