package sqltext

import (
	"strings"
	"testing"
)

// What is found is marked.
func TestLintEngines(t *testing.T) {
	for _, marked := range []string{
		"select a ‹/› b from t",
		"select 1.0 ‹/› 3, t.a ‹/› 2, (a + b) ‹/› count(*)",
		"select 1e0 / 3, a / 1E0, cast(a as double) / b, a / cast(b as double), try_cast(a as double precision) / 2",
		"select 2 * cast(a as double) / b / c, sqrt(a) / 2, sum(cast(a as double)) / 3, a / nullif(cast(b as double), 0)",
		"select cast(a as bigint) ‹/› b, cast(a ‹/› b as double)",
		"select '1/2', \"a/b\" -- 1/2\n /* 1/2 */ from t",
		"select 0xE ‹/› 2",
		"select ‹concat›(a, b), ‹GREATEST›(a, b), ‹least› (a, b), concat_ws(',', a), a || b, t.concat, concat",
		"select ‹day_of_week›(d), extract(‹dow› from d), extract(day from d), dow from t",
		"select ‹date_diff›('month', a, b), date_trunc('month', a), ‹regexp_replace›(a, 'x', 'y'), replace(a, 'x', 'y')",
		") ‹/› select ( ‹/› cast(",
	} {
		sql := strings.NewReplacer("‹", "", "›", "").Replace(marked)
		got, last := "", 0
		for _, f := range LintEngines(sql) {
			got += sql[last:f.Start] + "‹" + sql[f.Start:f.End] + "›"
			last = f.End
		}
		if got += sql[last:]; got != marked {
			t.Errorf("found %s\nwant  %s", got, marked)
		}
	}
}

func FuzzLintEngines(f *testing.F) {
	f.Add("select ((a)) / (b.c) / cast(")
	f.Fuzz(func(t *testing.T, sql string) {
		for _, found := range LintEngines(sql) {
			if found.Start < 0 || found.End > len(sql) || found.Start >= found.End {
				t.Fatalf("%+v", found)
			}
		}
	})
}
