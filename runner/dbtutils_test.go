package runner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warehouse/runner"
)

// The macros of dbt-utils, unmodified, on DuckDB. WAREHOUSE_DBT_UTILS is the
// folder of a copy of it, which is not part of this project.
func TestDBTUtils(t *testing.T) {
	utils := os.Getenv("WAREHOUSE_DBT_UTILS")
	if utils == "" {
		t.Skip("WAREHOUSE_DBT_UTILS is not set")
	}
	utils, err := filepath.Abs(utils)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, sql, query, want string }{
		{"star", "select {{ dbt_utils.star(ref('votes'), except=['size']) }} from {{ ref('votes') }}", "select count(*), max(color) from star", "4 red"},
		{"star_alias", "select {{ dbt_utils.star(ref('votes'), relation_alias='v', prefix='p_', suffix='_s') }} from {{ ref('votes') }} v", "select max(p_color_s) from star_alias", "red"},
		{"unioned", "{{ dbt_utils.union_relations([ref('votes'), ref('more')], source_column_name='src') }}", "select count(*), count(extra), count(size) from unioned", "5 1 4"},
		{"pivoted", "select size, {{ dbt_utils.pivot('color', dbt_utils.get_column_values(ref('votes'), 'color', order_by='color')) }} from {{ ref('votes') }} group by size",
			`select size, blue, "o'red", red from pivoted order by 1`, "L 0 1 1\nS 1 0 1"},
		{"unpivoted", "{{ dbt_utils.unpivot(ref('wide'), cast_to='integer', exclude=['id'], field_name='f', value_name='v') }}", "select id, f, v from unpivoted order by 1, 2", "1 a 10\n1 b 20"},
		{"spine", "{{ dbt_utils.date_spine('day', \"cast('2024-02-27' as date)\", \"cast('2024-03-02' as date)\") }}", "select count(*), max(date_day)::date from spine", "4 2024-03-01"},
		{"keyed", "select {{ dbt_utils.generate_surrogate_key(['id', 'color']) }} as k from {{ ref('votes') }}", "select count(distinct k), min(length(k)) from keyed", "4 32"},
		{"deduped", "{{ dbt_utils.deduplicate(ref('votes'), partition_by='color', order_by='id desc') }}", "select id, color from deduped order by 1", "2 blue\n3 red\n4 o'red"},
		{"vals", "select '{{ dbt_utils.get_column_values(ref('votes'), 'size') | join('+') }}' as v", "select length(v) from vals", "3"},
		{"divided", "select {{ dbt_utils.safe_divide('id', 'id - 1') }} as d from {{ ref('votes') }}", "select count(d), max(d) from divided", "3 2.0"},
		{"grouped", "select color, size, count(*) as n from {{ ref('votes') }} {{ dbt_utils.group_by(2) }}", "select count(*), sum(n) from grouped", "4 4"},
		{"bucketed", "select id, {{ dbt_utils.width_bucket('id', 1, 5, 4) }} as b from {{ ref('votes') }}", "select string_agg(b::int::text, ',' order by id) from bucketed", "1,2,3,4"},
		{"added", "select {{ dbt_utils.safe_add(['id', 'null']) }} as a, {{ dbt_utils.safe_subtract(['id', '1']) }} as s from {{ ref('votes') }}", "select sum(a), sum(s) from added", "10 6"},
		{"series", "{{ dbt_utils.generate_series(7) }}", "select count(*), max(generated_number) from series", "7 7.0"},
		{"urls", "select {{ dbt_utils.get_url_host('u') }} as h, {{ dbt_utils.get_url_path('u') }} as p, {{ dbt_utils.get_url_parameter('u', 'q') }} as q from (select 'https://a.example/x/y?q=1' as u)",
			"select h, p, q from urls", "a.example x/y 1"},
		{"one", "select '{{ dbt_utils.get_single_value('select max(id) from ' ~ ref('votes'), 0) }}' as v", "select v from one", "4"},
		{"as_dict", "select '{{ dbt_utils.get_query_results_as_dict('select id, color from ' ~ ref('votes') ~ ' order by id limit 1')['color'][0] }}' as v", "select v from as_dict", "red"},
		{"filtered", "select '{{ dbt_utils.get_filtered_columns_in_relation(ref('wide'), except=['id']) | join(',') }}' as v", "select v from filtered", "a,b"},
		{"nullchecked", "{{ dbt_utils.nullcheck_table(ref('votes')) }}", "select count(*) from nullchecked", "4"},
		{"far", "select round({{ dbt_utils.haversine_distance('48.8', '2.3', '52.5', '13.4', unit='km') }}) as d", "select d between 850 and 900 from far", "true"},
		{"slugs", "select '{{ dbt_utils.slugify('Hello, World 1') }}' as v", "select v from slugs", "hello_world_1"},
	}
	var files strings.Builder
	fmt.Fprintf(&files, "-- packages.yml --\npackages:\n  - local: %s\n", filepath.ToSlash(utils))
	files.WriteString(`
-- models/votes.sql --
select * from (values (1, 'red', 'S'), (2, 'blue', 'S'), (3, 'red', 'L'), (4, 'o''red', 'L')) t(id, color, size)
-- models/more.sql --
select 9 as id, 'green' as color, true as extra
-- models/wide.sql --
select 1 as id, 10 as a, 20 as b
-- models/schema.yml --
models:
  - name: votes
    data_tests:
      - dbt_utils.unique_combination_of_columns: {arguments: {combination_of_columns: [id, color]}}
      - dbt_utils.expression_is_true: {arguments: {expression: "id < 10"}}
      - dbt_utils.equal_rowcount: {arguments: {compare_model: ref('star')}}
      - dbt_utils.fewer_rows_than: {arguments: {compare_model: ref('unioned')}}
      - dbt_utils.equality: {arguments: {compare_model: ref('votes')}}
      - dbt_utils.cardinality_equality: {arguments: {field: color, to: ref('votes')}, column_name: color}
    columns:
      - name: id
        data_tests:
          - dbt_utils.accepted_range: {arguments: {min_value: 1, max_value: 4}}
          - dbt_utils.sequential_values: {arguments: {interval: 1}}
          - dbt_utils.not_null_proportion: {arguments: {at_least: 0.95}}
      - name: color
        data_tests:
          - dbt_utils.not_constant
          - dbt_utils.not_empty_string
          - dbt_utils.at_least_one
          - dbt_utils.not_accepted_values: {arguments: {values: [black]}}
          - dbt_utils.relationships_where: {arguments: {to: ref('star'), field: color, from_condition: "id > 0"}}
`)
	for _, c := range cases {
		fmt.Fprintf(&files, "-- models/%s.sql --\n%s\n", c.name, c.sql)
	}
	s := newShop(t, files.String())
	rep := s.build(runner.BuildOptions{})
	for _, c := range cases {
		if got := s.query(c.query, "latest"); got != c.want {
			t.Errorf("%s: %s\n got %q\nwant %q", c.name, c.query, got, c.want)
		}
	}
	tests := 0
	for _, n := range rep.Nodes {
		if n.Resource == "test" {
			tests++
		}
	}
	if tests != 14 {
		t.Errorf("%d data tests ran, want 14", tests)
	}
}
