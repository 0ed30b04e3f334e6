package compile

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
)

// contextProject is a small project to try functions in.
func contextProject() map[string]string {
	return map[string]string{
		"project.yml": `name: shop
version: 1.0.0
vars: {limit: 0, off: false, empty: '', words: [a, b], region: "{{ env_var('REGION') }}", salt: "x{{ env_var('WAREHOUSE_SECRET_SALT') }}"}
target: dev
targets: {dev: {type: duckdb, path: target/warehouse.duckdb, threads: 3}}
`,
		"models/docs.md":    "{% docs ring %}{{ doc('ring') }}{% enddocs %}",
		"models/orders.sql": "{{ config(materialized='view', tags=['t'], meta={'owner': 'ann'}) }}select 1 as id",
		"models/schema.yml": `models:
  - name: orders
    description: All orders.
    columns: [{name: id, description: The id., data_type: integer}]
sources: [{name: raw, tables: [{name: events}]}]
`,
		"macros/m.sql": `{% macro hello(who='you') %}hello {{ who }}{% endmacro %}
{% macro forever() %}{{ render('{{ forever() }}') }}{% endmacro %}
{% macro give(x) %}{{ return({'x': x}) }}{% endmacro %}
{% macro first() %}{% if true %}{{ return('early') }}{% endif %}late{% endmacro %}
`,
	}
}

