package runner_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"warehouse/runner"
)

// How many rounds the random tests make: WAREHOUSE_ROUNDS, or few. Whatever one
// finds comes again with its seed in WAREHOUSE_SEED.
func rounds(t *testing.T, few int) (int, *rand.Rand) {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("WAREHOUSE_ROUNDS")); err == nil {
		few = n
	}
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("WAREHOUSE_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("WAREHOUSE_SEED=%d", seed)
	return few, rand.New(rand.NewPCG(seed, 0))
}

// values are some of each type, with those that are easily taken for others.
var values = map[string][]string{
	"BOOLEAN":                              {"true", "false"},
	"TINYINT":                              {"1", "-128", "0", "10"},
	"SMALLINT":                             {"1", "0", "10", "-32768"},
	"INTEGER":                              {"1", "0", "10", "2147483647", "16777217"},
	"BIGINT":                               {"1", "0", "-1", "10", "9007199254740993", "9223372036854775807"},
	"HUGEINT":                              {"1", "10", "-170141183460469231731687303715884105728", "9007199254740993"},
	"UTINYINT":                             {"1", "0", "255"},
	"USMALLINT":                            {"1", "0", "65535"},
	"UINTEGER":                             {"1", "10", "4294967295"},
	"UBIGINT":                              {"1", "0", "18446744073709551615", "9007199254740993"},
	"UHUGEINT":                             {"1", "340282366920938463463374607431768211455"},
	"BIGNUM":                               {"1", "10", "-5", "123456789012345678901234567890123456789012345"},
	"FLOAT":                                {"0.1", "0", "'-0.0'", "'nan'", "'inf'", "16777216", "10"},
	"DOUBLE":                               {"0.1", "0.5", "'-0.0'", "0", "'nan'", "'-nan'", "'inf'", "'-inf'", "1e300", "9007199254740992", "10"},
	"DECIMAL(4,1)":                         {"0.1", "10", "-0.5", "0"},
	"DECIMAL(18,3)":                        {"0.1", "10.000", "0.125", "-0.5"},
	"DECIMAL(38,10)":                       {"0.1", "10", "1234567890123456789012345678.0123456789"},
	"VARCHAR":                              {"''", "' '", "'a'", "'A'", "'ä'", "'a' || chr(776)", "'1'", "'NULL'", "'it''s \"x\"'", "'a' || chr(0) || 'b'", "'a' || chr(10)"},
	"BLOB":                                 {"''", "'a'", "'\\x00'", "'\\xFF'"},
	"BIT":                                  {"'0'", "'00'", "'1'", "'01'"},
	"DATE":                                 {"'2026-01-01'", "'infinity'", "'-infinity'", "'0044-03-15 (BC)'"},
	"TIME":                                 {"'00:00'", "'24:00:00'", "'12:00:00.5'"},
	"TIME_NS":                              {"'00:00'", "'12:00:00.5'", "'12:00:00.500000001'"},
	"TIME WITH TIME ZONE":                  {"'12:00:00+00'", "'14:00:00+02'", "'12:00:00+01'"},
	"TIMESTAMP":                            {"'2026-01-01'", "'2026-01-01 12:00:00.000001'", "'infinity'"},
	"TIMESTAMP_S":                          {"'2026-01-01'", "'2026-01-01 12:00:01'"},
	"TIMESTAMP_MS":                         {"'2026-01-01'", "'2026-01-01 12:00:00.001'"},
	"TIMESTAMP_NS":                         {"'2026-01-01'", "'2026-01-01 12:00:00.000000001'"},
	"TIMESTAMP WITH TIME ZONE":             {"'2026-01-01 00:00:00+00'", "'2026-01-01 02:00:00+02'", "'2026-03-29 02:30:00+01'"},
	"INTERVAL":                             {"'1 month'", "'30 days'", "'720 hours'", "'1 day'", "'0 days'"},
	"UUID":                                 {"'0190a000-0000-7000-8000-000000000001'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"},
	"ENUM('a', 'b', 'it''s]', '(')":        {"'a'", "'b'", "'it''s]'", "'('"},
	"ENUM('b', 'c', 'a')":                  {"'a'", "'b'", "'c'"},
	"INTEGER[]":                            {"[]", "[1]", "[1, NULL]", "[NULL]", "[2, 1]"},
	"BIGINT[]":                             {"[]", "[1]", "[1, NULL]", "[NULL]"},
	"DOUBLE[]":                             {"['nan'::DOUBLE]", "['-0.0'::DOUBLE]", "[0::DOUBLE]", "[NULL]"},
	"INTEGER[2]":                           {"[1, 2]", "[1, NULL]", "[NULL, NULL]"},
	"INTEGER[][]":                          {"[[1], []]", "[[1]]", "[NULL]"},
	"STRUCT(a INTEGER, \"B, (b\" VARCHAR)": {"{'a': 1, 'B, (b': 'x'}", "{'a': NULL, 'B, (b': NULL}", "{'a': 1, 'B, (b': NULL}"},
	"STRUCT(a BIGINT, \"B, (b\" VARCHAR)":  {"{'a': 1, 'B, (b': 'x'}", "{'a': NULL, 'B, (b': NULL}", "{'a': 5000000000, 'B, (b': NULL}"},
	"MAP(VARCHAR, INTEGER)":                {"MAP {}", "MAP {'a': 1}", "MAP {'a': NULL}", "MAP {'b': 1, 'a': 1}", "MAP {'a': 1, 'b': 1}"},
	"MAP(VARCHAR, BIGINT)":                 {"MAP {}", "MAP {'a': 1}", "MAP {'a': NULL}"},
	"UNION(num INTEGER, str VARCHAR)":      {"1", "'1'::VARCHAR", "'x'::VARCHAR", "union_value(num := 2)"},
	"JSON":                                 {"'1'", "'1.0'", "'{\"a\": 1}'", "'null'", "'[]'"},
	"STRUCT(l STRUCT(k MAP(INTEGER, DOUBLE)[])[], t TIMESTAMP)": {"{'l': [{'k': [MAP {1: 'nan'::DOUBLE}]}], 't': NULL}", "{'l': [{'k': [MAP {1: 0::DOUBLE}]}], 't': '2026-01-01'}", "{'l': [], 't': NULL}"},
}

