package compile

import (
	"context"
	"strings"
	"testing"
	"time"

	"warehouse/runner/engine"
	"warehouse/runner/jinja"
)

// What agate 1.9 prints of the table that dbt makes of these rows.
var agateCases = []struct{ template, want, printed string }{
	{`{{ t }}`, "| column | data_type |\n| ------ | --------- |\n| id     | Integer   |\n| name   | Text      |\n| amount | Number    |\n| day    | Date      |\n| ok     | Boolean   |", ""},
	{`{{ t.rows }}`, `<agate.MappedSequence: (<agate.Row: (1, 'ann', Decimal('1234.5'), datetime.date(2024, 1, 2), True)>, <agate.Row: (2, None, Decimal('-0.125'), None, False)>, <agate.Row: (3, 'bob', None, datetime.date(2023, 5, 6), None)>, <agate.Row: (2, 'zoe', Decimal('7.0'), datetime.date(2024, 1, 2), True)>)>`, ""},
	{`{{ t.rows[0] }}`, `<agate.Row: (1, 'ann', Decimal('1234.5'), datetime.date(2024, 1, 2), True)>`, ""},
	{`{{ t.rows[-1] }}`, `<agate.Row: (2, 'zoe', Decimal('7.0'), datetime.date(2024, 1, 2), True)>`, ""},
	{`{{ t.rows[0].values() }}`, `(1, 'ann', Decimal('1234.5'), datetime.date(2024, 1, 2), True)`, ""},
	{`{{ t.rows[0].keys() }}`, `('id', 'name', 'amount', 'day', 'ok')`, ""},
	{`{{ t.rows[0].dict() }}`, `{'id': 1, 'name': 'ann', 'amount': Decimal('1234.5'), 'day': datetime.date(2024, 1, 2), 'ok': True}`, ""},
	{`{{ t.rows[0].items() }}`, `(('id', 1), ('name', 'ann'), ('amount', Decimal('1234.5')), ('day', datetime.date(2024, 1, 2)), ('ok', True))`, ""},
	{`{{ t.rows[0]['name'] }}`, `ann`, ""},
	{`{{ t.rows[0].name }}`, `ann`, ""},
	{`{{ t.rows[0].get('name') }}`, `ann`, ""},
	{`{{ t.rows[0].get('nope', 'x') }}`, `x`, ""},
	{`{{ t.rows[0][1:3] }}`, `('ann', Decimal('1234.5'))`, ""},
	{`{{ t.rows[1:3] }}`, `(<agate.Row: (2, None, Decimal('-0.125'), None, False)>, <agate.Row: (3, 'bob', None, datetime.date(2023, 5, 6), None)>)`, ""},
	{`{{ t[0] }}`, `<agate.Row: (1, 'ann', Decimal('1234.5'), datetime.date(2024, 1, 2), True)>`, ""},
	{`{{ t[1:2] }}`, `(<agate.Row: (2, None, Decimal('-0.125'), None, False)>,)`, ""},
	{`{{ t.rows.keys() }}`, `None`, ""},
	{`{{ t.columns }}`, `<agate.MappedSequence: (<agate.Column: (1, 2, 3, 2)>, <agate.Column: ('ann', None, 'bob', 'zoe')>, <agate.Column: (Decimal('1234.5'), Decimal('-0.125'), None, Decimal('7.0'))>, <agate.Column: (datetime.date(2024, 1, 2), None, datetime.date(2023, 5, 6), datetime.date(2024, 1, 2))>, <agate.Column: (True, False, None, True)>)>`, ""},
	{`{{ t.columns.keys() }}`, `('id', 'name', 'amount', 'day', 'ok')`, ""},
	{`{{ t.columns['name'].values() }}`, `('ann', None, 'bob', 'zoe')`, ""},
	{`{{ t.columns[0] }}`, `<agate.Column: (1, 2, 3, 2)>`, ""},
	{`{{ t.columns['amount'].values_without_nulls() }}`, `(Decimal('1234.5'), Decimal('-0.125'), Decimal('7.0'))`, ""},
	{`{{ t.columns['id'].values_sorted() }}`, `[1, 2, 2, 3]`, ""},
	{`{{ t.columns['name'].values_sorted() }}`, `['ann', 'bob', 'zoe', None]`, ""},
	{`{{ t.columns['name'].values_without_nulls_sorted() }}`, `['ann', 'bob', 'zoe']`, ""},
	{`{{ t.columns['id'][1:] }}`, `(2, 3, 2)`, ""},
	{`{{ t.columns['id'].values() | unique | list }}`, `[1, 2, 3]`, ""},
	{`{{ t.columns['amount'].values() }}`, `(Decimal('1234.5'), Decimal('-0.125'), None, Decimal('7.0'))`, ""},
	{`{{ t.columns.values() | length }}`, `5`, ""},
	{`{{ t.columns | map(attribute='name') | join(',') }}`, `id,name,amount,day,ok`, ""},
	{`{{ t.column_names }}`, `('id', 'name', 'amount', 'day', 'ok')`, ""},
	{`{{ t | length }}`, `4`, ""},
	{`{{ t.rows | length }}`, `4`, ""},
	{`{% for r in t %}{{ r.id }}:{{ r[1] }}/{% endfor %}`, `1:ann/2:None/3:bob/2:zoe/`, ""},
	{`{% for r in t.rows %}{{ r.id }}{% endfor %}`, `1232`, ""},
	{`{% for a, b in t.select(['id', 'name']).rows %}{{ a }}={{ b }},{% endfor %}`, `1=ann,2=None,3=bob,2=zoe,`, ""},
	{`{{ t.select('name').column_names }}`, `('name',)`, ""},
	{`{{ t.select(['day', 'id']).rows[0] }}`, `<agate.Row: (datetime.date(2024, 1, 2), 1)>`, ""},
	{`{{ t.exclude('name').column_names }}`, `('id', 'amount', 'day', 'ok')`, ""},
	{`{{ t.exclude(['name', 'id', 'nope']).column_names }}`, `('amount', 'day', 'ok')`, ""},
	{`{{ t.order_by('id').columns['id'].values() }}`, `(1, 2, 2, 3)`, ""},
	{`{{ t.order_by('name').columns['name'].values() }}`, `('ann', 'bob', 'zoe', None)`, ""},
	{`{{ t.order_by('name', reverse=True).columns['name'].values() }}`, `(None, 'zoe', 'bob', 'ann')`, ""},
	{`{{ t.order_by('amount', reverse=true).columns['amount'].values() }}`, `(None, Decimal('1234.5'), Decimal('7.0'), Decimal('-0.125'))`, ""},
	{`{{ t.order_by(['id', 'name']).columns['name'].values() }}`, `('ann', 'zoe', None, 'bob')`, ""},
	{`{{ t.limit(2).columns['id'].values() }}`, `(1, 2)`, ""},
	{`{{ t.limit(1, 3).columns['id'].values() }}`, `(2, 3)`, ""},
	{`{{ t.limit(0, none, 2).columns['id'].values() }}`, `(1, 3)`, ""},
	{`{{ t.limit() | length }}`, `4`, ""},
	{`{{ t.distinct('id').columns['id'].values() }}`, `(1, 2, 3)`, ""},
	{`{{ t.distinct() | length }}`, `4`, ""},
	{`{{ t.select('id').distinct() | length }}`, `3`, ""},
	{`{{ t.rename({'id': 'key'}).column_names }}`, `('key', 'name', 'amount', 'day', 'ok')`, ""},
	{`{{ t.rename(['a', 'b', 'c', 'd', 'e']).rows[0].keys() }}`, `('a', 'b', 'c', 'd', 'e')`, ""},
	{`{{ t.rename(column_names={'id': 'key'}).rows[0].key }}`, `1`, ""},
	{`{% macro big(r) %}{{ 'y' if r.id > 1 else '' }}{% endmacro %}{{ t.where(big).columns['id'].values() }}`, `(2, 3, 2)`, ""},
	{`{% macro big(r) %}{{ 'y' if r.id > 1 else '' }}{% endmacro %}{{ t.find(big) }}`, `<agate.Row: (2, None, Decimal('-0.125'), None, False)>`, ""},
	{`{% macro k(r) %}{{ r.name }}{% endmacro %}{{ t.order_by(k).columns['name'].values() }}`, `(None, 'ann', 'bob', 'zoe')`, ""},
	{`{% do t.print_table() %}`, ``, "| id | name |    amount |        day |    ok |\n| -- | ---- | --------- | ---------- | ----- |\n|  1 | ann  | 1,234.500 | 2024-01-02 |  True |\n|  2 |      |    -0.125 |            | False |\n|  3 | bob  |           | 2023-05-06 |       |\n|  2 | zoe  |     7.000 | 2024-01-02 |  True |\n"},
	{`{% do t.print_table(max_rows=2, max_columns=3) %}`, ``, "| id | name |    amount | ... |\n| -- | ---- | --------- | --- |\n|  1 | ann  | 1,234.500 | ... |\n|  2 |      |    -0.125 | ... |\n| ... | ...  |       ... | ... |\n"},
	{`{% do t.print_table(max_column_width=4) %}`, ``, "| id | name | a... |  day |   ok |\n| -- | ---- | ---- | ---- | ---- |\n|  1 | ann  | 1... | 2... | True |\n|  2 |      | -... |      | F... |\n|  3 | bob  |      | 2... |      |\n|  2 | zoe  | 7... | 2... | True |\n"},
	{`{% do t.print_table(max_precision=1) %}`, ``, "| id | name |   amount |        day |    ok |\n| -- | ---- | -------- | ---------- | ----- |\n|  1 | ann  | 1,234.5… | 2024-01-02 |  True |\n|  2 |      |    -0.1… |            | False |\n|  3 | bob  |          | 2023-05-06 |       |\n|  2 | zoe  |     7.0… | 2024-01-02 |  True |\n"},
	{`{% do t.print_table(max_precision=none, max_rows=none, max_columns=none, max_column_width=none) %}`, ``, "| id | name |    amount |        day |    ok |\n| -- | ---- | --------- | ---------- | ----- |\n|  1 | ann  | 1,234.500 | 2024-01-02 |  True |\n|  2 |      |    -0.125 |            | False |\n|  3 | bob  |           | 2023-05-06 |       |\n|  2 | zoe  |     7.000 | 2024-01-02 |  True |\n"},
	{`{% do t.print_structure() %}`, ``, "| column | data_type |\n| ------ | --------- |\n| id     | Integer   |\n| name   | Text      |\n| amount | Number    |\n| day    | Date      |\n| ok     | Boolean   |\n"},
	{`{% do t.limit(0).print_table() %}`, ``, "| id | name | amount | day | ok |\n| -- | ---- | ------ | --- | -- |\n"},
	{`{{ t.rows[0] == t.rows[0] }} {{ t.rows[1] == t.rows[3] }} {{ 'ann' in t.rows[0] }} {{ 'x' in t.columns['name'] }} {{ 2 in t.columns['id'].values() }}`, `True False True False True`, ""},
	{`{{ t.rows[0] == (1, 'ann') }} {{ t.select(['id','name']).rows[0] == (1, 'ann') }}`, `False True`, ""},
	{`{{ t.select('id').rows | map(attribute='id') | list }}`, `[1, 2, 3, 2]`, ""},
	{`{{ t.rows | map(attribute=1) | list }}`, `['ann', None, 'bob', 'zoe']`, ""},
	{`{{ t.rows | sum(attribute='id') }}`, `8`, ""},
	{`{{ t.columns['amount'].values() | select | sum }}`, `1241.375`, ""},
	{`{{ t.rows[0] | list }}`, `[1, 'ann', Decimal('1234.5'), datetime.date(2024, 1, 2), True]`, ""},
	{`{{ t.rows[0] | join('|') }}`, `1|ann|1234.5|2024-01-02|True`, ""},
	{`{{ t.rows | first }}`, `<agate.Row: (1, 'ann', Decimal('1234.5'), datetime.date(2024, 1, 2), True)>`, ""},
	{`{{ t.rows | last }}`, `<agate.Row: (2, 'zoe', Decimal('7.0'), datetime.date(2024, 1, 2), True)>`, ""},
	{`{{ t.row_names }}`, `None`, ""},
	{`{{ t.columns['id'].name }}{{ t.columns['id'].index }}`, `id0`, ""},
	{`{{ t.columns['nope'] }}|{{ t.rows[9] }}|{{ t.nope }}`, `||`, ""},
	{`{{ dict(t.rows[0].items()) }}`, `{'id': 1, 'name': 'ann', 'amount': Decimal('1234.5'), 'day': datetime.date(2024, 1, 2), 'ok': True}`, ""},
	{`{{ t.rows | map('first') | list }}`, `[1, 2, 3, 2]`, ""},
	{`{{ t.rows | map(attribute='name') | reject('none') | list }}`, `['ann', 'bob', 'zoe']`, ""},
	{`{{ (t.rows | selectattr('ok') | list) | length }}`, `2`, ""},
	{`{{ t.rows | groupby('id') | length }}`, `3`, ""},
	{`{{ t.columns[0].values() == t.columns[0] }}`, `True`, ""},
	{`{{ t.columns.get('id').name }}`, `id`, ""},
	{`{{ t.columns.dict().keys() | list }}`, `['id', 'name', 'amount', 'day', 'ok']`, ""},
}