// Each function of the context, by what it prints.
func TestContext(t *testing.T) {
	g, err := compile(t, contextProject(), map[string]any{"cli": []any{1, 2}})
	if err != nil {
		t.Fatal(shownErr(err))
	}
	for _, c := range []struct{ template, want string }{
		{"{{ ref('orders') }}", `"memory"."run__ref"."orders"`},
		{"{{ ref('shop', 'orders') }}", `"memory"."run__ref"."orders"`},
		{"{{ ref('orders').render() }}|{{ ref('orders').name }}|{{ ref('orders').table }}", `"memory"."run__ref"."orders"|orders|orders`},
		{"{{ ref('orders').include('database') }}", `"memory"."run__ref"."orders"`},
		{"{{ ref('orders').without_identifier() }}", `"memory"."run__ref"`},
		{"{{ ref('orders').incorporate(path={'identifier': 'x'}) }}", `"memory"."run__ref"."x"`},
		{"{{ ref('orders').information_schema('columns') }}", `"memory".INFORMATION_SCHEMA.columns`},
		{"{{ ref('orders').matches(identifier='ORDERS') }}", "True"},
		{"{{ ref('orders') ~ '' == ref('orders') | string }}", "True"},
		{"{{ source('raw', 'events') }}", `"wh"."raw"."events"`},
		{"{{ source('raw', 'events').include(database=false) }}", `"raw"."events"`},
		{"{{ run_id }}", "0190aaaa-0000-7000-8000-000000000001"},
		{"{{ invocation_id == run_id }}", "True"},
		{"{{ run_of('orders') }}", "run-of-orders"},
		{"{{ run_started_at }}", "2026-11-01 09:30:00+00:00"},
		{"{{ run_started_at.year }}{{ run_started_at.strftime('%j') }}", "2026305"},
		{"{{ execute }}", "True"},
		{"{{ is_incremental() }}", "False"},
		{"{{ should_full_refresh() }}", "False"},
		{"{{ var('limit') + 0 }}{{ var('off') }}{{ var('empty') }}{{ var('words') | length }}", "0False2"},
		{"{{ var('none', 3) }}{{ var('none', default=none) }}{{ var('cli')[1] }}", "3None2"},
		{"{{ var.has_var('limit') }}{{ var.has_var('none') }}", "TrueFalse"},
		{"{% do var('words').append('c') %}{{ var('words') | length }}", "2"},
		{"{{ var('region') }}", "north"},
		{"{{ env_var('REGION') }}{{ env_var('NONE', 'x') }}{{ env_var('EMPTY') }}", "northx"},
		{"{{ config(enabled=true) }}{{ config.get('nothing', 5) }}{{ config.get('nothing') }}", "5None"},
		{"{{ target.name }}{{ target.type }}{{ target.schema }}{{ target.threads }}{{ target.database }}{{ target.profile_name }}", "devduckdbmain3whshop"},
		{"{{ schema }}.{{ database }}.{{ project_name }}", "main.wh.shop"},
		{"{{ graph.nodes['model.shop.orders'].config.materialized }}", "view"},
		{"{{ graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | map(attribute='name') | join }}", "orders"},
		{"{{ graph.nodes['model.shop.orders'].columns.id.data_type }}", "integer"},
		{"{{ graph.nodes['model.shop.orders'].meta.owner }}{{ graph.nodes['model.shop.orders'].description }}", "annAll orders."},
		{"{{ graph.sources['source.shop.raw.events'].source_name }}", "raw"},
		{"{{ dbt_version is string }}{{ flags.FULL_REFRESH }}", "TrueFalse"},
		{"{{ hello() }}, {{ shop.hello('me') }}, {{ context['hello']('it') }}, {{ context.get('nothing', 1) }}", "hello you, hello me, hello it, 1"},
		{"{{ give(2).x + 1 }}{{ first() }}", "3early"},
		{"{{ builtins.ref('orders').name }}{{ builtins['var']('limit') }}", "orders0"},
		{"{{ fromjson('{\"b\": [1, 2.5, null], \"a\": 12345678901234567890}') }}", "{'b': [1, 2.5, None], 'a': 12345678901234567890}"},
		{"{{ fromjson('nonsense', 'default') }}", "default"},
		{"{{ tojson({'b': [1, none, true, 1.5], 'a': 'é\"\n'}) }}", `{"b": [1, null, true, 1.5], "a": "\u00e9\"\n"}`},
		{"{{ tojson({'b': 1, 'a': 2}, sort_keys=true) }}{{ toyaml(ref, 'none') }}", `{"a": 2, "b": 1}none`},
		{"{{ fromyaml('a: [1, x]\nb: {c: 2024-01-01}').a }}", "[1, 'x']"},
		{"{{ toyaml({'a': [1, 'x'], 'b': none}) }}", "a:\n- 1\n- x\nb: null\n"},
		{"{{ local_md5('hello') }}", "5d41402abc4b2a76b9719d911017c592"},
		{"{{ set([1, 1, 2]) | length }}{{ set(5, 'no') }}{{ set_strict([3]) | list }}", "2no[3]"},
		{"{{ zip([1, 2, 3], 'ab') | list }}{{ zip(5, default='no') }}", "[(1, 'a'), (2, 'b')]no"},
		{"{{ zip_strict([1], [2]) | list }}", "[(1, 2)]"},
		{"{{ range(3) | list }}{{ dict(a=1) }}", "[0, 1, 2]{'a': 1}"},
		{"{{ modules.re.sub('a+', 'b', 'caat') }}{{ modules.datetime.date(2024, 2, 29) }}", "cbt2024-02-29"},
		{"{{ modules.pytz.timezone('UTC') }}{{ modules.itertools.chain([1], [2]) | list }}{{ modules.datetime.timedelta(days=1).days }}", "UTC[1, 2]1"},
		{"{{ api.Column.create('a b', 'int').quoted }}{{ api.Column('a', 'decimal', none, 10, 2).numeric_precision }}{{ api.Column('a', 'double').is_float() }}{{ api.Column.string_type(5) }}", `"a b"10Truecharacter varying(5)`},
		{"{{ load_relation(ref('orders')) is none }}{{ adapter.check_schema_exists('wh', 'main') }}", "FalseTrue"},
		{"{{ render('{{ 1 + 1 }}') }}", "2"},
		{"{{ log('x') }}{{ print('y') }}", ""},
		{"{{ adapter.quote('a\"b') }}{{ adapter.type() }}", `"a""b"duckdb`},
		{"{{ api.Relation.create(database='d', schema='s', identifier='i') }}", `"d"."s"."i"`},
		{"{{ api.Relation.create(identifier='i', type='view').is_view }}", "True"},
		{"{{ api.Column('a', 'varchar', 10).data_type }}|{{ api.Column('a', 'text').data_type }}|{{ api.Column('a', 'decimal(10,2)').data_type }}|{{ api.Column('a', 'decimal', none, 10, 2).data_type }}",
			"character varying(10)|character varying(256)|decimal(10,2)|decimal(10,2)"},
		{"{{ api.Column('a', 'decimal(10, 2)').is_numeric() }}{{ api.Column('a', 'decimal').is_numeric() }}{{ api.Column('a', 'INT').is_number() }}{{ api.Column('a', 'varchar(10)').is_string() }}", "FalseTrueTrueFalse"},
		{"{{ api.Column.from_description('x', 'varchar(4)') }}", "DuckDBColumn(column='x', dtype='varchar', char_size=4, numeric_precision=None, numeric_scale=None, fields=[])"},
		{"{{ api.Column.from_description('x', 'decimal(4, 1)').numeric_scale }}{{ api.Column('a', 'varchar', 1).can_expand_to(api.Column('a', 'varchar', 2)) }}{{ api.Column('a', 'x') == api.Column('a', 'x') }}", "1TrueTrue"},
		{"{{ api.Column('s', 'STRUCT(a INTEGER, b STRUCT(c DECIMAL(4,1)))').flatten() | map(attribute='name') | join(' ') }}", "s.a s.b.c"},
		{"{{ api.Column.create('x', 'string').dtype }}{{ api.Column.translate_type('integer') }}", "TEXTinteger"},
		{"{{ api.Relation.create('d', 's', 'i', quote_policy={'schema': false}, include_policy={'database': false}) }}", `s."i"`},
		{"{% set r = api.Relation.create('d', 's', 'i') %}{{ r.replace_path(identifier='q') }}{{ r.incorporate(path={'schema': none}, type='view').is_view }}{{ r.quote_policy }}{{ r.include(database=false).include_policy.database }}", `"d"."s"."q"TruePolicy(database=True, schema=True, identifier=True)False`},
		{"{% set r = api.Relation.create('d', 's', 'i') %}{{ r.incorporate(path={'schema': none}) }}{{ r.information_schema('tables') }}{{ r.without_identifier().identifier }}{{ r.get('schema') }}{{ r.get('x', 'y') }}", `"d"."i""d".INFORMATION_SCHEMA.tablesNonesy`},
		{"{{ ref('orders').type }}{{ this.is_table }}{{ api.Relation.get_relation_type.View }}{{ adapter.quote_seed_column('a', false) }}{{ adapter.quote_seed_column('a', none) }}", `NoneFalseviewa"a"`},
		{"{{ dbt.equals('a', 'b') }}{{ dbt.array_construct([], 'int') }}{{ dbt.array_construct() }}{{ dbt.split_part('x', \"'-'\", 2) }}", "(a = b)array[]::int[]array[]::integer[]string_split(x, '-')[2]"},
		{"{{ dates_in_range('20200130', '20200201') }}{{ partition_range('20200101') }}{{ dbt.get_powers_of_two(9) }}{{ dbt.generate_series(3) }}", "['20200130', '20200131', '20200201']['20200101']4select generate_series as generated_number from generate_series(1, 3)"},
		{"{{ try_or_compiler_error('no', modules.datetime.datetime.strptime, '2024', '%Y').year }}{{ diff_of_two_dicts({'A': ['X', 'y'], 'q': []}, {'a': ['x']}) }}", "2024{'a': ['y'], 'q': []}"},
		{"{{ column('a', 'int').is_integer() }}{{ sql_now }}{{ env.schema }}{{ defer_relation }}{{ adapter.config.credentials.schema }}{{ metric is defined }}{{ get_merge_sql is defined }}", "Truenow()mainNonemainTrueTrue"},
		{"{{ store_raw_result('r', 'OK', none, none) }}{{ load_result('r').response }}{{ validation.any('x')('y') }}{{ adapter.escape_sql_string(\"it's\") }}", "OKit''s"},
		{"{{ dbt.is_incremental() }}{{ dbt.should_full_refresh() }}{{ dbt.statement is defined }}{{ dbt.run_hooks is defined }}{{ dbt.nothing is defined }}", "FalseFalseTrueTrueFalse"},
		{"{{ 'hello' in shop }}{{ 'hello' in context }}{{ 'nothing' in context }}{{ 'dateadd' in dbt }}{{ 5 in context }}", "TrueTrueFalseTrueFalse"},
		{"{{ [ref('orders')] }}", `[<DuckDBRelation "memory"."run__ref"."orders">]`},
		{"{{ get_quoted_csv(['a', 'b']) }}{{ snapshot_hash_arguments(['a', 'b']) }}{{ information_schema_name('d') }}{{ get_limit_subquery_sql('select 1', 5) }}",
			`"a", "b"md5(coalesce(cast(a as varchar ), '') || '|' || coalesce(cast(b as varchar ), ''))d.INFORMATION_SCHEMAselect 1` + "\nlimit 5"},
		{"{{ diff_columns([api.Column('a', 'int'), api.Column('b', 'int')], [api.Column('a', 'text')]) | map(attribute='name') | join }}{{ get_list_of_column_names([api.Column('a', 'int')]) }}", "b['a']"},
		{"{{ toyaml('a' ~ ' word' * 20 ~ ' end') }}", "a" + strings.Repeat(" word", 16) + "\n  word word word word end\n...\n"},
		{"{{ toyaml({'k': ['é', \"it's: é\", 'a: b', '1e3', 'y', '1.5', ' x', '', 'a\tb'], 'e': [[], {}, [1, [2]], {'z': {'q': 1.0}}]}) }}",
			"k:\n- \"\\xE9\"\n- \"it's: \\xE9\"\n- 'a: b'\n- 1e3\n- y\n- '1.5'\n- ' x'\n- ''\n- \"a\\tb\"\ne:\n- []\n- {}\n- - 1\n  - - 2\n- z:\n    q: 1.0\n"},
		{"{% set n = graph.nodes['model.shop.orders'] %}{{ n.access }}{{ n.contract.enforced }}{{ n.checksum.name }}{{ n.relation_name }}{{ n.patch_path }}{{ n.original_file_path }}{{ n.config.on_schema_change }}{{ n.config['post-hook'] }}{{ n.depends_on.macros }}{{ n.sources }}{{ n.primary_key }}",
			`protectedFalsesha256"wh"."latest"."orders"shop://models/schema.ymlmodels/orders.sqlignore[][][][]`},
		{"{% set s = graph.sources['source.shop.raw.events'] %}{{ s.relation_name }}{{ s.freshness.warn_after.count }}{{ s.config.enabled }}{{ s.quoting.schema }}", `"wh"."raw"."events"NoneTrueNone`},
		{"{{ fromyaml('{a: yes, b: 2020-01-02, c: 017, d: 2020-01-02 03:04:05, e: \"yes\"}') }}", "{'a': True, 'b': datetime.date(2020, 1, 2), 'c': 15, 'd': datetime.datetime(2020, 1, 2, 3, 4, 5), 'e': 'yes'}"},
		{"{{ toyaml({'a': 'yes', 'b': 'two\\nlines', 'c': ''}) }}", "a: 'yes'\nb: 'two\n\n  lines'\nc: ''\n"},
		{"{{ api.Column.translate_type('string') }}{{ api.Column.numeric_type('numeric', 28, 6) }}", "TEXTnumeric(28,6)"},
		{"{{ api.Column('a', 'TEXT').string_size() }}{{ api.Column('a', 'varchar', 10).string_size() }}{{ api.Column('a', 'int').literal(1) }}", "256101::int"},
		{"{{ adapter.get_relation(none, 'main', 'x') is none }}", "False"},
		{"{{ load_result('nothing_ran') if false else 'x' }}", "x"},
		{"{{ selected_resources }}{{ pre_hooks }}{{ thread_id }}", "[][]main"},
		// Built-in macros; TestMacrosPrintWhatDbtPrints has their blanks.
		{"{{ dbt.dateadd('day', 1, 'd') }}", "(d + cast(1 as bigint) * interval 1 day)"},
		{"{{ dbt.dateadd('Quarter', 'n', 'd') }}{{ dbt.dateadd('week', -2, \"'2024-01-01'\") }}",
			"(d + (cast(n as bigint) * 3) * interval 1 month)(cast('2024-01-01' as timestamp) + (cast(-2 as bigint) * 7) * interval 1 day)"},
		{"{{ dbt.datediff('a', 'b', 'month') }}", "(date_diff('month', a::timestamp, b::timestamp ))"},
		{"{{ date_trunc('day', 'd') }}{{ dbt.last_day('d', 'month') }}", "date_trunc('day', d)cast(((date_trunc('month', d) + cast(1 as bigint) * interval 1 month) + cast(-1 as bigint) * interval 1 day) as date)"},
		{"{{ dbt.last_day('d', 'quarter') }}", "-- duckdb dateadd does not support quarter interval.\ncast(((date_trunc('quarter', d) + cast(3 as bigint) * interval 1 month) + cast(-1 as bigint) * interval 1 day) as date)"},
		{"{{ dbt.concat(['a', 'b']) }}{{ dbt.hash('a') }}", "a || bmd5(cast(a as TEXT))"},
		{"{{ dbt.safe_cast('a', 'int') }}{{ dbt.safe_cast('a', api.Column.translate_type('string')) }}", "cast(a as int)cast(a as TEXT)"},
		{"{{ dbt.type_string() }} {{ dbt.type_timestamp() }} {{ dbt.type_float() }} {{ dbt.type_numeric() }} {{ dbt.type_bigint() }} {{ dbt.type_int() }} {{ dbt.type_boolean() }}", "TEXT timestamp float numeric(28,6) bigint integer boolean"},
		{"{{ dbt.listagg('a', \"', '\", 'order by b', 2) }}", "list_aggr((array_agg(a order by b))[1:2], 'string_agg', ', ')"},
		{"{{ dbt.listagg('a') }}", "string_agg(a, ',')"},
		{"{{ dbt.any_value('a') }}{{ dbt.bool_or('a') }}", "arbitrary(a)bool_or(a)"},
		{"{{ dbt.split_part('a', \"','\", 1) }}", "string_split(a, ',')[1]"},
		{"{{ dbt.string_literal(dbt.escape_single_quotes(\"it's\")) }}", "'it''s'"},
		{"{{ dbt.current_timestamp() }}{{ dbt.length('a') }}{{ dbt.position(\"'x'\", 'a') }}", "now()length(a)position('x' in a)"},
		{"{{ dbt.replace('a', \"'x'\", \"'y'\") }}{{ dbt.right('a', 2) }}", "replace(a, 'x', 'y')right(a, 2)"},
		{"{{ dbt.except() }} {{ dbt.intersect() }} {{ dbt.cast_bool_to_text('a') }}", "except intersect cast(a as TEXT)"},
		{"{{ dbt.date(2024, 2, 1) }}", "make_date(2024, 2, 1)"},
		{"{{ generate_schema_name('x', model) }}", "main_x"},
	} {
		r, err := g.RenderText(context.Background(), "select\n"+c.template, testBinding())
		if err != nil {
			t.Errorf("%s: %s", c.template, shownErr(err))
			continue
		}
		if got := strings.TrimPrefix(r.SQL, "select\n"); strings.TrimRight(got, "\n") != strings.TrimRight(c.want, "\n") && (!ofMacros(c.template) || blank.Replace(got) != blank.Replace(c.want)) {
			t.Errorf("%s:\n got %s\nwant %s", c.template, got, c.want)
		}
	}
}