// retyped are pairs of types, and how a person compares them.
var retyped = []struct{ a, b, as string }{
	{"TINYINT", "SMALLINT", "SMALLINT"}, {"INTEGER", "BIGINT", "BIGINT"}, {"UTINYINT", "TINYINT", "SMALLINT"}, {"UBIGINT", "BIGINT", "HUGEINT"}, {"HUGEINT", "INTEGER", "HUGEINT"},
	{"UHUGEINT", "UBIGINT", "UHUGEINT"}, {"BIGNUM", "BIGINT", "BIGNUM"}, {"BOOLEAN", "INTEGER", "INTEGER"}, {"UINTEGER", "INTEGER", "BIGINT"},
	{"DECIMAL(4,1)", "DECIMAL(18,3)", "DECIMAL(18,3)"}, {"DECIMAL(18,3)", "INTEGER", "DECIMAL(18,3)"}, {"DECIMAL(4,1)", "BIGINT", "DECIMAL(30,1)"},
	{"FLOAT", "DOUBLE", "DOUBLE"}, {"INTEGER", "DOUBLE", "DOUBLE"}, {"USMALLINT", "FLOAT", "DOUBLE"}, {"DATE", "TIMESTAMP", "TIMESTAMP"}, {"TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP"},
	{"INTEGER", "VARCHAR", "VARCHAR"}, {"VARCHAR", "BLOB", "VARCHAR"}, {"UUID", "VARCHAR", "VARCHAR"}, {"ENUM('a', 'b', 'it''s]', '(')", "ENUM('b', 'c', 'a')", "VARCHAR"}, {"ENUM('b', 'c', 'a')", "VARCHAR", "VARCHAR"},
	{"INTEGER[]", "BIGINT[]", "BIGINT[]"}, {"INTEGER[2]", "BIGINT[]", "BIGINT[]"}, {"MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, BIGINT)", "MAP(VARCHAR, BIGINT)"},
	{"STRUCT(a INTEGER, \"B, (b\" VARCHAR)", "STRUCT(a BIGINT, \"B, (b\" VARCHAR)", "STRUCT(a BIGINT, \"B, (b\" VARCHAR)"}, {"JSON", "VARCHAR", "VARCHAR"}, {"TIME", "TIME_NS", "VARCHAR"}, {"INTERVAL", "VARCHAR", "VARCHAR"},
}