func agateTable(t *testing.T, said *strings.Builder) (*Graph, Binding) {
	t.Helper()
	p, err := load(t, map[string]string{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := Compile(context.Background(), p, Options{Dialect: "duckdb", Log: func(msg string, _ bool) { said.WriteString(msg + "\n") }})
	if err != nil {
		t.Fatal(err)
	}
	b := testBinding()
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	b.Query = func(context.Context, string) ([]engine.Column, [][]any, error) {
		return []engine.Column{{Name: "id", Type: "INTEGER"}, {Name: "name", Type: "VARCHAR"}, {Name: "amount", Type: "DOUBLE"}, {Name: "day", Type: "DATE"}, {Name: "ok", Type: "BOOLEAN"}},
			[][]any{{int64(1), "ann", 1234.5, day(2024, 1, 2), true}, {int64(2), nil, -0.125, nil, false}, {int64(3), "bob", nil, day(2023, 5, 6), nil}, {int64(2), "zoe", 7.0, day(2024, 1, 2), true}}, nil
	}
	return g, b
}

func TestAgate(t *testing.T) {
	var said strings.Builder
	g, b := agateTable(t, &said)
	for _, c := range agateCases {
		said.Reset()
		r, err := g.RenderText(context.Background(), "{% set t = run_query('q') %}"+c.template+"!", b)
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		if got := strings.TrimSuffix(strings.TrimSuffix(r.SQL, "!"), "\n"); got != c.want || said.String() != c.printed {
			t.Errorf("%s:\n%s%s\nwant\n%s%s", c.template, said.String(), got, c.printed, c.want)
		}
	}
}

// TestAgateErrors: what the table cannot do is never nothing.
func TestAgateErrors(t *testing.T) {
	g, b := agateTable(t, new(strings.Builder))
	for text, want := range map[string]string{
		"{{ t.select('nme') }}":             "the result has no column 'nme'; did you mean 'name'?",
		"{{ t.order_by('nme') }}":           "the result has no column 'nme'",
		"{{ t.group_by('id') }}":            "group_by of a query's result is not there: let the query do it",
		"{{ t.print_csv() }}":               "print_csv of a query's result is not there",
		"{{ t.distinct(['id', 'ok']) }}":    "distinct takes one column",
		"{{ t.rename(['a']) }}":             "rename has 1 name for 5 columns",
		"{{ t.rename(slug_columns=true) }}": "rename takes column_names here",
		"{{ t.print_table(max_rows='x') }}": "max_rows must be a number or none, not 'x'",
		"{{ t.print_table(output=1) }}":     "it takes no output and no locale",
		"{{ t.rows.dict() }}":               "the rows of a table have no names",
		"{{ t.where('id') }}":               "'str' object is not callable",
	} {
		_, err := g.RenderText(context.Background(), "{% set t = run_query('q') %}"+text, b)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	mixed := newTable([]engine.Column{{Name: "x"}}, [][]any{{int64(1)}, {"a"}}, nil)
	if err := sortBy(mixed.all().Slice(), func(v jinja.Value) (jinja.Value, error) { i, _, err := v.(*series).Index(int64(0)); return i, err }, false); err == nil {
		t.Error("a number and a text have an order")
	}
}