// Every name of the context has a line in the table above, or a golden file.
func TestContextIsComplete(t *testing.T) {
	g, err := compile(t, contextProject(), nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	for name := range allGlobals() {
		r, err := g.RenderText(context.Background(), "select '{{ "+name+" is defined }}'", testBinding())
		if err != nil || r.SQL != "select 'True'" {
			t.Errorf("%s: %v %v", name, r, err)
		}
	}
}

func TestContextErrors(t *testing.T) {
	g, err := compile(t, contextProject(), nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	for _, c := range []struct{ template, want string }{
		{"{{ ref('ordes') }}", "did you mean 'orders'?"},
		{"{{ ref() }}", "ref takes the name of a model"},
		{"{{ ref('orders', x=1) }}", "ref has no argument 'x'"},
		{"{{ source('raw') }}", "source needs the argument 'table_name'"},
		{"{{ source('raw', 'evens') }}", "did you mean 'events'?"},
		{"{{ var('limt') }}", "did you mean 'limit'?"},
		{"{{ var() }}", "var needs the argument 'name'"},
		{"{{ env_var('NONE') }}", "the environment variable 'NONE' is not set"},
		{"{{ config('x') }}", "config takes named arguments"},
		{"{{ config.require('x') }}", "'x' is required"},
		{"{{ env_var('WAREHOUSE_SECRET_SALT') | upper }}", "secret"},
		{"{{ local_md5(env_var('WAREHOUSE_SECRET_SALT')) }}", "secret"},
		{"{{ exceptions.raise_compiler_error('oh no') }}", "oh no"},
		{"{{ exceptions.raise_not_implemented('later') }}", "later"},
		{"{{ adapter.dispatch('nothing')() }}", "'duckdb__nothing', 'default__nothing'"},
		{"{{ adapter.create_schema('x') }}", "templates only read"},
		{"{{ run_query('nonsense') }}", "there is no nonsense"},
		{"{{ load_result('x') }}", "there is no result 'x'"},
		{"{{ set_strict(5) }}", "set_strict"},
		{"{{ metric('m') }}", "dbt's metric is not here"},
		{"{{ get_merge_sql('a') }}", "dbt's get_merge_sql is not here"},
		{"{{ dbt.create_table_as(1) }}", "dbt's create_table_as is not here"},
		{"{{ adapter.get_incremental_strategy_macro() }}", "dbt's adapter.get_incremental_strategy_macro is not here"},
		{"{{ adapter.get_relaton() }}", "did you mean 'get_relation'?"},
		{"{{ dbt.datead() }}", "did you mean 'dateadd'?"},
		{"{{ modules.re.match('(a', 'a') }}", "bad regular expression '(a'"},
		{"{{ try_or_compiler_error('no date', modules.datetime.datetime.strptime, 'x', '%Y') }}", "no date"},
		{"{{ local_md5(5) }}", "local_md5 takes a text, not 5"},
		{"{{ nothing_here }}", "nothing_here"},
		{"{{ import_me() }}", "import_me"},
		{"{% macro again() %}{{ render('{{ forever() }}') }}{% endmacro %}{{ again() }}", "without an end"},
		{"{{ doc('ring') }}", "without an end"},
		{"{{ forever() }}", "without an end"},
	} {
		_, err := g.RenderText(context.Background(), "select "+c.template, testBinding())
		var d *diag.Error
		switch {
		case err == nil:
			t.Errorf("%s: no error", c.template)
		case !errors.As(err, &d) || d.Pos.Line == 0:
			t.Errorf("%s: no place: %v", c.template, err)
		case !strings.Contains(err.Error(), c.want):
			t.Errorf("%s:\n got %s\nwant %s", c.template, err, c.want)
		case strings.Contains(shownErr(err), "pepper"):
			t.Errorf("%s: the error tells the secret: %s", c.template, shownErr(err))
		}
	}
}

func TestLogIsMasked(t *testing.T) {
	p, err := load(t, contextProject(), nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	var said []string
	g, err := Compile(context.Background(), p, Options{LookupEnv: lookupTestEnv, Log: func(msg string, info bool) {
		said = append(said, msg+map[bool]string{true: "!", false: ""}[info])
	}})
	if err != nil {
		t.Fatal(shownErr(err))
	}
	if _, err := g.RenderText(context.Background(), "select 1 {{ log('a' ~ env_var('WAREHOUSE_SECRET_SALT')) }}{{ print(var('salt')) }}{{ log([1], info=true) }}", testBinding()); err != nil {
		t.Fatal(shownErr(err))
	}
	want := []string{"a{{ env_var('WAREHOUSE_SECRET_SALT') }}", "x{{ env_var('WAREHOUSE_SECRET_SALT') }}!", "[1]!"}
	if !slices.Equal(said, want) {
		t.Errorf("got %q, want %q", said, want)
	}
}

func TestWithoutDatabase(t *testing.T) {
	g, err := compile(t, contextProject(), nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	b := testBinding()
	b.Query = nil
	r, err := g.RenderText(context.Background(), "select {{ execute }}, {{ run_query('nonsense') }}, {{ adapter.get_columns_in_relation(ref('orders')) }}", b)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	if r.SQL != "select False, None, []" || r.ReadsRunQuery {
		t.Errorf("got %q, %v", r.SQL, r.ReadsRunQuery)
	}
}

// The caller's own error comes back through the template, for errors.Is.
func TestQueryErrorsAreKept(t *testing.T) {
	files := contextProject()
	files["macros/t.sql"] = "{% test asks(model, column_name) %}{{ run_query('select 1') }}select 1{% endtest %}"
	files["models/asks.sql"] = "select {{ run_query('select 1') }}"
	files["models/s2.yml"] = "models: [{name: asks, columns: [{name: id, data_tests: [asks]}]}]\n"
	g, err := compile(t, files, nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	later := errors.New("later")
	b := testBinding()
	b.Query = func(context.Context, string) ([]engine.Column, [][]any, error) { return nil, nil, later }
	for _, id := range []string{"model.shop.asks", "test.shop.asks_asks_id"} {
		if _, err := g.Render(context.Background(), byID(g, id), b); !errors.Is(err, later) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// Without a database a template that waits for one may write nothing.
func TestEmptyWithoutDatabase(t *testing.T) {
	files := contextProject()
	files["models/waits.sql"] = "{% if execute %}select 1{% endif %}"
	g, err := compile(t, files, nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	b := testBinding()
	if r, err := g.Render(context.Background(), g.Model("waits"), b); err != nil || r.SQL != "select 1" {
		t.Error(r, err)
	}
	b.Query = nil
	if r, err := g.Render(context.Background(), g.Model("waits"), b); err != nil || r.SQL != "" {
		t.Error(r, err)
	}
}

func TestTrino(t *testing.T) {
	p, err := load(t, contextProject(), nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	g, err := Compile(context.Background(), p, Options{LookupEnv: lookupTestEnv, Dialect: "trino"})
	if err != nil {
		t.Fatal(shownErr(err))
	}
	for _, c := range []struct{ template, want string }{
		{"{{ dbt.dateadd('day', 1, 'd') }}", "date_add('day', 1, d)"},
		{"{{ dbt.safe_cast('a', dbt.type_string()) }}", "try_cast(a as VARCHAR)"},
		{"{{ dbt.hash('a') }}", "lower(to_hex(md5(to_utf8(cast(a as varchar)))))"},
		{"{{ dbt.current_timestamp() }} {{ dbt.type_float() }}", "current_timestamp DOUBLE"},
		{"{{ dbt.listagg('a', \"','\") }}", "array_join(array_agg(cast(a as varchar)), ',')"},
		{"{{ dbt.split_part('a', \"','\", -1) }}", "element_at(split(a, ','), -1)"},
		{"{{ dbt.date(2024, 2, 1) }}", "date '2024-02-01'"},
	} {
		r, err := g.RenderText(context.Background(), "select "+c.template, testBinding())
		if err != nil {
			t.Errorf("%s: %s", c.template, shownErr(err))
		} else if r.SQL != "select "+c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.template, r.SQL, c.want)
		}
	}
}

// Bytes of the SQL lead back to the file that wrote them.
func TestPlace(t *testing.T) {
	files := map[string]string{
		"models/main.sql": "{{ config(tags=['x']) }}\nselect '{{ env_var('WAREHOUSE_SECRET_SALT') }}' as s,\n  main_column, {{ cents('macro_arg') }}\nfrom {{ ref('part') }}",
		"models/part.sql": "{{ config(materialized='ephemeral') }}\nselect 1 as a,\n   part_column;",
		"macros/m.sql":    "{% macro cents(x) %}\n  macro_column / {{ x }}\n{% endmacro %}",
		"models/s.yml":    "models:\n  - name: main\n    columns:\n      - name: a\n        data_tests: [not_null, mine]\n",
		"macros/t.sql":    "{% test mine(model, column_name) %}\nselect test_column from {{ model }}\n{% endtest %}",
	}
	g, err := compile(t, files, nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	for _, c := range []struct{ node, find, place, line, frames string }{
		{"model.shop.main", "main_column", "models/main.sql:3:3", "  main_column, {{ cents('macro_arg') }}", ""},
		{"model.shop.main", "macro_column", "macros/m.sql:2:3", "  macro_column / {{ x }}", "macro cents@models/main.sql:3:19"},
		{"model.shop.main", "part_column", "models/part.sql:3:4", "   part_column;", "ephemeral model part@models/main.sql:4:9"},
		{"test.shop.not_null_main_a", "is null", "models/s.yml:5:22", "", ""},
		{"test.shop.mine_main_a", "test_column", "macros/t.sql:2:8", "select test_column from {{ model }}", "data test mine_main_a@models/s.yml:5:32"},
	} {
		r, err := g.Render(context.Background(), byID(g, c.node), testBinding())
		if err != nil {
			t.Fatal(shownErr(err))
		}
		off := strings.Index(r.SQL, c.find)
		if off < 0 {
			t.Fatalf("%s: %q is not in %s", c.node, c.find, r.SQL)
		}
		pos, line, frames, ok := r.Place(off)
		var fs []string
		for _, f := range frames {
			fs = append(fs, f.What+"@"+f.Pos.String())
		}
		if !ok || pos.String() != c.place || c.line != "" && line != c.line || strings.Join(fs, ";") != c.frames {
			t.Errorf("%s %q: got %s %q %v %v", c.node, c.find, pos, line, fs, ok)
		}
	}
	r, _ := g.Render(context.Background(), g.Nodes["model.shop.main"], testBinding())
	for off := range len(r.SQL) {
		r.Place(off)
	}
	if !slices.Equal(r.Secrets, []string{"WAREHOUSE_SECRET_SALT"}) || strings.Contains(r.Stored, "pepper") || !strings.Contains(r.SQL, "pepper") {
		t.Errorf("secrets %v, stored %s", r.Secrets, r.Stored)
	}
}

func TestRenderIsConcurrent(t *testing.T) {
	g, err := compile(t, contextProject(), nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	done := make(chan error)
	for range 8 {
		go func() {
			var err error
			for range 50 {
				for _, n := range g.Nodes {
					if n.Resource != Source {
						_, e := g.Render(context.Background(), n, testBinding())
						err = errors.Join(err, e)
					}
				}
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestTestName(t *testing.T) {
	args := func(pairs ...jinja.Value) *jinja.Dict { return dict(pairs...) }
	for _, c := range []struct {
		generic, target string
		args            *jinja.Dict
		want            string
	}{
		{"not_null", "orders", args("column_name", "id"), "not_null_orders_id"},
		{"unique", "daily-sales", args("column_name", "n"), "unique_daily-sales_n"},
		{"accepted_values", "orders", args("values", &jinja.List{Items: []jinja.Value{"a b", int64(1), true}}, "column_name", "state"), "accepted_values_orders_state__a_b__1__True"},
		{"relationships", "orders", args("to", "ref('customers')", "field", "id", "column_name", "customer"), "relationships_orders_customer__id__ref_customers_"},
		{"dbt_utils_recency", "m", args("d", args("b", "x", "a", "y")), "dbt_utils_recency_m_x__y"},
	} {
		if got := testName(c.generic, c.target, c.args); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestColumnSQL(t *testing.T) {
	for _, c := range []struct {
		name            string
		quote           bool
		builtin, forOwn string
	}{
		{"id", false, `"id"`, "id"},
		{"id", true, `"id"`, `"id"`},
		{"User", false, `"User"`, `"User"`},
		{"Unit Price", false, `"Unit Price"`, `"Unit Price"`},
		{"a.b", false, `"a.b"`, `"a.b"`},
		{`say "hi"`, true, `"say ""hi"""`, `"say ""hi"""`},
		{`"Quoted"`, false, `"Quoted"`, `"Quoted"`},
		{"lower(id)", false, "lower(id)", "lower(id)"},
		{"a || '-' || b", false, "a || '-' || b", "a || '-' || b"},
		{"größe", false, `"größe"`, `"größe"`},
	} {
		if got := columnSQL(c.name, c.quote); got != c.builtin {
			t.Errorf("%s: got %s", c.name, got)
		}
		if got := columnForMacro(c.name, c.quote); got != c.forOwn {
			t.Errorf("%s: got %s", c.name, got)
		}
	}
}

// dbt's behavior flag decides what dbt.equals says of NULL.
func TestEqualsFlag(t *testing.T) {
	for flags, want := range map[string]string{
		"": "(a = b)",
		"flags: {enable_truthy_nulls_equals_macro: true}":  "case when ((a = b) or (a is null and b is null)) then 0 else 1 end = 0",
		"flags: {enable_truthy_nulls_equals_macro: false}": "(a = b)",
	} {
		g, err := compile(t, map[string]string{
			"dbt_project.yml": "name: shop\nprofile: p\n" + flags + "\n",
			"profiles.yml":    "p: {target: dev, outputs: {dev: {type: duckdb, path: x.duckdb}}}\n",
			"models/m.sql":    "select 1 as id",
		}, nil)
		if err != nil {
			t.Fatal(shownErr(err))
		}
		r, err := g.RenderText(context.Background(), "select {{ dbt.equals('a', 'b') }}", testBinding())
		if err != nil || blank.Replace(r.SQL) != blank.Replace("select "+want) {
			t.Errorf("%s: %v, got %q", flags, err, r.SQL)
		}
	}
}

// A hook that changes the database is no error of the project: it is told of at
// its turn.
func TestHookThatChangesTheDatabase(t *testing.T) {
	g, err := compile(t, map[string]string{
		"project.yml":  "name: shop\n",
		"models/m.sql": "{{ config(post_hook=\"{% do adapter.drop_relation(this) %}\") }}select 1 as id",
	}, nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	m := g.Nodes["model.shop.m"]
	if m == nil || len(m.PostHooks) != 1 {
		t.Fatal("the hook is not there")
	}
	if _, err := g.RenderHook(context.Background(), m.PostHooks[0], m, testBinding(), nil); err == nil || !strings.Contains(err.Error(), "adapter.drop_relation changes the database") {
		t.Errorf("got %v", err)
	}
}

var blank = strings.NewReplacer(" ", "", "\n", "", "\t", "")

// ofMacros says whether a template calls a built-in macro that prints SQL.
func ofMacros(template string) bool {
	return strings.Contains(template, "dbt.") || strings.Contains(template, "snapshot_hash_arguments")
}

// What dbt-core 1.11.16 with dbt-duckdb 1.11.1 printed for these calls, each
// blank of it.
func TestMacrosPrintWhatDbtPrints(t *testing.T) {
	text, err := os.ReadFile("testdata/dbt_macros.json")
	if err != nil {
		t.Fatal(err)
	}
	var calls map[string]string
	if err := json.Unmarshal(text, &calls); err != nil {
		t.Fatal(err)
	}
	g, err := compile(t, map[string]string{
		"dbt_project.yml": "name: bm\nprofile: bm\n",
		"profiles.yml":    "bm: {target: dev, outputs: {dev: {type: duckdb, path: w.duckdb}}}\n",
		"models/m.sql":    "select 1 as id",
	}, nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	if len(calls) < 80 {
		t.Errorf("%d calls", len(calls))
	}
	for call, want := range calls {
		r, err := g.RenderText(context.Background(), "select <<{{ "+call+" }}>>", testBinding())
		if err != nil {
			t.Errorf("%s: %s", call, shownErr(err))
		} else if got := strings.TrimSuffix(strings.TrimPrefix(r.SQL, "select <<"), ">>"); got != want {
			t.Errorf("%s:\n got %q\nwant %q", call, got, want)
		}
	}
}
