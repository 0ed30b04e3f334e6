package sqltext

import (
	"strings"
	"testing"
)

func TestLintText(t *testing.T) {
	o := LintOptions{Catalog: "warehouse", Schema: "main", Tables: []Partitioned{{Model: "a", Schema: "main", Table: "a", RunColumn: "run_id"}}}
	for _, marked := range []string{
		"select * from ‹a›",
		"select * from x, ‹main.a› t join y on true",
		"select * from x as q, y, ‹a›",
		"select * from x join ‹\"a\"› on x.a = 1",
		"create table t as select * from ‹warehouse.main.a›",
		"pivot ‹a› on k using sum(v)",
		"select * from a where run_id = 'x'",
		"select * from a where 'x' = a.run_id",
		"select * from memory.run__ref.a",
		"select * from latest.a",
		"select a, a from x order by a, a",
		"select x from y where k in (1, 2) and a = 1",
		"with a as materialized (select 1) select * from a",
		"select 'from a' -- from a",
		"",
	} {
		sql := strings.NewReplacer("‹", "", "›", "").Replace(marked)
		got := sql
		found := LintText(sql, o)
		for i := len(found) - 1; i >= 0; i-- {
			f := found[i]
			got = got[:f.Start] + "‹" + got[f.Start:f.End] + "›" + got[f.End:]
		}
		if got != marked {
			t.Errorf(" got %s\nwant %s", got, marked)
		}
	}
}

func TestLintDamagedTree(t *testing.T) {
	for _, tree := range []string{"", "[]", "{", `{"statements": 3}`} {
		if _, err := Lint("select 1", []byte(tree), LintOptions{}); err == nil {
			t.Errorf("%q: no error", tree)
		}
	}
	for _, tree := range []string{"{}", `{"statements":[{"node":{"type":"SELECT_NODE","from_table":{"type":"BASE_TABLE","table_name":"a","query_location":1e19}}}]}`} {
		if _, err := Lint("select 1", []byte(tree), LintOptions{Schema: "main", Tables: []Partitioned{{Table: "a", Schema: "main"}}}); err != nil {
			t.Error(err)
		}
	}
}