// odd are names of columns that are legal and easily broken.
var odd = []string{"id", "key", "select", "Order", "a b", "a.b", `a"b`, "it's", "ä", "Ä2", "seq", "here", "in_a", "a1", "b0", "ka0", "t", "m", "a", "b", "e1", "na", "key.value", "日本", "x;--", "{x}", "left", "row", "1", "%s", strings.Repeat("long", 30)}

// pair is one column of both runs.
type pair struct{ name, a, b, as string }

func someType(rng *rand.Rand) string {
	return slices.Sorted(maps.Keys(values))[rng.IntN(len(values))]
}

func somePair(rng *rand.Rand, name string) pair {
	if rng.IntN(4) == 0 {
		r := retyped[rng.IntN(len(retyped))]
		if rng.IntN(2) == 0 {
			r.a, r.b = r.b, r.a
		}
		return pair{name, r.a, r.b, r.as}
	}
	t := someType(rng)
	return pair{name, t, t, t}
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// someRows is the SQL of a model with up to 30 rows.
func someRows(rng *rand.Rand, columns []pair, keys int, nullKeys bool, of func(pair) string) string {
	var rows []string
	for range rng.IntN(30) {
		var row []string
		for i, c := range columns {
			v := values[of(c)][rng.IntN(len(values[of(c)]))]
			if (i >= keys || nullKeys) && rng.IntN(5) == 0 {
				v = "NULL"
			}
			row = append(row, fmt.Sprintf("CAST(%s AS %s) AS %s", v, of(c), quoted(c.name)))
		}
		rows = append(rows, "SELECT "+strings.Join(row, ", "))
	}
	distinct := ""
	if keys > 0 {
		var names []string
		for _, c := range columns[:keys] {
			names = append(names, quoted(c.name))
		}
		distinct = "DISTINCT ON (" + strings.Join(names, ", ") + ") "
	}
	if len(rows) == 0 {
		var row []string
		for _, c := range columns {
			row = append(row, fmt.Sprintf("CAST(NULL AS %s) AS %s", of(c), quoted(c.name)))
		}
		return "{% raw %}SELECT " + strings.Join(row, ", ") + " WHERE false{% endraw %}"
	}
	return "{% raw %}SELECT " + distinct + "* FROM (\n" + strings.Join(rows, "\nUNION ALL\n") + "\n){% endraw %}"
}

// byHand is a query for what summary says of a mart, as one writes it by hand
// over the views of two tags.
func byHand(mart string, columns []pair, keys int) string {
	var on, differ, bag []string
	sums := ""
	for i, c := range columns {
		name := quoted(c.name)
		x, y := fmt.Sprintf("CAST(x.%s AS %s)", name, c.as), fmt.Sprintf("CAST(y.%s AS %s)", name, c.as)
		bag = append(bag, fmt.Sprintf("CAST(%s AS %s)", name, c.as))
		if i < keys {
			on = append(on, x+" IS NOT DISTINCT FROM "+y)
			continue
		}
		differ = append(differ, x+" IS DISTINCT FROM "+y)
		sums += fmt.Sprintf(" || (SELECT CASE WHEN count(*) > 0 THEN ' [%d]=' || count(*) ELSE '' END FROM j WHERE xh AND yh AND d%d)", i, i-keys)
	}
	if keys == 0 {
		list := strings.Join(bag, ", ")
		return fmt.Sprintf(`WITH a AS (SELECT %[2]s FROM ta.%[1]s), b AS (SELECT %[2]s FROM tb.%[1]s)
SELECT (SELECT count(*) FROM a) || ' ' || (SELECT count(*) FROM b) || ' +' || (SELECT count(*) FROM (FROM b EXCEPT ALL FROM a)) || ' -' || (SELECT count(*) FROM (FROM a EXCEPT ALL FROM b))
  || ' ~0 =' || (SELECT count(*) FROM (FROM a INTERSECT ALL FROM b))`, quoted(mart), list)
	}
	any, list := "false", ""
	if len(differ) > 0 {
		any = strings.Join(differ, " OR ")
	}
	for i, d := range differ {
		list += fmt.Sprintf(", %s AS d%d", d, i)
	}
	return fmt.Sprintf(`WITH j AS (SELECT x.xh, y.yh, (%[3]s) AS d%[4]s
FROM (SELECT true AS xh, * FROM ta.%[1]s) AS x FULL JOIN (SELECT true AS yh, * FROM tb.%[1]s) AS y ON %[2]s)
SELECT (SELECT count(*) FROM ta.%[1]s) || ' ' || (SELECT count(*) FROM tb.%[1]s) || ' +' || count(*) FILTER (xh IS NULL) || ' -' || count(*) FILTER (yh IS NULL)
  || ' ~' || count(*) FILTER (xh AND yh AND d) || ' =' || count(*) FILTER (xh AND yh AND NOT d)%[5]s FROM j`, quoted(mart), strings.Join(on, " AND "), any, list, sums)
}

// counted is a mart's result in the words of byHand.
func counted(m runner.MartDiff, columns []pair) string {
	if m.Refused != nil {
		return "refused: " + m.Refused.Error()
	}
	out := fmt.Sprintf("%d %d +%d -%d ~%d =%d", m.RowsA, m.RowsB, m.Added, m.Removed, m.Changed, m.Unchanged)
	for i, c := range columns {
		for _, r := range m.Columns {
			if r.Name == c.name && r.Changed > 0 {
				out += fmt.Sprintf(" [%d]=%d", i, r.Changed)
			}
		}
	}
	return out
}

// TestDiffRandomTypes holds every count of a diff to SQL written by hand: tables
// of any types and names, retyped columns, keys of any type.
func TestDiffRandomTypes(t *testing.T) {
	n, rng := rounds(t, 50)
	const marts = 25
	for n > 0 {
		s := newShop(t, "")
		var columns [marts][]pair
		var keys [marts]int
		yml := "-- models/schema.yml --\nversion: 2\nmodels:\n"
		var files [2]string
		count := min(n, marts)
		for i := range count {
			names := slices.Clone(odd)
			rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			for j := range 1 + rng.IntN(6) {
				columns[i] = append(columns[i], somePair(rng, names[j]))
			}
			keys[i] = rng.IntN(min(3, len(columns[i])+1))
			nulls := keys[i] > 0 && rng.IntN(2) == 0
			if keys[i] > 0 {
				var list []string
				for _, c := range columns[i][:keys[i]] {
					list = append(list, strconv.Quote(c.name))
				}
				kind := "primary_key"
				if nulls {
					kind = "materialized: incremental, on_schema_change: append_new_columns, unique_key"
				}
				yml += fmt.Sprintf("  - {name: m%d, config: {%s: [%s]}}\n", i, kind, strings.Join(list, ", "))
			}
			files[0] += fmt.Sprintf("-- models/m%d.sql --\n%s\n", i, someRows(rng, columns[i], keys[i], nulls, func(p pair) string { return p.a }))
			files[1] += fmt.Sprintf("-- models/m%d.sql --\n%s\n", i, someRows(rng, columns[i], keys[i], nulls, func(p pair) string { return p.b }))
		}
		s.write(yml + files[0])
		s.build(runner.BuildOptions{})
		s.write(files[1])
		s.build(runner.BuildOptions{FullRefresh: true})
		for _, tag := range []string{"ta r1", "tb r2"} {
			name, spec, _ := strings.Cut(tag, " ")
			if _, err := s.open().Tag(t.Context(), spec, name, runner.TagOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		byName := map[string]runner.MartDiff{}
		for _, m := range s.diff(runner.DiffOptions{Limit: 3}).Marts {
			byName[m.Mart] = m
		}
		var hand []string
		for i := range count {
			hand = append(hand, fmt.Sprintf("SELECT %d AS i, (%s)", i, byHand(fmt.Sprintf("m%d", i), columns[i], keys[i])))
		}
		for i, want := range strings.Split(s.query(strings.Join(hand, "\nUNION ALL\n")+"\nORDER BY i", ""), "\n") {
			m := byName[fmt.Sprintf("m%d", i)]
			if got := fmt.Sprintf("%d %s", i, counted(m, columns[i])); got != want {
				t.Errorf("%+v, %d of the key:\n got %s %v\nhand %s", columns[i], keys[i], got, m.Notes, want)
			}
		}
		n -= count
	}
}
