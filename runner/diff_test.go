package runner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/diff"
	"warehouse/runner/engine"
)

// twoRuns builds one model per case, as a and then as b, each a run.
type twoRuns struct {
	name, key, a, b string
	want            string // rows a and b, added, removed, changed, unchanged, by rounding; then changed columns, then schema
}

// Every want that is not about a rule of ours was checked with a FULL JOIN on
// IS NOT DISTINCT FROM, or EXCEPT ALL both ways, in DuckDB 1.5.6.
var twoRunCases = []twoRuns{
	{"equal", "id", "select 1 id, 2 v", "select 1 id, 2 v", "1 1 +0 -0 ~0 =1"},
	{"a value", "id", "select 1 id, 2 v", "select 1 id, 3 v", "1 1 +0 -0 ~1 =0 v=1"},
	{"other rows", "id", "from range(5) t(id)", "from range(2, 9) t(id)", "5 7 +4 -2 ~0 =3"},
	{"empty before", "id", "select 1 id where false", "select 1 id", "0 1 +1 -0 ~0 =0"},
	{"empty after", "id", "select 1 id", "select 1 id where false", "1 0 +0 -1 ~0 =0"},
	{"key alone", "id", "select 1 id", "select 2 id", "1 1 +1 -1 ~0 =0"},
	{"float key", "id", "from (values ('nan'::double), (0.0)) t(id)", "from (values ('-0.0'::double), ('nan'), (1)) t(id)", "2 3 +1 -0 ~0 =2"},
	{"text key with quotes", "the key", `select 'it''s' "the key", 1 v`, `select 'it''s' "the key", 2 v`, "1 1 +0 -0 ~1 =0 v=1"},
	{"composite key", "a,b", "from (values ('ab', 'c', 1), ('a', 'bc', 2)) t(a, b, v)", "from (values ('ab', 'c', 1), ('a', 'bc', 3)) t(a, b, v)", "2 2 +0 -0 ~1 =1 v=1"},
	{"null flips", "id", "from (values (1, null, 1), (2, 1, 1), (3, null, null)) t(id, v, w)", "from (values (1, 1, 1), (2, null, 1), (3, null, null)) t(id, v, w)", "3 3 +0 -0 ~2 =1 v=2"},
	{"a row of nulls is a row", "id", "from (values (1, null::int)) t(id, v)", "from (values (2, null::int)) t(id, v)", "1 1 +1 -1 ~0 =0"},
	{"floats", "id", "from (values (1, '-0.0'::double), (2, 'nan'), (3, 'inf'), (4, 'nan')) t(id, v)", "from (values (1, '0.0'::double), (2, 'nan'), (3, '-inf'), (4, null)) t(id, v)", "4 4 +0 -0 ~2 =2 v=2"},
	{"one bit", "id", "select 1 id, 0.1::double + 0.2::double v", "select 1 id, 0.3::double v", "1 1 +0 -0 ~1 =0 rounding=1 v=1"},
	{"one bit and a text", "id", "select 1 id, 0.1::double + 0.2::double v, 'a' s", "select 1 id, 0.3::double v, 'b' s", "1 1 +0 -0 ~1 =0 s=1 v=1"},
	{"more than rounding", "id", "select 1 id, 1::double v", "select 1 id, 1.00001::double v", "1 1 +0 -0 ~1 =0 v=1"},
	{"infinity is no rounding", "id", "select 1 id, 1e300::double v", "select 1 id, 'inf'::double v", "1 1 +0 -0 ~1 =0 v=1"},
	{"timestamps with a zone", "id", "select 1 id, timestamptz '2026-07-01 12:00:00+00' v", "select 1 id, timestamptz '2026-07-01 14:00:00+02' v", "1 1 +0 -0 ~0 =1"},
	{"json is text", "id", `select 1 id, '{"a": 1}'::json v`, `select 1 id, '{"a":1}'::json v`, "1 1 +0 -0 ~1 =0 v=1"},
	{"nested", "id", "from (values (1, [{'a': '-0.0'::double}]), (2, [{'a': 1.0::double}]), (3, [])) t(id, v)", "from (values (1, [{'a': '0.0'::double}]), (2, [{'a': 2.0::double}]), (3, [null])) t(id, v)", "3 3 +0 -0 ~2 =1 v=2"},
	{"other case", "ID", `select 1 "ID", 2 "Amount"`, "select 1 id, 2 amount", "1 1 +0 -0 ~0 =1"},
	{"columns come and go", "id", "select 1 id, 2 v, 3 was", "select 1 id, 3 v, 4 now_", "1 1 +0 -0 ~1 =0 v=1 schema +now_ -was"},
	{"another order", "id", "select 1 id, 2 v, 3 w", "select 3 w, 2 v, 1 id", "1 1 +0 -0 ~0 =1"},
	{"nothing but the key", "id", "select 1 id, 2 v", "select 1 id, 2 w", "1 1 +0 -0 ~0 =1 schema +w -v"},

	{"bag", "", "from (values ('x'), ('x'), ('x'), ('y')) t(v)", "from (values ('x'), ('x'), ('y'), ('z')) t(v)", "4 4 +1 -1 ~0 =3"},
	{"bag with nulls", "", "from (values (null, 1), (null, 1), ('nan'::double, 2)) t(v, w)", "from (values (null, 1), ('nan'::double, 2)) t(v, w)", "3 2 +0 -1 ~0 =2"},
	{"bag, retyped", "", "select 1::int v", "select 1::bigint v", "1 1 +0 -0 ~0 =1 schema ~v"},
	{"bag, another column", "", "from (values (1, 1), (1, 2)) t(v, w)", "from (values (1), (1)) t(v)", "2 2 +0 -0 ~0 =2 schema -w"},
	{"nothing in common", "", "select 1 v", "select 1 w", "1 1 +1 -1 ~0 =0 schema +w -v"},

	{"int to bigint", "id", "select 1 id, 1::int v", "select 1::bigint id, 1::bigint v", "1 1 +0 -0 ~0 =1 schema ~id ~v"},
	{"ubigint to bigint", "id", "from (values (1, 1::ubigint), (2, 18446744073709551615)) t(id, v)", "from (values (1, 1::bigint), (2, -1)) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"uhugeint to hugeint", "id", "select 1 id, 340282366920938463463374607431768211455::uhugeint v", "select 1 id, -1::hugeint v", "1 1 +0 -0 ~1 =0 v=1 schema ~v"},
	{"bigint to double", "id", "from (values (1, 10::bigint), (2, 9007199254740993), (3, 0), (4, null)) t(id, v)",
		"from (values (1, 10::double), (2, 9007199254740992), (3, '-0.0'), (4, 'nan')) t(id, v)", "4 4 +0 -0 ~2 =2 rounding=1 v=2 schema ~v"},
	{"int to float", "id", "from (values (1, 16777217), (2, 5)) t(id, v)", "from (values (1, 16777216::float), (2, 5)) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"float to double", "id", "from (values (1, 0.1::float), (2, 0.5)) t(id, v)", "from (values (1, 0.1::double), (2, 0.5)) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"decimal scales", "id", "from (values (1, 1.0::decimal(10,1)), (2, 2.5)) t(id, v)", "from (values (1, 1.00::decimal(10,2)), (2, 2.55)) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"decimals that no decimal holds", "id", "from (values (1, 0.5::decimal(38,38)), (2, 0), (3, 0.1)) t(id, v)",
		"from (values (1, 0.5::decimal(38,3)), (2, 0), (3, 12345678901234567890123456789012345)) t(id, v)", "3 3 +0 -0 ~1 =2 v=1 schema ~v"},
	{"hugeint to decimal", "id", "from (values (1, 100::hugeint), (2, 7)) t(id, v)", "from (values (1, 100.00::decimal(38,2)), (2, 7.01)) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"decimal to double", "id", "from (values (1, 0.10::decimal(30,20)), (2, 0.1), (3, 100), (4, 0.0000001), (5, 0.12345678901234567890)) t(id, v)",
		"from (values (1, 0.1::double), (2, 0.1::double + 1e-17::double + 2e-17::double), (3, 100), (4, 1e-7), (5, 0.12345678901234568)) t(id, v)", "5 5 +0 -0 ~2 =3 rounding=2 v=2 schema ~v"},
	{"boolean to int", "id", "from (values (1, true), (2, false), (3, true)) t(id, v)", "from (values (1, 1), (2, 0), (3, 2)) t(id, v)", "3 3 +0 -0 ~1 =2 v=1 schema ~v"},
	{"text to number", "id", "from (values (1, 'Lima'), (2, '47'), (3, '047')) t(id, v)", "from (values (1, 51), (2, 47), (3, 47)) t(id, v)", "3 3 +0 -0 ~2 =1 v=2 schema ~v"},
	{"text key to number", "id", "from (values ('1', 5), ('x', 6)) t(id, v)", "from (values (1, 5), (2, 6)) t(id, v)", "2 2 +1 -1 ~0 =1 schema ~id"},
	{"date to timestamp", "id", "from (values (1, date '2026-01-01'), (2, date '2026-01-01')) t(id, v)", "from (values (1, timestamp '2026-01-01'), (2, timestamp '2026-01-01 00:00:01')) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"timestamp to nanoseconds", "id", "from (values (1, timestamp '2026-01-01 00:00:00.5'), (2, timestamp '9999-12-31')) t(id, v)",
		"from (values (1, timestamp_ns '2026-01-01 00:00:00.5'), (2, timestamp_ns '2026-01-01 00:00:00.000000001')) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"timestamp to one with a zone", "id", "from (values (1, timestamp '2026-01-01 12:00'), (2, timestamp '2026-01-01 12:00')) t(id, v)",
		"from (values (1, timestamptz '2026-01-01 12:00:00+00'), (2, timestamptz '2026-01-01 12:00:00+02')) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"uuid to text", "id", "select 1 id, '0190A000-0000-7000-8000-000000000001'::uuid v", "select 1 id, '0190a000-0000-7000-8000-000000000001' v", "1 1 +0 -0 ~0 =1 schema ~v"},
	{"enums", "id", "select 1 id, 'a'::enum('a', 'b') v", "select 1 id, 'a'::enum('x', 'a') v", "1 1 +0 -0 ~0 =1 schema ~v"},
	{"lists of other numbers", "id", "from (values (1, [1, null]), (2, [9007199254740993])) t(id, v)", "from (values (1, [1::double, null]), (2, [9007199254740992::double])) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"array to list", "id", "select 1 id, [1, 2]::int[2] v", "select 1 id, [1, 2]::bigint[] v", "1 1 +0 -0 ~0 =1 schema ~v"},
	{"structs", "id", "from (values (1, {'a': 1, 'B b': [[1.0]]}), (2, null)) t(id, v)", "from (values (1, {'b b': [[1.00]], 'a': 1::bigint}), (2, {'b b': null, 'a': null})) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"structs with another field", "id", "select 1 id, {'a': 1} v", "select 1 id, {'a': 1, 'b': null::int} v", "1 1 +0 -0 ~1 =0 v=1 schema ~v"},
	{"maps", "id", "from (values (1, map {'k': 1}), (2, map {'k': 1})) t(id, v)", "from (values (1, map {'k': 1::bigint}), (2, map {'k': 2::bigint})) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"floats in lists", "id", "from (values (1, ['nan'::double, '-0.0', null]), (2, ['nan'::double]), (3, [1.0::double])) t(id, v)",
		"from (values (1, ['nan'::double, '0.0', null]), (2, [null::double]), (3, [1.0::double + 1e-15])) t(id, v)", "3 3 +0 -0 ~2 =1 v=2"},
	{"floats in structs and maps", "id", "from (values (1, {'a': 'nan'::double}, map {'k': '-0.0'::double}), (2, {'a': 'nan'::double}, map {'k': 'nan'::double})) t(id, s, m)",
		"from (values (1, {'a': 'nan'::double}, map {'k': '0.0'::double}), (2, {'a': 'inf'::double}, map {'k': 'nan'::double})) t(id, s, m)", "2 2 +0 -0 ~1 =1 s=1"},
	{"floats in lists, retyped", "id", "from (values (1, ['nan'::float, '-0.0']), (2, ['nan'::float])) t(id, v)",
		"from (values (1, ['nan'::double, '0.0']), (2, ['inf'::double])) t(id, v)", "2 2 +0 -0 ~1 =1 v=1 schema ~v"},
	{"nested keys", "id", "from (values ({'a': ['nan'::double]}, 1), ({'a': [null::double]}, 2)) t(id, v)",
		"from (values ({'a': ['nan'::double]}, 1), ({'a': [null::double]}, 3)) t(id, v)", "2 2 +0 -0 ~1 =1 v=1"},
	{"bag of nested floats", "", "from (values (['-0.0'::double]), (['nan'::double])) t(v)", "from (values (['0.0'::double]), (['nan'::double])) t(v)", "2 2 +0 -0 ~0 =2"},
	{"int to bigint, beyond 2^53", "id", "from (values (1, 2147483647::int)) t(id, v)", "from (values (1, 9007199254740993::bigint)) t(id, v)", "1 1 +0 -0 ~1 =0 v=1 schema ~v"},
	{"double to bigint, beyond 2^53", "id", "from (values (1, 9007199254740992::double), (2, 1e15)) t(id, v)",
		"from (values (1, 9007199254740993::bigint), (2, 1000000000000000)) t(id, v)", "2 2 +0 -0 ~1 =1 rounding=1 v=1 schema ~v"},
	{"unique_key, of which NULL is a value", "?id,k", "from (values (1, null, 1), (null, 2, 1), (null, null, 1)) t(id, k, v)",
		"from (values (1, null, 2), (null, 2, 1), (null, null, 3)) t(id, k, v)", "3 3 +0 -0 ~2 =1 v=2"},
	{"a column named as a variable of ours", "", "select map {'k': 1} m, [{'a': 1}] l, 1 e1, 2 e2", "select map {'k': 1::bigint} m, [{'a': 2::bigint}] l, 1 e1, 2 e2", "1 1 +1 -1 ~0 =0 schema ~m ~l"},
	{"list to text", "id", "select 1 id, [1, 2] v", "select 1 id, '[1, 2]' v", "1 1 +0 -0 ~0 =1 schema ~v"},
}

func TestDiffTwoRuns(t *testing.T) {
	s := buildTwo(t, twoRunCases)
	rep := s.diff(runner.DiffOptions{Limit: 3})
	got := map[string]runner.MartDiff{}
	for _, m := range rep.Marts {
		got[m.Mart] = m
	}
	for i, c := range twoRunCases {
		m := got[fmt.Sprintf("m%d", i)]
		if text := summary(m); text != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, text, c.want)
		}
		for _, col := range m.Columns {
			if col.Changed > 0 && len(m.Samples) == 0 {
				t.Errorf("%s: no sample of %s", c.name, col.Name)
			}
		}
	}
}

// buildTwo makes a project of one model per case and builds it twice.
func buildTwo(t *testing.T, cases []twoRuns) *shop {
	t.Helper()
	var yml, first, second strings.Builder
	yml.WriteString("-- models/schema.yml --\nversion: 2\nmodels:\n")
	for i, c := range cases {
		if c.key != "" {
			config, key := "primary_key", c.key
			if unique, ok := strings.CutPrefix(c.key, "?"); ok {
				config, key = "materialized: incremental, unique_key", unique
			}
			var keys []string
			for _, k := range strings.Split(key, ",") {
				keys = append(keys, fmt.Sprintf("%q", k))
			}
			fmt.Fprintf(&yml, "  - {name: m%d, config: {%s: [%s]}}\n", i, config, strings.Join(keys, ", "))
		}
		fmt.Fprintf(&first, "-- models/m%d.sql --\n%s\n", i, c.a)
		fmt.Fprintf(&second, "-- models/m%d.sql --\n%s\n", i, c.b)
	}
	s := newShop(t, yml.String()+first.String())
	s.build(runner.BuildOptions{})
	s.write(second.String())
	s.build(runner.BuildOptions{})
	return s
}

func (s *shop) diff(o runner.DiffOptions) *runner.DiffReport {
	s.t.Helper()
	rep, err := s.open().Diff(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	return rep
}

// summary is a mart's result on one line.
func summary(m runner.MartDiff) string {
	if m.Refused != nil {
		return "refused: " + m.Refused.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d +%d -%d ~%d =%d", m.RowsA, m.RowsB, m.Added, m.Removed, m.Changed, m.Unchanged)
	if m.RoundingOnly > 0 {
		fmt.Fprintf(&b, " rounding=%d", m.RoundingOnly)
	}
	var changed []string
	for _, c := range m.Columns {
		if c.Changed > 0 {
			changed = append(changed, fmt.Sprintf(" %s=%d", strings.ToLower(c.Name), c.Changed))
		}
	}
	slices.Sort(changed)
	b.WriteString(strings.Join(changed, ""))
	var schema []string
	for _, c := range m.ColumnsAdded {
		schema = append(schema, " +"+c)
	}
	for _, c := range m.ColumnsRemoved {
		schema = append(schema, " -"+c)
	}
	for _, c := range m.ColumnsRetyped {
		schema = append(schema, " ~"+strings.ToLower(c.Name))
	}
	if len(schema) > 0 {
		b.WriteString(" schema" + strings.Join(schema, ""))
	}
	return b.String()
}

// TestDiffRandom holds counts against a count in Go, over rows with few
// different keys and values.
func TestDiffRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	values := []string{"NULL", "'nan'::double", "0::double", "'-0.0'::double", "1::double", "'inf'::double"}
	class := []int{0, 1, 2, 2, 3, 4} // equal values have one class
	type row struct{ v, w int }
	var cases []twoRuns
	for range 12 {
		table := func() (string, map[int]row) {
			rows, sql := map[int]row{}, []string{}
			for k := range 40 {
				if rng.IntN(4) > 0 {
					r := row{rng.IntN(6), rng.IntN(6)}
					rows[k] = r
					sql = append(sql, fmt.Sprintf("(%d, %s, %s)", k, values[r.v], values[r.w]))
				}
			}
			return "from (values " + strings.Join(sql, ", ") + ") t(id, v, w)", rows
		}
		a, ra := table()
		b, rb := table()
		var added, removed, changed, same, v, w int
		for k, x := range ra {
			y, ok := rb[k]
			dv, dw := class[x.v] != class[y.v], class[x.w] != class[y.w]
			switch {
			case !ok:
				removed++
				continue
			case dv || dw:
				changed++
			default:
				same++
			}
			if dv {
				v++
			}
			if dw {
				w++
			}
		}
		for k := range rb {
			if _, ok := ra[k]; !ok {
				added++
			}
		}
		cases = append(cases, twoRuns{key: "id", a: a, b: b,
			want: fmt.Sprintf("%d %d +%d -%d ~%d =%d v=%d w=%d", len(ra), len(rb), added, removed, changed, same, v, w)})
		counts := map[[3]int]int{}
		for k, x := range ra {
			counts[[3]int{k, class[x.v], class[x.w]}]--
		}
		for k, y := range rb {
			counts[[3]int{k, class[y.v], class[y.w]}]++
		}
		plus, minus := 0, 0
		for _, n := range counts {
			plus, minus = plus+max(n, 0), minus+max(-n, 0)
		}
		cases = append(cases, twoRuns{a: a, b: b, want: fmt.Sprintf("%d %d +%d -%d ~0 =%d", len(ra), len(rb), plus, minus, len(ra)-minus)})
	}
	s := buildTwo(t, cases)
	got := map[string]string{}
	for _, m := range s.diff(runner.DiffOptions{}).Marts {
		got[m.Mart] = summary(m)
	}
	for i, c := range cases {
		if g := got[fmt.Sprintf("m%d", i)]; g != c.want {
			t.Errorf("case %d:\n got %s\nwant %s", i, g, c.want)
		}
	}
}

const prices = `-- models/schema.yml --
version: 2
models:
  - {name: price, config: {primary_key: [id]}}
-- models/price.sql --
select * from (values (1, 10.0, 'a', 1), (2, 20.0, 'b', 2), (3, 30.0, 'c', 3), (4, null, 'd', 4)) t(id, price, name, n)
-- models/other.sql --
select 'x' as word
`

func TestDiffOptions(t *testing.T) {
	s := newShop(t, prices)
	s.build(runner.BuildOptions{})
	s.write(`-- models/price.sql --
select * from (values (1, 10.01, 'a', 1), (2, 25.0, 'B', 2), (3, 30.0, 'c', 3), (5, 50.0, 'e', 4)) t(id, price, name, n)
-- models/other.sql --
select 'y' as word
`)
	s.build(runner.BuildOptions{})
	for _, c := range []struct {
		name string
		o    runner.DiffOptions
		want string
	}{
		{"all", runner.DiffOptions{}, "4 4 +1 -1 ~2 =1 name=1 price=2 schema ~price"},
		{"absolute", runner.DiffOptions{Tolerance: &diff.Tolerance{Absolute: 0.02}}, "4 4 +1 -1 ~1 =2 name=1 price=1 schema ~price"},
		{"relative", runner.DiffOptions{Tolerance: &diff.Tolerance{Relative: 0.2}}, "4 4 +1 -1 ~1 =2 name=1 schema ~price"},
		{"of a column", runner.DiffOptions{ByColumn: map[string]diff.Tolerance{"price": {Absolute: 5}}}, "4 4 +1 -1 ~1 =2 name=1 schema ~price"},
		{"of another", runner.DiffOptions{ByColumn: map[string]diff.Tolerance{"n": {Absolute: 5}}}, "4 4 +1 -1 ~2 =1 name=1 price=2 schema ~price"},
		{"where", runner.DiffOptions{Where: "price < 15 or name = 'c' -- no more", Select: []string{"price"}}, "2 2 +0 -0 ~1 =1 price=1 schema ~price"},
		{"columns", runner.DiffOptions{Columns: []string{"NAME"}}, "4 4 +1 -1 ~1 =2 name=1"},
	} {
		rep := s.diff(c.o)
		var got string
		for _, m := range rep.Marts {
			if m.Mart == "price" {
				got = summary(m)
			}
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	rep := s.diff(runner.DiffOptions{Where: "price < 15"})
	for _, m := range rep.Marts {
		if (m.Refused != nil) != (m.Mart == "other") {
			t.Errorf("a condition that fits one mart: %s %v", m.Mart, m.Refused)
		}
	}
	for _, c := range []struct{ o runner.DiffOptions }{
		{runner.DiffOptions{Where: "nothing = 1"}}, {runner.DiffOptions{Columns: []string{"prize"}}}, {runner.DiffOptions{Where: "1 = 1; drop table price"}},
		{runner.DiffOptions{Where: "1 = 1) or (true"}}, {runner.DiffOptions{Where: "true) union all select (1"}}, {runner.DiffOptions{Where: "'"}},
		{runner.DiffOptions{Where: "/*"}}, {runner.DiffOptions{Where: "-- x"}}, {runner.DiffOptions{Where: "(true"}}, {runner.DiffOptions{Where: "id = ?"}},
		{runner.DiffOptions{Where: "count(*) > 1"}}, {runner.DiffOptions{A: "r9"}}, {runner.DiffOptions{Select: []string{"prise"}}},
	} {
		if _, err := s.open().Diff(t.Context(), c.o); err == nil {
			t.Errorf("%+v: no error", c.o)
		}
	}
}

func TestDiffShows(t *testing.T) {
	s := newShop(t, prices)
	s.build(runner.BuildOptions{})
	s.write(`-- models/price.sql --
select * from (values (1, 10.5, 'a', 1), (2, 99.0, 'b', 2), (3, 29.0, 'c', 3), (5, 50.0, 'e', 4)) t(id, price, name, n)
`)
	s.build(runner.BuildOptions{})
	m := s.diff(runner.DiffOptions{Limit: 2, Select: []string{"pri*"}}).Marts[0]
	var got strings.Builder
	text := func(v *string) string {
		if v == nil {
			return "NULL"
		}
		return *v
	}
	for _, c := range m.Columns {
		for _, mv := range c.Movers {
			fmt.Fprintf(&got, "%s %s: %s %s %s\n", c.Name, text(mv.Key[0]), mv.Old, mv.New, mv.Delta)
		}
	}
	for _, sample := range m.Samples {
		fmt.Fprintf(&got, "%s %s:", sample.Kind, text(sample.Key[0]))
		for _, c := range sample.Cells {
			fmt.Fprintf(&got, " %s %s %s", c.Column, text(c.Old), text(c.New))
		}
		got.WriteByte('\n')
	}
	want := `price 2: 20.0 99.0 79.0
price 3: 30.0 29.0 -1.0
removed 4: price NULL NULL name d NULL n 4 NULL
added 5: price NULL 50.0 name NULL e n NULL 4
changed 1: price 10.0 10.5
changed 2: price 20.0 99.0
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

// A key that is declared later may not hold for older runs.
func TestDiffKeyDeclaredLater(t *testing.T) {
	s := newShop(t, "-- models/m.sql --\nselect * from (values (1, 'a'), (1, 'b')) t(id, v)\n-- models/n.sql --\nselect * from (values (1, 'a'), (2, 'b')) t(id, v)\n")
	s.build(runner.BuildOptions{})
	s.write(`-- models/m.sql --
select * from (values (1, 'a'), (2, 'b')) t(id, v)
-- models/n.sql --
select * from (values (1, 'a'), (2, 'c')) t(id, v)
-- models/schema.yml --
version: 2
models: [{name: m, config: {primary_key: [id]}}, {name: n, config: {primary_key: [id]}}]
`)
	s.build(runner.BuildOptions{})
	rep := s.diff(runner.DiffOptions{})
	if got := summary(rep.Marts[0]); got != "2 2 +1 -1 ~0 =1" || len(rep.Marts[0].Key) != 0 || !strings.Contains(strings.Join(rep.Marts[0].Notes, " "), "r1 has rows with one key") {
		t.Errorf("m: %s, key %v, notes %q", got, rep.Marts[0].Key, rep.Marts[0].Notes)
	}
	if got := summary(rep.Marts[1]); got != "2 2 +0 -0 ~1 =1 v=1" || len(rep.Marts[1].Notes) != 0 {
		t.Errorf("n: %s, notes %q", got, rep.Marts[1].Notes)
	}
}

func TestDiffWhy(t *testing.T) {
	s := newShop(t, `-- models/sources.yml --
version: 2
sources: [{name: raw, schema: main, tables: [{name: events}]}]
-- models/a.sql --
select 1 as id, {{ var('n', 0) }} as n
-- models/reads_a.sql --
select * from {{ ref('a') }}
-- models/v.sql --
{{ config(materialized='view') }}
select * from {{ ref('a') }}
-- models/reads_v.sql --
select n + 1 as n from {{ ref('v') }}
-- models/chance.sql --
select random() as x
-- models/prints_run.sql --
select '{{ run_id }}' as x
-- models/prints_time.sql --
select '{{ run_started_at }}' as x
-- models/clock.sql --
select current_timestamp as "now", 'random()' as s -- random()
-- models/quiet.sql --
select 1 as x
-- models/macro.sql --
select {{ f() }} as x
-- macros/f.sql --
{% macro f() %}1{% endmacro %}
`)
	s.write("-- models/file.sql --\nselect * from '" + s.dir + "/data.csv'\n-- data.csv --\nx\n1\n" +
		"-- models/file_view.sql --\n{{ config(materialized='view') }} select * from read_csv('" + s.dir + "/data.csv')\n" +
		"-- models/reads_file_view.sql --\nselect * from {{ ref('file_view') }}\n")
	s.build(runner.BuildOptions{})
	s.write("-- data.csv --\nx\n2\n-- macros/f.sql --\n{% macro f() %}2{% endmacro %}\n")
	s.vars = map[string]any{"n": 9}
	s.build(runner.BuildOptions{})
	var got strings.Builder
	for _, m := range s.diff(runner.DiffOptions{}).Marts {
		for _, w := range m.Why {
			fmt.Fprintf(&got, "%s: %s: %s\n", m.Mart, w.Kind, strings.ReplaceAll(w.Text, s.dir, "DIR"))
		}
	}
	want := `a: sql: its SQL changed
a: vars: variables changed: n: not given -> 9
chance: not deterministic: random() gives another value each time
clock: not deterministic: current_timestamp gives another value each time
file: outside: reads 'DIR/data.csv', whose rows are outside history
macro: sql: its SQL changed
macro: vars: variables changed: n: not given -> 9
prints_run: run: its SQL prints the run id or the time of the run
prints_time: run: its SQL prints the run id or the time of the run
reads_a: input: reads a, which differs (r1 -> r2)
reads_file_view: outside: reads read_csv('DIR/data.csv'), whose rows are outside history, through the view file_view
reads_v: input: reads a, which differs (r1 -> r2), through the view v
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

func TestDiffModelsAndViews(t *testing.T) {
	s := newShop(t, "-- models/kept.sql --\nselect 1 as x\n-- models/gone.sql --\nselect 1 as x\n-- models/turns.sql --\nselect 1 as x\n-- models/w.sql --\n{{ config(materialized='view') }}\nselect 1 as x\n")
	s.build(runner.BuildOptions{})
	s.remove("models/gone.sql")
	s.write("-- models/fresh.sql --\nselect 1 as x\n-- models/turns.sql --\n{{ config(materialized='view') }}\nselect 1 as x\n-- models/w.sql --\n{{ config(materialized='view') }}\nselect 2 as x\n")
	s.build(runner.BuildOptions{})
	rep := s.diff(runner.DiffOptions{})
	var got []string
	for _, m := range rep.Marts {
		got = append(got, m.Mart+" "+summary(m))
	}
	for _, v := range rep.Views {
		got = append(got, v.Name+" "+v.Change)
	}
	want := "fresh 0 1 +1 -0 ~0 =0|gone 1 0 +0 -1 ~0 =0|kept 1 1 +0 -0 ~0 =1|turns refused: it is a view in r2, which has no rows of its own|w sql"
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if !rep.Different() || s.diff(runner.DiffOptions{A: "latest"}).Different() {
		t.Error("Different is wrong")
	}
}

func TestDiffIsCancelled(t *testing.T) {
	s := newShop(t, prices)
	s.build(runner.BuildOptions{})
	s.build(runner.BuildOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.open().Diff(ctx, runner.DiffOptions{}); err == nil {
		t.Error("no error")
	}
}

// Runs with equal checksums are not read, whatever key they were given since.
func TestDiffOfEqualRunsReadsNoRow(t *testing.T) {
	s := newShop(t, "\n-- models/a.sql --\nselect i as id, i % 7 as g, 'x' || i as name from range(100) t(i)\n")
	s.build(runner.BuildOptions{})
	s.write("-- models/schema.yml --\nversion: 2\nmodels: [{name: a, config: {primary_key: [id]}}]\n")
	s.build(runner.BuildOptions{})
	var read []string
	s.change = func(c *runner.Config) {
		c.Statement = func(q engine.Statement) {
			if strings.Contains(q.SQL, `"main"."a"`) {
				read = append(read, q.SQL)
			}
		}
	}
	rep := s.diff(runner.DiffOptions{})
	if got := summary(rep.Marts[0]); got != "100 100 +0 -0 ~0 =100" || strings.Join(rep.Marts[0].Key, " ") != "id" {
		t.Errorf("%s, key %v", got, rep.Marts[0].Key)
	}
	if len(read) > 0 {
		t.Errorf("rows were read:\n%s", strings.Join(read, "\n"))
	}
}
